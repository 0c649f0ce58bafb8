"""What a user may write: `mypy --strict` accepts all of it against the installed package."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, assert_type

import driftcli


def learn(images: Path, maximum: int | None) -> driftcli.Fitted:
    """Paths of any kind, one source or several; None is not given."""
    driftcli.fit("images/train", "ref", method="embedding,properties", holdout="30%", no_thumbnails=True)
    driftcli.fit([images, "more"], Path("ref"), method=["embedding"], holdout=0.3, mask=Path("m.png"))
    return driftcli.fit(images, "ref", force=True, limit=maximum, workers="auto", detectable="full")


def calibrate() -> driftcli.Calibrated:
    """Every function takes a configuration and somebody to tell of progress."""
    options: driftcli.BaselineOptions = {"exclude": ["*.tmp"], "group_by": "folder"}
    driftcli.baseline("ref", "good", **options)
    return driftcli.baseline("ref", ("a", "b"), name="night", config="d.yaml", progress=driftcli.Progress())


def renew() -> tuple[int, float | None]:
    """A reviewed batch joins the baseline."""
    options: driftcli.RefreshOptions = {"alpha": 0.001, "predictions": "answers.csv"}
    done = driftcli.refresh("ref", ["mon", Path("tue")], output="ref-2", accept_drift=True, **options)
    assert_type(done, driftcli.Refreshed)
    return done.added, done.p_value


def label(report: driftcli.Report) -> float:
    """A queue of reports or their files, one or several; scores of one queue or of several days."""
    options: driftcli.QueueOptions = {"seed": 3, "predictions": ["answers.csv"], "classes": ("cat", "dog")}
    assert_type(driftcli.queue(report, "labels", 50, **options), driftcli.Queued)
    driftcli.queue(
        ["mon.json", Path("tue"), report], Path("labels"), 50, controls="known.csv", list_only=True
    )
    driftcli.score({"mon": "mon.csv", "tue": ["ada.csv", "bo.csv"]}, min_accuracy="90%")
    scored = driftcli.score(Path("labels"), "l.csv", max_drop=0.05, baseline_accuracy="96%/250", workers=1)
    assert_type(scored, driftcli.ScoreReport)
    return scored.accuracy.low


def gate() -> int:
    """Shares are numbers or texts; what can be `auto` is a number or that."""
    report = driftcli.check(
        "ref",
        "today",
        baseline="night",
        pictures=True,
        alpha=0.001,
        tolerance="5%",
        permutations="auto",
        fail_on="warn",
        require_detectable=["gaussian_blur:2"],
        gate="sequence",
        history=Path("drift.db"),
        max_unreadable=0,
    )
    assert_type(report, driftcli.Report)
    assert_type(report.verdict, Literal["pass", "warn", "drift", "inconclusive"])
    assert_type(report.gate.p_value, float | None)
    assert_type([finding.statement for finding in report.diagnosis], list[str])
    return report.exit_code


def keep(report: driftcli.Report) -> driftcli.Report:
    """A report in every form, and back."""
    assert_type(report.to_json(), str)
    assert_type(report.to_text(width=80, color=True) + report.to_markdown(top_k=3), str)
    report.to_html(Path("report.html"))
    return driftcli.Report.from_json(report.to_json()) or driftcli.report("result.json")


def study() -> float:
    """Grids as numbers or as on the command line."""
    measured = driftcli.power(
        "ref", "val", corruption="jpeg", severity=[1, 2.5], share="100%,10%", batch=[20]
    )
    assert_type(measured, driftcli.PowerReport)
    copy = driftcli.simulate(
        "val", "out", corruption=["jpeg:2"], share="30%", knock_out="folder=cats", seed=1
    )
    assert_type(copy, driftcli.Simulated)
    return measured.cells[0].rates["gate"].rate


def look_back() -> bool:
    """What was, and what is there."""
    past = driftcli.history("drift.db", since="30d", limit=0)
    assert_type(past, driftcli.Past)
    assert_type(driftcli.acknowledge("drift.db", "lens cleaned"), tuple[driftcli.Acknowledged, ...])
    return driftcli.inspect("ref").ok


def careful() -> str:
    """Errors say what happened and what to do."""
    try:
        gate()
    except (
        driftcli.ArtifactError,
        driftcli.NotAuditedError,
        driftcli.UsageError,
        driftcli.InternalError,
    ) as error:
        assert_type(error.exit_code, int)
        return f"{error.what}: {error.hint}"
    except driftcli.DriftcliError as error:
        return error.hint
    return driftcli.__version__
