"""Small generated photographs and command lines run in this process: what the tests of the whole path share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jsonschema
import numpy as np
from PIL import Image

from driftcli.cli import app
from driftcli.reports.json import schema

FAST = ("--method", "properties,autoencoder", "--workers", "1", "-q", "--detectable", "none")
TIMES = ("created", "timing")
"""What may differ between two results of the same check."""


def scene(rng: np.random.Generator, *, size: int = 64, light: float = 0.0) -> Image.Image:
    """A smooth coloured picture with a little noise; `light` makes it brighter."""
    y, x = np.mgrid[0:size, 0:size] / size
    turns, phase = rng.uniform(1, 4, 3), rng.uniform(0, 6, 3)
    waves = np.stack([np.sin(6.28 * (turns[i] * x + phase[i] * y) + phase[i]) for i in range(3)], -1)
    grain = rng.normal(0, 6, waves.shape)
    return Image.fromarray(np.clip(120 + 60 * waves + rng.normal(light, 12) + grain, 0, 255).astype(np.uint8))


def pictures(folder: Path, count: int, seed: int, *, form: str = "jpg", **look: float) -> Path:
    """`count` scenes in a folder, made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for i in range(count):
        scene(rng, **look).save(folder / f"{i:04d}.{form}", quality=90)
    return folder


@dataclass(frozen=True)
class Ran:
    """One command line: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> dict:
        """Standard output as a result: it holds nothing else, keeps to the schema, and its ledger sums."""
        found = json.loads(self.out)
        _validator().validate(found)
        ledger = found["ledger"]
        parts = [ledger["used"], *ledger["unreadable"].values(), *ledger["skipped"].values()]
        assert ledger["seen"] == sum(parts) + ledger["changed"]
        assert found["exit_code"] == self.code
        return found

    @property
    def timeless(self) -> dict:
        return {key: value for key, value in self.result.items() if key not in TIMES}


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema())


def succeed(*argv: object) -> None:
    """A command line that is part of a fixture."""
    assert app.run([str(word) for word in argv]) == 0, argv


@dataclass(frozen=True)
class World:
    """Folders of images, and an artifact fitted on one of them and calibrated on another."""

    root: Path

    @property
    def train(self) -> Path:
        return self.root / "train"

    @property
    def good(self) -> Path:
        return self.root / "good"

    @property
    def fresh(self) -> Path:
        """24 images like the others."""
        return self.root / "fresh"

    @property
    def bright(self) -> Path:
        """24 images with more light."""
        return self.root / "bright"

    @property
    def ref(self) -> Path:
        """Fitted, calibrated on `good`; copy it before changing it."""
        return self.root / "ref"

    @property
    def bare(self) -> Path:
        """Fitted and not calibrated: `--holdout 0`."""
        return self.root / "bare"


def make_world(root: Path) -> World:
    world = World(root)
    for seed, (folder, count, light) in enumerate(
        [(world.train, 90, 0), (world.good, 110, 0), (world.fresh, 24, 0), (world.bright, 24, 45)]
    ):
        pictures(folder, count, seed, light=light)
    succeed("fit", world.train, "-o", world.bare, "--holdout", "0", *FAST)
    succeed("fit", world.train, "-o", world.ref, *FAST)
    succeed("baseline", world.ref, world.good, "--workers", "1", "-q")
    return world
