"""What a classifier said, joined to images: by which names, in which forms, and what is refused with the row named."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from driftcli.config.settings import Settings
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.features import Features
from driftcli.core.images import Ledger
from driftcli.core.predictions import UNKNOWN
from driftcli.reading.predictions import joined, offered, require_tables
from driftcli.reading.reading import Reading

HASHES = [f"{i:064x}" for i in range(9)]
SOFT = "path,label,p_cat,p_dog\na.png,cat,0.9,0.1\nb.png,dog,0.25,0.75\nc.png,,0.5,0.5\n"


def reading(names, columns=()):
    n = len(names)
    number = np.arange(n).astype(np.uint64)
    content = np.array([h.encode() for h in HASHES[:n]], "S64")
    features = Features(tuple(names), content, number, number, {})
    return Reading(features, Ledger(n, n, {}, {}, 0), (), 0.0, content, number, columns=frozenset(columns))


def settings(file=None, **more):
    return Settings.model_validate({"predictions": {"files": [] if file is None else [str(file)], **more}})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three images in a folder, seen from its parent."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "day").mkdir()
    for name in "abc":
        (tmp_path / "day" / f"{name}.png").write_bytes(b"x")
    return tmp_path


def read(folder, text, name="p.csv", names=("day/a.png", "day/b.png", "day/c.png"), classes=None, **more):
    file = folder / name
    file.write_text(text)
    return joined(reading(names), ["day"], settings(file, **more), classes)


def refused(folder, text, **more):
    with pytest.raises(NotAuditedError) as error:
        read(folder, text, **more)
    assert error.value.exit_code == 3
    assert error.value.hint
    return error.value.what, error.value.hint


@pytest.mark.parametrize("paths", ["day/{}.png", "{}.png", "{root}/day/{}.png", "./day/../day/{}.png"])
def test_a_path_is_as_the_source_says_or_within_it_or_absolute(folder, paths):
    rows = "".join(
        f"{paths.format(name, root=folder)},{p},{1 - p}\n"
        for name, p in zip("cab", (0.5, 0.9, 0.25), strict=True)
    )
    found = read(folder, f"path,p_cat,p_dog\n{rows}")
    said = found.features.predictions
    assert said.classes == ("cat", "dog")
    assert said.probability[:, 0] == pytest.approx([0.9, 0.25, 0.5])
    assert found.remarks == ()


def test_a_path_may_start_at_the_tables_folder(folder):
    (folder / "lists").mkdir()
    found = read(
        folder,
        SOFT.replace("\na.", "\n../day/a.").replace("\nb.", "\n../day/b.").replace("\nc.", "\n../day/c."),
        name="lists/p.csv",
    )
    assert found.features.predictions.answered.all()


def test_base_names_count_only_where_no_path_does_and_say_so(folder):
    rows = "path,p_cat,p_dog\nold/a.png,1,0\nold/b.png,0,1\nold/c.png,0,1\n"
    found = read(folder, rows)
    assert found.features.predictions.predicted.tolist() == [0, 1, 1]
    assert any("joined by base name" in line for line in found.remarks)
    what, _ = refused(folder, f"{rows}day/a.png,0,1\n")
    assert "2 of 3 images have no prediction" in what
    assert "3 rows are about none of the images" in what


def test_a_base_name_that_two_images_have_is_nobodys(folder):
    names = ("mon/a.png", "tue/a.png", "mon/b.png")
    what, _ = refused(folder, "path,p_cat,p_dog\nx/a.png,1,0\nx/b.png,0,1\n", names=names)
    assert "2 of 3 images" in what


def test_a_content_hash_goes_before_the_path_and_serves_copies(folder):
    rows = f"path,sha256,p_cat,p_dog\nday/c.png,{HASHES[0].upper()},1,0\n,{HASHES[1]},0,1\nday/a.png,{HASHES[2]},.5,.5\n"
    assert read(folder, rows).features.predictions.probability[:, 0].tolist() == [1.0, 0.0, 0.5]


def test_labels_and_accuracy(folder):
    said = read(folder, SOFT).features.predictions
    assert said.label.tolist() == [0, 1, UNKNOWN]
    assert said.accuracy == 1.0
    assert said.labelled.tolist() == [True, True, False]


def test_json_lines_and_parquet_say_the_same(folder):
    rows = [
        {"path": f"{n}.png", "p_cat": p, "p_dog": 1 - p} for n, p in zip("abc", (0.9, 0.25, 0.5), strict=True)
    ]
    lines = read(folder, "".join(json.dumps(row) + "\n" for row in rows), name="p.jsonl").features.predictions
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist(rows), folder / "p.parquet")
    table = joined(
        reading([f"day/{n}.png" for n in "abc"]), ["day"], settings(folder / "p.parquet")
    ).features.predictions
    assert np.array_equal(lines.probability, table.probability)
    (folder / "p.parquet").write_bytes(b"PAR1 no table")
    with pytest.raises(NotAuditedError, match="no valid Parquet"):
        joined(reading(["day/a.png"]), ["day"], settings(folder / "p.parquet"))


def test_logits_are_a_list_or_a_file_beside_the_table(folder):
    np.save(folder / "b.npy", np.array([[0.0, np.log(3.0)]], np.float32))
    rows = 'path,logits\na.png,"[2, 2]"\nb.png,b.npy\nc.png,"[1e4, 0]"\n'
    said = read(folder, rows, classes=("cat", "dog")).features.predictions
    assert said.probability == pytest.approx(np.array([[0.5, 0.5], [0.25, 0.75], [1, 0]]), abs=1e-6)
    assert said.logits[0].tolist() == [2, 2]
    assert read(folder, rows).features.predictions.classes == ("0", "1")
    shifted = rows.replace("[2, 2]", "[-5, -5]")
    assert np.array_equal(
        read(folder, shifted).features.predictions.probability,
        read(folder, rows).features.predictions.probability,
    )


def test_one_column_is_a_classifier_of_two_classes(folder):
    rows = "path,label,p_dog\na.png,cat,0.1\nb.png,dog,1\nc.png,,0\n"
    said = read(folder, rows).features.predictions
    assert said.classes == ("cat", "dog")
    assert said.probability.tolist() == [[0.9, 0.1], [0.0, 1.0], [1.0, 0.0]]
    assert read(folder, rows.replace("cat", "dog")).features.predictions.classes == ("not dog", "dog")
    assert read(folder, rows, classes=("dog", "cat")).features.predictions.probability[0].tolist() == [
        0.1,
        0.9,
    ]
    assert "the only column" in refused(folder, rows.replace(",,0", ",bird,0"))[0]


def test_predicted_classes_alone_are_no_probabilities(folder):
    found = read(folder, "path,prediction,label\na.png,cat,cat\nb.png,dog,cat\nc.png,cat,\n")
    said = found.features.predictions
    assert (said.hard, said.accuracy) == (True, 0.5)
    assert said.predicted.tolist() == [0, 1, 0]
    assert any("no probabilities" in line for line in found.remarks)
    what, hint = refused(
        folder, "path,prediction\na.png,cat\nb.png,bird\nc.png,cat\n", classes=("cat", "dog")
    )
    assert "p.csv:3: the prediction bird is none of the classes" in what
    assert "cat, dog" in hint
    assert "one class only" in refused(folder, "path,prediction\na.png,cat\nb.png,cat\nc.png,cat\n")[0]


def test_the_order_of_classes_is_the_baselines(folder):
    said = read(folder, SOFT, classes=("dog", "cat")).features.predictions
    assert said.classes == ("dog", "cat")
    assert said.probability[0].tolist() == pytest.approx([0.1, 0.9])
    assert said.label.tolist() == [1, 0, UNKNOWN]


def test_other_classes_than_the_baselines_are_refused(folder):
    what, hint = refused(folder, SOFT, classes=("cat", "truck"))
    assert "dog not known to it, truck missing" in what
    assert "driftcli baseline" in hint
    with pytest.raises(NotAuditedError, match=r"not those of --classes"):
        joined(reading(["day/a.png"]), ["day"], settings(folder / "p.csv", classes=["cat", "bird"]))


@pytest.mark.parametrize(
    ("row", "what", "hint"),
    [
        ("a.png,cat,0.9,0.11", "sum to 1.01", "softmax"),
        ("a.png,cat,0.9,0.09", "sum to 0.99", "softmax"),
        ("a.png,cat,90,10", "sum to 100", "divide them by 100"),
        ("a.png,cat,2.5,-1.5", "p_dog is -1.5, below 0", "before softmax"),
        ("a.png,cat,nan,0.1", "p_cat is nan, no finite number", "with a point"),
        ('a.png,cat,"0,9",0.1', "p_cat is 0,9", "with a point"),
        ("a.png,cat,0.9,", "no p_dog", "for every class"),
        ("a.png,cta,0.9,0.1", "the label cta is none of the classes", "did you mean cat?"),
        ("a.png,0,0.9,0.1", "the label 0 is none of the classes", "not numbers"),
    ],
)
def test_a_row_that_is_no_prediction_is_refused_by_its_number(folder, row, what, hint):
    said = refused(folder, SOFT.replace("a.png,cat,0.9,0.1", row))
    assert "p.csv:2: " in said[0]
    assert what in said[0]
    assert hint in said[1]


def test_rounding_is_divided_away_and_no_caution(folder):
    found = read(folder, SOFT.replace("0.9,0.1", "0.900001,0.1"))
    assert found.features.predictions.probability.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-12)
    assert found.remarks == ()
    exact = read(folder, SOFT.replace("0.9,0.1", "1,0")).features.predictions
    assert exact.probability[0].tolist() == [1.0, 0.0]


def test_two_rows_about_one_image_must_agree(folder):
    assert read(folder, f"{SOFT}day/a.png,,0.9,0.1\n").features.predictions.label[0] == 0
    what, _ = refused(folder, f"{SOFT}day/a.png,,0.8,0.2\n")
    assert "p.csv:5 contradicts" in what
    assert "p.csv:2" in what
    assert "contradicts" in refused(folder, f"{SOFT}day/a.png,dog,0.9,0.1\n")[0]


def test_missing_predictions_are_counted_up_to_a_share(folder):
    """Of 40 images 2 are 5 %; the rows of the others stay NaN, and have neither a class nor a say in the accuracy."""
    names = [f"day/{i}.png" for i in range(9)]
    rows = "path,label,p_cat,p_dog\n" + "".join(f"{name},cat,0.9,0.1\n" for name in names[:-1])
    file = folder / "p.csv"
    file.write_text(rows + f"{names[-1]},cat,,\nelsewhere.png,cat,1,0\n")
    found = joined(reading(names), ["day"], settings(file))
    said = found.features.predictions
    assert said.answered.tolist() == [True] * 8 + [False]
    assert (said.predicted[-1], said.accuracy) == (UNKNOWN, 1.0)
    assert any("1 of 9 images have no prediction" in line for line in found.remarks)
    with pytest.raises(NotAuditedError, match=r"1 of 9 images have no prediction"):
        joined(reading(names), ["day"], settings(file, max_missing=0))
    with pytest.raises(NotAuditedError, match=r"no prediction of .* is about any of the 3 images"):
        read(folder, "path,p_cat,p_dog\nz.png,1,0\n")


def test_a_prediction_that_is_not_the_most_probable_class_is_a_caution(folder):
    found = read(
        folder, "path,prediction,p_cat,p_dog\na.png,dog,0.9,0.1\nb.png,dog,0.25,0.75\nc.png,cat,0.5,0.5\n"
    )
    assert any(
        line.startswith("1 of 3 predictions are not the most probable class") for line in found.remarks
    )


def test_the_manifests_own_columns(folder):
    """They are read again without a pixel; `off` leaves them; a column p_value alone is no prediction."""
    (folder / "m.csv").write_text(SOFT.replace("\n", "\nday/", 3))
    named = reading([f"day/{n}.png" for n in "abc"], ["label", "p_cat", "p_dog"])
    said = joined(named, ["m.csv"], settings()).features.predictions
    assert said.probability[:, 1] == pytest.approx([0.1, 0.75, 0.5])
    assert offered(named, settings())
    for columns, wanted in ((("label", "p_cat", "p_dog"), "off"), (("p_value",), None), (("label",), None)):
        alone = replace(named, columns=frozenset(columns))
        assert joined(alone, ["m.csv"], settings(wanted)) is alone
        assert not offered(alone, settings(wanted))


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("p.csv", "path,score\na.png,1\n", "p.csv has no row with a prediction"),
        ("p.csv", "name,p_cat,p_dog\na.png,1,0\n", "p.csv:1: the first line must name the columns"),
        ("p.csv", "path,p_cat,p_dog\na.png,1\n", "p.csv:2: 2 fields"),
        ("p.csv", "path,p_cat,p_dog\n", "p.csv has no row with a prediction"),
        ("p.jsonl", "[]\n", "p.jsonl:1: this line is no JSON object"),
    ],
)
def test_a_table_that_is_none_is_refused(folder, name, text, what):
    assert what in refused(folder, text, name=name)[0]


def test_tables_that_are_not_there_are_known_before_any_image_is_read(folder):
    (folder / "p.csv").write_text(SOFT)
    require_tables(settings(folder / "p.csv"))
    require_tables(settings("off"))
    with pytest.raises(NotAuditedError, match="cannot be read: No such file"):
        require_tables(settings(folder / "gone.csv"))
    with pytest.raises(UsageError, match=r"not a \.csv"):
        require_tables(settings(folder / "p.txt"))


def test_a_table_that_is_not_there_or_of_another_kind(folder):
    with pytest.raises(NotAuditedError, match="cannot be read"):
        joined(reading(["day/a.png"]), ["day"], settings(folder / "gone.csv"))
    with pytest.raises(UsageError, match=r"not a \.csv"):
        joined(reading(["day/a.png"]), ["day"], settings(folder / "p.xlsx"))


@pytest.mark.parametrize(
    ("cell", "what"),
    [("7", "no list of two numbers"), ('"[1]"', "no list of two numbers"), ('"[1, null]"', "logit 2 is None"),
     ("gone.npy", "cannot be read"), ("deep.npy", "not one number a class"), ("pickled.npy", "cannot be read"),
     ('"[1, 2, 3]"', "3 logits where there are 2 classes")],
)  # fmt: skip
def test_logits_that_are_none_are_refused(folder, cell, what):
    np.save(folder / "deep.npy", np.zeros((2, 2)))
    np.save(folder / "pickled.npy", np.array([{}], object), allow_pickle=True)
    assert what in refused(folder, f'path,logits\nb.png,"[0, 1]"\na.png,{cell}\n', max_missing=0.9)[0]


def test_several_tables_are_one(folder):
    """The second one may have its columns in another order, but not another form; its rows start at its own folder."""
    first, second = folder / "p.csv", folder / "day" / "q.csv"
    first.write_text("path,p_cat,p_dog\nday/a.png,1,0\n")
    second.write_text("p_dog,path,p_cat\n1,b.png,0\n0.5,c.png,0.5\n")
    both = Settings.model_validate({"predictions": {"files": [str(first), str(second)]}})
    said = joined(reading([f"day/{n}.png" for n in "abc"]), ["day"], both).features.predictions
    assert said.probability.tolist() == [[1, 0], [0, 1], [0.5, 0.5]]
    second.write_text("path,prediction\nb.png,cat\nc.png,cat\n")
    with pytest.raises(
        NotAuditedError, match="predicted classes alone, where the rows before have a column for every class"
    ):
        joined(reading([f"day/{n}.png" for n in "abc"]), ["day"], both)


UNDER = "path,clean_sha256,corruption,severity,label,p_cat,p_dog\n"


def test_answers_on_corrupted_images_find_the_image_they_were_made_of(folder):
    rows = UNDER + "".join(f"clean/{k}.png,{HASHES[k]},,,{'cat' if k else ''},0.9,0.1\n" for k in range(3))
    rows += f"n/1.png,{HASHES[1]},noise,3,cat,0.2,0.8\nb/1.png,{HASHES[1]},blur,1,cat,0.6,0.4\nn/0.png,{HASHES[0]},noise,3,,0.5,0.5\n"
    said = read(folder, rows + f"x.png,{HASHES[7]},noise,3,,0.5,0.5\n").features.predictions
    under = said.corrupted
    assert under.conditions == (("blur", 1.0), ("noise", 3.0))
    assert (under.image.tolist(), under.condition.tolist()) == ([0, 1, 1], [1, 0, 1])
    assert under.said.probability[:, 0].tolist() == [0.5, 0.6, 0.2]
    assert under.said.label.tolist() == [UNKNOWN, 0, 0]
    some = said.at(np.array([2, 1]))
    assert (some.corrupted.image.tolist(), some.corrupted.condition.tolist()) == ([1, 1], [0, 1])
    assert said.at(np.array([2])).corrupted is None
    assert "no simulated corruption" in refused(folder, f"{rows}y.png,{HASHES[1]},noise,9,,0.5,0.5\n")[0]
    assert "contradicts" in refused(folder, f"{rows}n/1.png,{HASHES[1]},noise,3,,0.5,0.5\n")[0]


def test_labels_of_the_images_own_manifest_serve_where_the_table_has_none(folder):
    """Those that are no classes are said, and refuse nothing: a manifest's labels may be about something else."""
    (folder / "m.csv").write_text("path,label\nday/a.png,dog\nday/b.png,dog\nday/c.png,broken\n")
    (folder / "p.csv").write_text(SOFT.replace("dog,0.25", ",0.25"))
    named = reading([f"day/{n}.png" for n in "abc"], ["label"])
    found = joined(named, ["m.csv"], settings(folder / "p.csv"))
    assert found.features.predictions.label.tolist() == [0, 1, UNKNOWN], "the table goes before the manifest"
    assert any("none of the classifier's classes" in line and "broken" in line for line in found.remarks)
