"""`driftcli score --history`: what labels say stands beside what was estimated, and `driftcli history` shows both."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from dataclasses import replace

import pytest

from driftcli.check_history import read, record
from driftcli.config.settings import Settings
from driftcli.labelling.queue import sealed
from driftcli.reports.saved.result_file import read_result
from tests.check_history.test_model import harmed
from tests.cli.test_queue_and_score import _labels, _saved
from tests.journey import pictures
from tests.reports import page as _page

DAYS = ("2026-11-01", "2026-11-02", "2026-11-03")


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """Three days' results of 16 images each, all remembered but for the last; a queue of ten of each, and its labels."""
    from driftcli.cli import app

    root = tmp_path_factory.mktemp("week")
    for number, name in enumerate(("cats", "dogs")):
        pictures(root / "batch" / name, 24, 1 + number)
    files = sorted((root / "batch").rglob("*.jpg"))
    settings = Settings.model_validate({"history": {"file": str(root / "drift.db")}})
    results = []
    for place, day in enumerate(DAYS):
        saved = _saved(root / f"{day}.json", files[place::3], date=f"{day}T00:00:00Z")
        results.append(str(saved))
        if place < 2:
            record.record(replace(read_result(saved), harm=harmed(0.8 - place / 10)), settings)
    assert app.run(["queue", *results, "-o", str(root / "q"), "--budget", "30", "--list-only", "-q"]) == 0
    _labels(root / "q", root / "labels.csv")
    return root


@pytest.fixture
def score(week, main, tmp_path):
    database = tmp_path / "drift.db"
    shutil.copyfile(week / "drift.db", database)

    def run(*more, labels=week / "labels.csv", history=database):
        return main("score", str(week / "q"), str(labels), "--history", str(history), *more)

    run.database = database
    return run


def labelled(database):
    return {check.when[:10]: check.labelled for check in read.read(database).checks}


def test_each_day_of_the_queue_is_kept_beside_its_check(score):
    ran = score("-f", "json", "-v")
    assert ran.code == 0, ran.err
    assert "holds no check of 2026-11-03: not kept there" in ran.err
    assert "accuracy of 2 checked batches" in ran.err
    found, kept = json.loads(ran.out), labelled(score.database)
    assert list(kept) == list(DAYS[:2])
    for day in found["days"][:2]:
        one = kept[day["date"]]
        shown = [day["accuracy"][name] for name in ("value", "low", "high")]
        assert [one.accuracy.value, one.accuracy.low, one.accuracy.high] == pytest.approx(shown, abs=1e-9)
        assert (one.images, one.labelled, one.queue) == (16, 10, found["queue"]["digest"])


def test_scoring_again_replaces_what_was_kept(score, week, tmp_path):
    score("-q")
    first = labelled(score.database)
    ran = score("-v")
    assert "2 checked batches, 2 of them again" in ran.err
    again = labelled(score.database)
    assert {day: one.accuracy for day, one in again.items()} == {
        day: one.accuracy for day, one in first.items()
    }
    worse = _labels(week / "q", tmp_path / "worse.csv", wrong=tuple(range(12)))
    score("-q", labels=worse)
    assert labelled(score.database)["2026-11-01"].accuracy.value < first["2026-11-01"].accuracy.value


def test_the_history_shows_drift_estimate_and_labels_together(score, main, tmp_path):
    score("-q")
    page, table = tmp_path / "h.html", tmp_path / "h.csv"
    ran = main("history", str(score.database), "-o", str(page), "-o", str(table))
    assert ran.code == 0, ran.err
    assert re.search(r"2026-11-01 +changed +probably hurts +80 % \(60–100\) +\d+ % \(\d+–\d+\) +10", ran.out)
    assert "baseline: 93 % right on 250 labelled good images" in ran.out
    html = page.read_text()
    assert html.index("Does it hurt the model?") < html.index("Checks")
    assert (
        "Accuracy of the model on 2 batches: 2 estimates, 2 measured by labels, 93 % on the baseline" in html
    )
    assert "does not look like the baseline. It probably hurts the model." in _page.plain(html)
    row = next(csv.DictReader(io.StringIO(table.read_text())))
    assert (row["model_verdict"], row["accuracy_estimated"], row["labels"]) == ("probably hurts", "0.8", "10")
    kept = json.loads(main("history", str(score.database), "-f", "json").out)["checks"]
    assert kept[0]["harm"]["accuracy"]["value"] == 0.8
    assert kept[0]["labelled"]["accuracy"]["value"] == pytest.approx(float(row["accuracy_labelled"]))


@pytest.mark.parametrize("what", ["missing", "other", "text"])
def test_a_history_that_does_not_hold_these_images_is_refused_before_labels_are_read(score, tmp_path, what):
    other = tmp_path / "other.db"
    if what == "other":
        record.prepare(Settings.model_validate({"history": {"file": str(other)}}))
    if what == "text":
        other.write_text("no database " * 100)
    ran = score("-o", str(tmp_path / "s.json"), labels=tmp_path / "not read.csv", history=other)
    assert (ran.code, ran.out) == (3, "")
    assert "not read.csv" not in ran.err
    assert "hint: " in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "s.json").exists()
    assert other.exists() == (what != "missing")


def test_a_history_that_cannot_be_written_is_4_and_nothing_is_said(score, tmp_path, monkeypatch):
    from driftcli.check_history import scored
    from driftcli.core.errors import InternalError

    def refuse(*_):
        raise InternalError("full", "make room")

    monkeypatch.setattr(scored, "remember", refuse)
    ran = score("-o", str(tmp_path / "s.json"))
    assert (ran.code, ran.out) == (4, "")
    assert not (tmp_path / "s.json").exists()


def test_the_history_is_never_overwritten_by_a_report(score):
    before = score.database.read_bytes()
    assert score("-o", f"json={score.database}").code == 2
    assert score.database.read_bytes() == before


def test_without_a_history_nothing_is_looked_for(main, week):
    assert main("score", str(week / "q"), str(week / "labels.csv"), "-q").code == 0


def test_a_queue_that_knows_no_baseline_means_every_check_of_its_images(week, main, tmp_path):
    database, folder = tmp_path / "drift.db", shutil.copytree(week / "q", tmp_path / "q")
    shutil.copyfile(week / "drift.db", database)
    queue = json.loads((folder / "queue.json").read_text())
    assert all(len(day.pop("baseline")) == 64 for day in queue["days"])
    (folder / "queue.json").write_text(json.dumps(sealed(queue)))
    ran = main("score", str(folder), str(week / "labels.csv"), "--history", str(database), "-q")
    assert ran.code == 0, ran.err
    assert all(labelled(database).values())
