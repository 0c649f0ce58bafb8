"""A drawing by matplotlib as an element of a page."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from driftcli.core.text import safe_name
from driftcli.reports.plots.svg import INK, SOFT, Mark, fit_to_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from markupsafe import Markup

    Box = tuple[float, float, float, float]

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "text.parse_math": False, "font.family": "DejaVu Sans",
    "font.size": 9, "axes.unicode_minus": False, "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": SOFT, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK,
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
}  # fmt: skip


def drawn(
    size: tuple[float, float], draw: Callable[[Any], None], about: str, *,
    box: Box | None = None, marks: Mapping[str, Sequence[Mark]] | None = None,
) -> Markup:  # fmt: skip
    """What `draw` puts on the axes, `about` in words; the same drawing gives the same characters.

    `size`: inches, of which one is 96 px where a page shows the drawing in its own size. `box`: where the axes stand
    (left, bottom, width, height as shares of the size); without one, labels find their room by themselves. `marks`:
    titles and links for groups of points (`svg.fit_to_page`). Drawings of one page differ in `about`.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    about = safe_name(about)
    # Shapes that are used again have ids made from the salt: drawings in one page must not share them.
    with mpl.rc_context({**STYLE, "svg.hashsalt": about}):
        figure = Figure(figsize=size, layout=None if box else "constrained")
        figure.patch.set_visible(False)
        draw(figure.add_axes(box) if box else figure.add_subplot())
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return fit_to_page(stream.getvalue(), about, marks)
