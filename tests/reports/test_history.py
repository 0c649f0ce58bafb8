"""A history on the terminal, as JSON and CSV, and as a page that needs no script and trusts no name."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from driftcli.check_history import read, record
from driftcli.check_history.records import Measured, Summary
from driftcli.core.errors import UsageError
from driftcli.reports.history import html as _history_html
from driftcli.reports.history import json as _history_json
from driftcli.reports.history import text as _history_text
from driftcli.reports.history import trends
from tests.check_history.test_history import report, settings
from tests.reports import page as _page
from tests.reports import samples

HOSTILE = '=cmd("x") <script>alert(1)</script> \x1b[31m$\\frac{a}{b}$'
LINK = "reports/2026-11-14.html"
DAYS, FIRST = 14, 9
"""From the ninth on images are blurrier."""


def spread(x):
    return Summary(
        float(x.mean()), float(np.median(x)), float(x.std()), *map(float, np.quantile(x, [0.05, 0.25, 0.75, 0.95]))
    )  # fmt: skip


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """14 days; one not audited, one checked twice, an alarm, an acknowledgement, another group."""
    file = tmp_path_factory.mktemp("history") / "drift.db"
    rng = np.random.default_rng(1)
    good = {name: rng.normal(mean, 1, 2560) for name, mean in (("sharpness", 20), ("brightness", 5))}
    for day in range(1, DAYS + 1):
        p = None if day == 3 else 0.001 if day >= FIRST else 0.3 + day / 100
        measured = [
            Measured("properties", name, "px", spread(rng.normal(x.mean() - (2 if day >= FIRST and name == "sharpness" else 0), 1, 127)), spread(x))
            for name, x in good.items()
        ]  # fmt: skip
        one = report(f"d{day}", p, created=f"2026-11-{day:02}T06:00:00Z")
        link = LINK if day == DAYS else "javascript:alert(2)" if day == 1 else None
        one = replace(one, batch=replace(one.batch, source=(HOSTILE, f"day {day}")), link=link)
        record.record(one, settings(file), measured if p else ())
    record.acknowledge(file, HOSTILE)
    record.record(report("d1", 0.4, created="2026-11-15T06:00:00Z"), settings(file, "camera 2"))
    again = report("d2", 0.4, created="2026-11-16T06:00:00Z")
    record.record(again, settings(file))
    return read.read(file)


def test_the_terminal_page(past):
    """Every check, what happened first, trends; names made harmless; no line too long."""
    for width in (60, 100):
        page = _history_text.to_text(past, width=width)
        assert all(len(line) <= width for line in page.splitlines())
    assert "\x1b" not in page
    assert (page.count("! differs"), page.count("✗ ALARM")) == (2, DAYS - FIRST - 1)
    assert "✗ DRIFT" not in page, "all checks decide together"
    assert "also baseline default" in page
    assert "--group 'camera 2'" in page
    assert "? not audited" in page
    assert "(again)" in page
    assert "camera 2" in page
    assert "first batch that differs by itself: 2026-11-09" in page
    assert "alarm of all checks together: 2026-11-11" in page
    assert re.search(r"sharpness .*6 of 14 beyond", page)
    assert re.search(r"brightness [^\n]*px *$", page, re.MULTILINE)
    assert "in 32 % of years of 365 checks (simulated)" in page


def test_the_terminal_page_in_ascii_and_colour(past):
    plain = _history_text.to_text(past, ("sharpness",), ascii_only=True)
    assert plain.isascii()
    assert plain.count("x ALARM") == DAYS - FIRST - 1
    assert "\x1b[" in _history_text.to_text(past, color=True)


def test_a_chart_marks_what_lies_beyond_the_limits(past):
    page = _history_text.to_text(past, ("sharpness",))
    chart = page.split("sharpness (px)")[1].split("Lines:")[0]
    assert chart.count("✗") == DAYS - FIRST + 1
    with pytest.raises(UsageError, match="not in these checks"):
        _history_text.to_text(past, ("sharpnes",))


def test_limits_of_a_mean_are_three_standard_errors(past):
    """Slow twin: 3 sd of the baseline times the root of 1/m + 1/n."""
    (trend,) = trends.trends(past, ("brightness",))
    check, statistic = past.checks[0], trend.statistics[0]
    low, high = trends.limits(statistic, check)
    error = statistic.good.sd * (1 / check.images + 1 / check.baseline_images) ** 0.5
    assert (low, high) == pytest.approx((statistic.good.mean - 3 * error, statistic.good.mean + 3 * error))
    assert not any(trend.beyond)


def test_json_holds_everything(past):
    found = json.loads(_history_json.to_json(past))
    assert (found["kind"], len(found["checks"]), len(found["series"])) == ("history", DAYS + 1, 2)
    assert found["checks"][0]["source"][0] == HOSTILE
    assert found["checks"][8]["statistics"][0]["name"] == samples.drifted().families[0].statistics[0].name
    assert [chart["name"] for chart in found["charts"]] == ["shewhart", "ewma", "cusum"]


def test_csv_is_safe_for_spreadsheets(past):
    rows = list(csv.DictReader(io.StringIO(_history_json.to_csv(past))))
    assert len(rows) == DAYS + 1
    assert rows[0]["source"].startswith("'=cmd")
    assert "\x1b" not in rows[0]["source"]
    assert float(rows[0]["properties.sharpness"]) == pytest.approx(20, abs=0.5)
    assert rows[2]["p_value"] == rows[2]["properties.sharpness"] == ""


@pytest.fixture(scope="module")
def html(past):
    return _history_html.to_html(past)


def test_the_page_is_sound_and_loads_nothing(html):
    """No script, no address, a policy that forbids both; ids are unique, so charts do not mix up their shapes."""
    _page.sound(html)
    assert not _page.read(html).all("link", "img")
    links = [address for address in _page.read(html).values("href") if not address.startswith("#")]
    assert links == [LINK] * (html.count(LINK) > 0) == [LINK]
    policy = next(value for value in _page.read(html).values("content") if "-src" in value)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_page_shows_names_as_text(html):
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "\x1b" not in html


def test_every_picture_says_what_it_shows_in_the_pages_colours(html):
    """Light and dark: no colour of the drawing library is left."""
    pictures = re.findall(r'<svg [^>]*role="img" aria-label="([^"]+)"', html)
    assert len(pictures) == html.count('class="plot"') == 2 + 2 + 3
    assert "6 beyond 3 standard errors" in html
    inside = "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    assert not re.search(r"#(?!000000|ffffff)[0-9a-f]{6}\b", inside)
    assert "var(--drift)" in inside
    assert len(html) < 1_000_000


def test_the_page_leads_with_the_newest_batch_and_lists_the_newest_checks_first(html, past):
    """A week of them at once, the others on demand; a date leads to its report."""
    page = _page.read(html)
    assert page.all("section")[0].attributes["id"] == "checks"
    heading = _page.plain(page.all("h1")[0].text)
    assert heading.startswith("PASS The newest batch, 16 November 2026, 06:00, looks like the baseline.")
    rows = [_page.plain(row.text) for row in page.all("tbody")]
    dates = [re.findall(r"2026-11-\d\d 06:00", row) for row in rows]
    assert [len(part) for part in dates[:2]] == [7, len(past.checks) - 7]
    assert dates[0] + dates[1] == [c.created[:16].replace("T", " ") for c in reversed(past.checks)]
    assert [link.text for link in page.all("a") if link.attributes["href"] == LINK] == ["2026-11-14 06:00"]


def test_an_alarm_is_the_first_thing_that_a_page_says(past):
    chosen = replace(past.chosen, alarm=True, since="2026-11-10T06:00:00Z")
    page = _page.read(_history_html.to_html(replace(past, chosen=chosen)))
    heading = _page.plain(page.all("h1")[0].text)
    assert heading.startswith("ALARM All checks together are in alarm since 10 November 2026, 06:00.")


@pytest.mark.parametrize("hours", [1, 5, 24, 24 * 40])
def test_no_axis_of_a_page_has_two_labels_alike(past, hours):
    """Several checks an hour, a day, a year: every drawing's labels differ, and the newest has one."""
    start = datetime(2026, 11, 3, 22, 10, tzinfo=UTC)
    checks = tuple(
        replace(check, created=f"{start + timedelta(hours=hours) * place / 2:%Y-%m-%dT%H:%M:%SZ}")
        for place, check in enumerate(past.checks)
    )
    page = _history_html.to_html(replace(past, checks=checks))
    drawings = re.findall(r"<svg [^>]*class=\"plot\".*?</svg>", page, re.DOTALL)
    assert drawings
    for drawing in drawings:
        labels = re.findall(r"<text[^>]*>([^<]*)</text>", drawing)
        assert len(labels) == len(set(labels)), labels


def test_the_page_names_the_simulated_rate_of_every_chart(html, past):
    for chart in past.charts:
        assert 0.2 < chart.yearly < 0.5
    assert html.count("years of 365 checks (simulated)") == 3


def test_an_empty_year_can_be_drawn(tmp_path):
    """One check, not audited: no chart, no trend, no failure."""
    file = tmp_path / "drift.db"
    record.record(report("d1", None), settings(file))
    one = read.read(file)
    assert "? not audited" in _history_text.to_text(one)
    assert "<svg" in _history_html.to_html(one)
    assert len(_history_json.to_csv(one).splitlines()) == 2
