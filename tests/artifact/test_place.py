"""Where an artifact may be made: never over another one unasked, never over anybody's files."""

from __future__ import annotations

import json
import os

import pytest

from driftcli.artifact import store
from driftcli.core.errors import ArtifactError, InternalError, UsageError
from tests.artifact.support import build, dead_pid, listing, state, together

SHA = "0123456789abcdef" * 4


@pytest.fixture
def path(tmp_path):
    build(tmp_path / "a", roles=("embedding",))
    return tmp_path / "a"


def test_an_artifact_needs_force(path):
    digest = store.read(path).digest
    with pytest.raises(UsageError, match="exists") as caught, store.writing(path, create=True):
        pass
    assert "--force" in caught.value.hint
    with pytest.raises(UsageError, match="exists"):
        store.check_output(path)
    store.check_output(path, force=True)
    assert store.exists(path)
    assert store.read(path).digest == digest


def test_force_keeps_the_old_one_until_the_new_one_is_complete(path):
    with store.writing(path, create=True, force=True) as draft:
        assert draft.document == {}
        draft.put("detectors", state(9))
        old = store.read(path)
        assert old.verify()[0].ok
        assert old.manifest["version"] == "old"
    assert list(store.read(path).files) == ["detectors"]
    assert [(check.role, check.ok) for check in old.verify()] == [("embedding", True)], "still being read"


@pytest.mark.parametrize("damage", [b"{", b'{"schema_version": "9.0", "kind": "x", "files": []}'])
def test_force_replaces_a_damaged_or_newer_artifact(path, damage):
    (path / "manifest.json").write_bytes(damage)
    assert store.exists(path)
    with pytest.raises(UsageError, match="exists"):
        store.check_output(path)
    build(path, "fresh")
    assert store.read(path).manifest["version"] == "fresh"


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "names",
    [["holiday.jpg"], ["manifest.json", "index.html"], [f"vit-{SHA[:16]}.safetensors"], ["manifest.json"]],
)
def test_a_foreign_folder_is_refused_and_untouched(tmp_path, names, force):
    """A web application's manifest, a store of other models, photographs."""
    for name in names:
        (tmp_path / name).write_text('{"name": "my web app"}')
    with pytest.raises(UsageError, match="other files"), store.writing(tmp_path, create=True, force=force):
        pass
    with pytest.raises(UsageError, match="other files"):
        store.check_output(tmp_path, force=force)
    assert listing(tmp_path) == set(names)
    assert not store.exists(tmp_path)


def test_what_an_interrupted_first_writer_leaves_is_no_obstacle(tmp_path):
    (tmp_path / ".lock").write_text(
        json.dumps({"host": os.uname().nodename, "namespace": "", "pid": dead_pid()})
    )
    os.utime(tmp_path / ".lock", (1, 1))
    (tmp_path / f"embedding-{SHA[:16]}.safetensors").write_bytes(b"x")
    (tmp_path / f".tmp-{SHA[:32]}.tmp").write_bytes(b"x")
    with store.writing(tmp_path, create=True) as draft:
        draft.put("detectors", state())
    assert listing(tmp_path) == {"manifest.json", next(tmp_path.glob("detectors-*")).name}


def test_another_kind_is_refused(tmp_path):
    with store.writing(tmp_path / "a", create=True, kind="driftcli-profile"):
        pass
    with (
        pytest.raises(ArtifactError, match="driftcli-profile, not a driftcli-reference"),
        store.writing(tmp_path / "a"),
    ):
        pass


def test_a_place_that_cannot_be_written_is_noticed_early(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InternalError, match="cannot write"):
        store.check_output(tmp_path / "x" / "y")


def test_one_of_two_first_writers_wins(tmp_path):
    def makes():
        try:
            with store.writing(tmp_path / "a", create=True) as draft:
                draft.put("embedding", state(os.getpid()))
        except UsageError as error:
            return error.exit_code
        return 0

    for _ in range(5):
        assert sorted(together([makes, makes, makes])) == [0, 2, 2]
        assert store.read(tmp_path / "a").verify()[0].ok
        for entry in (tmp_path / "a").iterdir():
            entry.unlink()
