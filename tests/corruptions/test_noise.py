"""Noise is as strong, as rare and as coarse as it says."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.corruptions._drawn import flat, kind, rng, values


@pytest.mark.parametrize("amount", kind("gaussian_noise").amounts)
def test_gaussian_noise_has_its_standard_deviation(amount):
    noisy = values(kind("gaussian_noise").apply(flat(128), amount, rng()))
    assert noisy.std() == pytest.approx(amount, rel=0.05)
    assert noisy.mean() == pytest.approx(128, abs=0.5)


def test_colour_images_get_noise_in_every_channel_and_grey_ones_in_all_together():
    colour = Image.new("RGB", (200, 200), (120, 128, 136))
    for name in ("gaussian_noise", "shot_noise"):
        channels = values(kind(name)(colour, 3, rng())).reshape(-1, 3).T
        assert abs(np.corrcoef(channels)[np.triu_indices(3, 1)]).max() < 0.03
        channels = values(kind(name)(flat(128), 3, rng())).reshape(-1, 3).T
        assert (channels[0] == channels[1]).all()


@pytest.mark.parametrize(("side", "grain"), [(224, 1), (440, 1), (448, 2), (900, 4)])
def test_the_grain_follows_the_image(side, grain):
    """Squares of one value, so that as much noise survives the shrinking to 224 px."""
    noisy = values(kind("gaussian_noise").apply(flat(128, side, side), 20, rng()))[..., 0]
    block = noisy[: grain * 20, : grain * 20].reshape(20, grain, 20, grain)
    assert (block == block[:, :1, :, :1]).all()
    assert noisy[0, grain] != noisy[0, 0] or noisy[grain, 0] != noisy[0, 0]
    assert noisy.std() == pytest.approx(20, rel=0.05)


@pytest.mark.parametrize("level", [10, 60, 128, 200])
@pytest.mark.parametrize("amount", kind("shot_noise").amounts)
def test_shot_noise_is_poisson(amount, level):
    """Mean as it was, variance = light / photons; skewed as counts are. Rounding adds a twelfth."""
    noisy = values(kind("shot_noise").apply(flat(level, 300, 300), amount, rng()))[..., 0]
    photons = level / 255 * amount
    expected = np.sqrt(photons) * 255 / amount
    if level + 3 * expected < 255:  # else white clips
        assert noisy.mean() == pytest.approx(level, abs=0.3 + 0.02 * expected)
        assert noisy.std() == pytest.approx(np.sqrt(expected**2 + 1 / 12), rel=0.05)


def test_counts_are_skewed_as_poisson_counts_are_on_both_sides_of_the_switch():
    """Exact below 4 expected photons, an expansion above: third moment = mean."""
    for level in (40, 50, 60, 100):
        counts = values(kind("shot_noise").apply(flat(level, 400, 400), 20, rng()))[..., 0] * 20 / 255
        mean = level / 255 * 20
        assert ((counts - counts.mean()) ** 3).mean() == pytest.approx(mean, rel=0.15)


def test_black_has_no_shot_noise():
    assert values(kind("shot_noise")(flat(0), 5, rng())).max() == 0


@pytest.mark.parametrize("amount", kind("impulse_noise").amounts)
def test_impulses_hit_their_share_half_black_half_white(amount):
    noisy = values(kind("impulse_noise").apply(flat(128, 400, 400), amount, rng()))[..., 0]
    spread = 4 * np.sqrt(amount / 200 / 160_000) * 100
    assert (noisy == 0).mean() * 100 == pytest.approx(amount / 2, abs=spread)
    assert (noisy == 255).mean() * 100 == pytest.approx(amount / 2, abs=spread)
    assert np.isin(noisy, (0, 128, 255)).all()


@pytest.mark.parametrize("side", [224, 900])
@pytest.mark.parametrize("amount", kind("dead_pixels").amounts)
def test_dead_pixels_are_so_many_of_a_hundred_thousand(amount, side):
    grain = 1 if side == 224 else 4
    changed = values(kind("dead_pixels").apply(flat(128, side, side), amount, rng()))
    dead = (changed != 128).any(axis=2).sum() / grain**2
    assert dead == max(1, round((side // grain) ** 2 * amount / 100_000))


def test_one_sensor_took_all_images():
    """Defects are where they are, whatever the generator; a lower severity has part of them."""
    for name in ("dead_pixels", "dead_columns"):
        first, second = (values(kind(name)(flat(128), 4, rng(seed))) for seed in (1, 2))
        assert (first == second).all()
        fewer = values(kind(name)(flat(128), 2, rng()))
        assert ((fewer != 128) <= (first != 128)).all()
    other = (values(kind("dead_pixels")(flat(level), 4, rng())) for level in (90, 160))
    assert np.array_equal(
        *((pixels != level).any(axis=2) for pixels, level in zip(other, (90, 160), strict=True))
    )


@pytest.mark.parametrize("amount", kind("dead_columns").amounts)
def test_dead_columns_are_whole_and_so_many(amount):
    changed = values(kind("dead_columns").apply(flat(128, 1000, 300), amount, rng()))[..., 0]
    dead = (changed != 128).all(axis=0)
    assert dead.sum() == round(1000 * amount / 100)
    assert (changed[:, ~dead] == 128).all()
