"""Pretrained networks at work: the right weights in them, the same bits out of them in any company."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from driftcli.extractors.networks import session

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from driftcli.extractors.base import Runtime

Pixels = NDArray[np.uint8]
Matrix = NDArray[np.float32]

CPU_BATCH = 4
"""Images at a time on one core in torch: of 1 to 32 the best for small and large networks alike (maps stay in the cache)."""
GPU_BATCH = 32
MOST_THREADS = 16


class Network(Protocol):
    """Something that turns a micro-batch of one fixed size into one matrix for each layer."""

    sha256: bytes
    device: str
    batch: int
    """Images that one call takes: no more, no less."""
    classes: bool
    """The last matrix of a call is what is in each image, [batch, classes], in shares."""

    def __call__(self, pixels: Pixels) -> list[Matrix]:
        """uint8 [batch, side, side, 3] -> float32 [batch, d] for each style layer, for content, and `classes`."""

    def to_cpu(self) -> None:
        """Move there for good: the graphics card's memory does not suffice."""


def run(network: Network, prepared: Pixels, runtime: Runtime) -> list[Matrix]:
    """All images through the network, one matrix [n, d] for each layer.

    When a graphics card runs out of memory everything starts again with half the micro-batch, so
    that all rows of one call come from one shape; below one image, on the processor.
    """
    while True:
        try:
            return _all(network, prepared)
        except RuntimeError as error:
            if network.device == "cpu" or not out_of_memory(error):
                raise
            _retreat(network, runtime)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether a graphics card has no room left; asked without loading torch, which has raised it if so."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.OutOfMemoryError)


def _retreat(network: Network, runtime: Runtime) -> None:
    if network.batch > 1:
        network.batch //= 2
        runtime.progress.warn(f"out of memory on {network.device}: trying {network.batch} images at a time")
    else:
        runtime.progress.warn(f"out of memory on {network.device} with a single image: using the processor")
        network.to_cpu()
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _all(network: Network, prepared: Pixels) -> list[Matrix]:
    starts = range(0, max(len(prepared), 1), network.batch)
    blocks = (
        _full(prepared[start : start + network.batch], network.batch, prepared.shape[1:]) for start in starts
    )
    on_cpu = network.device == "cpu"
    parts = _threaded(network, blocks) if on_cpu else [network(block) for block in blocks]
    return [np.concatenate(layer)[: len(prepared)] for layer in zip(*parts, strict=True)]


def _full(block: Pixels, batch: int, shape: Sequence[int]) -> Pixels:
    """The last micro-batch, filled up with black: another shape could mean other rounding."""
    if len(block) == batch:
        return block
    return np.concatenate([block, np.zeros((batch - len(block), *shape), np.uint8)])


def _threaded(network: Network, blocks: Iterable[Pixels]) -> list[list[Matrix]]:
    """Whole micro-batches side by side, each on one thread.

    Faster than many threads in one convolution (nobody waits at every layer), and the only way to
    bits that do not depend on the number of cores: oneDNN sums in another order for each count.
    """
    torch = sys.modules.get("torch")  # a network of torch has loaded it; onnxruntime's does without
    if torch is None:
        pool = ThreadPoolExecutor(session.threads())
    else:
        workers = min(torch.get_num_threads(), MOST_THREADS)
        pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    try:
        return list(pool.map(network, blocks))
    finally:
        pool.shutdown(cancel_futures=True)
