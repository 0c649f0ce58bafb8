"""What stands on the page: its sections in the order in which they are read, and what each of them shows."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from driftcli.core.text import label, safe_name
from driftcli.reports.content import account, mix
from driftcli.reports.content import numbers as number
from driftcli.reports.content import verdict as told
from driftcli.reports.content import words as say
from driftcli.reports.html_page import gallery as looks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from driftcli.core.findings import Distribution, ScoreResult
    from driftcli.core.report import FamilyResult, Report, StatisticResult
    from driftcli.pictures.picture import Gallery
    from driftcli.reports.html_page.album import Album


SHADES = 6
SHARE = "share_shift"
SAID = ("device", "driftcli", "seed", "torch")
LONGEST_TITLE = 60


class Section(NamedTuple):
    """One part of the page: its anchor, which is its template's name too, and its title."""

    anchor: str
    title: str


@dataclass(frozen=True, slots=True)
class Score:
    """How strange images are to one family, drawn twice."""

    family: str
    said: str
    histogram: Markup | None
    cumulated: Markup | None


@dataclass(frozen=True, slots=True)
class Property:
    """One measured value on both sides; `moved` if it differs significantly."""

    name: str
    advisory: bool
    moved: bool
    direction: str
    shift: str
    before: str
    after: str
    plot: Markup | None
    shares: tuple[float, float] | None
    """Of baseline and batch, where the values are shares and there is nothing else to draw."""


class Page:
    """One report with its pictures, as the templates ask for it."""

    def __init__(self, report: Report, gallery: Gallery, album: Album, top_k: int) -> None:
        self.report, self.gallery, self.album, self.top_k = report, gallery, album, top_k
        # In the order of their importance: in one file there may not be room for all pictures.
        self.cards = looks.cards(report, gallery, album, top_k)
        self.missing = looks.missing(report, gallery, album)
        self.map = looks.scatter(report, gallery, album, self._anchors)

    @property
    def title(self) -> str:
        """Of the browser's window: the verdict first."""
        title = safe_name(f"{told.label(self.report)}: {', '.join(self.report.batch.source) or 'no source'}")
        return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"

    @property
    def tone(self) -> str:
        """What the banner looks like: red whenever the exit code is 1."""
        return "drift" if self.report.exit_code == 1 else self.report.verdict

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The sections that have something to say."""
        report, gate = self.report, self.report.gate
        measured = report.verdict != "inconclusive"
        mixed = report.composition is not None and mix.worth_telling(report.composition, gate.alpha)
        present = (
            (Section("changes", "What changed"), report.diagnosis),
            (Section("sight", "What this gate can see"), measured or gate.detectable),
            (Section("scores", "How strange the images are"), report.scores),
            (Section("evidence", "Evidence"), report.families or report.rules),
            (Section("properties", "Measured values"), self.properties),
            (Section("map", "Map of the images"), self.map),
            (Section("images", account.ranking_title(report)), self.cards),
            (Section("missing", "What is missing"), self.missing),
            (Section("mix", "Mix of images"), mixed),
            (Section("groups", "Groups"), report.groups),
            (Section("duplicates", "Duplicates"), report.duplicates),
            (Section("sequence", "Sequence of checks"), report.sequence),
            (Section("files", "Files"), True),
            (Section("again", "How to get this result again"), True),
        )
        return tuple(section for section, shown in present if shown)

    @property
    def _anchors(self) -> dict[str, str]:
        return {card.image.path: looks.anchor(card.image) for card in self.cards}

    @cached_property
    def folder(self) -> str:
        """What the names of all shown images begin with."""
        return say.folder([card.image.path for card in self.cards])

    @property
    def scales(self) -> list[str]:
        """How heat maps are read, where there are some."""
        return looks.scales(self.gallery) if self.pictured else []

    @cached_property
    def pictured(self) -> bool:
        """Whether the most drifted images can be seen."""
        return any(shown.placed for card in self.cards for shown in card.pictures)

    @cached_property
    def scores(self) -> list[Score]:
        """Every family's scores."""
        return [self._score(found) for found in self.report.scores]

    def _score(self, found: ScoreResult) -> Score:
        from driftcli.reports.html_page import plots

        family, said = say.words(found.family), ""
        if not plots.drawable(found.edges, found.batch, found.baseline):
            return Score(family, "There is nothing to draw.", None, None)
        middles = [_quantile(found.edges, shares, 0.5) for shares in (found.baseline, found.batch)]
        if found.threshold is not None:
            above = number.percent(_above(found.edges, found.batch, found.threshold))
            said = (
                f"About {above} of the batch lie above the threshold of {number.value(found.threshold)}; "
                f"of good images, {number.percent(self.report.gate.alpha)} do."
            )
        half = f"half of the baseline lies below {number.value(middles[0])}, half of the batch below {number.value(middles[1])}"
        about = safe_name(f"{family}: {half}. {said}".strip())
        histogram = plots.histogram(found, f"Histogram of the scores of {about}")
        return Score(family, said, histogram, plots.cumulated(found, f"Cumulated scores of {about}"))

    @cached_property
    def properties(self) -> list[Property]:
        """Every measured value: those that moved first, in the order of the diagnosis."""
        drawn = {found.statistic: found for found in self.report.distributions}
        rows = {row.name: (family, row) for family in self.report.families for row in family.statistics}
        moved = [row.name for _, row in say.moved(self.report)]
        names = [*moved, *(name for name in drawn if name not in moved)]
        return [self._property(name, rows.get(name), drawn.get(name), name in moved) for name in names]

    def _property(
        self, name: str, found: tuple[FamilyResult, StatisticResult] | None, drawn: Distribution | None, moved: bool
    ) -> Property:  # fmt: skip
        from driftcli.reports.html_page import plots

        row = found[1] if found else None
        before, after = _values(row)
        direction = say.direction(row) if row and moved else ""
        plot = None
        if drawn is not None and plots.drawable(drawn.edges, drawn.batch, drawn.baseline):
            about = f"{label(name)}: baseline {before}, batch {after}"
            values = (row.baseline, row.batch) if row else (None, None)
            plot = plots.distribution(drawn, values, safe_name(f"Histograms of {about}"))
        shares = None
        if row and row.display_effect and row.display_effect.kind == SHARE:
            shares = (row.baseline or 0.0, row.batch or 0.0)
        advisory = found is not None and found[0].gate == "advisory"
        shift = say.shift(row) if row else number.DASH
        return Property(label(name), advisory, moved, direction, shift, before, after, plot, shares)

    @staticmethod
    def shade(share: float | None) -> str:
        """A cell's place on the scale of shades; none where there is no number."""
        if share is None or not number.known(share):
            return ""
        return f"h{min(int(min(max(share, 0.0), 1.0) * SHADES), SHADES - 1)}"

    @cached_property
    def command(self) -> str:
        """A command line that gives this result again, where nothing but these options was set."""
        report = self.report
        words = ["driftcli", "check", report.reference.artifact, *(report.batch.source or ("SOURCE",))]
        words += ["--baseline", report.reference.baseline] if report.reference.baseline else []
        words += ["--alpha", f"{report.gate.alpha:g}"]
        words += ["--tolerance", f"{report.gate.tolerance:g}"] if report.gate.tolerance else []
        if report.gate.permutations is not None:
            words += ["--permutations", str(report.gate.permutations)]
        words += ["--seed", str(report.environment["seed"])] if "seed" in report.environment else []
        return " ".join(shlex.quote(safe_name(word)) for word in words)

    @property
    def versions(self) -> Mapping[str, str]:
        """What computed the numbers, besides what the provenance says in one line."""
        return {
            name: str(value)
            for name, value in self.report.environment.items()
            if name not in SAID and not isinstance(value, dict | list)
        }


def _values(row: StatisticResult | None) -> tuple[str, str]:
    """Of both sides, with more digits where it takes them to tell the values apart, and where it can be done."""
    if row is None:
        return number.DASH, number.DASH
    before, after = number.pair(row.baseline, row.batch)
    return (before, after) if before != after else (number.value(row.baseline), number.value(row.batch))


def _quantile(edges: Sequence[float], shares: Sequence[float], level: float) -> float:
    total, left = sum(shares), level * sum(shares)
    for mass, (low, high) in zip(shares, pairwise(edges), strict=True):
        if mass and left <= mass:
            return low + (high - low) * left / mass
        left -= mass
    return edges[-1] if total else edges[0]


def _above(edges: Sequence[float], shares: Sequence[float], line: float) -> float:
    """The share above a line; a bin's mass lies evenly over it."""
    parts = (
        mass * min(max((high - line) / (high - low), 0.0), 1.0)
        for mass, (low, high) in zip(shares, pairwise(edges), strict=True)
    )
    return sum(parts) / sum(shares)
