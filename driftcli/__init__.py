"""driftcli: does this folder of images still look like the images the model was built on?

From Python as from the shell; importing the package imports nothing heavy:

    import driftcli
    driftcli.fit("good/train", "ref")
    driftcli.baseline("ref", ["good/monday", "good/tuesday"])
    report = driftcli.check("ref", "today", alpha=0.01)
    report.verdict, report.gate.p_value
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftcli.core.errors import ArtifactError, DriftcliError, InternalError, NotAuditedError, UsageError

if TYPE_CHECKING:
    from driftcli.api import baseline, check, fit, power
    from driftcli.core.power_report import PowerReport
    from driftcli.core.report import Report

    __version__: str

__all__ = [
    "ArtifactError",
    "DriftcliError",
    "InternalError",
    "NotAuditedError",
    "PowerReport",
    "Report",
    "UsageError",
    "__version__",
    "baseline",
    "check",
    "fit",
    "power",
]

_HOMES = {
    "fit": "driftcli.api",
    "baseline": "driftcli.api",
    "check": "driftcli.api",
    "power": "driftcli.api",
    "PowerReport": "driftcli.core.power_report",
    "Report": "driftcli.core.report",
}


def __getattr__(name: str) -> Any:
    """PEP 562: the functions, the version and `Report` are loaded when they are first asked for."""
    if name == "__version__":
        from driftcli.core.version import version

        found: Any = version()
    elif name in _HOMES:
        from importlib import import_module

        found = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'driftcli' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
