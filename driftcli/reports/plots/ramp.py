"""The colours of heat maps, from where they begin to where they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

STEPS, WIDE, HIGH = 32, 12, 20
"""Steps of the ramp; pixels of each."""


def ramp(about: str) -> Markup:
    """A strip of the colours, `about` in words."""
    from markupsafe import Markup, escape

    from driftcli.pictures.heat_maps import blended

    cells = "".join(
        f'<rect x="{WIDE * step}" width="{WIDE + 1}" height="{HIGH}" fill="#{red:02x}{green:02x}{blue:02x}"></rect>'
        for step, (red, green, blue) in enumerate(blended(STEPS))
    )
    box = f"0 0 {WIDE * STEPS} {HIGH}"
    return Markup(f'<svg class="ramp" viewBox="{box}" role="img" aria-label="{escape(about)}">{cells}</svg>')  # noqa: S704  # numbers of ours
