"""What decides the verdict: alpha, tolerance, permutations, rules, and the settings of artifact and call."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.journey import FAST, pictures

METHODS = "extractors.methods=[autoencoder"

# ---------------------------------------------------------------- a gate that is asked for


@pytest.mark.parametrize(
    ("options", "code", "verdict"),
    [
        ((), 1, "drift"),
        (("--fail-on", "none"), 0, "drift"),
        (("--exit-zero",), 0, "drift"),
        (("--tolerance", "0.9"), 0, "warn"),
        (("--tolerance", "0.9", "--fail-on", "warn"), 1, "warn"),
        (("--tolerance", "10%"), 1, "drift"),
    ],
)
def test_the_verdict_and_the_code(check, world, options, code, verdict):
    """`--fail-on` and `--exit-zero` change the code and never the verdict."""
    ran = check(world.ref, world.bright, *options)
    assert (ran.code, ran.result["exit_code"], ran.result["verdict"]) == (code, code, verdict)


def test_a_warning_names_the_tolerance(check, world):
    result = check(world.ref, world.bright, "--tolerance", "0.9").result
    assert "no effect is above the tolerance 0.9" in result["reasons"]
    assert result["gate"]["effect_lower"] < 0.9


def test_a_small_alpha_stays_attainable(check, world):
    """Auto takes enough relabellings for it."""
    result = check(world.ref, world.bright, "--alpha", "0.001").result
    assert (result["exit_code"], result["gate"]["permutations"]) == (1, 19_999)
    assert result["gate"]["p_value"] == pytest.approx(1 / 20_000)


def test_too_few_permutations_are_refused(check, world):
    """They could not resolve alpha over two families."""
    ran = check(world.ref, world.fresh, "--permutations", 198)
    assert (ran.code, ran.out) == (2, "")
    assert "at least 199" in ran.err
    assert check(world.ref, world.fresh, "--permutations", 199).code == 0


def test_the_loss_rule_is_a_reason_of_its_own(check, world):
    """It fails the gate whatever the test says, and its verdict stays the test's."""
    result = check(world.ref, world.bright, "--max-loss-increase", "5%", "--fail-on", "none").result
    assert result["exit_code"] == 1
    (rule,) = result["rules"]
    assert (rule["name"], rule["failed"], rule["limit"]) == ("max_loss_increase", True, 0.05)
    assert any("mean loss rose by" in reason for reason in result["reasons"])
    ran = check(world.ref, world.fresh, "--max-loss-increase", "90%")
    assert (ran.code, ran.result["rules"][0]["failed"]) == (0, False)


def test_what_must_be_detectable(check, world):
    """A shift that such batches would not show fails the gate; a name or a number that is none is 2."""
    result = check(world.ref, world.fresh, "--require-detectable", "brightness:0.01").result
    assert (result["exit_code"], result["verdict"]) == (1, "pass")
    assert result["rules"][0]["failed"]
    assert check(world.ref, world.fresh, "--require-detectable", "brightness:9").code == 0
    ran = check(world.ref, world.fresh, "--require-detectable", "brightnes:1")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean 'brightness'?" in ran.err
    for wrong in ("brightness", "brightness:", "brightness:much", "brightness:-1"):
        assert check(world.ref, world.fresh, "--require-detectable", wrong).code == 2


def test_a_loss_rule_without_an_autoencoder_is_2(drift, check, world, tmp_path):
    assert (
        drift(
            "fit",
            world.train,
            "-o",
            tmp_path / "p",
            "--method",
            "properties",
            "--workers",
            1,
            "--detectable",
            "none",
        ).code
        == 0
    )
    ran = check(tmp_path / "p", world.fresh, "--max-loss-increase", "5%")
    assert (ran.code, ran.out) == (2, "")
    assert "needs an autoencoder" in ran.err


# ---------------------------------------------------------------- settings


def test_a_typing_mistake_changes_no_gate(check, world, tmp_path):
    ran = check(world.ref, world.fresh, "--tolerence", "0.1")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean --tolerance?" in ran.err
    config = tmp_path / "drift.yaml"
    config.write_text("seed: 1\ngate:\n  alhpa: 0.05\n")
    ran = check(world.ref, world.fresh, "-c", config)
    assert (ran.code, ran.out) == (2, "")
    assert "drift.yaml:3:3" in ran.err
    assert "did you mean 'alpha'?" in ran.err


def test_how_pixels_become_numbers_comes_from_the_artifact(check, world):
    """The same value is welcome, another one is 2."""
    key = "extractors.autoencoder.latent"
    ran = check(world.ref, world.fresh, "--set", f"{key}=8")
    assert (ran.code, ran.out) == (2, "")
    assert f"{key} = 8 contradicts the artifact" in ran.err
    assert check(world.ref, world.fresh, "--set", f"{key}=64", "--set", f"{METHODS}, properties]").code == 0
    assert check(world.ref, world.fresh, "--set", f"{METHODS}]").code == 2
    assert check(world.ref, world.fresh, "--crop", "0,0,0.5,1").code == 2


@pytest.mark.usefixtures("quick")
def test_gates_that_fit_was_told_hold_until_somebody_says_otherwise(drift, check, world, tmp_path):
    """Option > artifact > default, whichever family was off when."""
    ref = tmp_path / "ref"
    off = ("--set", "families.latent.gate=off")
    assert drift("fit", world.train, "-o", ref, *FAST, *off, "--seed", 3).code == 0
    first = check(ref, world.fresh).result
    assert "latent" not in {f["name"] for f in first["families"]}
    assert first["environment"]["seed"] == 3
    asked = check(ref, world.fresh, "--set", "families.latent.gate=advisory", "--seed", 0).result
    assert {f["name"]: f["gate"] for f in asked["families"]}["latent"] == "advisory"
    assert asked["environment"]["seed"] == 0
    shown = drift("check", ref, world.fresh, "--show-config").out
    assert "families.latent.gate=off" in shown
    origin = next(line for line in shown.splitlines() if line.startswith("families.latent.gate"))
    assert origin.endswith("# artifact")


def test_no_gate_at_all_is_2(check, world):
    names = ("reconstruction", "latent", "properties")
    off = [word for name in names for word in ("--set", f"families.{name}.gate=advisory")]
    assert check(world.ref, world.fresh, *off).code == 2


@pytest.mark.usefixtures("quick")
def test_no_pictures_are_kept_where_fit_was_told_so(drift, world, tmp_path):
    """Nor by a later `baseline`."""
    ref = tmp_path / "ref"
    assert drift("fit", world.train, "-o", ref, "--no-thumbnails", *FAST).code == 0
    assert drift("baseline", ref, world.good, "--workers", 1).code == 0
    assert json.loads(drift("inspect", ref, "-f", "json").out)["holds_images"] is False


# ---------------------------------------------------------------- crops and masks


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("option", ["--crop", "--mask"])
def test_a_crop_or_mask_is_part_of_the_artifact(drift, check, world, tmp_path, option):
    """What happens outside of it is not seen, at `check` without a word."""
    import numpy as np
    from PIL import Image

    mask = np.full((64, 64), 255, np.uint8)
    mask[:, 40:] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    value = "0,0,40,64" if option == "--crop" else tmp_path / "mask.png"
    ref = tmp_path / "ref"
    assert drift("fit", world.train, "-o", ref, option, value, *FAST).code == 0
    shutil.copytree(world.fresh, tmp_path / "batch")
    for path in sorted((tmp_path / "batch").iterdir()):
        pixels = np.asarray(Image.open(path)).copy()
        pixels[:, 48:] = 255
        path.unlink()
        Image.fromarray(pixels).save(path.with_suffix(".png"))
    assert check(world.ref, tmp_path / "batch").code == 1
    assert check(ref, tmp_path / "batch").code == 0
    assert check(ref, tmp_path / "batch", option, value).code == 0
    if option == "--mask":
        Image.fromarray(255 - mask).save(tmp_path / "mask.png")
        assert check(ref, tmp_path / "batch").code == 3


@pytest.mark.usefixtures("quick")
def test_the_embedding_sees_it_too(drift, check, world, tmp_path):
    """The network's families, with the default network's weights."""
    few = pictures(tmp_path / "few", 44, 5)
    ref = tmp_path / "ref"
    told = drift("fit", few, "-o", ref, "--method", "mmd,properties", "--workers", 1, "--detectable", "none")
    assert told.code == 0
    assert "embedding: network efficientnet_lite0" in told.out
    result = check(ref, world.bright, "--alpha", "0.05").result
    assert {f["name"] for f in result["families"]} >= {"style", "content"}
    assert result["exit_code"] == 1
