"""Names of the pictures inside a shard, and what their rows have in common."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from anonymizer.errors import SampleLeftOut
from anonymizer.records import PUBLISHED, ManifestRow


@dataclass
class Names:
    """Makes the keys of the pictures of one shard; a name that the shard has again gets its number: `a.jpg#2`.

    Attributes:
        shard: The shard's key.
    """

    shard: str
    _seen: Counter[str] = field(default_factory=Counter, repr=False)

    def key(self, name: str) -> str:
        """Key of the next picture with this name."""
        self._seen[name] += 1
        number = self._seen[name]
        return f"{self.shard}/{name}" if number == 1 else f"{self.shard}/{name}#{number}"


def left_out_row(row: ManifestRow) -> ManifestRow:
    """The row of a picture that is safe itself, and whose sample is left out because of another picture."""
    if row.status not in PUBLISHED:
        return row
    error = SampleLeftOut()
    return replace(
        row,
        status=error.status,
        error_code=error.code,
        error_message=error.message,
        retryable=error.retryable,
        output_sha256=None,
        output_size=None,
        retained_until=None,
    )
