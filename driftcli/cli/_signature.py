"""A command from a dataclass: its fields are the options, and Typer sees them as one flat signature.

A field whose type is itself a dataclass is a group; its fields stand in its place, in order. Typer reads the
signature, parses the command line, and the command gets the dataclass back with its groups filled: typed values
instead of names retyped in every command.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from inspect import Parameter, Signature
from typing import Any, Protocol, TypeVar

import typer

from driftcli.cli import session
from driftcli.cli.groups import Common


class Asked(Protocol):
    """What every command's dataclass has."""

    @property
    def common(self) -> Common:
        """The options that all commands share."""


Options = TypeVar("Options", bound=Asked)
Flat = Mapping[str, Any]
"""Values by parameter, as Typer passes them."""


def command(
    options: type[Options],
) -> Callable[[Callable[[Options, session.Session], int]], Callable[..., int]]:
    """A decorator that makes `verb(asked: Options, run: Session) -> int` a command for Typer.

    The settings are resolved (and printed for `--show-config`) before the verb's body begins; its exit code is
    what the body returns. Raises UsageError for anything wrong in options, environment or file.
    """

    def decorate(verb: Callable[[Options, session.Session], int]) -> Callable[..., int]:
        def called(context: typer.Context, **flat: Any) -> int:
            asked = filled(options, flat)
            run = session.begin(context, asked.common, flat)
            return verb(asked, run)

        called.__name__, called.__qualname__ = verb.__name__, verb.__qualname__
        called.__module__, called.__doc__ = verb.__module__, verb.__doc__
        called.__annotations__ = {}  # the signature holds evaluated ones
        context = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        typing.cast("Any", called).__signature__ = Signature(
            [context, *parameters(options)], return_annotation=int
        )
        return called

    return decorate


def parameters(options: type) -> Iterator[Parameter]:
    """Every option of a command's dataclass, flat, in the order of its help."""
    hints = _hints(options)
    for field in fields(options):
        kind = hints[field.name]
        if is_dataclass(kind) and isinstance(kind, type):
            yield from parameters(kind)
        else:
            default = Parameter.empty if field.default is MISSING else field.default
            yield Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def filled(options: type[Options], flat: Flat) -> Options:
    """The dataclass with its groups, from the flat values."""
    return typing.cast("Options", _filled(options, flat))


def _filled(options: type, flat: Flat) -> Any:
    hints = _hints(options)
    return options(
        **{
            name: _filled(kind, flat) if is_dataclass(kind) and isinstance(kind, type) else flat[name]
            for name, kind in hints.items()
        }
    )


@cache
def _hints(options: type) -> dict[str, Any]:
    """Field -> its type, evaluated, with the option it is annotated with."""
    return typing.get_type_hints(options, include_extras=True)
