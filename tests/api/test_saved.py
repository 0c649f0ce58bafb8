"""`history`, `acknowledge` and `inspect` from Python return what their commands show."""

from __future__ import annotations

import pytest

import driftcli
from driftcli.check_history import record
from driftcli.config.settings import Settings
from tests.reports import samples


@pytest.fixture
def file(tmp_path):
    """A history of one check."""
    path = tmp_path / "drift.db"
    settings = Settings.model_validate({"history": {"file": str(path), "group": "east"}})
    record.record(samples.passing(), settings)
    return path


def test_history_returns_past_checks(file):
    past = driftcli.history(file, group="east")
    assert isinstance(past, driftcli.Past)
    assert [check.verdict for check in past.checks] == ["pass"]
    assert past.chosen.group == "east"


def test_history_refuses_what_the_command_refuses(file, tmp_path):
    with pytest.raises(driftcli.UsageError, match="has no group"):
        driftcli.history(file, group="west")
    with pytest.raises(driftcli.NotAuditedError, match="no checks in this period"):
        driftcli.history(file, since="2999-01-01")
    with pytest.raises(driftcli.NotAuditedError):
        driftcli.history(tmp_path / "none.db")


def test_history_shows_the_newest_thirty_like_the_command(file, monkeypatch):
    from driftcli.check_history import read

    asked = []
    whole = read.read
    monkeypatch.setattr(read, "read", lambda *args, **more: asked.append(more) or whole(*args, **more))
    driftcli.history(file)
    assert asked == [{"group": None, "baseline": None, "since": None, "limit": 30}]


def test_acknowledging_where_there_is_no_alarm_ends_none(file):
    assert driftcli.acknowledge(file, "looked at") == ()


def test_inspect_tells_of_an_artifact(world):
    account = driftcli.inspect(world.ref)
    assert isinstance(account, driftcli.Account)
    assert account.ok
    assert account.baselines
    with pytest.raises(driftcli.ArtifactError):
        driftcli.inspect(world.ref / "nowhere")


def test_a_damaged_artifact_is_told_of(copied):
    """Not raised: the account says which file it is."""
    victim = next(copied.glob("*.safetensors"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    account = driftcli.inspect(copied)
    assert not account.ok
    assert [file.name for file in account.files if not file.ok] == [victim.name]
