"""Single images on a page: the strip below the verdict, and the ranking with what explains each image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from driftcli.reports.content import numbers, words
from driftcli.reports.layout.document import Block, Bullets, Name, Words
from driftcli.reports.layout.pictured import Card, Cards, Fold, Pair, Picture, Strip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.core.findings import ImageResult
    from driftcli.core.report import Report
    from driftcli.pictures import picture as pictures
    from driftcli.reports.content.subject import Subject

MOST_IN_STRIP = 6
MOST_REASONS = 2
"""Of one image in the strip."""


def strip(subject: Subject, shown: Sequence[ImageResult], folder: str) -> tuple[Strip, Words]:
    """The first few images, each beside the good one most like it, and what to say above them."""
    known = {picture.name: picture for picture in subject.gallery.worst}
    pairs = tuple(
        _pair(subject.report, image, known.get(image.path), folder) for image in shown[:MOST_IN_STRIP]
    )
    if any(pair.image or pair.good for pair in pairs):
        return Strip(pairs), "Each beside the good image that is most like it."
    return Strip(pairs), f"No pictures: {subject.gallery.reason or 'none were kept'}."


def _pair(report: Report, image: ImageResult, picture: pictures.Picture | None, folder: str) -> Pair:
    card = _card(report, image, picture, folder)
    # Both as small as good images are kept: a sharper picture would look like a difference.
    shots = {} if picture is None else _pictures(replace(picture, large=None), image)
    why = words.reasons(image, report, MOST_REASONS) or _found_by(image)
    return Pair(
        image.rank,
        card.name,
        _shows(image) + why + _answered(image),
        shots.get("image"),
        shots.get("good"),
        card.anchor,
    )


def scales(subject: Subject) -> tuple[Block, ...]:
    """What the colours of each family's heat maps mean; said once, for they are the same on all pictures."""
    if not subject.gallery.worst or not subject.gallery.scales:
        return ()
    lines = tuple(
        f"{words.words(family)}: {numbers.value(scale.low)} to {numbers.value(scale.high)} {scale.unit}"
        for family, scale in subject.gallery.scales.items()
    )
    return (Fold("What the colours of the heat maps mean", (Bullets(lines),)),)


def cards(subject: Subject, shown: Sequence[ImageResult], folder: str) -> Cards:
    """The ranking: the image, the good one most like it, and the heat map of the family that found it; the rest on demand."""
    known = {picture.name: picture for picture in subject.gallery.worst}
    made = [_card(subject.report, image, known.get(image.path), folder) for image in shown]
    return Cards(tuple(made), subject.gallery.reason)


def _card(report: Report, image: ImageResult, picture: pictures.Picture | None, folder: str) -> Card:
    removed = report.removal.images if report.removal else ()
    facts: list[Words] = [_found_by(image), f"score {numbers.value(image.score)}"]
    facts += (
        [f"p {numbers.p_value(image.p_value, report.gate.alpha)}"] if numbers.known(image.p_value) else []
    )
    facts += [("most like ", Name(image.neighbour))] if image.neighbour else []
    tags = ["stands out by itself"] if image.significant else []
    tags += ["wrong answer"] if words.wrong(image) else []
    tags += [f"one of the {len(removed)} to remove"] if image.path in removed else []
    why = (
        _shows(image)
        + (words.reasons(image, report) or f"unusual {words.words(image.family)}")
        + _answered(image)
    )
    shots = {} if picture is None else _pictures(picture, image)
    compared = tuple(shots.pop(kind) for kind in ("image", "good", image.family) if kind in shots)
    return Card(
        image.rank, Name(image.path[len(folder) :]), why, tuple(tags), compared, tuple(facts), tuple(shots.values())
    )  # fmt: skip


def _found_by(image: ImageResult) -> str:
    return f"found by {words.words(image.family)}"


def _answered(image: ImageResult) -> str:
    """Behind what is strange about an image, what the user's classifier says of it."""
    said = words.answer(image)
    return f"; {said}" if said else ""


def _shows(image: ImageResult) -> str:
    """`shows a beagle; `: in the network's own words, where a reason does not say it anyway."""
    said = {one.level for one in image.outside}
    return f"shows {image.subject}; " if image.subject and image.subject not in said else ""


def _pictures(picture: pictures.Picture, image: ImageResult) -> dict[str, Picture]:
    """`image`, `good`, `rebuilt`, and by family its heat map; those that there are."""
    which = f"image {numbers.count(image.rank)}, {picture.name}"
    neighbour = picture.neighbour_name or image.neighbour or "a good image"
    explained = {
        "image": (picture.large or picture.image, f"The {which}", "image"),
        "good": (
            picture.neighbour, f"The good image most like {which}: {neighbour}", "nearest good image",
        ),
        "rebuilt": (picture.reconstruction, f"What the autoencoder makes of {which}", "reconstruction"),
        **{
            family: (drawn, f"Where {which} is strange to {words.words(family)}", f"heat map: {words.words(family)}")
            for family, drawn in picture.heat.items()
        },
    }  # fmt: skip
    return {kind: Picture(webp, alt, caption) for kind, (webp, alt, caption) in explained.items() if webp is not None}  # fmt: skip
