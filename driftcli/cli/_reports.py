"""Where a report goes: chosen before the audit, so that a wrong path costs nothing; written before the exit code."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftcli.cli import _folder, _github
from driftcli.cli._forms import SHOWN
from driftcli.core import registry
from driftcli.core.errors import InternalError, UsageError
from driftcli.core.output import write
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from driftcli.cli.console import Terminal
    from driftcli.core.report import Report
    from driftcli.pictures.picture import Gallery
    from driftcli.reports.base import ReportFormat


@dataclass(frozen=True)
class Formats:
    """What a command can write."""

    shown: Sequence[str]
    """On standard output."""
    files: Sequence[str]
    foldable: bool = False
    """They are kinds of the room `reports`, some of which are folders."""


@dataclass(frozen=True)
class Plan:
    """One format for standard output, and files."""

    shown: str
    files: tuple[tuple[str, Path], ...]
    brief: bool
    folders: frozenset[Path] = frozenset()
    """Those of the files that become folders."""
    top_k: int = 10

    @property
    def page(self) -> str | None:
        """The path of the page that people will look at, as it was given; None without one."""
        return next((str(path) for kind, path in self.files if kind == "html"), None)

    @property
    def pictures(self) -> bool:
        """Whether any of them shows pictures."""
        return any(_form(kind).pictures for kind in {self.shown, *(kind for kind, _ in self.files)})


def plan(shown: str, outputs: Iterable[str], *, brief: bool, top_k: int = 10) -> Plan:
    """Raises UsageError for a format that does not exist or a folder that is missing.

    `top_k`: so many of the most drifted images are named.
    """
    formats = Formats(SHOWN, registry.kinds("reports"), foldable=True)
    return replace(plan_of(shown, outputs, formats, brief=brief), top_k=top_k)


def plan_of(shown: str, outputs: Iterable[str], formats: Formats, *, brief: bool) -> Plan:
    """As `plan`, for a command with formats of its own."""
    _known(shown, formats.shown, "--format")
    files: list[tuple[str, Path]] = []
    folders: set[Path] = set()
    for text in outputs:
        kind, equals, name = text.partition("=")
        if not equals or not name:
            raise UsageError(
                f"--output {safe_name(text)}: not FORMAT=PATH", "for example -o json=result.json"
            )
        _known(kind, formats.files, "--output")
        path = Path(name)
        if not path.parent.is_dir():
            raise UsageError(
                f"--output {safe_name(text)}: there is no folder {safe_name(str(path.parent))}",
                "create it first",
            )
        if any(path.resolve() == other.resolve() for _, other in files):
            raise UsageError(f"--output {safe_name(name)}: named twice", "one file a report")
        if formats.foldable and _becomes_folder(kind, name):
            _folder.check(path)
            folders.add(path)
        else:
            _check_file(path, f"--output {safe_name(text)}")
        files.append((kind, path))
    return Plan(shown, tuple(files), brief, frozenset(folders))


def _form(kind: str) -> type[ReportFormat]:
    return registry.load("reports", kind)


def _becomes_folder(kind: str, name: str) -> bool:
    form = _form(kind)
    return form.folder and (not form.single or name.endswith(("/", os.sep)) or Path(name).is_dir())


def _check_file(path: Path, option: str) -> None:
    if path.is_dir():
        raise UsageError(f"{option}: is a folder", "name a file")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InternalError(f"{safe_name(str(path))} is not writable", "check permissions")


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
    gallery: Gallery | None = None,
    notify: Callable[[], None] = lambda: None,
) -> None:
    """Files first, then whoever is to be notified: if one fails (4), standard output stays empty.

    `gallery`: for a plan with pictures.
    """
    top_k = chosen.top_k
    for kind, path in chosen.files:
        if path in chosen.folders:
            _folder.write(path, _made(kind, top_k=top_k).files(report, gallery or _no_pictures()))
        else:
            write(path, _render(kind, report, gallery, width=100, top_k=top_k, is_file=os.path.isfile))
    if "github" in {chosen.shown, *(kind for kind, _ in chosen.files)}:
        _github.publish(report, terminal, top_k=top_k)
    notify()
    look: dict[str, Any] = {"top_k": top_k}
    if chosen.shown == "text":
        look |= {"width": terminal.width(), "color": terminal.colour(), "quiet": chosen.brief}
        look |= {"ascii": not terminal.unicode()}
    terminal.put(_render(chosen.shown, report, gallery, **look), utf8=chosen.shown != "text")


def _no_pictures() -> Gallery:
    from driftcli.pictures.picture import Gallery

    return Gallery(reason="no pictures were made")


def _render(kind: str, report: Report, gallery: Gallery | None, **look: Any) -> str:
    made = _made(kind, **look)
    text: str = made.render(report, gallery or _no_pictures()) if made.pictures else made.render(report)
    return text


def _made(kind: str, **look: Any) -> Any:
    """The format with those of the wishes that it has a field for."""
    form: Any = registry.load("reports", kind)
    accepted = {field.name for field in fields(form)}
    return form(**{name: value for name, value in look.items() if name in accepted})
