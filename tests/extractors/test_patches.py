"""Patches: Gaussians against a slow twin, the same bits in any company, a map whose peak is the defect."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from driftcli.core.errors import ArtifactError, UsageError
from driftcli.core.images import FileFacts, Frame
from driftcli.extractors import _patches
from driftcli.extractors.base import Runtime
from driftcli.extractors.patches import COLUMNS, Patches

CPU = Runtime()
SMALL = Patches(side=128, directions=16)


def board(seed: int, size: int = 160) -> Image.Image:
    """The same lines and dots every time, with grain and a lamp that varies."""
    y, x = np.mgrid[0:size, 0:size]
    lines = 60 * ((x // 13 + y // 29) % 2) + 50 * ((x - y) % 37 < 3) + 30 * np.sin(x / 17.0)
    rng = np.random.default_rng([3, seed])
    lit = (70 + lines)[..., None] * np.array([0.7, 1.0, 0.8]) * rng.normal(1, 0.02)
    return Image.fromarray(np.clip(lit + rng.normal(0, 3, lit.shape), 0, 255).astype(np.uint8))


def blot(image: Image.Image, seed: int) -> tuple[Image.Image, tuple[int, int]]:
    """A dark or bright spot of 12 x 12 pixels, 0.6 % of the area, and its corner (row, column)."""
    rng = np.random.default_rng([8, seed])
    top, left = (int(v) for v in rng.integers(4, image.width - 16, 2))
    pixels = np.array(image)
    pixels[top : top + 12, left : left + 12] = rng.choice([15, 235])
    return Image.fromarray(pixels), (top, left)


def prepared(images) -> np.ndarray:
    facts = FileFacts(160, 160, 0, "PNG", "RGB", grey=False)
    return np.stack([SMALL.prepare(Frame(image, facts)) for image in images])


@pytest.fixture(scope="module")
def good() -> np.ndarray:
    return prepared([board(seed) for seed in range(48)])


@pytest.fixture(scope="module")
def state(good):
    return SMALL.fit(good, 0, CPU)


@pytest.fixture(scope="module")
def fresh() -> np.ndarray:
    return prepared([board(seed) for seed in range(100, 111)])


# ---------------------------------------------------------------- learning


def test_gaussians_equal_their_twin():
    """Every place by the definition: covariances shrunk towards their mean, which counts as k images."""
    rng = np.random.default_rng(0)
    n, places, k = 30, 5, 4
    z = rng.normal(size=(n, places, k)) * rng.uniform(0.5, 2, (places, k)) + rng.normal(size=(places, k))
    found = _patches.gaussians(z.sum(0), np.einsum("npi,npj->pij", z, z), n)
    each = [np.cov(z[:, p].T) for p in range(places)]
    common = sum(each) / places
    for p in range(places):
        shrunk = ((n - 1) * each[p] + k * common) / (n - 1 + k)
        shrunk += _patches.RIDGE * np.trace(common) / k * np.eye(k)
        away = z[3, p] - z[:, p].mean(0)
        slow = np.sqrt(away @ np.linalg.inv(shrunk) @ away)
        fast = np.linalg.norm(found["whitening"][p] @ (z[3, p] - found["mean"][p]))
        assert fast == pytest.approx(slow, rel=1e-4)


def test_distances_equal_their_twin(good, state):
    """From the features of the network, place by place."""
    network = _patches.PatchNetwork(SMALL, CPU, None)
    raw = network.places(good[:4])[2].detach().numpy().astype(np.float64)
    z = raw @ state["directions"] + state["shift"]
    slow = [
        np.linalg.norm(state["whitening"][p] @ (z[p] - state["mean"][p])) / state["typical"][p]
        for p in (0, 77, 255)
    ]
    fast = _patches.distances(state, good[2:3], SMALL, CPU)[0, [0, 77, 255]]
    assert fast == pytest.approx(slow, rel=1e-3)


def test_what_is_typical_of_a_place_equals_its_twin(good, state):
    """The mean distance of the fifth of F that was kept back, and four images' worth of the mean of all places."""
    kept = good[: len(good) // 5]
    apart = _patches.distances({k: v for k, v in state.items() if k != "typical"}, kept, SMALL, CPU)
    slow = [(sum(apart[:, p].tolist()) + 4 * apart.mean()) / (len(kept) + 4) for p in (0, 77, 255)]
    assert state["typical"][[0, 77, 255]] == pytest.approx(slow, rel=1e-5)
    scaled = _patches.distances(state, kept, SMALL, CPU)
    assert np.allclose(scaled * state["typical"], apart, rtol=1e-5)


def test_the_state_in_chunks_is_that_of_all_at_once(good, state, monkeypatch):
    monkeypatch.setattr(_patches, "CHUNK", 1000)
    again = SMALL.fit(good, 0, CPU)
    assert np.allclose(again["whitening"], state["whitening"], rtol=1e-4, atol=1e-5)


def test_the_seed_decides(good, state):
    again, other = SMALL.fit(good, 0, CPU), SMALL.fit(good, 1, CPU)
    assert all(np.array_equal(again[k], state[k]) for k in state)
    assert not np.array_equal(other["directions"], state["directions"])


def test_constant_pictures_give_finite_numbers():
    """No spread at any place: strict, not infinitely so."""
    black = np.zeros((20, 128, 128, 3), np.uint8)
    learnt = SMALL.fit(black, 0, CPU)
    for pictures in (black[:2], black[:2] + 9):
        assert np.isfinite(SMALL.extract(learnt, pictures, CPU)["local"]).all()


def test_one_picture_is_too_few(good):
    with pytest.raises(UsageError, match="two images"):
        SMALL.fit(good[:1], 0, CPU)


# ---------------------------------------------------------------- numbers


def test_columns_equal_their_definitions(state, fresh):
    local = SMALL.extract(state, fresh, CPU)["local"]
    maps = SMALL.heat_map(state, fresh, CPU)
    assert (local.shape, local.dtype, maps.shape, maps.dtype) == (
        (11, len(COLUMNS)),
        np.float32,
        (11, 16, 16),
        np.float32,
    )
    for numbers, one in zip(local, maps, strict=True):
        ranked = sorted(one.ravel().tolist())
        slow = [ranked[-1], np.mean(ranked[-3:]), ranked[-1] / ranked[int(0.9 * 255)]]
        assert numbers == pytest.approx(np.log(slow), abs=2e-3)


def test_company_and_threads_do_not_matter(state, fresh):
    import torch

    local = SMALL.extract(state, fresh, CPU)["local"]
    order = np.random.default_rng(0).permutation(11)
    assert np.array_equal(SMALL.extract(state, fresh[order], CPU)["local"], local[order])
    assert np.array_equal(SMALL.extract(state, fresh[6:7], CPU)["local"][0], local[6])
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            assert np.array_equal(SMALL.extract(state, fresh, CPU)["local"], local)
    finally:
        torch.set_num_threads(before)


def test_no_image_gives_no_rows(state, fresh):
    assert SMALL.extract(state, fresh[:0], CPU)["local"].shape == (0, 3)
    assert SMALL.heat_map(state, fresh[:0], CPU).shape == (0, 16, 16)


def test_the_state_survives_disk(state, fresh, tmp_path):
    np.savez(tmp_path / "state.npz", **state)
    with np.load(tmp_path / "state.npz", allow_pickle=False) as kept:
        again = dict(kept)
    assert np.array_equal(
        SMALL.extract(again, fresh, CPU)["local"], SMALL.extract(state, fresh, CPU)["local"]
    )
    json.dumps(SMALL.notes(state))


def test_other_weights_are_refused(state, fresh):
    foreign = {**state, "weights_sha256": state["weights_sha256"][::-1].copy()}
    with pytest.raises(ArtifactError):
        SMALL.extract(foreign, fresh, CPU)


# ---------------------------------------------------------------- the map


def test_one_is_where_a_good_place_in_a_hundred_lies_beyond(good, state):
    """Of the fifth of F that the Gaussians were not learnt from."""
    maps = SMALL.heat_map(state, good[: len(good) // 5], CPU)
    assert (maps > 1).mean() == pytest.approx(0.01, abs=0.002)


def test_the_peak_lies_on_the_defect(state):
    """Or beside it: a place is 8 of the prepared picture's 128 pixels and sees its neighbours."""
    hits = 0
    for seed in range(20):
        image, (top, left) = blot(board(200 + seed), seed)
        one = SMALL.heat_map(state, prepared([image]), CPU)[0]
        row, column = np.unravel_index(int(one.argmax()), one.shape)
        place = 160 / 16
        hits += top / place - 2 < row < (top + 12) / place + 1 and (
            left / place - 2 < column < (left + 12) / place + 1
        )
    assert hits >= 18


def test_defects_stand_out_of_good_pictures(state, fresh):
    bad = prepared([blot(board(300 + seed), seed)[0] for seed in range(11)])
    clean, marked = (SMALL.extract(state, x, CPU)["local"] for x in (fresh, bad))
    for j in range(len(COLUMNS)):
        assert (marked[:, j][:, None] > clean[:, j]).mean() > 0.95


def with_a_loose_part(seed: int, *, faint: bool = False) -> Image.Image:
    """The board with a part that is never twice at the same spot, and perhaps a faint patch elsewhere, .25 % of the area."""
    rng = np.random.default_rng([4, seed])
    pixels = np.array(board(seed))
    top, left = (int(v) for v in rng.integers(2, 22, 2))
    pixels[top : top + 24, left : left + 24] = [230, 220, 60]
    pixels[top + 8 : top + 16, left + 8 : left + 16] = [30, 30, 200]
    if faint:
        top, left = (int(v) for v in rng.integers(70, 146, 2))
        place = pixels[top : top + 8, left : left + 8].astype(int)
        pixels[top : top + 8, left : left + 8] = np.clip(place + rng.choice([-45, 45]), 0, 255)
    return Image.fromarray(pixels)


def test_a_place_where_good_pictures_differ_in_many_ways_hides_no_defect_elsewhere():
    """Compared with what is typical of each place: without that, stands_out ranks .85 of such pairs rightly."""
    learnt = SMALL.fit(prepared([with_a_loose_part(seed) for seed in range(60)]), 0, CPU)
    clean = prepared([with_a_loose_part(100 + seed) for seed in range(14)])
    marked = prepared([with_a_loose_part(200 + seed, faint=True) for seed in range(14)])
    good, bad = (SMALL.extract(learnt, x, CPU)["local"] for x in (clean, marked))
    for j in range(len(COLUMNS)):
        assert (bad[:, j][:, None] > good[:, j]).mean() > 0.95


# ---------------------------------------------------------------- settings


def test_the_whole_image_is_looked_at():
    """A corner of a wide picture is in, stretched."""
    wide = Image.new("RGB", (400, 100))
    wide.paste((255, 255, 255), (380, 0, 400, 20))
    seen = SMALL.prepare(Frame(wide, FileFacts(400, 100, 0, "PNG", "RGB", grey=False)))
    assert seen.shape == (128, 128, 3)
    assert seen[2, -2].min() > 200


@pytest.mark.parametrize("wrong", [{"side": 100}, {"side": 32}, {"directions": 121}, {"sides": 224}])
def test_settings_are_yaml_keys(wrong):
    read = TypeAdapter(Patches).validate_python
    assert read({"side": 320}).grid == 40
    with pytest.raises(ValidationError):
        read(wrong)


def test_its_documentation_has_every_section():
    for section in ("What it sees:", "What it misses:", "Statistic:", "Cost:", "Reference:"):
        assert section in (Patches.__doc__ or "")


def test_a_users_own_model_is_not_mistaken_for_the_trunk(good, state, tmp_path):
    """`--weights` belongs to the embedding's network."""
    other = tmp_path / "mine.pth"
    other.write_bytes(b"no weights of ours")
    runtime = replace(CPU, weights=str(other))
    assert np.array_equal(
        SMALL.extract(state, good[:1], runtime)["local"], SMALL.extract(state, good[:1], CPU)["local"]
    )
