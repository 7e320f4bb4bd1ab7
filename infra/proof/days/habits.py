"""Define the command line options of the daily run."""

from __future__ import annotations

from dataclasses import dataclass

#: The same in every lake.
ALWAYS = (
    *("--detector", "patch", "--max-failures", "100%", "--prune-limit", "100%"),
    # Nothing hangs on how fast this machine is, and every step comes in its own turn.
    *("--set", "engine.io_threads=1", "--set", "engine.chunk_keys=2", "--set", "engine.lease_s=100000"),
    *("--set", "engine.image_time_s=3600", "--set", "engine.workers=1"),
)


@dataclass(frozen=True)
class Habits:
    """The options that vary between lakes and days."""

    hashed: bool = False
    public: bool = False
    purpose: str | None = None
    prune: bool = False

    def arguments(self) -> list[str]:
        """The options of `anonymizer run`."""
        named = ["--names", "hashed" if self.hashed else "same", "--policy", "public" if self.public else "redact"]
        purpose = ["--purpose", self.purpose] if self.purpose is not None else []
        return [*ALWAYS, *named, *purpose, *(["--prune"] if self.prune else [])]
