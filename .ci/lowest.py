"""Prints constraints for pip: every dependency of driftcli at the lowest version that pyproject.toml allows."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path


def lowest(requirements: list[str]) -> list[str]:
    """`torch>=2.6` as `torch==2.6`; what is pinned stays. Raises ValueError for one without a lower bound."""
    lines = []
    for requirement in requirements:
        found = re.match(r"([\w.-]+)\s*(?:>=|==)\s*([\w.]+)", requirement)
        if found is None:
            raise ValueError(f"{requirement}: no lower bound")
        lines.append(f"{found[1]}=={found[2]}")
    return lines


if __name__ == "__main__":
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    sys.stdout.write("".join(f"{line}\n" for line in lowest(project["dependencies"])))
