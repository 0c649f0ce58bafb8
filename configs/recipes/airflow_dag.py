"""Airflow 2.7 or newer: audit each day's images; retry only what a retry can cure; a page for every day.

On the workers: pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu, then driftcli. Whom to
tell is a secret: DRIFTCLI_NOTIFY in their environment.
"""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta, timezone

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
from airflow.exceptions import AirflowException, AirflowFailException

REFERENCE = "/data/ref"
IMAGES = "/data/incoming"
REPORTS = "/data/drift"
PAGES = "https://drift.example.org"
"""Where the folder of reports is served."""
FINAL = {
    1: "the images drifted",
    2: "the command line or the configuration is wrong",
    3: "not audited: something is wrong with the images or the reference",
}
"""Exit codes that stay the same however often the task runs; 4 (no memory, disk full) may pass."""


def command(day: str) -> list[str]:
    """The audit of one day's folder."""
    return [
        "driftcli", "check", REFERENCE, f"{IMAGES}/{day}", "-q", "--no-progress", "--log-format", "json",
        "--report-url", f"{PAGES}/{day}.html", "-o", f"html={REPORTS}/{day}.html",
        "-o", f"json={REPORTS}/{day}.json", "-o", f"metrics={REPORTS}/{day}.metrics.json",
    ]  # fmt: skip


@dag(
    schedule="17 6 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),  # noqa: UP017  # for Airflow on an older Python
    catchup=False,
    max_active_runs=1,
    tags=["driftcli"],
)
def drift() -> None:
    """One task a day."""

    @task(retries=2, retry_delay=timedelta(minutes=10), execution_timeout=timedelta(hours=1))
    def check(ds: str) -> None:
        """Green is 0; drift fails at once, an internal error is tried again."""
        code = subprocess.run(command(ds), check=False).returncode  # noqa: S603  # our own words
        if code in FINAL:
            raise AirflowFailException(FINAL[code])
        if code:
            raise AirflowException(f"driftcli returned {code}")

    check("{{ ds }}")


drift()
