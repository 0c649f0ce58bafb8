"""An artifact as one page of HTML: nothing from elsewhere, no script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.inspect.page import document
from driftcli.reports.layout.to_html import to_file

if TYPE_CHECKING:
    from driftcli.core.inspection import Account


def to_html(account: Account) -> str:
    """The whole page."""
    return to_file(document(account, page=True))
