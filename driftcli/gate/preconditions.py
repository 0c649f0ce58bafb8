"""Why no honest answer is possible: too few images, too many unreadable, the reference itself."""

from __future__ import annotations

import numpy as np

from driftcli.config.settings import Settings
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.features import Features
from driftcli.reading.reader import Reading
from driftcli.reference.reference import Reference
from driftcli.stats.sequential import LEAST_RATIO


def require(reading: Reading, settings: Settings, least: int, command: str) -> None:
    """Raise NotAuditedError when `fit` or `baseline` has too few images or too many unreadable ones."""
    usable, entries = len(reading.contents), reading.ledger.seen
    if usable < least:
        raise NotAuditedError(
            f"{command} needs at least {least} images and found {usable} usable ones among {entries} entries",
            "name a folder, glob, manifest or archive with more images; driftcli doctor SOURCE tells what is skipped",
        )
    if reading.unreadable_share > settings.gate.max_unreadable:
        raise NotAuditedError(
            f"{reading.unreadable_share:.0%} of the images are unreadable: {dict(reading.ledger.unreadable)}",
            "repair the source, or raise --max-unreadable",
        )


def contradictions(settings: Settings) -> None:
    """Raise UsageError for settings that make no sense together, before anything is read."""
    if settings.gate.mode == "sequence" and settings.history.file is None:
        raise UsageError(
            "--gate sequence needs the checks before this one",
            "name the file that keeps them: --history FILE",
        )


def why_not(
    reading: Reading, reference: Reference, held_out: Features, settings: Settings
) -> tuple[str, str] | None:
    """Why no honest answer is possible from this batch, with a hint; None when there is one."""
    least, gate = settings.gate.min_images, settings.gate
    n, distinct = len(reading.contents), reading.distinct
    if reading.unreadable_share > gate.max_unreadable:
        return (
            f"{reading.unreadable_share:.0%} of the images are unreadable",
            f"--max-unreadable is {gate.max_unreadable:.0%}; see the list of files",
        )
    if n < least:
        return f"{n} usable images; at least {least} are needed", "name more images, or lower --min-images"
    if distinct < least:
        return (
            f"{n} images, but only {distinct} distinct: {n // max(distinct, 1)} copies of one image: frozen camera?",
            "look at the source; --min-images counts distinct images",
        )
    tested = min(n, gate.max_test_images)
    if gate.mode == "sequence" and len(held_out) < LEAST_RATIO * tested:
        need = (
            f"--gate sequence needs {LEAST_RATIO} for every image of the batch, {LEAST_RATIO * tested:,} here"
        )
        return (
            f"the baseline has {len(held_out):,} images; {need}",
            "calibrate on more good images (driftcli baseline), or check smaller batches (--max-test-images, --limit)",
        )
    known = np.union1d(reference.seen, held_out.pixels)
    inside = int(np.isin(reading.seen, known).sum())
    if 2 * inside >= n and not gate.allow_overlap:
        return (
            f"{inside} of {n} images are also in the reference: you are checking the reference itself",
            "name a new batch, or --allow-overlap when that is meant",
        )
    return None
