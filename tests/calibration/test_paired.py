"""The same images clean and corrupted: aligned row for row, and whole or not there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from driftcli.calibration.paired import Change, Simulated, foreign, joined, moved, simulate
from driftcli.config.settings import Settings
from driftcli.core.features import Features
from driftcli.core.images import Entry
from driftcli.extractors.properties import Properties
from driftcli.reading.entries import entries_again, entries_of
from driftcli.reading.reader import Reader
from driftcli.reading.runtime import make_runtime
from tests.journey import pictures

SETTINGS = Settings(workers=1)
DARK, BLUR = Change("darken", 3), Change("gaussian_blur", 5)
COLUMNS = [column.name for column in Properties().columns("properties")]
LIGHT = COLUMNS.index("brightness")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six pictures in greys of their own, named against the order of their hashes."""
    root = tmp_path_factory.mktemp("greys")
    rng = np.random.default_rng(0)
    for level in (60, 90, 120, 150, 180, 210):
        noise = rng.integers(-20, 20, (48, 48, 3))
        Image.fromarray(np.clip(level + noise, 0, 255).astype(np.uint8)).save(root / f"{level:03d}.png")
    return root


@pytest.fixture(scope="module")
def reader():
    extractor = Properties()
    states = {"properties": extractor.fit(np.empty(0), 0, make_runtime(SETTINGS))}
    with Reader(SETTINGS, {"properties": extractor}, states, make_runtime(SETTINGS)) as opened:
        yield opened


def entries(folder):
    return list(entries_of([str(folder)], SETTINGS))


def test_rows_are_pairs(reader, folder):
    """Whatever the order of the entries: row i is one image, as it is and as it would be."""
    found = simulate(reader, entries(folder)[::-1], [DARK, BLUR], 0, "")
    assert len(found) == 6
    assert list(found.clean.content) == sorted(found.clean.content)
    level = np.array([int(name[-7:-4]) for name in found.clean.names])
    clean = found.clean.views["properties"][:, LIGHT]
    dark = found.changed[DARK]["properties"][:, LIGHT]
    assert list(np.argsort(clean)) == list(np.argsort(level))
    assert list(np.argsort(dark)) == list(np.argsort(level))
    assert (dark < clean).all()
    assert np.allclose(found.changed[BLUR]["properties"][:, LIGHT], clean, rtol=0.05)


def test_order_and_names_of_the_entries_leave_no_trace(reader, folder):
    """Noise, too: it is drawn from the seed and the image's own hash."""
    changes = [Change("gaussian_noise", 2)]
    one, other = (simulate(reader, some, changes, 3, "") for some in (entries(folder), entries(folder)[::-1]))
    assert one.clean.names == other.clean.names
    for change in changes:
        for view, x in one.changed[change].items():
            assert np.array_equal(x, other.changed[change][view], equal_nan=True)
    again = simulate(reader, entries(folder), changes, 4, "")
    assert not np.array_equal(again.changed[changes[0]]["properties"], one.changed[changes[0]]["properties"])


def test_images_that_fail_and_copies_are_left_out(reader, folder, tmp_path):
    """A broken file is in no row; two names of the same bytes are one row."""
    good = entries(folder)
    broken = tmp_path / "broken.png"
    broken.write_bytes((folder / "060.png").read_bytes()[:200])
    copy = replace(good[0], name="copy.png")
    found = simulate(reader, [*good, Entry(str(broken), str(broken)), copy], [DARK], 0, "")
    assert len(found) == 6
    assert str(broken) not in found.clean.names


def test_nothing_to_read_is_no_image(reader):
    found = simulate(reader, [], [DARK], 0, "")
    assert len(found) == 0


def test_parts_join_to_what_one_pass_would_have_made(reader, folder):
    """Bit for bit: some images in two passes of different changes, the others in one."""
    files, noise = entries(folder), Change("gaussian_noise", 2)
    changes = [DARK, noise, BLUR]
    whole = simulate(reader, files, changes, 3, "")
    some, others = files[1::2], files[::2]
    parts = [
        [simulate(reader, some, [noise], 3, ""), simulate(reader, some, [DARK, BLUR], 3, "")],
        [simulate(reader, others, changes, 3, "")],
    ]
    found = joined(parts, ["properties"])
    assert found.clean.names == whole.clean.names
    assert set(found.changed) == set(changes)
    for change in changes:
        ours, theirs = (one.changed[change]["properties"] for one in (found, whole))
        assert np.array_equal(ours, theirs, equal_nan=True)


def test_an_image_that_one_pass_lacks_is_in_no_row(reader, folder):
    files = entries(folder)
    one, other = simulate(reader, files[:3], [DARK], 0, ""), simulate(reader, files[1:5], [BLUR], 0, "")
    names = {entry.name for entry in files[1:3]}
    assert set(joined([[one, other]], ["properties"]).clean.names) == names
    nothing = simulate(reader, [], [DARK], 0, "")
    assert set(joined([[one, other], [nothing]], ["properties"]).clean.names) == names
    assert len(joined([[nothing, one], [nothing]], ["properties"])) == 0


def test_entries_are_found_again_by_name(folder):
    wanted = [str(folder / "090.png"), str(folder / "210.png")]
    assert [entry.name for entry in entries_again([str(folder)], SETTINGS, wanted)] == wanted


def test_standard_input_is_not_read_again():
    """There a name is a path."""
    found = list(entries_again(["-"], SETTINGS, {"b.png", "a.png"}))
    assert [(entry.name, entry.path) for entry in found] == [("a.png", "a.png"), ("b.png", "b.png")]


def test_foreign_pictures_are_the_same_each_time():
    assert [entry.data for entry in foreign()] == [entry.data for entry in foreign()]


# ---------------------------------------------------------------- moved


def simulated(before: list, after: list) -> Simulated:
    clean, changed = (np.array(x, np.float32) for x in (before, after))
    n = len(clean)
    hashes = np.zeros(n, np.uint64)
    features = Features(("x",) * n, np.zeros(n, "S64"), hashes, hashes, {"v": clean})
    return Simulated(features, {DARK: {"v": changed}})


def test_moved_adds_what_the_change_did():
    pairs = simulated([[1.0, 10.0], [3.0, 20.0]], [[2.0, 9.0], [4.0, 19.0]])
    x = {"v": np.array([[0.0, 0.0], [5.0, 5.0], [7.0, 7.0]], np.float32)}
    out = moved(x, pairs, DARK, np.random.default_rng(0))["v"]
    assert out.dtype == np.float32
    assert np.array_equal(out, x["v"] + np.array([1.0, -1.0], np.float32))


@pytest.mark.parametrize(
    ("before", "after", "value", "expected"),
    [
        (np.nan, 5.0, 1.0, 5.0),  # the change made it measurable
        (2.0, np.nan, 1.0, np.nan),  # the change made it unmeasurable
        (np.nan, np.nan, 1.0, np.nan),
        (2.0, 5.0, np.nan, 5.0),  # not there before, there after
        (2.0, np.nan, np.nan, np.nan),
    ],
)
def test_a_missing_value_is_taken_as_it_is_after_the_change(before, after, value, expected):
    pairs = simulated([[before]], [[after]])
    out = moved({"v": np.array([[value]], np.float32)}, pairs, DARK, np.random.default_rng(0))["v"]
    assert np.array_equal(out, np.array([[expected]], np.float32), equal_nan=True)


def test_pictures_of_the_journey_keep_their_pairs(reader, tmp_path):
    """JPEG photographs: every one darker than itself."""
    folder = pictures(tmp_path / "photos", 8, 1)
    found = simulate(reader, entries(folder), [DARK], 0, "")
    clean = found.clean.views["properties"][:, LIGHT]
    assert len(found) == 8
    assert (found.changed[DARK]["properties"][:, LIGHT] < clean).all()
