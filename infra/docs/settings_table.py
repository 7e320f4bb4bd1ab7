"""The README's table of settings, from the fields of `RunConfig`.

python infra/docs/settings_table.py           prints it
python infra/docs/settings_table.py --write   puts it into README.md, between its markers
"""

from __future__ import annotations

import sys
from pathlib import Path

from anonymizer.config import RunConfig, fields_of

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- settings: begin (make docs) -->", "<!-- settings: end -->"


def table() -> str:
    """A Markdown table of every setting, its default and what it does."""
    lines = ["| setting | default | |", "|---|---|---|"]
    for name, default, text in fields_of(RunConfig):
        lines.append(f"| `{name}` | {_shown(default)} | {text.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def embedded(text: str) -> str:
    """`text` with the current table between its markers.

    Raises:
        ValueError: A marker is missing.
    """
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"no table between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _shown(default: object) -> str:
    """A default as it would be written on a command line; nothing for none."""
    if default in (None, "", (), {}):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        README.write_text(embedded(README.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(table())
