"""`driftcli inspect`: what an artifact is made from, does and sees; torch is not loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer  # Typer evaluates the annotations

from driftcli.cli import options as o
from driftcli.cli import session
from driftcli.cli._common import OUTPUT, option
from driftcli.core.errors import ArtifactError, UsageError
from driftcli.core.text import safe_name

EXAMPLES = """\
Examples:
  driftcli inspect ref/
  driftcli inspect ref/ -f json | jq .baselines
  driftcli inspect ref/ -f html > ref.html
"""
FORMATS = ("text", "json", "html")

Format = Annotated[
    str,
    option(
        "-f",
        "--format",
        metavar="text|json|html",
        panel=OUTPUT,
        help="Form of standard output (default: text).",
    ),
]


def inspect(
    context: typer.Context,
    artifact: o.Artifact,
    format: Format = "text",  # noqa: A002
    config: o.Config = None,
    sets: o.Sets = None,
    show_config: o.ShowConfig = False,
    seed: o.Seed = None,
    device: o.Device = None,
    workers: o.Workers = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
    no_progress: o.NoProgress = False,
    color: o.Color = "auto",
    log_format: o.LogFormat = "text",
) -> int:
    """What an artifact is made from, does and sees, and whether it is whole.

    Images, losses, measured false alarms and detectable drift, settings, files with their checksums verified.
    """
    run = session.begin(context, locals())
    if format not in FORMATS:
        raise UsageError(f"--format: no format {safe_name(format)!r}", f"one of {', '.join(FORMATS)}")
    from driftcli.artifact import store
    from driftcli.audit import inspection as accounts
    from driftcli.reports.inspect import html, text

    account = accounts.take(Path(artifact), store.read(Path(artifact)))
    if format == "text":
        plain = not run.terminal.unicode()
        run.terminal.put(text.to_text(account, brief=quiet, ascii_only=plain))
    else:
        forms = {"json": text.to_json, "html": html.to_html}
        run.terminal.put(forms[format](account), utf8=True)
    broken = [file.name for file in account.files if not file.ok]
    if broken:
        raise ArtifactError(
            f"{safe_name(artifact)}: damaged: {', '.join(map(safe_name, broken))}",
            "restore it from a copy, or fit again",
        )
    return 0
