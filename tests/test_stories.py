"""The stories of docs/stories.md: their own command lines, on fewer drawn images, come out as the page tells them."""

from __future__ import annotations

import csv
import io
import json
import re
import runpy
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image

import driftcli
from driftcli.simulation.sample import days, samples
from driftcli.simulation.sample.days import Folder, Photo
from tests.extractors._pictures import loads_pth, staged_resnet18

PAGE = Path(__file__).parents[1] / "docs" / "stories.md"
FEW = {"digits": 280, "digits-good": 80, "digits-today": 24, "letters-today": 24}
FEW |= {"reference": 75, "good": 100, **{f"day-0{day}": 12 for day in range(1, 8)}}


def lists(title: str) -> list[list[list[str]]]:
    """Command lists below one heading of the page: words of each line, without `driftcli`."""
    section = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(title))
    blocks = [t.content for t in MarkdownIt().parse(text) if t.type == "fence" and t.info == "sh"]
    return [[shlex.split(line, comments=True)[1:] for line in block.splitlines()] for block in blocks]


@dataclass(frozen=True)
class Told:
    """One line of a story: its words, exit code, and the result where it was a check."""

    words: list[str]
    code: int
    result: dict

    @property
    def figures(self) -> dict[str, tuple[float, float]]:
        """Batch and baseline of every mean of the errors."""
        rows = [s for f in self.result["families"] for s in f["statistics"]]
        return {s["name"]: (s["batch"], s["baseline"]) for s in rows if s["name"].endswith(".mean")}


Teller = Callable[..., list[Told]]


@pytest.fixture
def tell(drift, tmp_path, monkeypatch, quick) -> Teller:  # noqa: ARG001
    """Run a list as it stands, in a folder of its own, on fewer images; a check also writes its result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRIFTCLI_WORKERS", "1")
    for name, sample in samples.SAMPLES.items():
        folders = tuple(replace(folder, images=FEW[folder.name]) for folder in sample.folders)
        monkeypatch.setitem(samples.SAMPLES, name, replace(sample, folders=folders))

    def run(lines: list[list[str]]) -> list[Told]:
        told = []
        for number, words in enumerate(lines):
            file = tmp_path / f"{number}.json"
            more = ["-o", f"json={file}"] if words[0] == "check" else []
            ran = drift(*words, *more)
            assert ran.code in {0, 1}, (words, ran.err)
            told.append(Told(words, ran.code, json.loads(file.read_text()) if more else {}))
        return told

    return run


def checks(told: list[Told]) -> list[Told]:
    assert {line.code for line in told if line.words[0] != "check"} == {0}
    return [line for line in told if line.words[0] == "check"]


@pytest.mark.slow
def test_the_autoencoder_article(tell: Teller, tmp_path: Path):
    """Digits pass; noisy ones pass against a baseline of their own only; letters are far worse, by either definition.

    The entropies tell the notebook's tale - noise moves them little, letters much - and the honest loss says more.
    """
    digits, noisy, noisy_own, letters = checks(tell(lists("Digits, noisy digits, letters")[0]))
    assert [line.code for line in (digits, noisy, noisy_own, letters)] == [0, 1, 0, 1]
    rule = [line.result["rules"][0]["failed"] for line in (digits, noisy, noisy_own, letters)]
    assert rule == [False, True, False, True]
    assert {line.result["reference"]["baseline"] for line in (digits, letters)} == {"default"}
    assert noisy_own.result["reference"]["baseline"] == "noisy"
    loss, baseline = letters.figures["loss.mean"]
    assert loss > 2 * baseline
    validation = letters.figures["validation_loss.mean"][1]
    by_noise, by_letters = (
        line.figures["output_entropy.mean"][0] / validation - 1 for line in (noisy, letters)
    )
    assert abs(by_noise) < by_letters / 2
    assert by_letters < loss / baseline - 1
    assert (tmp_path / "story" / "letters.html").read_text().count("The notebook&#39;s figures") >= 1


@pytest.mark.slow
def test_the_torchdrift_notebook(tell: Teller, tmp_path: Path):
    """A clean batch passes, the same photos blurred do not; both pages have a map by Isomap."""
    clean, blurred = checks(tell(lists("Photos, and the same photos out of focus")[0]))
    assert (clean.code, blurred.code) == (0, 1)
    assert clean.result["gate"]["p_value"] > 0.01
    assert blurred.result["gate"]["p_value"] <= 0.001
    for line in (clean, blurred):
        assert line.result["map"]["method"] == "Isomap of content, 5 neighbours"
        assert len(line.result["map"]["batch"]) == line.result["batch"]["images"]
    assert "Isomap" in (tmp_path / "parts" / "blurred.html").read_text()


@loads_pth
@pytest.mark.slow
def test_the_torchdrift_notebook_with_resnet_18(tell: Teller, tmp_path: Path, monkeypatch):
    """With weights drawn at random, which see blur, too: the true ones are 45 MB that nobody ships."""
    first, *_ = lists("Photos, and the same photos out of focus")[1]
    learnt = lists("Photos, and the same photos out of focus")[0]
    weights = staged_resnet18(tmp_path, monkeypatch)
    assert first[:2] == ["fit", "parts/reference"]
    assert "torchdrift-resnet18" in first
    first = [str(weights) if word.startswith("resnet18-") else word for word in first]
    clean, blurred = checks(tell([learnt[0], first, *learnt[2:]]))
    assert (clean.code, blurred.code) == (0, 1)
    assert blurred.result["gate"]["permutations"] == 999


def test_the_week_of_daily_profiles(tell: Teller, drift, tmp_path: Path):
    """Three quiet days, then pixelated ones: each differs by itself, and the third of them raises the alarm.

    With 12 images against 100; with the 40 against 360 of the page it is the second.
    """
    told = tell(lists("A week of daily batches")[0])
    days = checks(told)
    ps = [day.result["gate"]["p_value"] for day in days]
    assert len(days) == 7
    assert min(ps[:3]) > 0.01 >= max(ps[3:])
    assert [day.code for day in days] == [0, 0, 0, 0, 0, 1, 1]
    database = next(word for word in days[0].words if word.endswith(".db"))
    ran = drift("history", database, "-f", "json")
    kept = json.loads(ran.out)["checks"]
    assert [check["p_value"] for check in kept] == ps
    assert (tmp_path / "parts" / "history.html").is_file()


WHOLE = "A week, and whether it hurts the model"
FEWER = {"export_images=60": "export_images=12", "--budget 140": "--budget 84", "pixelate:4": "pixelate:10px"}
"""What the page asks for, and what does on images of half the size: squares of as many pixels."""
LIGHT = {"reference": 75, "good": 100, **{f"day-0{day}": 20 for day in range(1, 8)}}


def light(folder: Folder, index: int, seed: int) -> Photo:
    """A drawn photo at half its size: what takes time here is corrupting many."""
    photo = days.photo(folder, index, seed)
    stored = io.BytesIO()
    with Image.open(io.BytesIO(photo.data)) as large:
        large.resize((128, 96), Image.Resampling.BOX).save(stored, "JPEG", quality=92)
    return replace(photo, data=stored.getvalue())


@pytest.fixture
def whole(drift, tmp_path, monkeypatch, quick) -> list[tuple[str, int]]:  # noqa: ARG001
    """The page's own scripts and lines, on fewer and smaller images: each line with its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRIFTCLI_WORKERS", "1")
    parts = samples.SAMPLES["parts"]
    folders = tuple(replace(folder, images=LIGHT[folder.name]) for folder in parts.folders)
    monkeypatch.setitem(samples.SAMPLES, "parts", replace(parts, folders=folders, photo=light))
    part = next(
        p
        for p in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
        if p.startswith(WHOLE)
    )
    fences = [token for token in MarkdownIt().parse(part) if token.type == "fence"]
    for name, script in zip(
        ("classify.py", "annotate.py"), (f.content for f in fences if f.info == "python"), strict=True
    ):
        (tmp_path / name).write_text(script, encoding="utf-8")
    told = []
    for line in next(f.content for f in fences if f.info == "sh").splitlines():
        for asked, few in FEWER.items():
            line = line.replace(asked, few)  # noqa: PLW2901
        program, *words = shlex.split(line)
        if program == "python":
            monkeypatch.setattr(sys, "argv", words)
            runpy.run_path(str(tmp_path / words[0]))
            continue
        ran = drift(*words)
        assert ran.code in {0, 1}, (line, ran.err)
        told.append((line, ran.code))
    return told


@pytest.mark.slow
def test_the_week_whole(whole, tmp_path: Path):
    """From day 4 on the gate fires, the estimate falls as the truth does, and so does what labels say; one page tells it."""
    codes = [code for line, code in whole if " check " in line]
    assert codes == [0, 0, 0, 1, 1, 1, 1]
    assert {code for line, code in whole if " check " not in line} == {0}
    past = driftcli.history(tmp_path / "parts" / "model.db")
    truth = np.array([right(tmp_path / "parts", day) for day in range(1, 8)])
    estimated = [check.harm.accuracy_of_these for check in past.checks]
    labelled = [check.labelled.accuracy for check in past.checks]
    assert [check.when[:10] for check in past.checks] == [f"2026-02-0{day}" for day in range(2, 9)]
    assert truth[:3].min() - truth[3:].max() > 0.2, "the story: pixelation does hurt"
    for told in (estimated, labelled):
        assert min(one.value for one in told[:3]) > max(one.value for one in told[3:])
        held = [one.low <= right <= one.high for one, right in zip(told, truth, strict=True)]
        assert sum(held) >= 6, "of seven 95 % intervals two miss in 4 % of weeks"
    assert [check.harm.alarm for check in past.checks] == [False] * 3 + [True] * 4
    assert all(check.harm.baseline_accuracy > 0.9 for check in past.checks)
    page = (tmp_path / "parts" / "model.html").read_text(encoding="utf-8")
    assert "Accuracy of the model on 7 batches: 7 estimates, 7 measured by labels" in page


def right(parts: Path, day: int) -> float:
    """The share of a day's answers that are right: what nobody tells driftcli."""
    with (parts / f"day-0{day}" / "manifest.csv").open(newline="") as file:
        truth = {Path(row["path"]).stem: row["label"] for row in csv.DictReader(file)}
    folder = parts / (f"day-0{day}" if day < 4 else f"pixelated-0{day}")
    with (folder / "answers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert "label" not in rows[0]
    said = [max("ABC", key=lambda name: float(row[f"p_{name}"])) for row in rows]
    return float(np.mean([truth[Path(row["path"]).stem] == one for row, one in zip(rows, said, strict=True)]))


def test_every_story_has_a_list_for_the_real_data():
    """Beside the drawn one; tests/benchmarks/stories.py runs it where the data are."""
    titles = (
        "Digits, noisy digits, letters",
        "Photos, and the same photos out of focus",
        "A week of daily batches",
    )
    for title in titles:
        drawn, *_, real = lists(title)
        assert drawn[0][:2] == ["demo", "--draw"]
        assert real[0][0] == "fit"
        assert {line[0] for line in real} <= {"fit", "baseline", "simulate", "check", "history"}
