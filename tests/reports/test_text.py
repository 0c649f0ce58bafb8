"""What the text report promises whatever it is given: its width, its safety, its arithmetic."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from driftcli.core.evidence import DisplayEffect
from driftcli.core.findings import Diagnosis, Distribution, FileResult, GroupResult, ImageResult
from driftcli.core.images import Ledger
from driftcli.core.report import Detectable, FalseAlarmRate, FamilyResult, RuleResult, StatisticResult
from driftcli.core.text import safe_name
from driftcli.reports.content import numbers as number
from driftcli.reports.content import verdict as _verdict
from driftcli.reports.content import words
from driftcli.reports.json import Json, parse
from driftcli.reports.layout.spark import sparks
from driftcli.reports.text import Text
from tests.reports import samples

COMMAND = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
SGR = re.compile(r"\x1b\[[0-9;]*m")
NAMES = st.text(st.characters(codec=None, exclude_categories=()), max_size=60) | st.sampled_from(
    samples.HOSTILE
)


@pytest.mark.parametrize("name", samples.ALL)
@pytest.mark.parametrize("width", [20, 40, 80, 100, 140, 300])
def test_no_line_is_wider_than_the_terminal(name, width):
    """40 cells are the least; below that, lines are 40 wide."""
    for text in (Text(width), Text(width, ascii=True, full=True), Text(width, color=True, full=True)):
        for line in SGR.sub("", text.render(samples.ALL[name]())).split("\n"):
            assert cell_len(line) <= max(width, 40), line


@pytest.mark.parametrize("name", samples.ALL)
def test_without_colour_there_is_no_command_to_the_terminal(name):
    """Not even in a file's name; nor do lines end in spaces."""
    text = Text(100).render(samples.ALL[name]())
    assert not COMMAND.search(text)
    assert not re.search(r" \n|\n\n\n", text)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize("name", samples.ALL)
def test_colour_changes_no_character(name):
    """Nobody is told less without colour; only the theme's own colours are used."""
    colored, bare = (Text(100, color=color).render(samples.ALL[name]()) for color in (True, False))
    assert [line.rstrip() for line in SGR.sub("", colored).split("\n")] == bare.split("\n")
    codes = {code for found in SGR.findall(colored) for code in found[2:-1].split(";")}
    assert codes <= {"0", "1", "2", "22", "31", "32", "33", "36"}


@pytest.mark.parametrize("name", samples.ALL)
def test_ascii_means_ascii(name):
    Text(80, ascii=True).render(samples.ALL[name]()).encode("ascii")
    Text(quiet=True, ascii=True).render(samples.ALL[name]()).encode("ascii")


@pytest.mark.parametrize("name", samples.ALL)
def test_quiet_is_one_line_of_logfmt(name):
    """When, what was decided, the exit code, what was looked at; last the sentence that every format says."""
    report = samples.ALL[name]()
    line = Text(quiet=True).render(report)
    assert line.count("\n") == 1
    assert not COMMAND.search(line)
    fields = re.findall(r'([a-z]+)=("[^"]*"|\S+)(?: |\n)', line)
    assert "".join(f"{key}={value} " for key, value in fields) == f"{line[:-1]} ", "nothing but fields"
    keys = [key for key, _ in fields]
    assert keys[:6] == ["time", "verdict", "exit", "source", "images", "p"]
    assert keys[-1] == "reason"
    assert len(keys) == len(set(keys))
    found = dict(fields)
    assert (found["time"], found["verdict"]) == (report.created, report.outcome)
    assert (found["exit"], found["images"]) == (str(report.exit_code), str(report.batch.images))


@pytest.mark.parametrize("name", samples.ALL)
@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("full", [False, True])
def test_the_report_is_a_screen_that_begins_and_ends_with_the_verdict(name, width, full):
    """40 lines where nobody asked for more; the last one is the verdict, its exit code and the sentence."""
    report = samples.ALL[name]()
    lines = Text(width, full=full).render(report).splitlines()
    label = _verdict.label(report)
    assert full or len(lines) <= 40
    assert lines[0].startswith(f"{label}  ")
    assert lines[-1].startswith(f"{label} (exit {report.exit_code})  {_verdict.told(report)[:30]}")
    assert lines[-2] == ""


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(0, 40),
    st.sampled_from([60, 80, 100]),
)
def test_much_to_say_stays_a_screen(reasons, cautions, groups, statements, width):
    """Whatever was found: the reasons come first, and what has no room is named."""
    rich = samples.rich()
    report = replace(
        rich,
        reasons=rich.reasons
        + tuple(f"reason {k} of some length, so that it takes its room" for k in range(reasons)),
        cautions=tuple(f"caution {k}" for k in range(cautions)),
        groups=tuple(GroupResult(f"g{k}", 1, 0.5, 0.4, 0.001, significant=True) for k in range(groups)),
        diagnosis=tuple(Diagnosis(f"Images are odd{k}: x") for k in range(statements)),
    )
    text = Text(width).render(report)
    assert len(text.splitlines()) <= 40
    assert "With -v also:" in text


def test_as_many_images_as_are_asked_for():
    """Half of the usual ten; who names a number gets it, on a longer screen."""
    report = samples.rich()
    for top_k, shown in ((10, 5), (3, 3), (20, 20)):
        assert f"Most drifted images   {shown} of 127" in Text(140, top_k=top_k).render(report)
    assert "Most drifted images   10 of 127" in Text(140, full=True).render(report)


@settings(max_examples=60, deadline=None)
@given(NAMES, NAMES, st.integers(40, 160), st.booleans())
def test_no_name_breaks_the_report(name, other, width, plain):
    """Whatever a file, a group, a family or a reason is called."""
    report = replace(
        samples.drifted(),
        reasons=(other, name), cautions=(name,), diagnosis=(Diagnosis(other), Diagnosis(f"{name}: {other}")),
        images=(ImageResult(name, 1, 0.5, other, (name, other)), ImageResult(other, 2, 0.4, "style", ())),
        files=(FileResult(other, "unreadable", name), FileResult(name, other, "x")),
        groups=(GroupResult(name, 1, 0.1),),
        ledger=Ledger(3, 1, {name: 1}, {f"{other}x": 1}, 0),
        reference=replace(samples.drifted().reference, artifact=name, baseline=other),
        environment={"device": name, "seed": 0},
    )  # fmt: skip
    for text in (Text(width, ascii=plain).render(report), Text(quiet=True, ascii=plain).render(report)):
        assert not COMMAND.search(text)
        text.encode("ascii" if plain else "utf-8")
    for line in Text(width, ascii=plain).render(report).split("\n"):
        assert cell_len(line) <= width


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.floats(), min_size=12, max_size=12))
def test_no_number_breaks_the_report(odd):
    """A result that was read back may hold any: it is shown, or a dash is."""
    some = [0.5 if number is None else number for number in odd]
    drift = samples.drifted()
    row = StatisticResult(
        "x", odd[0], odd[1], odd[2], 0.001, odd[3], DisplayEffect("sd_shift", some[4]), odd[5], odd[6]
    )
    rate = FalseAlarmRate(some[0], odd[1], odd[2], odd[3], 5, None)
    seen = (Detectable("x", odd[4], some[5], some[6]), Detectable("y", None, 1, some[7], "y", odd[8], odd[9]))
    gate = replace(
        drift.gate,
        p_value=odd[7],
        effect=odd[8],
        effect_lower=odd[9],
        tolerance=some[10],
        false_alarm_rate=rate,
    )
    report = replace(
        drift, gate=replace(gate, detectable=seen), families=(FamilyResult("f", "on", odd[10], odd[11], True, odd[0], odd[1], (row,)),),
        rules=(RuleResult("loss_increase", odd[3], some[4], True), RuleResult("other", odd[5], some[6], False)),
        groups=(GroupResult("g", 1, some[7], odd[8]),), timing={"seconds": some[9], "images_per_second": some[10]},
        distributions=(Distribution("x", tuple(sorted(some[:3])), tuple(some[3:5]), tuple(some[5:7])),),
    )  # fmt: skip
    for verdict in ("pass", "warn", "drift", "inconclusive"):
        for full in (False, True):
            for line in Text(80, full=full).render(replace(report, verdict=verdict)).split("\n"):
                assert cell_len(line) <= 80
        assert Text(quiet=True).render(replace(report, verdict=verdict)).count("\n") == 1
    assert Text(80).render(parse(Json().render(report)))


def test_the_verdict_is_told_in_words():
    """The first sentence suffices for somebody who reads no further."""
    first = {name: _verdict.headline(make()) for name, make in samples.ALL.items()}
    assert first["drift"] == (
        "These 127 images are blurrier and greener than the baseline: like Gaussian blur severity 2. Exit 1."
    )
    assert first["pass"].startswith("These 127 images look like the baseline. Exit 0.")
    assert first["warn"] == (
        "These 12,400 images are poorer in contrast than the baseline, within the tolerance "
        "(at least 3.4 % of the images differ, 5 % is tolerated). Exit 0."
    )
    assert first["inconclusive"] == "Not audited: only 5 images could be read, and the gate needs 8. Exit 3."
    assert first["rules"].startswith(
        "Max loss increase is +44 %, limit 20 %; the drift test itself says pass: These 127 images look like"
    )
    assert first["mix"].startswith(
        "These 127 images show the same things in other shares: cat 50 % → 90 %, dog 45 % → 10 %"
    )
    assert first["exit_zero"] == (
        "These 127 images differ from the baseline in texture, light or colours, in no way that has a name. "
        "Exit 0, because this gate was told not to fail."
    )
    assert "\x1b" not in first["hostile"]
    assert first["hostile"].startswith("These 127 images show other things: more [red]markup")


def test_a_warning_that_fails_says_who_asked_for_it():
    told = _verdict.headline(replace(samples.warned(), exit_code=1))
    assert told.endswith("Exit 1, because this gate was told to fail on warnings.")


def test_the_ledger_is_a_sum_and_says_when_it_is_none():
    assert words.ledger(Ledger(130, 127, {"truncated": 1}, {"hidden": 2}, 0)) == (
        "130 seen = 127 used + 1 unreadable (truncated) + 2 skipped (hidden)"
    )
    assert words.ledger(Ledger(5, 3, {}, {}, 1)) == "5 seen ≠ 3 used + 1 changed while being read"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (number.p_phrase(0.0002, 4999), "p = 0.0002 (the smallest that 4,999 permutations can give)"),
        (number.p_phrase(0.0004, 4999), "p = 0.0004"),
        (number.p_phrase(None, None), "no p-value"),
        (number.p_value(0.00005), "0.00005"),
        (number.p_value(0.0104, 0.01), "0.0104"),
        (number.p_value(0.0104), "0.01"),
        (number.p_value(0.4312), "0.43"),
        (number.p_value(1.0), "1"),
        (number.percent(0.43), "43 %"),
        (number.percent(0.9996), "99.96 %"),
        (number.percent(0.999999), "> 99.9 %"),
        (number.percent(0.00001), "< 0.01 %"),
        (number.percent(0.0), "0 %"),
        (number.percent(0.00016), "0.016 %"),
        (number.percent(1.0), "100 %"),
        (number.percent(float("nan")), "–"),
        (number.at_least(0.189), "18 %"),
        (number.at_least(0.0504, 0.05), "5.04 %"),
        (number.at_least(0.0499, 0.05), "4.9 %"),
        (number.at_least(0.29), "29 %"),
        (number.sd(-1.93), "−1.9 sd"),
        (number.sd(0.04), "+0.04 sd"),
        (number.sd(-12.4), "−12 sd"),
        (number.sd(0.0), "0 sd"),
        (number.change(-0.544), "−54 %"),
        (number.change(11.0), "+1,100 %"),
        (number.value(211940), "211,940"),
        (number.value(-4.661), "−4.66"),
        (number.pair(0.20115, 0.20188), ("0.201", "0.202")),
        (number.pair(0.201151, 0.201152), ("0.201151", "0.201152")),
        (number.listed(["a", "b", "c"]), "a, b and c"),
        (number.plural(1, "image"), "1 image"),
    ],
)
def test_numbers_are_told_honestly(told, expected):
    assert told == expected


@given(st.integers(1, 50_000), st.sampled_from([0.001, 0.005, 0.01, 0.02, 0.05, 0.1]))
def test_a_p_value_is_never_rounded_across_alpha(hits, alpha):
    """Nobody reads `0.01` beside alpha 0.01 and wonders why the gate did not fire."""
    p = hits / 50_000
    assert (float(number.p_value(p, alpha)) <= alpha) == (p <= alpha)


@given(st.floats(0, 1))
def test_a_lower_bound_is_never_rounded_up(share):
    shown = number.at_least(share)
    assert shown.startswith("<") or float(shown.rstrip(" %")) <= share * 100 + 1e-6


def test_two_histograms_share_one_scale_and_unequal_bins_keep_their_width():
    left, right = sparks((0, 1, 2, 3, 4), ((0, 1, 0, 0), (0, 0, 0.25, 0.75)), 4)
    assert (left, right) == ("▁█▁▁", "▁▁▂▆")
    assert sparks((0, 1, 4), ((0.5, 0.5),), 4) == ("█▃▃▃",)
    assert sparks((0, 1), ((1, 2),), 4) == sparks((0, 1), ((float("nan"),),), 4) == ("",)
    assert sparks((0, 1), ((0,), (0,)), 4) == ("", "")
    assert sparks((float("-inf"), 1, float("inf")), ((1, 0),), 4) == ("██▁▁",)
    assert sparks((0, 1, 1), ((0.5, 0.5),), 2, plain=True)[0].isascii()


@given(NAMES)
def test_a_safe_name_is_safe_and_stays_as_it_is(name):
    safe = safe_name(name)
    assert not COMMAND.search(safe)
    assert "\n" not in safe
    assert safe_name(safe) == safe


def test_reports_do_not_import_torch():
    code = "import sys, driftcli.reports.text, driftcli.reports.json; sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2]).returncode
        == 0
    )


def test_what_the_diagnosis_says_is_not_said_twice():
    """Reasons of the JSON result that repeat a statement are left out of the text."""
    report = samples.ALL["drift"]()
    said = report.diagnosis[0].statement
    assert Text(100).render(replace(report, reasons=(*report.reasons, said))).count(said) == 1


def test_many_statements_and_shifts_are_cut_with_their_number():
    """No wall of text: the JSON result has them all."""
    report = samples.ALL["drift"]()
    many = tuple(Diagnosis(f"Images are odd{number}: x") for number in range(9))
    seen = tuple(
        Detectable("shift", None, 1.0, 0.8, f"value_{number}", 0.2, 0.001, "share") for number in range(9)
    )
    text = Text(100, full=True).render(
        replace(report, diagnosis=many, gate=replace(report.gate, detectable=seen))
    )
    assert "odd4" in text
    assert "odd5" not in text
    assert "and 4 more in the JSON result" in text
    assert "value 5 by 0.2 sd (0.1 %), 3 more in the JSON result" in " ".join(text.split())
