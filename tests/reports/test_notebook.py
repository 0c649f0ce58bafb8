"""The section with the autoencoder notebook's figures."""

from __future__ import annotations

from dataclasses import replace

from driftcli.core.report import StatisticResult
from driftcli.pictures.picture import Gallery
from driftcli.reports.content import notebook
from driftcli.reports.content.subject import Room, Subject
from driftcli.reports.layout.document import plain
from tests.reports.samples import passing

PUBLISHED = {
    "loss": (0.3791, 0.0931),
    "validation_loss": (0.4252, 0.1011),
    "output_entropy": (0.1458, 0.0950),
}


def report(figures):
    rows = tuple(
        StatisticResult(f"{name}.mean", batch, good, None, None, None, None)
        for name, (batch, good) in figures.items()
    )
    base = passing()
    return replace(base, families=(replace(base.families[0], statistics=rows), *base.families[1:]))


def cells(figures):
    made = notebook.losses(Subject(report(figures), Room(), Gallery()))
    return None if made is None else [[plain(cell.words) for cell in row] for row in made.blocks[0].rows]


def test_the_entropy_is_compared_with_the_baselines_validation_loss():
    """.1458 against .1011: the published +44 %."""
    rows = cells(PUBLISHED)
    assert rows[0][1:] == ["0.3791", "0.0931", "+307 %"]
    assert rows[1][1:] == ["0.4252", "0.1011", "+321 %"]
    assert rows[2][1:] == ["0.1458", "0.0950", "+44 %"]


def test_it_is_there_only_where_the_figures_are():
    assert cells({"loss": (0.3, 0.1)}) is None
    rows = cells({**PUBLISHED, "validation_loss": (None, None)})
    assert rows[2][1:] == ["0.1458", "0.0950", "–"]
