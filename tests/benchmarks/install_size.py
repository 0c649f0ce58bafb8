"""What an installation weighs: python tests/benchmarks/install_size.py, in the environment in question.

Adds up the files of driftcli's required packages and of what they require, and says how much of it a
CPU-only installation does not have (the packages that a CUDA build of torch brings along).
"""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

ONLY_CUDA = re.compile(r"^(nvidia|cuda|triton)")
ROOT = Path(__file__).resolve().parents[2]


def needed(requirements: list[str]) -> set[str]:
    """Names of the installed packages that these requirements bring along."""
    found: set[str] = set()
    waiting = list(requirements)
    while waiting:
        line = waiting.pop()
        name = re.match(r"[\w.-]+", line)
        if name is None or "extra ==" in line or name[0].lower() in found:
            continue
        try:
            more = metadata.requires(name[0]) or []
        except metadata.PackageNotFoundError:
            continue  # of another system
        found.add(name[0].lower())
        waiting += more
    return found


def size(package: str) -> int:
    """Bytes of a package's files."""
    paths = (file.locate() for file in metadata.files(package) or ())
    return sum(Path(path).stat().st_size for path in paths if Path(path).is_file())


def main() -> None:
    """Print the largest, the sum, and the part that is only for CUDA."""
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    installed = {(one.metadata["Name"] or "").lower() for one in metadata.distributions()}
    brought = {name for name in installed if ONLY_CUDA.match(name)}  # torch asks for some of them by extras
    sizes = {name: size(name) for name in needed(required) | brought}
    for name, count in sorted(sizes.items(), key=lambda item: -item[1])[:8]:
        print(f"{name:<36}{count / 1e6:>9,.0f} MB")
    own = sum(
        path.stat().st_size for path in (ROOT / "driftcli").rglob("*.*") if "__pycache__" not in path.parts
    )
    total, cuda = sum(sizes.values()), sum(count for name, count in sizes.items() if ONLY_CUDA.match(name))
    print(
        f"all {len(sizes)} packages: {total / 1e9:.1f} GB; for CUDA only: {cuda / 1e9:.1f} GB; driftcli: {own / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
