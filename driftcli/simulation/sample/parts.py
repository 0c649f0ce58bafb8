"""The three machined parts that ride on the sample belt, as height fields: hex nut, ball bearing, gear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Plane = NDArray[np.floating[Any]]
"""One number a pixel: [h, w]."""
TURN = 2 * np.pi


@dataclass(frozen=True)
class Surface:
    """One part seen from above; all planes are float32 [h, w], lengths in part radii."""

    cover: Plane
    """0 where the belt shows, 1 where the part hides it, between on the outline."""
    height: Plane
    albedo: Plane
    turned: Plane
    """1 where a lathe left concentric marks: those faces glint along their diameter."""
    tint: tuple[float, float, float]
    """Colour of the metal, red, green, blue."""


@dataclass(frozen=True)
class Frame:
    """Part coordinates of every pixel of a patch: turned with the part, in part radii."""

    u: Plane
    v: Plane
    scale: float
    """Pixels to one part radius."""

    @property
    def r(self) -> Plane:
        """Distance from the part's centre."""
        return np.hypot(self.u, self.v)

    @property
    def angle(self) -> Plane:
        """Direction from the part's centre, in radians."""
        return np.arctan2(self.v, self.u)

    def inside(self, distance: Plane) -> Plane:
        """Antialiased membership of the region where `distance` (part radii) is negative."""
        member: Plane = np.clip(0.5 - distance * self.scale, 0, 1)
        return member


def _ramp(distance: Plane, width: float) -> Plane:
    """0 at the outline, 1 from `width` inside it: a bevel."""
    bevel: Plane = np.clip(-distance / width, 0, 1)
    return bevel


def nut(frame: Frame, rng: np.random.Generator) -> Surface:
    """Class A: a zinc-plated hex nut with a chamfered crown and a threaded bore."""
    bore = rng.uniform(0.47, 0.52)
    warm = rng.normal(0, 0.012)
    r = frame.r
    across, along = np.abs(frame.u), np.abs(frame.v)
    outline = np.maximum(across, 0.5 * across + 0.866 * along) - 0.87
    crown = np.maximum(r - 0.84, 0) * 0.55
    sink = np.maximum(bore + 0.075 - r, 0) * 0.9
    height = 0.16 * _ramp(outline, 0.05) - crown - sink
    thread = frame.inside(r - bore)
    turns = np.sin(TURN * (r / 0.045) + frame.angle)
    albedo = 1 - thread * (0.66 - 0.20 * turns)
    cover = frame.inside(np.maximum(outline, 0.82 * bore - r))
    turned = frame.inside(np.maximum(r - 0.83, bore + 0.08 - r))
    return Surface(cover, height, albedo, turned, (0.95 + warm, 0.97, 1.0 - warm))


def bearing(frame: Frame, rng: np.random.Generator) -> Surface:
    """Class B: an open ball bearing: two ground rings, nine balls in a dark race."""
    phase = rng.uniform(0, TURN / 9)
    groove = rng.uniform(0.55, 0.575)
    r = frame.r
    race = frame.inside(np.maximum(r - 0.77, groove - r))
    edges = np.minimum(_ramp(np.maximum(r - 1, 0.77 - r), 0.045), 1) + _ramp(
        np.maximum(r - groove, 0.36 - r), 0.045
    )
    step = TURN / 9
    sector = np.mod(frame.angle + phase, step) - step / 2
    away = np.hypot(r * np.cos(sector) - 0.665, r * np.sin(sector))
    ball = frame.inside(away - 0.098)
    dome = np.sqrt(np.maximum(0.0098 - away**2, 0))
    height = 0.14 * edges + ball * (dome + 0.02)
    albedo = 1 - race * (0.72 - 0.68 * ball)
    cover = frame.inside(np.maximum(r - 1, 0.36 - r))
    return Surface(cover, height, albedo, (1 - race) * cover, (1.0, 1.0, 1.01))


def gear(frame: Frame, rng: np.random.Generator) -> Surface:
    """Class C: a brass spur gear with a recessed web, five lightening holes and a keyway."""
    holes = rng.uniform(0.095, 0.12)
    dull = rng.uniform(0.9, 1.0)
    r = frame.r
    teeth = 0.86 + 0.14 * np.clip(0.55 + 1.1 * np.cos(20 * frame.angle), 0, 1)
    outline = (r - teeth) * 0.6
    step = TURN / 5
    sector = np.mod(frame.angle, step) - step / 2
    hole = holes - np.hypot(r * np.cos(sector) - 0.57, r * np.sin(sector))
    key = -np.maximum(np.abs(frame.u) - 0.06, np.abs(frame.v - 0.15) - 0.15)
    bore = np.maximum(0.21 - r, key)
    recess = _ramp(np.maximum(r - 0.75, 0.39 - r), 0.04)
    solid = np.maximum(np.maximum(outline, hole), bore)
    height = 0.15 * _ramp(solid, 0.04) - 0.07 * recess
    cover = frame.inside(solid)
    albedo = dull * (1 - 0.14 * recess)
    return Surface(cover, height, albedo, frame.inside(outline), (1.02, 0.83, 0.50))


PARTS: dict[str, Callable[[Frame, np.random.Generator], Surface]] = {"A": nut, "B": bearing, "C": gear}
"""By class label, as the manifests name them."""
