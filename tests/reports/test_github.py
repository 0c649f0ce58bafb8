"""GitHub Actions, taken apart as its runner does: workflow commands, the summary's limit, outputs."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings

from driftcli.core.findings import ImageResult
from driftcli.core.text import safe_name
from driftcli.reports import github
from driftcli.reports.github import Github
from tests.reports import samples
from tests.reports.nasty import NAMES, NASTY, named

COMMAND = re.compile(r"::(?P<level>\w+) (?P<properties>[^:]*?)::(?P<message>.*)")


def unescaped(text: str) -> str:
    for code, letter in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, letter)
    return text


def annotations(text: str) -> list[tuple[str, str, str]]:
    """Level, title, message; a line that starts with `::` or holds `##[` is a command (runner, ActionCommand)."""
    found = []
    for line in text.splitlines():
        if line.lstrip().startswith("::"):
            command = COMMAND.fullmatch(line)
            assert command, line
            properties = dict(pair.split("=", 1) for pair in command["properties"].split(","))
            assert set(properties) == {"title"}
            found.append((command["level"], unescaped(properties["title"]), unescaped(command["message"])))
        else:
            assert "##[" not in line
    return found


def parsed(text: str) -> dict[str, str]:
    """A file of outputs as the runner reads it (FileCommandManager): `name<<END`, lines, `END`."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, end = line.split("<<", 1)
        value = []
        for inner in lines:
            if inner == end:
                break
            value.append(inner)
        else:
            raise AssertionError(f"{name} has no end")
        found[name] = "\n".join(value)
    return found


@pytest.mark.parametrize("name", samples.ALL)
def test_at_most_ten_annotations_the_verdict_first(name):
    """Errors only where the step fails; a clean batch has none."""
    report = samples.ALL[name]()
    found = annotations(Github().render(report))
    assert len(found) <= 10
    if report.exit_code:
        assert found[0][0] == "error"
    else:
        assert {level for level, _, _ in found} <= {"warning"}
    if name == "pass":
        assert not found


def test_more_than_ten_are_counted():
    report = replace(samples.drifted(), cautions=tuple(f"caution {number}" for number in range(30)))
    found = annotations(Github().render(report))
    assert len(found) == 10
    assert found[-1][2] == "and 26 more in the job summary"


@settings(max_examples=100, deadline=None)
@given(NAMES)
def test_no_name_is_a_command(name):
    """Messages come back with the name in them, and nothing else is a command."""
    found = annotations(Github().render(named(name)))
    assert [title for _, title, _ in found][:3] == [
        "driftcli: ALARM",
        "driftcli: rule failed",
        "driftcli: what changed",
    ]
    assert [message for _, _, message in found][2][:3999] == safe_name(name)[:3999]
    assert all(len(message) <= github.LONGEST for _, _, message in found)


@settings(max_examples=100, deadline=None)
@given(NAMES)
def test_outputs_are_what_they_are_and_no_more(name):
    """Not even a reason that looks like an output adds one."""
    found = parsed(github.outputs(named(name)))
    assert list(found) == list(parsed(github.outputs(samples.inconclusive())))
    assert (found["verdict"], found["exit_code"], found["p_value"], found["images"]) == (
        "drift",
        "1",
        "0.0002",
        "127",
    )
    assert found["reasons"] == f"{safe_name(name)} differs\n{safe_name(name)}"


def test_outputs_of_what_was_not_tested_are_empty():
    found = parsed(github.outputs(samples.inconclusive()))
    assert (found["verdict"], found["exit_code"], found["failed"]) == ("inconclusive", "3", "false")
    assert found["p_value"] == found["effect"] == ""


def test_the_summary_keeps_to_its_limit_and_says_that_it_was_cut():
    """After a whole line, in bytes, also where an earlier summary of the step has taken room."""
    images = tuple(
        ImageResult(f"{rank}/{'図' * 1000}.jpg", rank, 0.5, "style", ()) for rank in range(1, 1001)
    )
    report = replace(samples.drifted(), images=images)
    for room in (github.SUMMARY, 100_000, 3000):
        text = github.summary(report, top_k=1000, room=room)
        assert room - 4000 < len(text.encode()) <= room
        assert text.endswith(github.CUT)
    assert github.summary(report, room=50) == ""
    assert github.summary(samples.rich()) == github.summary(samples.rich(), room=github.SUMMARY)
    assert github.CUT not in github.summary(samples.rich())


@pytest.mark.parametrize("name", NASTY)
def test_a_command_is_one_line(name):
    assert github.command("error", name, name, name).splitlines() == [
        github.command("error", name, name, name)
    ]
