"""Where GitHub Actions collects a step's summary and outputs: files that are appended to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from driftcli.cli import _link
from driftcli.core.errors import InternalError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftcli.cli.console import Terminal
    from driftcli.core.report import Report

SUMMARY, OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"


def publish(report: Report, terminal: Terminal, *, top_k: int) -> None:
    """Append the job summary and the step's outputs; says so where nobody collects them.

    Raises InternalError (4) for a file that cannot be written.
    """
    from driftcli.reports import github

    summary, output = (terminal.environ.get(name) for name in (SUMMARY, OUTPUT))
    if not summary and not output:
        terminal.warn(f"not in GitHub Actions ({SUMMARY} and {OUTPUT} are not set): annotations only")
    if summary:
        here = report.link == _link.link(None, None, terminal.environ)
        shown = replace(report, link=None) if here else report  # the summary stands on that very page
        _append(summary, lambda size: github.summary(shown, top_k=top_k, room=github.SUMMARY - size))
    if output:
        _append(output, lambda _size: github.outputs(report))


def _append(name: str, content: Callable[[int], str]) -> None:
    """`content` is told how many bytes are there already."""
    try:
        with Path(name).open("ab") as file:
            file.write(content(file.tell()).encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise InternalError(
            f"cannot write {safe_name(name)}: {safe_name(error.strerror or str(error))}",
            f"check {SUMMARY} and {OUTPUT}, or choose another format",
        ) from error
