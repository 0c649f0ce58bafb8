"""From entries to sorted features: order leaves no trace, memory is bounded, nothing is lost from the ledger."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftcli.core.features import Features
from driftcli.core.images import Decoded, FileFacts, Ledger
from driftcli.reading.ledger import Tally
from driftcli.reading.reader import finite
from driftcli.reading.reading import Reading, digest
from driftcli.reading.table import Keys, Table, hexadecimal
from driftcli.reference.packed import pack_features, unpack_features

FACTS = FileFacts(8, 8, 100, "JPEG", "RGB", grey=False)


def item(i, *, name=None, pixels=None):
    def hashed(word):
        return random.Random(f"{word}{i}").randbytes(32)  # noqa: S311

    return Decoded(
        name or f"{i:03d}.jpg", {"label": f"c{i % 2}"}, hashed("content"),
        hashed("pixels") if pixels is None else pixels, i, FACTS, {}, b"webp%d" % i,
    )  # fmt: skip


def reading(numbers, keep=1000, label="label"):
    table, tally = Table(keep, Keys(lambda one: one.columns[label], None, None)), Tally()
    for i in numbers:
        one = item(i)
        tally.add(one)
        table.add(
            one, {"error": np.full(9, i, np.float32)}, {"autoencoder": np.full((2, 2), i % 256, np.uint8)}
        )
    return table.reading(tally)


def same(features: Features, other: Features) -> bool:
    return (
        (features.names, features.group, features.stratum) == (other.names, other.group, other.stratum)
        and (features.content == other.content).all()
        and (features.pixels == other.pixels).all()
        and all((features.views[v] == other.views[v]).all() for v in features.views)
    )


def test_order_leaves_no_trace():
    numbers = list(range(60))
    first = reading(numbers)
    random.Random(1).shuffle(numbers)  # noqa: S311
    other = reading(numbers)
    assert same(first.features, other.features)
    assert first.digest == other.digest
    assert first.thumbnails == other.thumbnails
    assert list(first.features.content) == sorted(first.features.content)
    assert (first.prepared["autoencoder"][:, 0, 0] == first.features.views["error"][:, 0]).all()


def test_a_large_source_keeps_the_lowest_hashes_and_counts_all():
    """However the images arrive; hashes of all of them go into the digest."""
    whole = reading(range(300))
    few = reading(reversed(range(300)), keep=20)
    assert same(few.features, whole.features.first(20))
    assert (few.digest, few.distinct, few.ledger.used) == (whole.digest, 300, 300)
    assert len(few.thumbnails) == len(few.facts) == 20


def test_a_digest_counts_copies():
    once = np.array([b"a", b"b"], "S64")
    assert digest(once) == digest(once[::-1])
    assert digest(once) != digest(np.array([b"a", b"a", b"b"], "S64"))


def test_a_digest_is_that_of_the_contract_however_many(monkeypatch):
    """SHA-256 over the sorted (hash, count) pairs, some at a time: those of a slow twin."""
    rng = np.random.default_rng(3)
    raw = [rng.bytes(32) for _ in range(50)]
    hashes = [raw[i] for i in rng.integers(0, 50, 300)]
    text = hexadecimal(np.frombuffer(b"".join(hashes), "V32"))
    assert text.tolist() == [one.hex().encode() for one in hashes]
    sha = hashlib.sha256()
    for value, count in sorted(Counter(one.hex() for one in hashes).items()):
        sha.update(f"{value} {count}\n".encode())
    assert digest(text) == sha.hexdigest()
    for size in (1, 7, 49, 50, 51):
        monkeypatch.setattr("driftcli.reading.reading._AT_ONCE", size)
        monkeypatch.setattr("driftcli.reading.table._AT_ONCE", size)
        assert digest(text) == sha.hexdigest()
        assert (hexadecimal(np.frombuffer(b"".join(hashes), "V32")) == text).all()
    assert digest(text[:0]) == hashlib.sha256().hexdigest()


def test_missing_properties_are_values_and_missing_outputs_are_not():
    nan = np.array([np.nan], np.float32)
    assert finite({"properties": nan, "file": nan, "error": np.zeros(1, np.float32)})
    assert not finite({"error": nan})
    assert not finite({"style": np.array([np.inf], np.float32)})


def test_features_come_back_from_the_artifact():
    features = reading(range(20)).features
    back = unpack_features(pack_features(features))
    assert same(features, back)
    assert np.array_equal(features.time, back.time, equal_nan=True)


def test_names_that_are_no_text_come_back_too():
    features = reading(range(20)).features
    strange = SimpleNamespace(names=("\udcff.jpg", *features.names[1:]))
    features = Features(**{**vars(features), "names": strange.names})
    assert unpack_features(pack_features(features)).names == strange.names


def test_skipped_heic_images_come_with_the_way_to_read_them():
    ledger = Ledger(seen=5, used=3, unreadable={}, skipped={"heic_needs_extra": 2}, changed=0)
    empty = np.zeros(0)
    reading = Reading(Features((), empty, empty, empty, {}), ledger, (), 0.0, empty, empty)
    assert reading.cautions == ("2 HEIC images were skipped: pip install 'driftcli[heif]' to read them",)


def test_images_without_a_key_are_told():
    ledger = Ledger(seen=3, used=3, unreadable={}, skipped={}, changed=0)
    empty = np.zeros(0)
    features = Features(
        ("a", "b", "c"), empty, empty, empty, {}, group=("mon", "", ""), stratum=("x", "x", "x")
    )
    reading = Reading(features, ledger, (), 0.0, empty, empty)
    assert reading.cautions == ("2 of 3 images have no key for --group-by: together they are one group",)


def slow_twin(items, keep):
    """What a table must hold, from all rows at once."""
    chosen = sorted(items, key=lambda one: (one[0].content, one[0].name))[:keep]
    return {
        "names": tuple(item.name for item, _, _ in chosen),
        "views": {v: np.stack([row[v] for _, row, _ in chosen]) for v in chosen[0][1]},
        "prepared": np.stack([image for _, _, image in chosen]),
        "pixels": [int.from_bytes(item.pixels[:8], "big") for item, _, _ in chosen],
        "near": [item.near for item, _, _ in chosen],
        "group": tuple(item.columns["label"] for item, _, _ in chosen),
        "thumbnails": tuple(item.thumbnail for item, _, _ in chosen),
        "sizes": [item.facts.width for item, _, _ in chosen],
        "contents": sorted(item.content.hex().encode() for item, _, _ in items),
    }


@st.composite
def arrivals(draw):
    """Images in any order, some of them copies under other names, with values that are not finite among theirs."""
    picked = draw(st.lists(st.integers(0, 40), min_size=1, max_size=90))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    found = []
    for place, i in enumerate(picked):
        one = replace(
            item(i, name=f"{place:03d}.jpg"),
            facts=replace(FACTS, width=i + 1, exif={"iso": 100.0}),
            thumbnail=b"webp%d" % i,  # the same bytes, the same picture
        )
        row = {
            "error": rng.standard_normal(9).astype(np.float32),
            "style": rng.standard_normal(5).astype(np.float16).astype(np.float32),
            "properties": np.array([np.nan, i, np.inf], np.float32),
        }
        found.append((one, row, rng.integers(0, 256, (3, 2, 1), np.uint8)))
    return found, draw(st.permutations(range(len(found)))), draw(st.integers(1, 100))


@given(arrivals())
def test_a_table_is_its_slow_twin(arrived):
    """Whatever the order, the copies and how many are kept: the same rows, bit for bit, from the block in its place."""
    items, order, keep = arrived
    table, tally = Table(keep, Keys(lambda one: one.columns["label"], None, None)), Tally()
    for at in order:
        one, row, image = items[at]
        tally.add(one)
        table.add(one, row, {"autoencoder": image})
    found, wanted = table.reading(tally), slow_twin(items, keep)
    features = found.features
    assert (features.names, features.group) == (wanted["names"], wanted["group"])
    assert features.stratum is None
    assert features.slice is None
    for view, rows in wanted["views"].items():
        assert features.views[view].dtype == np.float32
        assert features.views[view].tobytes() == rows.tobytes()
    assert found.prepared["autoencoder"].tobytes() == wanted["prepared"].tobytes()
    assert (features.pixels.tolist(), features.near.tolist()) == (wanted["pixels"], wanted["near"])
    assert (found.thumbnails, [fact.width for fact in found.facts]) == (wanted["thumbnails"], wanted["sizes"])
    assert found.contents.tolist() == wanted["contents"]
    assert found.seen.tolist() == sorted(int.from_bytes(one.pixels[:8], "big") for one, _, _ in items)
    assert features.content.tolist() == [one.encode() for one in map(bytes.hex, _contents(items, keep))]


def _contents(items, keep):
    return sorted(one.content for one, _, _ in items)[:keep]


def test_of_equal_entries_the_first_stays():
    """The same file named twice with other columns: as a stable sort has it, whether it is crowded out or not."""
    for keep in (1, 2, 3):
        table, tally = Table(keep, Keys(lambda one: one.columns["label"], None, None)), Tally()
        for label in "abc":
            table.add(replace(item(1), columns={"label": label}), {"error": np.zeros(9, np.float32)}, {})
        assert table.reading(tally).features.group == tuple("abc"[:keep])


def _live_bytes(images, keep):
    """Bytes that a table holds, and held at its peak while its result was made."""
    side = 32
    block = np.zeros((64, side, side, 3), np.uint8)
    rows = {"error": np.zeros((64, 9), np.float32), "style": np.zeros((64, 160), np.float32)}
    tracemalloc.start()
    try:
        table, tally = Table(keep, Keys(None, None, None)), Tally()
        for i in range(images):
            if i % 64 == 0:  # every chunk has arrays of its own, as extractors return them
                block, rows = block.copy(), {name: x.copy() for name, x in rows.items()}
            one = replace(item(i), arrays={"autoencoder": block[i % 64]}, columns={})
            tally.add(one)
            table.add(one, {n: x[i % 64] for n, x in rows.items()}, {"autoencoder": block[i % 64]})
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        table.reading(tally)
        return held, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_is_that_of_the_images_kept():
    """Live bytes, not resident ones: numbers once, half a kilobyte beside them, 40 bytes for every image that came.

    Rows that kept their chunks alive, or twice as many rows as are kept, would take several times as much.
    """
    keep, numbers = 400, 32 * 32 * 3 + 9 * 4 + 160 * 2
    for images in (400, 4_000):
        held, peak = _live_bytes(images, keep)
        assert held < keep * (1.25 * numbers + 700) + 45 * images + 300_000
        assert peak < held + keep * 1_500 + 170 * images + 300_000
