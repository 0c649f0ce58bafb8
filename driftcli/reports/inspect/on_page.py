"""What only an artifact's page has room for: good images, what heat maps mean, and figures in tables."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from driftcli.core.text import safe_name
from driftcli.extractors.base import kinds
from driftcli.reports.content import numbers, words
from driftcli.reports.layout.document import (
    Block,
    Cell,
    Column,
    Facts,
    Listing,
    Name,
    Paragraph,
    Section,
    Table,
)
from driftcli.reports.layout.pictured import Contact, Picture, Plot, Shot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftcli.core.inspection import Account, BaselineAccount, Calibration

MOST = 12
"""Detectable changes named for each batch size; `-f json` has all."""
HEAT = (
    "Over the most drifted images a report draws where each family finds them strange. Grey places are as usual; from dark "
    "violet to yellow they are the stranger, on one scale for all images of a report, which says where it begins and ends. Pale "
    "edges were not looked at."
)


def sections(account: Account) -> Iterator[Section]:
    """In the order in which they are read."""
    for place, baseline in enumerate(account.baselines, 1):
        several = f" of {safe_name(baseline.name)}" if len(account.baselines) > 1 else ""
        yield from _good(baseline, place, several)
        yield from _measured(baseline, place, several)
    yield from _heat(account)


def _good(baseline: BaselineAccount, place: int, several: str) -> Iterator[Section]:
    if baseline.good:
        folder = words.folder([name for name, _ in baseline.good])
        shots = tuple(
            Shot(Name(name.removeprefix(folder)), "", Picture(webp, f"Good image {name}"))
            for name, webp in baseline.good
        )
        many = int(baseline.facts.get("images", len(shots)))
        aside = f"{numbers.count(len(shots))} of the {numbers.plural(many, 'image')} that batches are compared with"
        where = (", in ", Name(folder)) if folder else ()
        yield Section(f"good-{place}", f"Good images{several}", (Contact(shots),), (aside, *where))


def _measured(baseline: BaselineAccount, place: int, several: str) -> Iterator[Section]:
    if baseline.calibration:
        table = _rates(baseline.calibration)
        aside = "share of batches of good images that it would call drift"
        yield Section(f"rates-{place}", f"How often it fires on good images{several}", (table,), aside)
    seen = tuple(_sight(baseline))
    if seen:
        aside = "found in 80 % of batches of so many images, at alpha 0.01"
        yield Section(f"sight-{place}", f"What it can see{several}", seen, aside)


def _rates(calibration: tuple[Calibration, ...]) -> Table:
    """One row a batch size, one column an alpha."""
    alphas = sorted({one.alpha for one in calibration})
    known = {(one.batch, one.alpha): _rate(one) for one in calibration}
    columns = (Column("images in a batch", shorten="end"), *(Column(f"alpha {numbers.p_value(alpha)}", shorten="end") for alpha in alphas))  # fmt: skip
    rows = tuple(
        (Cell(numbers.count(size)), *(Cell(known.get((size, alpha), numbers.DASH)) for alpha in alphas))
        for size in dict.fromkeys(one.batch for one in calibration)
    )
    return Table(columns, rows)


def _rate(one: Calibration) -> str:
    """`1.1 %, likely 0.75 % to 1.3 %`."""
    rate = one.rate
    if rate.estimate is None:
        return rate.reason or numbers.DASH
    spread = (
        "" if rate.low is None else f", likely {numbers.percent(rate.low)} to {numbers.percent(rate.high)}"
    )
    return f"{numbers.percent(rate.estimate)}{spread}"


def _sight(baseline: BaselineAccount) -> Iterator[Block]:
    for size, changes in baseline.detectable.items():
        if changes:
            told = [words.detectable(change) for change in changes[:MOST]]
            hidden = len(changes) - len(told)
            more = [f"{numbers.count(hidden)} more in the JSON account"] if hidden else []
            yield Listing(f"Of {numbers.plural(size, 'image')}", (*told, *more))


def _heat(account: Account) -> Iterator[Section]:
    from driftcli.reports.plots.ramp import ramp

    tested = set(account.manifest.get("families_tested") or ())
    rows = tuple(
        (words.words(family), f"{said[:1].upper()}{said[1:]}.")
        for kind in kinds().values()
        for family, said in ((view.family, dict(kind.heats).get(view.name, "")) for view in kind.views)
        if said and family in tested
    )
    if rows:
        scale = Plot(partial(ramp, "Colours from dark violet to yellow"), "as usual → strange")
        blocks = (Paragraph(HEAT), scale, Facts(rows))
        yield Section("heat", "What heat maps mean", blocks)
