"""Where a report goes: chosen before the audit, so that a wrong path costs nothing; written before the exit code."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftcli.cli import _destinations as to
from driftcli.cli import _folder, _github
from driftcli.cli._forms import SHOWN
from driftcli.core import registry
from driftcli.core.errors import UsageError
from driftcli.core.output import write
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from driftcli.cli.console import Terminal
    from driftcli.core.report import Report
    from driftcli.pictures.picture import Gallery
    from driftcli.reports.base import ReportFormat


INDEX = "index.html"
"""The page of a report that is a folder."""


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
    def page(self) -> Path | None:
        """The page that people will look at; None without one."""
        pages = [path for kind, path in self.files if kind == "html"]
        return None if not pages else pages[0] / INDEX if pages[0] in self.folders else pages[0]

    @property
    def pictures(self) -> bool:
        """Whether any of them shows pictures."""
        return any(_form(kind).pictures for kind in {self.shown, *(kind for kind, _ in self.files)})


def plan(
    shown: str, outputs: Iterable[str], *, brief: bool, top_k: int = 10, inputs: Iterable[str | None] = ()
) -> Plan:
    """Raises UsageError for a format that does not exist, or a path that cannot be or is among `inputs`.

    `top_k`: so many of the most drifted images are named.
    """
    formats = Formats(SHOWN, registry.kinds("reports"), foldable=True)
    return replace(plan_of(shown, outputs, formats, brief=brief, inputs=inputs), top_k=top_k)


def plan_of(
    shown: str, outputs: Iterable[str], formats: Formats, *, brief: bool, inputs: Iterable[str | None] = ()
) -> Plan:
    """As `plan`, for a command with formats of its own."""
    to.require_known(shown, formats.shown, "--format")
    files: list[tuple[str, Path]] = []
    folders: set[Path] = set()
    asked = tuple(outputs)
    # Every format is loaded for this: only where a file is asked for at all.
    foldable = [kind for kind in formats.files if _form(kind).folder] if formats.foldable and asked else []
    for text in asked:
        kind, name = to.parsed(text, formats.files, folders=foldable)
        path, option = Path(name), f"--output {safe_name(text)}"
        if formats.foldable:
            _form(kind).require()
        if any(path.resolve() == other.resolve() for _, other in files):
            raise UsageError(f"--output {safe_name(name)}: named twice", "one file a report")
        folder = kind in foldable and _becomes_folder(kind, name)
        to.require_no_input(path, inputs, option, folder=folder, picture=kind == "plot")
        if folder:
            _folder.check(path)
            folders.add(path)
        else:
            to.require_file(path, option)
        files.append((kind, path))
    for _, path in files:
        within = next((folder for folder in folders if folder.resolve() in path.resolve().parents), None)
        if within is not None:
            raise UsageError(
                f"--output {safe_name(str(path))}: lies in {safe_name(str(within))}, a report of its own",
                "name a path beside it: a folder holds one report and nothing else",
            )
    return Plan(shown, tuple(files), brief, frozenset(folders))


def _form(kind: str) -> type[ReportFormat]:
    return registry.load("reports", kind)


def _becomes_folder(kind: str, name: str) -> bool:
    form = _form(kind)
    return form.folder and (not form.single or name.endswith(("/", os.sep)) or Path(name).is_dir())


def deliver(
    chosen: Plan,
    report: Report,
    terminal: Terminal,
    *,
    gallery: Gallery | None = None,
    notify: Callable[[], None] = lambda: None,
    silent: bool = False,
) -> None:
    """Files first: if one fails (4), standard output stays empty. Then standard output, then whoever is to be notified.

    Nobody waits for the report while somebody is slow to be told; what fails there (`--strict-notify`, 4) stands
    beside a report that is out. `gallery`: for a plan with pictures. `silent`: all that the report could say stands there already.
    """
    top_k = chosen.top_k
    for kind, path in chosen.files:
        if path in chosen.folders:
            _folder.write(path, _made(kind, top_k=top_k).files(report, gallery or _no_pictures()))
        elif _form(kind).binary:
            write(path, _made(kind).data(report))
        else:
            look = {"width": 100, "top_k": top_k, "is_file": os.path.isfile, "full": True}
            write(path, _render(kind, report, gallery, **look))
    if "github" in {chosen.shown, *(kind for kind, _ in chosen.files)}:
        _github.publish(report, terminal, top_k=top_k)
    if not silent:
        _show(chosen, report, terminal, gallery)
    notify()


def _show(chosen: Plan, report: Report, terminal: Terminal, gallery: Gallery | None) -> None:
    look: dict[str, Any] = {"top_k": chosen.top_k}
    if chosen.shown == "text":
        look |= {"width": terminal.width(), "color": terminal.colour(), "quiet": chosen.brief}
        look |= {"ascii": not terminal.unicode(), "full": terminal.verbose > 0}
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


def show(
    chosen: Plan,
    forms: Mapping[str, Callable[[], str]],
    brief: Callable[[], str],
    text: Callable[..., str],
    terminal: Terminal,
) -> None:
    """On standard output what a command without pictures was asked for: a form as it is, one line, or text for this terminal.

    `text` takes `width`, `color` and `ascii_only`.
    """
    if chosen.shown != "text":
        terminal.put(forms[chosen.shown](), utf8=True)
    elif chosen.brief:
        terminal.put(f"{brief()}\n")
    else:
        width, ascii_only = terminal.width(), not terminal.unicode()
        terminal.put(text(width=width, color=terminal.colour(), ascii_only=ascii_only))
