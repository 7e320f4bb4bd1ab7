"""Large files of a local folder, read and written piece by piece."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import BinaryIO, NamedTuple

from anonymizer.errors import SourceChanged
from anonymizer.lake.storage.faults import file_errors
from anonymizer.lake.storage.local.files import file_version
from anonymizer.lake.storage.streams import Stream
from anonymizer.records import ImageRef

_TRIES = 3


class Aside(NamedTuple):
    """A file that is written beside the one that it is to become.

    Attributes:
        folder: Descriptor of the folder of both.
        name: Name of the file to become.
        temporary: Name until then.
        file: Open for writing.
    """

    folder: int
    name: str
    temporary: str
    file: BinaryIO


class LocalPieces:
    """Parts of a file that did not change while they were read.

    Args:
        descriptor: Of the file; closed with this.
        version: Of the file.
        ref: As it was listed.

    Raises:
        SourceChanged: It has another length.
    """

    coding = ""

    def __init__(self, descriptor: int, version: str, ref: ImageRef) -> None:
        self._descriptor = descriptor
        self._version = version
        self._key = ref.key
        if os.fstat(descriptor).st_size != ref.size:
            os.close(descriptor)
            raise SourceChanged(ref.key)

    def fetch(self, start: int, length: int) -> bytes:
        """See `Pieces.fetch`."""
        with file_errors():
            parts, left = [], length
            while left and (part := os.pread(self._descriptor, left, start + length - left)):
                parts.append(part)
                left -= len(part)
            if left or file_version(os.fstat(self._descriptor)) != self._version:
                raise SourceChanged(self._key)
            return b"".join(parts)

    def close(self) -> None:
        """See `Pieces.close`."""
        os.close(self._descriptor)


class LocalStream(Stream):
    """Writes a temporary file, which is renamed at the end.

    Args:
        beside: Makes the file.
        place: Renames it under the conditions of `Root.publish`, and returns its version.
    """

    def __init__(self, beside: Callable[[], AbstractContextManager[Aside]], place: Callable[[Aside], str]) -> None:
        super().__init__()
        self._open = ExitStack()
        self._place = place
        with file_errors(writing=True):
            self._aside = self._made(beside)

    def _made(self, beside: Callable[[], AbstractContextManager[Aside]]) -> Aside:
        for _ in range(_TRIES - 1):
            # A purge beside us may drop the folder that we have just made.
            with suppress(FileNotFoundError):
                return self._open.enter_context(beside())
        return self._open.enter_context(beside())

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        with file_errors(writing=True):
            self._aside.file.write(data)

    def _finish(self) -> str:
        with file_errors(writing=True):
            version = self._place(self._aside)
        self._open.close()
        return version

    def _abort(self) -> None:
        self._open.close()
