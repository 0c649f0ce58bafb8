"""`driftcli simulate`: a drifted copy of images, to see what a gate would see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftcli.cli import _summary, session
from driftcli.cli._common import OUTPUT, option
from driftcli.cli._complete import corruptions
from driftcli.cli._signature import command
from driftcli.cli.groups import Common, Entries, group
from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftcli.corruptions.base import Corruption
    from driftcli.simulation.write_copy import Plan, Simulated

EXAMPLES = """\
Examples:
  driftcli simulate images/val -o blurred/ --corruption gaussian_blur:2
  driftcli simulate images/val -o worse/ --corruption jpeg --corruption darken:4 --share 30%
  driftcli simulate images/val -o noisy/ --corruption gaussian_noise:127gl
  driftcli simulate images/val -o nocats/ --knock-out folder=cats
  driftcli simulate images/val -o mixed/ --class-share column:label=cat:90% --mix other/:5%
  driftcli simulate --list
"""
PANEL = "Drift"

Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE...", help="Images to copy, as for `check`.", show_default=False),
]
Output = Annotated[
    str | None,
    option("-o", "--output", metavar="FOLDER", panel=OUTPUT, help="Folder to write."),
]
Force = Annotated[bool, option("--force", panel=OUTPUT, help="Replace a folder that `simulate` wrote.")]
Corruptions = Annotated[
    list[str] | None,
    option(
        "--corruption",
        metavar="NAME[:SEVERITY|:AMOUNT]",
        panel=PANEL,
        help="What happens to the pixels, by a severity (1 to 5) or an amount with its unit, such as 127gl; "
        "see --list. Repeatable: one after the other.",
        autocompletion=corruptions,
    ),
]
Severity = Annotated[
    float,
    option("--severity", metavar="1..5", panel=PANEL, help="Where a name has none (default: 3)."),
]
Share = Annotated[
    str,
    option(
        "--share",
        metavar="SHARE",
        panel=PANEL,
        help="Share of the images that are corrupted, chosen by content and seed (default: 100%).",
    ),
]
KnockOut = Annotated[
    list[str] | None,
    option(
        "--knock-out",
        metavar="KEY=VALUE",
        panel=PANEL,
        help="Leave a class out; KEY is folder, column:NAME or a regular expression. Repeatable.",
    ),
]
ClassShare = Annotated[
    list[str] | None,
    option(
        "--class-share",
        metavar="KEY=VALUE:SHARE",
        panel=PANEL,
        help="Leave images out until a class has this share. Repeatable.",
    ),
]
Mix = Annotated[
    list[str] | None,
    option(
        "--mix",
        metavar="SOURCE:SHARE",
        panel=PANEL,
        help="Replace this share of the images by images of another source. Repeatable.",
    ),
]
List = Annotated[
    bool, option("--list", panel=PANEL, help="Print all corruptions, amounts and units, and stop.")
]


@group
class Drift:
    """What happens to the images."""

    corruption: Corruptions = None
    severity: Severity = 3
    share: Share = "100%"
    knock_out: KnockOut = None
    class_share: ClassShare = None
    mix: Mix = None
    list_: List = False


@group
class Simulate:
    """What `driftcli simulate` is asked for."""

    source: Sources = None
    output: Output = None
    drift: Drift
    force: Force = False
    entries: Entries
    common: Common


@command(Simulate)
def simulate(asked: Simulate, run: session.Session) -> int:
    """A drifted copy of images, to try a gate on.

    Corrupted images are written as PNG, the others byte for byte, with a manifest.csv that says what
    happened to each.
    """
    if asked.drift.list_:
        run.terminal.put(_listed())
        return 0
    if not asked.source:
        raise UsageError("missing SOURCE", "name the images to copy, or use --list")
    if not asked.output:
        raise UsageError("missing --output", "name the folder to write: -o drifted/")
    from driftcli.simulation import write_copy

    drift = _plan(asked.drift)
    done = write_copy.simulate(
        session.sources(asked.source, null=False),
        Path(asked.output),
        drift,
        run.call(),
        force=asked.force,
    )
    run.terminal.close()
    run.terminal.put(_summarised(done, drift, brief=run.terminal.quiet))
    return 0


def _plan(asked: Drift) -> Plan:
    """What is to happen, read and checked. Raises UsageError."""
    from driftcli.simulation import plan

    return plan.make(
        [plan.step(text, asked.severity) for text in asked.corruption or ()],
        plan.share_of(asked.share, "--share"),
        [*map(plan.knock_out, asked.knock_out or ()), *map(plan.class_share, asked.class_share or ())],
        [plan.mixture(text) for text in asked.mix or ()],
    )


def _listed() -> str:
    """All corruptions by class: name, the amounts of the five severities, what an amount is written with, its unit."""
    from driftcli.core import registry

    kinds: dict[str, type[Corruption]] = {
        name: registry.load("corruptions", name) for name in registry.kinds("corruptions")
    }
    width = max(map(len, kinds))

    def lines() -> Iterator[str]:
        yield f"{'class':<12} {'corruption':<{width}} {'severity 1 to 5':<26} {'amounts':<22}  unit"
        for name, kind in sorted(kinds.items(), key=lambda pair: (pair[1].belongs, pair[0])):
            amounts = ", ".join(f"{amount:g}" for amount in kind.amounts)
            least, most = kind.bounds
            span = f"{least:g} to {most:.7g} {kind.symbol}"
            yield f"{kind.belongs:<12} {name:<{width}} {amounts:<26} {span:<22}  {kind.unit}"

    return "".join(f"{line}\n" for line in lines())


def _summarised(done: Simulated, plan: Plan, *, brief: bool) -> str:
    """What was written, and the way to look at it."""
    where = safe_name(done.folder)
    happened = " then ".join(map(str, plan.steps))
    parts = [f"{done.images:,} images"]
    parts += [f"{done.corrupted:,} with {happened}"] if happened else []
    parts += [f"{done.foreign:,} from other sources"] if plan.mixtures else []
    head = f"drifted copy in {where}: {', '.join(parts)}"
    if brief:
        return f"{head}\n"
    return "\n".join([head, *_summary.ledger(done.ledger), f"next: driftcli check ARTIFACT {where}", ""])
