"""Defines what goes in and out when a shard is rewritten."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from anonymizer.errors import ObjectError

File = BinaryIO | io.BufferedIOBase
"""A file to read from; seekable, unless a function says that it only reads on."""


@dataclass(frozen=True)
class Entry:
    """A picture inside a shard.

    Attributes:
        name: Its name there: of a member to the letter, or of a cell `ROW/COLUMN`, in a list `ROW/COLUMN/PLACE`.
        data: Its bytes.
        error: Why there are none although there is a picture: a reference, or a picture's place without bytes.
    """

    name: str
    data: bytes
    error: type[ObjectError] | None = None


class Make(Protocol):
    """Makes a picture safe."""

    def __call__(self, entry: Entry) -> bytes | None:
        """The safe picture in its own format; None if its sample has to be left out."""


@dataclass(frozen=True)
class Rewritten:
    """What became of a shard.

    Attributes:
        samples_in: Number of its samples: members with one key, entries, or rows.
        samples_out: Number of samples in the output.
        pictures_in: Number of its pictures.
        pictures_out: Number of pictures in the output.
        left_out: Number of other things that are not in the output, by name.
        dropped: Positions of the pictures that are not in the output, in the order in which they were made.
        may_hide_pictures: Something was left out that may hold pictures and was not read.
    """

    samples_in: int
    samples_out: int
    pictures_in: int
    pictures_out: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    dropped: frozenset[int] = frozenset()
    may_hide_pictures: bool = False


class Again(Exception):
    """A sample has to be left out of which a part was written already: the shard has to be written anew without it.

    Attributes:
        dropped: Keys of all samples to leave out.
    """

    def __init__(self, dropped: frozenset[str]) -> None:
        super().__init__()
        self.dropped = dropped
