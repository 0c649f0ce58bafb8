"""Labels are read from every form alike, and what contradicts itself or belongs elsewhere is refused."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.core.errors import NotAuditedError
from driftcli.labelling import annotations
from tests.labelling.queues import made

QUEUE, _, _ = made(images=30, budget=12)
FIRST, SECOND = list(QUEUE.items)[:2]
DIGEST = "0123456789ab"
FORMS = {
    "long.csv": f"image,annotator,label\n{QUEUE.items[FIRST].image},ada,cat\n{SECOND},ada,owl\n",
    "page.csv": f"\ufeffitem,annotator,label,queue\r\n{FIRST},ada,cat,{DIGEST}\r\n{SECOND},ada,owl,{DIGEST}\r\n",
    "toloka.tsv": "INPUT:item\tOUTPUT:label\tASSIGNMENT:worker_id\tASSIGNMENT:status\n"
    f"{FIRST}\tcat\tada\tAPPROVED\n{SECOND}\towl\tada\tACCEPTED\n{SECOND}\tdog\tada\tREJECTED\n",
    "studio.json": json.dumps(
        [
            {
                "id": 1,
                "data": {"item": item, "queue": DIGEST, "image": "data:,"},
                "annotations": [
                    {
                        "completed_by": {"id": 7, "email": "ada"},
                        "was_cancelled": False,
                        "result": [{"type": "choices", "from_name": "label", "value": {"choices": [label]}}],
                    },
                    {"completed_by": 8, "was_cancelled": True, "result": []},
                ],
            }
            for item, label in ((FIRST, "cat"), (SECOND, "owl"))
        ]
    ),
    "short.json": json.dumps(
        [
            {"item": FIRST, "annotator": "ada", "label": "cat"},
            {"item": SECOND, "annotator": "ada", "label": "owl"},
        ]
    ),
    "cvat.xml": "<?xml version='1.0'?><annotations><meta><job><assignee><username>ada</username></assignee></job></meta>"
    f"<image id='0' name='{FIRST}.webp' width='4' height='4'><tag label='cat' source='manual'/></image>"
    f"<image id='1' name='images/{SECOND}.webp' width='4' height='4'><tag label='owl' source='manual'/></image></annotations>",
    "studio.tsv": f'"annotation_id"\t"annotator"\t"id"\t"image"\t"item"\t"label"\t"queue"\n1\t"ada"\t1\t"data:image/webp;base64,{"A" * 200_000}"\t"{FIRST}"'
    f'\t"cat"\t"{DIGEST}"\n2\t"ada"\t2\t"data:,"\t"{SECOND}"\t"owl"\t"{DIGEST}"\n',
    "ada.json": json.dumps(
        {
            "infos": {"queue": DIGEST},
            "categories": {"label": {"labels": [{"name": name} for name in ("owl", "cat")]}},
            "items": [
                {"id": item, "annotations": [{"type": "label", "label_id": place}, {"type": "bbox"}]}
                for item, place in ((FIRST, 1), (SECOND, 0))
            ],
        }
    ),
    "ada.xml": f"<annotations><image name='{FIRST}.webp'><tag label='cat'/></image><image name='{SECOND}.webp'>"
    "<tag label='owl'/></image></annotations>",
}


def _sorted(text, name="l.csv"):
    return annotations.sort_out(QUEUE, DIGEST, annotations.read(text.encode(), name))


@pytest.mark.parametrize("name", FORMS)
def test_every_form_says_the_same(name):
    found = _sorted(FORMS[name], name)
    assert (found.items, found.annotators) == ((FIRST, SECOND), ("ada",))
    assert found.values.tolist() == [[0], [2]]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (
            f"{FIRST},ada,cat\n{FIRST},ada,dog\n",
            "ada says both 'cat' and 'dog' of one image .*line 2.*line 3",
        ),
        (f"{FIRST},ada,cow\n", "line 2: 'cow' is no class"),
        (f"{FIRST},ada,Cat\n", "'Cat' is no class"),
        ("elsewhere.jpg,ada,cat\n", "'elsewhere.jpg' is no image of the queue"),
        (f"{FIRST},,cat\n", "a label of nobody"),
    ],
)
def test_what_contradicts_or_belongs_elsewhere_is_refused(rows, why):
    with pytest.raises(NotAuditedError, match=why) as refused:
        _sorted(f"item,annotator,label\n{rows}")
    assert refused.value.hint


def test_labels_of_another_queue_are_refused():
    with pytest.raises(NotAuditedError, match="of another queue"):
        _sorted(f"item,annotator,label,queue\n{FIRST},ada,cat,ffffffffffff\n")


def test_a_class_that_was_probably_meant_is_named():
    with pytest.raises(NotAuditedError) as refused:
        _sorted(f"item,annotator,label\n{FIRST},ada,cats\n")
    assert refused.value.hint == "did you mean 'cat'?"


def test_the_same_label_twice_counts_once_and_open_ones_are_counted():
    found = _sorted(
        f"item,annotator,label\n{FIRST},ada,cat\n{FIRST},ada,cat\n{SECOND},ada,\n{SECOND},bo,owl\n"
    )
    assert (found.repeated, found.open) == (1, 1)
    assert found.values.tolist() == [[0, -1], [-1, 2]]


def test_order_of_rows_and_files_does_not_matter():
    rng = np.random.default_rng(0)
    rows = [f"{item},{who},{QUEUE.classes[rng.integers(3)]}" for item in QUEUE.items for who in ("ada", "bo")]
    one = _sorted("\n".join(["item,annotator,label", *rows]))
    other = _sorted("\n".join(["item,annotator,label", *rng.permutation(rows)]))
    assert (one.items, one.annotators, one.values.tolist()) == (
        other.items,
        other.annotators,
        other.values.tolist(),
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.csv", "item,annotator\n1,ada\n"),
        ("l.csv", "item,annotator,label\n"),
        ("l.csv", ""),
        ("l.doc", "x"),
        ("l.tsv", "INPUT:item\tOUTPUT:a\tOUTPUT:b\tASSIGNMENT:worker_id\n1\tx\ty\tz\n"),
        ("l.json", "{}"),
        (
            "l.json",
            '{"categories": {"label": {"labels": []}}, "items": [{"id": "01", "annotations": [{"type": "label", "label_id": -1}]}]}',
        ),
        ("l.json", '{"categories": [], "items": []}'),
        (
            "l.json",
            '{"categories": {"label": {"labels": [{"name": 7}]}}, "items": [{"id": "01", "annotations": [{"type": "label", "label_id": 0}]}]}',
        ),
        ("l.json", "[1]"),
        ("l.json", '[{"data": {}, "annotations": []}]'),
        ("l.json", '[{"data": {"item": "01"}, "annotations": 7}]'),
        ("l.json", '[{"a": 1, "a": 2}]'),
        ("l.xml", "<annotations><image"),
        ("l.xml", "<other/>"),
        ("l.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><annotations/>"),
        (
            "l.xml",
            "<annotations><image name='01.webp'><tag label='cat'/><tag label='dog'/></image></annotations>",
        ),
    ],
)
def test_other_files_are_refused(name, text):
    with pytest.raises(NotAuditedError) as refused:
        annotations.read(text.encode(), name)
    assert refused.value.hint


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(sorted(FORMS)), st.data())
def test_damaged_files_are_refused_or_read(name, data):
    raw = bytearray(FORMS[name].encode())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(NotAuditedError):  # anything else fails the test
        annotations.sort_out(QUEUE, DIGEST, annotations.read(bytes(raw), name))
