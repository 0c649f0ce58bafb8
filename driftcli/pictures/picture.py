"""The pictures of a report: small WebP copies with their maps, for whoever would rather look than read."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

SIDE = 160
"""Pixels of the long side."""
LARGE = 400
"""Of the few pictures that are worth opening: to see a scratch takes more than a thumbnail."""
TINY = SIDE // 2
"""Up to here, pictures are shown enlarged, pixel by pixel: there is no more to see in digits and icons."""
QUALITY = 80
HEAT_QUALITY = 65
"""Of heat maps: colours that flow over a picture that stands beside them anyway."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One image as WebP, and what explains it; None where there is none."""

    name: str
    image: bytes | None = None
    reconstruction: bytes | None = None
    """What the autoencoder makes of it."""
    heat: Mapping[str, bytes] = field(default_factory=dict)
    """By family: where it is strange, drawn over the image."""
    neighbour: bytes | None = None
    """The good image most like it."""
    neighbour_name: str | None = None
    large: bytes | None = None
    """The image at up to LARGE pixels; None where `image` shows all that there is, and beyond the first few."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What the colours of one family's heat maps mean, the same for all pictures of a report."""

    low: float
    """Here the colour begins; below it nothing is drawn."""
    high: float
    """Here it ends; what lies above looks the same."""
    unit: str
    """What is counted, in words."""


@dataclass(frozen=True, slots=True)
class Gallery:
    """All pictures of one report."""

    worst: tuple[Picture, ...] = ()
    """The most drifted images, in the ranking's order."""
    missing: tuple[Picture, ...] = ()
    """Good images of whose kind the batch has too few."""
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)
    """Other images of the batch by their name: points of the map."""
    scales: Mapping[str, Scale] = field(default_factory=dict)
    """By family: how its heat maps are to be read."""
    reason: str | None = None
    """Why there are no pictures, or fewer than there could be."""


def encoded(image: Image.Image, side: int = SIDE, quality: int = QUALITY) -> bytes:
    """WebP of at most `side` pixels, without metadata; a tiny image is enlarged by a whole number."""
    from PIL import Image

    small = image.convert("RGB")
    longest = max(small.size)
    if longest > side:
        small.thumbnail((side, side))
    elif longest <= TINY:
        times = SIDE // longest
        small = small.resize((small.width * times, small.height * times), Image.Resampling.NEAREST)
    out = io.BytesIO()
    small.info = {}
    small.save(out, "WEBP", quality=quality, method=2)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    """RGB pixels of a WebP of ours. Raises ValueError for anything else, before its pixels are decoded."""
    from PIL import WebPImagePlugin

    try:
        image = WebPImagePlugin.WebPImageFile(io.BytesIO(data))
        if max(image.size) <= LARGE:
            return image.convert("RGB")
    except Exception as error:  # Pillow raises anything
        raise ValueError("is no WebP image") from error
    raise ValueError(f"is larger than {LARGE} pixels")
