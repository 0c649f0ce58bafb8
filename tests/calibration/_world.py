"""A world of images as numbers: six views with common causes, and audits of it by the real gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from driftcli.calibration import false_alarms
from driftcli.config.settings import Settings
from driftcli.core.features import Features
from driftcli.core.images import Ledger
from driftcli.detectors.mmd import Mmd
from driftcli.detectors.reconstruction import Reconstruction
from driftcli.detectors.univariate import Univariate
from driftcli.extractors.autoencoder import Autoencoder
from driftcli.extractors.base import families as declared_families
from driftcli.extractors.properties import Properties
from driftcli.gate.batch_test import Outcome, run_gate
from driftcli.reading.reading import Reading
from driftcli.reference.families import Family
from driftcli.reference.reference import Baseline

CAUSES = 8
WIDTHS = {"style": 20, "content": 16, "latent": 12, "error": 9, "properties": 14, "file": 15}
HUE, ISO, FORMAT = 9, 7, 11
MIX = {
    name: np.random.default_rng([7, i]).normal(size=(CAUSES, d)) / CAUSES**0.5
    for i, (name, d) in enumerate(WIDTHS.items())
}
COLUMNS = {
    "properties": Properties().columns("properties"),
    "file": Properties().columns("file"),
    "error": Autoencoder(channels=3).columns("error"),
}
Change = Callable[[dict[str, np.ndarray]], None]


def images(
    rng: np.random.Generator,
    n: int,
    *,
    group: Sequence[str] | None = None,
    within: float = 0.0,
    cats: float | None = None,
    change: Change | None = None,
) -> Features:
    """Images of this world: eight causes (light, scene, ...) drive all views, with noise of each view's own.

    `group`: images of one group share the part `within` of the variance of every cause. `cats`: this
    share is of a class whose causes differ; it is the stratum. `change`: drift, done to the views.
    """
    causes = rng.normal(size=(n, CAUSES))
    if group is not None:
        _, code = np.unique(np.asarray(group), return_inverse=True)
        causes = causes * (1 - within) ** 0.5 + rng.normal(size=(code.max() + 1, CAUSES))[code] * within**0.5
    stratum = None
    if cats is not None:
        is_cat = np.arange(n) < round(cats * n)
        causes[is_cat, :3] += 1.5
        stratum = np.where(is_cat, "cat", "dog")
    views = {name: causes @ MIX[name] + 0.6 * rng.normal(size=(n, d)) for name, d in WIDTHS.items()}
    views["style"] = np.tanh(views["style"]) + 0.02 * rng.standard_t(3, size=views["style"].shape)
    views["error"] = np.log1p(np.exp(views["error"]))
    shape_properties(views["properties"], rng)
    views["file"] = file_facts(views["file"], rng)
    if change is not None:
        change(views)
    order = rng.permutation(n)  # by content hash, as a reading is: without any relation to the content
    features = Features(
        names=tuple(f"{i}.png" for i in range(n)),
        content=np.sort(np.array([rng.bytes(32).hex().encode() for _ in range(n)], "S64")),
        pixels=rng.integers(0, 2**63, n).astype(np.uint64),
        near=np.zeros(n, np.uint64),
        views={name: x.astype(np.float32) for name, x in views.items()},
        group=None if group is None else tuple(group),
        stratum=None if stratum is None else tuple(stratum),
    )
    shuffled = features.at(order)
    return replace(shuffled, content=features.content)


def shape_properties(x: np.ndarray, rng: np.random.Generator) -> None:
    """Skewed, clipped, rounded, circular and missing columns, as pixels give them."""
    x[:, 2:5] = np.exp(x[:, 2:5])
    x[:, 3] = np.maximum(x[:, 3] - 1.5, 0)  # highlights: none in most images
    x[:, 4] = np.round(x[:, 4])
    x[:, HUE] = x[:, HUE] / 4 % 1
    x[rng.random(len(x)) < 0.1, HUE] = np.nan


def file_facts(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A few widths, constants, values most files lack, and categories."""
    facts = np.round(x)
    facts[:, 1] = 480.0
    facts[:, 5:ISO] = np.where(rng.random((len(x), 2)) < 0.5, np.nan, facts[:, 5:ISO])
    facts[:, ISO:FORMAT] = np.nan
    facts[:, FORMAT:] = (facts[:, FORMAT:] > 0.5) * 7.0
    facts[:, FORMAT + 2] = rng.integers(0, 40, len(x))
    return facts


def detectors() -> dict[str, Mmd | Reconstruction | Univariate]:
    return {
        "style": Mmd(scale="blocks", blocks=(8, 12)),
        "content": Mmd(),
        "reconstruction": Reconstruction(),
        "latent": Mmd(),
        "properties": Univariate(),
        "file": Univariate(),
    }


def fit(reference: Features, gates: Mapping[str, str] | None = None) -> tuple[Family, ...]:
    """What F teaches the detectors. All six families gate unless `gates` says otherwise."""
    found = []
    for name, detector in detectors().items():
        declared = declared_families()[name][1]
        view, traits = declared.name, (declared.named, declared.of_file, name == "properties")
        columns = COLUMNS.get(view, ())
        gate = "on" if gates is None else gates.get(name, "off")
        if gate != "off":
            state = detector.fit(reference.views[view], columns, 0)
            family = Family(name, view, gate, detector, columns, state, *traits)  # type: ignore[arg-type]
            found.append(replace(family, weight=declared.weight))
    return tuple(found)


def calibrate(
    families: Sequence[Family], held_out: Features, seed: int, *, measure: bool = False
) -> Baseline:
    """C as a baseline; `measure`: with its false-alarm rate and what it can see."""
    ready = tuple(
        replace(f, state={**f.state, **f.detector.calibrate(f.state, held_out.views[f.view])})
        for f in families
    )
    measured = false_alarms.measure(ready, held_out.views, seed) if measure else {}
    return Baseline("default", held_out, ready, measured, canary={}, facts={"digest": f"{seed}"})


def audit(baseline: Baseline, batch: Features, **gate: object) -> Outcome:
    """The gate of `check` on features at hand. 599 permutations resolve alpha 0.01 over six families."""
    keys = {"group_by": "folder"} if batch.group is not None else {}
    if batch.stratum is not None:
        keys["stratify_by"] = "column:label"
    settings = Settings.model_validate(
        {"gate": {"permutations": 599, "alpha": 0.01, **gate}, "input": {**keys}}
    )
    ledger = Ledger(len(batch), len(batch), {}, {}, 0)
    reading = Reading(batch, ledger, (), 0.0, batch.content, np.unique(batch.pixels))
    return run_gate(settings, baseline, reading)


@dataclass(frozen=True)
class Shift:
    """One property moved by an amount, in all images or in a share of them."""

    column: int
    amount: float
    share: float = 1.0

    def __call__(self, views: dict[str, np.ndarray]) -> None:
        x = views["properties"]
        x[: round(self.share * len(x)), self.column] += self.amount
