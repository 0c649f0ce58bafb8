"""Whom a check tells of its result, and when: `--notify`, `--notify-on`, `--strict-notify`."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Annotated, Literal

from driftcli.cli import _signals
from driftcli.cli._common import OUTPUT, option
from driftcli.core.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftcli.cli.console import Terminal
    from driftcli.cli.service import Service
    from driftcli.cli.webhook import Webhook
    from driftcli.core.report import Report

DEADLINE = 20.0
"""Seconds for all who are told, with all their tries: a service that hangs must not hold a nightly job."""
GIVEN = "the report stands, but not everybody was notified"

Notify = Annotated[
    list[str] | None,
    option(
        "--notify",
        metavar="URL",
        panel=OUTPUT,
        envvar="DRIFTCLI_NOTIFY",
        show_envvar=False,
        help="http(s): POST a summary as JSON to this webhook (Slack and Mattermost show its text); any other "
        "address (slack://, mailto://, msteams://, ...) goes to apprise, with the extra `notify`. Repeatable "
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
    bool, option("--strict-notify", panel=OUTPUT, help="Return 4 when somebody cannot be notified.")
]


def plan(
    urls: Sequence[str], when: str, terminal: Terminal, *, strict: bool
) -> Callable[[Report, int], None]:
    """What to do with the report and the gate's own exit code; UsageError for a wrong address, at once.

    All of it ends within DEADLINE, however they behave. A notification that fails is a warning, and with `strict` an
    InternalError.
    """
    if not urls:
        return lambda _report, _code: None
    targets = [_target(url, terminal) for url in urls]

    def tell(report: Report, gate_code: int) -> None:
        if when != "always" and gate_code == 0:
            return
        _signals.heard_by(terminal.last_words, GIVEN)
        problems = _tell_all(targets, report)
        if problems and strict:
            raise InternalError("; ".join(problem.what for problem in problems), problems[0].hint)
        for problem in problems:
            terminal.warn(f"{problem.what}; {problem.hint}")

    return tell


def _target(url: str, terminal: Terminal) -> Webhook | Service:
    """Our own signed webhook for what is an address of the web, or nothing at all; apprise for the rest."""
    from driftcli.cli import service, webhook

    if service.scheme(url) in {None, "http", "https"}:
        return webhook.webhook(url, terminal.environ)
    return service.service(url)


def _tell_all(targets: Sequence[Webhook | Service], report: Report) -> list[InternalError]:
    """Everybody at the same time; what went wrong, in the order of the targets. No secret is in it."""
    problems: dict[int, InternalError] = {}

    end = time.monotonic() + DEADLINE

    def one(place: int, target: Webhook | Service) -> None:
        try:
            target.tell(report, end)
        except InternalError as error:
            problems[place] = error
        except Exception as error:  # noqa: BLE001  # a library's words may quote the address
            problems[place] = InternalError(f"{target} was not notified: {type(error).__name__}", _HINT)

    threads = [
        threading.Thread(target=one, args=pair, daemon=True, name=f"notify-{pair[0]}")
        for pair in enumerate(targets)
    ]
    for thread in threads:
        thread.start()
    for place, (thread, target) in enumerate(zip(threads, targets, strict=True)):
        thread.join(max(0.0, end - time.monotonic()))
        if thread.is_alive():
            late = f"{target} was not notified: no answer within {DEADLINE:g} s"
            problems[place] = InternalError(late, _HINT)
    return [problems[place] for place in sorted(problems)]


_HINT = "see that the service answers, and that the address is right"
