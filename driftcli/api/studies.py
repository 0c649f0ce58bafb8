"""Trying a gate: `power` measures what it sees, `simulate` writes a drifted copy of images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from driftcli.api._run import names, resolved, texts
from driftcli.api.keywords import DRIFT, STUDY

if TYPE_CHECKING:
    from driftcli.api.keywords import Drift, Name, Sources, Study
    from driftcli.api.options import PowerOptions, SimulateOptions
    from driftcli.core.power_report import PowerReport
    from driftcli.power_study.plan import Plan
    from driftcli.simulation.write_copy import Plan as DriftPlan
    from driftcli.simulation.write_copy import Simulated


def power(
    artifact: Name,
    source: Sources,
    *,
    baseline: str | None = None,
    expect_sha256: str | None = None,
    **options: Unpack[PowerOptions],
) -> PowerReport:
    """Measure how often the gate and each family of evidence find each corruption, on these images.

    Batches are drawn from `source`, changed, and compared with the baseline; what stands in the baseline is left
    out of it. The Python twin of `driftcli power`; the environment is not read.

    Args:
        artifact: Folder that `fit` wrote.
        source: Good images that the artifact was not fitted on: a folder (recursive), glob, image, manifest (.csv,
            .jsonl, .txt), .zip or .tar, or several of them.
        baseline: Name of the baseline to compare with. None: `default`, the only one, or `holdout`.
        expect_sha256: Digest that the artifact must have (64 hexadecimal digits). None: any.
        **options: What to try (`corruption`, `severity`, `share`, `batch`, `trials`, `images`, `foreign`), and
            settings as on the command line. None is "as on the command line". See `help(driftcli.PowerOptions)`.

    Returns:
        A cell for every corruption, severity, share and batch size with its detection rates (shares of the trials,
        each with a 95 % interval), and in `null` the false alarms among unchanged batches.

    Raises:
        UsageError: An option is wrong, or there is no such corruption.
        NotAuditedError: There is no such source, or too few usable images in it.
        ArtifactError: The artifact or its baseline is missing, damaged or of another machine's making.

    Example:
        import driftcli

        study = driftcli.power("ref", "images/val", corruption="jpeg", severity=[1, 3, 5], share="100%,10%")
        for cell in study.cells:
            print(cell.corruption, cell.severity, cell.share, cell.batch, cell.rates["gate"].rate)
    """
    from driftcli.power_study import study

    call, grid = replace(resolved(options, STUDY), expect_sha256=expect_sha256), _grid(options)
    return study.power(
        Path(artifact),
        names(source),
        call,
        grid,
        baseline=baseline,
    )


def simulate(
    source: Sources, output: Name, *, force: bool = False, **options: Unpack[SimulateOptions]
) -> Simulated:
    """Write a drifted copy of images to the folder `output`, to try a gate on.

    Corrupted images are written as PNG, the others byte for byte, with a manifest.csv that says what happened to
    each. The Python twin of `driftcli simulate`; the environment is not read.

    Args:
        source: Images to copy: a folder (recursive), glob, image, manifest (.csv, .jsonl, .txt), .zip or .tar,
            or several of them.
        output: Folder to write. It must not exist, or be such a copy and `force` be true.
        force: Replace a folder that `simulate` wrote.
        **options: What happens: `corruption` ("NAME", "NAME:SEVERITY" or "NAME:AMOUNT", one after the other), `severity`, `share`
            of the images (0.3 or "30%"), `knock_out`, `class_share`, `mix`; and settings as on the command line.
            See `help(driftcli.SimulateOptions)`.

    Returns:
        How many images were written, how many of them corrupted or foreign, and what could not be read.

    Raises:
        UsageError: An option is wrong, nothing is to happen, or the folder holds something else.
        NotAuditedError: There is no such source, or no image is left.
        InternalError: The folder is not writable.

    Example:
        import driftcli

        copy = driftcli.simulate("images/val", "blurred", corruption="gaussian_blur:2", share="30%", seed=1)
        print(copy.corrupted, "of", copy.images, "images are blurred")
    """
    from driftcli.simulation import write_copy

    call, plan = resolved(options, DRIFT), _drift(options)
    return write_copy.simulate(names(source), Path(output), plan, call, force=force)


def _grid(asked: Study) -> Plan:
    """The study that was asked for; what was not said is as on the command line."""
    from driftcli.power_study import plan

    said: dict[str, Any] = {
        name: value for name, value in asked.items() if name in STUDY and value is not None
    }
    for axis in {"severity", "share", "batch"} & said.keys():
        said[axis] = _axis(axis, said[axis])
    said["foreign"] = names(asked.get("foreign", ()))
    return plan.make(**said)


def _axis(name: str, value: str | Iterable[float]) -> Iterable[float]:
    from driftcli.power_study import plan

    return plan.numbers(name, value) if isinstance(value, str) else value


def _drift(asked: Drift) -> DriftPlan:
    """What is to happen to the images. Raises UsageError."""
    from driftcli.simulation import plan

    severity = asked.get("severity", 3)
    return plan.make(
        [plan.step(text, severity) for text in texts(asked.get("corruption", ()))],
        plan.share_of(str(asked.get("share", 1)), "share"),
        [
            *map(plan.knock_out, texts(asked.get("knock_out", ()))),
            *map(plan.class_share, texts(asked.get("class_share", ()))),
        ],
        [plan.mixture(text) for text in texts(asked.get("mix", ()))],
    )
