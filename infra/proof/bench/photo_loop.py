"""The pipeline on photos named on stdin, one answer a line: CPU seconds and boxes. Runs in any build that can be had.

    PYTHONPATH=TREE python -P photo_loop.py SETTINGS_JSON

Imports of this software are the two that every build has, since this file is also run in trees of earlier commits.
A line is a JSON list of a path and, if the result is wanted, a second path to write it to.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from anonymizer import Anonymizer
from anonymizer.records import NO_CONSENT

if __name__ == "__main__":
    anonymize = Anonymizer(json.loads(sys.argv[1]))
    print(json.dumps([0.0, 0]), flush=True)
    for line in sys.stdin:
        source, *target = json.loads(line)
        began = time.process_time()
        found = anonymize(Path(source).read_bytes(), NO_CONSENT)
        taken = time.process_time() - began
        for path in target:
            Path(path).write_bytes(found.data)
        print(json.dumps([taken, len(found.faces)]), flush=True)
