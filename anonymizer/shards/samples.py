"""Goes through an archive sample by sample: makes pictures safe, keeps named side-cars, and leaves out the rest.

A sample is what WebDataset's readers take as one: members with the same folder and the same base name before its first
dot. What follows that dot is the member's field.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from anonymizer.config import ShardsConfig
from anonymizer.errors import EmptyFile, ImageTooLarge, ObjectError
from anonymizer.lake.naming import is_picture_name
from anonymizer.shards import sidecars
from anonymizer.shards.content import Content, content_of
from anonymizer.shards.contract import Again, Entry, Make, Rewritten

SAMPLE_BYTES = 2**30
"""Largest sample; it has to be in memory."""


@dataclass(frozen=True)
class Member:
    """A member of an archive.

    Attributes:
        name: Its name to the letter.
        data: Its bytes.
        error: Why it was not read, if it has to be taken for a picture that fails.
        other: Why it is left out without being read: `link`, `folder` and so on.
        form: What the writer needs to know about it, for example its compression.
    """

    name: str
    data: bytes = b""
    error: type[ObjectError] | None = None
    other: str | None = None
    form: int = 0


Write = Callable[[Member, bytes], None]
"""Writes a member with these bytes."""


def sample_of(name: str) -> tuple[str, str]:
    """The key of a member's sample and its field; a member that belongs to no sample is one of its own."""
    folder, slash, base = name.rpartition("/")
    stem, dot, field = base.partition(".")
    return (f"{folder}{slash}{stem}", field) if stem and dot else (name, "")


class Samples:
    """Writes the samples of one archive.

    Args:
        make: Makes a picture safe.
        write: Writes a member to the output.
        settings: What is kept.
        dropped: Keys of samples that are left out, because they failed when the archive was written before.
    """

    def __init__(self, make: Make, write: Write, settings: ShardsConfig, dropped: frozenset[str]) -> None:
        self._make = make
        self._write = write
        self._settings = settings
        self._gone = set(dropped)
        self._written: set[int] = set()
        self._left_out: Counter[str] = Counter()
        self._samples = self._samples_out = self._pictures = self._pictures_out = 0
        self._dropped: set[int] = set()
        self._hides = False

    def run(self, members: Iterable[Member]) -> Rewritten:
        """Writes all samples; at most the members of one are in memory.

        Raises:
            ImageTooLarge: A sample is larger than `SAMPLE_BYTES`.
            Again: A sample failed after another part of it had been written: it has to be left out from the start.
        """
        waiting: list[Member] = []
        key, size_bytes = "", 0
        for member in members:
            own, _ = sample_of(member.name)
            if waiting and own != key:
                self._sample(key, waiting)
                waiting, size_bytes = [], 0
            key = own
            waiting.append(member)
            size_bytes += len(member.data)
            if size_bytes > SAMPLE_BYTES:
                raise ImageTooLarge
        if waiting:
            self._sample(key, waiting)
        return Rewritten(
            samples_in=self._samples,
            samples_out=self._samples_out,
            pictures_in=self._pictures,
            pictures_out=self._pictures_out,
            left_out=dict(self._left_out),
            dropped=frozenset(self._dropped),
            may_hide_pictures=self._hides,
        )

    def _sample(self, key: str, members: list[Member]) -> None:
        self._samples += 1
        first = self._pictures
        kept = [(member, self._kept(member)) for member in members]
        pictures = range(first, self._pictures)
        failed = any(isinstance(result, _Failed) for _, result in kept)
        if failed and hash(key) in self._written:
            raise Again(frozenset({*self._gone, key}))
        if failed or key in self._gone:
            self._gone.add(key)
            self._dropped.update(pictures)
            return
        self._pictures_out += len(pictures)
        for member, result in kept:
            if isinstance(result, bytes):
                self._write(member, result)
                self._written.add(hash(key))
        self._samples_out += any(isinstance(result, bytes) for _, result in kept)

    def _kept(self, member: Member) -> bytes | _Failed | None:
        """What is written of a member; None if nothing is."""
        if member.other is not None:
            self._left_out[member.other] += 1
            return None
        error = member.error
        if error is None and not member.data and is_picture_name(member.name):
            error = EmptyFile
        content = Content.PICTURE if error is not None else content_of(member.data)
        if content is Content.PICTURE:
            self._pictures += 1
            made = self._make(Entry(member.name, member.data, error))
            return _FAILED if made is None else made
        _, field = sample_of(member.name)
        kept = sidecars.kept(field, member.data, content, self._settings.keep)
        if kept is None:
            self._left_out[sidecars.name_of(field, content)] += 1
            self._hides = self._hides or content is Content.CONTAINER
        return kept


class _Failed:
    """The result for a picture that cannot be made safe."""


_FAILED = _Failed()
