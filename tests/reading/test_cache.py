"""The cache of features: faster or nothing, and never another verdict."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftcli.config.settings import Settings
from driftcli.core.images import Decoded, FileFacts
from driftcli.core.progress import Progress
from driftcli.extractors.autoencoder import Autoencoder
from driftcli.extractors.base import Runtime
from driftcli.reading.cache import FILE, FeatureCache, digest_of_numbers
from driftcli.sources.decoding.cache import Lookup, key_of, packed, unpacked
from tests.journey import pictures, succeed

FACTS = FileFacts(8, 9, 100, "JPEG", "RGB", grey=False, exif={"model": "é\udcff", "iso": 0.1})
DIGEST = "ab" * 32


class Heard(Progress):
    """Keeps warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def image(i, size=9):
    rng = np.random.default_rng(i)
    item = Decoded(f"{i}.jpg", {}, rng.bytes(32), rng.bytes(32), 2**64 - 1 - i, FACTS, {})
    return item, {
        "error": rng.standard_normal(size).astype(np.float32),
        "style": rng.standard_normal(7).astype(np.float16).astype(np.float32),
        "properties": np.array([np.nan, -0.0, np.inf, 1e-42], np.float32),
    }


def opened(folder, megabytes=1024, heard=None):
    settings = Settings.model_validate({"cache": {"folder": str(folder), "megabytes": megabytes}})
    return FeatureCache(settings, DIGEST, heard or Heard())


def found(cache, item):
    """The views of an entry, or None."""
    answer = Lookup().find(cache.known, item.content)
    if answer is None:
        return None
    header, body = answer
    views, at = {}, 0
    for name, dtype, shape in header["arrays"]:
        views[name] = np.frombuffer(body, dtype, int(np.prod(shape)), at).astype(np.float32)
        at += views[name].size * np.dtype(dtype).itemsize
    return header, views


# ---------------------------------------------------------------- entries


def test_what_comes_back_is_what_went_in(tmp_path):
    """Bit for bit, missing values and odd names of cameras included."""
    item, views = image(1)
    with opened(tmp_path) as cache:
        assert found(cache, item) is None
        cache.add([(item, views)])
        header, again = found(cache, item)
    assert FileFacts(**header["facts"]) == item.facts
    assert (bytes.fromhex(header["pixels"]), header["near"]) == (item.pixels, item.near)
    assert {name: x.tobytes() for name, x in again.items()} == {
        name: x.tobytes() for name, x in views.items()
    }
    assert found(opened(tmp_path), item) is not None
    assert found(opened(tmp_path), image(2)[0]) is None


@given(st.data())
def test_a_damaged_entry_is_never_believed(data):
    """Any change of any byte, any cut, any other key."""
    item, views = image(3)
    key = key_of(DIGEST, item.content)
    value = packed(key, item, views)
    assert unpacked(key, value) is not None
    at = data.draw(st.integers(0, len(value) - 1))
    flipped = bytearray(value)
    flipped[at] ^= data.draw(st.integers(1, 255))
    assert unpacked(key, bytes(flipped)) is None
    assert unpacked(key, value[:at]) is None
    assert unpacked(key, value + b"\0") is None
    assert unpacked(key_of(DIGEST, b"\0" * 32), value) is None


def test_all_that_decides_about_numbers_is_part_of_the_key(tmp_path):
    """Settings of decoding and extractors, what was learnt, the mask's bytes, what this machine makes of canaries."""
    mask = pictures(tmp_path, 1, 0, form="png") / "0000.png"
    copy = shutil.copy(mask, tmp_path / "copy.png")
    kinds, state = (
        {"autoencoder": Autoencoder(side=32)},
        {"autoencoder": {"weight.a": np.zeros(3, np.float32)}},
    )
    canary = {"error": np.ones((3, 9), np.float32)}

    def numbers(settings=Settings(), kinds=kinds, state=state, canary=canary):  # noqa: B008 - frozen
        return digest_of_numbers(settings, kinds, state, Runtime(), canary)

    def masked(path):
        return numbers(Settings.model_validate({"decode": {"mask": str(path)}}))

    assert numbers() == numbers(Settings.model_validate({"workers": 1, "seed": 4, "gate": {"alpha": 0.2}}))
    others = [
        numbers(Settings.model_validate({"decode": {"crop": "0,0,.5,.5"}})),
        numbers(kinds={"autoencoder": Autoencoder(side=28)}),
        numbers(state={"autoencoder": {"weight.a": np.full(3, 1e-9, np.float32)}}),
        numbers(state={"autoencoder": {"weight.b": np.zeros(3, np.float32)}}),
        numbers(state={"autoencoder": {"weight.a": np.zeros((3, 1), np.float32)}}),
        numbers(canary={"error": np.nextafter(canary["error"], np.float32(2))}),
        masked(mask),
        masked(copy),  # the path is a setting that the artifact keeps
    ]
    before = masked(copy)
    pictures(tmp_path / "other", 1, 5, form="png")
    shutil.copy(tmp_path / "other" / "0000.png", copy)
    others.append(masked(copy))
    assert before in others
    assert len({numbers(), *others}) == 1 + len(others)


# ---------------------------------------------------------------- the file


def test_it_stays_below_its_bound_and_forgets_what_was_not_used_for_longest(tmp_path, monkeypatch):
    """Entries that a later run used outlive older ones; the file itself does not grow."""
    now = [1_000_000]
    monkeypatch.setattr("driftcli.reading.cache.time.time", lambda: now[0])
    runs = [[image(1000 * run + i, size=2000) for i in range(40)] for run in range(8)]
    for run, images in enumerate(runs):
        now[0] += 10_000
        with opened(tmp_path, megabytes=1) as cache:
            cache.used([item.content for item, _ in runs[0]])
            cache.add(images)
        assert Path(cache.known.path).stat().st_size <= (1 << 20) + (1 << 19), run
    kept = [sum(found(cache, item) is not None for item, _ in images) for images in runs]
    assert kept[-1] == 40
    assert kept[0] > 20  # the oldest, and used in every run
    assert kept[1] == kept[2] == 0


def test_of_a_batch_that_does_not_fit_the_part_that_fits_stays(tmp_path, monkeypatch):
    """Said once. The next run finds that part; a cache that forgot its own entries would serve nobody."""
    monkeypatch.setattr("driftcli.reading.cache._LOOK", 40)
    heard = Heard()
    images = [image(i, size=2000) for i in range(400)]
    with opened(tmp_path, megabytes=1, heard=heard) as cache:
        for start in range(0, 400, 20):
            cache.add(images[start : start + 20])
    assert len(heard.warnings) == 1
    assert "the cache is full (1 MB)" in heard.warnings[0]
    hits = [found(cache, item) is not None for item, _ in images]
    assert 80 < sum(hits) < 200
    assert all(hits[:80])


def test_several_write_at_once(tmp_path):
    """Four writers, the same images among theirs: all entries are there, none is wrong."""
    everything = [image(i) for i in range(300)]
    barrier, failed = threading.Barrier(4), []

    def write(order):
        heard = Heard()
        barrier.wait()
        with opened(tmp_path, heard=heard) as cache:
            for start in range(0, 300, 25):
                cache.add([everything[i] for i in order[start : start + 25]])
        failed.extend(heard.warnings)

    rng = np.random.default_rng(0)
    threads = [threading.Thread(target=write, args=(rng.permutation(300),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    for item, views in everything:
        _, again = found(opened(tmp_path), item)
        assert again["error"].tobytes() == views["error"].tobytes()


@pytest.mark.parametrize("fault", ["a file in its place", "no database", "no permission", "a full disk"])
def test_a_cache_that_cannot_be_used_is_a_warning(tmp_path, fault, monkeypatch):
    """Said once, and everything else goes on."""
    folder = tmp_path / "cache"
    if fault == "a file in its place":
        folder.write_bytes(b"")
    elif fault == "no database":
        folder.mkdir()
        (folder / FILE).write_bytes(b"something else, and longer than a header of SQLite" * 100)
    elif fault == "no permission":
        monkeypatch.setattr(sqlite3, "connect", _refused)
    heard = Heard()
    with opened(folder, heard=heard) as cache:
        if fault == "a full disk":
            cache._file.execute("PRAGMA max_page_count = 1")
        for i in range(4):
            cache.add([image(100 * i + k, size=2000) for k in range(20)])
            cache.used([image(i)[0].content])
    assert len(heard.warnings) == 1
    assert "going on without it" in heard.warnings[0]
    assert fault == "no permission" or found(cache, image(99)[0]) is None


def _refused(*_, **__):
    raise sqlite3.OperationalError("unable to open database file")


# ---------------------------------------------------------------- the commands

FAST = ("--method", "properties", "--workers", "1", "-q", "--detectable", "none")


@pytest.fixture(scope="module")
def ref(world, tmp_path_factory):
    """An artifact of properties alone: quick to fit and to check."""
    place = tmp_path_factory.mktemp("properties") / "ref"
    succeed("fit", world.train, world.good, "-o", place, *FAST)
    return place


def test_the_same_result_with_and_without(ref, world, check, tmp_path):
    """First nothing is known, then half, then all; whatever the workers; an unreadable file stays one."""
    batch, cache = tmp_path / "batch", tmp_path / "cache"
    shutil.copytree(world.bright, batch)
    for path in sorted(batch.iterdir())[:12]:
        os.link(path, tmp_path / path.name)
    (batch / "torn.jpg").write_bytes((batch / "0000.jpg").read_bytes()[:700])
    half = check(ref, *sorted(tmp_path.glob("*.jpg")), "--cache", cache)
    assert half.result["timing"]["cached"] == 0
    plain = check(ref, batch)
    for workers, known in ((1, 12), (2, 24), (1, 24)):
        with_cache = check(ref, batch, "--cache", cache, "--workers", workers)
        assert with_cache.timeless == plain.timeless
        assert with_cache.result["timing"]["cached"] == known
        assert with_cache.result["ledger"]["unreadable"] == {"truncated": 1}
        assert with_cache.err == plain.err


def test_another_artifact_finds_nothing_of_this_one(ref, world, check, tmp_path):
    """One that measures other things, with the same pictures in the cache."""
    cache, other = tmp_path / "c", tmp_path / "other"
    succeed("fit", world.train, "-o", other, *FAST, "--set", "extractors.properties.side=200")
    for artifact, known in ((ref, 0), (other, 0), (ref, 24), (other, 24)):
        assert check(artifact, world.fresh, "--cache", cache).result["timing"]["cached"] == known


def test_damage_is_measured_again_and_mended(ref, world, check, tmp_path):
    """A byte in the middle of every value: none is used, the result is the same, and next time all are there."""
    plain = check(ref, world.fresh)
    cache = tmp_path / "cache"
    check(ref, world.fresh, "--cache", cache)
    with sqlite3.connect(cache / FILE) as file:
        rows = file.execute("SELECT key, value FROM entries").fetchall()
        assert len(rows) == 24
        for key, value in rows:
            broken = bytearray(value)
            broken[len(broken) // 2] ^= 1
            file.execute("UPDATE entries SET value = ? WHERE key = ?", (bytes(broken), key))
    file.close()
    for known in (0, 24):
        ran = check(ref, world.fresh, "--cache", cache)
        assert ran.timeless == plain.timeless
        assert ran.result["timing"]["cached"] == known


@pytest.mark.usefixtures("quick")
def test_a_baseline_is_the_same_with_and_without(world, drift, tmp_path):
    """Arrays and thumbnails, though no pixel was read for the former; simulated images never come from it."""
    from driftcli.artifact import store

    bare = tmp_path / "bare"
    succeed("fit", world.train, "-o", bare, *FAST[:-2], "--holdout", 0)
    stored = []
    for name, more in (
        ("plain", ()),
        ("first", ("--cache", tmp_path / "c")),
        ("second", ("--cache", tmp_path / "c")),
    ):
        artifact = shutil.copytree(bare, tmp_path / name)
        assert drift("baseline", artifact, world.good, "--workers", 1, *more).code == 0
        found = store.read(artifact)
        stored.append({role: found.state(role) for role in ("baseline-default", "thumbnails-default")})
    for other in stored[1:]:
        for role, arrays in stored[0].items():
            assert {k: x.tobytes() for k, x in arrays.items()} == {
                k: x.tobytes() for k, x in other[role].items()
            }


def test_a_cache_among_images_is_refused(ref, world, drift, tmp_path):
    """Or in the artifact, whose writer removes what it does not know; before anything is read."""
    batch = shutil.copytree(world.fresh, tmp_path / "batch")
    artifact = shutil.copytree(ref, tmp_path / "ref")
    for place in (batch, batch / "sub" / "cache", artifact / "cache"):
        for verb in ("check", "baseline"):
            ran = drift(verb, artifact, batch, "--cache", place)
            assert (ran.code, ran.out) == (2, "")
            assert "lies inside" in ran.err
    assert not (batch / "sub").exists()
    assert drift("check", artifact, batch, "--cache", tmp_path / "batches", "--workers", 1).code == 0


def test_replaced_images_are_measured(ref, world, check, tmp_path):
    """The bytes are read, whatever name, size and time say."""
    batch = shutil.copytree(world.fresh, tmp_path / "batch")
    cache = tmp_path / "cache"
    check(ref, batch, "--cache", cache)
    first, times = batch / "0000.jpg", (batch / "0000.jpg").stat()
    data = bytearray(first.read_bytes())
    data[-40] ^= 8
    first.write_bytes(data)
    os.utime(first, ns=(times.st_atime_ns, times.st_mtime_ns))
    ran = check(ref, batch, "--cache", cache)
    assert ran.result["timing"]["cached"] == 23
    assert ran.timeless == check(ref, batch).timeless


def test_bytes_of_an_entry():
    """What a cache of so many megabytes holds: the numbers, the facts and little else."""
    item, views = image(1)
    value = packed(key_of(DIGEST, item.content), replace(item, facts=replace(FACTS, exif={})), views)
    assert len(value) < sum(x.nbytes for x in views.values()) + 600
