"""What the first sentence of every report says is different: decided once, from the families that have a say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftcli.core import sentences
from driftcli.core.findings import (
    CompositionResult,
    ConceptsResult,
    Diagnosis,
    HeadlineResult,
    PredictionsResult,
    ShareResult,
)
from driftcli.explain import mix

if TYPE_CHECKING:
    from driftcli.core.features import Tells
    from driftcli.core.report import FamilyResult
    from driftcli.stats.minp import Verdict

WORDS = 3
"""What images are now, in so many words at most."""
NOTABLE = 0.5
"""A word is named whose value moved at least so far, in sd of good images, beside the one that moved farthest: of a
large batch everything is significant."""
MOST_SPACES = 4
"""More than five words are no word."""
SUBJECTS = 2
"""Subjects named that became more, and as many that became fewer."""
CAME, WENT = 0.2, 0.4
"""Shares that the network's words say became more, or fewer, all together, from which on other subjects go before another look:
a corruption makes it see a few more Labradors (JPEG, 60 photographs: 1 % → 8 %) or be less sure of its cats, and no subject came."""
SURE = 0.02
"""Change of the mean confidence from which on a classifier is called surer, or less sure."""
MARKS = "occlusion"
"""The class of corruptions that leave a mark on an image."""
TOGETHER, FEWEST = 0.5, 4
"""More than such a share of the marks, and so many, lie in one place where one is named."""


@dataclass(frozen=True)
class Found:
    """All that a headline is made of; what advisory families found is not among it."""

    verdict: Verdict
    tells: Mapping[str, Tells]
    """By family, what its finding is about."""
    diagnosis: Sequence[Diagnosis]
    composition: CompositionResult | None
    concepts: ConceptsResult | None
    spots: Sequence[str]
    """Where the strangest places of the most drifted images are, the most drifted image first."""
    images: int
    """Of the batch."""
    predictions: PredictionsResult | None = None
    """What the user's classifier says."""
    removed: int | None = None
    """How many of the most drifted images the gate passes without; None where it does not, or was not tried."""

    def headline(self) -> HeadlineResult:
        """The facts with their sentence."""
        return sentences.headed(self._facts(), self.images)

    @property
    def moved(self) -> list[FamilyResult]:
        """The families that have a say and differ, the leading one first; answers of the classifier where nothing else does."""
        found = leading(self.verdict.families)
        return [family for family in found if self._is(family.name) != "answers"] or found

    def _facts(self) -> HeadlineResult:
        moved = self.moved
        if self.verdict.outcome == "pass" or not moved:
            return HeadlineResult("", "same")
        lead = moved[0].name
        if self._is(lead) == "answers":
            return self._answers(lead)
        shares = self._shares()
        if only_mix(self.composition):
            return HeadlineResult("", "mix", lead, shares=shares)
        like = next((one.corruptions for one in self.diagnosis if one.kind == "like"), ())
        local = self._marks(moved)
        if local is not None and not any(match.belongs != MARKS for match in like):
            return self._local(local)
        if like:
            return HeadlineResult("", "look", lead, self._words(), like)
        return self._nameless(moved, lead, shares)

    def _marks(self, moved: Sequence[FamilyResult]) -> FamilyResult | None:
        """The family for small defects, where it leads, or where a minority of the images is all that differs."""
        few = self.removed is not None and 2 * self.removed <= self.images
        found = [family for family in moved if self._is(family.name) == "local"]
        return found[0] if found and (few or found[0] is moved[0]) else None

    def _nameless(
        self, moved: Sequence[FamilyResult], lead: str, shares: tuple[ShareResult, ...]
    ) -> HeadlineResult:
        """No simulated corruption explains it: other subjects, if their family moved; else another look; else nothing."""
        about, words = {self._is(family.name) for family in moved}, self._words()
        leads = self._is(lead)
        if self._vague(shares) and (words or leads != "subjects"):
            shares = ()
        first = leads == "subjects" and not (words and self.concepts is not None and self.concepts.speaks)
        if "subjects" in about and (shares or first or (leads == "unlike" and not words)):
            return HeadlineResult("", "subjects", lead, () if shares else words, shares=shares)
        if leads == "look" or (words and leads != "unlike"):
            return HeadlineResult("", "look", lead, words)
        local = next((family for family in moved if self._is(family.name) == "local"), None)
        return HeadlineResult("", "unlike", lead, words) if words or local is None else self._local(local)

    @property
    def _labelled(self) -> bool:
        """Whether the mix is one of labels, which are surer than the network's words; clusters have no names."""
        return self.composition is not None and self.composition.by != "clusters"

    def _vague(self, shares: Sequence[ShareResult]) -> bool:
        """Whether the network's own words, no labels, name too little that came or went."""
        moves = [one.batch - one.baseline for one in shares]
        came, went = sum(move for move in moves if move > 0), -sum(move for move in moves if move < 0)
        return not self._labelled and came < CAME and went < WENT

    def _is(self, family: str) -> Tells:
        return self.tells.get(family, "unlike")

    def _words(self) -> tuple[str, ...]:
        """What images are now: the measured values that moved far, causes before consequences."""
        shifts = [
            (one.word, abs(one.shift_sd or 0.0))
            for one in self.diagnosis
            if one.kind == "shift" and one.word and one.word.count(" ") <= MOST_SPACES
        ]
        farthest = max((shift for _, shift in shifts), default=0.0)
        told = dict.fromkeys(word for word, shift in shifts if shift >= min(NOTABLE, farthest))
        return tuple(told)[:WORDS]

    def _shares(self) -> tuple[ShareResult, ...]:
        """By the labels of the images, where they differ; else by the network's own words; of a changed mix without either, its clusters."""
        found = self.composition
        mixed = () if found is None else tuple(mix.named(found))
        if found is not None and self._labelled and (only_mix(found) or found.reading == "both"):
            return mixed
        words = self.concepts
        if words is None or not words.speaks:
            return mixed if only_mix(found) else ()
        told = (*words.more[:SUBJECTS], *words.fewer[:SUBJECTS])
        shares = tuple(ShareResult(word.word, word.batch, word.baseline) for word in told)
        return mixed if only_mix(found) and self._vague(shares) else shares

    def _answers(self, lead: str) -> HeadlineResult:
        """Which classes the classifier sees more and less often, and whether it is as sure."""
        found = self.predictions
        shares = (
            () if found is None else tuple(s for s in found.shares if abs(s.batch - s.baseline) >= mix.LEAST)
        )
        return HeadlineResult("", "answers", lead, sureness(found), shares=shares)

    def _local(self, family: FamilyResult) -> HeadlineResult:
        """How many images carry a mark, beyond the good ones that are as strange; and where most marks are."""
        shares = [
            (one.batch - one.baseline) / (1 - one.baseline)
            for one in family.statistics
            if one.batch is not None and one.baseline is not None and one.baseline < 1
        ]
        count = round(max(shares, default=0.0) * self.images)
        return HeadlineResult(
            "",
            "local",
            family.name,
            images=count if count > 1 else None,
            place=place(self.spots[: max(count, 1)]),
        )


def leading(families: Sequence[FamilyResult]) -> list[FamilyResult]:
    """Those that have a say and differ: the smallest adjusted p first, then the largest effect that is certain."""
    moved = [family for family in families if family.gate == "on" and family.significant]
    return sorted(moved, key=lambda f: (f.p_adjusted or 0.0, -(f.effect_lower or 0.0), -(f.effect or 0.0)))


def sureness(found: PredictionsResult | None) -> tuple[str, ...]:
    """`less sure` or `surer`, where the classifier's mean confidence moved enough to be named."""
    if found is None or found.confidence is None or found.baseline_confidence is None:
        return ()
    change = found.confidence - found.baseline_confidence
    return ("surer" if change > 0 else "less sure",) if abs(change) >= SURE else ()


def only_mix(found: CompositionResult | None) -> bool:
    """Whether the verdict is put down to another mix of images alone."""
    return found is not None and found.reading == "composition" and not found.ignored


def place(spots: Collection[str]) -> str | None:
    """Where more than half of these places are; None where they are not in one, or few."""
    if len(spots) < FEWEST:
        return None
    name, count = Counter(spots).most_common(1)[0]
    return name if count > TOGETHER * len(spots) else None
