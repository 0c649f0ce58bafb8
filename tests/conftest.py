"""What all tests share."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: its threads only wait on a busy machine

import pytest

from driftcli.core import threads
from tests.journey import Ran, World, make_world
from tests.object_server import object_server, objects  # noqa: F401 - fixtures

DATA = os.environ.pop("DRIFTCLI_DATA", None)
"""Taken out of the environment: a command would warn of a variable it does not know."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A job in the background ignores Ctrl-C, and so would every command that a test starts and interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process a core (at most 8) for the whole suite; tests that somebody names run in pytest's own process."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return min(8, threads.cores()) if whole else 0


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real images that are not part of the project: `DRIFTCLI_DATA`, else a sibling `shared/data`."""
    folder = Path(DATA) if DATA else Path(__file__).parents[2] / "shared" / "data"
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
    """For tests of other things than how often the gate fires on good data and what drift is like."""
    from driftcli.calibration import corruption_library, detectability, false_alarms

    monkeypatch.setattr(false_alarms, "SIZES", (10,))
    monkeypatch.setattr(false_alarms, "SPLITS", 2)
    monkeypatch.setattr(corruption_library, "FEWEST", 1_000_000)
    monkeypatch.setattr(detectability, "TRIALS", 2)
    monkeypatch.setattr(detectability, "SPLITS", {"small": 1, "full": 1})
    monkeypatch.setitem(detectability.CHANGES, "small", detectability.CHANGES["small"][:2])


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
