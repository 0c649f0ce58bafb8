"""Making a baseline: C calibrated and written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from driftcli.calibration import detectability, false_alarms, harm
from driftcli.calibration.held_out import HeldOut
from driftcli.core import amounts
from driftcli.core.addresses import shown
from driftcli.core.features import Features, State
from driftcli.core.progress import Progress
from driftcli.core.times import now_utc
from driftcli.explain import corruption, plane
from driftcli.extractors.base import portraits, views
from driftcli.reading import canaries
from driftcli.reading.reading import digest
from driftcli.reading.runtime import versions
from driftcli.reference import predicted
from driftcli.reference.families import Family
from driftcli.reference.packed import pack_features
from driftcli.reference.reference import Reference, build_families
from driftcli.reference.thumbnails import pack
from driftcli.stats import minp
from driftcli.stats.relabelling import draw

if TYPE_CHECKING:
    from driftcli.artifact.store import Draft

GROUP_PERMUTATIONS = 499
MIN_GROUP = 5
GROUP_ALPHA = 0.05


@dataclass(frozen=True)
class Calibration:
    """A baseline that is made and not yet in an artifact."""

    name: str
    state: State
    thumbnails: State | None
    facts: Mapping[str, Any]
    """The manifest's entry."""
    of_classifier: tuple[str, ...] = ()
    """What the predictions beside these images are too few for."""

    @property
    def cautions(self) -> list[str]:
        """What a user should be told about these good images."""
        return [*self.facts["cautions"], *self.of_classifier]

    def store(self, draft: Draft) -> None:
        """Into the artifact, in place of an older baseline of that name."""
        draft.put(f"baseline-{self.name}", self.state)
        draft.remove(f"thumbnails-{self.name}")
        if self.thumbnails is not None:
            draft.put(f"thumbnails-{self.name}", self.thumbnails)
        draft.document.setdefault("baselines", {})[self.name] = dict(self.facts)


def calibrate_baseline(name: str, reference: Reference, held_out: HeldOut, progress: Progress) -> Calibration:
    """What C measures of the gate, and C itself, ready for the artifact.

    The artifact is not touched, so that nobody waits for its lock meanwhile.
    """
    features = held_out.features
    families = _calibrated_families(reference, features)
    identity = _identity(reference, features)
    seed = int(identity[:12], 16)
    measured = false_alarms.measure(families, features.views, seed, progress)
    effects, cautions = _good_groups(families, features, seed)
    if held_out.study is not None:
        measured |= detectability.measure(families, features, held_out.study, seed, progress)
    library, diagnosis = corruption.pack(held_out.library)
    model = harm.learnt(features, seed)
    learnt, of_model = ({}, None) if model is None else model.pack()
    state = {**_state(reference, held_out, families), **library, **learnt}
    state |= {f"measured/{key}": value for key, value in measured.items()}
    facts = {
        **_facts(reference, held_out),
        "digest": identity,
        "group_effects": effects,
        "false_alarms_measured_at": sorted(int(key[2:]) for key in measured if key.startswith("p_")),
        "cautions": cautions,
        "diagnosis": diagnosis,
        **({} if of_model is None else {"harm": of_model}),
        **({predicted.KEY: said} if (said := _of_predictions(held_out)) else {}),
    }
    thumbnails = pack(held_out.thumbnails[: len(features)], reference.thumbnails)
    return Calibration(name, state, thumbnails, facts, tuple(harm.cautions(features, model)))


def _calibrated_families(reference: Reference, held_out: Features) -> list[Family]:
    """Every family, those that are off too, with what its detector takes from C."""
    families = build_families(
        reference.settings, reference.extractors, reference.detectors, reference.states, every=True
    )
    return [
        replace(f, state={**f.state, **f.detector.calibrate(f.state, held_out.views[f.view])})
        for f in families
    ]


def _state(reference: Reference, held_out: HeldOut, families: Sequence[Family]) -> dict[str, Any]:
    """C's images, what this machine sees in the canaries, and what detectors and drawings took from C."""
    state = {
        **pack_features(held_out.features),
        **predicted.pack(
            held_out.features.predictions,
            None if held_out.classifier is None else held_out.classifier.canary,
        ),
        **{f"canary/{key}": value for key, value in canaries.seen(held_out.canary).items()},
        **held_out.pixel_errors,
    }
    for family in families:
        fitted = reference.detectors[family.name]
        state |= {
            f"calibrated/{family.name}/{key}": value
            for key, value in family.state.items()
            if key not in fitted
        }
    map_of_good = plane.fit(portraits(held_out.features.views))
    return state if map_of_good is None else {**state, **map_of_good.pack()}


def _facts(reference: Reference, held_out: HeldOut) -> dict[str, Any]:
    """The part of the manifest's entry that says which images C has and how they were read."""
    features, ledger, asked = held_out.features, held_out.ledger, reference.settings.input
    losses = [features.views[v.name][:, 0] for v in views().values() if v.loss and v.name in features.views]
    loss = losses[0] if losses else None
    return {
        "created": now_utc(),
        "versions": versions(),
        "runtime": held_out.engines,
        "images": len(features),
        "content_digest": digest(features.content),
        "source": [shown(source) for source in held_out.sources],
        "groups": None if features.group is None else len(set(features.group)),
        "group_by": asked.group_by,
        "stratify_by": asked.stratify_by,
        "mean_loss": None if loss is None else float(loss.mean(dtype=np.float64)),
        "detectable": [] if held_out.study is None else detectability.rows(held_out.study),
        "ledger": {
            "seen": ledger.seen,
            "used": ledger.used,
            "unreadable": dict(ledger.unreadable),
            "skipped": dict(ledger.skipped),
            "changed": ledger.changed,
        },
    }


def _of_predictions(held_out: HeldOut) -> dict[str, Any] | None:
    """What the manifest says of the classifier's answers; None where there are none."""
    classifier = held_out.classifier
    return predicted.facts(held_out.features.predictions, None if classifier is None else classifier.facts)


def _identity(reference: Reference, held_out: Features) -> str:
    """Digest of a baseline: its images and what F taught about them."""
    sha = hashlib.sha256(digest(held_out.content).encode())
    for family in sorted(reference.detectors):
        for key, value in sorted(reference.detectors[family].items()):
            sha.update(f"{family}/{key}".encode() + np.ascontiguousarray(value).tobytes())
    return sha.hexdigest()


def _good_groups(
    families: Sequence[Family], held_out: Features, seed: int
) -> tuple[dict[str, float], list[str]]:
    """Largest effect of each good group against the others, and whether good groups differ at all."""
    if held_out.group is None:
        return {}, []
    names = np.asarray(held_out.group, object)
    gating = [f for f in families if f.gate == "on"]
    effects, smallest = {}, 1.0
    groups = [
        g for g in sorted(set(held_out.group)) if MIN_GROUP <= (names == g).sum() <= len(names) - MIN_GROUP
    ]
    rng = np.random.default_rng(seed)
    for group in groups:
        order = np.concatenate([np.flatnonzero(names != group), np.flatnonzero(names == group)])
        n = int((names != group).sum())
        relabellings = draw(n, len(order) - n, GROUP_PERMUTATIONS, rng)
        evidence = []
        for f in gating:
            x = held_out.views[f.view][order]
            evidence.append(f.evidence(*f.detector.test(f.state, x[:n], x[n:], relabellings, f.columns)))
        verdict = minp.judge(evidence, {f.name: "on" for f in gating}, 0.05, 0.0)
        effects[group] = max((f.effect or 0.0 for f in verdict.families), default=0.0)
        smallest = min(smallest, verdict.p_value)
    if groups and smallest * len(groups) <= GROUP_ALPHA:
        worst = max(effects, key=lambda g: effects[g])
        adjusted = min(smallest * len(groups), 1.0)
        caution = (
            f"good groups differ among themselves (adjusted p = {amounts.p_value(adjusted, GROUP_ALPHA)}, largest effect "
            f"{effects[worst]:.0%} for {worst}): images are not exchangeable across groups; "
            "use --tolerance auto, or --group-by with enough groups"
        )
        return effects, [caution]
    return effects, []
