"""Does it hurt the model? From a classifier's answers on corrupted good images to a verdict, by the command line."""

from __future__ import annotations

import csv
import json
import re
import shutil

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("quick")
CLASSES = ("cat", "dog", "fox")
FEW = ("--set", "predictions.export_images=60", "--workers", 1)


def said(file, rows, sure, seed):
    """A table of answers: probabilities that are right about as often as they say; `sure` by row."""
    rng = np.random.default_rng(seed)
    with file.open("w", newline="") as table:
        written = csv.DictWriter(table, [*rows[0], *(f"p_{c}" for c in CLASSES)])
        written.writeheader()
        for row in rows:
            logits = rng.normal(size=3)
            logits[CLASSES.index(row["label"])] += sure(row)
            p = np.exp(logits) / np.exp(logits).sum()
            written.writerow({**row, **{f"p_{c}": repr(float(v)) for c, v in zip(CLASSES, p, strict=True)}})
    return file


def labelled(folder, seed):
    rng = np.random.default_rng(seed)
    return [{"path": path.name, "label": CLASSES[rng.integers(3)]} for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def ref(world, tmp_path_factory):
    """A baseline that knows what corruptions cost the classifier: the stronger, the less sure it is."""
    from tests.journey import succeed

    root = tmp_path_factory.mktemp("harm")
    made = shutil.copytree(world.bare, root / "ref")
    good = said(root / "good.csv", labelled(world.good, 1), lambda _: 3.5, 2)
    place = root / "corrupted"
    asked = ("baseline", made, world.good, "--predictions", good)
    succeed(*asked, "--export-corrupted", place, *FEW, "-q")
    with (place / "manifest.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["corruption"]]
    answers = said(place / "answers.csv", rows, lambda row: 3.5 - 0.7 * float(row["severity"]), 3)
    succeed(*asked, "--predictions", answers, *FEW, "-q")
    return made


def test_a_change_that_costs_the_classifier_its_accuracy_probably_hurts(ref, world, drift, check, tmp_path):
    """The images are as ever; the answers on them are as on strong corruptions."""
    worse = said(tmp_path / "worse.csv", labelled(world.fresh, 4), lambda _: 0.0, 5)
    ran = check(ref, world.fresh, "--predictions", worse, "--max-accuracy-drop", "10%")
    found = ran.result["harm"]
    assert (found["verdict"], found["alarm"], found["class_mix"]) == ("probably hurts", True, "free")
    assert found["accuracy"]["high"] < found["baseline_accuracy"] - 0.1
    assert found["accuracy"]["low"] <= found["accuracy"]["value"] <= found["accuracy"]["high"]
    assert (found["images"], found["baseline_images"], found["tolerance"]) == (24, 110, 0.1)
    (rule,) = ran.result["rules"]
    shown = ran.result["images"]
    assert len(shown) == 24
    assert all(one["prediction"] in CLASSES and one["label"] in CLASSES for one in shown)
    assert all(1 / 3 <= one["confidence"] <= 1 and 0 < one["correctness"] < 1 for one in shown)
    assert (ran.code, rule["name"], rule["failed"]) == (1, "max_accuracy_drop", True)
    assert any("outside alpha" in reason for reason in ran.result["reasons"])
    told = drift("check", ref, world.fresh, "--predictions", worse, "--workers", 1).out
    assert re.search(r"the images +no change found +p = ", told)
    assert re.search(
        r"the model +probably hurts +right on \d+ % of 24 labelled images, accuracy about ", told
    )
    assert "images changed" not in told, "the answers changed, not the images"
    assert "Estimated without labels" in told


def test_good_answers_are_no_harm_whatever_the_images_are(ref, world, drift, check, tmp_path):
    """Brighter images are drift; a classifier that answers them as before does not suffer."""
    same = said(tmp_path / "same.csv", labelled(world.bright, 6), lambda _: 3.5, 7)
    ran = check(ref, world.bright, "--predictions", same, "--max-accuracy-drop", "20%")
    assert (ran.code, ran.result["verdict"]) == (1, "drift")
    found = ran.result["harm"]
    assert found["verdict"] != "probably hurts"
    assert not found["alarm"]
    assert not ran.result["rules"][0]["failed"]
    told = drift("check", ref, world.bright, "--predictions", same, "--workers", 1).out
    assert told.index("Does it hurt the model?") < told.index("\nWhy\n")
    assert re.search(r"the images +changed +p = ", told)


def test_without_answers_on_corrupted_images_it_cannot_say(world, drift, check, tmp_path):
    made = shutil.copytree(world.bare, tmp_path / "ref")
    good = said(tmp_path / "good.csv", labelled(world.good, 1), lambda _: 3.5, 2)
    ran = drift("baseline", made, world.good, "--predictions", good, "--workers", 1)
    assert "checks will not say how much accuracy a change costs" in ran.out
    worse = said(tmp_path / "worse.csv", labelled(world.fresh, 4), lambda _: 0.0, 5)
    found = check(made, world.fresh, "--predictions", worse).result["harm"]
    assert (found["verdict"], found["accuracy"], found["alarm"]) == ("cannot say", None, True)
    refused = check(made, world.fresh, "--predictions", worse, "--max-accuracy-drop", "5%")
    assert (refused.code, refused.out) == (2, "")
    assert "--export-corrupted" in refused.err


def test_no_classifier_no_word_of_it(world, check, drift):
    assert check(world.ref, world.fresh).result["harm"] is None
    assert "hurt" not in drift("check", world.ref, world.fresh, "--workers", 1, "-v").out


def test_what_was_learnt_is_checked_before_it_is_used(ref, world, check, tmp_path):
    """A fact that no writer writes, and an array that was changed: 3, and no verdict."""
    worse = said(tmp_path / "worse.csv", labelled(world.fresh, 4), lambda _: 0.0, 5)
    changed = shutil.copytree(ref, tmp_path / "changed")
    path = changed / "manifest.json"
    document = json.loads(path.read_text("utf-8"))
    document["baselines"]["default"]["harm"]["images"] = 7
    path.write_text(json.dumps(document), "utf-8")
    ran = check(changed, world.fresh, "--predictions", worse)
    assert (ran.code, ran.result["gate"]["p_value"]) == (3, None)
    assert "hint: " in ran.err
