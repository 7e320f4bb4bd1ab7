"""A real HTTP server on this machine that behaves like S3 (moto), and that can be told to fail."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
"""What a process needs to talk to it; nothing of the user's own settings is read."""


@dataclass
class Failure:
    """Answers `times` requests of a method with a status instead of their own answer.

    `after` carries the request out first: the client never hears of its success.
    """

    method: str
    status: str
    code: str
    times: int = 1
    after: bool = False


class _QuietHandler(MotoRequestHandler):  # type: ignore[misc]  # moto has no types
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        pass


@dataclass
class FakeS3(ThreadedMotoServer):  # type: ignore[misc]  # moto has no types
    """Start it once; `reset` forgets buckets and failures."""

    requests: list[str] = field(default_factory=list)
    payers: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    ignore_conditions: bool = False

    def __post_init__(self) -> None:
        super().__init__("127.0.0.1", 0, verbose=False)
        self._moto = DomainDispatcherApplication(create_backend_app)
        # S3 checks a condition and writes in one step; moto, on its own, in two.
        self._one_at_a_time = threading.Lock()

    def _server_entry(self) -> None:
        self._server = make_server("127.0.0.1", 0, self._answer, True, request_handler=_QuietHandler)
        self._server_ready_event.set()
        self._server.serve_forever()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        with self._one_at_a_time:
            self.requests.append(method)
            self.payers.append(environ.get("HTTP_X_AMZ_REQUEST_PAYER", ""))
            if self.ignore_conditions:
                environ.pop("HTTP_IF_MATCH", None)
                environ.pop("HTTP_IF_NONE_MATCH", None)
            failure = next((f for f in self.failures if f.times > 0 and f.method == method), None)
            if failure is None:
                return [b"".join(self._moto(environ, start))]
            failure.times -= 1
            if failure.after:
                list(self._moto(environ, lambda *_: None))
            else:
                # An upload that is not read to its end breaks the connection instead of being answered.
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        body = f"<Error><Code>{failure.code}</Code><Message>told to</Message></Error>".encode()
        start(failure.status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [b"" if method == "HEAD" else body]

    @property
    def endpoint_url(self) -> str:
        host, port = self.get_host_and_port()
        return f"http://{host}:{port}"

    @property
    def options(self) -> dict[str, Any]:
        """Storage options that reach it."""
        return {"endpoint_url": self.endpoint_url}

    def plant(self, bucket: str, key: str, data: bytes) -> None:
        """Puts an object there without a request."""
        get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, key, data)

    def reset(self) -> None:
        self.failures.clear()
        self.ignore_conditions = False
        request = urllib.request.Request(f"{self.endpoint_url}/moto-api/reset", method="POST")
        with urllib.request.urlopen(request) as answer:
            answer.read()
        self.requests.clear()
        self.payers.clear()
