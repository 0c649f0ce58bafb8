"""The linear autoencoder in closed form: principal components, for sets too small to train a network on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

MICRO = 32
SAMPLE = 2_000
"""More images than this do not change 64 components by more than sampling does, and cost n^3."""


def fit(rows: NDArray[Any], components: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(mean [d], directions [k, d]) of `rows` [n, d]; k = min(components, n / 4), at least 1.

    By the n x n Gram matrix, since n is smaller than d: X Xt = U S^2 Ut, directions = Ut X / S.
    Directions that carry no variance are zero; the sign makes the largest entry positive.
    """
    values = rows[sample(len(rows), seed)].astype(np.float32)
    mean = values.mean(axis=0, dtype=np.float64).astype(np.float32)
    values -= mean
    k = max(1, min(components, len(rows) // 4))
    energy, vectors = np.linalg.eigh((values @ values.T).astype(np.float64))
    energy, vectors = energy[::-1][:k], vectors[:, ::-1][:, :k]
    real = energy > max(float(energy[0]), 0.0) * 1e-7
    scale = np.where(real, 1 / np.sqrt(np.where(real, energy, 1.0)), 0.0)
    directions = (vectors * scale).T.astype(np.float32) @ values
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return mean, directions * np.where(largest < 0, np.float32(-1), np.float32(1))


def sample(count: int, seed: int) -> NDArray[np.int64]:
    """The rows of `count` that `fit` looks at, in their order: all, or SAMPLE drawn at random."""
    if count <= SAMPLE:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).permutation(count)[:SAMPLE])


def project(
    rows: NDArray[np.float32], mean: NDArray[np.float32], directions: NDArray[np.float32]
) -> NDArray[np.float32]:
    """[n, d] to [n, k], one row at a time from one buffer: BLAS rounds by shape, position and alignment."""
    out = np.empty((len(rows), len(directions)), np.float32)
    buffer, result = np.empty_like(mean), np.empty(len(directions), np.float32)
    for number, row in enumerate(rows):
        np.subtract(row, mean, out=buffer)
        out[number] = np.dot(directions, buffer, out=result)
    return out


def passes(
    state: Mapping[str, NDArray[Any]], prepared: NDArray[np.uint8]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Reconstruction [m, s, s, c] in [0, 1] and code [m, k] of MICRO images after MICRO images."""
    mean, directions = state["weight.mean"], state["weight.directions"]
    flat = mean.reshape(-1)
    buffer = np.empty_like(flat)
    for start in range(0, len(prepared), MICRO):
        part = prepared[start : start + MICRO]
        rows = part.reshape(len(part), -1).astype(np.float32) / np.float32(255)
        code = project(rows, flat, directions)
        image = np.empty(part.shape, np.float32)
        for number, numbers in enumerate(code):
            np.dot(numbers, directions, out=buffer)
            image[number] = np.clip(buffer + flat, 0, 1).reshape(part.shape[1:])
        yield image, code
