"""Another mix of images, or other images: the composition in words."""

from __future__ import annotations

from driftcli.core import amounts
from driftcli.core.findings import CompositionResult, ShareResult

MOST = 3
"""Classes that a sentence names."""
LEAST = 0.02
"""Smaller changes of a share are not named, unless there are no others."""


def reason(found: CompositionResult) -> str | None:
    """Why the gate fired; None where it did not, or where a mix that is ignored is all that changed."""
    if found.reading == "none" or (found.ignored and found.reading == "composition"):
        return None
    within, p = f"within {_classes(found)}", _p(found.residual_p_value)
    if found.reading == "composition":
        return f"composition: the mix changed ({shares(found)}); {within} no further change was found ({p})"
    if found.reading in {"images", "both"}:
        return f"images changed: {within} they differ too ({p}){_as_well(found)}"
    if found.residual_p_value is None:
        return f"the mix and the images cannot be told apart: {found.reason}"
    return f"neither the mix alone ({_p(found.p_value)}) nor the images {within} ({p}) explain it"


def _as_well(found: CompositionResult) -> str:
    """A changed mix beside changed images; who belongs to a cluster may have moved with the images."""
    if found.reading != "both":
        return ""
    if found.by == "clusters":
        caused = "which the change of the images may itself have caused"
        return f"; the shares of clusters moved as well ({shares(found)}), {caused}"
    return f"; composition: the mix changed as well ({shares(found)})"


def caution(found: CompositionResult, alpha: float) -> str | None:
    """A change of the mix that has no say in the verdict; None where there is none, or a reason tells it."""
    if found.p_value is None or found.p_value > alpha or reason(found) is not None:
        return None
    return (
        f"composition: the mix changed ({shares(found)}; {_p(found.p_value)}); it has no say in the verdict"
    )


def shares(found: CompositionResult) -> str:
    """`cat 50 % → 90 %, dog 50 % → 10 %`."""
    told = named(found)
    return ", ".join(_share(share) for share in told[:MOST]) + (", …" if len(told) > MOST else "")


def named(found: CompositionResult) -> list[ShareResult]:
    """The classes whose shares changed enough to be named, the largest change first; else the one that changed most."""
    return [s for s in found.shares if abs(s.batch - s.baseline) >= LEAST] or list(found.shares[:1])


def _share(share: ShareResult) -> str:
    like = f" (like {share.examples[0].rpartition('/')[2]})" if share.examples else ""
    return f"{share.name or 'no label'}{like} {share.baseline:.0%} → {share.batch:.0%}".replace("%", " %")


def _classes(found: CompositionResult) -> str:
    return "clusters" if found.by == "clusters" else f"classes ({found.by})"


def _p(p: float | None) -> str:
    return "not tested" if p is None else f"p = {amounts.p_value(p)}"
