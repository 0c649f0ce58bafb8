"""Reports read facts, never driftcli's own sentences; a result of 0.1.0, which has only sentences, is still told."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest

import driftcli
from driftcli.core import registry, sentences
from driftcli.core.findings import Diagnosis
from driftcli.core.report import Report
from driftcli.reports.content import words as say
from driftcli.reports.content.verdict import headline, sentence
from driftcli.reports.json import Json, parse
from driftcli.reports.text import Text, quiet_line
from tests.reports import samples

SAMPLES = {name: samples.ALL[name]() for name in ("drift", "mix", "clusters", "rich")}
SAMPLES["turned round"] = replace(SAMPLES["rich"], diagnosis=SAMPLES["rich"].diagnosis[::-1])
FORMS = {
    kind: registry.load("reports", kind)()
    for kind in ("text", "markdown", "html", "github", "junit", "csv", "json", "prometheus", "metrics")
}


def gibberish(report: Report) -> Report:
    """Other sentences of the same length about the same facts."""
    said = {one.statement: chr(0x61 + at) * len(one.statement) for at, one in enumerate(report.diagnosis)}
    return replace(
        report,
        reasons=tuple(said.get(reason, reason) for reason in report.reasons),
        diagnosis=tuple(replace(one, statement=said[one.statement]) for one in report.diagnosis),
        images=tuple(
            replace(image, reasons=tuple("z" * len(reason) for reason in image.reasons))
            if image.outside
            else image
            for image in report.images
        ),
    )


def with_diagnosis_as_reasons(report: Report) -> Report:
    """As `check` writes them."""
    return replace(report, reasons=(*report.reasons, *(one.statement for one in report.diagnosis[:3])))


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_say_what_their_facts_say(name):
    """Else the tests below would prove nothing."""
    for one in SAMPLES[name].diagnosis:
        assert sentences.diagnosis(one) == one.statement
    for image in SAMPLES[name].images:
        assert not image.outside or tuple(map(sentences.outside, image.outside)) == image.reasons


@pytest.mark.parametrize("name", SAMPLES)
def test_gibberish_for_sentences_changes_no_headline_and_no_order(name):
    """The words, what moved first, why an image stands out, and the line for the log."""
    report = SAMPLES[name]
    other = gibberish(report)
    assert other != report
    assert headline(other) == headline(report)
    assert [row.name for _, row in say.moved(other)] == [row.name for _, row in say.moved(report)]
    assert [say.reasons(image, other) for image in other.images] == [
        say.reasons(image, report) for image in report.images
    ]


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("name", SAMPLES)
def test_gibberish_for_sentences_changes_only_the_sentences(kind, name):
    """Line by line in every format: nothing is ordered, cut or left out by what a sentence says."""
    report = with_diagnosis_as_reasons(SAMPLES[name])
    other = gibberish(report)
    lines, others = (FORMS[kind].render(of).splitlines() for of in (report, other))
    assert len(lines) == len(others)
    said = [one.statement for one in other.diagnosis] + ["zzzzz"]
    for line, told in zip(lines, others, strict=True):
        assert line == told or any(sentence in told for sentence in said)


def test_the_words_and_the_order_come_from_the_facts():
    """Other facts behind the same sentences: other words, another order."""
    drift = SAMPLES["rich"]
    like, soft, green = drift.diagnosis
    turned = replace(drift, diagnosis=(like, green, replace(soft, word="softer")))
    assert [row.name for _, row in say.moved(drift)][:2] == ["sharpness", "red_green"]
    assert [row.name for _, row in say.moved(turned)][:2] == ["red_green", "sharpness"]
    two = next(image for image in drift.images if len(image.outside) > 1)
    assert say.reasons(two, drift) == "sharpness 13 px, below 99 %; red-green balance −0.12, below 98 %"
    assert say.reasons(two, turned) == "red-green balance −0.12, below 98 %; sharpness 13 px, below 99 %"


def test_a_corruption_named_in_passing_is_no_order():
    """A likeness that is not like noise says nothing of the value called noise."""
    drift = SAMPLES["drift"]
    noise = samples.scalar("noise", 9.0, 8.0, 0.4, 0.001, 0.9)
    properties = next(family for family in drift.families if family.name == "properties")
    families = (replace(properties, statistics=(noise, *properties.statistics)),)
    assert "noise" in drift.diagnosis[0].statement
    assert [row.name for _, row in say.moved(replace(drift, families=families))] == [
        "sharpness", "red_green", "noise", "contrast",
    ]  # fmt: skip


# ---------------------------------------------------------------- results of 0.1.0


def as_of_0_1_0(report: Report) -> str:
    """The JSON result without the fields that 0.1.0 did not write."""
    found = json.loads(Json().render(report))
    for one in found["diagnosis"]:
        for name in set(one) - {"statement", "corruption", "severity", "similarity"}:
            del one[name]
    del found["headline"]
    for image in found["images"]:
        del image["outside"]
    for entry in found["gate"]["detectable"]:
        del entry["short_unit"]
    return json.dumps(found)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_result_of_0_1_0_is_read_and_has_no_facts(name):
    report = SAMPLES[name]
    old = parse(as_of_0_1_0(report))
    assert old.diagnosis == tuple(
        Diagnosis(one.statement, one.corruption, one.severity, one.similarity) for one in report.diagnosis
    )
    assert all(image.outside == () for image in old.images)
    same = replace(report, diagnosis=(), images=(), headline=None)
    assert replace(old, diagnosis=(), images=(), gate=report.gate) == same


@pytest.mark.parametrize("kind", FORMS)
def test_a_result_of_0_1_0_can_be_told_in_every_format(kind):
    """Its sentences as they stand."""
    old = parse(as_of_0_1_0(SAMPLES["rich"]))
    assert FORMS[kind].render(old)


def test_a_result_of_0_1_0_has_measured_words_and_its_own_sentences():
    old = parse(as_of_0_1_0(with_diagnosis_as_reasons(SAMPLES["rich"])))
    assert sentence(old).startswith("These 127 images do not look like the baseline. ")
    assert quiet_line(old).endswith(f'{sentence(old)}"')
    assert say.reasons(old.images[0], old) == "sharpness 12 px, below 99 % of the baseline"
    text = Text(140, full=True).render(old)
    for one in old.diagnosis:
        assert text.count(one.statement) == 1


# ---------------------------------------------------------------- the source

SENTENCES = {"statement", "reasons", "cautions", "what", "hint", "detectable_reason"}
READING = {
    "startswith", "endswith", "split", "rsplit", "partition", "rpartition", "removeprefix", "removesuffix", "find",
    "index", "search", "match", "fullmatch", "findall", "finditer", "sub",
}  # fmt: skip


def reads_a_sentence(call: ast.AST) -> bool:
    """Whether this looks for something inside a statement, a reason, a caution or a hint."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    inside = [node for part in (call.func.value, *call.args) for node in ast.walk(part)]
    return call.func.attr in READING and any(
        isinstance(node, ast.Attribute) and node.attr in SENTENCES for node in inside
    )


def test_no_code_looks_into_a_sentence():
    """A guard against the plain way of doing it: a string method or pattern on such a field."""
    root = Path(driftcli.__file__).parent
    caught = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in sorted(root.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and reads_a_sentence(node)
    ]
    assert caught == []
    for bad in ("P.match(one.statement)", "r.reasons[0].startswith('x')", "re.sub('x', '', error.hint)"):
        assert reads_a_sentence(ast.parse(bad, mode="eval").body)
