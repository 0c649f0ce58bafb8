"""Every figure of a result against what it is said to be."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter

import pytest

import driftcli
from driftcli.reports.json import Json, parse
from tests.journey import pictures


@pytest.fixture(scope="module")
def passed(world):
    return driftcli.check(world.ref, world.fresh, workers=1)


@pytest.fixture(scope="module")
def drifted(world):
    return driftcli.check(world.ref, world.bright, workers=1, top_k=3)


def test_a_digest_can_be_computed_by_anybody(passed, world):
    """SHA-256 over the sorted (content hash, count) pairs."""
    counts = Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in world.fresh.iterdir())
    lines = "".join(f"{content} {count}\n" for content, count in sorted(counts.items()))
    assert passed.batch.digest == hashlib.sha256(lines.encode()).hexdigest()


def test_the_reference_is_named(passed, world):
    manifest = json.loads((world.ref / "manifest.json").read_text("utf-8"))
    assert passed.reference.digest == manifest["baselines"]["default"]["digest"]
    assert (passed.reference.images, passed.reference.baseline) == (110, "default")
    assert passed.reference.artifact == str(world.ref)


def test_verdict_and_families_agree(passed, drifted):
    """Drift needs a significant gating family; significant means adjusted p <= alpha."""
    for report in (passed, drifted):
        gating = [family for family in report.families if family.gate == "on"]
        for family in gating:
            assert family.significant == (family.p_adjusted <= report.gate.alpha)
            assert family.p_value <= family.p_adjusted <= 1
            assert all(s.p_raw is None or s.p_raw <= s.p_value for s in family.statistics)
        assert any(family.significant for family in gating) == (report.verdict == "drift")
    assert drifted.gate.effect_family in {f.name for f in drifted.families if f.significant}
    assert 0 < drifted.gate.effect_lower <= drifted.gate.effect <= 1


def test_an_advisory_family_has_no_adjusted_p(passed):
    (file,) = [family for family in passed.families if family.name == "file"]
    assert (file.gate, file.p_adjusted) == ("advisory", None)


def test_images_are_ranked_once_each(drifted):
    """All of them, by falling score."""
    assert len({image.path for image in drifted.images}) == len(drifted.images) == 24
    scores = [image.score for image in drifted.images]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_histograms_are_shares(drifted):
    for one in drifted.distributions:
        assert len(one.edges) == len(one.batch) + 1 == len(one.baseline) + 1
        assert sum(one.batch) == pytest.approx(1, abs=1e-6)
        assert sum(one.baseline) == pytest.approx(1, abs=1e-6)


def test_how_often_it_fires_is_measured_where_that_can_be(passed, world, tmp_path):
    """Null with a reason for a batch larger than half of the baseline."""
    rate = passed.gate.false_alarm_rate
    assert (rate.nominal, rate.reason) == (0.01, None)
    assert 0 <= rate.low <= rate.estimate <= rate.high <= 1
    large = driftcli.check(world.ref, pictures(tmp_path / "b", 56, 41), workers=1).gate.false_alarm_rate
    assert (large.estimate, large.reason) == (None, "the batch is larger than half of the baseline")


def test_what_was_known_before_is_a_notice_and_no_caution(passed, drifted):
    """Once, in words that say what to do; neither on a good batch nor on a drifted one."""
    for report in (passed, drifted):
        (small,) = [line for line in report.notices if "false-alarm rate" in line]
        assert small.startswith(
            "the baseline's 110 images are adequate for batches of up to 5 images; for 24 give 480"
        )
        assert not any("baseline" in line for line in report.cautions)
    assert passed.cautions == ()


def test_shifts_that_can_be_seen_come_most_visible_first(passed):
    found = [one.shift_sd for one in passed.gate.detectable if one.shift_sd is not None]
    assert found == sorted(found)
    assert len(found) > 3


def test_images_that_are_in_the_reference_too_are_counted(world, tmp_path):
    """Less than half of them is no reason to refuse."""
    shutil.copytree(world.fresh, tmp_path / "b")
    for i in range(5):
        shutil.copy(world.good / f"{i:04d}.jpg", tmp_path / "b" / f"good{i}.jpg")
    report = driftcli.check(world.ref, tmp_path / "b", workers=1)
    assert (report.batch.in_reference, report.batch.images) == (5, 29)
    assert report.exit_code == 0


def test_json_holds_it_all(drifted):
    back = parse(Json().render(drifted))
    assert (back.verdict, back.batch, back.ledger) == (drifted.verdict, drifted.batch, drifted.ledger)
    assert len(back.images) == 24
