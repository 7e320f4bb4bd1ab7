"""Requests to S3: one client per root, made on first use, with retries that know what they repeat.

s3fs makes the client (its options are those that users know); requests go to that client one by one, so that
conditions, versions and errors are exactly those of the store. Retries are counted here and not in botocore: a
deadline is checked before each, and the caller learns that an earlier attempt may have succeeded unheard.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import fsspec.asyn
import s3fs

from anonymizer.errors import ConfigError
from anonymizer.lake.storage.access import Access
from anonymizer.lake.storage.faults import ANSWERS, ATTEMPTS, S3Fault, kind_of

_CONNECTIONS = 32
_READ_TIMEOUT_S = 60
_LONGEST_PAUSE_S = 5.0


def _always() -> None:
    """The permission of requests without a deadline."""


class S3Client:
    """Sends requests about one bucket; threads may share it."""

    def __init__(self, bucket: str, access: Access) -> None:
        self._access = access
        self._common = {"Bucket": bucket, **({"RequestPayer": "requester"} if access.request_payer else {})}
        self._fs: Any = None
        self._making = threading.Lock()

    def send(
        self, operation: str, parameters: dict[str, Any], check: Callable[[], None] = _always
    ) -> tuple[dict[str, Any], bytes]:
        """Sends one request and retries it while the failure may be temporary.

        Args:
            operation: Method of botocore's client.
            parameters: Its arguments, without the bucket.
            check: Called before each attempt; it raises to forbid it.

        Returns:
            The answer and, for `get_object`, the body.

        Raises:
            S3Fault: The request failed and a retry cannot help.
        ConfigError: The options of the filesystem are not understood.
        """
        for attempt in itertools.count(1):
            try:
                # Before the permission is asked for: making a client takes longer than any request.
                fs = self._filesystem()
                check()
                answer: tuple[dict[str, Any], bytes] = fsspec.asyn.sync(
                    fs.loop, _send, fs, operation, {**self._common, **parameters}
                )
            except ANSWERS as error:
                kind = kind_of(error)
                if attempt >= ATTEMPTS.get(kind, 1):
                    raise S3Fault(kind, attempt) from None
                # Jitter: workers that were slowed down together have to come back apart.
                pause_s = min(0.1 * 1.7**attempt, _LONGEST_PAUSE_S)
                time.sleep(random.uniform(0.5, 1) * pause_s)  # noqa: S311 - no secret
            else:
                return answer
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Closes the connections; the next request opens new ones."""
        with self._making:
            fs, self._fs = self._fs, None
        if fs is not None and fs._s3 is not None:
            fsspec.asyn.sync(fs.loop, fs._s3.close)

    def _filesystem(self) -> Any:
        with self._making:
            if self._fs is None:
                try:
                    fs = s3fs.S3FileSystem(**_options(self._access), skip_instance_cache=True)
                    fs.connect()
                except (TypeError, ValueError, KeyError):
                    raise ConfigError("the storage options are not understood by s3fs") from None
                self._fs = fs
            return self._fs


def _options(access: Access) -> dict[str, Any]:
    """The options of s3fs: ours, with the user's above them except for retries."""
    options = {"max_concurrency": 1, "use_listings_cache": False, **access.options}
    config = {
        "max_pool_connections": _CONNECTIONS,
        "read_timeout": _READ_TIMEOUT_S,
        **options.get("config_kwargs", {}),
        "retries": {"mode": "standard", "total_max_attempts": 1},
    }
    return {**options, "config_kwargs": config}


async def _send(fs: Any, operation: str, parameters: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    client = await fs.set_session()
    answer = await getattr(client, operation)(**parameters)
    if operation != "get_object":
        return answer, b""
    async with answer["Body"] as body:
        return answer, await body.read()
