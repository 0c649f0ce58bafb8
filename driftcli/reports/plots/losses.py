"""How the loss of a training fell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftcli.reports.plots.drawing import drawn
from driftcli.reports.plots.svg import BASELINE, INK
from driftcli.reports.plots.ticks import readable

if TYPE_CHECKING:
    from markupsafe import Markup

SIZE = (9.0, 2.4)


def curve(kind: str, losses: tuple[tuple[float, float | None], ...]) -> Markup:
    """Loss by epoch: in training (dashed), and on held-out images where it is known."""

    def draw(axes: Any) -> None:
        axes.plot(
            range(1, len(losses) + 1), [training for training, _ in losses], "--", lw=1.2, color=BASELINE
        )
        known = [(epoch, loss) for epoch, (_, loss) in enumerate(losses, 1) if loss is not None]
        if known:
            axes.plot(*zip(*known, strict=True), "-", lw=1.5, color=INK)
        readable(axes.yaxis)
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")

    return drawn(SIZE, draw, f"Loss of {kind} over {len(losses)} epochs, at last {losses[-1][0]:.4g}")
