"""A real browser (Debian's chromium), headless, spoken to through a pipe: no port is opened, nothing is installed."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--remote-debugging-pipe"),
)


class Browser:
    """One page of a browser (https://chromedevtools.github.io/devtools-protocol/).

    Args:
        profile: A folder that is the browser's alone.

    Attributes:
        events: (method, parameters) of everything that the browser said unasked.
    """

    def __init__(self, profile: Path) -> None:
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        # Copies, for one of the ends may be 3 or 4 itself.
        high_in, high_out = os.dup(theirs_in), os.dup(theirs_out)
        actions = [(os.POSIX_SPAWN_DUP2, high_in, 3), (os.POSIX_SPAWN_DUP2, high_out, 4)]
        silence = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        command = [str(PROGRAM), *_OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        environment = os.environ | {"HOME": str(profile)}
        self._pid = os.posix_spawn(command[0], command, environment, file_actions=[*actions, silence], setpgroup=0)
        for end in (theirs_in, theirs_out, high_in, high_out):
            os.close(end)
        self._number, self._rest = 0, b""
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._session: str | None = None
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Audits"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Asks for something and gives the answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return dict(answer["result"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self._from, 2**20)
            assert read, "the browser has ended"
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self.events.append((message["method"], message.get("params", {})))
        return message

    def open(self, page: Path) -> None:
        """Goes there and waits until it has loaded; what happened before is forgotten."""
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        while not any(method == "Page.loadEventFired" for method, _ in self.events):
            self._next()

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def size(self, width: int, height: int, scale: float = 1.0) -> None:
        """The window's, in CSS pixels; narrow ones are telephones."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )

    def media(self, media: str = "", **features: str) -> None:
        """`print` or the screen, and features such as `prefers_color_scheme="dark"`."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", media=media, features=named)

    def screenshot(self, target: Path, *, whole: bool = True, **clip: float) -> None:
        """A PNG of the page, of what is in the window, or of a part (`x`, `y`, `width`, `height`)."""
        parameters: dict[str, Any] = {"format": "png", "captureBeyondViewport": whole or bool(clip)}
        if clip:
            parameters["clip"] = {"scale": 1, **clip}
        target.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", **parameters)["data"]))

    def pdf(self, target: Path) -> None:
        """The page as it would be printed."""
        options: Mapping[str, Any] = {"preferCSSPageSize": True, "paperWidth": 8.27, "paperHeight": 11.69}
        target.write_bytes(base64.b64decode(self.call("Page.printToPDF", **options)["data"]))

    def close(self) -> None:
        """Ends the browser and all its processes."""
        os.close(self._to)
        os.close(self._from)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
