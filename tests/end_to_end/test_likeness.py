"""A drifted batch is likened to what happened to it, along the whole path; the library leaves no trace of order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from driftcli.calibration import corruption_library, false_alarms
from driftcli.config.settings import Settings
from driftcli.core.images import EMPTY
from driftcli.core.registry import load
from driftcli.extractors.base import Runtime
from driftcli.reading.reader import Reader
from driftcli.reference.reference import build_extractors
from tests.journey import FAST


def corrupted(folder: Path, source: Path, corruption: str, severity: float) -> Path:
    """Every picture of a folder under one corruption, saved without loss."""
    folder.mkdir()
    for number, path in enumerate(sorted(source.iterdir())):
        with Image.open(path) as image:
            changed = load("corruptions", corruption)()(image, severity, np.random.default_rng(number))
        changed.save(folder / f"{path.stem}.png")
    return folder


@pytest.mark.parametrize(
    ("corruption", "words"),
    [("gaussian_blur", "blur severity"), ("darken", "darkening severity"), ("grey_scale", "loss of colour")],
)
def test_what_happened_is_named(check, world, tmp_path, corruption, words):
    """First among the statements and the reasons, with severity and similarity."""
    result = check(world.ref, corrupted(tmp_path / corruption, world.fresh, corruption, 4)).result
    first = result["diagnosis"][0]
    assert load("corruptions", first["corruption"])().belongs == load("corruptions", corruption)().belongs
    assert first["statement"].startswith("Like ")
    assert words in first["statement"]
    assert 2 <= first["severity"] <= 5
    assert 0.75 <= first["similarity"] <= 1
    assert first["statement"] in result["reasons"]


def test_other_pictures_are_like_no_corruption(check, world, tmp_path):
    """Text on white is not what any lens or sensor makes of these scenes."""
    folder = tmp_path / "pages"
    folder.mkdir()
    rng = np.random.default_rng(4)
    for number in range(24):
        page = np.full((64, 64, 3), 235, np.uint8)
        for row in range(6, 60, 6):
            page[row : row + 2, 5 : rng.integers(30, 60)] = 30
        Image.fromarray(page).save(folder / f"{number}.png")
    result = check(world.ref, folder, "--allow-overlap").result
    assert result["verdict"] == "drift"
    assert all(one["corruption"] is None for one in result["diagnosis"])
    assert not any("like" in reason.split() for reason in result["reasons"])


def test_a_batch_that_passes_is_like_nothing(check, world):
    assert check(world.ref, world.fresh).result["diagnosis"] == []


def test_a_baseline_without_a_library_says_nothing_of_it(drift, check, world, tmp_path, monkeypatch):
    """Artifacts of before, `calibrate.detectable none` (the world's hold-out), and `--detectable none`."""
    monkeypatch.setattr(false_alarms, "SPLITS", 2)
    ref = tmp_path / "ref"
    assert drift("fit", world.train, "-o", ref, *FAST).code == 0
    assert _facts(ref, "holdout") is None
    assert _facts(world.ref, "holdout") is None
    assert _facts(world.ref, "default") is not None
    result = check(ref, world.bright).result
    assert result["diagnosis"]
    assert all(one["kind"] not in (None, "like") for one in result["diagnosis"])


def _facts(ref: Path, name: str) -> object:
    return json.loads((ref / "manifest.json").read_text("utf-8"))["baselines"][name]["diagnosis"]


def _library(source: str, workers: int) -> corruption_library.Library:
    settings = Settings.model_validate({"extractors": {"methods": ["properties"]}, "workers": workers})
    with Reader(settings, build_extractors(settings), {"properties": EMPTY}, Runtime(device="cpu")) as reader:
        held_out = reader.read([source], 1000, "reading").features
        found = corruption_library.library(reader, [source], held_out)
    assert found is not None
    return found


def test_neither_order_nor_workers_leave_a_trace(world, tmp_path, monkeypatch):
    """Bit for bit: the same pictures from a list in reverse, read by two workers."""
    monkeypatch.setattr(corruption_library, "kinds", lambda _: ("gaussian_noise", "jpeg", "scratch"))
    names = sorted((str(path) for path in world.good.iterdir()), reverse=True)
    manifest = tmp_path / "list.txt"
    manifest.write_text("\n".join(names))
    one, other = _library(str(world.good), 1), _library(str(manifest), 2)
    assert np.array_equal(one.points, other.points)
    assert (one.least, one.clear) == (other.least, other.clear)
