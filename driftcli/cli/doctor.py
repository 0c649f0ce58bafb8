"""`driftcli doctor`: is everything here that an audit needs, and what would be read."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftcli.cli import _common as c
from driftcli.cli import options as o
from driftcli.cli import session
from driftcli.cli._signature import command
from driftcli.cli.groups import Common, Weights, group
from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from driftcli.cli._findings import Finding

EXAMPLES = """\
Examples:
  driftcli doctor
  driftcli doctor images/today ref/        # would these be read, is the baseline adequate?
  driftcli doctor ref/ --batch-size 60     # ... for 60 images a night?
"""

BatchSize = Annotated[
    int | None,
    typer.Option(
        "--batch-size", metavar="N", min=1, show_default=False, rich_help_panel=c.INPUT,
        help="Images of a batch that is to be checked: is the baseline large enough for it?",
    ),
]  # fmt: skip
Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PATH]...", help="Sources to try, and artifacts to judge.", show_default=False),
]


@group
class Doctor:
    """What `driftcli doctor` is asked for."""

    path: Paths = None
    format: o.Format = "text"
    method: o.Method = None
    weights: Weights
    batch_size: BatchSize = None
    exclude: c.Exclude = None
    since: c.Since = None
    max_unreadable_folders: c.MaxUnreadableFolders = None
    common: Common


@command(Doctor)
def doctor(asked: Doctor, run: session.Session) -> int:
    """Is everything here that an audit needs?

    Versions, devices, weights, workers; what of a source would be read; whether an artifact's baselines
    are adequate.
    """
    if asked.format not in {"text", "json"}:
        raise UsageError(f"--format: no format {safe_name(asked.format)!r}", "one of text, json")
    from driftcli.cli import _findings as f

    findings = f.look("versions", f.versions)
    findings += f.look("devices", partial(f.devices, run.settings))
    findings += f.look("weights", partial(f.weights, run.settings))
    findings += f.look("workers", partial(f.workers, run.settings))
    for name in asked.path or ():
        if (Path(name) / "manifest.json").is_file():
            findings += f.look("artifact", partial(f.artifact, name, asked.batch_size))
        else:
            findings += f.look("source", partial(f.source, name, run.settings))
    if asked.format == "json":
        run.terminal.put(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n", utf8=True)
    else:
        run.terminal.put(
            _as_text([finding for finding in findings if not run.terminal.quiet or finding.state != "ok"])
        )
    return _worst(finding.code for finding in findings)


def _as_text(findings: Sequence[Finding]) -> str:
    width = max((len(finding.name) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<7}  {finding.name:<{width}}  {safe_name(finding.text)}")
        lines += [f"{'':<7}  {'':<{width}}  hint: {safe_name(finding.hint)}"] if finding.hint else []
    return "".join(f"{line}\n" for line in lines)


def _worst(codes: Iterable[int]) -> int:
    """Precedence 4 > 2 > 3 > 0 (contract: exit codes)."""
    return max(codes, key=(0, 3, 2, 4).index, default=0)
