"""An artifact as a document: what it is made from, what it was measured to do, whether it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from driftcli.core import sentences
from driftcli.core.amounts import data_size
from driftcli.reports.content import numbers, words
from driftcli.reports.layout import line_chart
from driftcli.reports.layout.document import Cell, Column, Document, Facts, Name, Section, Table, Words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftcli.core.inspection import Account, BaselineAccount

    Row = tuple[str, Words]

SHORT = 8
"""Lists longer than this are counted, not shown."""
MOST = 6
"""Detectable changes named for each batch size; `-f json` has all."""
NEWEST = 80
"""Epochs of a loss in one line."""


def document(account: Account, *, page: bool = False, ascii_only: bool = False) -> Document:
    """The whole account. `page`: with pictures, and losses as drawings; else as characters, with `ascii_only` plain ones."""
    settings = tuple((name, _short(value)) for name, value in leaves(account.manifest.get("settings") or {}))
    files = (_files(account),) if account.files else ()
    told = Section("settings", "Settings", (Facts(settings),), detail=True, brief=f"{len(settings)} values")
    whole = "all checksums are right" if account.ok else "DAMAGED"
    listed = Section("files", "Files", files, found=not account.ok, detail=account.ok, brief=whole)
    if page:
        from driftcli.reports.inspect import on_page

        lines = tuple(_made_from(account, measured=False))
        sections = (*on_page.sections(account), *_drawn(account), *([told] if settings else []), listed)
    else:
        lines = (*_made_from(account, measured=True), *_losses(account, ascii_only=ascii_only))
        sections = (*([told] if settings else []), listed)
    lead = Section("artifact", account.name, (Facts(lines),), state(account))
    return Document(lead, sections, f"Artifact {account.name}", "artifact")


def state(account: Account) -> str:
    """`ok, 12 files, 3.4 MB, sha256 0123456789abcdef`."""
    whole = "ok" if account.ok else "DAMAGED"
    return f"{whole}, {len(account.files)} files, {data_size(account.bytes)}, sha256 {account.digest[:16]}"


def _made_from(account: Account, *, measured: bool) -> Iterator[Row]:
    """What it was learnt from; `measured`: and what each baseline was measured to do."""
    manifest = account.manifest
    fitted = manifest.get("fitted") or {}
    if fitted:
        shapes = [*(fitted.get("formats") or {}), *(fitted.get("sizes") or {})]
        shown = f" ({', '.join(shapes)})" if shapes else ""
        yield "fitted on", f"{_count(fitted)} from {_sources(fitted)}, {_date(fitted)}{shown}"
    for baseline in account.baselines:
        yield from _baseline(baseline, measured=measured)
    if not account.baselines:
        yield "baseline", "none: not calibrated"
    if families := manifest.get("families_tested"):
        yield "families", ", ".join(families)
    yield "pictures", "thumbnails of held-out images" if account.holds_images else "none"
    yield "sha256", account.digest
    if versions := manifest.get("versions"):
        yield "made with", ", ".join(f"{name} {version}" for name, version in versions.items())


def _baseline(baseline: BaselineAccount, *, measured: bool) -> Iterator[Row]:
    facts = baseline.facts
    groups = f", {facts['groups']} groups" if facts.get("groups") else ""
    yield (
        "baseline",
        (Name(baseline.name), f": {_count(facts)} from {_sources(facts)}{groups}, {_date(facts)}"),
    )
    if said := facts.get("predictions"):
        yield "", sentences.classifier(said)
        if (model := sentences.asked(said)) is not None:
            yield "", model
    yield from (("", sentences.refreshed(each)) for each in facts.get("lineage") or ())
    for line in rates(baseline) if measured else ():
        yield "", line
    for size, changes in baseline.detectable.items():
        if changes and measured:
            named = [words.detectable(change) for change in changes[:MOST]]
            hidden = f", {len(changes) - MOST} more" if len(changes) > MOST else ""
            yield "", f"of {size} images it sees: {', '.join(named)}{hidden}"
    if baseline.words:
        yield "", baseline.words
    if baseline.reason:
        yield "", f"not measured: {baseline.reason}"
    yield from (("", f"caution: {caution}") for caution in facts.get("cautions") or ())


def rates(baseline: BaselineAccount) -> Iterator[str]:
    """One line a batch size: how often the gate fires on good images, and this baseline's likely range."""
    for size in dict.fromkeys(measured.batch for measured in baseline.calibration):
        parts = []
        for measured in baseline.calibration:
            rate = measured.rate
            if measured.batch != size:
                continue
            if rate.estimate is None:
                parts.append(f"alpha {measured.alpha:g}: {rate.reason}")
                continue
            spread = f"{numbers.percent(rate.low)} to {numbers.percent(rate.high)}"
            parts.append(f"alpha {measured.alpha:g}: {numbers.percent(rate.estimate)} ({spread})")
        yield f"false alarms of {size} images: {'; '.join(parts)}"


def _losses(account: Account, *, ascii_only: bool) -> Iterator[Row]:
    """How the losses fell, in characters."""
    for kind, curve in account.losses.items():
        for name, losses in (("training", [a for a, _ in curve]), ("held out", [b for _, b in curve])):
            known = [loss for loss in losses if loss is not None]
            if known:
                line = line_chart.trend(losses[-NEWEST:], plain=ascii_only)
                fell = f"{known[0]:.4g} to {known[-1]:.4g} in {len(curve)} epochs"
                yield "loss", f"{kind}, {name}: {fell} {line}"


def _drawn(account: Account) -> tuple[Section, ...]:
    from driftcli.reports.layout.pictured import Plot
    from driftcli.reports.plots import losses

    caption = "{}: dashed in training, drawn out on images held out of it."
    plots = tuple(
        Plot(partial(losses.curve, kind, curve), caption.format(kind)) for kind, curve in account.losses.items()
    )  # fmt: skip
    return (Section("losses", "Losses", plots, detail=True, brief="how the training went"),) if plots else ()


def _files(account: Account) -> Table:
    columns = (
        Column("name", shorten="middle", hidden=True), Column("size", right=True, hidden=True),
        Column("checksum", shorten="end", hidden=True),
    )  # fmt: skip
    rows = tuple(
        (
            Cell((Name(file.name),)), Cell(f"{file.bytes:,} bytes"),
            Cell("ok") if file.ok else Cell(f"DAMAGED: {file.problem}", "alarm"),
        )
        for file in account.files
    )  # fmt: skip
    return Table(columns, rows)


def _count(facts: Mapping[str, Any]) -> str:
    return f"{int(facts.get('images', 0)):,} images"


def _sources(facts: Mapping[str, Any]) -> str:
    return ", ".join(str(name) for name in facts.get("source") or ("an unnamed source",))


def _date(facts: Mapping[str, Any]) -> str:
    """`2026-11-01 00:00 UTC` of a time as stored."""
    created = facts.get("created")
    return f"{str(created)[:16].replace('T', ' ')} UTC" if created else "at an unknown time"


def leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names of everything below."""
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from leaves(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item


def _short(value: Any) -> str:
    """A setting as people write it: no brackets, no quotes, no `null`."""
    if value is None or value in ([], {}, ""):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        nested = any(isinstance(item, list | dict) for item in value)
        return f"{len(value)} values" if nested or len(value) > SHORT else ", ".join(map(_short, value))
    return str(value)
