"""The network's own words, from pixels to report: silent on small pictures, right on real ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.journey import pictures, succeed

NETWORK = ("--method", "embedding", "--workers", 1, "-q", "--detectable", "none")


@pytest.mark.usefixtures("quick")
def test_small_pictures_have_no_words(check, drift, tmp_path):
    """And a report and `inspect` say why."""
    good, ref = pictures(tmp_path / "good", 44, 1), tmp_path / "ref"
    succeed("fit", good, "-o", ref, *NETWORK)
    result = check(ref, pictures(tmp_path / "bright", 10, 2, light=70)).result
    assert result["concepts"]["speaks"] is False
    assert "64 px" in result["concepts"]["reason"]
    assert not [family for family in result["families"] if family["name"] == "concepts"]
    assert {image["subject"] for image in result["images"]} == {None}
    measured = json.loads(drift("inspect", ref, "-f", "json").out)["measured"]["holdout"]
    assert "64 px" in measured["words"]


@pytest.fixture
def insects(shared_data: Path, tmp_path: Path) -> Path:
    """Ants in one folder, bees in another."""
    for kind, count in (("ants", 48), ("bees", 12)):
        (tmp_path / kind).mkdir()
        found = sorted((shared_data / "hymenoptera" / "train" / kind).glob("*.jpg"))
        for number, file in enumerate(found[:count]):
            shutil.copy(file, tmp_path / kind / f"{number}.jpg")
    return tmp_path


@pytest.mark.usefixtures("quick")
def test_ants_became_bees(check, drift, insects):
    ref = insects / "ref"
    succeed("fit", insects / "ants", "-o", ref, *NETWORK)
    result = check(ref, insects / "bees").result
    told = result["concepts"]
    assert told["speaks"]
    assert [told["more"][0]["word"], told["fewer"][0]["word"]] == ["bee", "ant"]
    bee = told["more"][0]
    assert bee["batch"] > 0.4
    assert bee["baseline"] < 0.1
    assert 0 < bee["low"] <= bee["batch"] - bee["baseline"] <= bee["high"]
    assert bee["p_value"] <= result["gate"]["alpha"]
    subjects = [image["subject"] for image in result["images"] if image["subject"]]
    assert sum(subject.startswith("bee (") for subject in subjects) > len(result["images"]) / 2
    assert not any("concepts" in caution for caution in result["cautions"])
    measured = json.loads(drift("inspect", ref, "-f", "json").out)["measured"]["holdout"]
    assert "mean something here" in measured["words"]
    said = drift("check", ref, insects / "bees", "--workers", 1).out
    assert "more bee" in said
    assert "fewer ant" in said
    again = shutil.copytree(insects / "bees", insects / "renamed")
    for file in sorted(again.iterdir()):
        file.rename(again / f"{99 - int(file.stem)}.jpg")
    assert check(ref, again).result["concepts"] == told, "not a bit depends on the order of files"
