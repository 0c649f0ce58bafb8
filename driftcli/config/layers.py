"""One layer of configuration (the file, one option, one variable) against the settings: checked, or explained."""

from __future__ import annotations

import json
import os
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from driftcli.config.settings import Settings
from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name
from driftcli.extractors.base import kinds

Tree = dict[str, Any]
Where = Callable[[tuple[str | int, ...], bool], str]
"""How an error line starts (place and key), for a path into the layer; True when the key itself is wrong."""

SHARES = frozenset(
    {
        "gate.alpha",
        "gate.tolerance",
        "gate.max_unreadable",
        "gate.max_loss_increase",
        "fit.holdout",
        "harm.tolerance",
        "harm.alpha",
        "harm.max_accuracy_drop",
    }
)
RISE = "gate.max_loss_increase"
"""A share that may exceed 1: above it the percent sign is asked for."""
_PERCENT = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*%\s*")
_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}
_SECTION = {"model_type", "dataclass_type", "model_attributes_type"}


# ---------------------------------------------------------------- trees and dotted keys


def leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of everything below a model, a dataclass or a mapping."""
    if isinstance(value, BaseModel):
        children = [(name, getattr(value, name)) for name in type(value).model_fields]
    elif is_dataclass(value):
        children = [(field.name, getattr(value, field.name)) for field in fields(value)]
    elif isinstance(value, Mapping):
        children = list(value.items())
    else:
        yield prefix, value
        return
    for name, child in children:
        yield from leaves(child, f"{prefix}.{name}" if prefix else str(name))


def remembered(stored: Mapping[str, Any]) -> Tree:
    """An artifact's settings with what decided about pixels before it was written down: preprocessing was version 1."""
    return {**stored, "decode": {"version": 1, **stored["decode"]}} if "decode" in stored else dict(stored)


@cache
def known() -> tuple[str, ...]:
    """Every dotted key there is."""
    return tuple(key for key, _ in leaves(Settings()))


def nest(dotted: Mapping[str, Any]) -> Tree:
    """`{"gate.alpha": 0.05}` as `{"gate": {"alpha": 0.05}}`."""
    tree: Tree = {}
    for key, item in dotted.items():
        *sections, last = key.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        branch[last] = item
    return tree


# ---------------------------------------------------------------- text, as options and variables bring it


def read(key: str, value: Any, where: str, *, split: bool = False) -> Any:
    """An option's value as the setting `key` wants it: text is read as its type, the rest kept.

    `split`: a list may come as one text with commas. Raises UsageError.
    """
    value = os.fspath(value) if isinstance(value, os.PathLike) else value
    annotation = _annotation(key)
    if typing.get_origin(annotation) is tuple:
        items = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
        if split:
            items = [part.strip() for item in items for part in str(item).split(",") if part.strip()]
        return items
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "none" and type(None) in typing.get_args(annotation):
        return None
    if key in SHARES and _PERCENT.fullmatch(value):
        return value
    try:
        return TypeAdapter(annotation).validate_strings(value)
    except ValidationError as error:
        said = _said(error.errors(include_url=False))
        given = safe_name(value)
        raise UsageError(f"{where}: {said} (got {given!r})", _hint_for(key, value, said)) from error


def _annotation(key: str) -> Any:
    """The declared type of a setting, without its bounds: those are checked with the whole."""
    kind: Any = Settings
    for name in key.split("."):
        if issubclass(kind, BaseModel):
            kind = kind.model_fields[name].annotation
        else:
            kind = typing.get_type_hints(kind)[name]
    return kind


# ---------------------------------------------------------------- checking


def check(tree: Tree, where: Where, *, as_written: bool = True) -> Tree:
    """The layer with its percentages, aliases and empty sections made plain, once all of it is right.

    `as_written`: a person wrote its values; those of layers that were checked before have lost their percent signs.
    Raises UsageError that names every mistake, each with its place.
    """
    if as_written:
        _refuse_bare_percentages(tree, where)
    tree = _plain(tree, "")
    try:
        Settings.model_validate_json(json.dumps(tree), strict=True)
    except ValidationError as error:
        raise _explain(error, tree, where) from error
    except (ValueError, TypeError) as error:  # an object of no JSON type
        raise UsageError(f"{where((), False)}: {safe_name(str(error))}", _SEE) from error
    return tree


def _refuse_bare_percentages(tree: Tree, where: Where) -> None:
    """Raise UsageError for a rise such as 20, which may be a share of 2,000 % and was meant as 20 %."""
    for key, value in leaves(tree):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if key == RISE and number and value > 1:
            place = where(tuple(key.split(".")), False)
            raise UsageError(
                f"{place}: {value:g} is a rise of {value:,.0%}, and is not taken without the sign",
                f"did you mean {value:g}%? Else write {100 * value:g}%",
            )


def _plain(value: Any, key: str) -> Any:
    if value is None and key in _sections():
        return {}  # a section whose keys are all commented out
    if isinstance(value, Mapping):
        return {name: _plain(item, f"{key}.{name}" if key else name) for name, item in value.items()}
    if key in SHARES and isinstance(value, str) and (found := _PERCENT.fullmatch(value)):
        return float(found[1]) / 100
    if key == "extractors.methods" and isinstance(value, Sequence) and not isinstance(value, str):
        aliases = {extractor.alias: kind for kind, extractor in kinds().items() if extractor.alias}
        return [aliases.get(item, item) if isinstance(item, str) else item for item in value]
    return list(value) if isinstance(value, tuple) else value


@cache
def _sections() -> frozenset[str]:
    return frozenset(key.rsplit(".", depth)[0] for key in known() for depth in range(1, key.count(".") + 1))


_SEE = "--show-config lists every key with its value"


def _explain(error: ValidationError, tree: Tree, where: Where) -> UsageError:
    """One line a place, however many types pydantic tried there; the first line's hint."""
    grouped: dict[tuple[str | int, ...], list[Any]] = {}
    for one in error.errors(include_url=False):
        grouped.setdefault(_inside(one["loc"], tree), []).append(one)
    for path in [p for p in grouped if any(q[: len(p)] == p != q for q in grouped)]:
        del grouped[path]  # what is wrong with a whole only because a part is wrong
    lines: list[str] = []
    hints: list[str] = []
    for path, found in grouped.items():
        unknown = found[0]["type"] in _UNKNOWN
        said = _said(found)
        got = _at(tree, path)
        lines.append(f"{where(path, unknown)}: {'unknown key' if unknown else said + _got(got)}")
        hints.append(_suggest(path) if unknown else _hint_for(".".join(map(str, path)), got, said))
    return UsageError("\n".join(lines[:8]), next((hint for hint in hints if hint != _SEE), _SEE))


def _inside(loc: Sequence[str | int], tree: Tree) -> tuple[str | int, ...]:
    """The part of pydantic's location that points into the tree, without the types it tried."""
    path: list[str | int] = []
    here: Any = tree
    for step in loc:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            break
        path.append(step)
    return tuple(path)


def _at(tree: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _said(found: Sequence[Any]) -> str:
    words = [*dict.fromkeys(_say(one) for one in found)]
    return " or ".join([words[0], *(word.removeprefix("should be ") for word in words[1:])])


def _say(one: Any) -> str:
    if one["type"] in _SECTION:
        return "must be a section of keys"
    if one["type"] == "string_pattern_mismatch":
        return "is not one of the accepted words"
    if one["type"] == "json_invalid":
        return "is not Unicode text"
    message = str(one["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return message.partition(", unable to parse")[0]


def _got(value: Any) -> str:
    if isinstance(value, list | dict):
        return ""
    shown = repr(safe_name(value)) if isinstance(value, str) else json.dumps(value)
    return f" (got {shown[:60]})"


def _hint_for(key: str, value: Any, said: str) -> str:
    words = re.findall(r"'([^']+)'", said)
    if isinstance(value, str) and (close := get_close_matches(value, words, 1)):
        return f"did you mean {close[0]!r}?"
    if key in SHARES and "less than" in said and 1 < (number := _number(value)) < 100:  # noqa: PLR2004
        return f"did you mean {number:g}%?"
    if "valid number" in said:
        return "write a number, such as 0.05" + (" or 5%" if key in SHARES else "")
    if "valid string" in said:
        return "put the value in quotes"
    if key == "device":
        return "one of auto, cpu, cuda, cuda:N, mps"
    return _SEE


def _number(value: Any) -> float:
    """The number that a value is or spells, else NaN."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _suggest(path: Sequence[str | int]) -> str:
    """What the writer of an unknown key probably meant: a neighbour, or the same word elsewhere."""
    prefix, last = "".join(f"{step}." for step in path[:-1]), str(path[-1])
    here = [key.removeprefix(prefix).split(".")[0] for key in known() if key.startswith(prefix)]
    if last in known():
        section, _, key = last.rpartition(".")
        return f"nest it: {key!r} under {section!r}"
    if close := get_close_matches(last, here, 1):
        return f"did you mean {close[0]!r}?"
    elsewhere = [key for key in known() if key.rsplit(".", 1)[-1] == last.replace("-", "_")]
    if elsewhere or (elsewhere := get_close_matches(prefix + last, known(), 1)):
        return f"did you mean {elsewhere[0]!r}?"
    return f"known here: {', '.join(dict.fromkeys(here))}" if here else _SEE
