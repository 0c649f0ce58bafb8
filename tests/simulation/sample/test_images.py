"""The sample images: the same bytes again, as many and as small as promised, wrong only where they should be."""

from __future__ import annotations

import csv
import functools
import io
from collections import Counter
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from driftcli.core.errors import UsageError
from driftcli.simulation.sample import days

BY_NAME = {folder.name: folder for folder in days.FOLDERS}
WEEK = [f"day-0{day}" for day in range(1, 8)]


@functools.cache
def photos(name, seed=0, count=None):
    count = count or (80 if name == "reference" else 40)
    return tuple(days.photo(BY_NAME[name], index, seed) for index in range(count))


def pixels(photo):
    return np.asarray(Image.open(io.BytesIO(photo.data)), np.float64)


def sharpness(photo):
    grey = pixels(photo).mean(2)
    inner = grey[1:-1, 1:-1]
    laplacian = 4 * inner - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    return np.log(laplacian.var())


def warmth(photo):
    """Red over blue on bare belt: the corners above the rail, where no part ever lies."""
    belt = pixels(photo)[:24, :24]
    return np.log(belt[..., 0].mean() / belt[..., 2].mean())


@functools.cache
def shift(name, measure):
    """How many standard deviations of good images a day's mean lies off."""
    good = [measure(photo) for photo in photos("reference")]
    day = [measure(photo) for photo in photos(name)]
    return (np.mean(day) - np.mean(good)) / np.std(good)


def test_an_image_is_a_function_of_seed_folder_and_index():
    """Drawing it again, after others, gives the same bytes."""
    first = days.photo(BY_NAME["good"], 7, 0)
    for index in (3, 1):
        days.photo(BY_NAME["day-05"], index, 0)
    assert days.photo(BY_NAME["good"], 7, 0) == first


def test_seeds_and_folders_differ():
    """Another seed or folder is another draw; no two images are the same."""
    drawn = [photos("good"), photos("good", 1, 5), photos("day-01"), photos("reference")]
    files = [photo.data for folder in drawn for photo in folder]
    assert len(set(files)) == len(files)


def test_enough_images_and_at_most_ten_megabytes():
    """Counts as promised; the total is estimated from a part of every folder."""
    assert BY_NAME["reference"].images >= 300
    assert BY_NAME["good"].images >= 200
    assert {BY_NAME[name].images for name in [*WEEK, "day-mix"]} == {40}
    total = sum(np.mean([len(p.data) for p in photos(f.name)]) * f.images for f in days.FOLDERS)
    assert 4e6 < total < 10e6


def test_the_files_say_when_and_by_what_they_were_taken():
    """Make, model and capture time are in EXIF; times rise through the shift."""
    taken = photos("day-03")
    exif = Image.open(io.BytesIO(taken[0].data)).getexif()
    assert (exif[0x010F], exif[0x0110]) == ("Example Optics", "LineCam 200")
    stamp = exif.get_ifd(0x8769)[0x9003]
    assert stamp == taken[0].taken.strftime("%Y:%m:%d %H:%M:%S")
    assert stamp.startswith("2026:02:04")
    assert [p.taken for p in taken] == sorted(p.taken for p in taken)


def test_only_the_mix_day_has_another_mix():
    """Gears are the rarest part on usual days and most of the parts on the mix day."""
    usual = Counter(photo.label for name in ("reference", *WEEK[:3]) for photo in photos(name))
    mixed = Counter(photo.label for photo in photos("day-mix"))
    assert usual["C"] / usual.total() < 0.3 < usual["A"] / usual.total()
    assert mixed["C"] / mixed.total() > 0.45


def test_on_the_mix_day_the_pictures_stay_the_same():
    """Sharpness and the colour of the belt are those of good days."""
    assert abs(shift("day-mix", sharpness)) < 0.6
    assert abs(shift("day-mix", warmth)) < 0.6


def test_days_one_to_three_are_as_sharp_as_good_ones():
    """The mean of 40 images lies within four standard errors of the reference."""
    assert all(abs(shift(name, sharpness)) < 0.65 for name in WEEK[:3])


def test_from_day_four_the_lens_is_out_of_focus_and_more_so_each_day():
    """Laplacian variance falls, first by little."""
    falls = [shift(name, sharpness) for name in WEEK[3:]]
    assert falls == sorted(falls, reverse=True)
    assert -2.2 < falls[0] < -1.0


def test_the_cast_begins_on_day_six():
    """Red over blue rises on days 6 and 7, and not before."""
    assert all(abs(shift(name, warmth)) < 0.65 for name in WEEK[:5])
    assert 1.5 < shift("day-06", warmth) < shift("day-07", warmth)


@pytest.fixture
def small(monkeypatch):
    """The same folders with three images each."""
    few = tuple(days.Folder(f.name, 3, f.first_day, f.mix, f.fault) for f in days.FOLDERS)
    monkeypatch.setattr(days, "FOLDERS", few)


def everything(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("small")
def test_two_runs_write_the_same_bytes(tmp_path):
    """Whole trees agree: images, manifests and mark."""
    assert days.generate(tmp_path / "a") == days.generate(tmp_path / "b") == 30
    assert everything(tmp_path / "a") == everything(tmp_path / "b")


@pytest.mark.usefixtures("small")
def test_only_what_is_absent_is_made(tmp_path):
    """A complete tree costs nothing; a lost image brings its folder back; another seed replaces all."""
    days.generate(tmp_path)
    before = everything(tmp_path)
    assert days.generate(tmp_path) == 0
    (tmp_path / "good" / "img-0002.jpg").unlink()
    assert days.generate(tmp_path) == 3
    assert everything(tmp_path) == before
    assert days.generate(tmp_path, seed=1) == 30
    assert everything(tmp_path) != before


@pytest.mark.usefixtures("small")
def test_manifests_name_every_image_with_label_and_time(tmp_path):
    """`path` is relative to the manifest."""
    days.generate(tmp_path)
    with (tmp_path / "day-01" / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [days.name(index) for index in range(3)]
    assert all((tmp_path / "day-01" / row["path"]).is_file() for row in rows)
    assert {row["label"] for row in rows} <= set("ABC")
    assert all(datetime.fromisoformat(row["time"]).year == 2026 for row in rows)


@pytest.mark.usefixtures("small")
def test_files_of_others_are_not_written_over(tmp_path):
    """A folder named `good` that is not ours is left alone."""
    mine = tmp_path / "good" / "img-0000.jpg"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    with pytest.raises(UsageError) as raised:
        days.generate(tmp_path)
    assert raised.value.hint
    assert mine.read_bytes() == b"mine"
