"""The pictures of a report: small WebP copies with their maps, for whoever would rather look than read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SIDE = 160
"""Pixels of the long side."""


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


@dataclass(frozen=True, slots=True)
class Gallery:
    """All pictures of one report."""

    worst: tuple[Picture, ...] = ()
    """The most drifted images, in the ranking's order."""
    missing: tuple[Picture, ...] = ()
    """Good images of whose kind the batch has too few."""
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)
    """Other images by their name: points of the map."""
    reason: str | None = None
    """Why there are no pictures, or fewer than there could be."""
