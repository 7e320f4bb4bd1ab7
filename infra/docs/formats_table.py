"""The table of formats, from checks that are run here and now (tests/image/formats).

python -m infra.docs.formats_table           prints it
python -m infra.docs.formats_table --write   puts it into infra/docs/formats.md, between its markers

Needs exiftool and mat2 for the last two columns.
"""

from __future__ import annotations

import sys

from tests.image.formats.table import PAGE, embedded, table
from tests.image.formats.tools import EXIFTOOL, MAT2

if __name__ == "__main__":
    if EXIFTOOL is None or MAT2 is None:
        sys.exit("formats_table needs exiftool and mat2 on PATH")
    if "--write" in sys.argv[1:]:
        PAGE.write_text(embedded(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(table())
