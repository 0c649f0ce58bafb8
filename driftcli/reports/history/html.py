"""A history as one page: nothing from elsewhere, no script, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.history.page import document
from driftcli.reports.layout.to_html import to_file

if TYPE_CHECKING:
    from driftcli.check_history.records import Past


def to_html(past: Past, names: tuple[str, ...] = ()) -> str:
    """The whole page. `names`: the statistics to draw; without any, all properties."""
    return to_file(document(past, names, page=True))
