"""`driftcli doctor`: is everything here that an audit needs, and what would be read."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftcli.cli import options as o
from driftcli.cli import session
from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from driftcli.cli._findings import Finding

EXAMPLES = """\
Examples:
  driftcli doctor
  driftcli doctor images/today ref/        # would these be read, is the baseline adequate?
"""

Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PATH]...", help="Sources to try, and artifacts to judge.", show_default=False),
]


def doctor(
    context: typer.Context,
    path: Paths = None,
    format: o.Format = "text",  # noqa: A002
    method: o.Method = None,
    weights: o.Weights = None,
    trust_weights: o.TrustWeights = False,
    allow_download: o.AllowDownload = False,
    exclude: o.Exclude = None,
    since: o.Since = None,
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
    """Is everything here that an audit needs?

    Versions, devices, weights, workers; what of a source would be read; whether an artifact's baselines
    are adequate.
    """
    run = session.begin(context, locals())
    if format not in {"text", "json"}:
        raise UsageError(f"--format: no format {safe_name(format)!r}", "one of text, json")
    from driftcli.cli import _findings as f

    found = f.look("versions", f.versions)
    found += f.look("devices", partial(f.devices, run.settings))
    found += f.look("weights", partial(f.weights, run.settings))
    found += f.look("workers", partial(f.workers, run.settings))
    for name in path or ():
        if (Path(name) / "manifest.json").is_file():
            found += f.look("artifact", partial(f.artifact, name))
        else:
            found += f.look("source", partial(f.source, name, run.settings))
    if format == "json":
        run.terminal.put(json.dumps([asdict(finding) for finding in found], indent=2) + "\n", utf8=True)
    else:
        run.terminal.put(_as_text([one for one in found if not quiet or one.state != "ok"]))
    return _worst(finding.code for finding in found)


def _as_text(found: Sequence[Finding]) -> str:
    width = max((len(one.name) for one in found), default=0)
    lines = []
    for one in found:
        lines.append(f"{one.state:<7}  {one.name:<{width}}  {safe_name(one.text)}")
        lines += [f"{'':<7}  {'':<{width}}  hint: {safe_name(one.hint)}"] if one.hint else []
    return "".join(f"{line}\n" for line in lines)


def _worst(codes: Iterable[int]) -> int:
    """Precedence 4 > 2 > 3 > 0 (contract: exit codes)."""
    return max(codes, key=(0, 3, 2, 4).index, default=0)
