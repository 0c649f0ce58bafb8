"""The public Python API is the command line's twin."""

from __future__ import annotations

from pathlib import Path

import pytest

import driftcli
from driftcli.config.settings import Settings


@pytest.fixture
def calls(monkeypatch):
    made = []
    for name in ("fit", "baseline", "check"):
        monkeypatch.setattr(
            f"driftcli.audit.{name}.{name}",
            lambda *args, _name=name, **more: made.append((_name, args, more)) or _name,
        )
    return made


def test_fit_passes_paths_and_settings(calls):
    assert driftcli.fit(Path("a"), "ref", method="mmd", force=True) == "fit"
    _, (sources, output, settings), more = calls[0]
    assert (sources, output, more["force"]) == (["a"], Path("ref"), True)
    assert settings.extractors.methods == ("embedding",)


def test_baseline_takes_several_sources(calls):
    driftcli.baseline("ref", ["a", Path("b")], name="night", drop_seen=True)
    _, (artifact, sources, settings), more = calls[0]
    assert (artifact, sources, settings) == (Path("ref"), ["a", "b"], Settings())
    assert (more["name"], more["drop_seen"], more["given"]) == ("night", True, frozenset())


def test_check_takes_the_options_of_the_command_line(calls, monkeypatch):
    """And does not read the environment: what a call does stands in the call."""
    monkeypatch.setenv("DRIFTCLI_ALPHA", "0.2")
    driftcli.check("ref", "today", baseline="night", max_unreadable="10%", seed=3)
    _, (_, _, settings), more = calls[0]
    assert (settings.gate.alpha, settings.gate.max_unreadable, settings.seed) == (0.01, 0.1, 3)
    assert (more["baseline"], more["given"]) == ("night", {"gate.max_unreadable", "seed"})


def test_config_names_a_file(calls, tmp_path):
    (tmp_path / "c.yaml").write_text("seed: 9\n")
    driftcli.check("ref", "today", config=tmp_path / "c.yaml")
    assert calls[0][1][2].seed == 9


def test_a_wrong_option_is_a_usage_error(calls):
    with pytest.raises(driftcli.UsageError, match="unknown option 'alfa'") as caught:
        driftcli.check("ref", "today", alfa=0.1)
    assert (caught.value.hint, calls) == ("did you mean 'alpha'?", [])


def test_names():
    assert set(driftcli.__all__) <= set(dir(driftcli))
    assert all(getattr(driftcli, name) for name in driftcli.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        driftcli.nope  # noqa: B018
