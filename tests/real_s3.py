"""A real S3 in place of the fake one: `make test-s3` says where it is. It cannot be told to fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import boto3
import pytest

from tests.fake_s3 import ENVIRONMENT

ENDPOINT_VARIABLE = "ANONYMIZER_TEST_S3"
"""Environment variable with the URL of a store that may be emptied, and that takes the keys of `ENVIRONMENT`."""


@dataclass
class RealS3:
    """What the tests need of the fake server; what only that one can do skips the test."""

    endpoint_url: str

    @property
    def options(self) -> dict[str, Any]:
        return {"endpoint_url": self.endpoint_url}

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
        )

    def plant(self, bucket: str, key: str, data: bytes) -> None:
        client = self.client()
        client.put_object(Bucket=bucket, Key=key, Body=data)
        client.close()

    def reset(self) -> None:
        client = self.client()
        for bucket in client.list_buckets()["Buckets"]:
            self._empty(client, bucket["Name"])
            client.delete_bucket(Bucket=bucket["Name"])
        client.close()

    def _empty(self, client: Any, bucket: str) -> None:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for entry in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                client.delete_object(Bucket=bucket, Key=entry["Key"], VersionId=entry["VersionId"])

    def __getattr__(self, name: str) -> NoReturn:
        pytest.skip(f"a real store has no {name}")

    def __setattr__(self, name: str, value: object) -> None:
        if name == "ignore_conditions":
            pytest.skip("a real store cannot be told to ignore conditions")
        object.__setattr__(self, name, value)
