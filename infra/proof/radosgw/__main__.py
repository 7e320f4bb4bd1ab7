"""Run the tests of storage and of whole runs against a real S3: `make test-s3`, `python -m infra.proof.radosgw`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from infra.proof.radosgw.server import running
from tests.fake_s3 import ENVIRONMENT
from tests.real_s3 import ENDPOINT_VARIABLE

TESTS = (
    "tests/lake/storage",
    "tests/lake/lease",
    "tests/integration/test_s3.py",
    "tests/integration/test_s3_objects.py",
    "tests/integration/test_sleepers.py",
    "tests/integration/test_withdrawal.py",
    "tests/integration/test_world.py",
)


def main(arguments: Sequence[str]) -> int:
    """Starts the gateway, runs pytest against it, stops it and returns pytest's exit status."""
    with running(ENVIRONMENT["AWS_ACCESS_KEY_ID"], ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]) as gateway:
        print(f"radosgw answers at {gateway.endpoint_url}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "pytest", *(arguments or TESTS)]
        environ = os.environ | {ENDPOINT_VARIABLE: gateway.endpoint_url}
        return subprocess.run(command, env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
