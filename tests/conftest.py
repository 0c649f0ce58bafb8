"""What all tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journey import Ran, World, make_world


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real images that are not part of the project: `DRIFTCLI_DATA`, else a sibling `shared/data`."""
    named = os.environ.get("DRIFTCLI_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("DRIFTCLI_DATA names no folder of real images")
    return folder


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Folders of images and a calibrated artifact; nobody changes them."""
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def copied(world: World, tmp_path: Path) -> Path:
    """The calibrated artifact, to be changed."""
    return Path(shutil.copytree(world.ref, tmp_path / "copied"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of other things than how often the gate fires on good data: that is measured briefly."""
    from driftcli import calibration

    monkeypatch.setattr(calibration, "SIZES", (10,))
    monkeypatch.setattr(calibration, "SPLITS", 2)


@pytest.fixture
def drift(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """`drift("check", ref, folder, "--alpha", 0.05)`: a command line, run in this process."""
    from driftcli.cli import app

    def run(*argv: object) -> Ran:
        capfd.readouterr()
        code = app.run([str(word) for word in argv])
        return Ran(code, *capfd.readouterr())

    return run


@pytest.fixture
def check(drift: Callable[..., Ran]) -> Callable[..., Ran]:
    """`check(ref, folder, ...)`: as JSON, with one worker."""
    return lambda *argv: drift(
        "check", *argv, *([] if "--workers" in argv else ["--workers", 1]), "-f", "json"
    )
