"""[torch] Sums of Gaussian kernels: row sums, unit-by-unit sums, and the batch block of relabellings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from driftcli.stats.relabelling import Relabellings

CHUNK = 4_000_000
"""Floats of one block of kernel values: keeps it near the cache and memory flat."""
Floats = NDArray[np.float64]
SAME = 1e-9


def gaussians(squared: torch.Tensor, sigmas: Floats) -> Iterator[torch.Tensor]:
    """exp(-d^2 / (2 sigma^2)) for each sigma, widest first, from squared distances.

    A sigma half as wide is the fourth power of the kernel before it: two multiplications instead
    of an exponential. Each yielded tensor is overwritten by the next step.
    """
    kernel, last = squared, 0.0
    for sigma in sigmas.tolist():
        if last and abs(last / sigma - 2) < SAME:
            kernel.square_().square_()
        else:
            kernel = torch.exp(squared * (-0.5 / sigma**2))
        last = sigma
        yield kernel


def squared_distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """[..., n, m] squared Euclidean distances of rows [..., n, d] and [..., m, d], never negative."""
    product = torch.matmul(a, b.mT).mul_(-2)
    product += a.square().sum(-1).unsqueeze(-1)
    product += b.square().sum(-1).unsqueeze(-2)
    return product.clamp_(min=0)


def row_sums(x: NDArray[np.float32], y: NDArray[np.float32], sigmas: Floats, *, same: bool = False) -> Floats:
    """[sigmas, n]: sum over y of k(x_i, y_j); with `same`, x is y and the diagonal is left out."""
    a, b = torch.from_numpy(x), torch.from_numpy(y)
    sums = np.empty((len(sigmas), len(x)))
    step = max(1, CHUNK // max(1, len(y)))
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        squared = squared_distances(a[rows], b)
        if same:
            squared.diagonal(start).zero_()
        for k, kernel in enumerate(gaussians(squared, sigmas)):
            sums[k, rows] = kernel.sum(1, dtype=torch.float64).numpy()
    return sums - 1.0 if same else sums


def direction_sums(x: NDArray[np.float32], y: NDArray[np.float32], kappa: float, equal: float) -> Floats:
    """[n]: sum over y of exp(kappa (cos - 1)) between directions of x [n, d] and y [m, d], pairs with cos > equal left out."""
    a, b = (torch.nn.functional.normalize(torch.from_numpy(side), dim=1) for side in (x, y))
    sums = np.empty(len(x))
    step = max(1, CHUNK // max(1, len(y)))
    for start in range(0, len(x), step):
        cosine = torch.matmul(a[start : start + step], b.T)
        kernel = torch.exp(kappa * (cosine - 1)).masked_fill_(cosine > equal, 0)
        sums[start : start + step] = kernel.sum(1, dtype=torch.float64).numpy()
    return sums


def block_sums(x: NDArray[np.float32], labels: NDArray[np.int64], sigmas: Floats) -> Floats:
    """[sigmas, rows]: sum of k over ordered pairs of different images i, j in J for each labelling J.

    `labels` [rows, m] are image indices. Only m x m blocks exist, a chunk of rows at a time.
    """
    points, index = torch.from_numpy(x), torch.from_numpy(labels)
    m = labels.shape[1]
    sums = np.empty((len(sigmas), len(labels)))
    step = max(1, CHUNK // (m * max(m, x.shape[1])))
    for start in range(0, len(labels), step):
        rows = slice(start, start + step)
        chosen = points[index[rows]]
        squared = squared_distances(chosen, chosen)
        squared.diagonal(dim1=1, dim2=2).zero_()
        for k, kernel in enumerate(gaussians(squared, sigmas)):
            sums[k, rows] = kernel.sum((1, 2), dtype=torch.float64).numpy() - m
    return sums


def unit_kernels(x: NDArray[np.float32], relabellings: Relabellings, sigmas: Floats) -> list[torch.Tensor]:
    """For each sigma the [units, units] sums of k over pairs of different images, less their mean.

    MMD^2 does not feel a constant added to the kernel; without it float32 sums lose nothing. Only
    a strip of the image-by-image kernel exists at a time.
    """
    used = np.flatnonzero(relabellings.unit_of >= 0)
    used = used[np.argsort(relabellings.unit_of[used], kind="stable")]
    points = torch.from_numpy(np.ascontiguousarray(x[used]))
    unit = torch.from_numpy(relabellings.unit_of[used])
    lengths = torch.from_numpy(relabellings.sizes)
    n, units = len(points), len(lengths)
    matrices = [torch.zeros(units, units) for _ in sigmas]
    step = max(1, CHUNK // n)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        squared = squared_distances(points[rows], points)
        squared.diagonal(start).zero_()
        for matrix, kernel in zip(matrices, gaussians(squared, sigmas), strict=True):
            if relabellings.kind == "images":
                matrix[rows] = kernel
            else:
                matrix.index_add_(0, unit[rows], torch.segment_reduce(kernel.T, "sum", lengths=lengths).T)
    sizes = lengths.float()
    for matrix in matrices:
        mean = (float(matrix.sum(dtype=torch.float64)) - n) / (n * (n - 1))
        matrix.sub_(torch.outer(mean * sizes, sizes))
        matrix.diagonal().sub_((1 - mean) * sizes)
    return matrices


def subset_pair_sums(matrix: torch.Tensor, labels: NDArray[np.int64]) -> Floats:
    """[rows]: sum of matrix[u, v] over all u, v in each row of labels [rows, g]: z' K z."""
    index, sums = torch.from_numpy(labels), np.empty(len(labels))
    step = max(1, CHUNK // matrix.shape[1])
    for start in range(0, len(labels), step):
        rows = index[start : start + step]
        columns = torch.nn.functional.embedding_bag(rows, matrix, mode="sum")
        sums[start : start + step] = columns.gather(1, rows).sum(1, dtype=torch.float64).numpy()
    return sums


def median_distance(x: NDArray[np.float32]) -> float:
    """Median Euclidean distance between different rows of x [n, d]."""
    points = torch.from_numpy(x)
    upper = squared_distances(points, points)[tuple(torch.triu_indices(len(points), len(points), 1))]
    return float(upper.median().sqrt())
