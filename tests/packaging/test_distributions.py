"""What is published: the wheel runs away from the checkout, and the source distribution makes the same wheel."""

from __future__ import annotations

import re
import tarfile
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _in_wheel(wheel):
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def _in_sdist(sdist):
    with tarfile.open(sdist) as archive:
        return {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}


def _of(*folders, suffixes=("",)):
    """Files of the checkout that git would keep, without what running it leaves behind."""
    return {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
        and path.name.endswith(suffixes)
        and "__pycache__" not in path.parts
        and not path.is_relative_to(ROOT / "sample_data" / "images")
    }


# ---------------------------------------------------------------- what is in them


def test_the_wheel_is_the_package_the_manual_and_the_configurations(wheel):
    """All of them, and nothing else: no tests, no images, no caches."""
    shipped = {f"driftcli/{name}" for name in _of("docs", "configs")}
    assert _in_wheel(wheel) == _of("driftcli") | shipped


def test_the_sdist_is_the_checkout(sdist):
    kept = _of(".ci", ".github", "configs", "docs", "driftcli", "sample_data", "tests")
    root = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "pyproject.toml"}
    assert _in_sdist(sdist) == kept | root | {".gitignore", "PKG-INFO"}


def test_the_sdist_makes_the_same_wheel(sdist, wheel, built, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    again = built("wheel", tree, tmp_path)
    assert again.name == wheel.name
    assert _in_wheel(again) == _in_wheel(wheel)


def test_the_metadata_is_the_projects(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = message_from_string(archive.read(name).decode())
    assert metadata["Version"] == PROJECT["version"]
    assert metadata["License-Expression"] == "Apache-2.0"
    links = dict(line.split(", ", 1) for line in metadata.get_all("Project-URL"))
    assert links == PROJECT["urls"]
    assert metadata.get_payload() == (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_classifiers_are_the_pythons_that_ci_runs():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    (matrix,) = re.findall(r"python: \[(.*)\]", workflow)
    tried = re.findall(r'"([\d.]+)"', matrix)
    named = re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)
    assert named == tried
    assert PROJECT["requires-python"] == f">={tried[0]}"


# ---------------------------------------------------------------- the wheel, away from the checkout


def test_it_is_the_installed_one_that_runs(installed):
    ran = installed.python("-c", "import driftcli; print(driftcli.__file__)")
    assert Path(ran.stdout.strip()).is_relative_to(installed.site)


def test_the_version(installed):
    ran = installed.run("--version")
    assert (ran.returncode, ran.stdout) == (0, f"driftcli {PROJECT['version']}\n")


def test_the_manual_is_read_offline(installed):
    listed = installed.run("help")
    assert listed.returncode == 0
    for page in (ROOT / "docs").glob("*.md"):
        if page.name != "README.md":
            assert f"\n  {page.stem} " in listed.stdout
    shown = installed.run("help", "exit-codes")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")


def test_shipped_configurations_are_found_by_name(installed):
    ran = installed.run("doctor", "-c", "inspection", "--show-config")
    assert ran.returncode == 0
    (line,) = (line for line in ran.stdout.splitlines() if line.startswith("extractors.methods="))
    assert "patches" in line
    assert f"{installed.site}/driftcli/configs/inspection.yaml:" in line


def test_a_package_without_its_files_says_so(installed, tmp_path):
    """Someone copied the code alone."""
    code = "import sys; from driftcli.core import shipped; shipped._PACKAGE = __import__('pathlib').Path(sys.argv[1]);"
    code += "from driftcli.cli import app; sys.exit(app.run(['help', 'limits']))"
    ran = installed.python("-c", code, str(tmp_path))
    assert ran.returncode == 4
    assert ran.stderr.startswith("error: the manual did not come with this installation")
