"""Refuses a release whose tag, version and changelog disagree; prints what the changelog says of it.

`python .ci/release.py v1.2.0`: pyproject.toml must say 1.2.0, and CHANGELOG.md have `## [1.2.0] - YYYY-MM-DD`.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def notes(tag: str, version: str, changelog: str) -> str:
    """The changelog's section of a version. Raises ValueError when the three do not agree."""
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, but the version in pyproject.toml asks for v{version}")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## \[|\Z)"
    found = re.search(heading, changelog, re.DOTALL | re.MULTILINE)
    if found is None or not found[1].strip():
        raise ValueError(f"CHANGELOG.md has no dated heading with notes for {version}")
    return found[1].strip() + "\n"


def main(tag: str) -> int:
    """Exit code: 0 with the notes on standard output, 1 with the reason on standard error."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    try:
        said = notes(tag, project["version"], (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    except ValueError as error:
        sys.stderr.write(f"no release: {error}\n")
        return 1
    sys.stdout.write(said)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or [""]))
