"""Where networks run, and which versions of what compute the numbers."""

from __future__ import annotations

import platform
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version

from driftcli.config.settings import Settings
from driftcli.core.features import State
from driftcli.core.progress import SILENT, Progress
from driftcli.extractors.base import Extractor, Runtime

PACKAGES = ("driftcli", "torch", "torchvision", "onnxruntime", "simplejpeg", "pillow", "numpy")


def make_runtime(settings: Settings, progress: Progress = SILENT) -> Runtime:
    """Where and with which weights networks run in this call; `auto` is resolved where torch is needed first."""
    return Runtime(
        device=settings.device,
        weights=settings.weights.file,
        trust_weights=settings.weights.trust,
        allow_download=settings.weights.allow_download,
        progress=progress,
    )


def versions() -> dict[str, str]:
    """Version by name of all that can change a number: Python, machine, packages; imports none of them."""
    known = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            known[package] = version(package)
        except PackageNotFoundError:
            known[package] = "unknown"
    return known


def engines(extractors: Mapping[str, Extractor], states: Mapping[str, State], runtime: Runtime) -> str:
    """What runs the networks, with its version: `onnxruntime 1.32.0`; by extractor where they differ; "" without any."""
    found = {kind: e.engine(states[kind], runtime) for kind, e in extractors.items() if kind in states}
    told = {kind: f"{name} {versions()[name]}" for kind, name in found.items() if name}
    if len(set(told.values())) <= 1:
        return next(iter(told.values()), "")
    return ", ".join(f"{kind}: {name}" for kind, name in told.items())


@contextmanager
def warming(
    extractors: Mapping[str, Extractor], states: Mapping[str, State], runtime: Runtime
) -> Iterator[None]:
    """Networks are made ready beside what happens inside, while decode workers start.

    What goes wrong here goes wrong again where a network is used first, and is told there.
    """

    def warm() -> None:
        for kind, extractor in extractors.items():
            if kind in states:
                with suppress(Exception):
                    extractor.warm(states[kind], runtime)

    thread = threading.Thread(target=warm, name="driftcli-warm")
    thread.start()
    try:
        yield
    finally:
        thread.join()
