"""Run an HTTP proxy in front of an object store that throttles, fails, resets or delays requests.

    python -m infra.proof.faults.proxy STORE_URL RULES_JSON SEED

Runs in a process of its own, so that it does not block the measured process, and prints its port.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

_NOT_OURS = {"connection", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True)
class Rules:
    """The faults to inject.

    Attributes:
        slow_down: Share of requests answered with 503 SlowDown.
        error: Share of requests answered with 500 InternalError.
        reset: Share of requests whose connection is reset, half of them before and half after the store's response.
        slow_s: Seconds over which an object's body is sent.
        denied: Suffixes of keys whose reads are answered with 403.
    """

    slow_down: float = 0.0
    error: float = 0.0
    reset: float = 0.0
    slow_s: float = 0.0
    denied: tuple[str, ...] = ()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rules: ClassVar[Rules]
    dice: ClassVar[random.Random]
    store: ClassVar[str]
    connections = threading.local()

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        rules, roll = self.rules, self.dice.random()
        if self.command in ("GET", "HEAD") and unquote(urlsplit(self.path).path).endswith(rules.denied or ("\0",)):
            self._refuse(403, "AccessDenied")
        elif roll < rules.slow_down:
            self._refuse(503, "SlowDown")
        elif roll < rules.slow_down + rules.error:
            self._refuse(500, "InternalError")
        elif roll < rules.slow_down + rules.error + rules.reset:
            if self.dice.random() < 0.5:
                self._ask(body)
            self._reset()
        else:
            self._relay(*self._ask(body))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass  # noqa: N815 - the names that the base class looks for

    def _ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        connection = getattr(self.connections, "one", None)
        if connection is None:
            connection = self.connections.one = http.client.HTTPConnection(self.store)
        headers = dict(self.headers.items()) | {"Content-Length": str(len(body))}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        return answer, answer.read()

    def _relay(self, answer: http.client.HTTPResponse, body: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _NOT_OURS:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        if self.command == "HEAD":
            return
        if not self.rules.slow_s or self.command != "GET":
            self.wfile.write(body)
            return
        for part in range(4):
            self.wfile.write(body[part * len(body) // 4 : (part + 1) * len(body) // 4])
            time.sleep(self.rules.slow_s / 4)

    def _refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>told to</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        # The files made of it keep the socket open.
        self.rfile.close()
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Ignores broken connections, which are intended."""


@contextlib.contextmanager
def running(store_url: str, rules: Rules, seed: int) -> Iterator[str]:
    """Runs the proxy in a process of its own; yields its URL."""
    command = [sys.executable, "-m", "infra.proof.faults.proxy", store_url, json.dumps(asdict(rules)), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        try:
            if process.stdout is None:
                raise OSError
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def main(store_url: str, rules: str, seed: str) -> None:
    """Serves until the process is terminated."""
    values = json.loads(rules)
    _Handler.rules = Rules(**values | {"denied": tuple(values["denied"])})
    _Handler.dice = random.Random(int(seed))  # noqa: S311 - faults, no secrets
    _Handler.store = urlsplit(store_url).netloc
    with _Server(("127.0.0.1", 0), _Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
