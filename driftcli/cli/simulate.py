"""`driftcli simulate`: a drifted copy of images, to see what a gate would see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftcli.cli import _plan, _summary, session
from driftcli.cli import options as o
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
  driftcli simulate images/val -o nocats/ --knock-out folder=cats
  driftcli simulate images/val -o mixed/ --class-share column:label=cat:90% --mix other/:5%
  driftcli simulate --list
"""
SHIFT = "Drift"

Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE...", help="Images to copy, as for `check`.", show_default=False),
]
Output = Annotated[
    str | None,
    o.option("-o", "--output", metavar="FOLDER", panel=o.OUTPUT, help="Folder to write."),
]
Force = Annotated[bool, o.option("--force", panel=o.OUTPUT, help="Replace a folder that `simulate` wrote.")]
Corruptions = Annotated[
    list[str] | None,
    o.option(
        "--corruption",
        metavar="NAME[:SEVERITY]",
        panel=SHIFT,
        help="What happens to the pixels; see --list. Repeatable: one after the other.",
    ),
]
Severity = Annotated[
    float,
    o.option("--severity", metavar="1..5", panel=SHIFT, help="Where a name has none (default: 3)."),
]
Share = Annotated[
    str,
    o.option(
        "--share",
        metavar="SHARE",
        panel=SHIFT,
        help="Share of the images that are corrupted, chosen by content and seed (default: 100%).",
    ),
]
KnockOut = Annotated[
    list[str] | None,
    o.option(
        "--knock-out",
        metavar="KEY=VALUE",
        panel=SHIFT,
        help="Leave a class out; KEY is folder, column:NAME or a regular expression. Repeatable.",
    ),
]
ClassShare = Annotated[
    list[str] | None,
    o.option(
        "--class-share",
        metavar="KEY=VALUE:SHARE",
        panel=SHIFT,
        help="Leave images out until a class has this share. Repeatable.",
    ),
]
Mix = Annotated[
    list[str] | None,
    o.option(
        "--mix",
        metavar="SOURCE:SHARE",
        panel=SHIFT,
        help="Replace this share of the images by images of another source. Repeatable.",
    ),
]
List = Annotated[
    bool, o.option("--list", panel=SHIFT, help="Print all corruptions and their amounts, and stop.")
]


def simulate(
    context: typer.Context,
    source: Sources = None,
    output: Output = None,
    corruption: Corruptions = None,
    severity: Severity = 3,
    share: Share = "100%",
    knock_out: KnockOut = None,
    class_share: ClassShare = None,
    mix: Mix = None,
    list_: List = False,
    force: Force = False,
    exclude: o.Exclude = None,
    since: o.Since = None,
    limit: o.Limit = None,
    follow: o.Follow = False,
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
    """A drifted copy of images, to try a gate on.

    Corrupted images are written as PNG, the others byte for byte, with a manifest.csv that says what
    happened to each.
    """
    run = session.begin(context, locals())
    if list_:
        run.terminal.put(_listed())
        return 0
    if not source:
        raise UsageError("missing SOURCE", "name the images to copy, or use --list")
    if not output:
        raise UsageError("missing --output", "name the folder to write: -o drifted/")
    from driftcli.simulation import write_copy

    plan = write_copy.Plan(
        tuple(_plan.step(text, severity) for text in corruption or ()),
        _plan.share_of(share, "--share"),
        (*map(_plan.knock_out, knock_out or ()), *map(_plan.class_share, class_share or ())),
        tuple(_plan.mixture(text) for text in mix or ()),
    )
    if not (plan.steps or plan.class_shares or plan.mixtures):
        raise UsageError(
            "nothing is to happen to the images", "add --corruption NAME, --knock-out, --class-share or --mix"
        )
    done = write_copy.simulate(
        session.sources(source, null=False),
        Path(output),
        plan,
        run.settings,
        force=force,
        progress=run.terminal.progress(),
    )
    run.terminal.close()
    run.terminal.put(_told(done, plan, brief=quiet))
    return 0


def _listed() -> str:
    """All corruptions by class: name, unit, the amounts of the five severities."""
    from driftcli.core import registry

    kinds: dict[str, type[Corruption]] = {
        name: registry.load("corruptions", name) for name in registry.kinds("corruptions")
    }
    width = max(map(len, kinds))

    def lines() -> Iterator[str]:
        yield f"{'class':<12} {'corruption':<{width}} {'severity 1 to 5':<26}  unit"
        for name, kind in sorted(kinds.items(), key=lambda pair: (pair[1].belongs, pair[0])):
            amounts = ", ".join(f"{amount:g}" for amount in kind.amounts)
            yield f"{kind.belongs:<12} {name:<{width}} {amounts:<26}  {kind.unit}"

    return "".join(f"{line}\n" for line in lines())


def _told(done: Simulated, plan: Plan, *, brief: bool) -> str:
    """What was written, and the way to look at it."""
    where = safe_name(done.folder)
    happened = " then ".join(f"{name}:{severity:g}" for name, severity in plan.steps)
    parts = [f"{done.images:,} images"]
    parts += [f"{done.corrupted:,} with {happened}"] if happened else []
    parts += [f"{done.foreign:,} from other sources"] if plan.mixtures else []
    head = f"drifted copy in {where}: {', '.join(parts)}"
    if brief:
        return f"{head}\n"
    return "\n".join([head, *_summary.ledger(done.ledger), f"next: driftcli check ARTIFACT {where}", ""])
