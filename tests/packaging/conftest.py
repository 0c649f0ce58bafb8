"""The distributions, built once from this checkout, and the wheel installed away from it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(kind: str, tree: Path, into: Path) -> Path:
    """Path of a `wheel` or an `sdist` of a source tree, built by its back end without a network."""
    code = f"import sys, hatchling.build as back; print(back.build_{kind}(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(into)]
    ran = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=True)
    return into / ran.stdout.split()[-1]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of this checkout."""
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@dataclass(frozen=True)
class Installed:
    """The wheel in a folder of its own; what it needs comes from the running environment."""

    site: Path
    place: Path
    """Working folder, outside the checkout."""

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """The installed program `driftcli` with these arguments."""
        return self.python(str(self.site / "bin" / "driftcli"), *argv)

    def python(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Python with these arguments."""
        env = {name: text for name, text in os.environ.items() if not name.startswith("DRIFTCLI_")}
        return subprocess.run(
            [sys.executable, *argv], cwd=self.place, env={**env, "PYTHONPATH": str(self.site)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, installed by pip."""
    site = tmp_path_factory.mktemp("site")
    command: list[str] = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", str(site), str(wheel)], check=True, capture_output=True)
    return Installed(site, tmp_path_factory.mktemp("elsewhere"))


Built = Callable[[str, Path, Path], Path]


@pytest.fixture
def built() -> Built:
    """`built("wheel", tree, folder)`: a distribution of another tree."""
    return build
