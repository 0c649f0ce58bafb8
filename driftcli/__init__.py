"""driftcli: does this folder of images still look like the images the model was built on?

From Python as from the shell; importing the package imports nothing heavy:

    import driftcli

    driftcli.fit("good/train", "ref")
    driftcli.baseline("ref", ["good/monday", "good/tuesday"])
    report = driftcli.check("ref", "today", alpha=0.01)
    print(report.verdict, report.gate.p_value)

`help(driftcli.check)` and the others stand alone; every option of the command line is a keyword of its function.
Whatever goes wrong is a `DriftcliError`: `what` happened, a `hint` on what to do, and the `exit_code` of the command.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; `typing` takes longer to load than all of this
if TYPE_CHECKING:
    from driftcli.api.labels import queue, score
    from driftcli.api.options import (
        BaselineOptions,
        CheckOptions,
        FitOptions,
        PowerOptions,
        ProfileOptions,
        QueueOptions,
        RefreshOptions,
        ScoreOptions,
        SimulateOptions,
    )
    from driftcli.api.report import Report
    from driftcli.api.saved import acknowledge, history, inspect, report
    from driftcli.api.studies import power, simulate
    from driftcli.api.verbs import baseline, check, fit, profile, refresh
    from driftcli.audit.queue import Queued
    from driftcli.check_history.records import Acknowledged, Past
    from driftcli.core.errors import (
        ArtifactError,
        DriftcliError,
        InternalError,
        NotAuditedError,
        UsageError,
    )
    from driftcli.core.inspection import Account
    from driftcli.core.outcomes import Calibrated, Fitted, Profiled, Refreshed
    from driftcli.core.power_report import PowerReport
    from driftcli.core.progress import Progress
    from driftcli.core.score_report import ScoreReport
    from driftcli.simulation.write_copy import Simulated

    __version__: str

__all__ = [
    "Account",
    "Acknowledged",
    "ArtifactError",
    "BaselineOptions",
    "Calibrated",
    "CheckOptions",
    "DriftcliError",
    "FitOptions",
    "Fitted",
    "InternalError",
    "NotAuditedError",
    "Past",
    "PowerOptions",
    "PowerReport",
    "ProfileOptions",
    "Profiled",
    "Progress",
    "QueueOptions",
    "Queued",
    "RefreshOptions",
    "Refreshed",
    "Report",
    "ScoreOptions",
    "ScoreReport",
    "SimulateOptions",
    "Simulated",
    "UsageError",
    "__version__",
    "acknowledge",
    "baseline",
    "check",
    "fit",
    "history",
    "inspect",
    "power",
    "profile",
    "queue",
    "refresh",
    "report",
    "score",
    "simulate",
]

_HOMES = {
    "driftcli.api.labels": ("queue", "score"),
    "driftcli.api.options": (
        "BaselineOptions",
        "CheckOptions",
        "FitOptions",
        "PowerOptions",
        "ProfileOptions",
        "QueueOptions",
        "RefreshOptions",
        "ScoreOptions",
        "SimulateOptions",
    ),
    "driftcli.audit.queue": ("Queued",),
    "driftcli.api.report": ("Report",),
    "driftcli.api.saved": ("acknowledge", "history", "inspect", "report"),
    "driftcli.api.studies": ("power", "simulate"),
    "driftcli.api.verbs": ("baseline", "check", "fit", "profile", "refresh"),
    "driftcli.core.errors": (
        "ArtifactError",
        "DriftcliError",
        "InternalError",
        "NotAuditedError",
        "UsageError",
    ),
    "driftcli.core.inspection": ("Account",),
    "driftcli.core.outcomes": ("Calibrated", "Fitted", "Profiled", "Refreshed"),
    "driftcli.core.power_report": ("PowerReport",),
    "driftcli.core.progress": ("Progress",),
    "driftcli.core.score_report": ("ScoreReport",),
    "driftcli.check_history.records": ("Acknowledged", "Past"),
    "driftcli.simulation.write_copy": ("Simulated",),
}
"""Where each public name lives: its module is imported when the name is first asked for (PEP 562)."""


if not TYPE_CHECKING:  # a type checker would take any name for one that this function knows

    def __getattr__(name: str) -> object:
        """A public name, from the module that holds it. Raises AttributeError."""
        if name == "__version__":
            from driftcli.core.version import version

            value: object = version()
        else:
            home = next((module for module, names in _HOMES.items() if name in names), None)
            if home is None:
                raise AttributeError(f"module 'driftcli' has no attribute {name!r}")
            from importlib import import_module

            value = getattr(import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
