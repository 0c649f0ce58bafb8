"""Where pooled features come from: the parts sum to the whole, and a pasted square is where the batch's shift is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from driftcli.detectors.mmd import Mmd
from driftcli.extractors.base import Direction, Runtime
from driftcli.extractors.embedding import Embedding
from driftcli.extractors.networks.lite0 import Lite0
from tests.extractors._autoencoder_cases import without_graph
from tests.extractors._pictures import picture

CPU = Runtime()
SIDE = 224


@pytest.fixture(scope="module", params=["exported", "before"])
def lite0(request):
    """With the network in the state, and as versions before wrote it, for torch."""
    settings = Embedding().complete(CPU)
    state = settings.fit(np.empty(0), 0, CPU)
    return settings, without_graph(state) if request.param == "before" else state


def prepared(settings: Embedding, seeds: range) -> np.ndarray:
    return np.stack([settings.prepare(picture(seed)) for seed in seeds])


def direction(view: str, width: int) -> Direction:
    rng = np.random.default_rng(7)
    return Direction(view, rng.normal(size=width), rng.normal(size=width))


@pytest.mark.parametrize(("view", "grid"), [("style", 14), ("content", 7)])
def test_the_mean_over_places_is_the_projection(lite0, view, grid):
    """Exactly, but for the rounding of the stored features."""
    settings, state = lite0
    images = prepared(settings, range(5))
    pooled = settings.extract(state, images, CPU)[view].astype(np.float64)
    wanted = direction(view, pooled.shape[1])
    found = settings.heat_map(state, images, wanted, CPU)
    assert found.shape == (5, grid, grid)
    assert np.allclose(
        found.mean(axis=(1, 2)), (pooled - wanted.centre) @ wanted.weights, atol=2e-3 * pooled.shape[1]
    )
    assert np.ptp(found) > 1


def test_content_against_a_slow_twin(lite0, monkeypatch):
    """Channel by channel over the maps of the last stage."""
    settings, state = lite0
    images, seen = prepared(settings, range(2)), []
    whole = Lite0.stages

    def watched(self, pixels):
        maps = list(whole(self, pixels))
        seen.append(maps[-1].numpy())
        return iter(maps)

    monkeypatch.setattr(Lite0, "stages", watched)
    wanted = direction("content", 192)
    settings.heat_map(without_graph(state), images, wanted, CPU)  # fills `seen`
    found = settings.heat_map(state, images, wanted, CPU)
    slow = np.zeros((2, 7, 7))
    for channel in range(192):
        slow += wanted.weights[channel] * (seen[0][:2, channel] - wanted.centre[channel])
    assert np.allclose(found, slow, atol=1e-3)


def test_torchvision_networks_have_places_and_keep_no_hooks():
    settings = replace(Embedding(network="resnet18", weights="random").complete(CPU), resize=64, side=64)
    state = settings.fit(np.empty(0), 0, CPU)
    images = prepared(settings, range(3))
    pooled = settings.extract(state, images, CPU)["style"].astype(np.float64)
    wanted = direction("style", pooled.shape[1])
    found = settings.heat_map(state, images, wanted, CPU)
    assert found.shape == (3, 4, 4)
    assert np.allclose(found.mean(axis=(1, 2)), (pooled - wanted.centre) @ wanted.weights, atol=0.5)


def test_a_model_file_has_no_places():
    assert Embedding(network="file").heat_map({}, np.empty(0), direction("content", 3), CPU) is None


@pytest.mark.parametrize("view", ["style", "content"])
def test_the_shift_of_a_batch_with_black_squares_lies_on_the_squares(lite0, view):
    """Every image of the batch has one somewhere else: the map's peak is on it or next to it."""
    settings, state = lite0
    good = prepared(settings, range(24))
    batch, corners = good[:12].copy(), np.random.default_rng(3).integers(8, SIDE - 72, (12, 2))
    for image, (top, left) in zip(batch, corners, strict=True):
        image[top : top + 64, left : left + 64] = 0
    c, y = (settings.extract(state, images, CPU)[view] for images in (good[12:], batch))
    detector = Mmd(scale="blocks", blocks=settings.blocks(view, state)) if view == "style" else Mmd()
    learnt = detector.fit(np.concatenate([c, settings.extract(state, good[:12], CPU)[view]]), (), 0)
    wanted = Direction(view, detector.direction(learnt, c, y), c.mean(axis=0, dtype=np.float64))
    found = settings.heat_map(state, batch, wanted, CPU)
    cell = SIDE / found.shape[1]
    hits = 0
    for values, (top, left) in zip(found, corners, strict=True):
        row, column = (cell * (at + 0.5) for at in np.unravel_index(values.argmax(), values.shape))
        hits += top - cell <= row <= top + 64 + cell and left - cell <= column <= left + 64 + cell
    assert hits >= 10


def test_a_direction_has_the_unit_that_it_says():
    """The standard deviation of good images' own values is 1, whatever the scaling of the columns."""
    rng = np.random.default_rng(0)
    f, c, y = (rng.normal(at, [1, 5, 0.1], (80, 3)).astype(np.float32) for at in (0, 0, 0.3))
    for detector in (Mmd(), Mmd(scale="blocks", blocks=(2, 1))):
        state = detector.fit(f, (), 0)
        weights = detector.direction(state, c, y)
        assert (c @ weights).std() == pytest.approx(1, rel=1e-4)
        assert (y.mean(axis=0) - c.mean(axis=0)) @ weights > 0
        before = {name: array for name, array in state.items() if not name.startswith("white_")}
        shift = (y.mean(axis=0, dtype=float) - c.mean(axis=0, dtype=float)) / state["scale"] ** 2
        plain = detector.direction(before, c, y)
        assert np.allclose(plain / np.abs(plain).max(), shift / np.abs(shift).max(), atol=1e-3)


def test_prepare_takes_the_box_that_it_says(lite0):
    """Pixels outside of the box change nothing; what heat maps cover is what the network saw."""
    settings, _ = lite0
    frame = picture(1, 400, 300)
    left, top, right, bottom = settings.seen(400, 300)
    inside = Image.new("RGB", (400, 300))
    box = (int(left) - 8, int(top) - 8, int(right) + 9, int(bottom) + 9)
    inside.paste(frame.image.crop(box), box[:2])
    assert (right - left, bottom - top) == pytest.approx((262.5, 262.5), abs=1)  # whole pixels when resized
    assert np.array_equal(settings.prepare(frame), settings.prepare(replace(frame, stored=inside)))
