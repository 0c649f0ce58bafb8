"""The samples that can be drawn by themselves, for the stories of the manual."""

from __future__ import annotations

from driftcli.simulation.sample import characters
from driftcli.simulation.sample.days import SHIFT_DAY, Folder, Sample

PARTS = Sample(
    (
        Folder("reference", 400, "2026-01-05"),
        Folder("good", 360, "2026-01-16"),
        *(Folder(f"day-0{day}", SHIFT_DAY, f"2026-02-0{day + 1}") for day in range(1, 8)),
    ),
    name="parts",
)
"""The demo's belt with a camera that stays healthy: what goes wrong, `simulate` does."""

CHARACTERS = Sample(
    (
        Folder("digits", 800, "2026-01-05"),
        Folder("digits-good", 400, "2026-01-06"),
        Folder("digits-today", 100, "2026-01-07"),
        Folder("letters-today", 100, "2026-01-08"),
    ),
    characters.photo,
    "png",
    "characters",
)

SAMPLES = {"parts": PARTS, "characters": CHARACTERS}
