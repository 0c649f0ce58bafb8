"""A queue is the same for the same images, comes back from its file as it was, and is refused where it is not whole."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.core.errors import NotAuditedError
from driftcli.labelling import controls, queue
from tests.labelling.queues import made


def test_it_comes_back_as_it_was():
    """Paths that are no text, too."""
    one, _, _ = made(controls=[("known/\udcff.jpg", "owl")], days=2)
    assert queue.read(queue.to_json(one).encode("ascii"), "q") == one


def test_the_order_of_images_does_not_matter():
    one, _, _ = made(3)
    order = np.random.default_rng(0).permutation(len(one.images))
    bare = [dataclasses.replace(one.images[at], item=None) for at in order]
    assert queue.fill(bare, 40, 3, by_correctness=True)[0] == one.images
    assert queue.fill(bare, 40, 4, by_correctness=True)[0] != one.images


def test_items_do_not_tell_control_tasks():
    """Their places are as random as all others."""
    places = []
    for seed in range(200):
        one, _, _ = made(seed, images=30, budget=9, controls=[("k.jpg", "cat")])
        assert list(one.items) == [f"{number:02d}" for number in range(1, 11)]
        places.append(int(one.controls[0].item))
    assert np.bincount(places, minlength=11)[1:].min() >= 8  # of 20 each: P(any below 8) is under .01


def test_the_list_holds_what_a_row_was_drawn_with():
    one, _, _ = made(controls=[("k.jpg", "cat")])
    rows = list(csv.DictReader(io.StringIO(queue.to_csv(one))))
    assert [row["item"] for row in rows] == list(one.items)
    for row, of in zip(rows, one.items.values(), strict=True):
        assert row["image"] == of.image
        assert row["seed"] == "0"
        if row["control"] == "":
            assert float(row["probability"]) == pytest.approx(of.probability, rel=1e-5)
            assert row["prediction"] == of.prediction


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": "result"}, "kind"),
        ({"schema_version": 2}, "schema_version 2"),
        ({"days": []}, "day 0 is not in days"),
        ({"classes": ["cat", "dog"]}, "no class of the queue"),
        ({"images": []}, "items: none"),
        ({"controls": [{"item": "01", "image": "k", "label": "cat"}]}, "one twice"),
        ({"controls": [{"item": "99", "image": "k", "label": "cow"}]}, "controls"),
    ],
)
def test_a_queue_that_is_not_whole_is_refused(change, why):
    document = queue.sealed(json.loads(queue.to_json(made()[0])) | change)
    with pytest.raises(NotAuditedError, match=why):
        queue.read(json.dumps(document).encode(), "q")


@pytest.mark.parametrize("field", ["probability", "correctness"])
@pytest.mark.parametrize("value", [0, -1, 2, None, "x"])
def test_chances_that_are_none_are_refused(field, value):
    document = json.loads(queue.to_json(made()[0]))
    document["images"][5][field] = value
    raw = json.dumps(queue.sealed(document)).encode()
    if (field, value) == ("correctness", 0):
        assert queue.read(raw, "q").images[5].correctness == 0
        return
    with pytest.raises(NotAuditedError):
        queue.read(raw, "q")


@pytest.mark.parametrize("edit", ["probability", "seed", "sha256", "prediction"])
def test_a_queue_that_was_edited_is_refused(edit):
    """However little was changed: labels would stand for other images than they were drawn for."""
    document = json.loads(queue.to_json(made()[0]))
    if edit == "seed":
        document["seed"] += 1
    elif edit == "sha256":
        del document["sha256"]
    else:
        document["images"][5][edit] = {"probability": 0.99, "prediction": None}[edit]
    with pytest.raises(NotAuditedError, match="was changed since"):
        queue.read(json.dumps(document).encode(), "q")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_are_refused_or_read(data):
    raw = bytearray(queue.to_json(made(images=12, budget=10)[0]).encode("ascii"))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(NotAuditedError):  # anything else fails the test
        queue.read(bytes(raw), "q")


def test_control_tasks():
    assert controls.read(b"path,label\nb.jpg,dog\na.jpg, cat\n", "k.csv") == [
        ("a.jpg", "cat"),
        ("b.jpg", "dog"),
    ]
    for wrong in (b"path,label\na.jpg,\n", b"path,label\na.jpg,x\na.jpg,y\n", b"path\na.jpg\n"):
        with pytest.raises(NotAuditedError):
            controls.read(wrong, "k.csv")
