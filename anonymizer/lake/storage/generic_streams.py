"""Large objects of any other store that fsspec knows, read and written piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from anonymizer.errors import SourceChanged
from anonymizer.lake.storage.faults import filesystem_errors
from anonymizer.lake.storage.info import fits, version_of
from anonymizer.lake.storage.keys import temporary_name
from anonymizer.lake.storage.streams import Stream
from anonymizer.records import ImageRef

STREAM_PREFIX = ".stream.anon-"


class GenericPieces:
    """Parts of a file whose version is looked up around each of them.

    Args:
        ref: As it was listed.
        part: Reads: key, start, length.
        info: What the filesystem says of the file now.
    """

    coding = ""

    def __init__(
        self, ref: ImageRef, part: Callable[[str, int, int], bytes], info: Callable[[str], dict[str, Any]]
    ) -> None:
        self._ref = ref
        self._part = part
        self._info = info
        self._require_listed()

    def _require_listed(self) -> None:
        info = self._info(self._ref.key)
        if version_of(info) != self._ref.etag or not fits(info, self._ref.size):
            raise SourceChanged(self._ref.key)

    def fetch(self, start: int, length: int) -> bytes:
        """See `Pieces.fetch`."""
        data = self._part(self._ref.key, start, length)
        self._require_listed()
        if len(data) != length:
            raise SourceChanged(self._ref.key)
        return data

    def close(self) -> None:
        """Nothing is held."""


class GenericStream(Stream):
    """Writes a temporary file at the root, which is moved at the end: as atomic as the filesystem's move.

    Args:
        file: Opens a file of this name for writing.
        place: Moves it under the conditions of `Root.publish`, given its name and size; returns the new version.
        drop: Removes it.
    """

    def __init__(
        self, file: Callable[[str], Any], place: Callable[[str, int], str], drop: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._temporary = temporary_name("stream")
        self._place = place
        self._drop = drop
        self._file = file(self._temporary)

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        with filesystem_errors():
            self._file.write(data)

    def _finish(self) -> str:
        with filesystem_errors():
            self._file.close()
        return self._place(self._temporary, self.size)

    def _abort(self) -> None:
        with suppress(Exception):
            self._file.close()
        self._drop(self._temporary)
