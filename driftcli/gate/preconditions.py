"""Why no honest answer is possible: too few images, too many unreadable, the reference itself."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

import numpy as np

from driftcli.config.settings import GateSettings, Settings
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.features import Features
from driftcli.core.text import safe_name
from driftcli.gate import overlap
from driftcli.reading import holdings
from driftcli.reading.reading import Reading
from driftcli.reference.reference import Reference
from driftcli.stats.sequential import LEAST_RATIO


def require(reading: Reading, settings: Settings, least: int, command: str) -> None:
    """Raise NotAuditedError when `fit` or `baseline` has too few images, too few distinct ones, or too many unreadable ones."""
    usable, entries = len(reading.contents), reading.ledger.seen
    problem = _unreadable(reading, settings.gate)
    if usable == 0:
        what, hint = holdings.instead(reading.skipped)
        raise NotAuditedError(f"{command} found 0 usable images: the source holds {what}", hint)
    if usable < least:
        raise NotAuditedError(
            f"{command} needs at least {least} images and found {usable} usable ones among {entries} entries",
            "name a folder, glob, manifest or archive with more images; driftcli doctor SOURCE tells what is skipped",
        )
    if problem is not None:
        raise NotAuditedError(*problem)
    if reading.distinct < least:
        raise _copies(usable, reading.distinct, least, command)


def require_left(images: Features, least: int) -> None:
    """Raise NotAuditedError where the images of F that were left out of a baseline leave too few distinct ones."""
    count = len(np.unique(images.pixels))
    if count < least:
        raise NotAuditedError(
            f"{count} distinct images are left after leaving out those of F; {least} are needed",
            "give good images that the reference was not fitted on",
        )


def _copies(usable: int, distinct: int, least: int, command: str) -> NotAuditedError:
    few = f"{usable:,} copies of one image" if distinct == 1 else f"copies of {distinct} images"
    return NotAuditedError(
        f"{command} needs at least {least} distinct images; these {usable:,} are {few}",
        "look at the source (a frozen camera, one file exported again and again?) and name different good images",
    )


def _unreadable(reading: Reading, gate: GateSettings) -> tuple[str, str] | None:
    """Why too much could not be read, with a hint; None where it is within the limits.

    One image may fail, or the share of `max_unreadable`; of a folder that cannot be listed nobody knows what is lost.
    """
    if closed := holdings.closed(reading.skipped, reading.ledger.unlisted, gate.max_unreadable_folders):
        return closed
    limit, bad = gate.max_unreadable, reading.failed
    if reading.unreadable_share <= limit or (bad == 1 and limit > 0):
        return None
    return (
        f"{bad:,} of {bad + reading.ledger.used:,} images cannot be read: {reading.failed_by_name}",
        f"repair or remove them, or raise --max-unreadable (now {limit:.0%}, or one image)"
        if limit
        else "repair or remove them: --max-unreadable is 0",
    )


def _too_little(reading: Reading, gate: GateSettings) -> tuple[str, str] | None:
    """Why these are not enough images, with a hint; None where they are."""
    least, n, distinct = gate.min_images, len(reading.contents), reading.distinct
    if n == 0:
        what, hint = holdings.instead(reading.skipped)
        return f"0 usable images: the source holds {what}", hint
    if problem := _unreadable(reading, gate):
        return problem
    if n < least:
        return f"{n} usable images; at least {least} are needed", "name more images, or lower --min-images"
    if distinct < least:
        return (
            f"{n} images, but only {distinct} distinct: {n // max(distinct, 1)} copies of one image: frozen camera?",
            "look at the source; --min-images counts distinct images",
        )
    return None


def require_columns(reading: Reading, settings: Settings, given: Collection[str]) -> None:
    """Raise UsageError for a column that somebody asked for and no image has: all would be of one class.

    `given`: dotted keys that the caller set; what an artifact remembers need not be in every batch.
    """
    for key in ("group_by", "stratify_by", "slice_by"):
        wanted = getattr(settings.input, key) or ""
        name = wanted.removeprefix("column:")
        if (
            f"input.{key}" not in given
            or name == wanted
            or name in reading.columns
            or not reading.contents.size
        ):
            continue
        option = f"--{key.replace('_', '-')} {safe_name(wanted)}"
        if not reading.columns:
            raise UsageError(
                f"{option}: these images have no columns",
                "name a manifest (.csv or .jsonl) as SOURCE, or use folder, hour or a regular expression",
            )
        close = get_close_matches(name, reading.columns, 1)
        there = ", ".join(map(safe_name, sorted(reading.columns)))
        raise UsageError(
            f"{option}: no image has this column",
            f"did you mean column:{safe_name(close[0])}?" if close else f"the manifest has {there}",
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
    gate, n = settings.gate, len(reading.contents)
    if problem := _too_little(reading, gate):
        return problem
    tested = min(n, gate.max_test_images)
    if gate.mode == "sequence" and len(held_out) < LEAST_RATIO * tested:
        need = (
            f"--gate sequence needs {LEAST_RATIO} for every image of the batch, {LEAST_RATIO * tested:,} here"
        )
        return (
            f"the baseline has {len(held_out):,} images; {need}",
            "calibrate on more good images (driftcli baseline), or check smaller batches (--max-test-images, --limit)",
        )
    return overlap.why_not(reading, reference, held_out, gate)
