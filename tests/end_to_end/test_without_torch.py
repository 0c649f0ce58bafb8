"""A check on the processor loads no torch: not to read, not to measure, not to test, not to say and draw what it found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journey import FAST, pictures

ROOT = Path(__file__).parents[2]
RUN = """
import sys
from driftcli.cli import app
code = app.run(sys.argv[1:])
print("torch" in sys.modules, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.usefixtures("quick")
def test_a_check_loads_no_torch(drift, tmp_path):
    """The default extractors, a batch that differs, and a page with pictures and heat maps."""
    few, ref = pictures(tmp_path / "few", 44, 5), tmp_path / "ref"
    assert drift("fit", few, "-o", ref, *FAST[2:]).code == 0
    batch = pictures(tmp_path / "batch", 12, 6, light=45)
    line = [
        "check",
        ref,
        batch,
        "--alpha",
        "0.05",
        "--workers",
        "1",
        "-f",
        "json",
        "-o",
        tmp_path / "page.html",
    ]
    ran = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, line)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1, ran.stderr
    result = json.loads(ran.stdout)
    assert result["environment"]["runtime"].startswith("onnxruntime ")
    assert (tmp_path / "page.html").stat().st_size > 10_000
    assert ran.stderr.strip().splitlines()[-1] == "False"
