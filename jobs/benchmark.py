"""Benchmarks this software and others; `make bench` does the same.

python jobs/benchmark.py [PART ...] [--photos FOLDER] [--images N] [--rounds N]
"""

from __future__ import annotations

import sys

from infra.proof.bench.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
