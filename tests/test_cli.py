import pkgutil
import subprocess
import sys
from collections import Counter

import pytest

from anonymizer import __version__, cli
from anonymizer.cli import commands
from anonymizer.config import RunConfig
from anonymizer.errors import RunError
from anonymizer.run import driver
from anonymizer.run.summary import Summary


class Runs:
    """Stands in for `driver.run`."""

    def __init__(self) -> None:
        self.seen: list[tuple[RunConfig, bool]] = []
        self.answer: Summary | BaseException = Summary(run_id="r1", manifest_uri="out.manifest", exit_status=0)

    def __call__(self, config, progress, *, inside_job, names_secret, keys):
        assert keys is None
        assert (names_secret is None) == (config.names == "same")
        self.seen.append((config, inside_job))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture
def runs(monkeypatch):
    made = Runs()
    monkeypatch.setattr(driver, "run", made)
    return made


def main(*argv: str, **environ: str) -> int:
    return cli.main(argv, environ)


def test_arguments_become_settings(runs):
    argv = (
        "run in out --method solid --fill #ff00ff --detector haar --workers 3 --limit 5 --include *.jpg --include *.png"
        " --allow archive_unread,video_unread --allow table_unread"
    )
    assert main(*argv.split(), "--set", "engine.chunk_keys=8", "--as-of", "2026-01-01") == 0
    config, inside_job = runs.seen[0]
    assert (config.input, config.output, config.limit, config.as_of) == ("in", "out", 5, "2026-01-01")
    assert config.include == ("*.jpg", "*.png")
    assert config.allow == ("archive_unread", "video_unread", "table_unread")
    assert (config.redaction.method, config.redaction.fill) == ("solid", "#ff00ff")
    assert (config.detector.name, config.engine.workers, config.engine.chunk_keys) == ("haar", 3, 8)
    assert not inside_job


def test_detectors_and_boxes(runs):
    argv = "run in out --detector centerface,yunet --boxes first.manifest --set boxes.mode=replace"
    assert main(*argv.split()) == 0
    assert main("run", "in", "out", "--set", "detector.name=[haar, patch]") == 0
    (first, _), (second, _) = runs.seen
    assert (first.detector.name, first.boxes.uri, first.boxes.mode) == ("centerface,yunet", "first.manifest", "replace")
    assert (second.detector.name, second.boxes.uri, second.boxes.mode) == ("haar,patch", None, "add")


def test_a_file_yields_to_set_and_set_yields_to_options(runs, tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('[redaction]\nmethod = "blur"\ncells = 4\n[engine]\nworkers = 7\n[detector]\nname = "haar"\n')
    options = ["--set", "redaction.method=solid", "--set", "engine.workers=2", "--workers", "1"]
    assert main("run", "in", "out", "--config", str(file), *options) == 0
    config, _ = runs.seen[0]
    assert (config.redaction.method, config.redaction.cells) == ("solid", 4)
    assert (config.engine.workers, config.detector.name) == (1, "haar")


def test_a_submitted_job_is_recognised(runs):
    main("run", "/in", "/out", RAY_JOB_CONFIG_JSON_ENV_VAR="{}")
    assert runs.seen[0][1]


def test_the_cluster_of_the_environment_is_taken_unless_another_is_named(runs):
    main("run", "in", "out", RAY_ADDRESS="10.0.0.1:6379")
    main("run", "in", "out", "--address", "local", RAY_ADDRESS="10.0.0.1:6379")
    assert [config.engine.address for config, _ in runs.seen] == ["10.0.0.1:6379", "local"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "COMMAND"),
        (["walk"], "invalid choice"),
        (["run"], "INPUT"),
        (["run", "in"], "OUTPUT"),
        (["run", "in", "out", "--method", "smudge"], "--method"),
        (["run", "in", "out", "--nonsense"], "unrecognized"),
        (["run", "in", "out", "--detector", "eyes"], "detector.name must be one of centerface, yunet, haar, patch"),
        (["run", "in", "out", "--set", "boxes.mode=both"], "boxes.mode must be one of add, replace"),
        (["run", "in", "out", "--boxes", "s3://user:MARKER@host/b.csv"], "password"),
        (["run", "in", "out", "--set", "detector.min_score=2"], "detector.min_score"),
        (["run", "in", "out", "--config", "missing.toml"], "configuration"),
        (["run", "in", "out", "--limit", "few"], "limit must be a number"),
        (["run", "in", "out", "--set", "storage.input.secret=MARKER"], "a secret on the command line"),
        (["run", "in", "out", "--set", "storage.output.token=MARKER"], "a secret on the command line"),
        (["run", "in", "out", "--set", 'storage.input={"key": "MARKER"}'], "a secret on the command line"),
        (["run", "s3://user:MARKER@host/a", "out"], "password"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_status_2(runs, capsys, argv, said):
    assert main(*argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "MARKER" not in err
    assert len(err.strip().splitlines()) == 1
    assert runs.seen == []


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (RunError("the cluster is gone"), 1, "anonymizer: the cluster is gone"),
        (KeyboardInterrupt(), 1, "start it again with the same arguments"),
        (ValueError("MARKER"), 1, "unexpected ValueError"),
    ],
)
def test_what_goes_wrong_is_one_line(runs, capsys, raised, status, said):
    runs.answer = raised
    assert main("run", "in", "out") == status
    err = capsys.readouterr().err
    assert said in err
    assert "MARKER" not in err
    assert len(err.strip().splitlines()) == 1


def test_the_exit_status_is_that_of_the_run(runs, capsys):
    named = [(f"{i}.jpg", "decode_error") for i in range(10)]
    runs.answer = Summary(run_id="r1", exit_status=3, failures=named, statuses=Counter(failed=12))
    assert main("run", "in", "out") == 3
    out = capsys.readouterr().out
    assert "failed: 9.jpg (decode_error)" in out
    assert "failed: 2 more, see the manifest" in out


def test_help_and_version(capsys):
    for argv, said in ((["--version"], __version__), (["run", "--help"], "--max-failures"), (["--help"], "run")):
        with pytest.raises(SystemExit) as caught:
            main(*argv)
        assert caught.value.code == 0
        assert said in capsys.readouterr().out


def test_help_loads_nothing_heavy():
    """Neither the help nor the parser needs what takes seconds to import."""
    heavy = (
        "ray",
        "cv2",
        "pyarrow",
        "onnxruntime",
        "onnx",
        "numpy",
        "scipy",
        "fsspec",
        "s3fs",
        "jinja2",
        "tqdm",
        "PIL",
    )
    program = f"""
import sys
from anonymizer import cli
try:
    cli.main(["run", "--help"], {{}})
except SystemExit as ended:
    assert ended.code == 0
sys.exit(", ".join(name for name in {heavy!r} if name in sys.modules) or None)
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert ended.stderr.strip() == ""
    assert ended.returncode == 0
    assert "--max-failures" in ended.stdout


def test_every_module_of_commands_is_a_command():
    assert {command.name for command in commands.COMMANDS} == {m.name for m in pkgutil.iter_modules(commands.__path__)}
