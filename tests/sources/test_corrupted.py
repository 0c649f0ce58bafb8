"""Workers corrupt what they decoded: in order, by content and seed, and hand the picture over where asked."""

from __future__ import annotations

import hashlib
import io
from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image

from driftcli.core import registry
from driftcli.core.images import Corrupted, Entry, Skipped
from driftcli.extractors.autoencoder import Autoencoder
from driftcli.extractors.properties import Properties
from driftcli.sources.decoding.decode import decode
from driftcli.sources.decoding.pool import DecodePool, Extras
from driftcli.sources.decoding.settings import Decode


@pytest.fixture(scope="module")
def data():
    values = np.random.default_rng(0).integers(0, 255, (8, 10, 3)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(values).resize((100, 80), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


def answers(entries, *, pictures=True, extractors=None):
    with DecodePool(Decode(), extractors or {}, 1, Extras(pictures=pictures)) as pool:
        return list(pool.map(entries))


def expected(data, chain):
    image = Image.open(io.BytesIO(data)).convert("RGB")
    for step, corrupted in enumerate(chain):
        seeds = [corrupted.seed, *hashlib.sha256(data).digest()[:8], *([step] if step else [])]
        kind = registry.load("corruptions", corrupted.name)()
        image = kind(image, corrupted.severity, np.random.default_rng(seeds))
    return image.tobytes()


def test_the_picture_is_the_corrupted_image_in_full_size(data):
    first = Corrupted("gaussian_noise", 2.5, 3)
    second = Corrupted("shot_noise", 4, 3)
    decoded = answers(
        [
            Entry("a.png", data=data, corruption=first),
            Entry("b.png", data=data, corruption=replace(first, then=second)),
        ]
    )
    shown = [Image.open(io.BytesIO(item.picture)) for item in decoded]
    assert [item.format for item in shown] == ["PNG", "PNG"]
    assert [item.tobytes() for item in shown] == [expected(data, (first,)), expected(data, (first, second))]


def test_no_picture_where_none_was_asked_for_or_nothing_happened(data):
    changed = Entry("a.png", data=data, corruption=Corrupted("flip", 5))
    assert [item.picture for item in answers([changed], pictures=False)] == [None]
    assert [item.picture for item in answers([Entry("a.png", data=data)])] == [None]


def test_hashes_and_facts_stay_those_of_the_file(data):
    """Whoever simulates drift on held-out images still knows which images they are."""
    plain, changed = answers(
        [Entry("a.png", data=data), Entry("a.png", data=data, corruption=Corrupted("darken", 5))],
        extractors={"properties": Properties()},
    )
    assert (plain.content, plain.pixels, plain.near, plain.facts) == (
        changed.content,
        changed.pixels,
        changed.near,
        changed.facts,
    )
    assert not np.array_equal(plain.arrays["properties"], changed.arrays["properties"], equal_nan=True)


@pytest.mark.parametrize("size", [(1, 1), (3, 2000)])
def test_every_corruption_survives_the_worker(size):
    out = io.BytesIO()
    Image.new("L", size, 90).save(out, "PNG")
    wanted = [Corrupted(name, severity) for name in registry.kinds("corruptions") for severity in (1, 5)]
    decoded = answers([Entry("a.png", data=out.getvalue(), corruption=corruption) for corruption in wanted])
    assert not [item for item in decoded if isinstance(item, Skipped)]
    assert {Image.open(io.BytesIO(item.picture)).size for item in decoded} == {size}


def test_a_file_asked_for_again_is_decoded_once_and_answered_alike(data, monkeypatch):
    """All changes of one image in one worker: one decode, and every answer as if it had come alone."""
    from driftcli.sources.decoding import worker

    decoded = []
    monkeypatch.setattr(worker, "decode", lambda *args: decoded.append(1) or decode(*args))
    setup = {"decode": asdict(Decode()), "extractors": {"properties": asdict(Properties())}}
    setup |= {**asdict(Extras(thumbnails=True)), "loader": "driftcli.core.registry"}
    other = data + b"\0"  # another file that shows the same
    asked = [
        (file, None if kind is None else asdict(Corrupted(kind, 3)))
        for file in (data, other)
        for kind in (None, "gaussian_noise", "darken", "flip", None)
    ]

    def answered(task, content, corruption, only):
        request = {"name": "a.png", "path": None, "corruption": corruption, "only": only}
        header, parts = task.answer(request, content)
        return header, [bytes(part) for part in parts]

    task = worker.Task(setup)
    together = [answered(task, *one, ["properties"]) for one in asked]
    assert len(decoded) == 2
    alone = [answered(worker.Task(setup), *one, None) for one in asked]
    assert len(decoded) == 2 + len(asked)
    for (head, parts), (head_alone, parts_alone) in zip(together, alone, strict=True):
        assert parts[0] == parts_alone[0]
        assert head.pop("thumbnail") == 0 < head_alone.pop("thumbnail")
        # how long it took may differ
        assert {**head, "seconds": 0} == {**head_alone, "seconds": 0}


def test_only_some_extractors_prepare(data):
    """Without a thumbnail; a file of which nobody keeps anything is not held in memory."""
    both = {"properties": Properties(), "autoencoder": Autoencoder(side=16, channels=3)}
    entries = [Entry("a", data=data, only=("autoencoder",)), Entry("b", data=data)]
    with DecodePool(Decode(), both, 1, Extras(thumbnails=True)) as pool:
        some, whole = pool.map(entries)
    assert (list(some.arrays), some.thumbnail) == (["autoencoder"], None)
    assert (set(whole.arrays), whole.thumbnail is None) == (set(both), False)
    assert np.array_equal(some.arrays["autoencoder"], whole.arrays["autoencoder"])
