"""A signature in a URL opens what it names: it is refused where others can read it, and neither kept nor shown."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from anonymizer import cli
from anonymizer.errors import ConfigError
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.storage import open_root
from anonymizer.run.start.arguments import arguments_sha256
from jobs import evaluate_privacy, evaluate_utility
from tests.integration.runs import config, files, rows, run, write
from tests.pictures import photo

MARKER = "MaRkEr0123456789"
SIGNED = f"X-Amz-Credential={MARKER}%2F20260101&X-Amz-Signature={MARKER}"


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def send_head(self):
        if "denied" in self.path or MARKER not in self.path:
            self.send_error(403)
            return None
        return super().send_head()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A folder behind signed URLs."""
    write(tmp_path / "web", {"consent.csv": b"key,status\na.png,granted\n", "boxes.csv": b"key,x,y,w,h\n"})
    write(tmp_path / "web", {"broken.csv": b"key,status,key\n", "keys.csv": b"key\na.png\n", "evidence.json": b"{}"})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(tmp_path / "web"))) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    write(tmp_path / "in", {"a.png": photo(1), "b.png": photo(2)})
    return tmp_path


def main(lake: Path, *arguments: str, settings: str = "") -> int:
    (lake / "run.toml").write_text(f'detector.name = "patch"\nengine.workers = 1\n{settings}\n')
    return cli.main([*arguments, "--config", str(lake / "run.toml"), "--verbose"], {})


def nothing_is_told(lake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert MARKER not in "".join(capfd.readouterr())
    told = [key for key, data in files(lake).items() if MARKER.encode() in data]
    assert told == ["run.toml"] or not told


@pytest.mark.usefixtures("cluster")
def test_a_signed_registry_of_a_file_works_and_leaves_no_trace(lake, server, capfd):
    signed = f"{server}/consent.csv?{SIGNED}"
    assert main(lake, "run", str(lake / "in"), str(lake / "out"), settings=f'consent.registry = "{signed}"') == 0
    assert rows(lake / "out")["a.png"]["status"] == "retained"
    record = ManifestStore(open_root(str(lake / "out.manifest")))
    assert record.read_run(record.runs()[0])["settings"]["consent"]["registry"] == f"{server}/consent.csv?…"
    assert main(lake, "verify", str(lake / "out")) == 0
    assert main(lake, "report", str(lake / "out"), "--html", str(lake / "page.html")) == 0
    assert main(lake, "manifest", str(lake / "out.manifest"), "--public", str(lake / "public.parquet")) == 0
    nothing_is_told(lake, capfd)


@pytest.mark.parametrize(
    "setting",
    [
        'consent.registry = "{}/denied.csv?{}"',
        'consent.registry = "{}/broken.csv?{}"',
        'boxes.uri = "{}/denied.csv?{}"',
        'boxes.uri = "{}/a.manifest?{}"',
        'keys = "{}/denied.csv?{}"',
        'keys = "{}/absent/manifest.json?{}"',
        'manifest = "{}/m?{}"',
        'output = "{}/m?{}"\nin_place = true\ndiscard_originals = true',
        'max_failures = "{}/m?{}"',
        'limit = "{}/m?{}"',
        '"{}/m?{}" = 1',
        'detector.weights = "{}/denied.onnx?{}"',
        'storage.input = "{}/m?{}"',
        'storage.output.lock_path = "{}/m?{}"\nstorage.output.endpoint_url = "{}/m?{}"',
    ],
)
def test_no_error_tells_it(lake, server, capfd, setting):
    text = setting.format(server, SIGNED, server, SIGNED)
    detector = "yunet" if "weights" in text else "patch"
    (lake / "run.toml").write_text(f"{text}\n")
    place = [str(lake / "out")] if "in_place" not in text else []
    arguments = [str(lake / "in"), *place, "--detector", detector, "--config", str(lake / "run.toml"), "--verbose"]
    assert cli.main(["run", *arguments], {}) in (1, 2)
    nothing_is_told(lake, capfd)


def test_evidence_of_a_signed_url_is_refused_and_a_wrong_one_not_told(lake, server, capfd):
    assert main(lake, "report", str(lake / "out"), "--html", "p.html", "--evidence", f"{server}/e.json?q={MARKER}") == 2
    nothing_is_told(lake, capfd)


POSITIONS = [
    ["run", "{}", "out"],
    ["run", "in", "{}"],
    *(["run", "in", "out", option, "{}"] for option in ("--consent", "--boxes", "--weights", "--keys", "--manifest")),
    ["run", "in", "--in-place", "--originals", "{}"],
    ["run", "in", "out", "--config", "{}"],
    ["run", "in", "out", "--address", "{}"],
    ["run", "in", "out", "--manifest={}"],
    ["run", "in", "out", "--include", "{}"],
    ["run", "in", "out", "--method", "{}"],
    ["run", "in", "out", "--nonsense={}"],
    ["run", "in", "out", "{}"],
    ["run", "in", "out", "--set", "consent.registry={}"],
    ["run", "in", "out", "--set", "storage.input.endpoint_url={}"],
    ["run", "in", "out", "--set", "no.such={}"],
    ["{}"],
    ["verify", "{}"],
    *(["verify", "out", option, "{}"] for option in ("--manifest", "--weights", "--json", "--seed")),
    ["report", "{}", "--html", "p.html"],
    *(["report", "out", "--html", "p.html", option, "{}"] for option in ("--manifest", "--evidence")),
    ["report", "out", "--html", "{}"],
    ["preview", "{}", "--out", "p.png"],
    ["preview", "a.png", "--out", "{}"],
    ["manifest", "{}", "--public", "p.parquet"],
    ["manifest", "m", "--public", "{}"],
]


@pytest.mark.parametrize("position", POSITIONS, ids=" ".join)
@pytest.mark.parametrize(
    "uri", [f"https://host/a.csv?{SIGNED}", f"s3://ID:{MARKER}/x@bucket/a", f"https://{MARKER}@h/a"]
)
def test_refused_on_the_command_line(lake, monkeypatch, capsys, position, uri):
    monkeypatch.chdir(lake)
    before = files(lake)
    assert cli.main([part.format(uri) for part in position], {}) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.strip().splitlines())) == ("", 1)
    assert "which other users can read" in err
    assert MARKER not in err
    assert files(lake) == before


@pytest.mark.parametrize(
    "name",
    [
        "storage.input.client_kwargs.headers.Authorization",
        *("storage.output.secrets.x", "storage.put.SSECustomerKey"),
        *("storage.input.auth", "storage.manifest.session_token", "storage.input.cookies", "storage.input.passwd"),
    ],
)
def test_settings_that_are_secrets(lake, capsys, name):
    assert cli.main(["run", "in", "out", "--set", f"{name}={MARKER}"], {}) == 2
    err = capsys.readouterr().err
    assert "a secret on the command line" in err
    assert MARKER not in err


def test_the_other_jobs_refuse_it_too(capsys):
    uri = f"s3://ID:{MARKER}@bucket/a"
    assert evaluate_privacy.main([uri, "--labels", "l.csv"]) == 2
    assert evaluate_utility.main([uri], {}) == 2
    err = capsys.readouterr().err
    assert err.count("which other users can read") == 2
    assert MARKER not in err


@pytest.mark.parametrize("place", ["input", "output", "manifest"])
def test_what_rows_name_holds_no_signature(lake, place):
    given = {"input": str(lake / "in"), "output": str(lake / "out"), place: f"https://host/a?{SIGNED}"}
    with pytest.raises(ConfigError, match="a folder's URL cannot hold a secret") as caught:
        run(given["input"], given["output"], {"manifest": given.get("manifest")})
    assert MARKER not in str(caught.value)


def test_another_signature_is_the_same_run(lake):
    def digest(signature: str) -> str:
        settings = {"consent": {"registry": f"https://host/r.csv?sig={signature}"}}
        return arguments_sha256(config(lake / "in", lake / "out", settings))

    assert digest("a") == digest("b") != arguments_sha256(config(lake / "in", lake / "out"))


def test_what_an_older_version_wrote_down_is_not_shown(lake):
    manifest = ManifestStore(open_root(str(lake / "m")))
    manifest.objects.put("_runs/r1.json", f'{{"settings": {{"keys": "https://h/k?{SIGNED}"}}}}'.encode())
    assert MARKER not in str(manifest.read_run("r1"))
