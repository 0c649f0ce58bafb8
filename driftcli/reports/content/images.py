"""What is said of single images in sentences: which of them to take away, which are nearly copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import numbers as number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.core.findings import DuplicateResult, RemovalResult

MOST_NAMED = 5
"""Images that a sentence names."""


def removal(found: RemovalResult, folder: str = "") -> str:
    """`Without these 5 images the gate passes (p = 0.31): a.jpg, b.jpg, …`, or why there is no such set."""
    if not found.images:
        return f"No few images explain it: {found.reason}."
    many = len(found.images)
    these = "this image" if many == 1 else f"these {number.count(many)} images"
    names = [name.removeprefix(folder) for name in found.images[:MOST_NAMED]]
    named = ", ".join(names) + (", …" if many > MOST_NAMED else "")
    note = f" ({found.reason})" if found.reason else ""
    return f"Without {these} the gate passes (p = {number.p_value(found.p_value)}){note}: {named}"


def near_copies(found: Sequence[DuplicateResult]) -> list[str]:
    """What is nearly the same, inside the batch and in the baseline, each with an example."""
    said = []
    for where, what in (("batch", "group"), ("baseline", "image")):
        near = [one for one in found if (one.kind, one.where) == ("near", where)]
        if near:
            subject = (
                f"{number.plural(len(near), what)} of near-duplicates"
                if where == "batch"
                else f"{number.plural(len(near), what)} of the batch nearly the same as one of the baseline"
            )
            said.append(f"{subject}, such as {' and '.join(near[0].images[:2])}.")
    return said
