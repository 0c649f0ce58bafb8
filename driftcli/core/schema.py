"""What saved arrays must be: names, types, shapes tied together by symbols, ranges. Checked once, before anything is computed.

Whoever learns something that is saved declares it as `Array`s in its own file; whoever loads it calls `check`. What is
not declared is not handed on, so that no code behind the check meets an array that nobody looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.core.features import State

FAR = 1e15
"""Larger numbers are no measurement of an image; their squares still fit float32."""
_DIMENSION = re.compile(r"(?:(\d+) )?(.*?)(?: \+ (\d+))?", re.DOTALL)


class ContentError(ValueError):
    """An array or value that is not what it was declared to be, in words that follow the name of what holds it."""


@dataclass(frozen=True, slots=True)
class Array:
    """One array of a State, or all whose names begin alike."""

    name: str
    """`*` at its end: any number of arrays whose names begin so."""
    dtype: str
    """numpy's name of the type; several, separated by `|`."""
    shape: tuple[int | str, ...] | None = None
    """Numbers and symbols. A symbol is the same number wherever it stands, at least 1: `2 p` is twice `p`, `n + 1` one more
    than `n`; `*` is any number, perhaps 0. None: any shape."""
    least: float = -FAR
    most: float = FAR
    nan: bool = False
    """NaN is a value that is missing."""
    infinite: bool = False
    """Infinity is a scale that silences what it divides."""
    rising: bool = False
    """No value is below the one before it."""
    group: str | None = None
    """Not in every State: all arrays of one group are there, or none."""

    def under(self, prefix: str, symbols: Mapping[str, str] = MappingProxyType({})) -> Array:
        """The same with a prefix before the name and other words for symbols."""

        def other(dimension: int | str) -> int | str:
            if isinstance(dimension, int):
                return dimension
            times, symbol, more = _parts(dimension)
            name = symbols.get(symbol, symbol)
            return f"{times} {name} + {more}" if more else f"{times} {name}" if times > 1 else name

        shape = None if self.shape is None else tuple(other(dimension) for dimension in self.shape)
        group = None if self.group is None else f"{prefix}{self.group}"
        return replace(self, name=f"{prefix}{self.name}", shape=shape, group=group)


def check(
    state: State, declared: Sequence[Array], sizes: MutableMapping[str, int]
) -> dict[str, NDArray[Any]]:
    """The declared arrays of a State, each as declared. Raises ContentError.

    `sizes`: what symbols stand for; those met for the first time are added.
    """
    found: dict[str, NDArray[Any]] = {}
    groups: dict[str, set[bool]] = {}
    for array in declared:
        names = _named(array, state)
        if array.group is not None:
            groups.setdefault(array.group, set()).add(bool(names))
        elif not names and not array.name.endswith("*"):
            raise ContentError(f"has no array {array.name!a}")
        for name in names:
            _check_one(name, state[name], array, sizes)
            found[name] = state[name]
    if torn := sorted(group for group, there in groups.items() if len(there) > 1):
        raise ContentError(f"has only some of the arrays of {torn[0]!a}")
    return found


def text(state: State, name: str) -> str:
    """The text that an array of bytes holds. Raises ContentError where it is no UTF-8."""
    try:
        return state[name].tobytes().decode()
    except UnicodeDecodeError as error:
        raise ContentError(f"has bytes in {name!a} that are no text") from error


def _named(array: Array, state: State) -> list[str]:
    if not array.name.endswith("*"):
        return [array.name] if array.name in state else []
    return sorted(name for name in state if name.startswith(array.name[:-1]))


def _check_one(name: str, values: NDArray[Any], array: Array, sizes: MutableMapping[str, int]) -> None:
    if values.dtype.name not in array.dtype.split("|"):
        raise ContentError(f"has numbers of type {values.dtype.name} in {name!a}, not {array.dtype}")
    if array.shape is not None:
        _check_shape(name, values.shape, array.shape, sizes)
    if values.size and (values.dtype.kind == "f" or (array.least, array.most) != (-FAR, FAR)):
        _check_values(name, values, array)
    if array.rising and values.size and bool((values[1:] < values[:-1]).any()):
        raise ContentError(f"has numbers in {name!a} that should rise and fall")


def _check_shape(
    name: str, shape: tuple[int, ...], wanted: tuple[int | str, ...], sizes: MutableMapping[str, int]
) -> None:
    right = len(shape) == len(wanted)
    for length, dimension in zip(shape, wanted, strict=False):
        if dimension == "*":
            continue
        if isinstance(dimension, int):
            right = right and length == dimension
            continue
        times, symbol, more = _parts(dimension)
        if symbol not in sizes and right and (length - more) % times == 0 and length > more:
            sizes[symbol] = (length - more) // times
        right = right and length == times * sizes.get(symbol, -1) + more
    if not right:
        said = [f"{w} = {sizes[w]}" if isinstance(w, str) and w in sizes else str(w) for w in wanted]
        raise ContentError(f"has {name!a} of shape {list(shape)}, not [{', '.join(said)}]")


def _parts(dimension: str) -> tuple[int, str, int]:
    """Of `2 p + 1`: 2, p and 1."""
    match = _DIMENSION.fullmatch(dimension)
    times, symbol, more = match.groups() if match else (None, dimension, None)
    return int(times or 1), str(symbol), int(more or 0)


def _check_values(name: str, values: NDArray[Any], array: Array) -> None:
    """Two passes over the array: NaN makes both extremes NaN, and every comparison with it false."""
    if values.dtype == np.float16 and _plain_half(values, array):
        return
    least, most = float(values.min()), float(values.max())
    if array.nan and not least <= most:
        known = values[~np.isnan(values)]
        least, most = (float(known.min()), float(known.max())) if known.size else (array.least, array.least)
    if not least <= most:
        raise ContentError(f"has a number that is none (NaN) in {name!a}")
    if array.infinite and most == np.inf:
        most = float(np.max(values, where=values < np.inf, initial=least if least < np.inf else array.least))
        least = min(least, most)
    if not array.least <= least or not most <= array.most:
        wrong = least if not array.least <= least else most
        raise ContentError(f"has {wrong:g} in {name!a}, outside {array.least:g} .. {array.most:g}")


def _plain_half(values: NDArray[Any], array: Array) -> bool:
    """Whether half floats are finite, where that is all that is asked: by their exponents, which is four times faster."""
    if (array.least, array.most) != (-FAR, FAR) or not values.flags.c_contiguous:
        return False
    return int((values.view(np.uint16) & 0x7FFF).max()) < 0x7C00  # noqa: PLR2004 - infinity's bits
