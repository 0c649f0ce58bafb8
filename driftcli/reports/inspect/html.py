"""An artifact as one page of HTML: nothing from elsewhere, no script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftcli.reports.content import words as say
from driftcli.reports.history import plots
from driftcli.reports.history.html import page
from driftcli.reports.inspect import text as words

if TYPE_CHECKING:
    from driftcli.core.inspection import Account


def to_html(account: Account) -> str:
    """The whole page."""
    from markupsafe import Markup

    losses = {kind: Markup(_curve(kind, curve)) for kind, curve in account.losses.items()}  # noqa: S704  # drawn here
    sight = {
        baseline.name: {m: [say.detectable(one) for one in found] for m, found in baseline.detectable.items()}
        for baseline in account.baselines
    }
    settings = list(words.leaves(account.manifest.get("settings") or {}))
    return page("inspect.html.j2", account=account, losses=losses, sight=sight, settings=settings)


def _curve(kind: str, curve: tuple[tuple[float, float | None], ...]) -> str:
    """Loss by epoch, in training and on held-out images."""

    def draw(axes: Any) -> None:
        axes.plot(
            range(1, len(curve) + 1), [seen for seen, _ in curve], "--", lw=1.2, color=plots.COLOURS["good"]
        )
        known = [(epoch, loss) for epoch, (_, loss) in enumerate(curve, 1) if loss is not None]
        if known:
            axes.plot(*zip(*known, strict=True), "-", lw=1.5, color=plots.COLOURS["batch"])
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")

    last = curve[-1][0]
    return plots.drawn(
        f"loss-{kind}", f"Loss of {kind} over {len(curve)} epochs, at last {last:.4g}", plots.WIDE, draw
    )
