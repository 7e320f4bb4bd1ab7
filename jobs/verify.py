"""`ray job submit --working-dir . -- python jobs/verify.py OUTPUT ...`: `anonymizer verify` as a Ray job."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The working directory that Ray ships is the package's home when it is not installed on the cluster.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from anonymizer.cli import main

if __name__ == "__main__":
    sys.exit(main(["verify", *sys.argv[1:]], os.environ))
