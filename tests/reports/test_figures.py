"""Numbers for machines, read back by their readers: Prometheus' client, a CSV reader, a spreadsheet, JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from driftcli.core.findings import ImageResult
from driftcli.core.text import safe_name
from driftcli.reports.csv import FORMULA, Csv
from driftcli.reports.layout.per_image import columns
from driftcli.reports.metrics import Metrics
from driftcli.reports.openmetrics import Openmetrics
from driftcli.reports.prometheus import Prometheus
from tests.reports import samples
from tests.reports.nasty import NAMES, NASTY, named


def scraped(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels; none twice."""
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    samples_by_name = {(s.name, tuple(sorted(s.labels.items()))): s.value for s in found}
    assert len(samples_by_name) == len(found)
    return samples_by_name


@pytest.mark.parametrize("name", samples.ALL)
def test_both_parsers_of_prometheus_read_the_same(name):
    """The text format, and OpenMetrics, which ends in `# EOF`; no time stamps, finite numbers."""
    report = samples.ALL[name]()
    plain, strict = Prometheus().render(report), Openmetrics().render(report)
    assert strict == f"{plain}# EOF\n"
    families = list(openmetrics.text_string_to_metric_families(strict))
    found = {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}
    assert found == scraped(plain)
    assert all(math.isfinite(value) for value in found.values())
    assert all(sample.timestamp is None for family in families for sample in family.samples)
    assert all(family.type == "gauge" and family.documentation for family in families)


def test_the_gauges_say_what_the_result_says():
    """A verdict is one of four gauges; what was not tested is absent, and last_run is the result's time."""
    pair = (("artifact", "ref/"), ("baseline", "default"))
    found = scraped(Prometheus().render(samples.drifted()))
    assert {labels[2][1]: v for (name, labels), v in found.items() if name == "driftcli_verdict"} == {
        "pass": 0, "warn": 0, "drift": 1, "inconclusive": 0,
    }  # fmt: skip
    assert found["driftcli_p_value", pair] == 0.0002
    assert found["driftcli_last_run_timestamp_seconds", pair] == 1795154412
    assert found["driftcli_images", (*pair, ("state", "skipped"))] == 2
    assert (
        found["driftcli_property_shift_sd", (*pair, ("family", "properties"), ("property", "sharpness"))]
        == -1.93
    )
    untested = {name for name, _ in scraped(Prometheus().render(samples.inconclusive()))}
    assert "driftcli_p_value" not in untested
    assert "driftcli_exit_code" in untested
    timeless = scraped(Prometheus().render(replace(samples.passing(), created="yesterday")))
    assert "driftcli_last_run_timestamp_seconds" not in {name for name, _ in timeless}


@settings(max_examples=60, deadline=None)
@given(NAMES)
def test_no_name_adds_or_loses_a_sample(name):
    """Labels come back as the name, with its unsafe characters spelt out."""
    text = Prometheus().render(named(name))
    found = scraped(text)
    assert {dict(labels)["artifact"] for _, labels in found} == {safe_name(name)}
    assert len(found) == len(scraped(Prometheus().render(named("harmless"))))
    assert len(list(openmetrics.text_string_to_metric_families(f"{text}# EOF\n"))) > 20


def rows(text: str) -> list[dict[str, str]]:
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_the_table_has_every_image_in_the_rankings_order():
    """Numbers are numbers; what is unknown is empty."""
    report = samples.rich()
    found = rows(Csv().render(replace(report, images=report.images[::-1])))
    assert list(found[0]) == [column.name for column in columns(report)]
    assert [int(row["rank"]) for row in found] == list(range(1, 31))
    assert [row["path"] for row in found] == [image.path for image in report.images]
    assert [float(row["score"]) for row in found] == [image.score for image in report.images]
    assert [row["significant"] for row in found].count("true") == 9
    assert found[0]["p_value"] == "0.000781"
    assert found[-1]["p_value"] == ""
    assert rows(Csv().render(samples.inconclusive())) == []


@settings(max_examples=60, deadline=None)
@given(NAMES)
def test_no_name_is_a_formula_or_a_row(name):
    """OWASP's list of first characters; one record an image on one line; negative numbers stay numbers."""
    images = (
        ImageResult(name, 1, -0.5, "style", (name,), neighbour=name),
        ImageResult("b", 2, 0.1, "style", ()),
    )
    text = Csv().render(replace(samples.drifted(), images=images))
    first, second = rows(text)
    assert (first["score"], second["path"]) == ("-0.5", "b")
    for cell in (first["path"], first["neighbour"], first["reasons"]):
        assert not cell.strip(" ").startswith(FORMULA)
        assert cell.removeprefix("'") == safe_name(name).removeprefix("'")
    assert text.count("\n") == 3
    assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]", text)


@pytest.mark.parametrize("name", samples.ALL)
def test_metrics_are_one_flat_object_of_numbers(name):
    report = samples.ALL[name]()
    found = json.loads(Metrics().render(report))
    assert all(type(value) in (int, float) for value in found.values())
    assert found["drift"] == (report.verdict == "drift")
    assert ("p_value" in found) is (report.gate.p_value is not None)
    assert found["images.used"] == report.ledger.used
    if report.families:
        assert found["style.effect"] == report.families[0].effect


@pytest.mark.parametrize("name", NASTY)
def test_metrics_survive_every_name(name):
    assert json.loads(Metrics().render(named(name)))["properties.sharpness.shift_sd"] == -1.93
