"""How a report is asked for: the formats of standard output and of files, as options."""

from __future__ import annotations

from typing import Annotated

from driftcli.cli._common import OUTPUT, option
from driftcli.cli._complete import outputs
from driftcli.core.registry import kinds

SHOWN = ("text", "json", "markdown", "github", "csv")
"""What standard output is for; the others are files that a machine reads."""

Shown = Annotated[
    str,
    option(
        "-f",
        "--format",
        metavar="|".join(SHOWN),
        panel=OUTPUT,
        help="Form of standard output (default: text).",
    ),
]
Files = Annotated[
    list[str] | None,
    option(
        "-o",
        "--output",
        metavar="[FORMAT=]PATH",
        panel=OUTPUT,
        help=f"Also write the report to a file; its suffix says the format, or one is named: "
        f"{', '.join(kinds('reports'))}. Folders are made. Repeatable.",
        autocompletion=outputs,
    ),
]
