"""What `power` is asked to measure: changes, shares, batch sizes; checked before anything is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypedDict, Unpack

from driftcli.calibration.paired import Change
from driftcli.core.errors import UsageError
from driftcli.core.registry import kinds
from driftcli.core.text import safe_name

CORRUPTIONS = (
    "gaussian_blur", "motion_blur", "gaussian_noise", "jpeg", "darken", "low_contrast", "white_balance", "occlusion",
)  # fmt: skip
ALL = "all"
SEVERITIES = (1.0, 2.0, 3.0)
SHARES = (1.0, 0.3, 0.1)
BATCHES = (10, 20, 50, 100)
TRIALS = 50
IMAGES = 256
SMALLEST_BATCH = 2
LARGEST = 100_000
"""No batch, no number of trials and no pool is larger: a typing mistake, not a wish."""


@dataclass(frozen=True)
class Plan:
    """The grid of cells, every axis ascending, and how much is spent on each of them."""

    corruptions: tuple[str, ...] = CORRUPTIONS
    severities: tuple[float, ...] = SEVERITIES
    shares: tuple[float, ...] = tuple(sorted(SHARES))
    batches: tuple[int, ...] = BATCHES
    trials: int = TRIALS
    images: int = IMAGES
    foreign: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """All pairs of a corruption and a severity."""
        return tuple(Change(name, severity) for name in self.corruptions for severity in self.severities)


class Axes(TypedDict, total=False):
    """What a study is asked for; what is not named is as in `Plan`."""

    corruption: Sequence[str]
    """Names, or `all`."""
    severity: Iterable[float]
    """1 to 5."""
    share: Iterable[float]
    """Of a batch's images that are changed, above 0 and at most 1."""
    batch: Iterable[float]
    """Images in a batch."""
    trials: int
    """Batches a cell."""
    images: int | None
    """At most so many are drawn from; None: 256, or twice the largest batch."""
    foreign: Sequence[str]
    """Sources of images of another kind."""


def make(**asked: Unpack[Axes]) -> Plan:
    """The checked plan of a study: every axis sorted, each value once.

    Raises UsageError for a value that cannot be measured.
    """
    severity, share = asked.get("severity", SEVERITIES), asked.get("share", SHARES)
    severities = _axis("severity", severity, 1, 5, "severities are 1 to 5")
    shares = _axis("share", share, 1e-6, 1, "shares are above 0 and at most 1, such as 30%")
    batches = _axis(
        "batch",
        asked.get("batch", BATCHES),
        SMALLEST_BATCH,
        LARGEST,
        "batch sizes are whole numbers from 2 on",
    )
    if any(size != int(size) for size in batches):
        raise UsageError("batch: a size is no whole number", "for example --batch 10,50")
    sizes = tuple(int(size) for size in batches)
    trials, most = asked.get("trials", TRIALS), asked.get("images")
    most = max(IMAGES, 2 * sizes[-1]) if most is None else most
    for name, value, least in (("trials", trials, 1), ("images", most, 2 * sizes[0])):
        if not least <= value <= LARGEST:
            raise UsageError(
                f"{name}: {value} is not between {least} and {LARGEST:,}", "see driftcli power --help"
            )
    corruptions = _named(asked.get("corruption", CORRUPTIONS))
    return Plan(corruptions, severities, shares, sizes, trials, most, tuple(asked.get("foreign", ())))


def _named(wanted: Sequence[str]) -> tuple[str, ...]:
    wanted = [wanted] if isinstance(wanted, str) else wanted
    known = kinds("corruptions")
    if ALL in wanted:
        return known
    for name in wanted:
        if name not in known:
            bare, _, much = name.partition(":")
            if bare in known:
                raise UsageError(
                    f"corruption: {safe_name(name)!r} is more than a name",
                    f"how much stands beside it: --corruption {bare} --severity {safe_name(much) or 3}",
                )
            close = get_close_matches(name, [*known, ALL], 1)
            hint = f"did you mean {close[0]!r}?" if close else f"{ALL}, or one of {', '.join(known)}"
            raise UsageError(f"corruption: there is no {safe_name(name)!r}", hint)
    if not wanted:
        raise UsageError("corruption: none is named", f"one of {', '.join(known)}, or {ALL}")
    return tuple(dict.fromkeys(wanted))


def _axis(name: str, values: Iterable[float], least: float, most: float, hint: str) -> tuple[float, ...]:
    """The values once each, ascending."""
    ascending = tuple(sorted(set(values)))
    if not ascending:
        raise UsageError(f"{name}: no value is given", hint)
    for value in ascending:
        if not least <= value <= most:
            raise UsageError(f"{name}: {value:g} is none", hint)
    return ascending


def numbers(name: str, text: str) -> list[float]:
    """The numbers that an option's text lists: `1,2,3`, or `100%,30%` as 1 and 0.3. Raises UsageError.

    `name`: the option's, for the error.
    """
    values = []
    for part in text.split(","):
        digits, percent, rest = part.strip().partition("%")
        try:
            value = float(digits)
        except ValueError:
            value = float("nan")
        if rest or not abs(value) < float("inf"):
            raise UsageError(
                f"{name}: {safe_name(part.strip())!r} is no number",
                f"numbers with commas, such as --{name} {_EXAMPLES[name]}",
            )
        values.append(value / 100 if percent else value)
    return values


_EXAMPLES = {"severity": "1,2,3", "share": "100%,30%,10%", "batch": "10,20,50,100"}
