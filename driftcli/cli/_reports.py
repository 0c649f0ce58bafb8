"""Where a report goes: chosen before the audit, so that a wrong path costs nothing; written before the exit code."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftcli import registry
from driftcli.errors import InternalError, UsageError
from driftcli.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from driftcli.cli.console import Terminal
    from driftcli.records import Report


@dataclass(frozen=True)
class Plan:
    """One format for standard output, and files."""

    shown: str
    files: tuple[tuple[str, Path], ...]
    brief: bool


def plan(shown: str, outputs: Iterable[str], *, brief: bool) -> Plan:
    """Raises UsageError for a format that does not exist or a folder that is missing."""
    known = registry.kinds("reports")
    return plan_of(shown, outputs, known, known, brief=brief)


def plan_of(
    shown: str, outputs: Iterable[str], showable: Sequence[str], known: Sequence[str], *, brief: bool
) -> Plan:
    """As `plan`, for a command with formats of its own: `showable` on standard output, `known` in files."""
    _known(shown, showable, "--format")
    files: list[tuple[str, Path]] = []
    for text in outputs:
        kind, equals, name = text.partition("=")
        if not equals or not name:
            raise UsageError(
                f"--output {safe_name(text)}: not FORMAT=PATH", "for example -o json=result.json"
            )
        _known(kind, known, "--output")
        path = Path(name)
        if not path.parent.is_dir():
            raise UsageError(
                f"--output {safe_name(text)}: there is no folder {safe_name(str(path.parent))}",
                "create it first",
            )
        if path.is_dir():
            raise UsageError(f"--output {safe_name(text)}: is a folder", "name a file")
        if any(path.resolve() == other.resolve() for _, other in files):
            raise UsageError(f"--output {safe_name(name)}: named twice", "one file a report")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise InternalError(f"{safe_name(name)} is not writable", "check permissions")
        files.append((kind, path))
    return Plan(shown, tuple(files), brief)


def _known(kind: str, known: Iterable[str], option: str) -> None:
    if kind not in known:
        close = get_close_matches(kind, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"one of {', '.join(known)}"
        raise UsageError(f"{option}: no format {safe_name(kind)!r}", hint)


def deliver(
    chosen: Plan,
    report: Report,
    terminal: Terminal,
    *,
    top_k: int = 10,
    notify: Callable[[], None] = lambda: None,
) -> None:
    """Files first, then whoever is to be notified: if one fails (4), standard output stays empty."""
    for kind, path in chosen.files:
        write(path, _render(kind, report, width=100, top_k=top_k))
    notify()
    look: dict[str, Any] = {}
    if chosen.shown == "text":
        look = {"width": terminal.width(), "color": terminal.colour(), "quiet": chosen.brief}
        look |= {"ascii": not terminal.unicode(), "top_k": top_k}
    terminal.put(_render(chosen.shown, report, **look), utf8=chosen.shown != "text")


def _render(kind: str, report: Report, **look: Any) -> str:
    form = registry.load("reports", kind)
    accepted = {field.name for field in fields(form)} if look else set()
    text: str = form(**{name: value for name, value in look.items() if name in accepted}).render(report)
    return text


def write(path: Path, content: str | bytes) -> None:
    """Text in UTF-8, beside the old file, then in its place; devices and pipes are written straight."""
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    target = path.resolve()
    try:
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            target.write_bytes(raw)
            return
        fresh = target.with_name(f".{target.name[:200]}.{os.getpid()}.tmp")
        try:
            with fresh.open("xb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        reason = safe_name(error.strerror or str(error))
        raise InternalError(
            f"cannot write {safe_name(str(path))}: {reason}", "check permissions and free space"
        ) from error
