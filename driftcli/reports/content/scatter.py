"""The section with the map of the images; drawn, only on a page."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from driftcli.core.text import safe_name
from driftcli.reports.content import numbers
from driftcli.reports.content.images import ranked
from driftcli.reports.layout.document import Paragraph, Section
from driftcli.reports.layout.pictured import OPEN, Legend, Map, Picture, Point

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftcli.core.findings import MapResult
    from driftcli.reports.content.subject import Subject

MOST_POINTS = 1_500
"""Points that are drawn of either side."""


def scatter(subject: Subject) -> Section | None:
    """The map; a point leads to its card among the most drifted, else to its own picture."""
    plane = subject.report.map
    if plane is None or not subject.room.page:
        return None
    # Those that are seen at once; others show their own picture, for not every browser opens a fold for a link.
    cards = {image.path: f"image-{image.rank}" for image in ranked(subject)[:OPEN]}
    others = {picture.name: picture.image for picture in subject.gallery.worst if picture.image}
    block = _map(plane, cards, {**others, **subject.gallery.thumbnails})
    if block is None:
        return None
    lead = f"Each point is an image, near others that look alike ({plane.method}, fitted on good images)."
    to_cards = " The most drifted images lead to their place above." if cards else ""
    sentence = Paragraph(f"{lead}{to_cards} Point at one to see its name.")
    return Section(
        "map",
        "Map of the images",
        (sentence, Legend("points"), block),
        detail=True,
        brief=f"in two dimensions ({plane.method})",
    )


def _map(plane: MapResult, cards: Mapping[str, str], thumbnails: Mapping[str, bytes]) -> Map | None:
    from driftcli.reports.plots import check

    places, points = [], []
    for side, at, names in (
        ("baseline", plane.baseline, plane.baseline_names), ("batch", plane.batch, plane.batch_names),
    ):  # fmt: skip
        pairs = zip(at, names, strict=False)
        shown = [(place, name) for place, name in pairs if check.placeable(place)][:MOST_POINTS]
        places.append([place for place, _ in shown])
        anchors = cards if side == "batch" else {}
        points.append(tuple(_point(name, side, anchors, thumbnails) for _, name in shown))
    baseline, batch = map(len, places)
    if not baseline + batch:
        return None
    about = f"Map of {numbers.count(baseline)} good images and {numbers.plural(batch, 'image')} of the batch"
    draw = partial(check.scatter, places[0], places[1], axis_names=_axes(plane), about=about)
    return Map((points[0], points[1]), draw, len(plane.baseline) + len(plane.batch) - baseline - batch)


def _point(name: str, side: str, cards: Mapping[str, str], thumbnails: Mapping[str, bytes]) -> Point:
    if name in cards:
        return Point(safe_name(name), cards[name])
    webp = thumbnails.get(name)
    picture = None if webp is None else Picture(webp, f"{side} image {name}")
    return Point(safe_name(f"{name} ({side})"), None, name, side, picture)


def _axes(plane: MapResult) -> tuple[str, str]:
    shares = [f", {numbers.percent(share)} of the baseline's variance" for share in plane.explained[:2]]
    first, second = [*shares, "", ""][:2]
    return f"first axis{first}", f"second axis{second}"
