"""The same job on a bucket: real HTTP, real s3fs, conditional writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from anonymizer.errors import ListingError, WrongOutput
from anonymizer.lake.storage import marked_id
from tests.integration.runs import files, rows, run, write
from tests.pictures import photo

pytestmark = pytest.mark.usefixtures("cluster")


# Everything that a store keeps beside an object's bytes and sends along with them.
SAID = {
    "ContentDisposition": "attachment; filename=MARKER.jpg",
    "CacheControl": "MARKER",
    "ContentLanguage": "x-MARKER",
    "Expires": datetime(2031, 2, 3, tzinfo=UTC),
    "Metadata": {"owner": "MARKER"},
}


def fill(client, contents):
    for key, data in contents.items():
        client.put_object(Bucket="lake-in", Key=f"photos/{key}", Body=data, Tagging="a=MARKER", **SAID)


def published(client):
    listed = client.list_objects_v2(Bucket="lake-out", Prefix="run/").get("Contents", [])
    photos = [o["Key"] for o in listed if marked_id(o["Key"].removeprefix("run/")) is None]
    return {key.removeprefix("run/"): client.get_object(Bucket="lake-out", Key=key) for key in photos}


def test_a_bucket_gives_the_same_bytes_as_a_folder(tmp_path, client, options):
    contents = {f"a b/{i:03}.png": photo(i) for i in range(20)} | {"ü.jpg": photo(30, image_format="JPEG")}
    contents |= {"notes.txt": b"text", "broken.png": b"\x89PNG\r\n\x1a\n rest"}
    fill(client, contents)
    local = run(write(tmp_path / "in", contents), tmp_path / "out")
    began = datetime.now(UTC).replace(microsecond=0)
    remote = run("s3://lake-in/photos", "s3://lake-out/run", options)
    assert (remote.exit_status, remote.statuses) == (local.exit_status, local.statuses)
    answers = published(client)
    assert {key: answer["Body"].read() for key, answer in answers.items()} == files(tmp_path / "out")
    table = rows("s3://lake-out/run", options["storage"]["output"])
    assert set(table) == set(contents)
    assert table["ü.jpg"]["output_uri"] == "s3://lake-out/run/ü.jpg"
    for key, answer in answers.items():
        assert answer["Metadata"] == {}
        assert not ({*SAID} - {"Metadata"}) & {*answer}
        assert answer.get("TagCount", 0) == 0
        assert began <= answer["LastModified"] <= datetime.now(UTC)
        assert answer["ContentType"] == ("image/jpeg" if key.endswith(".jpg") else "image/png")
        assert answer["ETag"].strip('"') == table[key]["output_etag"]


def test_no_secret_is_written_anywhere(client, options):
    fill(client, {"a.png": photo(1)})
    run("s3://lake-in/photos", "s3://lake-out/run", options)
    everything = b"".join(
        client.get_object(Bucket="lake-out", Key=o["Key"])["Body"].read()
        for o in client.list_objects_v2(Bucket="lake-out")["Contents"]
    )
    assert b"testing-secret" not in everything
    assert b"MARKER" not in everything
    record = next(o["Key"] for o in client.list_objects_v2(Bucket="lake-out", Prefix="run.manifest/_runs/")["Contents"])
    settings = json.loads(client.get_object(Bucket="lake-out", Key=record)["Body"].read())["settings"]
    assert settings["storage"]["input"] == sorted(options["storage"]["input"])


def test_a_second_run_writes_over_its_own_outputs_only(client, options):
    fill(client, {"a.png": photo(1), "b.png": photo(2)})
    client.put_object(Bucket="lake-out", Key="run/b.png", Body=b"somebody else's")
    with pytest.raises(WrongOutput, match="is not empty"):
        run("s3://lake-in/photos", "s3://lake-out/run", options)
    for _ in range(2):
        summary = run("s3://lake-in/photos", "s3://lake-out/run", options | {"adopt": "keep"})
        assert (summary.exit_status, summary.codes) == (3, {"output_taken": 1})
    answers = published(client)
    assert set(answers) == {"a.png", "b.png"}
    assert answers["b.png"]["Body"].read() == b"somebody else's"


def test_a_bucket_that_is_not_there_is_one_line(client, options):
    with pytest.raises(ListingError) as caught:
        run("s3://missing/photos", "s3://lake-out/run", options)
    assert "\n" not in str(caught.value)
    assert "testing" not in str(caught.value)
