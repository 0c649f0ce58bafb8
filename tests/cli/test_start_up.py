"""What a command line loads and builds: no more than the command needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from driftcli.cli import app as program
from driftcli.cli.app import app

ROOT = Path(__file__).parents[2]
EVERY = typer.main.get_command(app).commands
HEAVY = {"torch", "torchvision", "sklearn", "scipy", "matplotlib", "jinja2", "pandas", "onnxruntime"}


def loaded_after(code: str, *argv: str) -> set[str]:
    """Top-level modules and driftcli's reports in a process of its own."""
    tell = "import json, sys; print(); print(json.dumps(sorted(sys.modules)))"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\n{tell}", *argv],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    names = json.loads(ran.stdout.splitlines()[-1])
    return {name if name.startswith("driftcli.") else name.partition(".")[0] for name in names}


@pytest.mark.parametrize("verb", [verb for verb in EVERY if verb not in ("demo", "help")])
def test_a_line_that_begins_with_a_command_builds_that_one(verb):
    """With the options, help and epilog that it has among all."""
    built = typer.main.get_command(program._with([verb, "--help"])).commands
    assert list(built) == [verb]
    assert [p.name for p in built[verb].params] == [p.name for p in EVERY[verb].params]
    assert (built[verb].help, built[verb].epilog) == (EVERY[verb].help, EVERY[verb].epilog)


@pytest.mark.parametrize(
    "argv", [[], ["--help"], ["--version"], ["chek"], ["-q", "check"], ["demo"], ["help", "fit"]]
)
def test_any_other_line_builds_all(argv):
    assert set(typer.main.get_command(program._with(argv)).commands) == set(EVERY)


def test_inspect_loads_nothing_heavy_and_no_page():
    code = "from driftcli.cli.app import run\nassert run(sys.argv[1:]) == 0"
    seen = loaded_after(code, "inspect", str(ROOT / "tests" / "fixtures" / "0.1.0" / "properties"))
    assert not seen & HEAVY
    assert "driftcli.reports.inspect.html" not in seen
    assert "driftcli.reports.inspect.text" in seen
    assert not seen & {"driftcli.config.settings", "driftcli.reading.reader", "driftcli.cli.check"}


def test_no_detector_loads_torch():
    """Every kind fitted, tested and asked for scores."""
    code = """
import numpy as np
from driftcli.core import registry
from driftcli.core.features import Column
from driftcli.stats.relabelling import draw
rng = np.random.default_rng(0)
x, drawn = np.abs(rng.normal(size=(60, 4))).astype("f"), draw(50, 10, 20, rng)
columns = tuple(Column(name) for name in "abcd")
for kind in registry.kinds("detectors"):
    detector = registry.load("detectors", kind)()
    state = detector.fit(x[:50], columns, 0)
    detector.test(state, x[:50], x[50:], drawn, columns)
    detector.scores(state, x[:50], x[50:], columns)
"""
    seen = loaded_after(code)
    assert "driftcli.detectors._kernels" in seen
    assert not seen & HEAVY


def test_formats_are_loaded_when_a_file_is_asked_for():
    """The one that is shown is loaded by who shows it."""
    code = "from driftcli.cli import _reports\n_reports.plan('text', sys.argv[1:], brief=False)"
    assert "driftcli.reports.junit" not in loaded_after(code)
    assert "driftcli.reports.junit" in loaded_after(code, "html=report.html")
