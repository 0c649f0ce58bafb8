"""How long `driftcli --help` takes beside an empty Typer app; run `python tests/benchmarks/help_speed.py [RUNS]`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
EMPTY = "import typer\napp = typer.Typer()\n@app.callback()\ndef root(): ...\n@app.command()\ndef one(): ...\napp()\n"
LIMIT = 1.5


def seconds(command: list[str]) -> float:
    """Wall time of one run, output thrown away."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return time.perf_counter() - began


def main(runs: int) -> int:
    """Alternate the two, so that a busy machine slows both."""
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder) / "empty.py"
        app.write_text(EMPTY)
        ours, theirs = [sys.executable, "-m", "driftcli", "--help"], [sys.executable, str(app), "--help"]
        for command in (ours, theirs):  # bytecode and disk cache
            seconds(command)
        pairs = [(seconds(ours), seconds(theirs)) for _ in range(runs)]
    mine, empty = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"driftcli --help   {mine * 1000:6.0f} ms (median of {runs})")
    print(f"empty Typer app   {empty * 1000:6.0f} ms")
    print(f"ratio             {mine / empty:6.2f} (limit {LIMIT})")
    return 0 if mine <= LIMIT * empty else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 15))
