"""How large a batch a baseline is good for: known when the baseline is made, said there, by `doctor` and by `check`."""

from __future__ import annotations

TIMES = 20
"""A baseline should hold so many times the batch (contract: honesty about "exact")."""
EXAMPLES = (20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
"""Batches that the next larger baseline is told for where no batch is known."""


def largest_batch(images: int) -> int:
    """The largest batch that a baseline of so many images is adequate for."""
    return images // TIMES


def adequacy(images: int, batch: int | None = None) -> str:
    """`adequate for batches of up to 7 images; for 60 give 1,200`.

    `batch`: one that is asked about, else the first of a few usual sizes that is too large.
    """
    most = largest_batch(images)
    said = f"adequate for batches of up to {most:,} image{'' if most == 1 else 's'}"
    asked = next((size for size in EXAMPLES if size > most), None) if batch is None else batch
    if asked is None or asked <= most:
        return said
    return f"{said}; for {asked:,} give {TIMES * asked:,}"
