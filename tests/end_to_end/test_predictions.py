"""A classifier's answers from table to verdict: kept with the baseline, compared, told; and nothing changes without them."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("quick")
CLASSES = ("cat", "dog", "fox")


def answers(
    folder, file, seed, *, shares=(1, 1, 1), sure=3.0, classes=CLASSES, labels=True, skip=0, name=str
):
    """A table of predictions for every image of a folder."""
    rng = np.random.default_rng(seed)
    shares = np.array(shares[: len(classes)]) / sum(shares[: len(classes)])
    with file.open("w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(["path", *(["label"] if labels else []), *(f"p_{c}" for c in classes)])
        for path in sorted(folder.iterdir())[skip:]:
            true = rng.choice(len(classes), p=shares)
            logits = rng.normal(size=len(classes))
            logits[true] += sure
            p = np.exp(logits) / np.exp(logits).sum()
            rows.writerow([name(path.name), *([classes[true]] if labels else []), *map(repr, p.tolist())])
    return file


@pytest.fixture
def ref(world, drift, tmp_path):
    """The world's artifact with predictions in its baseline."""
    made = shutil.copytree(world.bare, tmp_path / "ref")
    table = answers(world.good, tmp_path / "good.csv", 1)
    ran = drift("baseline", made, world.good, "--predictions", table, "--workers", 1)
    assert ran.code == 0, ran.err
    assert "predictions of 3 classes for 110 images, right on " in ran.out
    return made


def test_from_table_to_verdict(ref, world, drift, check, tmp_path):
    plain = check(world.ref, world.fresh)
    same = answers(world.fresh, tmp_path / "same.csv", 2)
    ran = check(ref, world.fresh, "--predictions", same)
    assert (ran.code, ran.result["verdict"]) == (0, "pass")
    assert [f["name"] for f in ran.result["families"]][-1] == "predictions"
    said = ran.result["predictions"]
    assert (said["classes"], said["unanswered"], said["labelled"], said["hard"]) == (3, 0, 24, False)
    assert 0.7 < said["baseline_accuracy"] <= 1
    other = answers(world.fresh, tmp_path / "other.csv", 3, shares=(0, 0, 1))
    ran = check(ref, world.fresh, "--predictions", other)
    assert (ran.code, ran.result["verdict"]) == (1, "drift")
    assert ran.result["headline"]["kind"] == "answers"
    assert (
        "get other answers from the classifier than the baseline: fox " in ran.result["headline"]["statement"]
    )
    assert ran.result["predictions"]["shares"][0]["name"] == "fox"
    images = {f["name"]: f["p_value"] for f in ran.result["families"] if f["name"] != "predictions"}
    assert all(p > 0.01 for p in images.values())
    told = drift("check", ref, world.fresh, "--predictions", other, "--workers", 1, "-v").out
    assert "Your classifier's answers" in told
    assert plain.result["predictions"] is None

    unsure = answers(world.fresh, tmp_path / "unsure.csv", 4, sure=0.0)
    ran = check(ref, world.fresh, "--predictions", unsure)
    assert (ran.code, ran.result["headline"]["words"]) == (1, ["less sure"])


def test_without_them_every_number_is_as_before(ref, world, check, drift, tmp_path):
    """A baseline with predictions and one without give the same p, bit for bit, where none come with the batch."""
    twin = shutil.copytree(world.bare, tmp_path / "twin")
    assert drift("baseline", twin, world.good, "--workers", 1).code == 0
    one, two = check(ref, world.bright).result, check(twin, world.bright).result
    assert one["gate"] == two["gate"]
    assert one["families"] == two["families"]
    assert one["images"] == two["images"]
    assert any(
        "baseline default has predictions and none came with these images" in c for c in one["cautions"]
    )
    assert not any("predictions" in c for c in two["cautions"])
    table = answers(world.bright, tmp_path / "b.csv", 5)
    alone = check(twin, world.bright, "--predictions", table).result
    assert alone["gate"]["p_value"] == two["gate"]["p_value"]
    assert any("came with predictions and baseline default has none" in c for c in alone["cautions"])
    off = check(ref, world.bright, "--predictions", "off").result
    assert off["gate"] == one["gate"]


def test_the_manifests_own_columns_and_the_holdout_of_a_fit(world, drift, check, tmp_path):
    """`fit` keeps those of its hold-out; a check reads the columns of the batch's manifest without being told."""
    good = answers(world.good, tmp_path / "m.csv", 6, name=lambda n: str(world.good / n))
    made = tmp_path / "made"
    ran = drift("fit", good, "-o", made, "--method", "properties", "--detectable", "none", "--workers", 1)
    assert ran.code == 0, ran.err
    told = drift("inspect", made).out
    assert "predictions of 3 classes for 88 images" in told
    facts = json.loads(drift("inspect", made, "-f", "json").out)["baselines"]["holdout"]["predictions"]
    assert (facts["classes"], facts["answered"]) == (list(CLASSES), 88)
    batch = answers(world.fresh, tmp_path / "b.csv", 7, shares=(0, 0, 1), name=lambda n: str(world.fresh / n))
    ran = check(made, batch)
    assert (ran.code, ran.result["predictions"]["significant"]) == (1, True)
    assert check(made, batch, "--predictions", "off").code == 0
    assert check(made, batch, "--set", "families.predictions.gate=advisory").code == 0


def test_what_is_refused_and_with_which_code(ref, world, drift, check, tmp_path):
    before = {f.name: f.read_bytes() for f in ref.iterdir() if f.is_file()}
    fresh = world.fresh

    def ran(table, *more):
        return check(ref, fresh, "--predictions", table, *more)

    said = ran(answers(fresh, tmp_path / "o.csv", 1, classes=("cat", "cow", "dog")))
    assert (said.code, said.result["verdict"], said.result["gate"]["p_value"]) == (3, "inconclusive", None)
    assert "cow not known to it, fox missing" in said.err
    assert "hint: " in said.err
    some = answers(fresh, tmp_path / "s.csv", 1, skip=4)
    assert (ran(some).code, "4 of 24 images have no prediction" in ran(some).err) == (3, True)
    accepted = ran(some, "--set", "predictions.max_missing=0.2").result
    assert accepted["predictions"]["unanswered"] == 4
    silent = next(s for f in accepted["families"] for s in f["statistics"] if s["name"] == "no_prediction")
    assert silent["p_raw"] <= 0.01, "the classifier is silent on more images than in the baseline"
    one = ran(answers(fresh, tmp_path / "one.csv", 2, skip=1))
    assert one.code == 0
    assert any("1 of 24 images have no prediction" in caution for caution in one.result["cautions"])
    assert ran(tmp_path / "gone.csv").code == 3
    wrong = drift("check", ref, fresh, "--predictions", tmp_path / "p.xlsx", "--workers", 1)
    assert (wrong.code, wrong.out) == (2, "")
    broken = tmp_path / "broken.csv"
    broken.write_text(some.read_text().replace("0.", "7.", 1))
    assert ran(broken).code == 3
    refused = drift("baseline", ref, world.good, "--predictions", broken, "--workers", 1)
    assert (refused.code, "Traceback" in refused.err) == (3, False)
    assert {f.name: f.read_bytes() for f in ref.iterdir() if f.is_file()} == before, "nothing is half written"


def test_predicted_classes_alone_are_compared_with_those_of_probabilities(ref, world, check, tmp_path):
    table = tmp_path / "hard.csv"
    table.write_text("path,prediction\n" + "".join(f"{p.name},fox\n" for p in sorted(world.fresh.iterdir())))
    ran = check(ref, world.fresh, "--predictions", table)
    said = ran.result["predictions"]
    assert (ran.code, said["hard"], said["confidence"], said["shares"][0]["name"]) == (1, True, None, "fox")
    assert any("no probabilities" in caution for caution in ran.result["cautions"])


def test_good_images_under_corruptions_are_written_answered_and_read_back(ref, world, drift, tmp_path):
    """The manifest's rows get predictions; with those of the good images they make the baseline anew."""
    place, good = tmp_path / "under", tmp_path / "good.csv"
    few = ("--set", "predictions.export_images=2", "--workers", 1)
    ran = drift("baseline", ref, world.good, "--predictions", good, "--export-corrupted", place, *few)
    assert ran.code == 0, ran.err
    assert "170 images written, 2 good ones as they are and corrupted" in ran.out
    with (place / "manifest.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 2 * (1 + 28 * 3)
    assert all((place / row["path"]).is_file() for row in rows)
    assert {row["label"] for row in rows} <= {*CLASSES}
    clean = [row for row in rows if not row["corruption"]]
    assert [(place / r["path"]).read_bytes() for r in clean] == [
        (world.good / r["source"].split("/")[-1]).read_bytes() for r in clean
    ]
    fields = [*rows[0], *(f"p_{c}" for c in CLASSES)]
    with (place / "answers.csv").open("w", newline="") as table:
        written = csv.DictWriter(table, fields)
        written.writeheader()
        for row in rows:
            if row["corruption"]:
                written.writerow({**row, "p_cat": 0.25, "p_dog": 0.25, "p_fox": 0.5})
    both = ("--predictions", good, "--predictions", place / "answers.csv")
    ran = drift("baseline", ref, world.good, *both, "--workers", 1)
    assert ran.code == 0, ran.err
    assert "and under 84 simulated corruptions" in ran.out
    from driftcli.config.settings import Settings
    from driftcli.reference.reference import open_baseline, open_reference

    artifact, reference = open_reference(str(ref), Settings(), ())
    under = open_baseline(artifact, reference, None, str(ref)).features.predictions.corrupted
    assert (len(under.said), len(under.conditions), len(set(under.image))) == (168, 84, 2)
    assert under.said.predicted.tolist() == [2] * 168
    again = drift("baseline", ref, world.good, "--export-corrupted", place, *few)
    assert (again.code, "exists" in again.err or "holds other files" in again.err) == (2, True)
    inside = drift("baseline", ref, world.good, "--export-corrupted", world.good / "new", *few)
    assert (inside.code, (world.good / "new").exists()) == (2, False)
