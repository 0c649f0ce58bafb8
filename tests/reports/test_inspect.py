"""`inspect` tells what an artifact was measured to do and see, how its losses fell, and whether it is whole."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest

from driftcli.artifact import store
from driftcli.audit import inspection
from driftcli.calibration import false_alarms
from driftcli.core.inspection import Account, BaselineAccount, Calibration
from driftcli.core.report import Detectable, FalseAlarmRate
from driftcli.extractors.base import kinds
from driftcli.reference import figures
from driftcli.reports.inspect import html, text
from tests.reports.page import plain, read, sound, webp


@dataclass
class File:
    name: str = "reference-ab.safetensors"
    role: str = "reference"
    bytes: int = 1000
    ok: bool = True
    problem: str = ""


def told(**more):
    rate = FalseAlarmRate(0.01, 0.012, 0.008, 0.02, 50, None)
    baseline = BaselineAccount(
        "<b>night</b>\x1b[2J", {"images": 600, "source": ["good"]}, (Calibration(50, 0.01, rate),),
        {50: (Detectable("gaussian_blur", 2, 1.0, 0.9),)},
    )  # fmt: skip
    curve = ((1.0, 1.2), (0.5, 0.7), (0.3, None))
    manifest = {
        "fitted": {"images": 400, "source": ["train"], "created": "2026-11-01T00:00:00Z"},
        "settings": {
            "seed": 3,
            "decode": {"crop": None, "side": 224.0},
            "methods": ["embedding", "properties"],
            "list": [],
            "on": True,
        },
        "families_tested": ["style", "reconstruction", "file"],
    }
    found = {"files": (File(),), "baselines": (baseline,), "losses": {"autoencoder": curve}, **more}
    return Account("ref/", "e" * 64, manifest, holds_images=False, **found)


def test_in_words():
    page = text.to_text(told())
    assert "fitted on  400 images from train, 2026-11-01 00:00 UTC" in page
    assert "false alarms of 50 images: alpha 0.01: 1.2 % (0.8 % to 2 %)" in page
    assert "of 50 images it sees: Gaussian blur from severity 2" in page
    assert "loss       autoencoder, training: 1 to 0.3 in 3 epochs" in page
    assert "loss       autoencoder, held out: 1.2 to 0.7 in 3 epochs" in page
    assert "\x1b" not in page
    assert text.to_text(told(), ascii_only=True).isascii()


def test_as_html():
    """Names as text, the curve as a picture that says what it is; no script."""
    page = html.to_html(told())
    sound(page)
    assert "&lt;b&gt;night" in page
    assert "<b>" not in page
    assert re.search(r'aria-label="Loss of autoencoder over 3 epochs, at last 0\.3"', page)
    assert "Gaussian blur from severity 2" in plain(read(page).text)
    assert "DAMAGED" in html.to_html(told(files=(File(ok=False, problem="checksum differs"),)))
    assert "none: not calibrated" in html.to_html(told(baselines=(), losses={}))


@pytest.mark.parametrize("form", [html.to_html, text.to_text])
def test_settings_are_written_as_people_write_them(form):
    """Neither Python's nor JSON's way of writing."""
    shown = plain(read(form(told())).text)
    for name, value in (("decode.crop", "none"), ("decode.side", "224"), ("methods", "embedding, properties"), ("list", "none"), ("on", "yes")):  # fmt: skip
        assert re.search(rf"{re.escape(name)}\s*{value}(?![.\w])", shown), name
    assert not re.search(r"\[\]|\['|\[\"|None|null|True|\{", shown)


def test_good_images_and_what_heat_maps_mean():
    """Of the families that are tested; without thumbnails, no pictures."""
    good = tuple((f"good/{n}.jpg", webp(n)) for n in range(3))
    account = told()
    with_pictures = replace(account, baselines=(replace(account.baselines[0], good=good),))
    page = read(html.to_html(with_pictures))
    sound(html.to_html(with_pictures))
    assert [image.attributes["alt"] for image in page.all("img")] == [
        f"Good image good/{n}.jpg" for n in range(3)
    ]
    said = plain(page.text)
    assert "What heat maps mean" in said
    assert "rebuilt" in said
    assert "what a place shows" not in said
    assert not read(html.to_html(account)).all("img")


def test_every_map_of_an_extractor_says_what_it_means():
    """And none without a map does."""
    for kind in kinds().values():
        said = dict(kind.heats)
        assert set(said) <= {view.name for view in kind.views}
        assert bool(said) == kind.overrides("heat")


def test_a_real_artifact(world):
    """Figures are calibration's own; JSON has them all."""
    found = inspection.take(world.ref, store.read(world.ref))
    assert found.ok
    assert found.holds_images
    by_name = {one.name: one for one in found.baselines}
    state = store.read(world.ref).state("baseline-default")
    measured = {k.removeprefix("measured/"): v for k, v in state.items() if k.startswith("measured/")}
    for one in by_name["default"].calibration:
        assert one.rate == false_alarms.false_alarm_rate(measured, one.alpha, one.batch, 110, None)
    sizes = [m for m in figures.SIZES if f"p_{m}" in measured]
    assert sorted(by_name["default"].detectable) == sizes
    shown = json.loads(text.to_json(found))
    assert len(shown["measured"]["default"]["false_alarm_rates"]) == 2 * len(sizes)
    good = by_name["default"].good
    assert 0 < len(good) <= 12
    assert len(read(html.to_html(found)).all("img")) == sum(len(one.good) for one in found.baselines)
    assert len(html.to_html(found)) < 400_000


def test_what_cannot_be_measured_says_why(copied):
    """A damaged artifact is told of; its figures are not trusted."""
    victim = next(copied.glob("baseline-default-*"))
    victim.write_bytes(victim.read_bytes()[:-1])
    found = inspection.take(copied, store.read(copied))
    assert not found.ok
    assert {one.reason for one in found.baselines} == {"the artifact is damaged"}
    assert "DAMAGED" in text.to_text(found)


@pytest.mark.parametrize("kept", [np.nan, 0.5])
def test_losses_come_from_the_training_itself(kept):
    """Unknown losses on held-out images are null."""

    class Held:
        def __init__(self):
            self.manifest = {"settings": {"extractors": {"methods": ["autoencoder", "properties"]}}}
            self.files = {"autoencoder": None}

        def state(self, role):
            assert role == "autoencoder"
            return {"loss_curve": np.array([[1.0, kept]], np.float32)}

    assert inspection._losses(Held()) == {"autoencoder": ((1.0, None if np.isnan(kept) else kept),)}
