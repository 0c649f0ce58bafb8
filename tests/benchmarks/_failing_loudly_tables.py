"""Failing Loudly's results as Markdown, beside the published figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from _failing_loudly_cache import DELTAS, SHIFTS

PUBLISHED: Mapping[str, Mapping[int, float]] = {
    name: dict(zip((10, 20, 50, 100, 200, 500, 1000), row, strict=True))
    for name, row in {
        "NoRed KS": (0.03, 0.15, 0.26, 0.36, 0.41, 0.47, 0.54),
        "PCA KS": (0.11, 0.15, 0.30, 0.36, 0.41, 0.46, 0.54),
        "SRP KS": (0.15, 0.15, 0.23, 0.27, 0.34, 0.42, 0.55),
        "UAE KS": (0.12, 0.16, 0.27, 0.33, 0.41, 0.49, 0.56),
        "TAE KS": (0.18, 0.23, 0.31, 0.38, 0.43, 0.47, 0.55),
        "NoRed MMD": (0.14, 0.15, 0.22, 0.28, 0.32, 0.44, 0.55),
        "PCA MMD": (0.15, 0.18, 0.33, 0.38, 0.40, 0.46, 0.55),
        "SRP MMD": (0.12, 0.18, 0.23, 0.31, 0.31, 0.44, 0.54),
        "UAE MMD": (0.20, 0.27, 0.40, 0.43, 0.45, 0.53, 0.61),
        "TAE MMD": (0.18, 0.26, 0.37, 0.38, 0.45, 0.52, 0.59),
        "AutoML witness, pixels, 60 s": (0.19, 0.21, 0.37, 0.46, 0.49, 0.60, 0.66),
        "AutoML classifier probability": (0.19, 0.19, 0.38, 0.46, 0.52, 0.61, 0.67),
        "MMDAgg Laplace": (0.21, 0.29, 0.40, 0.44, 0.47, 0.56, 0.67),
        "MMD-D": (0.22, 0.19, 0.25, 0.36, 0.40, 0.48, 0.56),
    }.items()
}
"""Detection rates without labels: Rabanser et al. 2019, table 1a; Kübler et al. 2022; Schrab et al. 2023."""
LABELLED = dict(
    zip((10, 20, 50, 100, 200, 500, 1000), (0.19, 0.28, 0.47, 0.47, 0.51, 0.65, 0.70), strict=True)
)
"""BBSDs KS: the softmax of a classifier trained on 40,000 labels."""
TARGETS = {
    "n": (0.22, 0.29, 0.40, 0.46, 0.52, 0.62, 0.67),
    "full": (0.30, 0.38, 0.52, 0.55, 0.60, 0.70, 0.76),
}
Row = Mapping[str, object]


def report(rows: Sequence[Row], design: str, alpha: float) -> str:
    """All tables of one design."""
    tests = [row for row in rows if row["shift"] != "none"]
    sizes = sorted({int(row["n"]) for row in rows})
    parts = [_main(tests, rows, sizes, design, alpha), _families(rows, sizes, alpha)]
    for key, values in (
        ("dataset", sorted({r["dataset"] for r in tests})),
        ("delta", DELTAS),
        ("shift", SHIFTS),
    ):
        parts.append(_by(tests, key, values, sizes, alpha))
    parts.append(_cross(tests, [n for n in (100, 1000) if n in sizes], alpha))
    return "\n\n".join(part for part in parts if part)


def _rate(rows: Iterable[Row], alpha: float, of: str = "") -> str:
    hits = [(row["families"][of] if of else row["p"]) <= alpha for row in rows]
    return f"{np.mean(hits):.2f}" if hits else "–"


def _line(name: str, cells: Iterable[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


def _head(name: str, sizes: Sequence[int]) -> list[str]:
    return [_line(name, [f"n={n}" for n in sizes]), "|---" * (len(sizes) + 1) + "|"]


def _at(rows: Iterable[Row], n: int) -> list[Row]:
    return [row for row in rows if row["n"] == n]


def _main(tests: Sequence[Row], rows: Sequence[Row], sizes: Sequence[int], design: str, alpha: float) -> str:
    lines = _head("detection rate", sizes)
    cells, nulls = [], []
    for n in sizes:
        here = _at(tests, n)
        rate = float(np.mean([row["p"] <= alpha for row in here])) if here else float("nan")
        cells.append(f"**{rate:.2f}** ± {(rate * (1 - rate) / max(len(here), 1)) ** 0.5:.2f}")
        clean = [row for row in _at(rows, n) if row["shift"] == "none"]
        hits = sum(row["p"] <= alpha for row in clean)
        nulls.append(f"{hits}/{len(clean)} ({_rate(clean, alpha)})")
    order = list(LABELLED)
    lines.append(_line("driftcli", cells))
    lines.append(_line("(tests)", [str(len(_at(tests, n))) for n in sizes]))
    lines.append(_line("false alarms, clean against clean", nulls))
    lines.append(_line("target", [f"{TARGETS[design][order.index(n)]:.2f}" for n in sizes]))
    best = [f"{max(row[n] for row in PUBLISHED.values()):.2f}" for n in sizes]
    lines.append(_line("best published without labels, column by column", best))
    lines += [_line(name, [f"{row[n]:.2f}" for n in sizes]) for name, row in PUBLISHED.items()]
    lines.append(_line("BBSDs KS (uses labels)", [f"{LABELLED[n]:.2f}" for n in sizes]))
    return "\n".join(lines)


def _families(rows: Sequence[Row], sizes: Sequence[int], alpha: float) -> str:
    names = list(rows[0]["families"])
    lines = _head("one family alone (false alarms)", sizes)
    for name in names:
        cells = []
        for n in sizes:
            clean = [r for r in _at(rows, n) if r["shift"] == "none"]
            shifted = [r for r in _at(rows, n) if r["shift"] != "none"]
            cells.append(f"{_rate(shifted, alpha, name)} ({_rate(clean, alpha, name)})")
        lines.append(_line(name, cells))
    return "\n".join(lines)


def _by(tests: Sequence[Row], key: str, values: Sequence, sizes: Sequence[int], alpha: float) -> str:
    lines = _head(key, sizes)
    for value in values:
        mine = [row for row in tests if row[key] == value]
        lines.append(_line(str(value), [_rate(_at(mine, n), alpha) for n in sizes]))
    return "\n".join(lines)


def _cross(tests: Sequence[Row], sizes: Sequence[int], alpha: float) -> str:
    """Shift x dataset x delta: where the misses are."""
    datasets = sorted({str(row["dataset"]) for row in tests})
    cells = [(d, n, x) for d in datasets for n in sizes for x in DELTAS]
    if not cells:
        return ""
    lines = [_line("shift", [f"{d} n={n} δ={x}" for d, n, x in cells]), "|---" * (len(cells) + 1) + "|"]
    for shift in SHIFTS:
        found = [
            [r for r in tests if (r["shift"], r["dataset"], r["n"], r["delta"]) == (shift, d, n, x)]
            for d, n, x in cells
        ]
        lines.append(_line(shift, [_rate(rows, alpha) for rows in found]))
    return "\n".join(lines)
