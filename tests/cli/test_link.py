"""Where a report will be found: what is said goes before what the CI system says, and that before a path."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.cli._link import link
from driftcli.core.errors import UsageError
from driftcli.reports.github import Github, outputs, summary
from driftcli.reports.junit import Junit
from driftcli.reports.layout.address import clickable
from tests.reports import samples

GITHUB = {
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_REPOSITORY": "org/images",
    "GITHUB_RUN_ID": "42",
}
GITLAB = {"CI_JOB_URL": "https://gitlab.example/org/images/-/jobs/7", "CI_PROJECT_DIR": "/builds/images"}
JENKINS = {
    "JENKINS_URL": "https://ci.example/", "BUILD_URL": "https://ci.example/job/drift/9/", "WORKSPACE": "/ws",
}  # fmt: skip


@pytest.mark.parametrize(
    ("environ", "page", "expected"),
    [
        (GITHUB, "/x/report.html", "https://github.example/org/images/actions/runs/42"),
        (
            GITLAB,
            "/builds/images/drift/my page.html",
            f"{GITLAB['CI_JOB_URL']}/artifacts/file/drift/my%20page.html",
        ),
        (GITLAB, "/elsewhere/report.html", GITLAB["CI_JOB_URL"]),
        (GITLAB, None, GITLAB["CI_JOB_URL"]),
        (JENKINS, "/ws/drift/page/index.html", f"{JENKINS['BUILD_URL']}artifact/drift/page/index.html"),
        (JENKINS, None, JENKINS["BUILD_URL"]),
        ({"BUILD_URL": "https://ci.example/9"}, None, None),
        ({**GITHUB, "GITHUB_RUN_ID": ""}, "out/report.html", "out/report.html"),
        ({"CI_JOB_URL": "javascript:alert(1)"}, "report.html", "report.html"),
        ({}, None, None),
    ],
)
def test_ci_says_where_it_keeps_things(environ, page, expected):
    assert link(None, None if page is None else Path(page), environ) == expected


def test_what_is_given_goes_first():
    assert link("https://host/r", Path("report.html"), GITHUB) == "https://host/r"


@pytest.mark.parametrize(
    "url", ["report.html", "ftp://h/x", "https://u:p@h/", "https://", "http://h/a b", "http://h/>"]
)
def test_what_nobody_can_click_is_a_usage_error(url):
    with pytest.raises(UsageError, match="--report-url"):
        link(url, None, {})


def test_every_format_that_people_meet_has_it():
    """JUnit as property and beside the verdict, also of a batch that was not audited; GitHub's summary and outputs."""
    for make in (samples.drifted, samples.passing, samples.inconclusive):
        report = replace(make(), link="https://host/r")
        text = Junit().render(report)
        assert '<property name="report" value="https://host/r" />' in text
        assert "report: https://host/r" in text.partition("</testcase>")[0]
        assert summary(report).endswith("\n[All reports of this run](<https://host/r>)\n")
        assert "report<<" in outputs(report)
        assert "report: https" not in Junit().render(make())
        assert "All reports" not in summary(replace(make(), link="out/report.html"))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=12))
def test_only_an_address_of_the_web_can_be_clicked(text):
    """A saved result may hold anything."""
    for prefix in ("", "https://", "http://host/"):
        found = clickable(prefix + text)
        assert found in (None, prefix + text)
        assert found is None or not set(found) & set(' \n<>"`|\\')


def test_a_green_run_has_no_warning():
    """What is known anyway is one notice; a run that failed keeps its cautions as warnings."""
    good = replace(
        samples.passing(), cautions=("three copies",), notices=("the baseline is small", "held back")
    )
    lines = Github().render(good).splitlines()[1:]
    assert lines == [
        "::notice title=driftcli%3A good to know::three copies%0Athe baseline is small%0Aheld back"
    ]
    bad = replace(samples.drifted(), cautions=("three copies",), notices=("the baseline is small",))
    assert "::warning title=driftcli%3A caution::three copies" in Github().render(bad)
    assert "::notice title=driftcli%3A good to know::the baseline is small" in Github().render(bad)
