"""What `fit`, `baseline`, `refresh` and `profile` did, in a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from driftcli.core import sentences
from driftcli.core.adequacy import adequacy, largest_batch
from driftcli.core.amounts import data_size, fine_percent, p_value
from driftcli.core.text import safe_name
from driftcli.core.times import rough_duration

if TYPE_CHECKING:
    from driftcli.core.images import Ledger
    from driftcli.core.outcomes import Calibrated, Fitted, Profiled, Refreshed
    from driftcli.core.sight import FalseAlarmRate

SHOWN = 16
"""Digits of a digest, as `inspect` shows them."""


def fitted(done: Fitted, *, brief: bool) -> str:
    """The artifact, how many images are on which side, what each extractor learnt, what comes next."""
    where = safe_name(done.artifact)
    kept = f", held out {done.held_out:,}" if done.held_out else ""
    head = f"fitted {where}: learnt from {done.fitted_on:,} images{kept} ({rough_duration(done.seconds)})"
    if brief:
        return f"{head}\n"
    rows = [head, *ledger(done.ledger)]
    rows += [f"  {safe_name(name)}: {_words(note)}" for name, note in done.notes.items() if note]
    if done.held_out:
        rows.append(
            f"  baseline holdout: {adequacy(done.held_out)} (driftcli baseline {where} OTHER_GOOD_IMAGES)"
        )
    rows += [*_classifier(done.predictions), f"  sha256 {done.digest}", *cautions(done.cautions)]
    step = "check" if done.held_out else "baseline"
    images = "IMAGES_OF_TODAY" if done.held_out else "OTHER_GOOD_IMAGES"
    return "\n".join([*rows, f"next: driftcli {step} {where} {images}", ""])


def _classifier(facts: Mapping[str, Any] | None) -> list[str]:
    """What the baseline keeps of the user's classifier, and which model it is; nothing where none was asked."""
    return (
        []
        if facts is None
        else [f"  {said}" for said in (sentences.classifier(facts), sentences.asked(facts)) if said]
    )


def calibrated(done: Calibrated, *, brief: bool) -> str:
    """The baseline, its size and groups, what comes next."""
    where = safe_name(done.artifact)
    head = f"baseline {safe_name(done.baseline)} in {where}: {done.images:,} images ({rough_duration(done.seconds)})"
    if brief:
        return f"{head}\n"
    rows = [head, *ledger(done.ledger)]
    rows.append(f"  {adequacy(done.images)}")
    if done.dropped_seen:
        rows.append(f"  left out {done.dropped_seen:,} that the reference was fitted on")
    if len(done.groups) > 1:
        shown = [f"{safe_name(name)} {count:,}" for name, count in done.groups.items()]
        rows.append(f"  {len(shown)} groups: {', '.join(shown[:8])}{', …' if len(shown) > 8 else ''}")  # noqa: PLR2004
    rows += _classifier(done.predictions)
    if done.exported is not None:
        manifest, images, of = done.exported
        rows.append(
            f"  {images:,} images written, {of:,} good ones as they are and corrupted: add predictions to the rows of "
            f"{safe_name(manifest)}, then run driftcli baseline again with --predictions FILE"
        )
    rows += [f"  sha256 {done.digest}", *cautions(done.cautions)]
    named = "" if done.baseline == "default" else f" --baseline {safe_name(done.baseline)}"
    return "\n".join([*rows, f"next: driftcli check {where} IMAGES_OF_TODAY{named}", ""])


def refreshed(done: Refreshed, *, brief: bool) -> str:
    """What was added and what the baseline said of it; the baseline before and after; what comes next."""
    where, name = safe_name(done.artifact), safe_name(done.baseline)
    there = f"{done.already_there:,} already there"
    if not done.added:
        head = f"baseline {name} in {where}: nothing added, {there} ({rough_duration(done.seconds)})"
    else:
        parts = f", {there}" if done.already_there else ""
        head = (
            f"baseline {name} in {where}: {done.added:,} images added{parts} ({rough_duration(done.seconds)})"
        )
    if brief:
        return f"{head}\n"
    rows = [head, *ledger(done.ledger)]
    if done.dropped_seen:
        rows.append(f"  left out {done.dropped_seen:,} that the reference was fitted on")
    if done.added:
        rows += [f"  {_verdict(done)}", *_before_and_after(done)]
    rows += [f"  sha256 {done.digest}", *cautions(done.cautions)]
    if not done.added:
        return "\n".join([*rows, ""])
    named = "" if done.baseline == "default" else f" --baseline {name}"
    return "\n".join([*rows, f"next: driftcli check {where} IMAGES_OF_TODAY{named}", ""])


def _verdict(done: Refreshed) -> str:
    """What the baseline of before said of the new images."""
    if done.p_value is None:
        return f"the baseline as it was says: {done.verdict} ({safe_name(done.reason or '')})"
    return f"the baseline as it was says: {done.verdict}, p = {p_value(done.p_value)}"


def _before_and_after(done: Refreshed) -> list[str]:
    """Images, the largest batch they are adequate for, false alarms, and what is seen now and was not."""
    from driftcli.reports.content import words

    most = f"{largest_batch(done.images_before):,} -> {largest_batch(done.images):,}"
    rows = [
        f"  images {done.images_before:,} -> {done.images:,}; adequate for batches of up to {most} images"
    ]
    if done.batch is None:
        return rows
    before, after = _range(done.false_alarms_before), _range(done.false_alarms)
    if before and after:
        rows.append(
            f"  false alarms of good batches of {done.batch}{_at(done.false_alarms)}: {before} -> {after}"
        )
    for what, changes in (("now sees", done.gained), ("no longer sees", done.lost)):
        if changes:
            named = ", ".join(map(words.detectable, changes))
            rows.append(f"  of {done.batch} images it {what} {named} (by a few simulated batches)")
    return rows


def _at(rate: FalseAlarmRate | None) -> str:
    return "" if rate is None else f" at alpha {rate.nominal:g}"


def _range(rate: FalseAlarmRate | None) -> str:
    """Where nine of ten such artifacts lie; empty where that is not known."""
    if rate is None or rate.low is None or rate.high is None:
        return ""
    return f"{fine_percent(rate.low)} to {fine_percent(rate.high)}"


def profiled(done: Profiled, artifact: str, *, brief: bool) -> str:
    """The profile, how many images it stands for, what comes next."""
    part = "" if done.shard == "1/1" else f" (shard {done.shard})"
    head = (
        f"profile {safe_name(done.file)}{part}: {done.images:,} images, {data_size(done.bytes)} "
        f"({rough_duration(done.seconds)})"
    )
    if brief:
        return f"{head}\n"
    rows = [head, *ledger(done.ledger)]
    if done.kept < done.images:
        rows.append(f"  features of {done.kept:,} of them, hashes of all")
    rows += [f"  sha256 {done.sha256[:SHOWN]}", *cautions(done.cautions)]
    shards = safe_name(done.file) if not part else "ALL_SHARDS"
    return "\n".join([*rows, f"next: driftcli check {safe_name(artifact)} {shards}", ""])


def ledger(counts: Ledger) -> list[str]:
    """Where the entries went that were not used; nothing if all were."""
    parts = [f"{count:,} unreadable ({_plain(why)})" for why, count in counts.unreadable.items()]
    parts += [f"{count:,} skipped ({_plain(why)})" for why, count in counts.skipped.items()]
    parts += [f"{counts.changed:,} changed while being read"] if counts.changed else []
    return [f"  of {counts.seen:,} entries: {', '.join(parts)}"] if parts else []


def _plain(reason: str) -> str:
    return safe_name(reason).replace("_", " ")


def cautions(lines: tuple[str, ...]) -> list[str]:
    """One a line."""
    return [f"caution: {safe_name(line)}" for line in lines]


def _words(note: Any) -> str:
    if isinstance(note, Mapping):
        return ", ".join(f"{safe_name(str(key))} {_words(value)}" for key, value in note.items())
    return f"{note:.4g}" if isinstance(note, float) else safe_name(str(note))
