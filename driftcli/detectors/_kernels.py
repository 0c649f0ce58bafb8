"""[torch] Sums of Gaussian kernels: row sums, unit-by-unit sums, and the batch block of relabellings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from driftcli.stats.relabelling import Relabellings

# Indices: i, j run over images (C first, then the batch), u, v over units (an image, a bin or a group each), b over
# relabellings, and J is the set of images or units that relabelling b calls "batch". All sums leave out i = j, since
# the unbiased MMD^2 averages over pairs of different images.

CHUNK = 4_000_000
"""Floats of one block of kernel values: keeps it near the cache and memory flat."""
Floats = NDArray[np.float64]
SAME = 1e-9
"""How far from 2 a ratio of neighbouring bandwidths may lie and still count as one half."""


def gaussians(squared: torch.Tensor, sigmas: Floats) -> Iterator[torch.Tensor]:
    """Kernel values exp(-d^2 / (2 sigma^2)), one tensor for each sigma, widest first, from squared distances.

    A sigma half as wide is the fourth power of the kernel before it, exp(-d^2 / (2 (sigma/2)^2)) =
    exp(-d^2 / (2 sigma^2))^4: two multiplications instead of an exponential. Each yielded tensor is overwritten by
    the next step.
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
    """Squared Euclidean distances of rows [..., n, d] and [..., m, d]: [..., n, m], never negative.

    |a|^2 + |b|^2 - 2 a.b: one matrix product, whose round-off may leave tiny negative values, set to 0 here.
    """
    product = torch.matmul(a, b.mT).mul_(-2)
    product += a.square().sum(-1).unsqueeze(-1)
    product += b.square().sum(-1).unsqueeze(-2)
    return product.clamp_(min=0)


def row_sums(x: NDArray[np.float32], y: NDArray[np.float32], sigmas: Floats, *, same: bool = False) -> Floats:
    """Kernel sums of every x_i over all y_j, [sigmas, n], from x [n, d] and y [m, d].

    With `same`, x is y and i = j is left out: its distance is set to 0, so that it adds exactly 1, which is taken off.
    """
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
    """Sums over y [m, d] of exp(kappa (cos(x_i, y_j) - 1)), [n] for x [n, d]; pairs with cos > equal are left out.

    The kernel of a von Mises-Fisher density about the direction of x_i, 1 where directions agree.
    """
    a, b = (torch.nn.functional.normalize(torch.from_numpy(side), dim=1) for side in (x, y))
    sums = np.empty(len(x))
    step = max(1, CHUNK // max(1, len(y)))
    for start in range(0, len(x), step):
        cosine = torch.matmul(a[start : start + step], b.T)
        kernel = torch.exp(kappa * (cosine - 1)).masked_fill_(cosine > equal, 0)
        sums[start : start + step] = kernel.sum(1, dtype=torch.float64).numpy()
    return sums


def block_sums(x: NDArray[np.float32], labels: NDArray[np.int64], sigmas: Floats) -> Floats:
    """Sum q of every labelling J, [sigmas, rows]: the kernel over ordered pairs of different images i, j in J.

    `x` [n, d]; `labels` [rows, m] are image indices. Only m x m blocks exist, a chunk of rows at a time.
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
    """Sums of the kernel between units, one matrix [units, units] for each sigma, centred; from x [n, d].

    Entry u, v: the sum of k - mean over pairs of different images, one of unit u and one of v. MMD^2 does not feel a
    constant added to the kernel (its three averages have weights 1 + 1 - 2); without it float32 sums lose nothing.
    Only a strip of the image-by-image kernel exists at a time.
    """
    # Images in the order of their units, so that a unit is one segment of columns.
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
    # So far every image was paired with itself once, at kernel value 1, on the diagonal of its unit: n in all, which
    # the mean over the n (n - 1) pairs leaves out. Unit pair u, v holds sizes[u] * sizes[v] pairs of images, and
    # sizes[u] fewer where u = v: taking mean * sizes[u]^2 off there takes sizes[u] means too many, and the kernel of
    # each image with itself is still in it; together (1 - mean) * sizes[u] has to go.
    for matrix in matrices:
        mean = (float(matrix.sum(dtype=torch.float64)) - n) / (n * (n - 1))
        matrix.sub_(torch.outer(mean * sizes, sizes))
        matrix.diagonal().sub_((1 - mean) * sizes)
    return matrices


def subset_pair_sums(matrix: torch.Tensor, labels: NDArray[np.int64]) -> Floats:
    """Sums of matrix[u, v] over all u, v in each row of labels [rows, g]: [rows], z' K z for 0/1 labels z.

    First K z, the sum of the g rows of K that a labelling names, then of that the g entries that it names.
    """
    index, sums = torch.from_numpy(labels), np.empty(len(labels))
    step = max(1, CHUNK // matrix.shape[1])
    for start in range(0, len(labels), step):
        rows = index[start : start + step]
        columns = torch.nn.functional.embedding_bag(rows, matrix, mode="sum")
        sums[start : start + step] = columns.gather(1, rows).sum(1, dtype=torch.float64).numpy()
    return sums


def median_distance(x: NDArray[np.float32]) -> float:
    """Median Euclidean distance between different rows of x [n, d], n >= 2 (the lower one of an even number of pairs)."""
    points = torch.from_numpy(x)
    upper = squared_distances(points, points)[tuple(torch.triu_indices(len(points), len(points), 1))]
    return float(upper.median().sqrt())
