"""`driftcli inspect`: what an artifact is made from, does and sees; torch is not loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from driftcli.cli import options as o
from driftcli.cli import session
from driftcli.cli._common import OUTPUT, option
from driftcli.cli._signature import command
from driftcli.cli.groups import Common, group
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


@group
class Inspect:
    """What `driftcli inspect` is asked for."""

    artifact: o.Artifact
    expect_sha256: o.ExpectSha256 = None
    format: Format = "text"
    common: Common


@command(Inspect)
def inspect(asked: Inspect, run: session.Session) -> int:
    """What an artifact is made from, does and sees, and whether it is whole.

    Images, losses, measured false alarms and detectable drift, settings, files with their checksums verified.
    """
    artifact, shown = asked.artifact, asked.format
    if shown not in FORMATS:
        raise UsageError(f"--format: no format {safe_name(shown)!r}", f"one of {', '.join(FORMATS)}")
    from driftcli.artifact import store
    from driftcli.audit import inspection as accounts
    from driftcli.reports.inspect import text

    account = accounts.take(Path(artifact), store.read(Path(artifact), asked.expect_sha256))
    if shown == "text":
        plain = not run.terminal.unicode()
        run.terminal.put(text.to_text(account, brief=run.terminal.quiet, ascii_only=plain))
    elif shown == "json":
        run.terminal.put(text.to_json(account), utf8=True)
    else:
        from driftcli.reports.inspect import html

        run.terminal.put(html.to_html(account), utf8=True)
    broken = [file.name for file in account.files if not file.ok]
    if broken:
        raise ArtifactError(
            f"{safe_name(artifact)}: damaged: {', '.join(map(safe_name, broken))}",
            "restore it from a copy, or fit again",
        )
    return 0
