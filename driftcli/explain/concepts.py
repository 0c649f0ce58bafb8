"""Which subjects a batch has more of and which fewer: the few words that say it, out of all that moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftcli.core.findings import WordResult

if TYPE_CHECKING:
    from driftcli.core.features import Vocabulary

VISIBLE = 0.05
"""A mean share must move by so much to be worth a word."""
SURE, KNOWN = 0.6, 0.4
"""So large must a riser's share be in the images of the batch that it comes from, and a faller's in the baseline's.
Right words had .67 and more; guesses at what the network does not know (loupe, window shade, a dog in a blurred cat)
.55 and less: tests/benchmarks/concepts.py. Good images are known to be at home: there less will do."""
ONE = 0.6
"""A class with so much of its kind's change speaks for itself."""
PART = 0.03
"""Classes with less of their kind's change are not named with it."""
MOST, GATHERED = 3, 4
"""Words a side, and classes named with a kind."""
SUBJECT = 0.5
"""Share of an image from which on it is said to show a thing."""
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Moved:
    """How every class and kind moved (`Detector.changes`), by its place in the vocabulary: arrays [words]."""

    before: Numbers
    """Mean share in the baseline."""
    after: Numbers
    p: Numbers
    low: Numbers
    high: Numbers
    sure_before: Numbers
    """How large the share is in the baseline's images that it comes from."""
    sure_after: Numbers

    @property
    def change(self) -> Numbers:
        """[words]: of the mean share."""
        return self.after - self.before


def chosen(
    moved: Moved, vocabulary: Vocabulary, alpha: float
) -> tuple[tuple[WordResult, ...], tuple[WordResult, ...]]:
    """Up to three words for what there is more of and for what there is less of, the largest change first.

    Significant over all words together, visible, and said by the network with conviction: of risers in the batch, of
    fallers in the baseline. A kind stands for its classes, unless one of them is most of its change.
    """
    change = moved.change
    sure = np.where(change > 0, moved.sure_after >= SURE, moved.sure_before >= KNOWN)
    worth = (moved.p <= alpha) & (np.abs(change) >= VISIBLE) & sure
    sides = []
    for sign in (1, -1):
        candidates = {int(k) for k in np.flatnonzero(worth & (sign * change > 0))}
        words = _without_repeats(candidates, change, vocabulary.kind_of)
        order = sorted(words, key=lambda k: (-abs(change[k]), k))[:MOST]
        sides.append(tuple(_result(k, moved, vocabulary) for k in order))
    return sides[0], sides[1]


def _without_repeats(candidates: set[int], change: Numbers, kind_of: NDArray[np.int64]) -> set[int]:
    """A kind or its classes, never both."""
    kept = set(candidates)
    for kind in {int(k) for k in kind_of if k >= 0} & candidates:
        members = np.flatnonzero(kind_of == kind)
        first = int(members[np.argmax(np.sign(change[kind]) * change[members])])
        alone = first in candidates and abs(change[first]) >= ONE * abs(change[kind])
        kept -= {kind} if alone else {int(k) for k in members}
    return kept


def _result(k: int, moved: Moved, vocabulary: Vocabulary) -> WordResult:
    members: Sequence[int] = np.flatnonzero(vocabulary.kind_of == k).tolist()
    rise = np.sign(moved.change[k]) * moved.change
    named = sorted((c for c in members if rise[c] >= PART * rise[k]), key=lambda c: (-rise[c], c))[:GATHERED]
    return WordResult(
        word=vocabulary.words[k],
        batch=float(moved.after[k]),
        baseline=float(moved.before[k]),
        low=float(moved.low[k]),
        high=float(moved.high[k]),
        p_value=float(moved.p[k]),
        gathers=tuple(vocabulary.words[c] for c in named),
    )


def subjects(pairs: NDArray[np.float32], vocabulary: Vocabulary) -> list[str | None]:
    """What each image shows: its first class, else its kind, where that has half of the image; "bee (0.93)".

    `pairs`: [n, 2 k] of (place in the vocabulary, share), classes first, the largest first.
    """
    numbers, shares = pairs[:, 0::2].astype(np.int64), pairs[:, 1::2]
    is_class = numbers < len(vocabulary.kind_of)
    found: list[str | None] = []
    for row, (places, share) in enumerate(zip(numbers, shares, strict=True)):
        best = [int(np.argmax(np.where(of, share, -1.0))) for of in (is_class[row], ~is_class[row])]
        sure = [at for at in best if share[at] >= SUBJECT]
        found.append(f"{vocabulary.singular[places[sure[0]]]} ({share[sure[0]]:.2f})" if sure else None)
    return found
