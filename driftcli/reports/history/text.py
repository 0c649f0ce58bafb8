"""A history on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import numbers
from driftcli.reports.history import trends
from driftcli.reports.history.page import document
from driftcli.reports.layout import to_text as layout

if TYPE_CHECKING:
    from driftcli.check_history.records import Past


def to_text(
    past: Past, names: tuple[str, ...] = (), *, width: int = 100, color: bool = False, ascii_only: bool = False
) -> str:  # fmt: skip
    """The whole page. `names`: statistics to draw as charts; without any, a line for each property."""
    return layout.to_text(document(past, names), width=width, color=color, ascii_only=ascii_only)


def quiet_line(past: Past) -> str:
    """`checks=40 last=drift p=0.0002 evidence=31.2 alarm=yes`."""
    last = past.checks[-1]
    parts = [f"checks={len(past.checks) + past.earlier}", f"last={trends.outcome(last)}"]
    parts.append(f"p={numbers.p_value(last.p_value) if last.p_value is not None else 'none'}")
    if past.chosen is not None:
        parts += [f"evidence={past.chosen.value:.3g}", f"alarm={'yes' if past.chosen.alarm else 'no'}"]
    return " ".join(parts)
