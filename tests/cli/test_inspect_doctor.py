"""`inspect` and `doctor` read; they judge an artifact by its manifest and checksums."""

from __future__ import annotations

import json
import re
import sys
import types
from dataclasses import dataclass

import pytest

import driftcli
import driftcli.artifact
from driftcli.cli import _findings, doctor
from driftcli.core.errors import ArtifactError, UsageError


@dataclass
class Check:
    name: str
    role: str
    bytes: int
    ok: bool
    problem: str


@dataclass
class Artifact:
    manifest: dict
    digest: str
    checks: tuple

    def verify(self):
        return self.checks


MANIFEST = {
    "schema_version": "1.0",
    "kind": "driftcli-reference",
    "settings": {"decode": {"crop": "0,0,1,0.5"}, "extractors": {"methods": ["properties"]}},
    "baselines": {"default": {"images": 600}, "night\x1b[2J": {"images": 40}},
    "files": [],
}


@pytest.fixture
def store(monkeypatch, tmp_path):
    """A folder with a manifest, and a reader that offers `held`."""
    (tmp_path / "manifest.json").write_text("{}")
    held = Artifact(MANIFEST, "e" * 64, (Check("reference-ab.safetensors", "reference", 1000, True, ""),))
    module = types.ModuleType("driftcli.artifact.store")
    module.read = lambda _path, _expected=None: held
    monkeypatch.setattr(driftcli.artifact, "store", module, raising=False)
    monkeypatch.setitem(sys.modules, "driftcli.artifact.store", module)
    monkeypatch.setattr(driftcli, "artifact", module, raising=False)
    module.held = held
    return module


def test_inspect_says_what_it_is(main, store, tmp_path):
    """In words; names spelt out."""
    ran = main("inspect", str(tmp_path))
    assert ran.code == 0
    assert re.search(r"^  baseline +default: 600 images", ran.out, re.MULTILINE)
    assert re.search(r"^  baseline +night\\x1b\[2J: 40 images", ran.out, re.MULTILINE)
    assert re.search(r"^  pictures +none$", ran.out, re.MULTILINE)
    assert re.search(r"^  decode\.crop +0,0,1,0\.5$", ran.out, re.MULTILINE)
    store.held.checks = (Check("t", "thumbnails-default", 9, True, ""),)
    assert re.search(r"^  pictures +thumbnails", main("inspect", str(tmp_path)).out, re.MULTILINE)


@pytest.mark.usefixtures("store")
def test_inspect_as_json(main, tmp_path):
    found = json.loads(main("inspect", str(tmp_path), "-f", "json").out)
    assert found["digest"] == "e" * 64
    assert found["holds_images"] is False
    assert found["files"][0]["ok"] is True
    assert found["baselines"]["default"]["images"] == 600


def test_inspect_of_a_damaged_artifact_is_3(main, store, tmp_path):
    store.held.checks = (Check("a.safetensors", "reference", 5, False, "checksum differs"),)
    ran = main("inspect", str(tmp_path))
    assert ran.code == 3
    assert "DAMAGED: checksum differs" in ran.out
    assert "error: " in ran.err


@pytest.mark.usefixtures("store")
def test_show_config_says_what_the_artifact_decides(main, tmp_path):
    """Pixels become numbers as they did when the artifact was made."""
    out = main("check", str(tmp_path), "x", "--show-config").out
    assert 'decode.crop="0,0,1,0.5"' in out
    assert out.split('decode.crop="0,0,1,0.5"')[1].split("\n")[0].strip() == "# artifact"


def test_doctor_judges_baselines_by_the_batches_they_are_good_for(main, store, tmp_path):
    """20 times the batch: 600 images are good for 30, 40 for none that is audited."""
    states = [(one.state, one.text.split(": ", 1)[1]) for one in _findings.artifact(str(tmp_path))]
    assert states[0] == (
        "ok",
        "baseline default: 600 images, adequate for batches of up to 30 images; for 50 give 1,000",
    )
    assert states[1][0] == "warning"
    asked = [one for size in (30, 31) for one in _findings.artifact(str(tmp_path), size)][::2]
    assert [one.state for one in asked] == ["ok", "warning"]
    assert asked[1].text.endswith("adequate for batches of up to 30 images; for 31 give 620")
    assert "31 give 620" in main("doctor", str(tmp_path), "--batch-size", "31").out
    store.held.manifest = {**MANIFEST, "baselines": {}}
    assert [one.code for one in _findings.artifact(str(tmp_path))] == [3]


def test_a_look_never_raises():
    def usage():
        raise UsageError("no weights", "get them")

    def broken():
        raise ArtifactError("broken", "fit")

    def bug():
        raise RuntimeError

    found = [one for each in (usage, broken, bug) for one in _findings.look("x", each)]
    assert [one.code for one in found] == [2, 3, 4]
    assert doctor._worst(one.code for one in found) == 4
    assert doctor._worst(one.code for one in found[:2]) == 2
    assert doctor._worst([]) == 0


def test_doctor_returns_the_worst_it_found(main, monkeypatch):
    """Findings on standard output, the code for scripts."""
    for look in ("devices", "weights", "workers"):
        monkeypatch.setattr(_findings, look, lambda _settings: [])
    ran = main("doctor")
    assert (ran.code, ran.err) == (0, "")
    assert "python" in ran.out
    monkeypatch.setattr(
        _findings, "weights", lambda _: [_findings.Finding("error", "weights", "none", "get\x1b some", 2)]
    )
    ran = main("doctor", "-q")
    assert ran.code == 2
    assert "hint: get\\x1b some" in ran.out
    assert json.loads(main("doctor", "-f", "json").out)[-1]["code"] == 2
