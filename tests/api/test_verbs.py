"""The public Python API is the command line's twin."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import driftcli
from driftcli.audit.inconclusive import inconclusive
from driftcli.config.settings import Settings
from driftcli.core.progress import SILENT, Progress
from driftcli.pictures.picture import Gallery

NOTHING = inconclusive(
    driftcli.NotAuditedError("too few", "add some"), artifact=Path("ref"), sources=["x"], settings=Settings()
)


@pytest.fixture
def calls(monkeypatch):
    made = []
    results = {
        "fit": "fitted",
        "baseline": "calibrated",
        "check": NOTHING,
        "check_with_pictures": (NOTHING, Gallery(reason="none")),
    }
    for name, result in results.items():

        def stub(*args, _name=name, _result=result, **more):
            made.append((_name, args, more))
            return _result

        module = "check" if name == "check_with_pictures" else name
        monkeypatch.setattr(f"driftcli.audit.{module}.{name}", stub)
    return made


def test_fit_passes_paths_and_settings(calls):
    assert driftcli.fit(Path("a"), "ref", method="mmd", force=True) == "fitted"
    _, (sources, output, call), more = calls[0]
    assert (sources, output) == (["a"], Path("ref"))
    assert (more, call.progress) == ({"force": True}, SILENT)
    assert call.settings.extractors.methods == ("embedding",)


def test_baseline_takes_several_sources(calls):
    driftcli.baseline("ref", ["a", Path("b")], name="night", drop_seen=True)
    _, (artifact, sources, call), more = calls[0]
    assert (artifact, sources, call.settings) == (Path("ref"), ["a", "b"], Settings())
    assert (more["name"], more["drop_seen"], call.given) == ("night", True, frozenset())


def test_check_takes_the_options_of_the_command_line(calls, monkeypatch):
    """And does not read the environment: what a call does stands in the call."""
    monkeypatch.setenv("DRIFTCLI_ALPHA", "0.2")
    progress = Progress()
    driftcli.check("ref", "today", baseline="night", max_unreadable="10%", seed=3, progress=progress)
    name, (_, _, call), more = calls[0]
    settings = call.settings
    assert (settings.gate.alpha, settings.gate.max_unreadable, settings.seed) == (0.01, 0.1, 3)
    assert (more["baseline"], call.given) == ("night", {"gate.max_unreadable", "seed"})
    assert (name, call.progress) == ("check", progress)


def test_check_returns_a_report_that_shows_itself(calls):
    report = driftcli.check("ref", "today")
    assert isinstance(report, driftcli.Report)
    assert (calls[0][0], report.verdict, report.gallery) == ("check", "inconclusive", None)


def test_check_keeps_the_pictures_it_is_asked_for(calls):
    report = driftcli.check("ref", "today", pictures=True)
    assert (calls[0][0], report.gallery) == ("check_with_pictures", Gallery(reason="none"))


def test_config_names_a_file(calls, tmp_path):
    (tmp_path / "c.yaml").write_text("seed: 9\n")
    driftcli.check("ref", "today", config=tmp_path / "c.yaml")
    assert calls[0][1][2].settings.seed == 9


def test_none_is_not_given(calls):
    driftcli.check("ref", "today", alpha=None, config=None)
    assert calls[0][1][2].given == frozenset()


def test_a_wrong_option_is_a_usage_error(calls):
    with pytest.raises(driftcli.UsageError, match="unknown option 'alfa'") as caught:
        driftcli.check("ref", "today", alfa=0.1)
    assert (caught.value.hint, calls) == ("did you mean 'alpha'?", [])


def test_names():
    assert set(driftcli.__all__) <= set(dir(driftcli))
    assert all(getattr(driftcli, name) for name in driftcli.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        driftcli.nope  # noqa: B018


def test_a_room_does_not_hide_a_function():
    """Importing a package `driftcli.history` would put it in the place of the function of that name."""
    rooms = {path.stem for path in Path(driftcli.__file__).parent.iterdir()}
    assert not rooms & set(driftcli.__all__)


@pytest.mark.parametrize("name", [name for name in driftcli.__all__ if name != "__version__"])
def test_every_public_name_is_documented(name):
    assert len(inspect.getdoc(getattr(driftcli, name))) > 20


@pytest.mark.parametrize(
    "name", [name for name in driftcli.__all__ if inspect.isfunction(getattr(driftcli, name))]
)
def test_help_on_a_function_stands_alone(name):
    """What goes in and comes out, what is raised, and an example that calls it."""
    function = getattr(driftcli, name)
    doc = inspect.getdoc(function)
    for section in ("Args:", "Returns:", "Raises:", "Example:"):
        assert f"\n{section}\n" in doc
    assert f"driftcli.{name}(" in doc.split("Example:")[1]
    arguments = doc.split("Args:")[1].split("Returns:")[0]
    assert [arg for arg in inspect.signature(function).parameters if f"    {arg}: " not in arguments] == [
        "options"
    ] * ("**options: " in arguments)
