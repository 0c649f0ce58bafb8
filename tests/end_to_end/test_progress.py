"""Every stage that passes over images says of how many, and comes to that many."""

from __future__ import annotations

import zipfile

import pytest

import driftcli
from driftcli.config.settings import Input
from driftcli.reading.open_sources import open_sources
from driftcli.sources.folder import Folder
from tests.journey import pictures

AT_ONCE = {
    "opening the reference",
    "statistics",
    "explaining",
    "opening networks",
    "learning the reference",
    "writing the artifact",
}
"""Stages of one step, which have nothing to count."""


class Recorded(driftcli.Progress):
    """All stages that ended: what they announced, and how far they came."""

    def __init__(self):
        self.ended, self.open = [], []

    def start(self, stage, total=None):
        self.open.append([stage, total, 0])

    def advance(self, steps=1, note=""):  # noqa: ARG002
        self.open[-1][2] += steps

    def finish(self):
        self.ended.append(tuple(self.open.pop()))

    def require(self, *stages):
        assert not self.open
        assert set(stages) <= {stage for stage, _, _ in self.ended}
        for stage, total, done in self.ended:
            assert (total is None and done == 0) if stage in AT_ONCE else total == done, stage


@pytest.mark.usefixtures("quick")
def test_fit_and_baseline(world, tmp_path):
    learnt = Recorded()
    (tmp_path / "two.yaml").write_text(
        "extractors: {methods: [properties, autoencoder], autoencoder: {epochs: 2}}"
    )
    driftcli.fit(world.train, tmp_path / "ref", progress=learnt, config=tmp_path / "two.yaml", workers=1)
    learnt.require(
        "reading images", "looking at all images with the autoencoder", "simulating corruptions",
        "measuring the gate on halves of the baseline",
    )  # fmt: skip
    calibrated = Recorded()
    driftcli.baseline(tmp_path / "ref", [world.good], progress=calibrated, workers=1)
    calibrated.require(
        "reading images", "measuring what heat maps show of good images",
        "measuring the gate on halves of the baseline",
    )  # fmt: skip


def test_check_and_simulate(world, tmp_path):
    (world_copy := tmp_path / "batch").mkdir()
    for image in world.fresh.iterdir():
        (world_copy / image.name).write_bytes(image.read_bytes())
    (world_copy / "notes.txt").write_text("not an image, and an entry")
    checked = Recorded()
    driftcli.check(world.ref, world_copy, pictures=True, progress=checked, workers=1)
    checked.require("reading images", "making pictures")
    assert ("reading images", 25, 25) in checked.ended
    simulated = Recorded()
    driftcli.simulate(world_copy, tmp_path / "out", corruption="flip", progress=simulated, workers=1)
    assert simulated.ended == [("simulating", 25, 25)]


def test_how_many_is_known_before_anything_is_read(tmp_path):
    """Of names and of a .zip; of a stream of members nobody knows."""
    folder = pictures(tmp_path / "images", 5, 1)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for image in folder.iterdir():
            archive.write(image, f"in/{image.name}")
    (tmp_path / "a.tar").write_bytes(b"")
    assert open_sources([str(folder), f"{folder}/*3*"], Input()).count() == 6
    assert open_sources([str(folder)], Input(limit=2)).count() == 2
    assert open_sources([str(tmp_path / "a.zip")], Input()).count() == 5
    assert open_sources([str(folder), str(tmp_path / "a.tar")], Input()).count() is None


def test_counting_gives_up_in_time(tmp_path):
    for number in range(1500):
        (tmp_path / f"{number}.png").touch()
    assert Folder(str(tmp_path)).count(seconds=-1.0) is None
    assert Folder(str(tmp_path)).count(seconds=60.0) == 1500
