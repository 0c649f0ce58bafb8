"""power(): how often the gate and its families find what happens to images, on the user's own images."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from driftcli.calibration.paired import Simulated, simulate
from driftcli.config.call import Call
from driftcli.config.settings import Settings
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.features import Features
from driftcli.core.power_report import NullRow, PowerCell, PowerReport
from driftcli.core.times import now_utc
from driftcli.core.version import version
from driftcli.extractors.base import resolve_device
from driftcli.gate import preconditions
from driftcli.gate.batch_test import batch_seed
from driftcli.power_study import cells as power_cells
from driftcli.power_study.plan import Plan
from driftcli.reading import canaries
from driftcli.reading.entries import entries_again
from driftcli.reading.reader import Reader
from driftcli.reading.reading import digest
from driftcli.reading.runtime import engines, make_runtime, versions
from driftcli.reference.families import Family
from driftcli.reference.reference import Baseline, Reference, open_baseline, open_reference

MIN_KEPT = 20
"""Held-out images that must be left to compare with; a baseline needs as many."""


@dataclass(frozen=True)
class Sides:
    """Images to draw batches from, and held-out images to compare them with: no image is on both sides."""

    pool: Features
    held_out: Features
    """Those of the baseline that are not in the pool."""
    left_out: int
    """Images of the baseline that are in the pool and therefore not in `held_out`."""
    cautions: tuple[str, ...]


def power(
    artifact: str | Path,
    sources: Sequence[str],
    call: Call,
    plan: Plan,
    *,
    baseline: str | None = None,
) -> PowerReport:
    """Detection rates by corruption, severity, share and batch size, measured on the user's own images.

    Images of `sources` are read clean and under every change of the plan; batches drawn from them are compared with
    the baseline's held-out set, which never holds any of them. `baseline`: its name, or None for the usual one.

    Raises NotAuditedError (exit 3) for too few images, UsageError (2) for settings under which images are not the unit of the test.
    """
    started = time.monotonic()
    opened, reference = open_reference(str(artifact), call.settings, call.given, call.expect_sha256)
    calibrated = open_baseline(opened, reference, baseline, str(artifact))
    settings = reference.settings
    conditions = _refuse_or_warn(settings, plan, calibrated.facts)
    runtime = make_runtime(settings, call.progress)
    reader = Reader(settings, reference.extractors, reference.states, runtime, False, call.progress)
    with reader:
        images = _read(reader, sources, plan, reference, calibrated)
    families = [f for f in calibrated.families if f.gate == "on" or not f.of_file]  # corruptions leave files
    cells, null = _measured(images, families, plan, calibrated, reader)
    return PowerReport(
        tool={"name": "driftcli", "version": version()},
        created=now_utc(),
        artifact=str(artifact),
        digest=opened.digest,
        baseline=calibrated.name,
        source=tuple(sources),
        foreign=plan.foreign,
        alpha=settings.gate.alpha,
        trials=plan.trials,
        images=len(images.pool),
        baseline_images=len(images.sides.held_out),
        left_out=images.sides.left_out,
        cautions=(*conditions, *images.cautions, *_restless(null, settings.gate.alpha)),
        families={f.name: f.gate for f in families},
        cells=cells,
        null=null,
        timing={"seconds": round(time.monotonic() - started, 2)},
        environment=_environment(reader, settings.seed),
    )


@dataclass(frozen=True)
class _Images:
    """All that was read for one study."""

    sides: Sides
    pool: Simulated
    """The pool's images, clean and under every change."""
    foreign: Features | None
    cautions: tuple[str, ...]


def _read(
    reader: Reader, sources: Sequence[str], plan: Plan, reference: Reference, baseline: Baseline
) -> _Images:
    """The images of a study. Raises NotAuditedError where they are too few, ArtifactError for other canaries."""
    settings = reader.settings
    views = canaries.seen_by(reader, reference.canary)
    canaries.compare(baseline.canary, views, reference.spread, baseline.facts["versions"], versions())
    reading = reader.read(sources, settings.fit.max_images, "reading images")
    preconditions.require(reading, settings, 2 * plan.batches[0], "power")
    sides = divide(reading.features, reference, baseline, plan)
    again = list(entries_again(sources, settings, sides.pool.names))
    pool = simulate(reader, again, plan.changes, settings.seed, "simulating corruptions")
    foreign = _foreign(reader, plan, reference, baseline, pool)
    if len(pool) < 2 * plan.batches[0]:
        raise _too_few(len(pool), plan)
    cautions = (*reading.cautions, *sides.cautions, *_not_measured(pool, plan, foreign))
    return _Images(sides, pool, foreign, cautions)


def _measured(
    images: _Images, families: Sequence[Family], plan: Plan, baseline: Baseline, reader: Reader
) -> tuple[tuple[PowerCell, ...], tuple[NullRow, ...]]:
    """The cells and the clean rows; the seed depends on the baseline and the pool, as that of a check does."""
    settings = reader.settings
    views = {f.view: images.sides.held_out.views[f.view] for f in families}
    material = power_cells.Material(families, views, images.pool, images.foreign)
    seed = batch_seed(settings.seed, str(baseline.facts["digest"]), digest(images.pool.clean.content))
    return power_cells.measure(material, plan, settings.gate.alpha, seed, reader.progress)


def _environment(reader: Reader, seed: int) -> dict[str, Any]:
    """Device, what ran the networks, seed and versions, as the report shows them."""
    ran = engines(reader.extractors, reader.states, reader.runtime)
    told = {
        "device": resolve_device(reader.runtime.device),
        **({"runtime": ran} if ran else {}),
        "seed": seed,
    }
    return {**told, **dict(sorted(versions().items()))}


def divide(images: Features, reference: Reference, baseline: Baseline, plan: Plan) -> Sides:
    """Images to draw from and held-out images to compare with, without a common one.

    Images of the fit set stay out. Those that are not in the baseline are the pool if they allow the largest batch;
    otherwise as many images as that needs, at most half of the baseline's, move from it to the pool. Always those
    with the lowest content hashes. Raises NotAuditedError when one side is too small.
    """
    held_out = baseline.features
    _, first = np.unique(images.pixels, return_index=True)
    distinct = images.at(np.sort(first))
    known = reference.seen.among(distinct)
    usable = distinct.at(np.flatnonzero(~known))
    inside = np.isin(usable.pixels, held_out.pixels)
    fresh, shared = usable.at(np.flatnonzero(~inside)), usable.at(np.flatnonzero(inside))
    wanted = 2 * plan.batches[-1]
    cautions = []
    if known.any():
        cautions.append(f"{int(known.sum())} images that the reference was fitted on are left out")
    if len(fresh) >= wanted:
        return Sides(fresh.first(plan.images), held_out, 0, tuple(cautions))
    moved = shared.first(min(max(wanted - len(fresh), 0), len(np.unique(held_out.pixels)) // 2))
    pool = Features.concatenated([fresh, moved])
    pool = pool.at(np.argsort(pool.content, kind="stable")).first(plan.images)
    rest = np.flatnonzero(~np.isin(held_out.pixels, pool.pixels))
    left_out = len(held_out) - len(rest)
    if left_out:
        cautions.append(
            f"{left_out} images are in the baseline: it is used without them, {len(rest)} images of {len(held_out)}; "
            "name other good images to see what the whole baseline sees"
        )
    if len(pool) < 2 * plan.batches[0]:
        raise _too_few(len(pool), plan)
    if len(rest) < MIN_KEPT:
        raise NotAuditedError(
            f"{len(rest)} images of baseline {baseline.name} are not among those to draw from; {MIN_KEPT} are needed",
            "name good images that are not in the baseline, or make a larger baseline",
        )
    return Sides(pool, held_out.at(rest), left_out, tuple(cautions))


def _too_few(images: int, plan: Plan) -> NotAuditedError:
    return NotAuditedError(
        f"{images} distinct images that the reference was not fitted on; batches of {plan.batches[0]} "
        f"need at least {2 * plan.batches[0]}",
        "name more good images that are not in the artifact, or measure smaller batches with --batch",
    )


def _refuse_or_warn(settings: Settings, plan: Plan, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """What this study cannot say, and what it says with a condition. `facts`: of the baseline."""
    gate, keys = settings.gate, settings.input
    asked: dict[str, object] = {
        "input.group_by": keys.group_by,
        "input.stratify_by": keys.stratify_by,
        "gate.ignore_composition": gate.ignore_composition or None,
    }
    for key, value in asked.items():
        if value is not None:
            raise UsageError(
                f"{key} = {value!r}: power draws single images, and tests them so",
                f"measure without {key}",
            )
    if gate.alpha < power_cells.SURE:
        raise UsageError(
            f"alpha {gate.alpha:g} is below the smallest p that power can give, {power_cells.SURE:g}",
            "measure at a larger alpha",
        )
    warnings = []
    if gate.tolerance != 0:
        warnings.append("rates are those of p alone: with a tolerance some of these batches give `warn`")
    if facts.get("stratify_by") is not None:
        warnings.append("a check of this baseline also tests the mix of its classes: that is left out here")
    if plan.batches[0] < gate.min_images:
        warnings.append(f"a check refuses batches of fewer than {gate.min_images} images (--min-images)")
    return tuple(warnings)


def _foreign(
    reader: Reader, plan: Plan, reference: Reference, baseline: Baseline, pool: Simulated
) -> Features | None:
    """Images of another kind, without any that is in the fit set, in the baseline or in the pool; None if unasked."""
    if not plan.foreign:
        return None
    images = reader.read(plan.foreign, plan.images, "reading foreign images").features
    known = np.concatenate([reference.seen.pixels, baseline.features.pixels, pool.clean.pixels])
    _, first = np.unique(images.pixels, return_index=True)
    distinct = images.at(np.sort(first))
    distinct = distinct.at(np.flatnonzero(~np.isin(distinct.pixels, known)))
    if not len(distinct):
        raise NotAuditedError(
            f"--foreign {', '.join(plan.foreign)}: no usable image that is not a good one, too",
            "name images of another kind",
        )
    return distinct


def _not_measured(pool: Simulated, plan: Plan, foreign: Features | None) -> tuple[str, ...]:
    """Cells that were asked for and could not be measured."""
    cautions = []
    large = [m for m in plan.batches if 2 * m > len(pool)]
    if large:
        sizes = ", ".join(map(str, large))
        cautions.append(
            f"batches of {sizes} are not measured: they need {2 * large[-1]} images, and there are {len(pool)}"
        )
    most = max((max(1, round(plan.shares[-1] * m)) for m in plan.batches if m not in large), default=0)
    if foreign is not None and most > len(foreign):
        cautions.append(
            f"there are {len(foreign)} foreign images: batches that would hold more are not measured"
        )
    return tuple(cautions)


def _restless(null: Sequence[NullRow], alpha: float) -> list[str]:
    """Cautions for batch sizes at which the pool differs from the baseline before anything is done to it."""
    return [
        f"{row.rates['gate'].rate:.0%} of unchanged batches of {row.batch} fire, more than alpha promises: "
        "these images differ from the baseline before anything is done to them"
        for row in null
        if row.rates["gate"].low > alpha
    ]
