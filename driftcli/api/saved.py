"""Looking at what is there: a saved `report`, the `history` of checks, what an artifact holds (`inspect`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from driftcli.api.keywords import Name
    from driftcli.api.report import Report
    from driftcli.check_history.records import Acknowledged, Past
    from driftcli.core.inspection import Account


def report(result: Name) -> Report:
    """Read a saved result again, with its pictures if it is a bundle; nothing is measured again.

    The Python twin of `driftcli report`; the report's `to_html`, `to_markdown`, `to_text` and `to_json` are its
    formats.

    Args:
        result: JSON file that `driftcli check -o json=FILE` or `Report.to_json` made, or a folder that
            `driftcli check -o bundle=FOLDER` wrote.

    Returns:
        The report, equal to the one that was saved.

    Raises:
        NotAuditedError: There is no such file, or it is no result.

    Example:
        import driftcli

        driftcli.report("result.json").to_html("report.html")
    """
    from driftcli.api.report import Report

    if Path(result).is_dir():
        from driftcli.reports.saved.bundle import read_bundle

        return Report.of(*read_bundle(str(result)))
    return Report.from_json(Path(result))


def history(
    database: Name,
    *,
    group: str | None = None,
    baseline: str | None = None,
    since: str | None = None,
    limit: int = 30,
) -> Past:
    """Look back on past checks: their verdicts, the evidence of all of them together, trends and control charts.

    The Python twin of `driftcli history`.

    Args:
        database: SQLite file that `check(..., history=FILE)` wrote.
        group: Of this `history_group` only; "" is the series without one. None: of the series that was checked last.
        baseline: Against this baseline, by name or beginning of its digest. None: the one used last.
        since: From this date on ("2026-11-01"), or of this age at most ("24h", "30d").
        limit: The newest so many checks; 0: all. Evidence and charts rest on all checks whatever is shown.

    Returns:
        The checks, the one stored last at the end; all series of the file; acknowledged alarms; charts.

    Raises:
        UsageError: There is no such group or baseline, or `since` is neither a date nor an age.
        NotAuditedError: The file is missing or damaged, is no history, or holds no such checks.

    Example:
        import driftcli

        past = driftcli.history("drift.db", since="30d", limit=0)
        print([(check.created, check.verdict, check.p_value) for check in past.checks])
    """
    from driftcli.check_history import read

    return read.require_some(
        read.read(Path(database), group=group, baseline=baseline, since=since, limit=limit)
    )


def acknowledge(database: Name, note: str = "", *, group: str | None = None) -> tuple[Acknowledged, ...]:
    """End the alarms of a history: the evidence over many checks starts again at 0.

    The Python twin of `driftcli history --acknowledge`.

    Args:
        database: SQLite file that `check(..., history=FILE)` wrote.
        note: What the alarm was; kept.
        group: Of this `history_group` only; "" is the series without one. None: every alarm.

    Returns:
        The alarms that were ended, with the evidence that they had; empty where there was none.

    Raises:
        NotAuditedError: The file is missing or damaged, or is no history.
        InternalError: It is not writable.

    Example:
        import driftcli

        ended = driftcli.acknowledge("drift.db", "lens cleaned")
        print(len(ended), "alarms ended")
    """
    from driftcli.check_history import record

    return record.acknowledge(Path(database), note, group)


def inspect(artifact: Name, *, expect_sha256: str | None = None) -> Account:
    """Look into an artifact: sources, settings, losses, measured false alarms, detectable drift, checksums.

    The Python twin of `driftcli inspect`; no image is read.

    Args:
        artifact: Folder that `fit` wrote.
        expect_sha256: Digest that it must have (64 hexadecimal digits). None: any.

    Returns:
        What it holds. `ok` is false where a file is missing or its checksum is wrong; `files` say which.

    Raises:
        ArtifactError: There is no artifact, its manifest cannot be read, or it has another digest.

    Example:
        import driftcli

        account = driftcli.inspect("ref")
        print(account.ok, [baseline.name for baseline in account.baselines])
    """
    from driftcli.artifact import store
    from driftcli.audit import inspection

    return inspection.take(Path(artifact), store.read(Path(artifact), expect_sha256))
