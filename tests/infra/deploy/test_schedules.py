"""Launcher, policies and schedules: valid where a schema says so, and every command in them is one that we have."""

from __future__ import annotations

import ast
import configparser
import json
import re
import shlex
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


#: What the storage layer sends, and the permission that each request needs.
NEEDED = {
    "source": {"s3:ListBucket", "s3:GetObject"},
    "output": {"s3:ListBucket", "s3:ListBucketVersions", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"}
    | {"s3:DeleteObjectVersion", "s3:AbortMultipartUpload"},
    "manifest": {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
    "auditor": {"s3:ListBucket", "s3:GetObject"},
    "in-place": {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"},
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


def test_the_service_runs_commands_that_there_are():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    text = (DEPLOY / "schedule/anonymizer.service").read_text()
    unit.read_string(text)
    commands = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    assert [understood(shlex.split(command)) for command in commands] == ["run", "verify"]
    assert unit["Service"]["Type"] == "oneshot"
    timer = configparser.ConfigParser(interpolation=None)
    timer.read_string((DEPLOY / "schedule/anonymizer.timer").read_text())
    assert timer["Timer"]["Persistent"] == "true"


def test_the_cron_line_runs_a_command_that_there_is():
    lines = (DEPLOY / "schedule/anonymizer.cron").read_text().splitlines()
    [line] = [line for line in lines if re.match(r"\d", line)]
    command = line.split(maxsplit=6)[6].partition(">>")[0]
    assert understood(shlex.split(command)) == "run"


def test_the_dag_compiles_and_its_steps_are_commands_that_there_are():
    tree = ast.parse((DEPLOY / "schedule/airflow_dag.py").read_text())
    names = {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    steps = []
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "step":
            flat = [part for arg in call.args for part in _parts(arg)]
            steps.append([names[p.id] if isinstance(p, ast.Name) else ast.literal_eval(p) for p in flat])
    assert [understood(["anonymizer", *words]) for _, *words in steps] == ["run", "verify", "manifest"]
    assert [name for name, *_ in steps] == ["run", "verify", "publish"]


def _parts(argument: ast.expr) -> list[ast.expr]:
    starred = isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Tuple)
    return argument.value.elts if starred else [argument]  # type: ignore[attr-defined]


def test_the_rayjobs_command_is_one_that_there_is():
    entrypoint = yaml.safe_load((DEPLOY / "kubernetes/rayjob.yaml").read_text())["spec"]["entrypoint"]
    assert understood(shlex.split(entrypoint)) == "run"
