"""Days with weather for good_days.py: drawn ones, and real pictures under mild changes; their features, once."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _lab import RUNTIME, Fit, Lab
from PIL import Image, ImageFilter

from driftcli.config.settings import Settings
from driftcli.core.images import Entry
from driftcli.reading.reader import Reader
from driftcli.simulation.sample.cameras import HEALTHY, expose
from driftcli.simulation.sample.days import USUAL
from driftcli.simulation.sample.scene import view

KINDS = ("night", "defocus", "slight")
"""Bad days; `slight` is a defocus that weather may hide."""


@dataclass(frozen=True)
class World:
    """Where days come from, and how strong the weather is."""

    strength: float
    images: int
    """Of a day."""
    good: int
    """Good days, of which one half chooses and the other reports."""
    bad: int
    """Bad days of each kind, likewise."""
    fit: int = 12
    """Days that the reference learns from."""


WORLDS = {
    "drawn": World(1.0, 24, 48, 12),
    "photos": World(1.0, 40, 84, 20),
    "photos-mild": World(0.35, 40, 84, 20),
}


@dataclass(frozen=True)
class Weather:
    """What a day is like: light and colour (factors), haze (share), rain (grey levels of noise)."""

    light: float
    cast: float
    haze: float
    rain: float

    @staticmethod
    def of(rng: np.random.Generator, strength: float) -> Weather:
        haze, rain = max(rng.normal(0.03, 0.06), 0), max(rng.normal(0, 6), 0)
        light, cast = rng.normal(0, 0.25), rng.normal(0, 0.04)
        return Weather(float(np.exp(strength * light)), strength * cast, strength * haze, strength * rain)


def photographed(image: Image.Image, day: Weather, kind: str, rng: np.random.Generator) -> bytes:
    """A picture (RGB) as it would look on that day, with what is wrong with it, as a JPEG."""
    scale = max(min(image.size) / 192, 0.5)  # small pictures, too, must show it
    if kind in ("defocus", "slight"):
        image = image.filter(ImageFilter.GaussianBlur((2.0 if kind == "defocus" else 0.8) * scale))
    x = np.asarray(image, np.float32)
    light = day.light * float(np.exp(rng.normal(0, 0.05)))
    x *= light * np.array([1 + day.cast, 1, 1 - day.cast], np.float32)
    x += day.haze * (200 - x)
    if kind == "night":
        x *= 0.15
        x += rng.normal(0, 4, x.shape)
    if day.rain:
        x += rng.normal(0, day.rain, x.shape[:2])[..., None]
    stored = io.BytesIO()
    Image.fromarray(np.clip(x + 0.5, 0, 255).astype(np.uint8)).save(
        stored, "JPEG", quality=int(rng.integers(76, 84))
    )
    return stored.getvalue()


def _pictures(world: str, data: Path | None, seed: int) -> Iterator[Image.Image]:
    """Pictures without end (drawn), or a data set's in random order."""
    rng = np.random.default_rng([seed, 7])
    if not world.startswith("photos"):
        while True:
            yield expose(view("ABC"[int(rng.choice(3, p=USUAL))], seed, rng), rng, HEALTHY)
    if data is None:
        sys.exit("the world photos needs --data or DRIFTCLI_DATA")
    with zipfile.ZipFile(data / "cifar10" / "test.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".jpg"))
        for i in rng.permutation(len(names)):
            yield Image.open(io.BytesIO(archive.read(names[i]))).convert("RGB")


def days(world: str, data: Path | None, seed: int = 0) -> Iterator[Entry]:
    """Every image of every day, named KIND-DAY/IMAGE."""
    pictures, plan = _pictures(world, data, seed), WORLDS[world]
    wanted = [("fit", plan.fit), ("good", plan.good), *((kind, plan.bad) for kind in KINDS)]
    for kind, count in wanted:
        for number in range(count):
            rng = np.random.default_rng([seed, sum(map(ord, kind)), number])
            weather = Weather.of(rng, plan.strength)
            for i in range(plan.images):
                yield Entry(
                    f"{kind}-{number:02d}/{i:02d}.jpg", data=photographed(next(pictures), weather, kind, rng)
                )


def features(world: str, folder: Path, data: Path | None) -> tuple[Fit, dict[str, dict[str, np.ndarray]]]:
    """The reference and, by day, its views; kept in `folder`."""
    settings = Settings()
    if world.startswith("photos"):
        small = settings.extractors.embedding.__class__(side=64, resize=64, crop="none")
        settings = settings.model_copy(
            update={"extractors": settings.extractors.model_copy(update={"embedding": small})}
        )
    lab = Lab.open(settings)
    cache = folder / f"days-{world}.npz"
    if cache.is_file():
        kept = np.load(cache, allow_pickle=False)
        views = {k[5:]: kept[k] for k in kept.files if k.startswith("view/")}
        names, state = kept["names"], {k[3:]: kept[k] for k in kept.files if k.startswith("ae/")}
    else:
        with Reader(lab.settings, lab.extractors, lab.states, RUNTIME) as reader:
            reading = reader.read_entries(list(days(world, data)), 1_000_000, "reading")
        names = np.array([name.split("/")[0] for name in reading.features.names])
        rows = np.flatnonzero(np.char.startswith(names, "fit"))
        prepared = reading.prepared["autoencoder"]
        state = lab.extractors["autoencoder"].fit(prepared[rows], 0, RUNTIME)
        from driftcli.reading.reader import extract_views

        views = {
            **reading.features.views,
            **extract_views(lab.extractors["autoencoder"], state, prepared, RUNTIME),
        }
        np.savez(
            cache,
            names=names,
            **{f"view/{k}": v for k, v in views.items()},
            **{f"ae/{k}": v for k, v in state.items()},
        )
    from dataclasses import replace

    from driftcli.reference.reference import build_families

    rows = np.flatnonzero(np.char.startswith(names, "fit"))
    families = tuple(
        replace(f, state=f.detector.fit(views[f.view][rows], f.columns, 0))
        for f in build_families(lab.settings, lab.extractors, {}, {**lab.states, "autoencoder": state})
    )
    by_day = {day: {k: v[names == day] for k, v in views.items()} for day in dict.fromkeys(names.tolist())}
    return Fit(lab, state, families), by_day
