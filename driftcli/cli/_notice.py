"""Whom a check tells of its result, and when: `--notify`, `--notify-on`, `--strict-notify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from driftcli.cli._common import OUTPUT, option
from driftcli.core.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftcli.cli.console import Terminal
    from driftcli.core.report import Report

Notify = Annotated[
    str | None,
    option(
        "--notify",
        metavar="URL",
        panel=OUTPUT,
        envvar="DRIFTCLI_NOTIFY",
        show_envvar=False,
        help="POST a summary as JSON to this webhook (Slack and Mattermost show its text) "
        "[env: DRIFTCLI_NOTIFY, DRIFTCLI_NOTIFY_TOKEN, DRIFTCLI_NOTIFY_SECRET].",
    ),
]
NotifyOn = Annotated[
    Literal["failure", "always"],
    option(
        "--notify-on",
        panel=OUTPUT,
        help="failure: the gate failed (with --exit-zero too) or the batch was not audited "
        "(default: failure).",
    ),
]
StrictNotify = Annotated[
    bool, option("--strict-notify", panel=OUTPUT, help="Return 4 when the webhook cannot be reached.")
]


def plan(url: str | None, when: str, terminal: Terminal, *, strict: bool) -> Callable[[Report, int], None]:
    """What to do with the report and the gate's own exit code; UsageError for a wrong address, at once.

    A webhook that fails is a warning, and with `strict` an InternalError.
    """
    if not url:
        return lambda _report, _code: None
    from driftcli.cli import webhook

    hook = webhook.webhook(url, terminal.environ)

    def tell(report: Report, gate_code: int) -> None:
        if when != "always" and gate_code == 0:
            return
        try:
            webhook.send(hook, webhook.summary(report))
        except InternalError as error:
            if strict:
                raise
            terminal.warn(f"{error.what}; {error.hint}")

    return tell
