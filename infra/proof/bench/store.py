"""Run a small S3 server on this machine with artificial latency, which can list synthetic keys without objects.

    python -m infra.proof.bench.store LATENCY_MS KEYS

Synthetic keys lie in folders of a thousand. `GET /-/requests` returns the number of requests by method. The server has
a single bucket, supports the requests that this software sends and conditional writes, and checks no signatures. It
runs in a process of its own, so that it does not block the measured process, and prints its port.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
import threading
import time
import urllib.request
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import takewhile
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
"""Environment variables that a process needs to use the server."""

_FOLDER = 1000
_LAST = "\U0010ffff"
"""Sorts after every name."""
_MODIFIED, _MODIFIED_HTTP = "2026-01-01T00:00:00.000Z", "Thu, 01 Jan 2026 00:00:00 GMT"


@dataclass
class Bucket:
    """Objects in memory, by name.

    Attributes:
        made_up: Number of synthetic keys, from `made-up/000000/000000000.jpg` on, that are listed too.
        latency_s: Delay before each response.
    """

    made_up: int
    latency_s: float
    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    requests: Counter[str] = field(default_factory=Counter)

    def put(self, name: str, data: bytes, if_match: str | None, if_none_match: str | None) -> str | None:
        """Stores an object and returns its new ETag; None if a condition does not hold."""
        etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        with self.lock:
            standing = self.objects.get(name)
            if (if_none_match and standing) or (if_match and (standing is None or standing[1] != if_match)):
                return None
            if standing is None:
                insort(self.names, name)
            self.objects[name] = (data, etag)
        return etag

    def delete(self, name: str) -> None:
        with self.lock:
            if self.objects.pop(name, None) is not None:
                self.names.remove(name)

    def page(self, prefix: str, after: str, count: int) -> list[tuple[str, int, str]]:
        """Name, size and ETag of up to `count` keys after `after`."""
        if prefix.startswith("made-up/"):
            first = _behind(after)
            return [(made_up(i), 1, '"0"') for i in range(first, min(first + count, self.made_up))]
        with self.lock:
            start = max(bisect_right(self.names, after), bisect_left(self.names, prefix))
            names = list(takewhile(lambda name: name.startswith(prefix), self.names[start : start + count]))
            return [(name, len(self.objects[name][0]), self.objects[name][1]) for name in names]


def made_up(index: int) -> str:
    """A synthetic key, which is listed but has no object."""
    return f"made-up/{index // _FOLDER:06d}/{index:09d}.jpg"


def _contents(listed: tuple[str, int, str]) -> str:
    name, size, etag = listed
    return (
        f"<Contents><Key>{escape(name)}</Key><LastModified>{_MODIFIED}</LastModified>"
        f"<ETag>{escape(etag)}</ETag><Size>{size}</Size></Contents>"
    )


def _behind(after: str) -> int:
    """Index of the first made-up key behind a name: one of them, a folder of them, or nothing."""
    if not after:
        return 0
    folder, _, name = after.removeprefix("made-up/").partition("/")
    if name == _LAST:
        return (int(folder) + 1) * _FOLDER
    return int(name[:9]) + 1 if name else int(folder) * _FOLDER


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    bucket: Bucket

    def _name(self) -> str:
        return unquote(urlsplit(self.path).path)[1:].partition("/")[2]

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code></Error>".encode(), Content_Type="application/xml")

    def _read(self) -> bytes:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.bucket.lock:
            self.bucket.requests[self.command] += 1
        time.sleep(self.bucket.latency_s)
        if "aws-chunked" in (self.headers.get("Content-Encoding") or ""):
            return _unchunked(data)
        return data

    def do_GET(self) -> None:
        if self.path == "/-/requests":
            self._answer(200, json.dumps(self.bucket.requests).encode())
            return
        self._read()
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        if "list-type" in query:
            self._list(query)
            return
        found = self.bucket.objects.get(self._name())
        if found is None:
            self._refuse(404, "NoSuchKey")
        elif self.headers.get("If-Match", found[1]) != found[1]:
            self._refuse(412, "PreconditionFailed")
        else:
            length = str(len(found[0]))
            self._answer(200, found[0], ETag=found[1], Last_Modified=_MODIFIED_HTTP, Content_Length=length)

    do_HEAD = do_GET  # noqa: N815 - the name that the base class looks for

    def do_PUT(self) -> None:
        data = self._read()
        etag = self.bucket.put(self._name(), data, self.headers.get("If-Match"), self.headers.get("If-None-Match"))
        if etag is None:
            self._refuse(412, "PreconditionFailed")
        else:
            self._answer(200, ETag=etag)

    def do_DELETE(self) -> None:
        self._read()
        self.bucket.delete(self._name())
        self._answer(204)

    def do_POST(self) -> None:
        for part in self._read().decode().split("<Key>")[1:]:
            self.bucket.delete(unescape(part.partition("</Key>")[0]))
        self._answer(200, b"<DeleteResult></DeleteResult>", Content_Type="application/xml")

    def _list(self, query: dict[str, str]) -> None:
        prefix = query.get("prefix", "")
        after = query.get("continuation-token") or query.get("start-after", "")
        count = int(query.get("max-keys", 1000))
        if query.get("delimiter"):
            self._list_folders(prefix, after, count)
            return
        page = self.bucket.page(prefix, after, count)
        more = len(page) == count
        self._answer_listing(map(_contents, page), page[-1][0] if more else "")

    def _answer_listing(self, entries: Iterable[str], token: str) -> None:
        """Entries of a page, and the token of the next one, if there is one."""
        more = f"<NextContinuationToken>{escape(token)}</NextContinuationToken>" if token else ""
        truncated = f"<IsTruncated>{str(bool(token)).lower()}</IsTruncated>"
        body = f"<ListBucketResult>{truncated}{''.join(entries)}{more}</ListBucketResult>"
        self._answer(200, body.encode(), Content_Type="application/xml")

    def _list_folders(self, prefix: str, after: str, count: int) -> None:
        """One page of what lies right below a prefix."""
        entries: list[str] = []
        more = False
        while page := self.bucket.page(prefix, after, 1):
            if len(entries) == count:
                more = True
                break
            name = page[0][0]
            folder, slash, _ = name[len(prefix) :].partition("/")
            if slash:
                entries.append(f"<CommonPrefixes><Prefix>{escape(prefix + folder)}/</Prefix></CommonPrefixes>")
                after = f"{prefix}{folder}/{_LAST}"
            else:
                entries.append(_contents(page[0]))
                after = name
        self._answer_listing(entries, after if more else "")

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


def _unchunked(data: bytes) -> bytes:
    """The payload of `Content-Encoding: aws-chunked`: hexadecimal length, data, and so on; trailers are left out."""
    parts = []
    while data:
        head, _, rest = data.partition(b"\r\n")
        length = int(head.partition(b";")[0], 16)
        if length == 0:
            break
        parts.append(rest[:length])
        data = rest[length + 2 :]
    return b"".join(parts)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@contextlib.contextmanager
def running(latency_s: float = 0.0, keys: int = 0) -> Iterator[str]:
    """Runs the server in a process of its own; yields its URL."""
    command = [sys.executable, "-m", "infra.proof.bench.store", str(1000 * latency_s), str(keys)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        try:
            if process.stdout is None:
                raise OSError
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def options(url: str) -> dict[str, object]:
    """Options of fsspec with which a process reaches it whose environment is not `ENVIRONMENT`."""
    key, secret = ENVIRONMENT["AWS_ACCESS_KEY_ID"], ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]
    return {"endpoint_url": url, "key": key, "secret": secret, "client_kwargs": {"region_name": "us-east-1"}}


def plant(url: str, name: str, data: bytes) -> None:
    """Puts an object there; `name` begins with the bucket's."""
    request = urllib.request.Request(f"{url}/{quote(name)}", data, method="PUT")  # noqa: S310 - a server of our own
    with urllib.request.urlopen(request):  # noqa: S310
        pass


def main(latency_ms: float, keys: int) -> None:
    """Serves until the process is terminated."""
    _Handler.bucket = Bucket(keys, latency_ms / 1000)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
