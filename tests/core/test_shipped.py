"""Files that come with driftcli: found in a checkout and in an installation, by name where the name is bare."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftcli.config.resolve import resolve
from driftcli.core import shipped
from driftcli.core.errors import UsageError

ROOT = Path(__file__).parents[2]


def test_in_a_checkout_they_lie_beside_the_package():
    assert shipped.folder("docs") == ROOT / "docs"
    assert shipped.folder("configs") == ROOT / "configs"


def test_in_an_installation_they_lie_inside_the_package(tmp_path, monkeypatch):
    """What else lies in site-packages under that name is not ours."""
    package = tmp_path / "site-packages" / "driftcli"
    (package / "configs").mkdir(parents=True)
    (package.parent / "docs").mkdir()
    monkeypatch.setattr(shipped, "_PACKAGE", package)
    assert shipped.folder("configs") == package / "configs"
    assert shipped.folder("docs") == package / "docs"


def test_every_shipped_configuration_is_known_by_its_name():
    assert list(shipped.configurations()) == sorted(path.stem for path in (ROOT / "configs").glob("*.yaml"))


def test_a_bare_name_is_a_shipped_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    resolved = resolve("inspection")
    assert "patches" in resolved.settings.extractors.methods
    assert resolved.origins["extractors.methods"].startswith(f"{ROOT}/configs/inspection.yaml:")


def test_the_environment_may_name_one_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve(environ={"DRIFTCLI_CONFIG": "fast"}).settings.fit.thumbnails == 0


def test_a_file_of_that_name_goes_first_and_a_folder_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("fast").mkdir()
    assert shipped.configuration("fast") == ROOT / "configs" / "fast.yaml"
    Path("fast").rmdir()
    Path("fast").write_text("seed: 7\n")
    assert resolve("fast").settings.seed == 7


@pytest.mark.parametrize(
    "named", ["./inspection", "inspection.yaml", "configs/inspection", "..", ".", "/inspection"]
)
def test_a_path_stays_a_path(tmp_path, monkeypatch, named):
    """Whatever is shipped under its last part."""
    monkeypatch.chdir(tmp_path)
    assert shipped.configuration(named) == Path(named)
    with pytest.raises(UsageError) as caught:
        resolve(named)
    assert "name a readable YAML file" in caught.value.hint


@pytest.mark.parametrize(("named", "meant"), [("inspektion", "did you mean inspection? "), ("xyzzy", "")])
def test_an_unknown_name_lists_the_shipped_ones(tmp_path, monkeypatch, named, meant):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        resolve(named)
    assert caught.value.what.startswith(f"{named}: no such file")
    assert caught.value.hint == f"{meant}shipped are {', '.join(shipped.configurations())}"
