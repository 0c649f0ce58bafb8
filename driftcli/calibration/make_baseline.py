"""Making a baseline: readings pooled, images of F left out, C calibrated and written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from driftcli.calibration import detectability, false_alarms
from driftcli.calibration.detectability import Study
from driftcli.core import threads
from driftcli.core.errors import UsageError
from driftcli.core.features import Features, State
from driftcli.core.images import Ledger
from driftcli.core.progress import Progress
from driftcli.explain import corruption, plane
from driftcli.explain.corruption import Library
from driftcli.reading import canaries
from driftcli.reading.reader import Reading, digest
from driftcli.reading.runtime import versions
from driftcli.reference.families import Family
from driftcli.reference.packed import pack_features
from driftcli.reference.reference import Reference, build_families
from driftcli.reference.thumbnails import pack
from driftcli.stats import minp
from driftcli.stats.relabelling import draw

if TYPE_CHECKING:
    from driftcli.artifact.store import Draft

OVERLAP = 0.01
GROUP_PERMUTATIONS = 499
MIN_GROUP = 5
GROUP_ALPHA = 0.05


def merge_readings(readings: Sequence[Reading], keep: int) -> Reading:
    """Several passes as one, again sorted by content hash and pruned to `keep` images."""
    if len(readings) == 1:
        return readings[0]
    features = Features.concatenated([r.features for r in readings])
    thumbnails = [t for r in readings for t in r.thumbnails]
    order = sorted(range(len(features)), key=lambda i: (features.content[i], features.names[i]))[:keep]
    total: dict[str, Any] = {"seen": 0, "used": 0, "changed": 0}
    unreadable: dict[str, int] = {}
    skipped: dict[str, int] = {}
    for reading in readings:
        for name in total:
            total[name] += getattr(reading.ledger, name)
        for counts, more in ((unreadable, reading.ledger.unreadable), (skipped, reading.ledger.skipped)):
            for reason, count in more.items():
                counts[reason] = counts.get(reason, 0) + count
    ledger = Ledger(unreadable=unreadable, skipped=skipped, **total)
    return replace(
        readings[0],
        features=features.at(np.array(order, np.int64)),
        ledger=ledger,
        skipped=tuple(s for r in readings for s in r.skipped),
        unreadable_share=ledger.unreadable_share,
        contents=np.sort(np.concatenate([r.contents for r in readings])),
        seen=np.sort(np.concatenate([r.seen for r in readings])),
        thumbnails=tuple(thumbnails[i] for i in order),
    )


def drop_seen_images(reading: Reading, seen: np.ndarray, drop: bool) -> tuple[Reading, int]:
    """Leave images of F out of a baseline: up to 1 % quietly counted, above only with `drop`."""
    known = np.isin(reading.features.pixels, seen)
    count = int(known.sum())
    if count > OVERLAP * len(known) and not drop:
        raise UsageError(
            f"{count} of {len(known)} images are among those the reference was fitted on",
            "give held-out images, or --drop-seen to leave the known ones out",
        )
    keep = np.flatnonzero(~known)
    thumbnails = tuple(reading.thumbnails[i] for i in keep) if reading.thumbnails else ()
    features = reading.features.at(keep)
    return replace(
        reading, features=features, contents=np.sort(features.content), thumbnails=thumbnails
    ), count


@dataclass(frozen=True)
class Calibration:
    """A baseline that is made and not yet in an artifact."""

    name: str
    state: State
    thumbnails: State | None
    facts: Mapping[str, Any]
    """The manifest's entry."""

    @property
    def cautions(self) -> list[str]:
        """What a user should be told about these good images."""
        return list(self.facts["cautions"])

    def store(self, draft: Draft) -> None:
        """Into the artifact, in place of an older baseline of that name."""
        draft.put(f"baseline-{self.name}", self.state)
        draft.remove(f"thumbnails-{self.name}")
        if self.thumbnails is not None:
            draft.put(f"thumbnails-{self.name}", self.thumbnails)
        draft.document.setdefault("baselines", {})[self.name] = dict(self.facts)


def calibrate_baseline(
    name: str,
    reference: Reference,
    held_out: Features,
    thumbnails: Sequence[bytes],
    reading: Reading,
    sources: Sequence[str],
    birds: Mapping[str, np.ndarray],
    study: Study | None,
    library: Library | None,
    errors: State,
    progress: Progress,
) -> Calibration:
    """Measure C; the artifact is not touched, so that nobody waits for its lock meanwhile.

    `birds`: this machine's views of the canaries. `study`: images of C under corruptions;
    `library`: what every corruption does to C. `errors`: how well its pixels are reconstructed.
    """
    settings = reference.settings
    families = [
        replace(f, state={**f.state, **f.detector.calibrate(f.state, held_out.views[f.view])})
        for f in build_families(settings, reference.extractors, reference.detectors, every=True)
    ]
    identity = _identity(reference, held_out)
    seed = int(identity[:12], 16)
    with threads.for_images(min(len(held_out), 2 * false_alarms.HALF)):
        measured = false_alarms.measure(families, held_out.views, seed, progress)
        effects, cautions = _good_groups(families, held_out, seed)
        if study is not None:
            measured |= detectability.measure(families, held_out, study, seed, progress)
    state = {**pack_features(held_out), **{f"measured/{k}": v for k, v in measured.items()}}
    state |= {f"canary/{k}": v for k, v in canaries.seen(birds).items()}
    for family in families:
        fitted = reference.detectors[family.name]
        state |= {f"calibrated/{family.name}/{k}": v for k, v in family.state.items() if k not in fitted}
    likenesses, known = corruption.pack(library)
    map_of_good = plane.fit(held_out.views)
    state |= {**likenesses, **errors, **({} if map_of_good is None else map_of_good.pack())}
    loss = held_out.views["error"][:, 0] if "error" in held_out.views else None
    facts = {
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "versions": versions(),
        "images": len(held_out),
        "digest": identity,
        "content_digest": digest(held_out.content),
        "source": list(sources),
        "groups": None if held_out.group is None else len(set(held_out.group)),
        "group_by": settings.input.group_by,
        "stratify_by": settings.input.stratify_by,
        "group_effects": effects,
        "mean_loss": None if loss is None else float(loss.mean(dtype=np.float64)),
        "false_alarms_measured_at": sorted(int(k[2:]) for k in measured if k.startswith("p_")),
        "cautions": cautions,
        "diagnosis": known,
        "detectable": [] if study is None else detectability.rows(study),
        "ledger": {
            "seen": reading.ledger.seen,
            "used": reading.ledger.used,
            "unreadable": dict(reading.ledger.unreadable),
            "skipped": dict(reading.ledger.skipped),
            "changed": reading.ledger.changed,
        },
    }
    return Calibration(name, state, pack(thumbnails[: len(held_out)], reference.thumbnails), facts)


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
            evidence.append(f.detector.test(f.name, f.state, x[:n], x[n:], relabellings, f.columns))
        verdict = minp.judge(evidence, {f.name: "on" for f in gating}, 0.05, 0.0)
        effects[group] = max((f.effect or 0.0 for f in verdict.families), default=0.0)
        smallest = min(smallest, verdict.p_value)
    if groups and smallest * len(groups) <= GROUP_ALPHA:
        worst = max(effects, key=lambda g: effects[g])
        adjusted = min(smallest * len(groups), 1.0)
        caution = (
            f"good groups differ among themselves (adjusted p = {adjusted:.2g}, largest effect "
            f"{effects[worst]:.0%} for {worst}): images are not exchangeable across groups; "
            "use --tolerance auto, or --group-by with enough groups"
        )
        return effects, [caution]
    return effects, []
