"""Numbers as people read them: no false precision, never rounded across the line that decides."""

# ruff: noqa: PLR2004  # where rounding changes is what this file is made of

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUS = "−"
DASH = "–"


def known(number: float | None) -> bool:
    """Whether there is a finite number to show."""
    return number is not None and math.isfinite(number)


def count(number: int) -> str:
    """`4,999`."""
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """`1 image`, `2,560 images`, `7 families`."""
    many = f"{noun[:-1]}ies" if noun.endswith("ily") else f"{noun}s"
    return f"{count(number)} {noun if number == 1 else many}"


def differing(some: int, of: int, noun: str) -> str:
    """`2 of 7 families differ`, `none of 7 families differs`."""
    return f"{count(some) if some else 'none'} of {plural(of, noun)} {'differ' if some > 1 else 'differs'}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def trim(digits: str) -> str:
    """`0.010` as `0.01`."""
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _decimals(number: float, significant: int) -> int:
    """Decimals that show so many significant digits of a number below 1."""
    return max(0, significant - 1 - math.floor(math.log10(abs(number)))) if number else 0


def p_value(p: float | None, alpha: float | None = None) -> str:
    """`0.0002`, `0.012`, `0.43`: two digits, and more where two would put p on alpha's other side."""
    if p is None or not math.isfinite(p):
        return DASH
    if p <= 0:
        return "0"
    decimals = 2 if p >= 0.1 else _decimals(p, 2)
    while alpha is not None and (round(p, decimals) <= alpha) != (p <= alpha) and decimals < 12:
        decimals += 1
    return trim(f"{p:.{decimals}f}")


def is_smallest(p: float | None, permutations: int | None) -> bool:
    """Whether p is 1/(B+1): no relabelling was as extreme as the batch, and fewer cannot be."""
    return (
        p is not None and permutations is not None and math.isclose(p * (permutations + 1), 1, rel_tol=1e-6)
    )


def p_phrase(p: float | None, permutations: int | None, alpha: float | None = None) -> str:
    """`p = 0.012`, or `p ≤ 0.0002 (the smallest that 4,999 permutations can give)`."""
    if not known(p):
        return "no p-value"
    if permutations is not None and is_smallest(p, permutations):
        return f"p ≤ {p_value(p, alpha)} (the smallest that {plural(permutations, 'permutation')} can give)"
    return f"p = {p_value(p, alpha)}"


def aligned(column: Sequence[str]) -> list[str]:
    """Decimal points under each other in a column that is set flush right."""
    ends = [len(cell.partition(".")[2]) + ("." in cell) for cell in column]
    return [cell + " " * (max(ends, default=0) - end) for cell, end in zip(column, ends, strict=True)]


def percent(share: float | None) -> str:
    """`43 %`, `4.3 %`, `0.4 %`; 100 % only for all, 0 % only for none."""
    if share is None or not math.isfinite(share):
        return DASH
    if share != 0 and abs(share) < 0.0001:
        return "< 0.01 %"
    decimals = _decimals(share * 100, 2) if abs(share) < 0.1 else 0
    while 0.1 <= share < 1 and round(share * 100, decimals) >= 100 and decimals < 3:
        decimals += 1
    return "> 99.9 %" if 0.1 <= share < 1 and decimals >= 3 else f"{trim(f'{share * 100:,.{decimals}f}')} %"


def at_least(share: float | None, above: float = 0.0) -> str:
    """A lower bound in percent, rounded down: `18 %`; with more digits where it must stay above a limit."""
    if share is None or not math.isfinite(share):
        return DASH
    if not 0 <= share <= 1:
        return percent(share)
    decimals = 0 if share >= 0.1 else 1
    while decimals < 6:
        scale = 10.0**decimals
        floored = math.floor(share * 100 * scale + 1e-9) / scale
        if (floored > above * 100) == (share > above):
            return f"{trim(f'{floored:.{decimals}f}')} %"
        decimals += 1
    return percent(share)


def signed(number: float, decimals: int) -> str:
    """`+1.9`, `−1.9`, `0`, with a real minus sign."""
    digits = f"{abs(number):,.{decimals}f}"
    if not float(digits.replace(",", "")):
        return "0"
    return f"{MINUS if number < 0 else '+'}{digits}"


def sd(shift: float | None) -> str:
    """`−1.9 sd`: one decimal, two below a tenth, none from ten on."""
    if shift is None or not math.isfinite(shift):
        return DASH
    size = abs(shift)
    return f"{signed(shift, 0 if size >= 9.95 else 1 if size >= 0.095 else 2)} sd"


def change(share: float | None) -> str:
    """A relative change: `−54 %`, `+1,100 %`."""
    if share is None or not math.isfinite(share):
        return DASH
    return f"{signed(share * 100, 0 if abs(share) >= 0.095 else 1)} %"


def value(number: float | None, digits: int = 3) -> str:
    """A measured value to three digits: `0.312`, `188`, `12,400`."""
    if number is None or not math.isfinite(number):
        return DASH
    shown = f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.{digits}g}"
    return shown.replace("-", MINUS, 1) if shown.startswith("-") else shown


def pair(left: float | None, right: float | None) -> tuple[str, str]:
    """Two values with as many digits as it takes to tell them apart, six at most."""
    for digits in (3, 4, 5, 6):
        shown = value(left, digits), value(right, digits)
        if shown[0] != shown[1]:
            break
    return shown
