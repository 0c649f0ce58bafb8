"""The pictures of a report: the most drifted images read again, with what explains them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from driftcli.core import threads
from driftcli.core.amounts import data_size
from driftcli.core.features import Features
from driftcli.core.images import Decoded, Entry
from driftcli.core.report import Report
from driftcli.pictures import heat
from driftcli.pictures.heat import Heat, Rebuilt, Sides
from driftcli.pictures.heat_maps import drawn
from driftcli.pictures.picture import HEAT_QUALITY, LARGE, SIDE, Gallery, Picture, Scale, decoded, encoded
from driftcli.reading.entries import entries_again
from driftcli.reading.reader import Reader
from driftcli.reference.reference import Baseline
from driftcli.sources.decoding.pool import DecodePool, Extras
from driftcli.sources.decoding.settings import Decode

MORE = 100
"""Points of the map that have a picture, beside the most drifted images."""
MOST_LARGE = 8
"""Of the most drifted images: so many are also kept large enough to be opened."""
MOST_BYTES = 3_500_000


def made(
    reader: Reader, sources: Sequence[str], report: Report, batch: Features, baseline: Baseline
) -> Gallery:
    """All pictures of a report: of the most drifted images, of what explains them, of what is missing, of the map.

    Images are read once more; one that changed since it was audited has no picture, and `reason` says so.
    Raises InternalError when a worker cannot start.
    """
    worst = [image.path for image in report.images[: reader.settings.report.pictures]]
    points = () if report.map is None else report.map.batch_names
    more = [name for name in points if name not in set(worst)][:MORE]
    extractors = heat.drawing(reader.extractors)
    reader.progress.start("making pictures", len(worst) + len(more))
    with replace(
        reader, extractors=extractors, classifier=None, thumbnails=True, thumbnail_side=LARGE
    ) as again:
        decoded_by_name = _same(
            again.decoded(entries_again(sources, reader.settings, [*worst, *more])),
            {name: content.decode() for name, content in zip(batch.names, batch.content, strict=True)},
        )
        shown = [decoded_by_name[name] for name in worst if name in decoded_by_name]
        explained, scales = _explained(again, shown, report, batch, baseline)
    reader.progress.finish()
    thumbnail_of = _GoodThumbnails(baseline)
    pictures = [
        replace(
            explained.get(image.path) or Picture(image.path),
            neighbour=thumbnail_of(image.neighbour),
            neighbour_name=image.neighbour,
        )
        for image in report.images[: len(worst)]
    ]
    missing = [Picture(m.name, thumbnail_of(m.name)) for m in report.missing]
    others = {name: _shown(decoded_by_name[name]) for name in more if name in decoded_by_name}
    return _within(Gallery(tuple(pictures), tuple(missing), others, scales, _lost(len(worst) - len(shown))))


def read_again(report: Report, most: int = 24) -> Gallery:
    """Thumbnails of the `most` most drifted images of a saved result, read from their paths.

    An image whose bytes are not those that were audited is left without a picture. Reconstructions and heat maps
    need the artifact and are absent.
    """
    worst = report.images[:most]
    wanted = {image.path: image.content for image in worst if image.content}
    entries = [Entry(name, path=name) for name in wanted]
    decoded_by_name: dict[str, Decoded] = {}
    if entries:
        with DecodePool(
            Decode(), {}, min(threads.workers("auto"), len(entries)), Extras(True, LARGE)
        ) as pool:
            decoded_by_name = _same((d for d in pool.map(entries) if isinstance(d, Decoded)), wanted)
    pictures = tuple(
        Picture(
            image.path,
            _shown(decoded_by_name[image.path]) if image.path in decoded_by_name else None,
            neighbour_name=image.neighbour,
            large=_large(decoded_by_name.get(image.path)) if place < MOST_LARGE else None,
        )
        for place, image in enumerate(worst)
    )
    missing = tuple(Picture(m.name) for m in report.missing)
    return _within(Gallery(pictures, missing, reason=_lost(len(worst) - len(decoded_by_name))))


def _same(again: Iterable[Decoded], contents: Mapping[str, str]) -> dict[str, Decoded]:
    """By name, the images whose bytes are those that were audited."""
    return {image.name: image for image in again if contents.get(image.name) == image.content.hex()}


def _lost(count: int) -> str | None:
    if not count:
        return None
    which = "1 image is" if count == 1 else f"{count} images are"
    return f"{which} not shown: changed, moved or unreadable since the check"


def _explained(
    reader: Reader, images: Sequence[Decoded], report: Report, batch: Features, baseline: Baseline
) -> tuple[dict[str, Picture], dict[str, Scale]]:
    """Each image with its reconstruction and heat maps, by name."""
    if not images:
        return {}, {}
    prepared = {kind: np.stack([each.arrays[kind] for each in images]) for kind in reader.extractors}
    rebuilt = heat.rebuilt(reader, prepared)
    heats = list(heat.maps(reader, prepared, rebuilt, report, Sides(batch, baseline)))
    scales = {each.family: each.maps.scale() for each in heats}
    found_by = {image.path: image.family for image in report.images}
    pictures = {}
    for i, image in enumerate(images):
        large = _large(image) if i < MOST_LARGE else None
        thumbnail = decoded(image.thumbnail or b"")
        small = _Canvas(reader, decoded(_shown(image)) if max(thumbnail.size) > SIDE else thumbnail)
        # Of the family that found it, the map can be opened beside the image.
        canvas = {found_by[image.name]: _Canvas(reader, decoded(large))} if large else {}
        pictures[image.name] = Picture(
            image.name,
            _shown(image),
            None if rebuilt is None else small.reconstruction(rebuilt, i),
            {
                each.family: canvas.get(each.family, small).heat(each, i, scales[each.family])
                for each in heats
            },
            large=large,
        )
    return pictures, scales


@dataclass(frozen=True)
class _Canvas:
    """One thumbnail to draw on."""

    reader: Reader
    image: Image.Image

    def heat(self, overlay: Heat, number: int, scale: Scale) -> bytes:
        box = self.reader.extractors[overlay.kind].seen(*self.image.size)
        coloured = drawn(self.image, overlay.maps.values[number], box, scale)
        return encoded(coloured, max(self.image.size), HEAT_QUALITY)

    def reconstruction(self, rebuilt: Rebuilt, number: int) -> bytes:
        """As large as the part of the thumbnail that the extractor was given."""
        left, top, right, bottom = self.reader.extractors[rebuilt.kind].seen(*self.image.size)
        pixels: Any = np.rint(255 * np.clip(rebuilt.images[number], 0, 1)).astype(np.uint8)
        image = Image.fromarray(pixels.squeeze(axis=2) if pixels.shape[2] == 1 else pixels)
        size = (max(round(right - left), 1), max(round(bottom - top), 1))
        return encoded(image.resize(size, Image.Resampling.BILINEAR))


def _shown(image: Decoded) -> bytes:
    """As small as the pictures of good images, or a tiny one enlarged as they are."""
    return encoded(decoded(image.thumbnail or b""))


def _large(image: Decoded | None) -> bytes | None:
    """As it came from the worker, if that is more than the small picture shows."""
    thumbnail = None if image is None else image.thumbnail
    return thumbnail if thumbnail and max(decoded(thumbnail).size) > SIDE else None


@dataclass(frozen=True)
class _GoodThumbnails:
    """Pictures of good images by their names; a damaged one is none."""

    baseline: Baseline

    def __call__(self, name: str | None) -> bytes | None:
        names = self.baseline.features.names
        for row, thumbnail in self.baseline.thumbnails.items():
            if names[row] == name:
                try:
                    return encoded(decoded(thumbnail))
                except ValueError:
                    return None
        return None


def _within(gallery: Gallery) -> Gallery:
    """What the budget of bytes allows: first the most drifted images, then what is missing, then points."""
    left = MOST_BYTES
    worst: list[Picture] = []
    missing: list[Picture] = []
    thumbnails: dict[str, bytes] = {}
    for chosen, pictures in ((worst, gallery.worst), (missing, gallery.missing)):
        for picture in pictures:
            left -= _bytes(picture)
            chosen.append(
                picture if left >= 0 else Picture(picture.name, neighbour_name=picture.neighbour_name)
            )
    for name, image in gallery.thumbnails.items():
        left -= len(image)
        if left >= 0:
            thumbnails[name] = image
    pale = sum(picture.image is None for picture in worst) - sum(p.image is None for p in gallery.worst)
    full = f"{pale} images are not shown: pictures take {data_size(MOST_BYTES)} at most" if pale else None
    reason = "; ".join(sentence for sentence in (gallery.reason, full) if sentence) or None
    return replace(gallery, worst=tuple(worst), missing=tuple(missing), thumbnails=thumbnails, reason=reason)


def _bytes(picture: Picture) -> int:
    parts = (picture.image, picture.large, picture.reconstruction, picture.neighbour, *picture.heat.values())
    return sum(len(part) for part in parts if part)
