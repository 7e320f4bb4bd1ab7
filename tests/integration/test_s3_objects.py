"""What a bucket may hold that no disk does: coded objects, archived ones, names with empty parts, folders' markers."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from anonymizer.audit import verify
from anonymizer.lake.storage import marked_id
from anonymizer.run import driver
from anonymizer.run.progress import LogProgress
from tests.fake_s3 import FakeS3
from tests.integration.runs import config, rows, run
from tests.pictures import photo

pytestmark = pytest.mark.usefixtures("cluster")

INPUT, OUTPUT = "s3://lake-in/photos", "s3://lake-out/run"
ODD = ["/a.png", "a//b.png", "a/b.png", "c//", "d/", "e///f.png"]
"""Names with empty parts, and one without for comparison."""


def put(client, key, data, **said):
    client.put_object(Bucket="lake-in", Key=f"photos/{key}", Body=data, **said)


def table(options):
    return rows(OUTPUT, options["storage"]["output"])


def published(client):
    listed = client.list_objects_v2(Bucket="lake-out", Prefix="run/").get("Contents", [])
    return [key for o in listed if marked_id(key := o["Key"].removeprefix("run/")) is None]


def findings(options):
    return dict(verify.verify(config(INPUT, OUTPUT, options)).findings)


def test_a_coded_picture_is_the_picture_that_it_stands_for(client, options):
    coded = {
        "gzip.png": ("gzip", gzip.compress(photo(1))),
        "br.png": ("br", pa.compress(photo(1), "brotli", asbytes=True)),
        "plain.png": ("", photo(1)),
        "mistaken.png": ("gzip", photo(1)),
        "chunked.png": ("aws-chunked", photo(1)),
        "page.html": ("gzip", gzip.compress(b"<p>text")),
        "unknown.png": ("compress", b"\x1f\x9d something"),
        "bomb.png": ("gzip", gzip.compress(bytes(3_000_000))),
    }
    for key, (coding, data) in coded.items():
        put(client, key, data, **({"ContentEncoding": coding} if coding else {}))
    settings = options | {"codec": {"max_bytes": 2_000_000}}
    summary = run(INPUT, OUTPUT, settings)
    assert summary.statuses == {"anonymized": 5, "skipped": 1, "failed": 2}
    assert summary.codes == {"not_an_image": 1, "content_encoding": 1, "too_large": 1}
    answers = {key: client.get_object(Bucket="lake-out", Key=f"run/{key}") for key in published(client)}
    assert len(answers) == 5
    assert not [key for key, answer in answers.items() if answer.get("ContentEncoding")]
    assert len({answer["Body"].read() for answer in answers.values()}) == 1
    found = table(options)
    assert {found[key]["source_sha256"] for key in answers} == {found["plain.png"]["source_sha256"]}
    # What stands in INPUT is known by its version, coded as it is.
    assert found["gzip.png"]["source_size"] == len(coded["gzip.png"][1])
    assert run(INPUT, OUTPUT, settings).unchanged == 8


def test_names_with_empty_parts_are_names(client, options, tmp_path):
    for number, key in enumerate(ODD):
        put(client, key, photo(number))
    put(client, "folder//", b"")
    registry = tmp_path / "registry.csv"
    registry.write_text("key,status\na//b.png,granted\n")
    consent = options | {"consent": {"registry": str(registry)}}
    assert run(INPUT, OUTPUT, consent).statuses == {"anonymized": 5, "retained": 1}
    assert published(client) == sorted(ODD)
    found = table(options)
    assert sorted(found) == sorted(ODD)
    assert [key for key, row in found.items() if row["status"] == "retained"] == ["a//b.png"]
    assert found["/a.png"]["output_uri"] == f"{OUTPUT}//a.png"
    assert findings(options) == {}
    assert run(INPUT, OUTPUT, consent).unchanged == 6
    # Whoever objects to a/b.png means a//b.png too: what is kept of it goes, and comes back without the face.
    registry.write_text("key,status\na//b.png,granted\na/b.png,withdrawn\n")
    keys = tmp_path / "keys.csv"
    keys.write_text("key,action\n/a.png,remove\nd/,redo\n")
    summary = run(INPUT, OUTPUT, consent | {"keys": str(keys)})
    assert summary.removed_requested == 1
    assert run(INPUT, OUTPUT, consent).exit_status == 0
    assert published(client) == sorted(set(ODD) - {"/a.png"})
    assert {row["status"] for row in table(options).values()} == {"anonymized", "removed"}
    pixels = [client.get_object(Bucket="lake-out", Key=f"run/{key}")["Body"].read() for key in ("a//b.png", "a/b.png")]
    assert pixels[0] != pixels[1]
    assert findings(options) == {}


def test_hashed_names_have_no_empty_parts(client, options, tmp_path):
    for number, key in enumerate(ODD):
        put(client, key, photo(number))
    disk = {"storage": {"input": options["storage"]["input"]}}
    for output, settings in ((OUTPUT, options), (tmp_path / "out", disk)):
        hashed = config(INPUT, output, settings | {"names": "hashed"})
        assert driver.run(hashed, LogProgress(), names_secret=b"k" * 32).statuses == {"anonymized": 6}
    assert len(set(published(client))) == 6
    assert not [key for key in published(client) if "//" in key]


def test_a_disk_cannot_hold_them_and_the_row_says_so(client, options, tmp_path):
    for number, key in enumerate(ODD):
        put(client, key, photo(number))
    put(client, "g//h.heic", photo(9))
    put(client, "g//h.heic.jpg", photo(9))
    settings = {"storage": {"input": options["storage"]["input"]}}
    for _ in range(2):
        summary = run(INPUT, tmp_path / "out", settings)
        assert summary.exit_status == 3
    found = rows(tmp_path / "out")
    assert {key: row["error_code"] for key, row in found.items()} == dict.fromkeys(
        [*ODD, "g//h.heic", "g//h.heic.jpg"], "name_not_held"
    ) | {"a/b.png": None}
    assert summary.unchanged == 8


def test_archived_objects_wait_and_keep_what_was_made_of_them(client, options, s3_server, tmp_path):
    if not isinstance(s3_server, FakeS3):
        pytest.skip("this store has no archive")
    put(client, "made.png", photo(1))
    put(client, "new.png", photo(2), StorageClass="DEEP_ARCHIVE")
    summary = run(INPUT, OUTPUT, options)
    assert (summary.exit_status, summary.codes) == (3, {"archived": 1})
    assert table(options)["new.png"]["retryable"]
    # A rule of the bucket puts the other one away, once it is done.
    put(client, "made.png", photo(1), StorageClass="GLACIER")
    s3_server.requests.clear()
    summary = run(INPUT, OUTPUT, options)
    assert (summary.unchanged, summary.codes, summary.statuses) == (1, {"archived": 1}, {"failed": 1})
    assert published(client) == ["made.png"]
    client.restore_object(Bucket="lake-in", Key="photos/new.png", RestoreRequest={"Days": 1})
    keys = tmp_path / "keys.csv"
    keys.write_text("key\nnew.png\n")
    # The fake store does not tell of restored copies in listings; a list of keys is looked up one by one.
    summary = run(INPUT, OUTPUT, options | {"keys": str(keys)})
    assert summary.statuses == {"anonymized": 1}
    assert published(client) == ["made.png", "new.png"]


def test_a_lost_picture_is_no_empty_file(client, options):
    for key, data in {"a.jpg": b"", "b.txt": b"", "c/": b"", "d": b"", "e.png": photo(1)}.items():
        put(client, key, data)
    put(client, "f.jpg", gzip.compress(b""), ContentEncoding="gzip")
    summary = run(INPUT, OUTPUT, options)
    assert {key: (row["status"], row["error_code"]) for key, row in table(options).items()} == {
        "a.jpg": ("failed", "empty"),
        "b.txt": ("skipped", "not_an_image"),
        "d": ("skipped", "not_an_image"),
        "e.png": ("anonymized", None),
        "f.jpg": ("failed", "empty"),
    }
    assert (summary.exit_status, summary.codes) == (3, {"empty": 2, "not_an_image": 2})
    put(client, "a.jpg", photo(2))
    assert run(INPUT, OUTPUT, options).statuses == {"anonymized": 1}


def test_in_place_a_coded_picture_becomes_a_plain_one(client, options):
    put(client, "a//b.png", gzip.compress(photo(1)), ContentEncoding="gzip")
    settings = options | {"in_place": True, "discard_originals": True}
    assert run(INPUT, "", settings | {"manifest": "s3://lake-out/m"}).statuses == {"anonymized": 1}
    answer = client.get_object(Bucket="lake-in", Key="photos/a//b.png")
    assert "ContentEncoding" not in answer
    shown = np.asarray(Image.open(io.BytesIO(answer["Body"].read())))
    assert shown.shape == (90, 120, 3)
    assert run(INPUT, "", settings | {"manifest": "s3://lake-out/m"}).unchanged == 1
