"""Executes `anonymizer run` as a Ray job.

ray job submit --working-dir . -- python jobs/anonymize.py INPUT OUTPUT ...
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# If the package is not installed on the cluster, it is imported from the working directory that Ray uploads.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from anonymizer.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]], os.environ))
