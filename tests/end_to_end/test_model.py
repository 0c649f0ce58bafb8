"""`--model`: the user's own classifier run by driftcli, from the baseline to the verdict, and everything that may be wrong with it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from PIL import Image

from tests.journey import succeed
from tests.small_classifier import CLASSES, PRESET, WEIGHT, classifier, node, table, tree

pytestmark = pytest.mark.usefixtures("quick")
FEW = [(kind, 3.0) for kind in ("darken", "gaussian_blur", "gaussian_noise", "jpeg", "colour_cast")]
"""Corruptions of four classes instead of 28, and one severity."""


@pytest.fixture(scope="module")
def place(world, tmp_path_factory):
    """The world's good and fresh images in folders by class, and a classifier."""
    root = tmp_path_factory.mktemp("model")
    tree(world.good, root / "good")
    tree(world.fresh, root / "fresh", seed=1)
    classifier(root / "tiny.onnx")
    return root


@pytest.fixture(scope="module")
def ref(world, place):
    """A baseline that the classifier answered, corrupted images too."""
    from driftcli.calibration import answers_to_corrupted

    patch = pytest.MonkeyPatch()
    patch.setattr(answers_to_corrupted, "every_condition", lambda: FEW)
    made = shutil.copytree(world.bare, place / "ref")
    few = ("--set", "model.corrupted_images=50", "--workers", 1)
    model = ("--model", place / "tiny.onnx", *PRESET, "--labels-from", "folder")
    succeed("baseline", made, place / "good", *model, *few, "-q")
    patch.undo()
    return made


@pytest.fixture(scope="module")
def light(world, place):
    """A baseline of 40 images, too few labelled ones to learn anything of accuracy: quick."""
    for name in CLASSES:
        (place / "few" / name).mkdir(parents=True)
        for photo in sorted((place / "good" / name).iterdir())[:20]:
            shutil.copy(photo, place / "few" / name)
    made = shutil.copytree(world.bare, place / "light")
    model = ("--model", place / "tiny.onnx", *PRESET, "--labels-from", "folder")
    succeed("baseline", made, place / "few", *model, "--workers", 1, "-q")
    return made


@pytest.fixture(scope="module")
def first(ref, place, tmp_path_factory):
    """What a check of the fresh images says, with right answers."""
    file = tmp_path_factory.mktemp("first") / "result.json"
    succeed("check", ref, place / "fresh", "--labels-from", "folder", "--workers", 1, "-q", "-o", file)
    return json.loads(file.read_text("utf-8"))


def facts(artifact, name="default"):
    return json.loads((artifact / "manifest.json").read_text("utf-8"))["baselines"][name]["predictions"]


def test_the_baseline_remembers_whom_it_asked_and_how(ref, place):
    said = facts(ref)
    assert (said["classes"], said["labelled"], said["hard"]) == (list(CLASSES), 110, False)
    assert 0.8 < said["accuracy"] < 1
    assert len(said["corrupted"]) == len(FEW)
    model = said["model"]
    assert model["file"] == str(place / "tiny.onnx")
    assert len(model["sha256"]) == 64
    assert model["classes_from"] == "the model's file"
    how = model["how"]
    assert (how["square"]["side"], how["square"]["crop"], how["scale"]) == (32, "none", 255.0)
    assert (how["gives"], how["output"], how["layout"]) == ("logits", "logits", "NCHW")


def test_a_check_asks_it_again_without_a_word(first):
    assert (first["exit_code"], first["verdict"]) == (0, "pass")
    said = first["predictions"]
    assert (said["classes"], said["unanswered"], said["labelled"]) == (2, 0, 24)
    assert said["accuracy"] > 0.7
    assert first["harm"]["accuracy"] is not None, "corrupted images were answered by the baseline itself"
    assert [f["name"] for f in first["families"]][-1] == "predictions"
    assert all(one["prediction"] in CLASSES for one in first["images"])


def test_a_change_of_its_answers_is_found(ref, world, check, tmp_path):
    """More red in every image: the classifier says red of all of them."""
    redder = tmp_path / "redder"
    redder.mkdir()
    for photo in sorted(world.fresh.iterdir()):
        red, green, blue = Image.open(photo).split()
        Image.merge("RGB", (red.point(lambda v: min(255, v + 60)), green, blue)).save(redder / photo.name)
    ran = check(ref, redder)
    assert (ran.code, ran.result["verdict"]) == (1, "drift")
    assert ran.result["predictions"]["significant"]
    (red,) = (s for s in ran.result["predictions"]["shares"] if s["name"] == "red")
    assert red["batch"] > red["baseline"] + 0.2


def test_a_table_of_the_same_softmax_says_the_same(ref, first, place, check, tmp_path):
    """Every p but for what float32 makes of a softmax."""
    model = first
    given = check(
        ref, place / "fresh", "--predictions", table(place / "fresh", tmp_path / "fresh.csv")
    ).result
    for key in ("accuracy", "baseline_accuracy", "verdict"):
        one, two = (found["harm"][key] for found in (model, given))
        assert one == (pytest.approx(two, abs=2e-3) if isinstance(two, float) else two) or isinstance(
            two, dict
        )
    confidence = [found["predictions"]["confidence"] for found in (model, given)]
    assert confidence[0] == pytest.approx(confidence[1], abs=5e-3)  # the JPEG's decoder and float32
    assert [one["prediction"] for one in sorted(model["images"], key=lambda i: i["path"])] == [
        one["prediction"] for one in sorted(given["images"], key=lambda i: i["path"])
    ]


def test_workers_and_order_change_nothing(ref, first, place, check):
    two = check(ref, place / "fresh" / "red", place / "fresh" / "blue", "--workers", 2).result
    assert first["gate"]["p_value"] == two["gate"]["p_value"]
    assert first["harm"]["accuracy"] == two["harm"]["accuracy"]
    assert first["predictions"]["confidence"] == two["predictions"]["confidence"]


def test_a_cache_keeps_answers_of_one_model_alone(light, place, check, tmp_path):
    cached = ("--cache", tmp_path / "cache")
    first = check(light, place / "fresh", *cached).result
    again = check(light, place / "fresh", *cached).result
    assert (first["timing"]["cached"], again["timing"]["cached"]) == (0, 24)
    assert again["predictions"] == first["predictions"]
    without = check(light, place / "fresh", *cached, "--predictions", "off").result
    assert without["timing"]["cached"] == 0, "what was measured beside a model is its own"
    assert without["predictions"] is None


def test_extractors_see_what_they_saw_without_a_model(light, place, check):
    """The same features, hence the same p of every other family."""
    with_model = check(light, place / "fresh").result
    without = check(light, place / "fresh", "--predictions", "off").result
    values = [
        {
            s["name"]: s["batch"]
            for f in found["families"]
            if f["name"] == "properties"
            for s in f["statistics"]
        }
        for found in (with_model, without)
    ]
    assert values[0] == values[1]


@pytest.mark.usefixtures("light")
def test_fit_asks_it_too(place, drift, check, tmp_path):
    made = tmp_path / "made"
    model = ("--model", place / "tiny.onnx", *PRESET, "--labels-from", "folder")
    quick = ("--method", "properties", "--workers", 1, "--detectable", "none", "--holdout", "0.5")
    ran = drift("fit", place / "few", place / "fresh", "-o", made, *quick, *model)
    assert ran.code == 0, ran.err
    assert "predictions of 2 classes for 32 images, right on" in ran.out
    assert "model tiny.onnx, sha256 " in ran.out
    said = facts(made, "holdout")
    assert (said["answered"], said["labelled"]) == (32, 32)
    assert check(made, place / "fresh", "--allow-overlap").result["predictions"] is not None


def test_refresh_shows_new_images_to_it(light, place, drift, tmp_path):
    made = shutil.copytree(light, tmp_path / "ref")
    ran = drift("refresh", made, place / "fresh", "--labels-from", "folder", "--workers", 1, "--accept-drift")
    assert ran.code == 0, ran.err
    said = facts(made)
    assert (said["answered"], said["labelled"]) == (64, 64)
    assert said["model"] == facts(light)["model"]


# ---------------------------------------------------------------- the file is not where it was, or is another


def test_without_its_file_the_images_are_audited_and_a_sentence_says_so(ref, place, check):
    moved = shutil.move(place / "tiny.onnx", place / "moved.onnx")
    try:
        ran = check(ref, place / "fresh")
        assert (ran.code, ran.result["predictions"], ran.result["harm"]) == (0, None, None)
        assert sum("not there any more" in line for line in ran.result["cautions"]) == 1
        rule = check(ref, place / "fresh", "--max-accuracy-drop", "5%")
        assert (rule.code, rule.result["verdict"]) == (3, "inconclusive")
        assert "--model FILE" in rule.err
        named = check(ref, place / "fresh", "--model", moved)
        assert (named.code, named.result["predictions"]["classes"]) == (0, 2)
    finally:
        shutil.move(moved, place / "tiny.onnx")


def test_another_model_is_refused(light, place, check, tmp_path):
    other = classifier(tmp_path / "other.onnx", weight=WEIGHT[::-1])
    ran = check(light, place / "fresh", "--model", other)
    assert (ran.code, ran.out) == (2, "")
    assert "is not the one that the baseline was made with" in ran.err
    kept = shutil.copy(place / "tiny.onnx", tmp_path / "kept.onnx")
    shutil.copy(other, place / "tiny.onnx")
    try:
        ran = check(light, place / "fresh")
        assert (ran.code, ran.result["gate"]["p_value"]) == (3, None)
        assert "hint: " in ran.err
        assert check(light, place / "fresh", "--predictions", "off").code == 0
    finally:
        shutil.copy(kept, place / "tiny.onnx")


def test_a_machine_that_answers_otherwise_is_found(light, place, check, monkeypatch):
    """The same file and preprocessing, other numbers: the canaries tell."""
    from driftcli.extractors.networks import classifier as room

    honest = room.interpreted

    def elsewhere(outputs, gives):
        p, logits = honest(outputs, gives)
        return 0.99 * p + 0.005, logits

    monkeypatch.setattr(room, "interpreted", elsewhere)
    ran = check(light, place / "fresh")
    assert (ran.code, ran.result["verdict"]) == (3, "inconclusive")
    assert "answers drawn images otherwise" in ran.err


def test_asked_otherwise_is_refused_and_asked_alike_is_not(light, place, check):
    for wrong in (
        ("--model-preset", "-1-1"),
        ("--set", "model.crop=center"),
        ("--set", "model.mean=[.5,.5,.5]"),
    ):
        ran = check(light, place / "fresh", *wrong)
        assert (ran.code, ran.out) == (2, ""), wrong
        assert "contradicts the baseline" in ran.err
    assert check(light, place / "fresh", *PRESET, "--classes", "blue,red").code == 0
    ran = check(light, place / "fresh", "--classes", "red,blue")
    assert (ran.code, ran.out) == (2, "")
    assert "in another order" in ran.err


def test_beside_a_table_it_is_refused(light, place, check, tmp_path, world):
    said = table(place / "fresh", tmp_path / "fresh.csv")
    model = ("--model", place / "tiny.onnx")
    for argv in (
        (light, place / "fresh", *model, "--predictions", said),
        (light, place / "fresh", *model, "--predictions", "off"),
        (light, place / "fresh", *model, "--engine", "ray"),
        (world.ref, place / "fresh", *model),
    ):
        ran = check(*argv)
        assert (ran.code, ran.out) == (2, ""), argv
        assert "--model" in ran.err
        assert "hint: " in ran.err


# ---------------------------------------------------------------- models that are none

SOFTMAX = node("Softmax", "logits", "p", axis=1)
BAD = {
    "no preset": ({}, (), "is not known"),
    "dynamic size": ({"shape": ("n", 3, "h", "w")}, PRESET, "images of any size"),
    "no images": ({"shape": ("n", 5, 32, 32), "weight": np.ones((2, 5))}, PRESET, "cannot be told"),
    "no square": ({"shape": ("n", 3, 32, 48)}, PRESET, "no squares"),
    "one class too many": ({}, (*PRESET, "--classes", "blue,red,green"), "names 3 classes"),
    "a class twice": ({}, (*PRESET, "--classes", "red,red"), "twice"),
    "labels of other classes": ({"names": None}, (*PRESET, "--classes", "cat,dog"), "no label is a class"),
    "not finite": ({"tail": [node("Log", "logits", "p")], "outputs": {"p": ("n", 2)}}, PRESET, "not finite"),
    "one yes or no a class": (
        {
            "tail": [node("Sigmoid", "logits", "p")],
            "outputs": {"p": ("n", 2)},
            "weight": np.array([[-9.0, 0, 9], [4, 4, 4]]),
        },
        PRESET,
        "do not sum to 1",
    ),
    "two heads": (
        {"tail": [SOFTMAX], "outputs": {"logits": ("n", 2), "p": ("n", 2)}},
        PRESET,
        "several outputs",
    ),
    "no head": (
        {"outputs": {"pixels": ("n", 3, 32, 32)}},
        PRESET,
        "no classifier of images",
    ),
    "company": (
        {
            "tail": [
                node("ReduceMean", "logits", "mean", axes=[0], keepdims=1),
                node("Add", ["logits", "mean"], "q"),
            ],
            "outputs": {"q": ("n", 2)},
        },
        PRESET,
        "depends on the images beside it",
    ),
    "preset of colours for grey": (
        {"shape": ("n", 1, 32, 32), "weight": np.array([[-9.0], [9.0]])},
        ("--model-preset", "imagenet"),
        "takes grey images",
    ),
    "whole numbers": ({"kind": 2}, PRESET, "scales them itself"),
}


@pytest.mark.parametrize(("made", "options", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_audited_is_refused_with_a_hint(made, options, said, world, place, drift, tmp_path):
    rest = {key: value for key, value in made.items() if key != "tail"}
    file = classifier(tmp_path / "bad.onnx", *made.get("tail", ()), **rest)
    artifact = shutil.copytree(world.bare, tmp_path / "ref")
    before = (artifact / "manifest.json").read_bytes()
    asked = ("--model", file, *options, "--labels-from", "folder", "--workers", 1)
    ran = drift("baseline", artifact, place / "good", *asked)
    assert ran.code in {2, 3}, ran.err
    assert ran.out == ""
    assert said in ran.err
    assert "hint: " in ran.err
    assert "Traceback" not in ran.err
    assert (artifact / "manifest.json").read_bytes() == before


def test_files_that_are_no_models_are_refused(world, place, drift, tmp_path):
    whole = (place / "tiny.onnx").read_bytes()
    files = {
        "missing.onnx": None,
        "words.onnx": b"no model at all",
        "short.onnx": whole[: len(whole) // 2],
        "model.h5": b"x",
        "program.pt": b"x",
    }
    for name, content in files.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        ran = drift(
            "baseline", world.bare, place / "good", "--model", tmp_path / name, *PRESET, "--workers", 1
        )
        assert (ran.code, ran.out) == (2, ""), name
        assert "hint: " in ran.err
        assert "Traceback" not in ran.err


def test_a_hostile_file_is_refused(world, place, drift, tmp_path):
    """Tensors in other files: a path in a model may name any file on the machine."""
    model = onnx.load(place / "tiny.onnx")
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    file = tmp_path / "hostile.onnx"
    file.write_bytes(model.SerializeToString())
    ran = drift("baseline", world.bare, place / "good", "--model", file, *PRESET, "--workers", 1)
    assert (ran.code, ran.out) == (2, "")
    assert "keeps tensors in other files" in ran.err


# ---------------------------------------------------------------- names of classes, right answers


def remembered(drift, world, place, tmp_path, *options, **made):
    """What a baseline of 40 images remembers, and all that the command said. Too few labels to learn from: it is quick."""
    file = classifier(tmp_path / "named.onnx", **made)
    artifact = shutil.copytree(world.bare, tmp_path / "ref")
    asked = ("--model", file, *PRESET, "--workers", 1)
    ran = drift("baseline", artifact, place / "few", *asked, *options)
    assert ran.code == 0, ran.err
    return facts(artifact), ran.out


@pytest.mark.parametrize(
    ("names", "options", "expected", "whose"),
    [
        ("{0: 'blue', 1: 'red'}", (), ["blue", "red"], "the model's file"),
        (None, ("--labels-from", "folder"), ["blue", "red"], "the labels in alphabetical order"),
        (None, (), ["class 0", "class 1"], "their numbers: nobody named them"),
    ],
)
@pytest.mark.usefixtures("light")
def test_the_order_in_which_names_are_looked_for(
    names, options, expected, whose, world, place, drift, tmp_path
):
    labels = () if "--labels-from" in options else (["--labels-from", "folder"] if names else [])
    said, told = remembered(drift, world, place, tmp_path, *options, *labels, names=names)
    assert (said["classes"], said["model"]["classes_from"]) == (expected, whose)
    assert f"classes {', '.join(expected)} (from {whose})" in " ".join(told.split())
    assert ("--classes says another order" in told) == (whose == "the labels in alphabetical order")


@pytest.mark.usefixtures("light")
def test_classes_in_a_text_file_and_labels_in_the_path(world, place, drift, tmp_path):
    (tmp_path / "classes.txt").write_text("red\nblue\n\n", "utf-8")
    pattern = ("--labels-from", r"/(blue|red)/")
    said, _ = remembered(drift, world, place, tmp_path, "--classes", tmp_path / "classes.txt", *pattern)
    assert (said["classes"], said["labelled"]) == (["red", "blue"], 40)
    assert (said["accuracy"], said["model"]["classes_from"]) == (pytest.approx(0, abs=0.3), "--classes")


def test_several_folders_are_one_baseline(world, place, drift, tmp_path):
    """Each is a group of its own, and each image keeps its answer."""
    file, artifact = place / "tiny.onnx", shutil.copytree(world.bare, tmp_path / "ref")
    both = (place / "good" / "red", place / "good" / "blue")
    few = ("--set", "model.corrupted_images=0", "--workers", 1, "-q")
    ran = drift("baseline", artifact, *both, "--model", file, *PRESET, "--labels-from", "folder", *few)
    assert ran.code == 0, ran.err
    said = facts(artifact)
    assert (said["answered"], said["labelled"]) == (110, 110)
    assert 0.8 < said["accuracy"] < 1, "labels and answers are of the same images"
    assert said["corrupted"] == []


@pytest.mark.usefixtures("light")
def test_labels_from_the_folder_serve_a_table_too(world, place, drift, tmp_path):
    artifact = shutil.copytree(world.bare, tmp_path / "ref")
    said = table(place / "few", tmp_path / "few.csv")
    asked = ("--predictions", said, "--labels-from", "folder", "--workers", 1)
    ran = drift("baseline", artifact, place / "few", *asked)
    assert ran.code == 0, ran.err
    assert facts(artifact)["labelled"] == 40


def test_a_model_without_a_number_for_black_is_refused(world, place, drift, tmp_path):
    """Of black images the logarithm of 0."""
    nan = classifier(
        tmp_path / "nan.onnx",
        node("Log", "logits", "q"),
        weight=np.array([[2.0, 2.0, 2.0], [1e-3, 1e-3, 1e-3]]),
        outputs={"q": ("n", 2)},
    )
    artifact = shutil.copytree(world.bare, tmp_path / "ref")
    ran = drift("baseline", artifact, place / "good", "--model", nan, *PRESET, "--workers", 1)
    assert (ran.code, ran.out) == (2, "")
    assert "not finite on drawn images" in ran.err


def test_profiles_hold_no_pixels_to_show(light, place, drift, check, tmp_path):
    profile = tmp_path / "fresh.safetensors"
    assert (
        drift("profile", place / "fresh", "--artifact", light, "-o", profile, "--workers", 1, "-q").code == 0
    )
    ran = check(light, profile)
    assert (ran.code, ran.result["predictions"]) == (0, None)
    assert any("profiles hold no pixels" in line for line in ran.result["cautions"])
    named = check(light, profile, "--model", place / "tiny.onnx")
    assert (named.code, named.out) == (2, "")
    assert "a profile holds no pixels" in named.err


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("file",), 7),
        (("how", "gives"), "wishes"),
        (("how", "mean"), [0.5]),
        ((), []),
    ],
)
def test_what_a_manifest_says_of_a_model_is_checked_before_it_is_used(
    path, value, light, place, check, drift, tmp_path
):
    """A fact that no writer writes: 3 without a traceback, from `check` and from `inspect`."""
    changed = shutil.copytree(light, tmp_path / "changed")
    manifest = changed / "manifest.json"
    document = json.loads(manifest.read_text("utf-8"))
    *steps, last = ("model", *path)
    here = document["baselines"]["default"]["predictions"]
    for step in steps:
        here = here[step]
    here[last] = value
    manifest.write_text(json.dumps(document), "utf-8")
    ran = check(changed, place / "fresh")
    assert ran.code == 3, ran.err
    assert "Traceback" not in ran.err
    assert "hint: " in ran.err
    assert "Traceback" not in drift("inspect", changed).err


def test_images_without_a_number_are_counted_and_too_many_are_not_audited(light, place, check, monkeypatch):
    from driftcli.extractors.networks.classifier import Classifier

    honest, lost = Classifier.outputs, [1]

    def now_and_then(self, prepared, runtime):
        found = honest(self, prepared, runtime)
        if len(found) > 3:  # not of the canaries
            found[: lost[0]] = np.nan
        return found

    monkeypatch.setattr(Classifier, "outputs", now_and_then)
    one = check(light, place / "fresh")
    assert (one.code, one.result["predictions"]["unanswered"]) == (0, 1)
    assert any("no answer for 1 of 24 images" in line for line in one.result["cautions"])
    lost[0] = 8
    ran = check(light, place / "fresh")
    assert (ran.code, ran.result["verdict"]) == (3, "inconclusive")
    assert "no answer for 8 of 24 images" in ran.err
    assert "hint: " in ran.err
