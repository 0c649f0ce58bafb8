"""A saved result read from a file or a stream: bytes that may be anything."""

from __future__ import annotations

from pathlib import Path

from driftcli.core.errors import NotAuditedError
from driftcli.core.report import Report
from driftcli.core.text import safe_name
from driftcli.reports.bundle import RESULT
from driftcli.reports.json import parse

HINT = "name a result that `driftcli check -f json` wrote, or a folder that `-o bundle=FOLDER` wrote"


def read_result(path: Path) -> Report:
    """The report that a JSON file holds. Raises NotAuditedError for anything else."""
    name = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = safe_name(error.strerror or str(error))
        raise NotAuditedError(f"{safe_name(name)} cannot be read: {reason}", HINT) from None
    return parse_bytes(raw, name)


def read_named(name: str) -> Report:
    """The report of a JSON file, or of a folder that `-o bundle=FOLDER` wrote, without its pictures. Raises as `read_result`."""
    path = Path(name)
    return read_result(path / RESULT if path.is_dir() else path)


def parse_bytes(raw: bytes, name: str) -> Report:
    """The report that bytes of this name hold. Raises NotAuditedError."""
    try:
        return parse(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise NotAuditedError(f"{safe_name(name)} is not a driftcli result: it is not UTF-8", HINT) from None
