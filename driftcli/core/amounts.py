"""Numbers and measured values as people write them: three digits, percentages, units."""

from __future__ import annotations

import math

PLAIN = range(3, 7)
"""Powers of ten that are written out."""


def number(value: float) -> str:
    """Three significant digits, without an exponent where a person would not write one."""
    short = f"{value:.3g}"
    _, _, power = short.partition("e")
    if power and int(power) in PLAIN:
        short = f"{float(short):.0f}"
    return "0" if float(short) == 0 else short.replace("-", "−", 1)


def percent(share: float) -> str:
    """A share as a whole percentage; never 0 or 100 for what is neither."""
    hundred = 100 * share
    if 0 < hundred < 1:
        return "under 1 %"
    return "over 99 %" if 0 < 100 - hundred < 1 else f"{hundred:.0f} %"


def fine_percent(share: float) -> str:
    """A measured share as a percentage with two digits: clipped pixels are counted in hundredths."""
    hundred = 100 * share
    if 0 < hundred < 0.01:  # noqa: PLR2004
        return "under 0.01 %"
    return f"{hundred:.2g} %" if 0 <= hundred < 10 else percent(share)  # noqa: PLR2004


def at_least(share: float) -> str:
    """A share of the baseline in whole percent, rounded down: it claims no more than was counted."""
    if share >= 1:
        return "all"
    if share <= 0:
        return "none"
    whole = int(100 * share + 1e-9)
    return f"{whole} %" if whole else "under 1 %"


def parts(value: float, unit: str) -> tuple[str, str]:
    """Number and unit; the unit is empty where the number says it: a share is a percentage.

    `log2 UNIT` is the code of a value that was measured as a logarithm: it is told as what it stands for.
    """
    if unit == "share":
        return fine_percent(value), ""
    if unit.startswith("log2"):
        value, unit = 2.0 ** min(max(value, -1000.0), 1000.0), unit.removeprefix("log2").strip()
    return number(value), unit


def amount(value: float, unit: str) -> str:
    """`12 px`, `8 %`, `1600 ISO`: a value with its unit."""
    return " ".join(part for part in parts(value, unit) if part)


def data_size(count: int) -> str:
    """`640 B`, `80 kB`, `3.4 MB`, `1.2 GB`: a number of bytes, of which a kB has 1,000."""
    if count < 1_000:  # noqa: PLR2004
        return f"{count} B"
    if count < 999_500:  # noqa: PLR2004 - what does not round to 1,000 kB
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e6:.1f} MB" if count < 999_950_000 else f"{count / 1e9:.1f} GB"  # noqa: PLR2004


def p_value(p: float, alpha: float | None = None) -> str:
    """`0.0002`, `0.012`, `0.43`: two digits, and more where two would put p on alpha's other side; never an exponent.

    The one spelling of a p-value, and of alpha, wherever people read it.
    """
    if p <= 0:
        return "0"
    decimals = 2 if p >= 0.1 else 1 - math.floor(math.log10(p))  # noqa: PLR2004
    while alpha is not None and (round(p, decimals) <= alpha) != (p <= alpha) and decimals < 12:  # noqa: PLR2004
        decimals += 1
    digits = f"{p:.{decimals}f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
