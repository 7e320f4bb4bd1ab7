"""`python -m infra.docs.generate`: `--write` writes the generated parts of the pages, `--check` names stale pages."""

from __future__ import annotations

import argparse
import subprocess
import sys

from infra.docs.generate.pages import ROOT, stale

PICTURE = "infra/docs/before-after.jpg"


def main(argv: list[str]) -> int:
    """The exit status is 1 if a page is stale and was to be checked only."""
    parser = argparse.ArgumentParser(prog="python -m infra.docs.generate", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write pages and the README's picture")
    what.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--live", action="store_true", help="check: also what the demo and the formats' checks give")
    options = parser.parse_args(argv)
    if options.write:
        subprocess.run([sys.executable, "infra/demo/demo.py", "--picture", PICTURE], cwd=ROOT, check=True)
    found = list(stale(is_live=options.write or options.live))
    for page, text in found:
        if options.write:
            page.write_text(text, encoding="utf-8")
        print(f"{page.relative_to(ROOT)}{' written' if options.write else ' is stale: run `make docs`'}")
    return int(options.check and bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
