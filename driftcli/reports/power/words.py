"""What a result of `power` holds, as numbers and words that its page and its picture share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import numbers
from driftcli.reports.content.words import words

if TYPE_CHECKING:
    from driftcli.core.power_report import PowerCell, PowerReport, Rate

FOUND = 0.8
"""The rate from which a change counts as found."""
USUAL = 50
"""The batch size that the summary tells of, or the next larger one, or the largest."""
GATE, FOREIGN = "gate", "foreign"
UNITLESS = ("JPEG quality", "exponent")
"""What is said before its number."""


def corruptions(report: PowerReport) -> list[str]:
    """In the order of the cells."""
    return list(dict.fromkeys(cell.corruption for cell in report.cells))


def usual_size(report: PowerReport) -> int:
    """The batch size that stands for all."""
    sizes = sorted({cell.batch for cell in report.cells})
    return next((size for size in sizes if size >= USUAL), sizes[-1] if sizes else 0)


def largest_share(report: PowerReport) -> float:
    """Usually all images of the batch."""
    return max((cell.share for cell in report.cells), default=1.0)


def mildest(report: PowerReport, name: str, size: int, share: float) -> PowerCell | None:
    """The lowest severity (of foreign images the smallest share) that is found."""
    cells = [cell for cell in report.cells if cell.corruption == name and cell.batch == size]
    if name != FOREIGN:
        cells = [cell for cell in cells if cell.share == share]
    found = [cell for cell in cells if cell.rates[GATE].rate >= FOUND]
    return min(found, key=lambda cell: (cell.severity or 0, cell.share), default=None)


def strongest(report: PowerReport, name: str, size: int, share: float) -> PowerCell | None:
    """The highest severity that was tried (of foreign images the largest share)."""
    cells = [cell for cell in report.cells if cell.corruption == name and cell.batch == size]
    cells = [cell for cell in cells if name == FOREIGN or cell.share == share]
    return max(cells, key=lambda cell: (cell.severity or 0, cell.share), default=None)


def unit(cell: PowerCell) -> str:
    """The unit in short: `px` of `px at short side 224 (standard deviation)`."""
    return cell.short_unit or cell.unit or ""


def amount(cell: PowerCell) -> str:
    """`0.7 px`, `40 %`; `JPEG quality 60`, of what has no unit."""
    parts = (numbers.value(cell.amount), unit(cell))
    return " ".join(parts[::-1] if unit(cell) in UNITLESS else parts).strip()


def title(name: str) -> str:
    """`Gaussian blur`; `Foreign images`."""
    said = "foreign images" if name == FOREIGN else words(name)
    return said[:1].upper() + said[1:]


def rate(found: Rate) -> str:
    """`.92`, `1.00`."""
    return two(found.rate)


def two(share: float) -> str:
    """Two digits; 1.00 only for all of them."""
    shown = f"{min(share, 0.99) if share < 1 else 1:.2f}"
    return shown.removeprefix("0")


def widest(report: PowerReport) -> float:
    """Half of the interval around one half."""
    n, z = report.trials, 1.96
    return float(z / (1 + z * z / n) * (0.25 / n + z * z / (4 * n * n)) ** 0.5)
