"""What a baseline is good for, in numbers that can be acted on."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from driftcli.core.adequacy import TIMES, adequacy, largest_batch


def test_it_says_what_is_enough_and_what_would_be():
    assert adequacy(150, 60) == "adequate for batches of up to 7 images; for 60 give 1,200"
    assert adequacy(150) == "adequate for batches of up to 7 images; for 20 give 400"
    assert adequacy(20) == "adequate for batches of up to 1 image; for 20 give 400"
    assert adequacy(1_200, 60) == "adequate for batches of up to 60 images"
    assert adequacy(100_000) == "adequate for batches of up to 5,000 images"


@given(st.integers(0, 10**7), st.one_of(st.none(), st.integers(1, 10**6)))
def test_what_it_asks_for_is_enough_and_no_image_more(images, batch):
    asked = re.search(r"; for ([\d,]+) give ([\d,]+)$", adequacy(images, batch))
    if asked is None:
        assert batch is None or batch <= largest_batch(images)
        return
    size, wanted = (int(number.replace(",", "")) for number in asked.groups())
    assert size > largest_batch(images)
    assert (largest_batch(wanted), largest_batch(wanted - 1)) == (size, size - 1)
    assert wanted == TIMES * size
