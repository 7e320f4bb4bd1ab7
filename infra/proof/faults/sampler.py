"""Watch OUTPUT during a run: every file seen at any time must be complete and redacted."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from anonymizer.errors import AnonymizerError
from anonymizer.lake.storage import Root, mark_content, marked_id
from anonymizer.records import ImageRef

#: Seconds between two listings.
PAUSE_S = 0.02

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.anon-[0-9a-f]+\.tmp")


class Sampler:
    """A thread that repeatedly lists a folder and reads every new version of a file.

    Args:
        folder: OUTPUT.
        good: The expected content by key.
        before: Content by key that is allowed too: the outputs before the run.

    Attributes:
        looks: Number of listings.
        versions: Number of file versions seen.
        bad: Unexpected files, as `key: why`.
    """

    def __init__(self, folder: Path, good: Mapping[str, bytes], before: Mapping[str, bytes] | None = None) -> None:
        self._folder = folder
        self._allowed = (good, before or {})
        self._seen: set[tuple[str, str]] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self.looks = self.versions = 0
        self.bad: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.look()

    def _run(self) -> None:
        while not self._ended.wait(PAUSE_S):
            self.look()

    def look(self) -> None:
        """One listing."""
        for path in _files(self._folder):
            with suppress(FileNotFoundError):
                self._check(path)
        self.looks += 1

    def _check(self, path: Path) -> None:
        key = path.relative_to(self._folder).as_posix()
        temporary = _TEMPORARY.fullmatch(path.name)
        if temporary is not None:
            key = (path.parent / temporary["name"]).relative_to(self._folder).as_posix()
            self._judge(key, path.read_bytes(), whole=False)
            return
        status = path.stat()
        version = f"{status.st_ino} {status.st_mtime_ns}"
        if (key, version) not in self._seen:
            self._new(key, version, path.read_bytes())

    def _new(self, key: str, version: str, data: bytes) -> None:
        self._seen.add((key, version))
        self.versions += marked_id(key) is None
        self._judge(key, data, whole=True)

    def _judge(self, key: str, data: bytes, *, whole: bool) -> None:
        output_id = marked_id(key)
        marks = () if output_id is None else (mark_content(output_id),)
        good = (*marks, *(contents[key] for contents in self._allowed if key in contents))
        if not good:
            self.bad.append(f"{key}: unexpected file")
        elif data not in good and (whole or not any(content.startswith(data) for content in good)):
            self.bad.append(f"{key}: unexpected content, {len(data)} bytes ({hashlib.sha256(data).hexdigest()[:12]})")


class StoreSampler(Sampler):
    """A sampler for an object store.

    Args:
        root: OUTPUT.
        good: The expected content by key.
    """

    def __init__(self, root: Root, good: Mapping[str, bytes]) -> None:
        super().__init__(Path(), good)
        self._root = root

    def look(self) -> None:
        """One listing; only the store can say that two equal writes were two, so versions are contents here."""
        with suppress(AnonymizerError):
            for entry in self._root.list(output=True):
                if isinstance(entry, ImageRef) and (entry.key, entry.etag) not in self._seen:
                    self._new(entry.key, entry.etag, self._root.get(entry.key))
            self.looks += 1


def _files(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path.is_dir():
                yield from _files(path)
            else:
                yield path
