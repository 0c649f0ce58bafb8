"""Telling somebody through apprise, which speaks to a hundred services; an extra: pip install 'driftcli[notify]'."""

from __future__ import annotations

import importlib
import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from driftcli.core.errors import InternalError, UsageError

if TYPE_CHECKING:
    from driftcli.core.report import Report

KINDS = {"pass": "success", "warn": "warning", "drift": "failure", "inconclusive": "warning"}
"""Apprise's kinds of message, by verdict."""


@dataclass(frozen=True)
class Service:
    """An address that apprise takes; its text shows the scheme only, since all the rest may be a secret."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        return f"{scheme(self.url)}://…"

    def tell(self, report: Report, end: float) -> None:  # noqa: ARG002 - apprise has no such thing; who called gives up
        """The webhook's text as a message, until `end` by the monotonic clock. Raises InternalError (4), which names no secret."""
        from driftcli.cli import webhook

        title, _, body = webhook.line(report).partition("\n")
        found = _made(self.url)
        sent = found is not None and found.notify(
            body=body or title,
            title=title if body else "",
            notify_type=KINDS[report.verdict],
            body_format="text",
        )
        if not sent:
            raise InternalError(
                f"{self} was not notified: apprise could not deliver the message",
                "`apprise -vv -b test ADDRESS` shows what goes wrong; its output may hold secrets",
            )


def scheme(url: str) -> str | None:
    """`slack` of `slack://...`; None for what has none."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", url)
    return found[1].lower() if found else None


def service(url: str) -> Service:
    """The service at `url`. Raises UsageError where apprise is not installed or does not take the address."""
    found = Service(url)
    try:
        made = _made(url)
    except ModuleNotFoundError:
        raise UsageError(
            f"--notify {found}: only http and https without apprise, which is not installed",
            "pip install 'driftcli[notify]'",
        ) from None
    if made is None:
        raise UsageError(
            f"--notify {found}: apprise knows no such service, or the address is incomplete",
            "its documentation has the address of every service; `apprise --details` lists them",
        )
    return found


def _made(url: str) -> Any:
    """Apprise's object for the address, or None. It logs nothing, keeps nothing, and is told of no picture of ours."""
    apprise = importlib.import_module("apprise")
    log = logging.getLogger("apprise")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    asset = apprise.AppriseAsset(app_id="driftcli", app_desc="driftcli", image_url_mask="", image_url_logo="")
    return apprise.Apprise.instantiate(url, asset=asset)
