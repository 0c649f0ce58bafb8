"""`driftcli queue` and `driftcli score`: from a result to labels to accuracy, whole or not at all."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from PIL import Image

import driftcli
from driftcli.cli import app
from driftcli.core.findings import ImageResult
from driftcli.labelling.queue import sealed
from driftcli.reports.json import Json
from driftcli.reports.score.json import schema
from tests.journey import pictures
from tests.reports import samples


def _saved(path, files, *, predicted=True, date=None):
    """A result of these images, in which the model is right but for every eighth."""
    report = samples.drifted()
    images = []
    for number, file in enumerate(files):
        label = file.parent.name
        said = label if number % 8 else {"cats": "dogs", "dogs": "cats"}[label]
        facts = {"prediction": said, "confidence": 0.6 + number % 8 / 20} if predicted else {}
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        images.append(
            ImageResult(str(file), number + 1, 1 - number / 100, "style", (), content=digest, **facts)
        )
    batch = replace(
        report.batch, images=len(images), date=date, digest=hashlib.sha256(str(path).encode()).hexdigest()
    )
    path.write_text(Json().render(replace(report, images=tuple(images), batch=batch)), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path):
    pictures(tmp_path / "batch" / "cats", 24, 1)
    pictures(tmp_path / "batch" / "dogs", 24, 2)
    return sorted((tmp_path / "batch").rglob("*.jpg")) or sorted((tmp_path / "batch").rglob("*.png"))


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A queue of 24 of 48 images, with two control tasks: made once, copied for each test."""
    root = tmp_path_factory.mktemp("first")
    pictures(root / "batch" / "cats", 24, 1)
    pictures(root / "batch" / "dogs", 24, 2)
    pictures(root / "known" / "cats", 2, 3)
    known = sorted((root / "known").rglob("*.jpg"))
    (root / "known.csv").write_text("path,label\n" + "".join(f"{file},cats\n" for file in known))
    saved = _saved(root / "result.json", sorted((root / "batch").rglob("*.jpg")))
    argv = [
        "queue",
        str(saved),
        "-o",
        str(root / "q"),
        "--budget",
        "24",
        "--controls",
        str(root / "known.csv"),
    ]
    assert app.run([*argv, "--no-progress"]) == 0
    assert not list(root.glob(".*"))
    return root


@pytest.fixture
def folder(first, tmp_path):
    shutil.copyfile(first / "result.json", tmp_path / "result.json")
    return shutil.copytree(first / "q", tmp_path / "q")


def test_what_is_said_when_a_queue_is_made(main, first, tmp_path):
    argv = ["queue", str(first / "result.json"), "-o", str(tmp_path / "q"), "--budget", "24", "--list-only"]
    ran = main(*argv, "--controls", str(first / "known.csv"))
    assert (ran.code, ran.err) == (0, "")
    assert "24 of 48 images to label, 2 classes, 2 control tasks among them" in ran.out
    assert "a random sample of as many" in ran.out


def _labels(folder, path, *, wrong=(), annotator="ada"):
    rows = list(csv.DictReader(io.StringIO((folder / "queue.csv").read_text())))
    other = {"cats": "dogs", "dogs": "cats"}
    with path.open("w") as file:
        table = csv.writer(file)
        table.writerow(["item", "annotator", "label"])
        for number, row in enumerate(rows):
            label = Path(row["image"]).parent.name
            table.writerow([row["item"], annotator, other[label] if number in wrong else label])
    return str(path)


def test_the_folder_is_whole_and_the_page_keeps_its_secrets(folder):
    assert {path.name for path in folder.iterdir()} == {
        "queue.json", "queue.csv", "label.html", "label-studio.json", "label-studio.xml", "cvat-labels.json", "images", "annotations",
    }  # fmt: skip
    items = [row["item"] for row in csv.DictReader(io.StringIO((folder / "queue.csv").read_text()))]
    assert sorted(path.stem.partition("-")[2] for path in (folder / "images").iterdir()) == items
    for picture in (folder / "images").iterdir():
        with Image.open(picture) as image:
            assert (image.format, image.info.get("exif")) == ("WEBP", None)
    for name in ("label.html", "label-studio.json"):
        text = re.sub(r"[A-Za-z0-9+/=]{200,}", "", (folder / name).read_text())
        for secret in ("batch/", "known/", "0.95", "prediction", "correct", ".jpg", "control"):
            assert secret not in text, (name, secret)
    tasks = json.loads((folder / "label-studio.json").read_text())
    assert [task["data"]["item"] for task in tasks] == items


def test_the_page_asks_for_nothing_and_allows_only_its_own_script(folder):
    page = (folder / "label.html").read_text()
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!data:)|https?:|@import|url\(", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; img-src data:;")
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        inside = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert page.count("<script") == 2  # one of them holds data


def test_a_class_may_be_called_anything(main, tmp_path, files):
    saved = _saved(tmp_path / "r.json", files, predicted=False)
    hostile = "</script><script>alert(1)</script>"
    assert (
        main(
            "queue",
            str(saved),
            "-o",
            str(tmp_path / "h"),
            "--budget",
            "12",
            "--classes",
            f"{hostile},@STYLE@",
            "--no-progress",
        ).code
        == 0
    )
    page = (tmp_path / "h" / "label.html").read_text()
    assert page.count("<script") == 2
    inside = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert inside["classes"] == [hostile, "@STYLE@"]


def test_score_says_how_good_the_model_is(main, folder, tmp_path):
    """Its numbers are those of its JSON, which the schema knows; the manifest holds the labels."""
    named = [
        _labels(folder, tmp_path / f"{who}.csv", wrong=wrong, annotator=who)
        for who, wrong in (("ada", (3,)), ("bo", (5, 9)), ("cy", ()))
    ]
    outputs = [
        "-o",
        f"json={tmp_path / 's.json'}",
        "-o",
        str(tmp_path / "s.html"),
        "-o",
        str(tmp_path / "s.csv"),
    ]
    ran = main("score", str(folder), *named, "--min-accuracy", "50%", *outputs)
    assert ran.code == 0, ran.err
    found = json.loads((tmp_path / "s.json").read_text())
    jsonschema.Draft202012Validator(schema()).validate(found)
    assert found["accuracy"]["low"] <= 0.875 <= found["accuracy"]["high"]
    assert f"{100 * found['accuracy']['value']:.1f} %" in ran.out
    assert found["queue"]["labelled"] == 24
    assert found["annotators"][2]["controls_right"] == 2
    rows = list(csv.DictReader(io.StringIO((tmp_path / "s.csv").read_text())))
    assert [Path(row["path"]).parent.name for row in rows] == [row["label"] for row in rows]
    page = (tmp_path / "s.html").read_text()
    assert "<script" not in page
    assert "://" not in page


def test_the_exit_code_is_1_only_beyond_doubt(main, folder, tmp_path):
    labels = _labels(folder, tmp_path / "l.csv")
    codes = {
        least: main("score", str(folder), labels, "--min-accuracy", least, "-q").code
        for least in ("99.9%", "88%", "20%")
    }
    assert codes == {"99.9%": 1, "88%": 0, "20%": 0}
    ran = main("score", str(folder), labels, "--max-drop", "1%", "--baseline-accuracy", "100%", "-f", "json")
    found = json.loads(ran.out)
    assert ran.code == found["exit_code"] == 1
    assert found["reasons"] == [reason for reason in found["reasons"] if "--max-drop" in reason]


@pytest.mark.parametrize(
    ("argv", "code", "what"),
    [
        (["--max-drop", "5%"], 2, "from which accuracy"),
        (["--min-accuracy", "high"], 2, "is no share"),
        (["--baseline-accuracy", "90%/none"], 2, "is not SHARE/N"),
        (["-f", "xml"], 2, "no format 'xml'"),
        (["--predictions", "none.csv"], 3, "none.csv cannot be read"),
    ],
)
def test_what_is_asked_wrongly(main, folder, tmp_path, argv, code, what):
    if argv[0] == "--predictions":
        queue = json.loads((folder / "queue.json").read_text())
        for image in queue["images"]:
            image["prediction"] = None
        (folder / "queue.json").write_text(json.dumps(sealed(queue)))
    ran = main("score", str(folder), _labels(folder, tmp_path / "l.csv"), *argv)
    assert (ran.code, ran.out) == (code, "")
    assert what in ran.err
    assert "hint: " in ran.err
    assert "Traceback" not in ran.err


def test_labels_that_cannot_be_used_write_nothing(main, folder, tmp_path):
    labels = tmp_path / "l.csv"
    labels.write_text("item,annotator,label\n01,ada,cow\n")
    ran = main("score", str(folder), str(labels), "-o", str(tmp_path / "s.json"))
    assert (ran.code, ran.out) == (3, "")
    assert "line 2: 'cow' is no class of the queue" in ran.err
    assert not (tmp_path / "s.json").exists()


def test_labels_and_queue_are_never_overwritten(main, folder, tmp_path):
    labels = _labels(folder, tmp_path / "l.csv")
    before = {path: path.read_bytes() for path in [Path(labels), folder / "queue.json"]}
    assert main("score", str(folder), labels, "-o", labels).code == 2
    assert main("queue", str(tmp_path / "result.json"), "-o", str(folder), "--budget", "12").code == 2
    assert {path: path.read_bytes() for path in before} == before


def test_predictions_may_come_with_the_labels(main, tmp_path, files):
    """A queue without them is uniform and says so; `score` reads them then."""
    saved = _saved(tmp_path / "r.json", files, predicted=False)
    ran = main(
        "queue",
        str(saved),
        "-o",
        str(tmp_path / "q"),
        "--budget",
        "48",
        "--classes",
        "cats,dogs",
        "--no-progress",
    )
    assert ran.code == 0, ran.err
    assert "nothing is known of how sure the model is" in ran.out
    labels = _labels(tmp_path / "q", tmp_path / "l.csv")
    assert main("score", str(tmp_path / "q"), labels).code == 3
    table = "".join(f"{file},{'cats' if number % 4 else 'dogs'}\n" for number, file in enumerate(files))
    (tmp_path / "p.csv").write_text(f"path,prediction\n{table}")
    ran = main("score", str(tmp_path / "q"), labels, "--predictions", str(tmp_path / "p.csv"), "-f", "json")
    assert ran.code == 0, ran.err
    right = sum(file.parent.name == ("cats" if number % 4 else "dogs") for number, file in enumerate(files))
    assert json.loads(ran.out)["accuracy"]["value"] == pytest.approx(right / 48)


def test_several_results_are_days(main, tmp_path, files):
    results = [
        str(_saved(tmp_path / f"{day}.json", files[day::3], date=f"2026-11-0{3 - day}T00:00:00Z"))
        for day in range(3)
    ]
    ran = main("queue", *results, "-o", str(tmp_path / "week"), "--budget", "30", "--list-only")
    assert ran.code == 0, ran.err
    assert {path.name for path in (tmp_path / "week").iterdir()} == {"queue.json", "queue.csv"}
    ran = main("score", str(tmp_path / "week"), _labels(tmp_path / "week", tmp_path / "l.csv"), "-f", "json")
    days = json.loads(ran.out)["days"]
    assert [(day["date"], day["labelled"]) for day in days] == [(f"2026-11-0{day}", 10) for day in (1, 2, 3)]


@pytest.mark.parametrize(
    ("argv", "code", "what"),
    [
        (["--budget", "0"], 2, "greater than or equal to 1"),
        (["--classes", "cats"], 2, "two classes at least"),
        (["--classes", "cats,owls"], 2, "'dogs' is not among them"),
        (["--predictions", "none.csv"], 3, "none.csv cannot be read: No such file"),
        (["--controls", "none.csv"], 3, "none.csv cannot be read: missing"),
    ],
)
def test_queues_that_cannot_be(main, tmp_path, files, argv, code, what):
    saved = _saved(tmp_path / "r.json", files)
    ran = main(
        "queue",
        str(saved),
        "-o",
        str(tmp_path / "q"),
        *(argv if "--budget" in argv else ["--budget", "9", *argv]),
    )
    assert (ran.code, ran.out) == (code, "")
    assert what in ran.err
    assert not (tmp_path / "q").exists()
    assert not list(tmp_path.glob(".*"))


def test_images_that_are_gone_or_changed_are_not_left_out_in_silence(main, tmp_path, files):
    saved = _saved(tmp_path / "r.json", files)
    files[0].unlink()
    files[1].write_bytes(files[2].read_bytes())
    ran = main("queue", str(saved), "-o", str(tmp_path / "q"), "--budget", "48", "--no-progress")
    assert (ran.code, ran.out) == (3, "")
    assert "2 of 48 images cannot be shown" in ran.err
    assert not (tmp_path / "q").exists()


def test_a_file_that_was_another_image_on_another_day_is_not_taken_for_it(main, tmp_path, files):
    """Two days wrote to the same names: only the second day's images are there to be seen."""
    one = _saved(tmp_path / "1.json", files[:6], date="2026-11-01T00:00:00Z")
    for number in range(6):
        files[number].write_bytes(files[number + 6].read_bytes())
    two = _saved(tmp_path / "2.json", files[:6], date="2026-11-02T00:00:00Z")
    argv = ["-o", str(tmp_path / "q"), "--budget", "12", "--classes", "cats,dogs", "--no-progress"]
    ran = main("queue", str(one), str(two), *argv)
    assert ran.code == 3
    assert "6 of 12 images cannot be shown" in ran.err


def test_a_result_that_lists_only_its_most_drifted_images_is_refused(main, tmp_path, files):
    saved = _saved(tmp_path / "r.json", files)
    document = json.loads(saved.read_text())
    document["batch"]["images"] = 500
    saved.write_text(json.dumps(document))
    ran = main("queue", str(saved), "-o", str(tmp_path / "q"), "--budget", "9")
    assert ran.code == 3
    assert "--max-images-in-result 500" in ran.err


def test_the_same_batch_twice_is_refused(main, tmp_path, files):
    saved = str(_saved(tmp_path / "r.json", files))
    ran = main("queue", saved, saved, "-o", str(tmp_path / "q"), "--budget", "9")
    assert ran.code == 2
    assert "of the same images" in ran.err


def test_a_writer_that_fails_leaves_nothing(main, tmp_path, files, monkeypatch):
    from driftcli.core import new_folder

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(new_folder, "create_file", full)
    saved = _saved(tmp_path / "r.json", files)
    ran = main("queue", str(saved), "-o", str(tmp_path / "q"), "--budget", "9", "--list-only")
    assert ran.code == 4
    assert "No space left" in ran.err
    assert not (tmp_path / "q").exists()
    assert not list(tmp_path.glob(".*"))


# ---------------------------------------------------------------- several queues, from Python, and what goes wrong


def _days(main, tmp_path, files, *, results=3, budget=14):
    """A queue and a file of labels for each day."""
    made = []
    for day in range(results):
        saved = _saved(tmp_path / f"{day}.json", files[day::results], date=f"2026-11-0{day + 1}T00:00:00Z")
        place = tmp_path / f"day{day}"
        assert main("queue", str(saved), "-o", str(place), "--budget", str(budget), "--list-only").code == 0
        made.append((place, _labels(place, tmp_path / f"day{day}.csv")))
    return made


def test_queues_of_several_days_are_scored_together(main, tmp_path, files):
    """As one queue of all days: each day by date, whatever the order, and the error rate watched over them in one sentence."""
    days = _days(main, tmp_path, files)
    named = [str(each) for queue, labels in reversed(days) for each in (queue, labels)]
    ran = main("score", *named, "--min-accuracy", "99%", "-f", "json")
    found = json.loads(ran.out)
    assert [(day["date"], day["labelled"]) for day in found["days"]] == [
        (f"2026-11-0{day}", 14) for day in (1, 2, 3)
    ]
    assert found["queue"]["labelled"] == found["queue"]["queued"] == 42
    assert found["monitor"]["limit"] == pytest.approx(0.01)
    evidence = [day["evidence"] for day in found["days"]]
    assert found["monitor"]["evidence"] == evidence[-1]
    told = main("score", *named, "--min-accuracy", "99%").out
    first = next((day["date"] for day in found["days"] if day["evidence"] >= 20), None)
    said = f"alarm on {first}: the error rate rose above" if first else "no alarm on any day: nothing proves"
    assert said in told


def test_what_cannot_be_said_of_several_queues(main, tmp_path, files):
    (one, labels), (two, others), _ = _days(main, tmp_path, files)
    ran = main("score", str(one), str(two), labels)
    assert (ran.code, "no labels for the queue" in ran.err) == (2, True)
    ran = main("score", str(one), labels, str(one), labels)
    assert (ran.code, "is in two queues" in ran.err) == (2, True)
    ran = main("score", str(one), labels, str(two), others, "--max-drop", "5%")
    assert (ran.code, "from which accuracy" in ran.err) == (2, True)


def test_the_same_from_python(main, folder, tmp_path):
    labels = _labels(folder, tmp_path / "l.csv")
    scored = driftcli.score(folder, labels, min_accuracy=0.5)
    line = json.loads(main("score", str(folder), labels, "--min-accuracy", "50%", "-f", "json").out)
    assert scored.accuracy.value == pytest.approx(line["accuracy"]["value"])
    assert (scored.exit_code, [rule.name for rule in scored.rules]) == (0, ["min_accuracy"])
    assert driftcli.score({folder: [labels]}).accuracy == scored.accuracy
    queued = driftcli.queue(tmp_path / "result.json", tmp_path / "again", 24, controls=None)
    assert (queued.queued, queued.images, queued.classes) == (24, 48, ("cats", "dogs"))
    assert "label.html" in queued.files
    report = driftcli.report(tmp_path / "result.json")
    assert driftcli.queue([report], tmp_path / "third", 24, list_only=True).queued == 24
    first, third = (
        json.loads((tmp_path / name / "queue.json").read_text())["images"] for name in ("again", "third")
    )
    assert first == third
    with pytest.raises(driftcli.UsageError, match="no labels"):
        driftcli.score(folder)
    with pytest.raises(driftcli.UsageError, match="is no share"):
        driftcli.score(folder, labels, min_accuracy="high")
    with pytest.raises(driftcli.UsageError, match="exists"):
        driftcli.queue(report, folder, 24)


def test_the_baselines_accuracy_comes_with_the_results(main, tmp_path, files):
    """A drop needs no option where checks knew how good the model was, and the option goes before what they knew."""
    saved = _saved(tmp_path / "r.json", files)
    document = json.loads(saved.read_text())
    document["predictions"] = {
        "p_value": 0.5, "significant": False, "classes": 2, "shares": [], "confidence": None, "baseline_confidence": None,
        "unanswered": 0, "hard": True, "baseline_accuracy": 0.95, "baseline_labelled": 400, "accuracy": None, "labelled": 0,
    }  # fmt: skip
    saved.write_text(json.dumps(document))
    ran = main("queue", str(saved), "-o", str(tmp_path / "q"), "--budget", "48", "--list-only")
    assert ran.code == 0, ran.err
    labels = _labels(tmp_path / "q", tmp_path / "l.csv")
    found = json.loads(main("score", str(tmp_path / "q"), labels, "--max-drop", "1%", "-f", "json").out)
    assert found["baseline"] == {"accuracy": 0.95, "labels": 400}
    assert found["drop"]["value"] == pytest.approx(0.95 - 42 / 48)
    argv = ("--max-drop", "1%", "--baseline-accuracy", "99%", "-f", "json")
    assert json.loads(main("score", str(tmp_path / "q"), labels, *argv).out)["baseline"]["accuracy"] == 0.99


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda rows: rows[:6], "6 of 24 queued images are labelled; an estimate needs 12"),
        (lambda rows: [*rows, f"{rows[0].rsplit(',', 1)[0]},owls"], "'owls' is no class of the queue"),
        (lambda rows: [*rows, "elsewhere.jpg,ada,cats"], "'elsewhere.jpg' is no image of the queue"),
        (
            lambda rows: [*rows, rows[0].replace("cats", "x").replace("dogs", "cats").replace("x", "dogs")],
            "says both",
        ),
        (lambda rows: [*rows, f"{rows[0]},more"], "4 fields under a header of 3"),
        (lambda rows: rows[:0], "holds no labels"),
    ],
)
def test_labels_gone_wrong(main, folder, tmp_path, change, what):
    """3, what and hint; no report, and the labels and the queue as they were."""
    path = Path(_labels(folder, tmp_path / "l.csv"))
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *change(rows), ""]))
    before = {file: file.read_bytes() for file in (path, folder / "queue.json")}
    ran = main("score", str(folder), str(path), "-o", str(tmp_path / "s.json"))
    assert (ran.code, ran.out) == (3, "")
    assert what in ran.err
    assert "hint: " in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "s.json").exists()
    assert {file: file.read_bytes() for file in before} == before


def test_the_same_row_twice_counts_once(main, folder, tmp_path):
    path = Path(_labels(folder, tmp_path / "l.csv"))
    once = json.loads(main("score", str(folder), str(path), "-f", "json").out)
    path.write_text(path.read_text() + "\n".join(path.read_text().splitlines()[1:4]) + "\n")
    twice = json.loads(main("score", str(folder), str(path), "-f", "json").out)
    assert twice["accuracy"] == once["accuracy"]
    assert any("3 labels stand there twice" in said for said in twice["cautions"])


@pytest.mark.parametrize("field", ["seed", "probability"])
def test_a_queue_that_was_edited_is_refused(main, folder, tmp_path, field):
    labels = _labels(folder, tmp_path / "l.csv")
    document = json.loads((folder / "queue.json").read_text())
    (document if field == "seed" else document["images"][0])[field] = 1
    (folder / "queue.json").write_text(json.dumps(document))
    ran = main("score", str(folder), labels, "-o", str(tmp_path / "s.json"))
    assert (ran.code, ran.out) == (3, "")
    assert "was changed since" in ran.err
    assert not (tmp_path / "s.json").exists()


def test_labels_of_another_queue_are_refused(main, folder, tmp_path):
    """Those of the page and of Label Studio carry its name, those of CVAT and Datumaro are of pictures that do."""
    made = main(
        "queue",
        str(tmp_path / "result.json"),
        "-o",
        str(tmp_path / "o"),
        "--budget",
        "24",
        "--seed",
        "9",
        "--no-progress",
    )
    assert made.code == 0, made.err
    task = json.loads((tmp_path / "o" / "label-studio.json").read_text())
    other = [{**each["data"], "annotator": "ada", "label": "cats"} for each in task]
    (tmp_path / "o.json").write_text(json.dumps(other))
    assert main("score", str(tmp_path / "o"), str(tmp_path / "o.json")).code == 0
    ran = main("score", str(folder), str(tmp_path / "o.json"))
    assert (ran.code, "a label of another queue" in ran.err) == (3, True)
    pictures_of = sorted(path.name for path in (tmp_path / "o" / "images").iterdir())
    images = "".join(f'<image name="{name}"><tag label="cats"/></image>' for name in pictures_of)
    (tmp_path / "ada.xml").write_text(f"<annotations>{images}</annotations>")
    assert main("score", str(tmp_path / "o"), str(tmp_path / "ada.xml")).code == 0
    ran = main("score", str(folder), str(tmp_path / "ada.xml"))
    assert (ran.code, "a picture of another queue" in ran.err) == (3, True)
