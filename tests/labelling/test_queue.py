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
from driftcli.labelling import answers, queue
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
    document = json.loads(queue.to_json(made()[0])) | change
    with pytest.raises(NotAuditedError, match=why):
        queue.read(json.dumps(document).encode(), "q")


@pytest.mark.parametrize("field", ["probability", "correctness"])
@pytest.mark.parametrize("value", [0, -1, 2, None, "x"])
def test_chances_that_are_none_are_refused(field, value):
    document = json.loads(queue.to_json(made()[0]))
    document["images"][5][field] = value
    raw = json.dumps(document).encode()
    if (field, value) == ("correctness", 0):
        assert queue.read(raw, "q").images[5].correctness == 0
        return
    with pytest.raises(NotAuditedError):
        queue.read(raw, "q")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_are_refused_or_read(data):
    raw = bytearray(queue.to_json(made(images=12, budget=10)[0]).encode("ascii"))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(NotAuditedError):  # anything else fails the test
        queue.read(bytes(raw), "q")


# ---------------------------------------------------------------- what the model said


def test_predictions_are_joined_by_path_or_its_end():
    images = [dataclasses.replace(image, prediction=None) for image in made(images=12, budget=10)[0].images]
    rows = [
        f"{image.image if i % 2 else image.image.rpartition('/')[2]},owl,0.25"
        for i, image in enumerate(images)
    ]
    found = answers.with_answers(images, "\n".join(["path,prediction,confidence", *rows]).encode(), "p.csv")
    assert {(image.prediction, image.confidence) for image in found} == {("owl", 0.25)}


def test_another_folders_image_of_the_same_name_is_no_match():
    images = [dataclasses.replace(made()[0].images[0], image="a/1.jpg")]
    with pytest.raises(NotAuditedError, match=r"no prediction for 1 of 1 images, such as a/1\.jpg"):
        answers.with_answers(images, b"path,prediction\nb/1.jpg,cat\n", "p.csv")


def test_probabilities_of_all_classes():
    images = [dataclasses.replace(made()[0].images[0], image="1.jpg")]
    found = answers.with_answers(images, b"path,p_Cat,p_dog\n1.jpg,0.75,0.25\n", "p.csv")
    assert (found[0].prediction, found[0].confidence) == ("Cat", 0.75)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("path,p_a,p_b\n1.jpg,0.75,0.2\n", "probabilities sum to 0.95"),
        ("path,p_a,p_b\n1.jpg,0.75,nan\n", "'nan' is no share"),
        ("path,prediction\n1.jpg,a\n1.jpg,b\n", "stands there twice"),
        ("path,prediction\n1.jpg,\n", "no prediction"),
        ("path,prediction,confidence\n1.jpg,a,7\n", "'7' is no share"),
        ("image_id,prediction\n1.jpg,a\n", "no columns"),
        ("path,prediction\n1.jpg,a,b\n", "3 fields under a header of 2"),
        ("path,path\n1.jpg,a\n", "a column stands twice"),
        ('path,prediction\n1.jpg,"a\n', "is no table"),
        ("", "no columns"),
    ],
)
def test_wrong_predictions_are_refused(table, why):
    images = [dataclasses.replace(made()[0].images[0], image="1.jpg")]
    with pytest.raises(NotAuditedError, match=why):
        answers.with_answers(images, table.encode(), "p.csv")


def test_control_tasks():
    assert answers.controls(b"path,label\nb.jpg,dog\na.jpg, cat\n", "k.csv") == [
        ("a.jpg", "cat"),
        ("b.jpg", "dog"),
    ]
    for wrong in (b"path,label\na.jpg,\n", b"path,label\na.jpg,x\na.jpg,y\n", b"path\na.jpg\n"):
        with pytest.raises(NotAuditedError):
            answers.controls(wrong, "k.csv")
