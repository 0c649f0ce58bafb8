"""Writes the sample images: python sample_data/generate.py [FOLDER] [--seed N]; default: sample_data/images."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Make what is absent, and say so."""
    parser = argparse.ArgumentParser(description="Write driftcli's sample images.")
    parser.add_argument("folder", nargs="?", type=Path, default=HERE / "images")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.path.insert(0, str(HERE.parent))  # a checkout works without being installed

    from driftcli.core.errors import DriftcliError  # noqa: PLC0415
    from driftcli.simulation.sample.days import generate  # noqa: PLC0415

    try:
        made = generate(given.folder, given.seed, lambda name: print(f"making {name}"))
    except DriftcliError as error:
        print(f"error: {error.what}\nhint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
    print(f"{made} images made in {given.folder}" if made else f"all images are in {given.folder}")


if __name__ == "__main__":
    main()
