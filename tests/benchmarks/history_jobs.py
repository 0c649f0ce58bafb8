"""Jobs that write one history at the same time: no row lost, no lock error, one sequence.

    python tests/benchmarks/history_jobs.py [--jobs 8] [--rows 100]

Every job is a process that prepares and records as `check --history` does, a row a connection, starting with
a file that is not there yet. What the rows say of M must be the fold of their p-values in the rows' order.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from _lab import machine

from driftcli.check_history import read
from driftcli.stats import sequential
from tests.check_history.test_history import H, jobs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--rows", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file, started = Path(folder) / "drift.db", time.perf_counter()
        failed = [said for said, code in jobs(file, given.jobs, given.rows) if code or said]
        seconds = time.perf_counter() - started
        checks, size = read.read(file).checks, file.stat().st_size
    path = sequential.path([check.p_value for check in checks], 999, H)
    apart = max(abs(check.value / m - 1) for check, m in zip(checks, path, strict=True))
    print(
        f"{given.jobs} jobs x {given.rows} rows: {len(checks)} rows, {len(failed)} jobs failed, {seconds:.0f} s"
    )
    print(
        f"{size / len(checks) / 1000:.1f} kB a row; M differs from the fold by {apart:.1e} at most; {machine()}"
    )
    for said in failed:
        print(said)
    sys.exit(bool(failed) or len(checks) != given.jobs * given.rows)


if __name__ == "__main__":
    main()
