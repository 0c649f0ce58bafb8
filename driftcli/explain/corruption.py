"""Which simulated corruption a batch's shift is most like, how severe, and how surely; or that none fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from driftcli.core import sentences
from driftcli.core.schema import Array, ContentError
from driftcli.explain import confirmation as _confirmation
from driftcli.explain import space as _space
from driftcli.explain.confirmation import Confirmation
from driftcli.explain.space import Space, Views

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.core.features import State
    from driftcli.core.findings import Diagnosis

LAST = 5.0
"""The strongest severity: beyond the last simulated one, the last stretch goes on so far."""
FEWEST, MOST = 0.75, 0.85
"""Bounds of the similarity that a likeness needs, however good images differ among themselves."""
PAIR = 0.85
"""Two corruptions together fit more easily than one: the similarity that they need."""
ALONE = 0.95
"""Without a network's word (there is none, or the baseline is one of 0.1.0) natural drift reaches .93: one corruption is
named, and from this cosine on, not corrected for sampling."""
DRAWS, CLEAR = 400, 0.95
"""So many shifts are drawn that sampling alone could make; so many of them must be less clear than a likeness."""
TYPICAL = 50
"""Images of the batches that are drawn; in units of sampling other sizes hardly differ."""
GAIN, LEFT = 1.0, 0.6
"""A second corruption must explain more than sampling does, and leave at most so much of what the first left."""
AXES = 6
"""Along so many of their main directions good images are divided, to see what differs naturally."""
DOUBT = 0.15
"""A share of the squared shift is taken as real, however small the shift."""
PREFIX = "diagnosis/"
"""Of the library's arrays in a baseline's state."""
CONFIRM = "confirm/"
"""Of those in a network's views, behind `PREFIX`."""


class Part(NamedTuple):
    """One corruption at one severity, 0..5."""

    corruption: str
    severity: float


@dataclass(frozen=True)
class Likeness:
    """What a shift is most like: one corruption, or two of different classes, the stronger first."""

    parts: tuple[Part, ...]
    similarity: float
    """Cosine of the shift vectors, corrected for what sampling adds to the batch's."""
    fits: bool
    other: str
    """The class that comes next, and ..."""
    other_part: Part
    other_similarity: float


@dataclass(frozen=True)
class Library:
    """What k corruptions do, at s severities, to the mean of good images; all there is to know at a check.

    Source: the attenuation of a correlation by noise, and its correction, are Spearman's (1904). The
    whole, a lookup of simulated corruptions by the shift of properties and reconstruction errors, is our
    own; tests/benchmarks/diagnosis.py measures it.
    """

    space: Space
    kinds: Mapping[str, str]
    """Corruption to class, in the order of `points`."""
    severities: tuple[float, ...]
    """Ascending."""
    points: NDArray[np.float64]
    """[k, s, d]"""
    least: float
    """A likeness is named from this similarity on: more than good images have among themselves."""
    clear: float = 0.0
    """And from so many standard deviations of sampling on, along the shift of what it is like."""
    confirmations: tuple[Confirmation, ...] = ()
    """What the corruptions do in a network's views, to which a likeness must answer as well."""

    def nearest(self, batch: Views) -> Likeness | None:
        """The likeness of m images' shift; None where sampling alone makes likenesses as clear."""
        rows = self.space(batch)
        if not len(rows):
            return None
        shift = rows.mean(axis=0)
        left, _, nearest = self.on_paths(shift)
        if self.space.clearness(shift, nearest[int(left.argmin())], len(rows)) < self.clear:
            return None
        found = self.of_shift(shift, self.space.sampling(len(rows)))
        return replace(found, fits=found.fits and self._explains(found, shift, batch))

    def _explains(self, found: Likeness, shift: NDArray[np.float64], batch: Views) -> bool:
        """Whether it explains what moved in every network's view, too; without a network, whether it is beyond doubt."""
        if not self.confirmations:
            plain = self.of_shift(shift, 0.0)
            return len(found.parts) == len(plain.parts) == 1 and plain.similarity >= ALONE
        at = [list(self.kinds).index(part.corruption) for part in found.parts]
        return all(one.explains(batch[one.view], at) for one in self.confirmations)

    def of_shift(self, shift: NDArray[np.float64], chance: float) -> Likeness:
        """The likeness of one mean shift [d], of whose squared length `chance` is expected without any."""
        left, severity, nearest = self.on_paths(shift)
        names, classes = list(self.kinds), np.array(list(self.kinds.values()))
        first = int(left.argmin())
        rest = np.where(classes == classes[first], np.inf, left)
        second = int(rest.argmin()) if np.isfinite(rest).any() else first
        similarity = _similarity(shift, nearest[first], chance)
        parts: tuple[Part, ...] = (Part(names[first], float(severity[first])),)
        pair, both, left_by_both = self._pair(shift)
        unexplained, still = (max(value - chance, 0.0) for value in (left[first], left_by_both))
        together = _similarity(shift, both, chance)
        mixed = left[first] - left_by_both > GAIN * chance and still < LEFT * unexplained
        fits = similarity >= self.least
        if pair and mixed and together >= PAIR:
            parts, similarity, fits = pair, together, True
        other = Part(names[second], float(severity[second]))
        return Likeness(
            parts, similarity, fits, str(classes[second]), other, _similarity(shift, nearest[second], chance)
        )

    def on_paths(
        self, shift: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """For each corruption the nearest point of its path from nothing through its severities.

        Returns squared distances [k], severities [k], points [k, d].
        """
        k, _, d = self.points.shape
        corners = np.concatenate([np.zeros((k, 1, d)), self.points], axis=1)
        marks = np.array([0.0, *self.severities])
        start, along = corners[:, :-1], np.diff(corners, axis=1)
        length = np.maximum((along**2).sum(-1), 1e-12)
        ends = np.ones(len(self.severities))
        ends[-1] = (LAST - marks[-2]) / (marks[-1] - marks[-2])
        t = np.clip(((shift - start) * along).sum(-1) / length, 0, ends)
        points = start + t[..., None] * along
        left = ((shift - points) ** 2).sum(-1)
        best = left.argmin(axis=1)
        row = np.arange(k)
        return left[row, best], (marks[:-1] + t * np.diff(marks))[row, best], points[row, best]

    def _pair(self, shift: NDArray[np.float64]) -> tuple[tuple[Part, ...], NDArray[np.float64], float]:
        """The best sum of two points of different classes, at whole severities; none if there is but one class."""
        grid = np.arange(1, int(self.severities[-1]) + 1)
        marks = [0.0, *self.severities]
        corners = np.concatenate([np.zeros_like(self.points[:, :1]), self.points], axis=1)
        at = np.searchsorted(marks, grid, side="left").clip(1)
        share = (grid - np.take(marks, at - 1)) / (np.take(marks, at) - np.take(marks, at - 1))
        points = corners[:, at - 1] + share[:, None] * (corners[:, at] - corners[:, at - 1])
        points = points.reshape(-1, self.points.shape[-1])
        parts = [Part(name, float(severity)) for name in self.kinds for severity in grid]
        classes = np.repeat(np.unique(list(self.kinds.values()), return_inverse=True)[1], len(grid))
        size, onto = (points**2).sum(1), points @ shift
        alone = size - 2 * onto
        left = shift @ shift + alone[:, None] + alone[None, :] + 2 * points @ points.T
        left[classes[:, None] == classes[None, :]] = np.inf
        i, j = divmod(int(left.argmin()), len(points))
        if not np.isfinite(left[i, j]):
            return (), np.zeros_like(shift), np.inf
        i, j = (i, j) if size[i] >= size[j] else (j, i)
        return (parts[i], parts[j]), points[i] + points[j], float(left[i, j])


def calibrated(library: Library, rows: NDArray[np.float64], seed: int) -> Library:
    """The library with what a likeness needs, measured on good images [n, d]."""
    return replace(library, least=_among_good(library, rows), clear=_by_chance(library, rows, seed))


def _by_chance(library: Library, rows: NDArray[np.float64], seed: int) -> float:
    """How clear the best likeness of good batches is, in all but 5 of 100: drawn with replacement."""
    space, rng = library.space, np.random.default_rng(seed)
    wider = np.sqrt(1 + TYPICAL / space.images)  # good images are a sample themselves
    found = []
    for _ in range(DRAWS):
        shift = rows[rng.integers(len(rows), size=TYPICAL)].mean(axis=0) * wider
        left, _, nearest = library.on_paths(shift)
        found.append(space.clearness(shift, nearest[int(left.argmin())], TYPICAL))
    return float(np.quantile(found, CLEAR))


def _among_good(library: Library, rows: NDArray[np.float64]) -> float:
    """The similarity that a likeness needs: what halves of good images [n, d] reach against each other.

    Good images are divided along their main directions: brighter against darker, plainer against busier.
    That they are like a corruption must not make one: the 90th percentile, within bounds.
    """
    variance, half = rows.var(axis=0), len(rows) // 2
    found = []
    for axis in np.argsort(-variance, kind="stable")[:AXES]:
        order = np.argsort(rows[:, axis], kind="stable")
        contrast = rows[order[-half:]].mean(axis=0) - rows[order[:-half]].mean(axis=0)
        for shift in (contrast, -contrast):
            left, _, nearest = library.on_paths(shift)
            found.append(_similarity(shift, nearest[int(left.argmin())], 0.0))
    return float(np.clip(np.quantile(found, 0.9), FEWEST, MOST))


def diagnosis(found: Likeness | None, library: Library) -> Diagnosis | None:
    """As in "Like Gaussian blur severity 2 (0.93); not like noise (0.31)"; None where no corruption explains it."""
    if found is None or not found.fits:
        return None
    from driftcli.core.findings import CorruptionMatch, Diagnosis

    parts = tuple(
        CorruptionMatch(*part, found.similarity, library.kinds[part.corruption]) for part in found.parts
    )
    close = found.other_similarity >= library.least
    other = CorruptionMatch(*found.other_part, found.other_similarity, found.other, close=close)
    alone = len(parts) == 1 and other.corruption != parts[0].corruption
    facts = Diagnosis(
        "",
        parts[0].corruption,
        round(parts[0].severity, 1),
        round(found.similarity, 4),
        kind="like",
        corruptions=parts,
        nearest_other=other if alone else None,
    )
    return sentences.told(facts)


def _similarity(shift: NDArray[np.float64], point: NDArray[np.float64], chance: float) -> float:
    """Cosine, divided by the cosine that the true shift would have with this one."""
    length = float(shift @ shift)
    lengths = np.sqrt(length * float(point @ point))
    if lengths <= 0:
        return 0.0
    kept = np.sqrt(max(1 - chance / length, DOUBT))
    return float(np.clip(shift @ point / lengths / kept, -1, 1))


def pack(found: Library | None) -> tuple[dict[str, NDArray[Any]], dict[str, Any] | None]:
    """The library as arrays for the baseline's state, and what the manifest says of it."""
    if found is None:
        return {}, None
    state = {f"{PREFIX}{name}": x for name, x in {**found.space.pack(), "points": found.points}.items()}
    state |= _confirmation.pack(found.confirmations, f"{PREFIX}{CONFIRM}")
    facts = {
        "views": list(found.space.views),
        "corruptions": [[name, belongs] for name, belongs in found.kinds.items()],
        "severities": list(found.severities),
        "least_similarity": found.least,
        "least_clearness": found.clear,
        "confirmed_by": [one.view for one in found.confirmations],
    }
    return state, facts


def arrays(facts: Mapping[str, Any] | None, widths: Mapping[str, int]) -> list[Array]:
    """Of what `pack` makes; `facts`: the manifest's, `widths`: of the artifact's views.

    None where nothing was simulated. Raises ContentError where the facts are of other views, or in no order.
    """
    if facts is None:
        return []
    views, confirming = facts["views"], facts.get("confirmed_by", [])
    if not views or not {*views, *confirming} <= widths.keys():
        raise ContentError("has a library of corruptions in views that are not its own")
    severities, names = facts["severities"], facts["corruptions"]
    if not severities or any(a >= b for a, b in pairwise(severities)):
        raise ContentError(f"has severities of corruptions in no order: {severities}")
    if not names or any(len(pair) != 2 for pair in names) or len(dict(names)) < len(names):  # noqa: PLR2004 - name, class
        raise ContentError("has corruptions without a name and a class of their own")
    declared = [
        *_space.arrays(sum(widths[view] for view in views)),
        Array("points", "float64", (len(names), len(severities), f"2 {_space.LINEAR}")),
        *(
            a.under(f"{CONFIRM}{view}/")
            for view in confirming
            for a in _confirmation.arrays(view, len(names))
        ),
    ]
    return [array.under(PREFIX) for array in declared]


def unpack(state: State, facts: Mapping[str, Any] | None) -> Library | None:
    """The inverse of `pack`; None for baselines that were made without."""
    if facts is None or f"{PREFIX}points" not in state:
        return None
    own = {name.removeprefix(PREFIX): x for name, x in state.items() if name.startswith(PREFIX)}
    return Library(
        Space.unpack(own, facts["views"]),
        {str(name): str(belongs) for name, belongs in facts["corruptions"]},
        tuple(float(s) for s in facts["severities"]),
        own["points"],
        float(facts["least_similarity"]),
        float(facts["least_clearness"]),
        _confirmation.unpack(own, facts.get("confirmed_by", []), CONFIRM),
    )
