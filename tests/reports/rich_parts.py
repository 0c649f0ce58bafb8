"""What a full check adds to a result: per-image p-values, scores, a map, removal, groups, duplicates, a sequence."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from itertools import pairwise

from driftcli.core.findings import (
    ConceptsResult,
    DuplicateResult,
    GroupResult,
    ImageResult,
    MapResult,
    MissingResult,
    Outside,
    PropertyResult,
    RemovalResult,
    ScoreResult,
    SequenceResult,
    WordResult,
)

BINS = 20
FOLDER = "incoming/2026-11-21"
ROUND = 0.618033988749895
"""Multiples of the golden ratio, modulo 1, spread evenly: points without a random generator."""
SOFT = Outside("sharpness", "below", 0.99, 12.0, "px")
STRANGE = (
    ("camera-07/north-gate/20261121T061502-000412.jpg", "properties", {"sharpness 12 px, below 99 % of the baseline": SOFT}),
    ("camera-07/north-gate/20261121T061507-000413.jpg", "properties", {
        "sharpness 13 px, below 99 % of the baseline": replace(SOFT, value=13.0),
        "red-green balance −0.12, below 98 % of the baseline": Outside("red_green", "below", 0.98, -0.12),
    }),
    ("camera-07/IMG|0007.jpg", "style", {}),
    ("camera-07/=cmd.jpg", "reconstruction", {
        "reconstruction error (log) −6.1, below 97 % of the baseline": Outside("log_mse", "below", 0.97, -6.1),
    }),
    ('camera-07/<b>bold & "quoted"</b>.jpg', "properties", {
        "brightness 0.11, below 96 % of the baseline": Outside("brightness", "below", 0.96, 0.11),
    }),
)  # fmt: skip
"""Path, family, and reasons with their facts."""


def spread(number: int) -> float:
    """The number-th of evenly spread values in (-1, 1)."""
    return round(2 * ((number * ROUND) % 1) - 1, 6)


def points(
    count: int, centre: tuple[float, float], width: float, start: int
) -> tuple[tuple[float, ...], ...]:
    """A disc of points."""
    found = []
    for number in range(start, start + count):
        angle, far = math.pi * spread(number), width * math.sqrt(abs(spread(7 * number + 3)))
        found.append(
            (round(centre[0] + far * math.cos(angle), 6), round(centre[1] + far * math.sin(angle), 6))
        )
    return tuple(found)


def score(family: str, batch: float, threshold: float | None) -> ScoreResult:
    """Two humps over common edges: good images around 0, the batch's around `batch`."""
    edges = [round(-3 + 9 * step / BINS, 6) for step in range(BINS + 1)]

    def shares(mean: float) -> tuple[float, ...]:
        heights = [math.exp(-(((left + right) / 2 - mean) ** 2) / 2) for left, right in pairwise(edges)]
        return tuple(round(height / sum(heights), 6) for height in heights)

    return ScoreResult(family, tuple(edges), shares(batch), shares(0.0), threshold)


def content(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def concepts() -> ConceptsResult:
    """A kind that rose, a class that fell."""
    dogs = WordResult(
        "dogs", 0.83, 0.1, 0.52, 0.94, 0.0002, ("beagle", "Labrador retriever", "golden retriever", "pug")
    )
    tabby = WordResult("tabby", 0.0, 0.18, -0.3, -0.06, 0.004)
    return ConceptsResult("efficientnet_lite0", True, None, (dogs,), (tabby,))


def images(count: int = 30) -> tuple[ImageResult, ...]:
    """Nine that are significant, the rest not; the first five with names that need care."""
    found = []
    for rank in range(1, count + 1):
        usual = (f"camera-0{1 + rank % 3}/IMG_{rank:04}.jpg", "style", {})
        name, family, why = STRANGE[rank - 1] if rank <= len(STRANGE) else usual
        found.append(
            ImageResult(
                f"{FOLDER}/{name}", rank, round(1 - rank / 128, 4), family, tuple(why),
                p_value=round((rank**2 + 1) / 2561, 6) if rank < count else None, significant=rank <= 9,
                content=content(name), neighbour=f"good/IMG_{5 * rank:05}.jpg" if rank % 4 else None,
                outside=tuple(why.values()),
            )
        )  # fmt: skip
    return tuple(found)


def measured(count: int = 30) -> tuple[PropertyResult, ...]:
    """A number, one that some images lack, and a category with names that need care."""
    numbers = tuple(round(0.5 + spread(rank) / 3, 6) for rank in range(1, count + 1))
    return (
        PropertyResult("brightness", "properties", "linear", "", numbers),
        PropertyResult(
            "hue", "properties", "circular", "turns", tuple(None if i % 3 else abs(x) for i, x in enumerate(numbers))
        ),
        PropertyResult(
            "camera", "file", "category", "", tuple(float(i % 3) if i else None for i in range(count)),
            ("=cmd()", "Nikon D5, \u202eback", "none"),
        ),
    )  # fmt: skip


SCORES = (
    score("style", 1.4, 2.326),
    score("reconstruction", 2.2, 2.41),
    score("properties", 1.9, 2.2),
    score("content", 0.1, None),
)
REMOVAL = RemovalResult(tuple(image.path for image in images()[:9]), 0.0374)
GROUPS = (
    GroupResult("camera-07", 31, 0.8112, 0.71, 0.0008, True),
    GroupResult("camera-02", 48, 0.4603, 0.08, 0.42, False),
    GroupResult("camera-03", 48, 0.4411, 0.04, 1.0, False),
    GroupResult("", 3, 0.5, None, None, False),
)
DUPLICATES = (
    DuplicateResult("exact", "batch", (f"{FOLDER}/camera-02/IMG_0021.jpg", f"{FOLDER}/camera-02/copy of IMG_0021.jpg")),
    DuplicateResult("near", "batch", tuple(f"{FOLDER}/camera-03/burst_{number}.jpg" for number in range(4))),
    DuplicateResult("exact", "baseline", (f"{FOLDER}/camera-02/IMG_0022.jpg", "good/IMG_00110.jpg")),
)  # fmt: skip
MISSING = tuple(
    MissingResult(f"good/night/IMG_{number:05}.jpg", round(0.99 - number / 40, 4)) for number in range(1, 7)
)
MAP = MapResult(
    "pca", (0.41, 0.17),
    points(80, (0.0, 0.0), 2.0, 1), tuple(f"good/IMG_{number:05}.jpg" for number in range(80)),
    points(30, (2.2, 0.9), 1.2, 101), tuple(image.path for image in images()),
)  # fmt: skip
SEQUENCE = SequenceResult(143.2, 100.0, True, 114, 365, 12.5, "camera-07")
