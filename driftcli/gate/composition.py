"""The mix of images: which classes or clusters a batch is made of, and whether more than the mix changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from driftcli.config.settings import Settings
from driftcli.core.errors import UsageError
from driftcli.core.evidence import Evidence
from driftcli.core.features import Column, Features
from driftcli.core.findings import CompositionResult, ShareResult
from driftcli.detectors.univariate import Univariate
from driftcli.reading.reading import Reading
from driftcli.reference import clusters
from driftcli.reference.families import Family
from driftcli.reference.reference import Baseline, Reference
from driftcli.stats import minp
from driftcli.stats.relabelling import Relabellings

CLUSTERS = "clusters"
FAMILY = VIEW = "composition"
EXAMPLES = 3
COLUMN = Column("class", "category")
STATE = {"edges": np.zeros((1, 1)), "median": np.zeros(1)}
"""Shares of classes need nothing learnt."""
Attribution = Literal["none", "composition", "images", "both", "unclear"]


@dataclass(frozen=True)
class Mix:
    """Which class or cluster every image of C and Y belongs to."""

    by: str
    """`clusters`, or the key that the labels come from."""
    names: tuple[str, ...]
    """Of the classes, in the order of their codes."""
    held_out: NDArray[np.int64]
    """[n_c] codes."""
    batch: NDArray[np.int64]
    """[m] codes."""
    examples: tuple[tuple[str, ...], ...]
    """Per class: the images of C that stand for it; none for labels, which speak for themselves."""

    def strata(self, count: int) -> tuple[str, ...]:
        """C, then the first `count` images of the batch, as strata to relabel within."""
        return tuple(str(code) for code in (*self.held_out, *self.batch[:count]))


def with_remembered_key(settings: Settings, baseline: Baseline) -> Settings:
    """The settings to read a batch with: its labels too, where the baseline has some."""
    key = baseline.facts.get("stratify_by")
    if settings.input.stratify_by is not None or key is None:
        return settings
    return settings.model_copy(update={"input": settings.input.model_copy(update={"stratify_by": key})})


def mix_of(reference: Reference, baseline: Baseline, batch: Features) -> Mix | None:
    """By the labels that C and the batch share, else by the clusters of F; None where there are neither.

    `--stratify-by` asks for labels: then there are no others.
    """
    asked = reference.settings.input.stratify_by is not None
    labelled = _by_label(baseline, batch, insist=asked)
    return labelled if labelled or asked else _by_cluster(reference, baseline.features, batch)


def with_family(
    mix: Mix | None, settings: Settings, baseline: Baseline, reading: Reading
) -> tuple[Baseline, Reading]:
    """Labels have a say of their own: one more family, over a view that holds the class of each image.

    Not clusters: `content`, which they are made of, sees what they see. Not where the mix is ignored.
    """
    say = settings.families.composition.gate
    if mix is None or mix.by == CLUSTERS or say == "off" or ignored(settings):
        return baseline, reading
    family = Family(FAMILY, VIEW, say, Univariate(), (COLUMN,), STATE, tells="mix")
    held_out = _with_view(baseline.features, mix.held_out)
    return (
        replace(baseline, features=held_out, families=(*baseline.families, family)),
        replace(reading, features=_with_view(reading.features, mix.batch)),
    )


def required(mix: Mix | None) -> Mix:
    """For `--ignore-composition`. Raises UsageError (2) where nothing tells the classes."""
    if mix is None:
        raise UsageError(
            "--ignore-composition needs classes, and there are neither labels nor clusters",
            "run driftcli baseline with --stratify-by KEY on labelled images, or fit again on more images "
            "with an embedding or an autoencoder and fit.clusters=auto",
        )
    return mix


def ignored(settings: Settings) -> bool:
    """Whether the gate compares within classes only."""
    return settings.gate.ignore_composition or settings.input.stratify_by is not None


def result(
    mix: Mix,
    relabellings: Relabellings,
    residual: tuple[float | None, str | None],
    p_gate: float,
    settings: Settings,
) -> CompositionResult:
    """The test of shares under unstratified relabellings, and what it and the residual test say together.

    `residual`: p within classes, or why there is none.
    """
    count, alpha = len(relabellings.unit_of) - relabellings.n_held_out, settings.gate.alpha
    held_out, batch = mix.held_out, mix.batch[:count]
    columns = [np.asarray(codes, np.float32)[:, None] for codes in (held_out, batch)]
    values, statistics = Univariate().test(STATE, columns[0], columns[1], relabellings, (COLUMN,))
    evidence = Evidence(FAMILY, values, statistics)
    shares = minp.judge([evidence], {FAMILY: "on"}, alpha, 0.0).families[0]
    p_residual, reason = residual
    return CompositionResult(
        by=mix.by,
        p_value=shares.p_value,
        effect=shares.effect if evidence.statistics else 0.0,
        effect_lower=shares.effect_lower if evidence.statistics else 0.0,
        residual_p_value=p_residual,
        reading=attribute(p_gate, shares.p_value or 1.0, p_residual, alpha, blind=ignored(settings)),
        ignored=ignored(settings),
        shares=_shares(mix, held_out, batch),
        reason=reason,
    )


def attribute(
    p_gate: float, p_mix: float, p_residual: float | None, alpha: float, *, blind: bool
) -> Attribution:
    """What the gate's finding is put down to; `none` where it found nothing.

    `blind`: the gate compared within classes, so that only the images can have made it fire.
    """
    mixed, within = p_mix <= alpha, p_residual is not None and p_residual <= alpha
    if blind:
        return ("both" if mixed else "images") if p_gate <= alpha else ("composition" if mixed else "none")
    if p_gate > alpha:
        return "none"
    if within:
        return "both" if mixed else "images"
    return "composition" if mixed and p_residual is not None else "unclear"


# ---------------------------------------------------------------- who belongs where


def _by_label(baseline: Baseline, batch: Features, *, insist: bool) -> Mix | None:
    """Labels serve when every image has one and C knows at least half of the batch's; or if one insists.

    A key such as `folder` may name other folders today: nothing to compare with, and no other mix.
    """
    ours, theirs = baseline.features.stratum, batch.stratum
    if not ours or not theirs:
        return None
    known = set(ours) - {""}
    if not insist and ("" in ours or "" in theirs or 2 * sum(t in known for t in theirs) < len(theirs)):
        return None
    names = tuple(sorted({*ours, *theirs}))
    code = {name: i for i, name in enumerate(names)}
    sides = [np.array([code[label] for label in side], np.int64) for side in (ours, theirs)]
    by = str(baseline.facts.get("stratify_by") or "labels")
    return Mix(by, names, sides[0], sides[1], ((),) * len(names)) if len(names) > 1 else None


def _by_cluster(reference: Reference, held_out: Features, batch: Features) -> Mix | None:
    """Clusters numbered by their share of C, the largest first."""
    chosen = clusters.choose(reference.clusters, len(held_out))
    if chosen is None or chosen[0] not in held_out.views:
        return None
    view, centroids = chosen
    own = clusters.assign(held_out.views[view], centroids)
    order = np.argsort(-np.bincount(own, minlength=len(centroids)), kind="stable")
    far = clusters.distances(held_out.views[view], centroids[order])
    nearest = np.argsort(far, axis=0, kind="stable")
    code = far.argmin(axis=1)
    examples = tuple(
        tuple(held_out.names[i] for i in nearest[:, k] if code[i] == k)[:EXAMPLES] for k in range(len(order))
    )
    names = tuple(f"cluster {k + 1}" for k in range(len(order)))
    theirs = clusters.assign(batch.views[view], centroids[order])
    return Mix(CLUSTERS, names, code, theirs, examples)


def _with_view(features: Features, codes: NDArray[np.int64]) -> Features:
    return replace(features, views={**features.views, VIEW: codes.astype(np.float32)[:, None]})


def _shares(mix: Mix, held_out: NDArray[np.int64], batch: NDArray[np.int64]) -> tuple[ShareResult, ...]:
    """Both sides' shares, the largest change first."""
    before, after = (np.bincount(side, minlength=len(mix.names)) / len(side) for side in (held_out, batch))
    order: Sequence[int] = np.argsort(-np.abs(after - before), kind="stable").tolist()
    return tuple(
        ShareResult(mix.names[k], float(after[k]), float(before[k]), mix.examples[k])
        for k in order
        if after[k] or before[k]
    )
