"""JUnit XML as its readers read it: a parser, the rules of the published schema, the tags of GitLab and Jenkins."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import junitparser
import pytest
from hypothesis import given, settings

from driftcli.core.findings import ImageResult
from driftcli.reports.content import verdict as told
from driftcli.reports.junit import Junit
from tests.reports import samples
from tests.reports.nasty import NAMES, NASTY, named

RULES: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name"}, {"time", "classname", "group"}, {"skipped", "error", "failure", "system-out", "system-err"}),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}  # fmt: skip
"""Of junit-10.xsd (Jenkins xUnit plugin), element by element: attributes it must and may have, children."""
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")
JENKINS = re.compile(r"\[\[ATTACHMENT\|.+\]\]")
GITLAB = re.compile(r"\[\[ATTACHMENT\|(?P<path>.+?)\]\]")


def parse(text: str) -> ET.Element:
    return ET.fromstring(text.encode())  # noqa: S314  # our own text


def check(text: str) -> ET.Element:
    """By the schema's rules, and counted right."""
    root = parse(text)
    for element in root.iter():
        must, may, children = RULES[element.tag]
        assert must <= set(element.attrib) <= must | may, element.tag
        assert {child.tag for child in element} <= children
        assert TIME.fullmatch(element.get("time", ""))
    suite = root[0]
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(attribute)) == len(suite.findall(f"testcase/{tag}"))
    assert int(suite.get("tests")) == len(suite.findall("testcase"))
    return suite


def attached(text: str) -> list[str]:
    return [found["path"] for out in parse(text).iter("system-out") for found in GITLAB.finditer(out.text)]  # fmt: skip


@pytest.mark.parametrize("name", samples.ALL)
def test_something_fails_where_the_gate_failed_and_nowhere_else(name):
    """An error is a batch that was not audited."""
    report = samples.ALL[name]()
    text = Junit().render(report)
    check(text)
    suite = next(iter(junitparser.JUnitXml.fromstring(text.encode())))
    assert (suite.failures > 0) is told.failed(report)
    assert (suite.errors > 0) is (report.verdict == "inconclusive")
    names = [(case.classname, case.name) for case in suite]
    assert len(names) == 1 + sum(map(len, (report.families, report.rules, report.groups))) + bool(
        report.sequence
    )
    assert len(set(names)) == len(names)


@settings(max_examples=60, deadline=None)
@given(NAMES)
def test_no_name_breaks_the_document(name):
    """It stays well-formed and valid, has as many cases, and fails as before."""
    text = Junit(is_file=lambda _path: False).render(named(name))
    suite = check(text)
    text.encode("utf-8")
    assert len(suite.findall("testcase")) == 1 + 5 + 2 + 2 + 1
    assert not attached(text)
    assert not JENKINS.search("".join(suite.itertext()))


def test_advisory_families_are_skipped_and_say_what_they_found():
    suite = check(Junit().render(samples.rich()))
    case = suite.find("testcase[@name='file']")
    assert [child.tag for child in case] == ["skipped"]
    assert "advisory, no say in the verdict; differs" in case[0].get("message")


def test_figures_are_properties_of_the_suite():
    suite = next(iter(junitparser.JUnitXml.fromstring(Junit().render(samples.rich()).encode())))
    found = {entry.name: entry.value for entry in suite.properties()}
    expected = {
        "verdict": "drift",
        "p_value": "0.0002",
        "alpha": "0.01",
        "effect": "0.62",
        "style.effect_lower": "0.18",
    }
    assert expected.items() <= found.items()


@pytest.mark.parametrize("name", NASTY)
def test_only_files_are_attached_and_under_their_very_name(name):
    """Both readers find the path itself, or nothing: never a part of it, never a name that a sentence quotes."""
    images = (ImageResult(name, 1, 0.9, "style", (name,)),)
    report = replace(samples.drifted(), images=images, reasons=(name, f"see {name}"))
    text = Junit().render(report)
    assert set(attached(text)) <= {name}
    for out in parse(text).iter("system-out"):
        for line in JENKINS.findall(out.text):
            assert line[len("[[ATTACHMENT|") : -2].split("|")[0] == name
    assert not attached(Junit(is_file=lambda _path: False).render(report))


def test_members_of_archives_are_no_files_and_a_clean_batch_shows_nothing():
    images = (ImageResult("shard.tar!1.jpg", 1, 0.9, "style", ()), ImageResult("a.jpg", 2, 0.8, "style", ()))
    assert set(attached(Junit().render(replace(samples.drifted(), images=images)))) == {"a.jpg"}
    assert not attached(Junit().render(replace(samples.passing(), images=images)))
    assert not attached(Junit(top_k=0).render(samples.rich()))
