"""Shared by the benchmarks: photos read once through driftcli's own path, then audits in one process."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: its threads only wait on a busy machine
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from driftcli.config.settings import Settings
from driftcli.extractors.base import Runtime
from driftcli.reading.reader import Reader, extract_views
from driftcli.reference.families import Family
from driftcli.reference.reference import build_extractors, build_families
from driftcli.stats import minp
from driftcli.stats.relabelling import choose_permutations, draw

RUNTIME = Runtime(device="cpu")


def data_folder(argument: str | None = None) -> Path:
    """--data, else DRIFTCLI_DATA."""
    named = argument or os.environ.get("DRIFTCLI_DATA")
    if not named or not Path(named).is_dir():
        sys.exit("no data: set DRIFTCLI_DATA to the folder that holds catsdogs, hymenoptera, mnist, notmnist")
    return Path(named)


@dataclass(frozen=True)
class Photos:
    """n images as the extractors saw them; the autoencoder's input is kept, since it is fitted anew."""

    views: Mapping[str, np.ndarray]
    prepared: np.ndarray | None
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Lab:
    """One configuration of extractors, its frozen states, and what it read."""

    settings: Settings
    extractors: Mapping[str, object]
    states: Mapping[str, object]

    @staticmethod
    def open(settings: Settings, facts: Sequence = ()) -> Lab:
        extractors = {k: e.complete(RUNTIME).resolve(facts) for k, e in build_extractors(settings).items()}
        states = {
            k: e.fit(np.empty(0), settings.seed, RUNTIME) for k, e in extractors.items() if not e.learns
        }
        return Lab(settings, extractors, states)

    def read(self, source: str, cache: Path | None = None) -> Photos:
        """Features of one folder, kept in `cache` (.npz) between runs."""
        if cache is not None and cache.is_file():
            kept = np.load(cache, allow_pickle=False)
            views = {k[5:]: kept[k] for k in kept.files if k.startswith("view/")}
            prepared = kept["prepared"] if "prepared" in kept.files else None
            return Photos(views, prepared, tuple(kept["names"].tolist()))
        with Reader(self.settings, self.extractors, self.states, RUNTIME) as reader:
            reading = reader.read([source], 1_000_000, "reading")
        found = Photos(reading.features.views, reading.prepared.get("autoencoder"), reading.features.names)
        if cache is not None:
            more = {} if found.prepared is None else {"prepared": found.prepared}
            arrays = {f"view/{k}": v for k, v in found.views.items()}
            np.savez(cache, names=np.array(found.names), **arrays, **more)
        return found

    def fit(self, photos: Photos, index: np.ndarray, seed: int) -> Fit:
        """Everything that F teaches: a fresh autoencoder and the detectors' states."""
        auto, state = self.extractors.get("autoencoder"), None
        if auto is not None:
            state = auto.fit(photos.prepared[index], seed, RUNTIME)
        fit = Fit(self, state, ())
        views = fit.views(photos, index)
        states = {**self.states, "autoencoder": state}
        families = [
            replace(f, state=f.detector.fit(views[f.view], f.columns, seed))
            for f in build_families(self.settings, self.extractors, {}, states)
        ]
        return replace(fit, families=tuple(families))


@dataclass(frozen=True)
class Fit:
    """A fitted reference: audits of index sets against each other."""

    lab: Lab
    autoencoder: object
    families: tuple[Family, ...]

    def views(self, photos: Photos, index: np.ndarray) -> dict[str, np.ndarray]:
        views = {name: x[index] for name, x in photos.views.items()}
        if self.autoencoder is not None:
            kind = self.lab.extractors["autoencoder"]
            views.update(extract_views(kind, self.autoencoder, photos.prepared[index], RUNTIME))
        return views

    def audit(
        self,
        held_out: Mapping[str, np.ndarray],
        batch: Mapping[str, np.ndarray],
        alpha: float,
        seed: int,
        only: str = "",
        permutations: int | str = "auto",
    ) -> float:
        """The gate's p-value for one batch."""
        gating = [f for f in self.families if f.gate == "on" and (not only or f.name == only)]
        n, m = (len(side[gating[0].view]) for side in (held_out, batch))
        relabellings = draw(
            n, m, choose_permutations(permutations, alpha, len(gating)), np.random.default_rng(seed)
        )
        return minp.joint_p(
            [
                f.evidence(
                    f.detector.values(
                        f.state, np.concatenate([held_out[f.view], batch[f.view]]), relabellings, f.columns
                    )
                )
                for f in gating
            ]
        )


def binomial_bound(trials: int, rate: float, level: float = 0.99) -> int:
    """Largest count that a rate of at most `rate` passes with probability `level`."""
    from math import exp, lgamma, log

    total, k = 0.0, -1
    while total < level:
        k += 1
        ways = lgamma(trials + 1) - lgamma(k + 1) - lgamma(trials - k + 1)
        total += exp(ways + k * log(rate) + (trials - k) * log(1 - rate))
    return k


def wilson(hits: int, trials: int) -> str:
    """95 % interval of a rate, as text."""
    z, p = 1.96, hits / trials
    centre, half = p + z * z / 2 / trials, z * (p * (1 - p) / trials + z * z / 4 / trials**2) ** 0.5
    return f"{max(centre - half, 0) / (1 + z * z / trials):.3f}–{(centre + half) / (1 + z * z / trials):.3f}"


def machine() -> str:
    """The machine in words, for tables."""
    import torch

    return f"{os.cpu_count()} CPU cores, {platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}"
