"""What head_to_head.py and the peers' adapters share: data files, conditions, and who is in which trial.

Imported by two or three Python environments: numpy and the standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

SIZES = (20, 50, 100, 200)
CORRUPTIONS = ("gaussian_blur", "gaussian_noise", "jpeg", "brighten", "low_contrast", "colour_cast")
MIX = "content mix"
SMALL = 50
"""Batches of up to so many images are small."""
NULLS = 10
"""Clean batches a round, each with a split of its own: the threshold needs more of them than a power does."""
TESTED = ("style", "content", "properties")
"""Views that peers are given besides their own features; `all` is style and content together."""

LEADING = ("style", "properties", "all")
"""Views on which every peer finds most: later rounds may ask about these alone (--full)."""
DEAR = ("DataEval DomainClassifier", "driftdep KS, block permutation")
"""Dear, or the same score as another's: asked in the full rounds only."""


def leads(method: str) -> bool:
    """Whether a method is asked in every round; `method`: NAME / VIEW."""
    name, _, view = method.partition(" / ")
    return name.startswith("driftcli") or (view in LEADING and name not in DEAR)


@dataclass(frozen=True)
class Data:
    """One data set: how many images C has, which batch sizes it allows, and its change of content."""

    name: str
    held_out: int
    sizes: tuple[int, ...]
    group: tuple[str, ...]
    """Classes whose share changes: substrings of the name."""
    share: float
    blur: tuple[int, int] = (1, 2)
    """Severities of the blur: on 32 pixels the mild ones leave every pixel as it is (sigma 0.14)."""

    def severities(self, corruption: str) -> tuple[int, int]:
        return self.blur if corruption == "gaussian_blur" else (1, 2)

    @property
    def states(self) -> tuple[str, ...]:
        """CORRUPTION:SEVERITY of every set of features."""
        return tuple(f"{c}:{s}" for c in CORRUPTIONS for s in self.severities(c))

    def drifts(self, n: int) -> tuple[str, ...]:
        """All drifts at one batch size; a clean batch is `clean`.

        Whole batches at the lower severity, 30 % at the higher; the whole batch at the higher where batches are
        small, 10 % where they are large: the other way round everybody or nobody finds it.
        """
        found = []
        for corruption in CORRUPTIONS:
            low, high = self.severities(corruption)
            last = 1.0 if n <= SMALL else 0.1
            found += [f"{corruption}:{s}:{share:g}" for s, share in ((low, 1.0), (high, 0.3), (high, last))]
        return (*found, MIX)


SETS: Mapping[str, Data] = {
    d.name: d
    for d in (
        Data("hymenoptera", 150, SIZES[:3], ("ants/",), 0.75),
        Data("catsdogs", 200, SIZES, ("cat.",), 0.75),
        Data("cifar10", 200, SIZES, ("airplane/", "automobile/", "ship/", "truck/"), 0.65, (4, 5)),
        Data("sample", 200, SIZES, ("C/",), 0.45),
    )
}


@dataclass(frozen=True)
class Match:
    """One question for every method: C and the batch, as rows of the images that are not in F."""

    data: str
    n: int
    condition: str
    trial: int
    seed: int
    held_out: np.ndarray
    clean: np.ndarray
    """Rows of the batch that stay as they are."""
    drifted: np.ndarray
    """Rows of the batch that are corrupted."""

    @property
    def key(self) -> str:
        return f"{self.seed}|{self.data}|{self.n}|{self.condition}|{self.trial}"


def matches(data: Data, in_group: np.ndarray, trial: int, seed: int) -> Iterator[Match]:
    """One round of trials. All drifts of a round and size share the split; every clean batch has its own."""
    for n in data.sizes:
        for k in range(NULLS):
            order = shuffled(data, n, 1000 + trial * NULLS + k, seed, len(in_group))
            parts = order[: data.held_out], order[data.held_out :][:n], order[:0]
            yield Match(data.name, n, "clean", trial * NULLS + k, seed, *parts)
        order = shuffled(data, n, 10**6 + trial, seed, len(in_group))
        held_out, rest = order[: data.held_out], order[data.held_out :]
        for condition in data.drifts(n):
            clean, drifted = rest[:0], rest[:0]
            if condition == MIX:
                ours, others = rest[in_group[rest]], rest[~in_group[rest]]
                wanted = round(data.share * n)
                if len(ours) < wanted or len(others) < n - wanted:
                    continue
                clean = np.concatenate([ours[:wanted], others[: n - wanted]])
            else:
                hit = round(float(condition.split(":")[2]) * n)
                drifted, clean = rest[:hit], rest[hit:n]
            yield Match(data.name, n, condition, trial, seed, held_out, clean, drifted)


def shuffled(data: Data, n: int, number: int, seed: int, images: int) -> np.ndarray:
    """The order in which C and the batch are dealt."""
    return np.random.default_rng([seed, crc32(data.name.encode()), n, number]).permutation(images)


@dataclass(frozen=True)
class Features:
    """Views of one data set: `F`, and the other images clean and under every corruption, row for row."""

    arrays: Mapping[str, np.ndarray]

    @staticmethod
    def load(cache: Path, data: str) -> Features:
        with np.load(cache / f"{data}.npz", allow_pickle=False) as kept:
            return Features({name: kept[name] for name in kept.files})

    @property
    def in_group(self) -> np.ndarray:
        return self.arrays["in_group"]

    def of(self, state: str, view: str) -> np.ndarray:
        """`state`: F, clean, or CORRUPTION:SEVERITY."""
        return self.arrays[f"{state}/{view}"]

    def sides(self, match: Match, view: str) -> tuple[np.ndarray, np.ndarray]:
        """C and the batch."""
        base = self.of("clean", view)
        batch = base[match.clean]
        if len(match.drifted):
            state = match.condition.rsplit(":", 1)[0]
            batch = np.concatenate([self.of(state, view)[match.drifted], batch])
        return base[match.held_out], batch


class Record:
    """Answers as JSON lines, appended one by one: a run that was stopped goes on where it was."""

    def __init__(self, path: Path) -> None:
        self.path, self.known = path, {}
        if path.is_file():
            for line in path.read_text().splitlines():
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:  # the last line of a run that was killed
                    continue
                self.known.setdefault(row["key"], {}).update(row["found"])

    def add(self, match: Match, found: Mapping[str, object]) -> None:
        self.known.setdefault(match.key, {}).update(found)
        with self.path.open("a") as out:
            out.write(json.dumps({"key": match.key, "found": found}) + "\n")
