"""From entries to sorted features: order leaves no trace, memory is bounded, nothing is lost from the ledger."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np

from driftcli.core.features import Features
from driftcli.core.images import Decoded, FileFacts, Ledger
from driftcli.reading.ledger import Tally
from driftcli.reading.reader import finite
from driftcli.reading.reading import Reading, digest
from driftcli.reading.table import Keys, Table
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
