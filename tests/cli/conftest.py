"""Command lines run in this process against an audit that returns what the test wants."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from driftcli.audit import baseline as audit_baseline
from driftcli.audit import check as audit_check
from driftcli.audit import fit as audit_fit
from driftcli.audit.inconclusive import inconclusive
from driftcli.cli import app
from driftcli.config.settings import Settings
from driftcli.core import registry
from driftcli.core.errors import NotAuditedError
from driftcli.core.images import Ledger
from driftcli.core.outcomes import Calibrated, Fitted
from driftcli.core.report import Report


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass
class Audit:
    """Stands in for a verb of `driftcli.audit`: remembers its calls, returns `result` or raises it."""

    result: Any
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]]

    def __call__(self, *args: Any, **more: Any) -> Any:
        self.calls.append((args, more))
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result

    @property
    def settings(self) -> Settings:
        return self.calls[-1][0][2].settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in os.environ:
        if name.startswith("DRIFTCLI_") or name in {"NO_COLOR", "CI", "GITHUB_ACTIONS", "FORCE_COLOR"}:
            monkeypatch.delenv(name)


@pytest.fixture
def make_report():
    def make(verdict: str = "pass", exit_code: int = 0, **more: Any) -> Report:
        base = inconclusive(
            NotAuditedError("too few images", "add images"),
            artifact=Path("ref"),
            sources=["x"],
            settings=Settings(),
        )
        changes: dict[str, Any] = {"verdict": verdict, "exit_code": exit_code, **more}
        if verdict != "inconclusive":
            changes.setdefault("reasons", ("because",))
            changes["gate"] = replace(base.gate, p_value=0.5, permutations=999, images_tested=20)
            changes["batch"] = replace(base.batch, images=20, distinct=20)
        return replace(base, **changes)

    return make


@pytest.fixture
def check(monkeypatch, make_report):
    stub = Audit(make_report(), [])
    monkeypatch.setattr(audit_check, "check", stub)
    return stub


@pytest.fixture
def fit(monkeypatch):
    stub = Audit(
        Fitted(
            "ref",
            "d" * 64,
            100,
            50,
            Ledger(151, 150, {"truncated": 1}, {}, 0),
            ("careful",),
            {"autoencoder": {"epochs": 3}},
        ),
        [],
    )
    monkeypatch.setattr(audit_fit, "fit", stub)
    return stub


@pytest.fixture
def baseline(monkeypatch):
    stub = Audit(
        Calibrated("ref", "d" * 64, "default", 60, 1, {"mon": 30, "tue": 30}, Ledger(61, 60, {}, {}, 0)), []
    )
    monkeypatch.setattr(audit_baseline, "baseline", stub)
    return stub


@pytest.fixture
def main(capfd):
    def run(*argv: str) -> Ran:
        capfd.readouterr()
        code = app.run(argv)
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture(autouse=True)
def _formats(monkeypatch):
    """Plain stand-ins as long as the room is empty."""
    if "json" in registry.kinds("reports"):
        return

    @dataclass(frozen=True)
    class Text:
        quiet: bool = False

        def render(self, report: Report) -> str:
            return f"{report.verdict}\n" if self.quiet else f"verdict {report.verdict}\nmore\n"

    @dataclass(frozen=True)
    class Json:
        def render(self, report: Report) -> str:
            return json.dumps(asdict(report)) + "\n"

    monkeypatch.setattr(registry, "kinds", lambda _room: ("json", "text"))
    monkeypatch.setattr(registry, "load", lambda _room, kind: {"json": Json, "text": Text}[kind])
