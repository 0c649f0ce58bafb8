"""CI and releases: what runs is pinned, what may write is named, and a release needs tag = version = changelog."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
USING = [*WORKFLOWS, ROOT / ".github/actions/driftcli/action.yml", ROOT / "configs/recipes/github.yml"]


def _script(name):
    """A script of .ci, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _workflow(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [*USING, ROOT / "docs" / "ci-and-cron.md"], ids=lambda path: path.name)
def test_actions_are_pinned_by_hash_with_their_version_beside_it(path):
    """A tag can be moved. Only driftcli's own action is named by its version, in the example."""
    for line in re.findall(r"uses: (.*)", path.read_text(encoding="utf-8")):
        if "/driftcli/.github/actions/" not in line:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_one_action_has_one_pin():
    pins = {
        tuple(line.split("@"))
        for path in USING
        for line in re.findall(r"uses: (\S+@[0-9a-f]{40})", path.read_text())
    }
    assert len(pins) == len({name for name, _ in pins})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_nothing_else(path):
    """Every job has a limit, no script holds foreign text, and only publishing asks for an identity."""
    workflow = _workflow(path)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 60
        assert job.get("permissions", {}) == ({"id-token": "write"} if name == "publish" else {})
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), name
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"] == {"persist-credentials": False}


@pytest.mark.parametrize("path", sorted((ROOT / ".ci").iterdir()), ids=lambda path: path.name)
def test_scripts_of_ci_are_sound(path):
    if path.suffix == ".py":
        compile(path.read_text(), str(path), "exec")
    elif path.is_file():
        ran = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stderr) == (0, "")


def test_every_job_runs_a_script_or_a_test_that_is_there():
    for path in WORKFLOWS:
        for name in re.findall(r"(?:\.ci|tests)/[\w./]*\w", path.read_text()):
            assert (ROOT / name).exists(), name


def test_dependencies_are_audited_with_every_extra_and_every_morning():
    """What somebody installs, not what the suite needs; a build's own suffix hides no advisory."""
    script = (ROOT / ".ci" / "audit").read_text(encoding="utf-8")
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    named = set(re.search(r"'\.\[(.*)\]'", script)[1].split(","))
    assert named == extras - {"test", "onnx"}  # the latter is empty
    assert "--strict" in script
    steps = {path.stem: _workflow(path)["jobs"].get("audit", {}).get("steps", []) for path in WORKFLOWS}
    for name in ("ci", "audit"):
        assert ".ci/audit" in [step.get("run") for step in steps[name]]
    assert _workflow(ROOT / ".github/workflows/audit.yml")[True]["schedule"]  # YAML takes `on` for true


# ---------------------------------------------------------------- releases


@pytest.fixture(scope="module")
def notes():
    return _script("release").notes


LOG = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-11-27\n\n### Added\n\n- A thing.\n\n## [1.1.0] - 2026-01-01\n\n- Old.\n"


def test_a_release_says_what_its_changelog_says(notes):
    assert notes("v1.2.0", "1.2.0", LOG) == "### Added\n\n- A thing.\n"


@pytest.mark.parametrize(
    ("tag", "version", "log"),
    [
        ("v1.2.0", "1.3.0", LOG),
        ("1.2.0", "1.2.0", LOG),
        ("v1.3.0", "1.3.0", LOG),
        ("v1x2.0", "1x2.0", LOG),
        ("v1.2.0", "1.2.0", LOG.replace(" - 2026-11-27", " - unreleased")),
        ("v1.2.0", "1.2.0", LOG.replace("### Added\n\n- A thing.\n\n", "")),
    ],
    ids=["version", "no-v", "no-heading", "pattern", "no-date", "no-notes"],
)
def test_a_release_that_disagrees_with_itself_is_refused(notes, tag, version, log):
    with pytest.raises(ValueError, match=r"tag is|no dated heading"):
        notes(tag, version, log)


def test_the_release_script_returns_1_for_a_branch():
    ran = subprocess.run(
        [sys.executable, ROOT / ".ci" / "release.py", "main"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("no release: the tag is main")


# ---------------------------------------------------------------- dependencies


def test_lowest_dependencies_are_what_pyproject_allows():
    """Each constraint is the least version that its requirement accepts."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lines = _script("lowest").lowest(wanted)
    for line, requirement in zip(lines, map(Requirement, wanted), strict=True):
        name, _, version = line.partition("==")
        assert name == requirement.name
        assert requirement.specifier.contains(version)
        assert Version(version) == min(Version(part.version) for part in requirement.specifier)


def test_a_dependency_without_a_lower_bound_is_refused():
    with pytest.raises(ValueError, match="no lower bound"):
        _script("lowest").lowest(["rich", "torch>=2"])
