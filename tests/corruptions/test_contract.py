"""What every corruption promises, whatever it does."""

from __future__ import annotations

import inspect
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from driftcli.corruptions.base import SEVERITIES, Class
from tests.corruptions._drawn import KINDS, digit, distance, kind, rng, same, scene, values

pytestmark = pytest.mark.parametrize("name", KINDS)
NOT_LENGTHS = {
    name for name in KINDS if "224" not in kind(name).unit
}  # lengths below a pixel may change nothing in tiny images


def test_it_says_what_it_is(name):
    """Docstring, class, unit for people, five amounts in one direction."""
    one = kind(name)
    assert len(inspect.getdoc(type(one)) or "") > 20
    assert one.belongs in get_args(Class)
    assert one.unit
    assert one.unit.startswith(one.short_unit)
    assert not {" at ", "("} & {mark for mark in (" at ", "(") if mark in (one.short_unit or one.unit)}
    steps = np.diff(one.amounts)
    assert len(steps) == 4
    assert (steps > 0).all() or (steps < 0).all()


def test_amounts_between_severities_are_interpolated_and_others_refused(name):
    corruption = kind(name)
    assert [corruption.amount(severity) for severity in SEVERITIES] == list(corruption.amounts)
    assert corruption.amount(2.5) == pytest.approx((corruption.amounts[1] + corruption.amounts[2]) / 2)
    for wrong in (0, 0.99, 5.01, float("nan")):
        with pytest.raises(ValueError, match="between 1 and 5"):
            corruption.amount(wrong)


def test_severity_is_the_inverse_of_the_amount(name):
    corruption = kind(name)
    for severity in (1, 1.25, 3, 4.5, 5):
        assert corruption.severity(corruption.amount(severity)) == pytest.approx(severity)
    first, last = sorted((corruption.amounts[0], corruption.amounts[-1]))
    assert corruption.severity(first - 1e-6) is None
    assert corruption.severity(last + 1e-6) is None


@pytest.mark.parametrize("size", [(90, 70), (16, 60), (1, 40), (1, 1), (500, 460)], ids=str)
def test_whatever_lies_within_the_bounds_can_be(name, size):
    """Both bounds and a way beyond severity 5: an image of the same size; severities lie within."""
    corruption = kind(name)
    least, most = corruption.bounds
    assert least <= min(corruption.amounts) < max(corruption.amounts) <= most
    assert corruption.symbol == corruption.symbol.lower().strip()
    assert not corruption.symbol[0].isdigit()
    for amount in (least, (least + most) / 2, most):
        changed = corruption.apply(scene(*size), amount, rng())
        assert (changed.size, changed.mode) == (size, "RGB")


@pytest.mark.parametrize(
    "size", [(300, 240), (16, 300), (1, 40), (40, 1), (1, 1), (16, 16), (700, 520)], ids=str
)
def test_size_and_mode_stay_and_the_original_is_not_touched(name, size):
    image = scene(*size)
    before = image.tobytes()
    for severity in (1, 2.5, 5):
        changed = kind(name)(image, severity, rng())
        assert (changed.size, changed.mode) == (size, "RGB")
        assert changed is not image
    assert image.tobytes() == before


def test_the_same_generator_gives_the_same_pixels(name):
    image = scene()
    for severity in SEVERITIES:
        first, second = (kind(name)(image, severity, rng(7)) for _ in range(2))
        assert same(first, second)


def test_stronger_is_farther_from_the_original(name):
    """Mean over generators, because some kinds (flips) act on some images only."""
    image = scene()
    seeds = range(25 if name == "flip" else 4)
    far = [np.mean([distance(image, kind(name)(image, s, rng(seed))) for seed in seeds]) for s in SEVERITIES]
    assert far[0] > 0
    assert (np.diff(far) > 0).all(), far


def test_digits_are_changed_at_the_highest_severity(name):
    """28 × 28, grey as RGB. Colour that is not there cannot be lost or strengthened."""
    image = digit()
    variants = [kind(name)(image, 5, rng(seed)) for seed in range(3)]
    if name in {"grey_scale", "saturation"}:
        assert all(same(image, variant) for variant in variants)
    elif name == "flip":
        assert same(variants[0], image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    elif name in NOT_LENGTHS:
        assert any(not same(image, variant) for variant in variants)


def test_grey_stays_grey_unless_it_is_a_cast(name):
    """Only a corruption of colour may tint it, and the two casts do."""
    pixels = values(kind(name)(digit(), 5, rng(1)))
    grey = (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all()
    assert grey or kind(name).belongs == "colour"
    assert not grey or name not in {"colour_cast", "white_balance"}


def test_severity_means_the_same_at_every_size(name):
    """What a small picture of the image shows is as far from the original, whatever the image's own size."""
    if name in {"jpeg", "flip"}:  # quality acts at the image's own resolution; a flip is a flip
        return
    far = []
    for factor in (1, 3):
        image = scene().resize((300 * factor, 240 * factor), Image.Resampling.BICUBIC)
        near = []
        for seed in range(3):
            changed = kind(name)(image, 4, rng(seed))
            small = [large.resize((150, 120), Image.Resampling.BOX) for large in (image, changed)]
            near.append(distance(*small))
        far.append(np.mean(near))
    assert 0.5 < far[0] / far[1] < 2, far
