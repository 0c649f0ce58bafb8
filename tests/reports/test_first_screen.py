"""What somebody sees first where a classifier was asked: the images, the model, and its answers beside the pictures."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from driftcli.core.findings import HarmClass
from driftcli.core.report import Report
from driftcli.reports.content import words
from driftcli.reports.html import Html
from driftcli.reports.markdown import Markdown
from driftcli.reports.text import Text
from tests.check_history.test_model import harmed
from tests.reports import page, samples
from tests.reports.test_predictions import FOUND

HOSTILE = "cat<script>alert(1)</script>\x1b[31m|`"


def answered(prediction: str = "cat", **more: object) -> Report:
    """Drift that hurts: the first image is answered wrongly, the second rightly, the third has no label."""
    report = samples.drifted()
    facts = {"prediction": prediction, "confidence": 0.61, "correctness": 0.42}
    labels = {0: "dog", 1: prediction}
    images = [
        replace(image, **facts, label=labels.get(place)) if place < 3 else image
        for place, image in enumerate(report.images)
    ]
    found = replace(
        harmed(0.71), classes=(HarmClass(prediction, 40, 0.5, 0.9), HarmClass("dog", 9, 0.95, 0.9)), **more
    )
    return replace(report, images=tuple(images), harm=found)


def panes(html: str) -> tuple[list[str], str]:
    """Their tones, and all that they say."""
    inside = re.search(r'<div class="panes">(.*?)</div>\s*</div>', html, re.DOTALL)
    return re.findall(r'<div class="(\w+)">', inside[1]), page.plain(inside[1])


def test_a_page_begins_with_the_images_and_the_model():
    html = Html().render(answered())
    page.sound(html)
    tones, said = panes(html)
    assert tones == ["drift", "drift"]
    assert re.search(r"the images.*changed.*the model.*probably hurts.*accuracy about 71 %", said, re.DOTALL)
    assert "less sure than harmless changes explain: p = 0.004, alpha 0.05" in said
    assert html.index('class="panes"') < html.index("Why")
    assert "Answers that one can be less sure of than on good images" in page.plain(html)


@pytest.mark.parametrize(
    ("verdict", "alarm", "tone"),
    [
        ("probably hurts", True, "drift"),
        ("probably harmless", False, "pass"),
        ("cannot say", False, "warn"),
        ("cannot say", True, "drift"),
    ],
)
def test_the_colour_of_the_model_is_no_comfort_where_its_answers_got_worse(verdict, alarm, tone):
    tones, said = panes(Html().render(answered(verdict=verdict, alarm=alarm)))
    assert tones[1] == tone
    assert verdict in said
    assert ("less sure than" in said) == alarm


def test_a_terminal_has_the_same_in_two_lines():
    said = Text().render(answered())
    assert re.search(r"the images +changed +p = ", said)
    assert re.search(
        r"the model +probably hurts +accuracy about 71 % \(61 % to 81 %\), 93 % on the baseline", said
    )
    assert said.index("Does it hurt the model?") < said.index("\nWhy\n")


def test_right_answers_that_came_along_are_counted_first():
    report = replace(answered(), predictions=replace(FOUND, accuracy=0.9, labelled=40))
    said = Text().render(report)
    assert re.search(
        r"probably hurts +right on 90 % of 40 labelled images, accuracy about 71 %", " ".join(said.split())
    )
    assert (
        "labelled image"
        not in Text().render(replace(report, predictions=replace(FOUND, accuracy=None))).split("Why")[0]
    )


def test_pictures_and_rows_tell_the_answer():
    report = answered()
    first, second, third, fourth = report.images[:4]
    assert words.answer(first) == "answer cat, 61 % sure, likely right: 42 %; wrong, label dog"
    assert words.answer(second) == "answer cat, 61 % sure, likely right: 42 %; right"
    assert words.answer(third) == "answer cat, 61 % sure, likely right: 42 %"
    assert words.answer(fourth) == ""
    assert words.answer(replace(third, confidence=None, correctness=None)) == "answer cat"
    html = page.plain(Html().render(report))
    assert html.count(words.answer(first)) == 2, "in the strip and on the card"
    assert "wrong answer" in html
    full = (
        Text(full=True).render(report) if "full" in Text.__dataclass_fields__ else Markdown().render(report)
    )
    assert re.search(r"cat, 61 %.*42 %.*dog ✗", full)


@pytest.mark.parametrize("form", [Html, Text, Markdown])
def test_a_class_may_be_called_anything(form):
    """As text on a page; in Markdown as code, or with every sign spelt out."""
    said = form().render(answered(HOSTILE))
    assert "\x1b" not in said
    if form is Html:
        assert "<script>alert" not in said
    if form is Markdown:
        assert "<script>alert" not in re.sub(r"`[^`]*`", "", said)


@pytest.mark.parametrize("form", [Html, Text, Markdown])
def test_without_a_classifier_there_is_no_word_of_one(form):
    said = form().render(samples.drifted())
    assert not re.search(r"hurt|the model|likely right|wrong answer|class=\"panes\"", said)
