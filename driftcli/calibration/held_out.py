"""The held-out set C before it is a baseline: readings pooled, images of F left out, some read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.calibration import corruption_library, detectability
from driftcli.calibration.answers_to_corrupted import under_corruptions
from driftcli.calibration.detectability import Study
from driftcli.core.errors import UsageError
from driftcli.core.features import Features, State
from driftcli.core.images import Ledger
from driftcli.explain.corruption import Library
from driftcli.extractors.base import LOOKS
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reading.runtime import engines
from driftcli.reference import pixel_errors
from driftcli.reference.seen import Seen

FEWEST = 20
"""Images that a baseline needs."""
OVERLAP = 0.01
"""Share of images that may be in F too, and are left out without a question."""


@dataclass(frozen=True)
class Answering:
    """What a baseline remembers of the classifier that driftcli ran for it."""

    facts: Mapping[str, Any]
    canary: NDArray[np.float64]
    """[canaries, K]: what it says of the canary images."""


@dataclass(frozen=True)
class HeldOut:
    """Good images that the reference was not fitted on, and what reading some of them again has shown."""

    features: Features
    thumbnails: tuple[bytes, ...]
    """WebP, row for row with `features`."""
    ledger: Ledger
    """Of the pass that read them; that of `fit` read F with them."""
    sources: tuple[str, ...]
    canary: Mapping[str, NDArray[np.float32]]
    """What this machine makes of the canary images, by view."""
    study: Study | None
    """Some of them under corruptions, and images of another kind; None where that was not asked for."""
    library: Library | None
    """What every corruption does to them; None where it was not measured."""
    pixel_errors: State
    """How badly their pixels are reconstructed; empty without an autoencoder."""
    engines: str
    """What ran the networks, with its version."""
    classifier: Answering | None = None
    """The user's own, where driftcli ran it on these images."""


def measure_held_out(
    reader: Reader,
    sources: Sequence[str],
    reading: Reading,
    canary: Mapping[str, NDArray[np.float32]],
    classifier: Answering | None = None,
) -> HeldOut:
    """C with all that needs its pixels once more; `fit` and `baseline` calibrate on it.

    `reading`: the images of C alone, read from `sources` by `reader`, whose workers are still up.
    """
    features = under_corruptions(reader, sources, reading.features)
    return HeldOut(
        features=features,
        thumbnails=reading.thumbnails,
        ledger=reading.ledger,
        sources=tuple(sources),
        canary=canary,
        study=detectability.study(reader, sources, features, reader.settings),
        library=corruption_library.library(reader, sources, features),
        pixel_errors=pixel_errors.usual(reader, sources, features, reading.prepared),
        engines=engines(reader.extractors, reader.states, reader.runtime),
        classifier=classifier,
    )


def with_images(reading: Reading, rows: NDArray[np.int64]) -> Reading:
    """The reading as if these rows of its features had been its only images; its ledger stays that of the pass.

    Of prepared images the first few are kept, which extractors look at once more (`Extractor.looks`).
    """
    features = reading.features.at(rows)
    thumbnails = tuple(reading.thumbnails[row] for row in rows) if reading.thumbnails else ()
    prepared = {kind: x[rows[:LOOKS]] for kind, x in reading.prepared.items()}  # what is looked at again
    contents = np.sort(features.content)
    return replace(reading, features=features, contents=contents, thumbnails=thumbnails, prepared=prepared)


def drop_seen_images(reading: Reading, seen: Seen, drop: bool) -> tuple[Reading, int]:
    """The reading without images of F, and how many were left out.

    `seen`: the images of F. Raises UsageError where more than 1 % are in F, unless `drop`.
    """
    known = seen.among(reading.features)
    count = int(known.sum())
    if count > OVERLAP * len(known) and not drop:
        raise UsageError(
            f"{count} of {len(known)} images are among those the reference was fitted on",
            "give held-out images, or --drop-seen to leave the known ones out",
        )
    return with_images(reading, np.flatnonzero(~known)), count
