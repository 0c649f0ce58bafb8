"""What a result says of single images and groups: ranking, removal, breakdown, duplicates, scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from driftcli.audit import measured
from driftcli.audit.spots import Spots
from driftcli.core import sentences
from driftcli.core.features import Features
from driftcli.core.findings import (
    DuplicateResult,
    GroupResult,
    ImageResult,
    Outside,
    PropertyResult,
    RemovalResult,
    ScoreResult,
)
from driftcli.explain import culprits, duplicates, groups, images, removal, scores
from driftcli.gate.subset_test import Rerun
from driftcli.reference.families import Family, yardstick
from driftcli.reference.reference import Baseline
from driftcli.stats import minp

MOST_REMOVED_FROM = 2_000
"""Images of the batch above which no removal is sought: each try runs the gate again."""
USUAL = 0.95
"""An image that lies beyond a smaller share of good ones in the family that found it has nothing strange about it."""
MOST_OF_GROUP = 200
"""Images of a group that its test uses (lowest content hash): single images are permuted, and fast."""


def anomaly_scores(baseline: Baseline, batch: Features) -> list[culprits.AnomalyScores]:
    """Anomaly scores of every held-out image and every image of the batch, one entry a family with a say in the verdict."""
    held_out = baseline.features.views
    return [
        culprits.AnomalyScores(
            f.name, *f.detector.scores(f.state, held_out[f.view], batch.views[f.view], f.columns)
        )
        for f in baseline.families
        if f.gate == "on"
    ]


@dataclass(frozen=True)
class Explained:
    """One check whose verdict is known; each part is computed when it is asked for."""

    rerun: Rerun
    verdict: minp.Verdict
    spots: Spots | None = None
    """Where small defects are, if any were found."""

    @property
    def batch(self) -> Features:
        """The images that were read and kept."""
        return self.rerun.reading.features

    @property
    def alpha(self) -> float:
        """Of the gate, and of everything that is said beside it."""
        return self.rerun.reference.settings.gate.alpha

    @cached_property
    def _scores(self) -> list[culprits.AnomalyScores]:
        return anomaly_scores(self.rerun.baseline, self.batch)

    @cached_property
    def images(self) -> list[ImageResult]:
        """All of the batch, most drifted first, with reasons where properties were measured."""
        baseline, batch = self.rerun.baseline, self.batch
        family = yardstick(baseline.families)
        why: Sequence[tuple[Outside, ...]] = [()] * len(batch)
        if family is not None:
            held_out = baseline.features.views[family.view]
            why = images.outside(batch.views[family.view], held_out, family.columns)
        ranked = culprits.rank(self._scores, batch, why, self.alpha)
        return [self._with_family(image) for image in ranked]

    def _with_family(self, image: ImageResult) -> ImageResult:
        """What the family that found the image says of it comes before its measured values."""
        family = next(f for f in self.rerun.baseline.families if f.name == image.family)
        scores = next(s for s in self._scores if s.family == image.family)
        score = scores.batch[self._row[image.path]]
        beyond = float((scores.held_out < score).mean())
        found = self._found_by(family, image, beyond)
        told = image.outside if found is None else (found, *image.outside)
        return replace(image, outside=told, reasons=tuple(map(sentences.outside, told)))

    def naming_subjects(self, images: Sequence[ImageResult]) -> tuple[ImageResult, ...]:
        """The same, each with what it shows in place of "unusual content", where the family that found it tells of that."""
        about = {family.name for family in self.rerun.baseline.families if family.tells == "subjects"}
        return tuple(_naming(image) if image.family in about and image.subject else image for image in images)

    @cached_property
    def _row(self) -> Mapping[str, int]:
        return {name: row for row, name in enumerate(self.batch.names)}

    def _found_by(self, family: Family, image: ImageResult, beyond: float) -> Outside | None:
        """None where the family's values speak for themselves, or the image is usual in it."""
        if not family.strange or beyond < USUAL:
            return None
        if family.tells == "local":
            where = self.spots.at.get(image.path) if self.spots else None
            return Outside(family.name, "spot", beyond, level=where)
        return Outside(family.name, "strange", beyond, level=family.strange)

    def properties(self, most: int) -> tuple[PropertyResult, ...]:
        """What was measured of the first `most` of `images`, in their order."""
        order = culprits.order(self._scores, self.batch.names)[:most]
        return measured.properties(self.rerun.baseline.families, self.batch, order)

    def scores(self) -> tuple[ScoreResult, ...]:
        """Histograms of the anomaly scores in each family, of batch and held-out set."""
        return scores.of(self._scores, self.alpha)

    def duplicates(self) -> tuple[DuplicateResult, ...]:
        """Copies and near-copies."""
        return duplicates.search(self.batch, self.rerun.baseline.features)

    def removal(self) -> RemovalResult | None:
        """The fewest most drifted images without which the gate passes; None where it did not fire."""
        if self.verdict.outcome == "pass":
            return None
        order = np.array(culprits.order(self._scores, self.batch.names))
        order = order[self.rerun.testable[order]]
        count = len(order)
        if count > MOST_REMOVED_FROM:
            return RemovalResult((), None, f"not sought in batches of more than {MOST_REMOVED_FROM:,} images")

        def without(k: int, permutations: int | None) -> float | None:
            found = self.rerun.on(np.sort(order[k:]), permutations=permutations)
            return None if found is None else found.p_value

        few = self.rerun.enough(5)
        gates = removal.Gates(lambda k: without(k, few), lambda k: without(k, None))
        most = min(count // 2, count - self.rerun.reference.settings.gate.min_images)
        return removal.shortest([self.batch.names[i] for i in order], gates, self.alpha, most)

    def groups(self) -> tuple[GroupResult, ...]:
        """Rows by slice, group or folder; each against the baseline unless there are more than 50."""
        members = groups.members(self.batch)
        score = np.empty(len(self.batch))
        score[culprits.order(self._scores, self.batch.names)] = [image.score for image in self.images]
        tested: Mapping[str, minp.Verdict | None] = dict.fromkeys(members)
        if 1 < len(members) <= groups.MOST:
            few = self.rerun.enough(len(members))
            tested = {name: self._alone(chosen, few) for name, chosen in members.items()}
        p = groups.adjusted({name: None if v is None else v.p_value for name, v in tested.items()})
        return tuple(
            GroupResult(
                name,
                len(chosen),
                float(score[chosen].mean()),
                None if verdict is None else verdict.effect,
                p[name],
                (p[name] or 0.0) <= self.alpha and p[name] is not None,
            )
            for (name, chosen), verdict in zip(members.items(), tested.values(), strict=True)
        )

    def _alone(self, chosen: NDArray[np.int64], permutations: int) -> minp.Verdict | None:
        """The gate on one group's images; None for fewer than `--min-images`."""
        return self.rerun.on(chosen, permutations=permutations, most=MOST_OF_GROUP)

    def caution(self) -> str | None:
        """That a breakdown which was asked for has too many rows for tests."""
        count = len(groups.members(self.batch))
        if count <= groups.MOST:
            return None
        return f"{count:,} groups are too many to test each against the baseline: at most {groups.MOST} are"


def _naming(image: ImageResult) -> ImageResult:
    subject = Outside(image.family, "subject", 0.0, level=image.subject)
    told = (subject, *(one for one in image.outside if one.kind != "strange"))
    return replace(image, outside=told, reasons=tuple(map(sentences.outside, told)))
