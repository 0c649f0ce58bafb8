"""No output takes the place of an input, by whatever name it goes, nor of another output: 2, before any work."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import pytest

from driftcli.cli import _reports
from tests.journey import pictures

CASES = {
    "the artifact's manifest": ("json=ref/manifest.json", "lies in"),
    "a new file in the artifact": ("json=ref/report.json", "lies in"),
    "the history": ("json=past.db", "is what the command reads|is a database"),
    "the configuration file": ("json=drift.yaml", "is what the command reads"),
    "the configuration file of the environment": ("json=env.yaml", "is what the command reads"),
    "the manifest that is read": ("csv=list.csv", "is what the command reads"),
    "the manifest by another name": ("csv=again.csv", "is what the command reads"),
    "the manifest through a link": ("csv=link.csv", "is what the command reads"),
    "a source image": ("json=images/0000.jpg", "is an image"),
    "an image without an ending": ("json=images/frame", "is an image"),
    "an image with another ending": ("json=images/frame.json", "is an image"),
    "an archive": ("json=shards/a.tar", "is an archive"),
    "an archive without an ending": ("json=shards/zipped", "is an archive"),
    "a text that a pattern names": ("json=lists/a.txt", "is what the command reads"),
    "a database": ("json=other", "is a database"),
    "a profile": ("json=day.safetensors", "is a profile"),
    "a folder around the sources": ("bundle=.", "lies in it"),
    "a page among the images": ("html=images/page/", "lies in"),
}
WORDS = ("check", "ref", "images", "list.csv", "shards/*.tar", "lists/*.txt", "-c", "drift.yaml", "--history", "past.db")  # fmt: skip


@pytest.fixture
def place(world, tmp_path, monkeypatch):
    """Everything that a check may read, in the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(world.ref, "ref")
    image = pictures(Path("images"), 1, 1) / "0000.jpg"
    for name in ("frame", "frame.json"):
        shutil.copy(image, f"images/{name}")
    for name, content in (
        ("drift.yaml", "seed: 1\n"),
        ("env.yaml", "seed: 1\n"),
        ("list.csv", "path\nimages/0000.jpg\n"),
    ):
        Path(name).write_text(content)
    monkeypatch.setenv("DRIFTCLI_CONFIG", "env.yaml")
    os.link("list.csv", "again.csv")
    Path("link.csv").symlink_to("list.csv")
    Path("lists").mkdir()
    Path("lists/a.txt").write_text("images/0000.jpg\n")
    Path("shards").mkdir()
    with tarfile.open("shards/a.tar", "w") as tar:
        tar.add(image)
    with zipfile.ZipFile("shards/zipped", "w") as archive:
        archive.write(image)
    Path("day.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    for name in ("past.db", "other"):
        with sqlite3.connect(name) as db:
            db.execute("CREATE TABLE t (x)")
        db.close()
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_an_output_that_is_an_input(drift, place, case):
    output, said = CASES[case]
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    ran = drift(*WORDS, "-o", output)
    assert (ran.code, ran.out) == (2, "")
    assert any(part in ran.err for part in said.split("|")), ran.err
    assert "\nhint: " in ran.err
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


@pytest.mark.usefixtures("place")
def test_outputs_of_one_command_line_do_not_meet(drift):
    for others in (
        ("json=a.json", "csv=a.json"),
        ("html=out/", "json=out/result.json"),
        ("json=out/x.json", "bundle=out"),
    ):
        ran = drift(*WORDS, *(word for other in others for word in ("-o", other)))
        assert (ran.code, "named twice" in ran.err or "a report of its own" in ran.err) == (2, True), ran.err
    assert not Path("out").exists()


@pytest.mark.usefixtures("place")
def test_a_profile_is_no_part_of_an_artifact(drift):
    """Its next writer would sweep it away."""
    ran = drift("profile", "images", "--artifact", "ref", "-o", "ref/day.safetensors")
    assert (ran.code, "lies in the artifact" in ran.err) == (2, True)


def test_a_report_of_a_bundle_stays_out_of_it(drift, place):
    bundle = Path(__file__).parents[1] / "fixtures" / "0.1.0" / "bundle"
    shutil.copytree(bundle, place / "bundle")
    (place / "bundle" / ".driftcli-report").touch()
    for output in ("json=bundle/result.json", "bundle=bundle"):
        ran = drift("report", "bundle", "-o", output)
        assert (ran.code, "which the command reads" in ran.err or "is what" in ran.err) == (2, True), ran.err


@pytest.mark.usefixtures("place")
def test_reports_replace_reports():
    """Also a plot, which is a picture and no source; and whatever somebody keeps beside the images."""
    Path("old.json").write_text("{}")
    pictures(Path("plots"), 1, 1, form="png")
    formats = _reports.Formats(("text",), ("json", "plot"))
    for output in ("json=old.json", "json=images/report.json", "plot=plots/0000.png"):
        assert _reports.plan_of("text", [output], formats, brief=False, inputs=["ref", "images"]).files
    with pytest.raises(Exception, match="lies in images"):
        _reports.plan_of("text", ["plot=images/0000.jpg"], formats, brief=False, inputs=["ref", "images"])
