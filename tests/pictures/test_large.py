"""A few pictures are worth opening: kept large, where the image has more than a thumbnail shows."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from driftcli.pictures.gallery import MOST_LARGE, read_again
from driftcli.pictures.picture import LARGE, decoded
from driftcli.reports.bundle import Bundle
from driftcli.reports.saved.bundle import read_bundle
from tests.reports import samples

SIZES = ((900, 450), (320, 240), (150, 100), (28, 28))
SHOWN = ((160, 80), (160, 120), (150, 100), (140, 140))
OPENED = ((400, 200), (320, 240), None, None)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Images of several sizes, and one more than are kept large."""
    folder, images = tmp_path_factory.mktemp("images"), []
    known = samples.drifted().images[0]
    sizes = [*SIZES, *[(900, 450)] * (MOST_LARGE + 1 - len(SIZES))]
    for place, (width, height) in enumerate(sizes):
        path = folder / f"{place}.png"
        pixels = np.random.default_rng(place).integers(0, 255, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        images.append(replace(known, path=str(path), rank=place + 1, content=content))
    return replace(samples.drifted(), images=tuple(images))


@pytest.fixture(scope="module")
def read(report):
    return read_again(report)


def test_as_large_as_the_image_allows_and_only_the_first_few(read):
    sizes = [(decoded(p.image).size, decoded(p.large).size if p.large else None) for p in read.worst]
    assert sizes[: len(SIZES)] == list(zip(SHOWN, OPENED, strict=True))
    assert [p.large is not None for p in read.worst[len(SIZES) :]] == [True] * (MOST_LARGE - len(SIZES)) + [
        False
    ]
    assert max(OPENED[0]) == LARGE


def test_a_bundle_keeps_them(report, read, tmp_path):
    for name, data in Bundle().files(report, read).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    _, again = read_bundle(tmp_path)
    for before, after in zip(read.worst, again.worst, strict=True):
        assert (before.large is None) == (after.large is None)
        if before.large:
            assert decoded(before.large).size == decoded(after.large).size
