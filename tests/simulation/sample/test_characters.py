"""Digits and letters: the same bytes again, and as unlike as MNIST and notMNIST are."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from driftcli.core.errors import UsageError
from driftcli.simulation.sample import characters, days, samples

BY_NAME = {folder.name: folder for folder in samples.CHARACTERS.folders}


def pixels(name, count=60):
    return np.stack(
        [np.asarray(Image.open(io.BytesIO(characters.photo(BY_NAME[name], i, 0).data))) for i in range(count)]
    )


def test_an_image_is_a_function_of_seed_folder_and_index():
    first = characters.photo(BY_NAME["digits"], 7, 0)
    characters.photo(BY_NAME["letters-today"], 1, 0)
    assert characters.photo(BY_NAME["digits"], 7, 0) == first
    assert len({characters.photo(BY_NAME[name], 7, seed).data for name in BY_NAME for seed in (0, 1)}) == 8


def test_digits_keep_a_margin_and_letters_fill_the_frame():
    """28 x 28, grey, white on black; all ten of each, none of the other."""
    digits, letters = pixels("digits-today"), pixels("letters-today")
    assert digits.shape == letters.shape == (60, 28, 28)
    border = np.ones((28, 28), bool)
    border[3:-3, 3:-3] = False
    assert digits[:, border].mean() < 2
    assert letters[:, border].mean() > 20
    assert 1.5 * digits.mean() < letters.mean()
    for name, known in (("digits", characters.DIGITS), ("letters-today", characters.LETTERS)):
        assert {characters.photo(BY_NAME[name], i, 0).label for i in range(100)} == set(known)


def small(sample):
    return replace(sample, folders=tuple(replace(folder, images=2) for folder in sample.folders))


def test_a_sample_is_written_once_and_is_never_taken_for_another(tmp_path):
    """A folder of ours with another sample in it is drawn anew; one of somebody else's is refused."""
    parts, drawn = small(samples.PARTS), small(samples.CHARACTERS)
    assert days.generate(tmp_path / "a", sample=drawn) == 8
    assert days.generate(tmp_path / "a", sample=drawn) == 0
    assert json.loads((tmp_path / "a" / days.MARK).read_text())["sample"] == "characters"
    with (tmp_path / "a" / "digits" / "manifest.csv").open(encoding="utf-8") as file:
        assert [row["path"] for row in csv.DictReader(file)] == ["img-0000.png", "img-0001.png"]
    week = small(days.Sample(days.FOLDERS))
    days.generate(tmp_path / "b", sample=week)
    soft = (tmp_path / "b" / "day-07" / "img-0000.jpg").read_bytes()
    assert days.generate(tmp_path / "b", sample=parts) == 18
    assert (tmp_path / "b" / "day-07" / "img-0000.jpg").read_bytes() != soft
    (tmp_path / "c" / "digits").mkdir(parents=True)
    with pytest.raises(UsageError):
        days.generate(tmp_path / "c", sample=drawn)


def test_the_week_to_draw_is_healthy_throughout():
    """What goes wrong in the stories, `simulate` does."""
    assert {folder.fault for folder in samples.PARTS.folders} == {days.HEALTHY}
    assert [folder.name for folder in samples.PARTS.folders][-7:] == [f"day-0{day}" for day in range(1, 8)]
