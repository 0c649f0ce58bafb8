"""Help pages as plain text in sections: quick to start, the same in a terminal, a log and a pipe."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Command(TyperCommand):
    """One verb; its options under the headings that `options.py` names."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        arguments = [param for param in self.get_params(ctx) if param.param_type_name == "argument"]
        return ["[OPTIONS]", *(_metavar(param) for param in arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_sections(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        _write_verbatim(self.epilog, formatter)


class Group(TyperGroup):
    """All verbs."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        rows = [
            (name, command.get_short_help_str(80))
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name)) and not command.hidden
        ]
        with formatter.section(_heading("Commands")):
            formatter.write_dl(rows)
        _write_sections(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        _write_verbatim(self.epilog, formatter)


def _write_sections(command: Any, ctx: Any, formatter: Any) -> None:
    for title, rows in _sections(command, ctx):
        with formatter.section(_heading(title)):
            formatter.write_dl(rows)


def _sections(command: Any, ctx: Any) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Arguments first, then each heading in the order of its first option; "Common" last."""
    found: dict[str, list[tuple[str, str]]] = {}
    for param in command.get_params(ctx):
        if param.param_type_name == "argument":
            found.setdefault("Arguments", []).append((_metavar(param), param.help or ""))
        elif record := param.get_help_record(ctx):
            found.setdefault(getattr(param, "rich_help_panel", None) or "Options", []).append(record)
    last = ("Common", "Options")
    yield from ((title, rows) for title, rows in found.items() if title not in last)
    rest = [row for title in last for row in found.get(title, [])]
    if rest:
        yield ("Common options" if "Common" in found else "Options"), rest


def _write_verbatim(text: str | None, formatter: Any) -> None:
    if text:
        formatter.write("\n" + inspect.cleandoc(text) + "\n")


def _metavar(param: Any) -> str:
    return str(param.metavar or param.name.upper())


def _heading(title: str) -> str:
    return typer.style(title, bold=True)
