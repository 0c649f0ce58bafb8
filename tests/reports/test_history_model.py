"""The part of a history that is about the user's classifier: one row a batch, in the words of the reports."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from driftcli.check_history import read, record, scored
from driftcli.check_history.scored import Batch
from driftcli.core.findings import AccuracyEstimate
from driftcli.reports.history import days, html, model, text
from tests.check_history.test_history import report, settings
from tests.check_history.test_model import harmed, labelled
from tests.reports import page


@pytest.fixture
def file(tmp_path):
    return tmp_path / "drift.db"


def keep(file, day, harm=None, p=0.001):
    given = report(f"d{day}", p, created=f"2026-11-{day:02}T06:00:00Z", harm=harm)
    record.record(given, settings(file, mode="batch"))
    return read.read(file)


def test_a_batch_that_is_checked_again_stands_once_with_the_newest_estimate(file):
    """First without the classifier's answers, then with them, then without: one point, and the estimate is not lost."""
    for harm in (None, harmed(0.8), harmed(0.7), None):
        past = keep(file, 1, harm)
    (day,) = days.days(past)
    assert day.estimated == harmed(0.7).accuracy_of_these


def test_without_a_classifier_the_history_is_as_it_was(file):
    past = keep(file, 1)
    assert days.days(past) == ()
    assert model.section(past, page=False) == model.section(past, page=True) == []
    shown = page.plain(html.to_html(past))
    assert "p-values" in shown
    assert not re.search("the model|estimated|as labelled", shown + text.to_text(past))


def test_labels_alone_are_shown_too(file):
    keep(file, 1)
    scored.remember(file, [(Batch("d1", "", "day"), labelled())])
    past = read.read(file)
    assert re.search(r"2026-11-01 +changed +72 % \(62–82\) +20", text.to_text(past))
    assert "1 measured by labels" in html.to_html(past)


FAR, NEAR = labelled(), replace(labelled(), accuracy=AccuracyEstimate(0.95, 0.93, 0.97))
UNSETTLED = labelled(0.85)
"""Of 93 % on the baseline, 5 points may be lost: 8 are, plus or minus 10."""


@pytest.mark.parametrize(
    ("verdict", "alarm", "known", "said"),
    [
        ("probably hurts", True, None, "It probably hurts the model."),
        ("probably harmless", False, None, "It is probably harmless to the model."),
        ("cannot say", False, None, "Whether it hurts the model only labels can say."),
        ("cannot say", True, None, "It makes the model less sure; what that costs only labels can say."),
        ("cannot say", True, UNSETTLED, "It makes the model less sure."),
        ("cannot say", False, UNSETTLED, ""),
        ("cannot say", False, FAR, "It hurts the model: people's labels say so."),
        ("probably harmless", False, FAR, "It hurts the model: people's labels say so."),
        ("probably hurts", True, NEAR, "It is harmless to the model: people's labels say so."),
    ],
)
def test_the_first_sentence_on_the_newest_batch(file, verdict, alarm, known, said):
    """Labels that are there are not asked for, and go before the estimate where they settle it."""
    past = keep(file, 1, replace(harmed(), verdict=verdict, alarm=alarm))
    if known is not None:
        scored.remember(file, [(Batch("d1", "", "day"), known)])
        past = read.read(file)
    sentence, figures = model.newest(past)
    assert sentence == said
    assert set(figures) - {("as labelled", known and model.between(known.accuracy))} == {
        ("accuracy, estimated", "70 % (50–100)"), ("on the baseline", "93 %"),
    }  # fmt: skip
    assert ("as labelled" in dict(figures)) == (known is not None)


def test_labels_settle_only_what_the_baselines_own_accuracy_leaves_sure(file):
    """81 % is 7 points below the limit of 88 %, and 6.5 of error would do: but the 93 % were counted, too, to within 3."""
    keep(file, 1, harmed())
    accuracy = AccuracyEstimate(0.81, 0.75, 0.87)
    scored.remember(file, [(Batch("d1", "", "day"), replace(labelled(), accuracy=accuracy))])
    assert model.newest(read.read(file))[0] == "It hurts the model: people's labels say so."
    scored.remember(
        file, [(Batch("d1", "", "day"), replace(labelled(), accuracy=replace(accuracy, high=0.875)))]
    )
    assert model.newest(read.read(file))[0] == "It probably hurts the model."


def test_several_batches_of_a_day_have_their_times(file):
    for hour, batch in ((6, "a"), (14, "b")):
        given = report(batch, 0.5, created=f"2026-11-01T{hour:02}:00:00Z", harm=harmed())
        record.record(given, settings(file))
    said = text.to_text(read.read(file))
    assert len(re.findall(r"2026-11-01 (?:06|14):00 +no change found +probably hurts", said)) == 2


def test_a_narrow_terminal_keeps_the_figures(file):
    past = keep(file, 1, harmed())
    scored.remember(file, [(Batch("d1", "", "day"), labelled())])
    past = read.read(file)
    said = text.to_text(past, width=80, ascii_only=True)
    assert re.search(r"hurts +70 % \(50-100\) +72 % \(62-82\) +20$", said, re.MULTILINE)
