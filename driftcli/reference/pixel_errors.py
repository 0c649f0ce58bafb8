"""How badly good images are reconstructed, pixel by pixel: what heat maps of the error are measured against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features, State
from driftcli.extractors.autoencoder import Autoencoder, residuals
from driftcli.reading.entries import entries_again
from driftcli.reading.reader import Reader

MOST = 256
QUANTILE = 0.95
KEY = "pixels/error_q95"
PREFIX = "pixels/"


def usual(reader: Reader, sources: Sequence[str], held_out: Features) -> State:
    """The reconstruction error that 95 % of good images stay below at each place: float16 [side, side] as a State.

    Measured on up to 256 held-out images, which are read again. Empty without an autoencoder, or where none of
    them can be read any more.
    """
    extractor = reader.extractors.get("autoencoder")
    if not isinstance(extractor, Autoencoder):
        return {}
    few = held_out.first(MOST)
    again = reader.decoded(entries_again(sources, reader.settings, few.names))
    prepared = [image.arrays["autoencoder"] for image in again]
    if not prepared:
        return {}
    images = np.stack(prepared)
    state = reader.states["autoencoder"]
    errors = residuals(images, extractor.reconstruct(state, images, reader.runtime))
    return {KEY: np.quantile(errors, QUANTILE, axis=0).astype(np.float16)}


def learnt(drawing: State, fitted: State) -> tuple[NDArray[np.float32], str]:
    """The usual error at each place, float32 [side, side], and the unit that it makes, in words.

    `drawing`: what `usual` made, if the baseline has it; `fitted`: the autoencoder's State, whose 99 % quantile
    stands in for baselines made before.
    """
    if KEY in drawing:
        return drawing[KEY].astype(
            np.float32
        ), "× the error that 95 % of good images stay below at that place"
    words = "× the error that 99 % of the images that `fit` did not train on stay below at that place"
    return fitted["residual_p99"], words
