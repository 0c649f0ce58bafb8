"""What reports say of the user's classifier: nothing unless it was asked, and never that a change is a loss."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest

from driftcli.audit.headline import SURE, sureness
from driftcli.core import registry, sentences
from driftcli.core.findings import HeadlineResult, PredictionsResult, ShareResult
from driftcli.reports.content import predictions
from driftcli.reports.content.subject import PAGE, TERMINAL, Subject
from driftcli.reports.json import Json, parse, schema
from driftcli.reports.text import Text
from tests.reports import samples

SHARES = (ShareResult("dog", 0.8, 0.5), ShareResult("\x1b[31mcat", 0.2, 0.5))
FOUND = PredictionsResult(0.0002, True, 2, SHARES, 0.71, 0.93, 3, False, 0.96, 250, 0.81, 40)
DRIFT = replace(samples.ALL["drift"](), predictions=FOUND)
CALM = replace(samples.ALL["pass"](), predictions=replace(FOUND, p_value=0.4, significant=False))


def test_the_section_says_shares_sureness_and_what_is_right():
    text = Text(full=True).render(DRIFT)
    part = text[text.index("Your classifier's answers") :]
    assert "They differ from those on the baseline: p = 0.0002. That is no accuracy" in part
    for said in (
        "93 % in the baseline",
        "71 % in the batch",
        "96 % of 250 labelled images",
        "81 % of 40",
        "3 images of the",
    ):
        assert said in " ".join(part.split()), said
    assert "dog" in part
    assert "\x1b" not in text
    assert "They do not differ" in Text(full=True).render(CALM)
    assert "Your classifier's answers" not in Text(full=True).render(samples.ALL["drift"]())


def test_predicted_classes_alone_have_no_sureness_and_a_family_that_is_off_no_p():
    hard = replace(FOUND, hard=True, confidence=None, baseline_confidence=None, p_value=None, accuracy=None)
    text = Text(full=True).render(replace(DRIFT, predictions=hard))
    assert "Not tested" in text
    assert "Mean probability" not in text
    assert "Right answers in the batch" not in text


@pytest.mark.parametrize(
    "kind", ["markdown", "html", "github", "junit", "csv", "json", "prometheus", "metrics"]
)
def test_every_form_takes_it(kind):
    assert registry.load("reports", kind)().render(DRIFT)


def test_json_keeps_it_and_keeps_to_the_schema():
    text = Json().render(DRIFT)
    jsonschema.Draft202012Validator(schema()).validate(json.loads(text))
    assert parse(text).predictions == FOUND
    assert parse(Json().render(samples.ALL["drift"]())).predictions is None


def test_what_did_not_move_is_folded_away_on_a_page():
    assert predictions.said(Subject(CALM, PAGE)).found is False
    assert predictions.said(Subject(DRIFT, TERMINAL)).found is True


def test_the_headline_where_nothing_but_the_answers_changed():
    facts = HeadlineResult("", "answers", "predictions", ("less sure",), shares=SHARES[:1])
    said = sentences.headline(facts, 60)
    assert said == (
        "These 60 images get other answers from the classifier than the baseline: dog 50 % → 80 %; it is less sure"
    )
    assert sentences.headline(replace(facts, shares=(), words=()), 1) == (
        "This image gets other answers from the classifier than the baseline"
    )
    assert sentences.headline(replace(facts, shares=()), 60).endswith("than the baseline: it is less sure")


def test_a_classifier_is_surer_or_less_sure_from_a_threshold_on():
    assert sureness(FOUND) == ("less sure",)
    assert sureness(replace(FOUND, confidence=0.99)) == ("surer",)
    assert sureness(replace(FOUND, confidence=0.93 + SURE / 2)) == ()
    assert sureness(replace(FOUND, confidence=None, baseline_confidence=None)) == ()
    assert sureness(None) == ()
