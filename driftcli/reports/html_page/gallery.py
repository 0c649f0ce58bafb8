"""Images to look at: the most drifted, what is missing, and the points of the map that lead to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftcli.core.text import safe_name
from driftcli.reports.content import account
from driftcli.reports.content import numbers as number
from driftcli.reports.content import words as say
from driftcli.reports.layout.svg import Mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markupsafe import Markup

    from driftcli.core.findings import ImageResult, MapResult, MissingResult
    from driftcli.core.report import Report
    from driftcli.pictures.picture import Gallery, Picture
    from driftcli.reports.html_page.album import Album, Placed

MOST_POINTS = 1_500
"""Points that are drawn of either side."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture: what it is, in words, and where; no address where there was no room."""

    caption: str
    placed: Placed | None
    alt: str


@dataclass(frozen=True, slots=True)
class Card:
    """One of the most drifted images with all that explains it."""

    image: ImageResult
    pictures: tuple[Shown, ...]
    why: str
    removed: bool
    """Among those without which the gate passes."""


@dataclass(frozen=True, slots=True)
class Lack:
    """One good image of whose kind the batch has too few."""

    found: MissingResult
    picture: Shown | None


@dataclass(frozen=True, slots=True)
class Peek:
    """One point of the map that has a picture but no place in the gallery."""

    anchor: str
    name: str
    side: str
    placed: Placed


@dataclass(frozen=True, slots=True)
class Map:
    """The drawn map and what belongs below it."""

    plot: Markup
    peeks: tuple[Peek, ...]
    left_out: int
    """Points that are not drawn."""


def anchor(image: ImageResult) -> str:
    """Where a page shows an image."""
    return f"image-{image.rank}"


def cards(report: Report, gallery: Gallery, album: Album, most: int) -> list[Card]:
    """The most drifted images that have pictures, or as many as are asked for."""
    pictures = {picture.name: picture for picture in gallery.worst}
    removed = set(report.removal.images) if report.removal else set()
    return [
        Card(
            image,
            _shown(pictures[image.path], image, album) if image.path in pictures else (),
            say.reasons(image, report),
            image.path in removed,
        )
        for image in account.ranking(report, max(most, len(pictures)))
    ]


def _shown(picture: Picture, image: ImageResult, album: Album) -> tuple[Shown, ...]:
    which = f"image {number.count(image.rank)}, {picture.name}"
    neighbour = picture.neighbour_name or image.neighbour or "a good image"
    found = [
        ("image", picture.image, f"The {which}"),
        ("reconstruction", picture.reconstruction, f"What the autoencoder makes of {which}"),
        *(
            (f"heat map: {say.words(family)}", drawn, f"Where {which} is strange to {say.words(family)}")
            for family, drawn in picture.heat.items()
        ),
        (
            f"nearest good image: {neighbour.rpartition('/')[2]}",
            picture.neighbour,
            f"The good image most like {which}: {neighbour}",
        ),
    ]
    return tuple(Shown(caption, album.place(raw), alt) for caption, raw, alt in found if raw is not None)


def scales(gallery: Gallery) -> list[str]:
    """What the colours of each family's heat maps mean; said once, for they are the same on all pictures."""
    return [
        f"{say.words(family)}: {number.value(scale.low)} to {number.value(scale.high)} {scale.unit}"
        for family, scale in gallery.scales.items()
    ]


def missing(report: Report, gallery: Gallery, album: Album) -> list[Lack]:
    """Good images of whose kind the batch has too few, with their pictures where there are some."""
    pictures = {picture.name: picture.image for picture in gallery.missing}
    lacks = []
    for found in report.missing:
        raw = pictures.get(found.name) or gallery.thumbnails.get(found.name)
        picture = Shown("", album.place(raw), f"Good image {found.name}") if raw else None
        lacks.append(Lack(found, picture))
    return lacks


def scatter(report: Report, gallery: Gallery, album: Album, shown: Mapping[str, str]) -> Map | None:
    """The map; a point leads to its card (`shown`: name to anchor), else to its own picture."""
    from driftcli.reports.html_page import plots

    found = report.map
    if found is None:
        return None
    peeks: list[Peek] = []
    sides, marks = [], []
    for side, at, names in (
        ("baseline", found.baseline, found.baseline_names), ("batch", found.batch, found.batch_names),
    ):  # fmt: skip
        pairs = zip(at, names, strict=False)
        points = [(point, name) for point, name in pairs if plots.placeable(point)][:MOST_POINTS]
        sides.append([point for point, _ in points])
        where = shown if side == "batch" else {}
        marks.append([_point(name, side, gallery, album, where, peeks) for _, name in points])
    drawn = sum(map(len, sides))
    if not drawn:
        return None
    told = f"Map of {number.count(len(sides[0]))} good images and {number.plural(len(sides[1]), 'image')} of the batch"
    plot = plots.scatter(sides[0], sides[1], marks, _axes(found), told)
    return Map(plot, tuple(peeks), len(found.baseline) + len(found.batch) - drawn)


def _point(
    name: str, side: str, gallery: Gallery, album: Album, shown: Mapping[str, str], peeks: list[Peek]
) -> Mark:
    if name in shown:
        return Mark(safe_name(name), f"#{shown[name]}")
    placed = album.place(gallery.thumbnails.get(name))
    if placed is None:
        return Mark(safe_name(f"{name} ({side})"))
    peeks.append(Peek(f"point-{len(peeks) + 1}", name, side, placed))
    return Mark(safe_name(f"{name} ({side})"), f"#{peeks[-1].anchor}")


def _axes(found: MapResult) -> tuple[str, str]:
    shares = [f", {number.percent(share)} of the baseline's variance" for share in found.explained[:2]]
    first, second = [*shares, "", ""][:2]
    return f"first axis{first}", f"second axis{second}"
