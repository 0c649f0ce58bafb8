"""What `simulate` is asked for, read and checked, from the command line or Python. All raise UsageError."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence

from driftcli.core import registry
from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name
from driftcli.corruptions.base import Corruption
from driftcli.simulation.write_copy import ClassShift, Plan, Step


def make(
    steps: Sequence[Step],
    share: float,
    class_shares: Sequence[ClassShift],
    mixtures: Sequence[tuple[str, float]],
) -> Plan:
    """The plan of a drifted copy in which something happens: `steps` to `share` of the images, the rest to the set."""
    if not (steps or class_shares or mixtures):
        raise UsageError(
            "nothing is to happen to the images", "add --corruption NAME, --knock-out, --class-share or --mix"
        )
    return Plan(tuple(steps), share, tuple(class_shares), tuple(mixtures))


def step(text: str, severity: float) -> Step:
    """`gaussian_blur:2`, a severity, or `gaussian_noise:127gl`, an amount with its unit; checked.

    `severity`: where the text has none.
    """
    name, colon, given = text.partition(":")
    there = registry.kinds("corruptions")
    if name not in there:
        close = difflib.get_close_matches(name, there, n=1)
        raise UsageError(
            f"no corruption {safe_name(name)!r}",
            f"did you mean {close[0]}?" if close else "see driftcli simulate --list",
        )
    kind: Corruption = registry.load("corruptions", name)()
    measured = _AMOUNT.fullmatch(given)
    if measured:
        return _in_units(kind, name, measured["number"], measured["symbol"])
    try:
        wanted = float(given) if colon else severity
        return Step(name, wanted, kind.amount(wanted))
    except ValueError:
        shown = safe_name(given if colon else str(severity))
        raise UsageError(
            f"{name}: severity must be between 1 and 5, not {shown!r}",
            f"such as {name}:3; an amount needs its unit: {_example(kind, name, shown)}",
        ) from None


_AMOUNT = re.compile(r"(?P<number>[-+]?(?:\d+\.?\d*|\.\d+))\s*(?P<symbol>[^\d\s.].*)")
"""A number with something behind it; what is behind it decides whether that is a unit."""


def _in_units(kind: Corruption, name: str, number: str, symbol: str) -> Step:
    """An amount in the corruption's own unit; one that a severity stands for too is that severity."""
    if symbol.lower() != kind.symbol:
        raise UsageError(
            f"{name} is not counted in {safe_name(symbol)!r}",
            f"its amounts are {kind.unit}, such as {_example(kind, name)}; without a unit it is a severity",
        )
    amount, (least, most) = float(number), kind.bounds
    if not least <= amount <= most:
        raise UsageError(
            f"{name}: {amount:g} {kind.symbol} cannot be",
            f"from {least:g} to {most:.7g} {kind.symbol}, in {kind.unit}; such as {_example(kind, name)}",
        )
    return Step(name, kind.severity(amount), amount)


def _example(kind: Corruption, name: str, given: str = "") -> str:
    """An amount as it is written: what was given where that can be one, else that of severity 4."""
    try:
        amount = float(given)
    except ValueError:
        amount = math.nan
    least, most = kind.bounds
    return f"{name}:{amount if least <= amount <= most else kind.amounts[3]:g}{kind.symbol}"


def share_of(text: str, option: str) -> float:
    """`30%` or `0.3`."""
    number, percent, _ = text.strip().partition("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise UsageError(f"{option}: {safe_name(text)!r} is no share", "such as 30% or 0.3")
    return share


def _parted(text: str, option: str, form: str) -> tuple[str, float]:
    """What stands before the last colon, and the share after it."""
    first, colon, share = text.rpartition(":")
    if not (first and colon):
        raise UsageError(f"{option}: {safe_name(text)!r} is not of the form {form}", f"{option} {form}")
    return first, share_of(share, option)


def mixture(text: str) -> tuple[str, float]:
    """`SOURCE:SHARE`."""
    name, share = _parted(text, "--mix", "SOURCE:SHARE")
    if name == "-":
        raise UsageError(
            "--mix: standard input cannot be mixed in", "name a folder, an archive or a manifest"
        )
    return name, share


def _class(text: str, option: str) -> tuple[str, str]:
    """KEY and VALUE around the last equals sign."""
    key, equals, value = text.rpartition("=")
    if not (key and equals):
        raise UsageError(f"{option}: {safe_name(text)!r} names no KEY=VALUE", f"{option} folder=cats")
    return key, value


def knock_out(text: str) -> ClassShift:
    """`KEY=VALUE`: none of that class."""
    return ClassShift(*_class(text, "--knock-out"))


def class_share(text: str) -> ClassShift:
    """`KEY=VALUE:SHARE`."""
    named, share = _parted(text, "--class-share", "KEY=VALUE:SHARE")
    return ClassShift(*_class(named, "--class-share"), share)
