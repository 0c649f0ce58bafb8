"""Where networks run, and which versions of what compute the numbers."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from driftcli.config.settings import Settings
from driftcli.core.progress import SILENT, Progress
from driftcli.extractors.base import Runtime

PACKAGES = ("driftcli", "torch", "torchvision", "pillow", "numpy")


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
