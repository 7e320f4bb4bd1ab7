"""Simulate the source photographs of a lake and their changes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from infra.proof.days import people
from infra.proof.days.people import Photo

#: All keys that there ever are.
KEYS = ("a/one.png", "a/Two.jpg", "b.png")
#: What may stand in the place of a photo.
IRREGULAR = ("link", "dangling", "folder link", "pipe")


@dataclass
class Sources:
    """The folder that is INPUT.

    Args:
        folder: INPUT, made here.
        elsewhere: A folder to which links lead, made here.

    Attributes:
        now: Key → the photo there, or what else is there.
        photos: Number → every photo that there ever was.
        keys_of: Number of a photo → all keys that it was ever under.
    """

    folder: Path
    elsewhere: Path
    now: dict[str, Photo | str] = field(default_factory=dict)
    photos: dict[int, Photo] = field(default_factory=dict)
    keys_of: dict[int, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.elsewhere.mkdir()
        (self.elsewhere / "face.png").write_bytes(people.photo(0, (0, 1), ".png").data)

    def take(self, key: str, whom: tuple[int | None, int | None]) -> None:
        """A photo is taken and put under a key, whatever was there."""
        number = len(self.photos) + 1
        photo = people.photo(number, whom, key)
        self.photos[number], self.keys_of[number] = photo, {key}
        self._put(key, photo.data)
        self.now[key] = photo

    def spoil(self, key: str, data: bytes) -> None:
        """Something that is no photo is put under a key."""
        self._put(key, data)
        self.now[key] = "spoiled"

    def move(self, key: str, to: str) -> None:
        """A file is given another name."""
        photo = self.now[key]
        path = self._cleared(to)
        self._path(key).rename(path)
        self.now[to] = self.now.pop(key)
        if isinstance(photo, Photo):
            self.keys_of[photo.number].add(to)

    def delete(self, key: str) -> None:
        """A source goes."""
        self._cleared(key)
        del self.now[key]

    def replace(self, key: str, kind: str) -> None:
        """Something irregular is put in a source's place, or where there was none."""
        path = self._cleared(key)
        if kind == "pipe":
            os.mkfifo(path)
        else:
            targets = {
                "link": self.elsewhere / "face.png",
                "dangling": self.elsewhere / "nothing",
                "folder link": self.elsewhere,
            }
            path.symlink_to(targets[kind])
        self.now[key] = kind

    def _put(self, key: str, data: bytes) -> None:
        self._cleared(key).write_bytes(data)

    def _cleared(self, key: str) -> Path:
        path = self._path(key)
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        return path

    def _path(self, key: str) -> Path:
        return self.folder / key
