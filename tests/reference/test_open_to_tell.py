"""An artifact that is only told of: the same extractors, families and baselines as when it is opened for a check."""

import json
import shutil
from pathlib import Path

import pytest

from driftcli.artifact import store
from driftcli.audit import inspection
from driftcli.config.settings import Settings
from driftcli.reference import reference

FIXTURES = Path(__file__).parents[1] / "fixtures" / "0.1.0"
KINDS = sorted(path.parent.name for path in FIXTURES.glob("*/manifest.json"))


@pytest.mark.parametrize("name", KINDS)
def test_it_is_what_a_check_opens(name):
    path = str(FIXTURES / name)
    artifact, whole = reference.open_reference(path, Settings(), ())
    told = reference.open_to_tell(store.read(path))
    assert told.extractors == whole.extractors
    for baseline in artifact.manifest["baselines"]:
        ours, theirs = (reference.open_baseline(artifact, r, baseline, path) for r in (told, whole))
        assert [(f.name, f.gate, f.detector, f.columns) for f in ours.families] == [
            (f.name, f.gate, f.detector, f.columns) for f in theirs.families
        ]


def test_settings_that_are_not_understood_are_the_reason_that_there_are_no_figures(tmp_path):
    path = tmp_path / "ref"
    shutil.copytree(FIXTURES / "properties", path)
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["settings"]["extractors"]["properties"]["sides"] = 256
    (path / "manifest.json").write_text(json.dumps(manifest))
    account = inspection.take(path, store.read(path))
    assert [one.reason.partition("(")[0] for one in account.baselines] == [
        f"{path}: the manifest's settings are not understood "
    ] * len(account.baselines)
    assert account.baselines
