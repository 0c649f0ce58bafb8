"""A copy of the package with one file more in `extractors/` and one in `detectors/`: everything knows them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import driftcli

TOY = Path(__file__).parent / "toy"
"""A toy extractor (method `toy`, family `tint`) and the toy detector that tests it."""
FAST = ("--method", "toy", "--detectable", "none", "--workers", "1", "-q")
DRIVER = """
import contextlib, io, json, sys
import driftcli
from driftcli.cli import app

ran = {"package": driftcli.__file__}
for name, argv in json.load(sys.stdin).items():
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        code = app.run(argv)
    out.flush()
    ran[name] = [code, out.buffer.getvalue().decode()]
json.dump(ran, sys.stdout)
"""
"""Command lines one after the other in one process: importing torch once is enough."""


def pictures(folder: Path, count: int, seed: int, red: float = 0) -> str:
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for i in range(count):
        grain = rng.normal(0, rng.uniform(5, 30), (24, 24, 1))
        pixels = rng.normal(120, 6, 3) + grain + np.array([red, 0, 0])
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{i:03}.png")
    return folder.name


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder that holds such a package and images; commands run in it."""
    home = tmp_path_factory.mktemp("toy")
    own = Path(driftcli.__file__).parent
    shutil.copytree(own, home / "driftcli", ignore=shutil.ignore_patterns("__pycache__"))
    for room, name in (("extractors", "toy.py"), ("detectors", "gap.py")):
        shutil.copy(TOY / room / name, home / "driftcli" / room / name)
    before, after = ({f.relative_to(p) for f in p.rglob("*.py")} for p in (own, home / "driftcli"))
    assert after - before == {Path("extractors/toy.py"), Path("detectors/gap.py")}
    pictures(home / "train", 50, 1)
    pictures(home / "good", 60, 2)
    pictures(home / "fresh", 16, 3)
    pictures(home / "red", 16, 4, red=25)
    return home


@pytest.fixture(scope="module")
def ran(home):
    """The whole story in the other package: name -> exit code and standard output."""
    check = ("check", "ref", "--workers", "1")
    off = ("--set", "families.tint.gate=off")
    lines = {
        "fit": ("fit", "train", "-o", "ref", "--holdout", "0", *FAST),
        "baseline": ("baseline", "ref", "good", "--workers", "1", "-q"),
        "clean": (*check, "fresh", "-f", "json"),
        "drifted": (*check, "red", "-f", "json", "-o", "json=red.json", "-o", "html=red.html"),
        "off": (*check, "red", *off),
        "text": ("report", "red.json", "-f", "text"),
        "markdown": ("report", "red.json", "-f", "markdown"),
        "config": ("check", "ref", "red", *off, "--show-config"),
        "inspect": ("inspect", "ref"),
        "doctor": ("doctor", "--method", "plaything"),
        "help": ("fit", "--help"),
        "typing": ("fit", "train", "-o", "other", "--method", "toi"),
    }
    process = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps(lines),
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(home), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    told = json.loads(process.stdout)
    assert told.pop("package") == str(home / "driftcli" / "__init__.py")
    return {**told, "stderr": (0, process.stderr)}


def test_fit_baseline_check(ran):
    """Learnt and calibrated; like images pass, redder ones are drift, and the toy's family leads."""
    assert [ran[name][0] for name in ("fit", "baseline", "clean", "drifted")] == [0, 0, 0, 1]
    clean, drifted = (json.loads(ran[name][1]) for name in ("clean", "drifted"))
    assert (clean["verdict"], drifted["verdict"]) == ("pass", "drift")
    (family,) = drifted["families"]
    assert (family["name"], family["gate"], family["significant"]) == ("tint", "on", True)
    assert [statistic["name"] for statistic in family["statistics"]] == ["redness", "unevenness"]
    assert any(d["statement"].startswith("Images are redder: redness +") for d in drifted["diagnosis"])
    assert drifted["images"][0]["family"] == "tint"
    assert any("redness" in reason for reason in drifted["images"][0]["reasons"])
    assert {d["statistic"] for d in drifted["distributions"]} == {"redness", "unevenness"}
    assert drifted["map"]["method"] == "principal components of tints"


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_reports_name_its_family_and_use_its_words(ran, home, form):
    text = (home / "red.html").read_text(encoding="utf-8") if form == "html" else ran[form][1]
    assert "tint" in text
    assert "redder" in text
    assert "redness" in text
    if form == "html":
        assert "grey levels of red" in text, "the heat maps' unit"


def test_its_gate_is_a_setting(ran):
    assert ran["off"] == [2, ""]
    assert "no family has gate: on" in ran["stderr"][1]
    shown = dict(line.split("  # ")[0].rstrip().split("=") for line in ran["config"][1].splitlines())
    assert shown["families.tint.gate"] == "off"
    assert shown["extractors.toy.side"] == "16"
    assert shown["extractors.methods"] == '["toy"]'


def test_other_commands_know_it(ran):
    assert "families   tint" in ran["inspect"][1]
    assert "toy: no weights, and none needed" in ran["doctor"][1]
    assert "toy (alias plaything: tests)" in " ".join(ran["help"][1].split())
    assert ran["typing"] == [2, ""]
    assert "did you mean 'toy'?" in ran["stderr"][1]
