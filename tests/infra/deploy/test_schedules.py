"""Launcher, policies and schedules: valid where a schema says so, and every command in them is one that we have."""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

from anonymizer import cli

DEPLOY = Path(__file__).parents[3] / "infra" / "deploy"


def understood(command: list[str]) -> str:
    """Parses a command line as the program would; gives the sub-command."""
    name = Path(command[0]).name
    assert name == "anonymizer"
    parsed = cli.parser().parse_args(command[1:])
    if parsed.command != "manifest":
        cli.settings(parsed)
    return str(parsed.command)


def test_the_cluster_launcher_takes_it():
    launcher = yaml.safe_load((DEPLOY / "ray/aws.yaml").read_text())
    schema = json.loads(files("ray.autoscaler").joinpath("ray-schema.json").read_text())
    jsonschema.validate(launcher, schema)
    assert launcher["head_node_type"] in launcher["available_node_types"]
    spot = launcher["available_node_types"]["spot"]
    assert spot["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert spot["max_workers"] == launcher["max_workers"]


def test_the_launcher_brings_the_token_that_ray_start_asks_for():
    launcher = yaml.safe_load((DEPLOY / "ray/aws.yaml").read_text())
    assert "--env RAY_AUTH_MODE=token" in launcher["docker"]["run_options"]
    assert launcher["file_mounts"] == {"/home/anonymizer/.ray/auth_token": "~/.ray/auth_token"}
    assert "ENV PATH=/opt/anonymizer/bin:$PATH HOME=/home/anonymizer " in (DEPLOY / "docker/Dockerfile").read_text()


def test_the_launchers_image_is_ours_with_what_the_launcher_needs():
    text = (DEPLOY / "ray/Dockerfile").read_text()
    lock = (DEPLOY.parents[1] / "requirements.lock").read_text()
    # boto3 of another version would pull up the lock's botocore.
    [boto3], [botocore] = re.findall(r"boto3==(\S+)", text), re.findall(r"^botocore==(\S+)", lock, re.MULTILINE)
    assert boto3 == botocore
    assert {"openssh-client", "rsync"} <= set(text.split())
    # The launcher runs `IMAGE bash`.
    assert "\nENTRYPOINT []\n" in text


def test_what_the_image_copies_is_there():
    lines = (DEPLOY / "docker/Dockerfile").read_text().splitlines()
    copied = [
        name for line in lines if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]
    ]
    assert copied
    assert [name for name in copied if not (DEPLOY.parents[1] / name).exists()] == []


#: What the storage layer sends, and the permission that each request needs.
NEEDED = {
    "source": {"s3:ListBucket", "s3:GetObject"},
    "output": {"s3:ListBucket", "s3:ListBucketVersions", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"}
    | {"s3:DeleteObjectVersion", "s3:AbortMultipartUpload"},
    "manifest": {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"},
    "auditor": {"s3:ListBucket", "s3:GetObject"},
    "in-place": {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"}
    | {"s3:DeleteObject", "s3:DeleteObjectVersion"},
}


@pytest.mark.parametrize("name", NEEDED)
def test_policies_allow_what_is_needed_and_nothing_else(name):
    policy = json.loads((DEPLOY / f"iam/{name}.json").read_text())
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert actions == NEEDED[name]
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        resources = statement["Resource"]
        for resource in resources if isinstance(resources, list) else [resources]:
            on_bucket = all(action.startswith("s3:ListBucket") for action in statement["Action"])
            assert on_bucket == ("/" not in resource)
            assert not re.search(r":::\*|:::photos-\w+/\*$", resource)


@pytest.mark.parametrize(("name", "days"), [("output", 1), ("in-place", 7)])
def test_older_versions_expire(name, days, s3_client, bucket):
    rules = json.loads((DEPLOY / f"iam/lifecycle-{name}.json").read_text())
    assert rules["Rules"][0]["NoncurrentVersionExpiration"] == {"NoncurrentDays": days}
    s3_client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=rules)


def unit(name: str) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read_string((DEPLOY / "schedule" / name).read_text())
    return parsed


@pytest.mark.parametrize(("name", "command"), [("anonymizer", "run"), ("anonymizer-verify", "verify")])
def test_the_services_run_commands_that_there_are_and_say_when_they_fail(name, command):
    service = unit(f"{name}.service")
    assert understood(shlex.split(service["Service"]["ExecStart"])) == command
    assert service["Service"]["Type"] == "oneshot"
    # No exit status but 0 counts as a good night.
    assert "SuccessExitStatus" not in service["Service"]
    assert service["Unit"]["OnFailure"] == "anonymizer-alert@%N.service"


def test_every_run_is_verified_and_a_night_is_made_up_for():
    assert "anonymizer-verify.service" in unit("anonymizer.service")["Unit"]["Wants"].split()
    assert unit("anonymizer-verify.service")["Unit"]["After"] == "anonymizer.service"
    assert unit("anonymizer.timer")["Timer"]["Persistent"] == "true"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_takes_the_units(tmp_path):
    for path in (DEPLOY / "schedule").glob("anonymizer*.*"):
        text = path.read_text().replace("/opt/anonymizer/bin/anonymizer", "/bin/true")
        (tmp_path / path.name).write_text(text)
    names = ["anonymizer.service", "anonymizer.timer", "anonymizer-verify.service", "anonymizer-alert@x.service"]
    command = ["systemd-analyze", "verify", *(f"./{name}" for name in names)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def programs(folder: Path, **texts: str) -> dict[str, str]:
    """Puts programs into a folder; gives an environment in which they come first."""
    for name, text in texts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def test_the_alert_names_the_exit_status(tmp_path):
    line = unit("anonymizer-alert@.service")["Service"]["ExecStart"]
    # What systemd makes of it: specifiers are filled in, `$$` is a dollar.
    line = line.replace("%i", "anonymizer").replace("%H", "here").replace("$$", "$")
    environ = programs(tmp_path, journalctl='echo "journal $*"', mail='printf "%s\\n" "$@"; cat')
    shown = subprocess.run(
        shlex.split(line), env={**environ, "MONITOR_EXIT_STATUS": "5"}, capture_output=True, text=True, check=True
    ).stdout
    assert "anonymizer on here: exit status 5\n" in shown
    assert "journal --unit=anonymizer.service --lines=60 --no-pager\n" in shown


def cron_lines() -> list[list[str]]:
    """The words of each line's command."""
    lines = (DEPLOY / "schedule/anonymizer.cron").read_text().splitlines()
    commands = [line.split(maxsplit=6)[6] for line in lines if re.match(r"\d", line)]
    # cron makes a line's end of a percent sign.
    assert all("%" not in command for command in commands)
    return [shlex.split(command) for command in commands]


def test_the_cron_lines_run_commands_that_there_are():
    for script, log, *command in cron_lines():
        assert Path(script).name == "nightly.sh"
        assert log.startswith("/var/lib/anonymizer/")
        assert understood(command) in ("run", "verify")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (1, "did not finish"),
        (2, "wrong usage, settings or registry"),
        (3, "more objects failed than --max-failures"),
        (4, "disagree"),
        (5, "URGENT"),
        (137, "did not finish"),
    ],
)
def test_cron_mails_what_an_exit_status_means(tmp_path, status, says):
    done = nightly(tmp_path, f"echo progress >&2; echo table; exit {status}")
    assert done.returncode == status
    first, *rest = done.stdout.splitlines()
    assert f"exit status {status}: " in first
    assert says in first
    assert rest[-2:] == ["progress", "table"]
    assert done.stderr == ""


def test_cron_mails_nothing_when_all_is_well_and_keeps_two_nights(tmp_path):
    for night in ("one", "two"):
        done = nightly(tmp_path, f"echo {night} >&2; umask")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    log = tmp_path / "state/run.log"
    # The mask is the caller's: it decides who may read the outputs.
    assert (log.read_text(), (tmp_path / "state/run.log.1").read_text()) == ("two\n0022\n", "one\n0022\n")
    assert log.stat().st_mode & 0o777 == 0o600


def nightly(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """What cron does with the script and a program that stands in for ours."""
    environ = programs(folder, anonymizer=program)
    command = [str(DEPLOY / "schedule/nightly.sh"), f"{folder}/state/run.log", "anonymizer", "run", "in", "out"]
    return subprocess.run(command, env=environ, umask=0o022, capture_output=True, text=True, check=False)


def test_the_dag_compiles_and_its_steps_are_commands_that_there_are():
    tree = ast.parse((DEPLOY / "schedule/airflow_dag.py").read_text())
    names = {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant)
    }
    steps = []
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "step":
            flat = [part for arg in call.args for part in _parts(arg)]
            steps.append([names[p.id] if isinstance(p, ast.Name) else ast.literal_eval(p) for p in flat])
    assert [understood(["anonymizer", *words]) for _, *words in steps] == ["run", "verify", "manifest"]
    assert [name for name, *_ in steps] == ["run", "verify", "publish"]


def test_the_dag_verifies_whatever_came_of_the_run_and_shows_a_run_that_failed():
    text = (DEPLOY / "schedule/airflow_dag.py").read_text()
    assert 'hours=4, when="all_done")' in text
    # A leaf that does not run after a failure: the leaves decide what a night counts as.
    assert "run >> [verify, publish]" in text


def test_an_alert_does_not_compare_what_may_not_be_there():
    rules = yaml.safe_load((DEPLOY / "monitoring/alerts.yaml").read_text())["groups"][0]["rules"]
    assert all("== 0" not in rule["expr"] for rule in rules)


def _parts(argument: ast.expr) -> list[ast.expr]:
    starred = isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Tuple)
    return argument.value.elts if starred else [argument]  # type: ignore[attr-defined]


def test_the_rayjobs_command_is_one_that_there_is():
    entrypoint = yaml.safe_load((DEPLOY / "kubernetes/rayjob.yaml").read_text())["spec"]["entrypoint"]
    assert understood(shlex.split(entrypoint)) == "run"
