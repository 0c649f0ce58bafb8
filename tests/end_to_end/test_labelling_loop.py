"""The loop, whole, by the command line: a check, a queue, three annotators, accuracy, and the labels back into the baseline."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from driftcli.artifact import store
from tests.end_to_end.test_harm import labelled, said
from tests.journey import succeed

pytestmark = pytest.mark.usefixtures("quick")
CLASSES = ("cat", "dog", "fox")
PLAIN = ("--workers", 1, "--detectable", "none")
FEW = ("--set", "predictions.export_images=20", *PLAIN, "-q")


@pytest.fixture
def ref(world, tmp_path):
    """A baseline with a classifier's answers, on corrupted images, too."""
    root = tmp_path / "made"
    root.mkdir()
    made = shutil.copytree(world.bare, root / "ref")
    good = said(root / "good.csv", labelled(world.good, 1), lambda _: 3.5, 2)
    asked = ("baseline", made, world.good, "--predictions", good, *FEW)
    succeed(*asked, "--export-corrupted", root / "corrupted")
    with (root / "corrupted" / "manifest.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["corruption"]]
    answers = said(
        root / "corrupted" / "answers.csv", rows, lambda row: 3.5 - 0.7 * float(row["severity"]), 3
    )
    succeed(*asked, "--predictions", answers)
    return made


def _annotated(queue, file, truth, who, wrong):
    """Labels of one person of all items, some of them wrong."""
    rng = np.random.default_rng(len(who) + wrong)
    rows = list(csv.DictReader((queue / "queue.csv").open(newline="")))
    missed = set(rng.choice(len(rows), wrong, replace=False).tolist())
    with file.open("w", newline="") as table:
        out = csv.writer(table)
        out.writerow(["item", "annotator", "label"])
        for number, row in enumerate(rows):
            label = truth[Path(row["image"]).name]
            out.writerow([row["item"], who, CLASSES[(CLASSES.index(label) + (number in missed)) % 3]])
    return file


def _labels(artifact):
    return store.read(artifact).state("baseline-default")["predictions/label"]


def test_from_a_check_to_labels_to_a_better_baseline(ref, world, drift, check, tmp_path, monkeypatch):
    """Labels are a manifest that `refresh` reads from anywhere; the classifier's answers on corrupted images stay.

    Fresh images are checked, queued by their correctness, labelled by three, and scored against what the baseline knew of the classifier.
    """
    rows = labelled(world.fresh, 4)
    truth = {row["path"]: row["label"] for row in rows}
    answers = said(tmp_path / "fresh.csv", rows, lambda _: 3.5, 5)
    blind = tmp_path / "blind.csv"
    with answers.open(newline="") as table, blind.open("w", newline="") as out:
        read = list(csv.DictReader(table))
        written = csv.DictWriter(out, [name for name in read[0] if name != "label"], extrasaction="ignore")
        written.writeheader()
        written.writerows(read)
    monkeypatch.chdir(world.fresh.parent)
    ran = check(ref, world.fresh.name, "--predictions", blind)
    (tmp_path / "result.json").write_text(ran.out)
    known = ran.result["predictions"]
    ran = drift("queue", tmp_path / "result.json", "-o", tmp_path / "q", "--budget", 20, "--no-progress")
    assert ran.code == 0, ran.err
    assert "chosen by the model's correctness score" in ran.out
    people = [
        _annotated(tmp_path / "q", tmp_path / f"{who}.csv", truth, who, wrong)
        for who, wrong in (("ada", 2), ("bo", 3), ("cyd", 4))
    ]
    table = tmp_path / "elsewhere" / "labels.csv"
    ran = drift("score", tmp_path / "q", *people, "--max-drop", "50%", "-o", table, "-f", "json")
    assert ran.code == 0, ran.err
    scored = json.loads(ran.out)
    assert scored["baseline"] == {
        "accuracy": pytest.approx(known["baseline_accuracy"]),
        "labels": known["baseline_labelled"],
    }
    right = [row["label"] == truth[Path(row["path"]).name] for row in csv.DictReader(table.open(newline=""))]
    assert np.mean(right) >= 0.9
    monkeypatch.chdir(tmp_path)
    before = store.read(ref).state("baseline-default")
    ran = drift(
        "refresh", ref, table, "--predictions", blind, "-o", tmp_path / "ref-2", "--accept-drift", *PLAIN
    )
    assert ran.code == 0, ran.err
    assert "20 images" in ran.out
    after = store.read(tmp_path / "ref-2").state("baseline-default")
    assert (len(before["predictions/label"]), len(after["predictions/label"])) == (110, 130)
    assert (after["predictions/label"] >= 0).all(), "labels of people are the baseline's now"
    for name in ("corrupted/image", "corrupted/condition", "corrupted/probability"):
        key = f"predictions/{name}"
        assert len(before[key]) == len(after[key]) > 0
    ran = check(
        tmp_path / "ref-2",
        world.bright,
        "--predictions",
        said(tmp_path / "b.csv", labelled(world.bright, 6), lambda _: 0.0, 7),
    )
    assert ran.result["harm"]["baseline_images"] == 130
    assert ran.result["harm"]["accuracy"] is not None
    assert ran.result["harm"]["verdict"] == "probably hurts"


def test_the_labels_are_a_manifest_for_fit_and_baseline(world, drift, tmp_path):
    """Their own column of what the model said is no prediction; their labels are those of `--predictions`."""
    rows = labelled(world.good, 8)
    with (tmp_path / "labels.csv").open("w", newline="") as table:
        out = csv.writer(table)
        out.writerow(["path", "label", "chance", "labels", "predicted", "date", "weight"])
        out.writerows([world.good / row["path"], row["label"], 1, 1, "cat", "2026-11-28", 1] for row in rows)
    ran = drift(
        "fit",
        tmp_path / "labels.csv",
        "-o",
        tmp_path / "own",
        "--method",
        "properties",
        "--holdout",
        "0",
        "-q",
        "--workers",
        1,
    )
    assert ran.code == 0, ran.err
    made = shutil.copytree(world.bare, tmp_path / "ref")
    ran = drift("baseline", made, tmp_path / "labels.csv", *PLAIN)
    assert (ran.code, "predictions" in store.read(made).manifest["baselines"]["default"]) == (0, False)
    answers = said(
        tmp_path / "p.csv",
        [{"path": str(world.good / row["path"]), "label": row["label"]} for row in rows],
        lambda _: 3.5,
        2,
    )
    with answers.open(newline="") as table:
        read = list(csv.DictReader(table))
    with answers.open("w", newline="") as table:
        out = csv.DictWriter(table, [name for name in read[0] if name != "label"], extrasaction="ignore")
        out.writeheader()
        out.writerows(read)
    ran = drift("baseline", made, tmp_path / "labels.csv", "--predictions", answers, *PLAIN)
    assert ran.code == 0, ran.err
    assert (_labels(made) >= 0).sum() == 110
