"""A baseline with more good images: old features and new ones as if one pass had read them, and what is measured of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from driftcli.calibration import corruption_library, detectability
from driftcli.calibration.held_out import Answering, HeldOut
from driftcli.calibration.make_baseline import Calibration, calibrate_baseline
from driftcli.core.errors import NotAuditedError
from driftcli.core.features import Features
from driftcli.core.images import Ledger
from driftcli.core.predictions import CorruptedPredictions, Predictions
from driftcli.core.progress import Progress
from driftcli.reading.profiles.merging import added
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reading.runtime import engines
from driftcli.reference import pixel_errors, predicted
from driftcli.reference.reference import Baseline, Reference

if TYPE_CHECKING:
    from driftcli.config.settings import Settings


@dataclass(frozen=True)
class Joined:
    """C and new images, sorted by content hash, then name: what one pass over both would have kept."""

    features: Features
    origin: NDArray[np.int64]
    """[n]: each image's row in C, or the length of C and its row among the new images."""
    old: int
    """Images of C before."""

    @property
    def fresh(self) -> NDArray[np.int64]:
        """Rows of the new images, whose pixels are at hand."""
        return np.flatnonzero(self.origin >= self.old)

    def thumbnails(self, old: Mapping[int, bytes], new: Sequence[bytes]) -> tuple[bytes, ...]:
        """Row for row with the images; empty where there is none. `old`: by row of C, `new`: row for row with the new images."""
        return tuple(
            old.get(at, b"") if at < self.old else (new[at - self.old] if new else b"")
            for at in self.origin.tolist()
        )


def join(old: Features, new: Features, keep: int, source: Sequence[str]) -> Joined:
    """The `keep` images of both with the lowest content hashes.

    Where groups are sources, the new ones are groups of their own (`source`: those of C where it has no groups).
    Raises NotAuditedError for predictions that cannot stand beside those of C.
    """
    if old.group is None and new.group is not None:
        old = replace(old, group=(one_group(source),) * len(old))
    whole = Features.concatenated([old, new])
    levels = dict(sorted(whole.levels.items()))
    whole = replace(whole, levels=levels, predictions=_predictions(old.predictions, new.predictions))
    contents, names = whole.content.tolist(), whole.names
    order = sorted(range(len(whole)), key=lambda i: (contents[i], names[i]))[:keep]
    rows = np.array(order, np.int64)
    return Joined(_in_order(whole.at(rows)), rows, len(old))


def measure_joined(
    reader: Reader, sources: Sequence[str], before: Baseline, reading: Reading, joined: Joined
) -> HeldOut:
    """C with the new images (`reading`, read from `sources` by `reader`, whose workers are still up).

    Corruptions are simulated on the new images alone. Where that cannot be, and for heat maps, what was measured of the
    images of before still holds. The canaries stay those of the machine that measured the first images.
    """
    facts, usual = (
        before.facts,
        {k: v for k, v in before.drawing.items() if k.startswith(pixel_errors.PREFIX)},
    )
    library = corruption_library.library(reader, sources, joined.features, joined.fresh)
    return HeldOut(
        features=joined.features,
        thumbnails=joined.thumbnails(before.thumbnails, reading.thumbnails),
        ledger=added([_ledger(facts), reading.ledger]),
        sources=tuple(dict.fromkeys([*facts.get("source", ()), *sources])),
        canary={key.removeprefix("view/"): x for key, x in before.canary.items()},
        study=detectability.study(reader, sources, reading.features, reader.settings),
        library=before.library if library is None else library,
        pixel_errors=usual or pixel_errors.usual(reader, sources, reading.features, reading.prepared),
        engines=engines(reader.extractors, reader.states, reader.runtime),
        classifier=_classifier(before),
    )


def _classifier(before: Baseline) -> Answering | None:
    """What the baseline remembers of the classifier that driftcli ran for it."""
    facts = (before.facts.get(predicted.KEY) or {}).get(predicted.MODEL)
    return None if facts is None or before.canary_answers is None else Answering(facts, before.canary_answers)


def recalibrate(reference: Reference, before: Baseline, held_out: HeldOut, progress: Progress) -> Calibration:
    """The baseline anew, under its name. What checks can see is kept from before where nothing was simulated."""
    made = calibrate_baseline(before.name, reference, held_out, progress)
    facts = {
        **made.facts,
        "versions": dict(before.facts["versions"]),
    }  # of the machine whose canaries these are
    if held_out.study is not None:
        return replace(made, facts=facts)
    kept = {f"measured/{k}": v for k, v in before.measured.items() if k.startswith("power_")}
    facts["detectable"] = [dict(row) for row in before.facts.get("detectable", ())]
    return replace(made, state={**made.state, **kept}, facts=facts)


def simulated_before(settings: Settings, facts: Mapping[str, Any]) -> Settings:
    """The settings with the corruptions that were simulated when the baseline was made: all, a few or none."""
    names = {str(row["corruption"]) for row in facts.get("detectable", ())} - {"foreign"}
    few = {change.corruption for change in detectability.CHANGES["small"]}
    kind = "full" if names - few else "small" if names else "none"
    calibrate = settings.calibrate.model_copy(update={"detectable": kind})
    return settings.model_copy(update={"calibrate": calibrate})


def one_group(source: Sequence[str]) -> str:
    """The name of the group that all images of C are where it has none, from its sources."""
    return ", ".join(source) or "before"


def own_groups(new: Features, taken: Sequence[str]) -> Features:
    """The new images in groups that are none of those taken: a folder that is filled anew every day is another day."""
    known, names = set(taken), {}
    for name in sorted(set(new.group or ())):
        free, number = name, 1
        while free in known:
            number += 1
            free = f"{name} ({number})"
        known.add(free)
        names[name] = free
    return new if new.group is None else replace(new, group=tuple(names[name] for name in new.group))


def _ledger(facts: Mapping[str, Any]) -> Ledger:
    found = facts.get("ledger", {})
    return Ledger(
        found.get("seen", 0),
        found.get("used", 0),
        dict(found.get("unreadable", {})),
        dict(found.get("skipped", {})),
        found.get("changed", 0),
    )


# ---------------------------------------------------------------- predictions


def _predictions(old: Predictions | None, new: Predictions | None) -> Predictions | None:
    """Those of C, then those of the new images; None where C has none. Both know the same classes in the same order."""
    if old is None or new is None:
        return None
    if old.hard != new.hard:
        kinds = ("predicted classes alone", "probabilities")
        raise NotAuditedError(
            f"the baseline has {kinds[not old.hard]}, and these images come with {kinds[not new.hard]}",
            "give the same outputs of the same classifier for both",
        )
    return replace(old.then(new), corrupted=_corrupted(old, new))


def _corrupted(old: Predictions, new: Predictions) -> CorruptedPredictions | None:
    """Answers on corrupted images of both."""
    parts = [
        (one.corrupted, start) for one, start in ((old, 0), (new, len(old))) if one.corrupted is not None
    ]
    if not parts:
        return None
    conditions = tuple(sorted({each for part, _ in parts for each in part.conditions}))
    place = {condition: k for k, condition in enumerate(conditions)}
    said = [part.said for part, _ in parts]
    logits = [one.logits for one in said if one.logits is not None]
    whole = Predictions(
        old.classes,
        np.concatenate([one.probability for one in said]),
        np.concatenate([one.label for one in said]),
        np.concatenate(logits) if len(logits) == len(said) else None,
        hard=old.hard,
    )
    image = np.concatenate([part.image + start for part, start in parts])
    renamed = [np.array([place[c] for c in part.conditions], np.int64)[part.condition] for part, _ in parts]
    return CorruptedPredictions(whole, image, np.concatenate(renamed), conditions)


def _in_order(features: Features) -> Features:
    """With answers on corrupted images in the order of the images, as one pass would have them."""
    said = features.predictions
    if said is None or said.corrupted is None:
        return features
    under = said.corrupted
    order = np.lexsort((under.condition, under.image))
    under = replace(
        under, said=under.said.at(order), image=under.image[order], condition=under.condition[order]
    )
    return replace(features, predictions=replace(said, corrupted=under))
