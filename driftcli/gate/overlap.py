"""Images of a batch that the reference knows already: left out of the test, or reason enough for none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from driftcli.config.settings import GateSettings
from driftcli.core.features import Features
from driftcli.gate.composition import Mix
from driftcli.reading.reading import Reading
from driftcli.reference.reference import Reference
from driftcli.reference.seen import Seen

# F: what was learnt from an image knows it (an autoencoder rebuilds it better than any other), so that a batch with images
# of F differs from C, which has none: those among good images were left out when C was made. Left out of the batch, too,
# what remains on both sides is exchangeable again.
# C: a copy of a held-out image makes both sides more alike and hides drift of the others, so it is left out as well - unless
# good images repeat among themselves (an empty belt, a black frame, a few hundred icons): then good batches repeat them,
# too, and to leave them out of one side alone would itself make a difference. tests/benchmarks/seen_images.py has both.

REPEATING = 0.01
"""Share of the images of C that may have a copy in C, if a copy in a batch is to be taken for a mistake."""


def testable(reference: Reference, held_out: Features, images: Features) -> NDArray[np.bool_]:
    """[n]: which of these images the test may use: none of F, no copy of one of C; all where an overlap is allowed."""
    if reference.settings.gate.allow_overlap:
        return np.ones(len(images), bool)
    return ~(reference.seen.among(images) | copied(held_out).among(images))


def copied(held_out: Features) -> Seen:
    """The images that C holds once, and that were hence copied where they come again; none where C's own images repeat."""
    _, place, count = np.unique(held_out.pixels, return_inverse=True, return_counts=True)
    single = count[place] == 1
    repeats = (~single).mean() > REPEATING
    return Seen.of(held_out.at(np.flatnonzero(single)[: 0 if repeats else None]))


def tested(
    reference: Reference, held_out: Features, reading: Reading, mix: Mix | None
) -> tuple[Reading, Mix | None]:
    """The batch, and its mix, as if only the images that the test may use had been there; the very same where all may."""
    usable = testable(reference, held_out, reading.features)
    if usable.all():
        return reading, mix
    rows = np.flatnonzero(usable)
    return reading.only(rows), None if mix is None else replace(mix, batch=mix.batch[rows])


def inside(reading: Reading, reference: Reference, held_out: Features) -> int:
    """How many of all images of the batch share their pixels with one of F or C."""
    return int(np.isin(reading.seen, np.union1d(reference.seen.pixels, held_out.pixels)).sum())


def why_not(
    reading: Reading, reference: Reference, held_out: Features, gate: GateSettings
) -> tuple[str, str] | None:
    """Why the images that the reference does not know are too few for an answer, with a hint; None where they are enough."""
    n, again = len(reading.contents), inside(reading, reference, held_out)
    if 2 * again >= n and not gate.allow_overlap:
        return (
            f"{again} of {n} images are also in the reference: you are checking the reference itself",
            "name a new batch, or --allow-overlap when that is meant",
        )
    usable = testable(reference, held_out, reading.features)
    left = len(np.unique(reading.features.pixels[usable]))
    if not usable.all() and left < gate.min_images:
        what = f"{int((~usable).sum())} of {n} images are also in the reference and left out of the test"
        return (
            f"{what}: {left} distinct ones remain; at least {gate.min_images} are needed",
            "name more images that are new to the reference, or lower --min-images",
        )
    return None


def cautions(reading: Reading, reference: Reference, held_out: Features) -> list[str]:
    """Sentences for the report on images that the reference was fitted on, or that the baseline holds."""
    images, said = reading.features, []
    known = reference.seen.among(images)
    copies = copied(held_out).among(images) & ~known
    parts = []
    if known.any():
        parts.append(
            f"{int(known.sum()):,} images of the batch are among those that the reference was fitted on"
        )
    if copies.any():
        of_batch = "" if parts else " images of the batch"
        parts.append(f"{int(copies.sum()):,}{of_batch} are copies of images of the baseline")
    if parts:
        rest = len(images) - int((known | copies).sum())
        what = " and ".join(parts)
        said.append(
            f"{what}: tested all the same (--allow-overlap), though they can raise an alarm or hide one"
            if reference.settings.gate.allow_overlap
            else f"{what}: left out of the test, which judges the other {rest:,}"
        )
    again = int((np.isin(images.pixels, held_out.pixels) & ~known & ~copies).sum())
    if again:
        said.append(
            f"{again:,} images of the batch are in the baseline too, which has copies of its own: counted and kept"
        )
    if other := reference.seen.unlike(images):
        said.append(
            f"{other:,} images of the batch have the pixel hash of images that the reference was fitted on, but are other "
            "pictures: they are tested like all others; find out where they come from"
        )
    return said
