"""The JSON result: the published schema, the way back, and what is refused on it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from typing import get_args, get_type_hints

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.core.errors import NotAuditedError
from driftcli.core.evidence import DisplayEffect
from driftcli.core.findings import GroupResult, ImageResult
from driftcli.core.report import Report
from driftcli.reports.json import ORDER, Json, parse, schema
from tests.reports import samples

SOUND = [name for name in samples.ALL if name != "hostile"]
NAMES = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)


def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize("name", samples.ALL)
def test_every_result_keeps_to_the_published_schema(name):
    validator().validate(json.loads(Json().render(samples.ALL[name]())))


@pytest.mark.parametrize("name", SOUND)
def test_a_result_comes_back_as_it_was(name):
    report = samples.ALL[name]()
    assert parse(Json().render(report)) == report


def test_surrogates_are_made_visible_and_then_stay():
    """All other names, with commands and marks, come back as they were."""
    text = Json().render(samples.hostile())
    text.encode("utf-8")
    once = parse(text)
    assert parse(Json().render(once)) == once
    paths = [image.path for image in once.images]
    assert paths[0] == samples.HOSTILE[0]
    assert paths[4] == "caf\\udce9 \\udcff.jpg"


@settings(max_examples=60, deadline=None)
@given(NAMES)
def test_no_name_breaks_the_json(name):
    """What is printed holds no command for a terminal, and is one JSON text in UTF-8."""
    report = replace(
        samples.drifted(), images=(ImageResult(name, 1, 0.5, "style", (name,)),), reasons=(name,)
    )
    text = Json().render(report)
    text.encode("utf-8")
    assert not {chr(code) for code in (*range(10), *range(11, 32), *range(127, 160), 0x202E, 0x2028)} & set(
        text
    )
    if not any("\ud800" <= letter <= "\udfff" for letter in name):
        assert parse(text) == report


def test_the_order_of_keys_is_the_contracts():
    assert list(json.loads(Json().render(samples.drifted()))) == list(ORDER)
    assert sorted(ORDER) == sorted(["outcome", *(field.name for field in fields(Report))])


def test_the_schema_names_every_field_and_no_other():
    """A field added to the records must be published."""

    def compare(kind, node, where):
        node = schema()["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
        derived = {"outcome"} if kind is Report else set()
        assert set(node["properties"]) == {field.name for field in fields(kind)} | derived, where
        for name, hint in get_type_hints(kind).items():
            inner = next((part for part in (hint, *get_args(hint)) if is_dataclass(part)), None)
            if inner is not None:
                below = node["properties"][name]
                below = below.get("items", below)
                compare(inner, below.get("anyOf", [below])[0], f"{where}.{name}")

    compare(Report, schema(), "result")


def test_numbers_are_finite_and_carry_no_noise():
    """NaN becomes null, float32 is written as float32 shows itself, ten digits are enough."""
    report = replace(
        samples.passing(),
        timing={"seconds": 0.1 + 0.2, "images_per_second": float("inf")},
        environment={
            "float32": np.float32(0.1),
            "int": np.int64(3),
            "list": np.array([0.1, np.nan], np.float32),
            "nan": float("nan"),
            "t": (1,),
        },
        groups=(GroupResult("a", 0, float("nan")),),
    )
    report = replace(
        report,
        families=(
            replace(
                report.families[0],
                statistics=(
                    replace(
                        report.families[0].statistics[0], display_effect=DisplayEffect("auc", float("nan"))
                    ),
                ),
            ),
        ),
    )
    text = Json().render(report)
    found = json.loads(text)
    assert found["timing"] == {"seconds": 0.3, "images_per_second": None}
    assert found["environment"] == {"float32": 0.1, "int": 3, "list": [0.1, None], "nan": None, "t": [1]}
    assert found["groups"][0]["mean_score"] is None
    assert "NaN" not in text
    assert "Infinity" not in text
    validator().validate(found)
    assert np.isnan(parse(text).groups[0].mean_score)


def test_histograms_stay_on_one_line():
    assert '"edges": [0.0, 33.333333, ' in Json().render(samples.drifted())


def edited(**changes) -> str:
    return json.dumps({**json.loads(Json().render(samples.passing())), **changes})


def test_what_a_newer_minor_version_adds_is_left_out():
    assert parse(edited(added={"x": 1})) == samples.passing()


def test_an_older_result_may_lack_what_has_a_default():
    found = json.loads(edited())
    del found["map"], found["sequence"], found["distributions"]
    assert parse(json.dumps(found)) == samples.passing()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1"), ("[]", "expected an object"), ("null", "expected an object"), ("{", "line 1"),
        ("[" * 100_000, "nested"), ('{"a":' * 500 + "1" + "}" * 500, "nested"),
        ('{"schema_version": 1, "schema_version": 1}', "stands twice"),
        ('{"schema_version": NaN}', "NaN"), ('{"schema_version": -Infinity}', "Infinity"), ('{"a": 1e999}', "1e999"),
        ('{"a": ' + "9" * 5000 + "}", "5,000 digits"),
        ("{}", "schema_version"), ('{"schema_version": true}', "schema_version"), ('{"schema_version": 1}', "verdict is missing"),
        (edited(verdict="fine"), "verdict: expected one of pass"),
        (edited(exit_code="0"), "exit_code: expected an integer"),
        (edited(exit_code=True), "exit_code: expected an integer"),
        (edited(reasons="none"), "reasons: expected a list"),
        (edited(images=[{"path": 3}]), "images[0].path: expected a string"),
        (edited(gate=None), "gate: expected an object"),
        (edited(ledger={"seen": 1, "used": 1, "unreadable": {"x": 1.5}, "skipped": {}, "changed": 0}), "ledger.unreadable.x"),
    ],
)  # fmt: skip
def test_what_is_no_result_is_refused_with_its_place(text, said):
    with pytest.raises(NotAuditedError) as caught:
        parse(text)
    assert said in caught.value.what
    assert caught.value.hint
    assert caught.value.exit_code == 3


def test_another_major_version_is_refused_naming_both():
    with pytest.raises(NotAuditedError, match=r"schema version 2, .* reads version 1"):
        parse(edited(schema_version=2))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_result_is_refused_or_read_but_nothing_else(data):
    text = Json().render(samples.drifted())
    at = data.draw(st.integers(0, len(text)))
    damaged = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 40)) :]
    with suppress(NotAuditedError):
        assert isinstance(parse(damaged), Report)
