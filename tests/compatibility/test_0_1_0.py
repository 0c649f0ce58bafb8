"""What version 0.1.0 wrote is still read, and measured alike: artifacts, results, a bundle, a history, a power study.

The files in `tests/fixtures/0.1.0/` come from `tests/fixtures/make.py`, run with the package of that version.
"""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from driftcli.artifact import store
from driftcli.config.settings import Settings
from driftcli.core import registry
from driftcli.core.evidence import Join
from driftcli.reading import canaries
from driftcli.reading.reader import Reader
from driftcli.reading.runtime import make_runtime
from driftcli.reference.reference import open_baseline, open_reference
from driftcli.reports.json import schema
from driftcli.reports.power.json import schema as power_schema
from tests.fixtures.make import ARTIFACTS, BATCHES, CHECKS, HERE, SEQUENCE

WORDS = frozenset({"statement", "reasons", "cautions"})
"""Sentences: a later version may say the same otherwise."""
SUMMED = frozenset({"style", "content", "latent"})
"""Families that were as extreme as their largest statistic in 0.1.0 and are their sum since; `content` counts double."""
OF_THE_RUN = frozenset({"created", "timing", "tool", "environment"})
RANGE = frozenset({"low", "high"})
"""Of one artifact's own false-alarm rate: 0.1.0 had it two to three times too narrow."""
BY_NETWORKS = tuple(name for name in CHECKS if not name.startswith("properties"))
RESULTS = tuple(CHECKS)
FLOAT32_SUMS = {"rel_tol": 1e-5, "abs_tol": 1e-6}
"""An MMD^2 was right to about 1e-8, and an effect is the root of it; all effects are shown to three digits."""
P_ROUNDING, EFFECT_ROUNDING = 0.02, 0.05
"""How far rounding on another CPU may move a family that looks through a network."""


@pytest.fixture(scope="module")
def old(tmp_path_factory) -> Path:
    """A copy of the fixtures that a command may work in."""
    return Path(shutil.copytree(HERE, tmp_path_factory.mktemp("compatibility") / "0.1.0"))


@pytest.fixture(autouse=True)
def _beside_the_fixtures(old, monkeypatch) -> None:
    """Paths in artifacts and results are relative to their folder."""
    monkeypatch.chdir(old)
    for name in [name for name in os.environ if name.startswith("DRIFTCLI_")]:
        monkeypatch.delenv(name)


def stored(name: str) -> dict[str, Any]:
    return json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))


def liked(diagnosis: dict[str, Any]) -> bool:
    return diagnosis["statement"].startswith(("Like ", "No known corruption"))


def differences(then: Any, now: Any, where: str = "") -> Iterator[str]:
    """Places where `now` is not what `then` was; keys that came since, sentences and the run itself do not count.

    Nor do likenesses: 0.1.0 named corruptions where nothing like them had happened.
    """
    if where == ".diagnosis":
        then, now = ([one for one in side if not liked(one)] for side in (then, now))
    if isinstance(then, dict) and isinstance(now, dict):
        left_out = RANGE if where == ".gate.false_alarm_rate" else frozenset()
        for key in then.keys() - WORDS - OF_THE_RUN - left_out:
            yield from differences(then[key], now.get(key, "absent"), f"{where}.{key}")
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for number, (before, after) in enumerate(zip(then, now, strict=True)):
            yield from differences(before, after, f"{where}[{number}]")
    elif not same(then, now, where.rpartition(".")[2]):
        yield f"{where}: {then!r} is now {now!r}"


def same(then: Any, now: Any, key: str) -> bool:
    """Ranks, p-values, counts and words exactly; other numbers but for what 0.1.0 lost by adding kernels in float32."""
    if isinstance(then, float) and isinstance(now, float) and not key.startswith("p_"):
        return math.isclose(then, now, **FLOAT32_SUMS)
    return then == now


def without_summed(result: dict[str, Any]) -> dict[str, Any]:
    """A result without what follows from the rule of SUMMED; p of every statistic and of other families stay.

    Nor with the detectable shifts: of alpha the properties have a fifth now, not a quarter.
    """
    families = [
        {k: v for k, v in f.items() if k != "p_adjusted" and (k != "p_value" or f["name"] not in SUMMED)}
        for f in result["families"]
    ]
    gate = {k: v for k, v in result["gate"].items() if k not in {"p_value", "detectable"}}
    return {**result, "families": families, "gate": gate}


def same_numbers(artifact: str) -> bool:
    """Whether this machine makes the very features of the canaries that the artifact holds."""
    _, reference = open_reference(artifact, Settings(workers=1), ())
    with Reader(
        reference.settings, reference.extractors, reference.states, make_runtime(reference.settings)
    ) as reader:
        views = canaries.seen_by(reader, reference.canary)
    then = {key: value for key, value in reference.canary.items() if key.startswith("view/")}
    return all(
        np.array_equal(value, views[key.removeprefix("view/")], equal_nan=True) for key, value in then.items()
    )


# ---------------------------------------------------------------- artifacts


@pytest.mark.parametrize("name", [name for name in RESULTS if name not in BY_NETWORKS])
def test_a_check_of_properties_measures_what_0_1_0_measured(name, check):
    """Every number, rank and verdict of the result, exactly; what `--tolerance auto` tolerates is another since 2026-11-28."""
    then, ran = stored(name), check(*CHECKS[name])
    found = [
        one for one in differences(then, ran.result) if "auto" not in CHECKS[name] or ".tolerance:" not in one
    ]
    assert not found
    assert ran.code == then["exit_code"]


@pytest.mark.parametrize("name", BY_NETWORKS)
def test_a_check_through_a_network_measures_what_0_1_0_measured(name, check):
    """Where this machine computes the same features, all but the last digits; else up to their rounding."""
    then, ran = stored(name), check(*CHECKS[name])
    if ran.code == 3 and "this machine computes other" in ran.err:
        pytest.skip(f"canaries: {ran.err.splitlines()[0]}")
    now = ran.result
    if same_numbers(CHECKS[name][0]):
        assert not list(differences(without_summed(then), without_summed(now)))
        assert now["verdict"] == then["verdict"]
        return
    assert (now["verdict"], now["exit_code"]) == (then["verdict"], then["exit_code"])
    assert [family["name"] for family in now["families"]] == [family["name"] for family in then["families"]]
    for before, after in zip(then["families"], now["families"], strict=True):
        assert after["p_value"] == pytest.approx(before["p_value"], abs=P_ROUNDING), before["name"]
        assert after["effect"] == pytest.approx(before["effect"], abs=EFFECT_ROUNDING), before["name"]


def test_an_old_artifact_is_tested_by_todays_rule():
    """It stores what was learnt, not how evidence is joined; and a check joins as `fit` did, knowing a view's layers."""
    artifact, reference = open_reference("networks", Settings(workers=1), ())
    families = {
        family.name: family for family in open_baseline(artifact, reference, None, "networks").families
    }
    assert families["style"].evidence(np.zeros((5, 7))).join == Join((0.5,) * 4 + (1.0,) * 3, 1.0)
    assert families["content"].evidence(np.zeros((5, 7))).join == Join((1.0,) * 7, 2.0)
    assert families["properties"].evidence(np.zeros((5, 14))).join == Join()


@pytest.mark.parametrize("name", ARTIFACTS)
def test_inspect_finds_an_artifact_whole(name, drift):
    """And knows its baselines, their sizes and the digest that results name."""
    ran = drift("inspect", name, "-f", "json")
    assert ran.code == 0
    seen = json.loads(ran.out)
    manifest = json.loads((HERE / name / "manifest.json").read_text(encoding="utf-8"))
    assert set(seen["baselines"]) == set(manifest["baselines"])
    assert all(file.ok for file in store.read(HERE / name).verify())
    for form in ("text", "html"):
        assert drift("inspect", name, "-f", form).code == 0


def test_a_baseline_can_be_added(old, drift, check, tmp_path):
    """Of the kept batches: not enough to be calibrated well, enough to be a baseline."""
    changed = shutil.copytree(old / "properties", tmp_path / "properties")
    made = drift(
        "baseline", changed, *(f"batches/{name}" for name in ("fresh", "dim")),
        "--name", "later", "--detectable", "none", "--workers", 1,
    )  # fmt: skip
    assert made.code == 0
    assert check(changed, "batches/bright", "--baseline", "later").result["verdict"] == "drift"
    assert check(changed, *CHECKS["properties-pass"][1:]).result["verdict"] == "pass"


@pytest.mark.parametrize("name", ARTIFACTS)
def test_a_baseline_can_be_refreshed(name, old, drift, tmp_path):
    """Where this machine sees the canaries as the one did that made it; what it holds besides is as it was."""
    words = ("batches/dim", "--accept-drift", "--detectable", "none", "--workers", 1, "-o", tmp_path / "new")
    before = store.read(old / name)
    ran = drift("refresh", name, *words)
    if ran.code == 3 and "this machine computes other" in ran.err:
        pytest.skip(f"canaries: {ran.err.splitlines()[0]}")
    assert (ran.code, "16 images added" in ran.out) == (0, True), ran.err
    after = store.read(tmp_path / "new")
    changed = [k for k, v in after.manifest["baselines"].items() if v != before.manifest["baselines"][k]]
    assert [len(after.manifest["baselines"][key]["lineage"]) for key in changed] == [1]
    kept = {file.role: file.sha256 for file in before.files.values()}
    for file in after.files.values():
        if not file.role.endswith(tuple(f"-{key}" for key in changed)):
            assert file.sha256 == kept[file.role], file.role


# ---------------------------------------------------------------- results


@pytest.mark.parametrize("name", RESULTS)
def test_report_reads_a_result_and_loses_nothing(name, drift):
    jsonschema.Draft202012Validator(schema()).validate(stored(name))
    ran = drift("report", f"results/{name}.json", "-f", "json")
    assert ran.code == 0
    now = json.loads(ran.out)
    assert not list(differences(stored(name), now))
    assert [now[key] for key in ("reasons", "cautions", "created")] == [
        stored(name)[key] for key in ("reasons", "cautions", "created")
    ]


@pytest.mark.parametrize("saved", ["bundle", *(f"results/{name}.json" for name in RESULTS)])
def test_report_renders_a_result_in_every_format(saved, drift, tmp_path):
    kinds = registry.kinds("reports")
    ran = drift("report", saved, *(word for kind in kinds for word in ("-o", f"{kind}={tmp_path / kind}")))
    assert ran.code == 0
    assert all((tmp_path / kind).exists() for kind in kinds)
    assert (stored("properties-drift") if saved == "bundle" else json.loads(Path(saved).read_text()))[
        "verdict"
    ].upper() in ran.out


def test_a_bundle_keeps_its_pictures(drift, tmp_path):
    """Written again, it holds the same pictures, each once."""
    assert drift("report", "bundle", "-q", "-o", f"bundle={tmp_path / 'again'}").code == 0
    before, after = (
        json.loads(next(folder.glob("pictures*.json")).read_text(encoding="utf-8"))
        for folder in (HERE / "bundle", tmp_path / "again")
    )
    assert [row["name"] for row in after["worst"]] == [row["name"] for row in before["worst"]]
    count = len({path.read_bytes() for path in (HERE / "bundle" / "pictures").iterdir()})
    assert len(list((tmp_path / "again" / "pictures").iterdir())) == count > 0


def test_a_power_study_keeps_to_todays_schema(drift):
    """No command reads one; `report` says that it is none of its results."""
    jsonschema.Draft202012Validator(power_schema()).validate(json.loads(Path("power.json").read_text()))
    assert drift("report", "power.json").code == 3


# ---------------------------------------------------------------- the history


def test_history_reads_the_database(drift, tmp_path):
    """Every check, family and statistic as 0.1.0 itself told it, in every form."""
    then = json.loads((HERE / "history.json").read_text(encoding="utf-8"))
    ran = drift("history", "history.db", "-f", "json")
    assert ran.code == 0
    assert not list(differences(then, json.loads(ran.out)))
    for form in ("text", "csv", "html"):
        assert drift("history", "history.db", "-q", "-o", f"{form}={tmp_path / form}").code == 0
    rows = list(csv.DictReader((tmp_path / "csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) >= len(BATCHES)


def test_a_check_is_added_to_an_old_database(old, check, drift, tmp_path):
    """The sequence goes on from where 0.1.0 left it; images that moved it then do not move it again."""
    database = shutil.copy(old / "history.db", tmp_path / "history.db")
    options = (*SEQUENCE[:-1], database)
    then = json.loads((HERE / "history.json").read_text(encoding="utf-8"))["checks"]
    known = check("properties", "batches/bright", *options).result["sequence"]
    assert (known["e_value"], known["checks"]) == (None, len(then))
    assert known["value"] == pytest.approx(then[-1]["value"])
    new = check("properties", "batches/dim", "--limit", 12, *options).result["sequence"]
    assert (new["checks"], new["value"] > known["value"]) == (len(then) + 1, True)
    now = json.loads(drift("history", database, "-f", "json").out)["checks"]
    assert [entry["verdict"] for entry in now] == [*(entry["verdict"] for entry in then), "drift", "drift"]
