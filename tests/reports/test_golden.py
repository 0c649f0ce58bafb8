"""Every report as a reader sees it; `DRIFTCLI_UPDATE_GOLDEN=1` writes the files anew, for review."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from driftcli.core import registry
from driftcli.reports.json import Json
from driftcli.reports.text import Text
from tests.reports.samples import ALL

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = {f"text-{name}-100": (name, Text(100)) for name in ALL}
CASES |= {
    f"text-{name}-{width}": (name, Text(width))
    for name in ("drift", "warn", "hostile")
    for width in (80, 140)
}
CASES |= {f"text-{name}-color": (name, Text(100, color=True)) for name in ("drift", "pass")}
CASES |= {f"text-{name}-ascii": (name, Text(80, ascii=True)) for name in ("drift", "warn", "hostile")}
CASES |= {f"text-{name}-full": (name, Text(100, full=True)) for name in ALL}
CASES |= {f"text-{name}-80": (name, Text(80)) for name in ("rich", "differs", "alarm")}
CASES |= {f"quiet-{name}": (name, Text(quiet=True)) for name in ALL}
CASES |= {f"json-{name}": (name, Json()) for name in ALL}
SUFFIX = {
    "json": "json",
    "markdown": "md",
    "junit": "xml",
    "csv": "csv",
    "prometheus": "prom",
    "metrics": "json",
}
SHOWN = {
    "markdown": ("pass", "warn", "drift", "inconclusive", "hostile", "rich", "differs"),
    "junit": ("pass", "inconclusive", "hostile", "rich", "differs", "alarm"),
    "github": ("pass", "warn", "inconclusive", "hostile", "rich", "differs", "alarm"),
    "csv": ("hostile", "rich"),
    "prometheus": ("inconclusive", "rich", "differs"),
    "metrics": ("inconclusive", "rich", "differs"),
}
CASES |= {
    f"{kind}-{name}": (name, registry.load("reports", kind)())
    for kind, names in SHOWN.items()
    for name in names
}


@pytest.mark.parametrize("case", CASES)
def test_the_report_reads_as_reviewed(case):
    """A change of wording or layout is a change of a file that a person has looked at."""
    name, form = CASES[case]
    path = GOLDEN / f"{case}.{SUFFIX.get(case.partition('-')[0], 'txt')}"
    text = form.render(ALL[name]())
    if os.environ.get("DRIFTCLI_UPDATE_GOLDEN") == "1":
        path.write_bytes(text.encode())
    assert text == path.read_bytes().decode()
