"""docs/clusters.md is tried: its shell runs, its jobs make profiles that a check takes, and the verdict is the unsharded one."""

from __future__ import annotations

import json
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import yaml
from markdown_it import MarkdownIt

from tests.journey import pictures, succeed
from tests.recipe_shell import Shell

PAGE = Path(__file__).parents[1] / "docs" / "clusters.md"
ONE = {"DRIFTCLI_WORKERS": "1"}
PARTS = 3
"""Shards in place of the page's 64."""


def section(title: str) -> str:
    """What stands below one heading, up to the next."""
    parts = re.split(r"^#+ ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return next(part for part in parts if part.startswith(f"{title}\n"))


def blocks(title: str, language: str) -> list[str]:
    """The fenced blocks of one language below one heading."""
    return [
        token.content
        for token in MarkdownIt().parse(section(title))
        if token.type == "fence" and token.info == language
    ]


@pytest.fixture(scope="module")
def place(tmp_path_factory, world) -> Path:
    """A folder with all that the page names, and nothing else."""
    folder = tmp_path_factory.mktemp("clusters")
    (folder / "ref").symlink_to(world.ref)
    pictures(folder / "images" / "today", 24, 71)
    for seed, day in enumerate(("mon", "tue"), 72):
        pictures(folder / "good" / day, 20, seed)
    (folder / "parts").mkdir()
    return folder


@pytest.fixture
def shell(tmp_path) -> Iterator[Shell]:
    made = Shell(tmp_path / "shell")
    yield made
    made.close()


@pytest.fixture(scope="module")
def expected(place) -> dict:
    """The unsharded verdict."""
    succeed("check", place / "ref", place / "images", "-q", "--workers", 1, "-o", f"json={place}/whole.json")
    return told(place / "whole.json")


def told(path: Path) -> dict:
    """What a result says, whatever the folder that its images were named by."""
    result = json.loads(path.read_text(encoding="utf-8"))
    images = [{**one, "path": one["path"].rpartition("images/")[2]} for one in result["images"]]
    return {"images": images} | {key: result[key] for key in ("verdict", "gate", "families", "ledger")}


def runs(shell: Shell, place: Path, command: list[str], **environ: str) -> None:
    ran = shell.run(command, place, {**ONE, **environ})
    assert (ran.returncode, ran.stderr.count("error")) == (0, 0), ran.stderr


def here(text: str, place: Path) -> str:
    """With fewer shards, then with the page's absolute folders in `place`, whose own name may hold a 64."""
    text = (
        text.replace("/64", f"/{PARTS}").replace("64.", ".").replace("range(1, 65)", f"range(1, {PARTS + 1})")
    )
    text = re.sub(r"(?<![\w.])/(?:data/)?(images|ref|parts|results)\b", rf"{place}/\1", text)
    return re.sub(r"/data/(result\.json)", rf"{place}/\1", text)


def forget(place: Path) -> None:
    for path in (place / "parts").iterdir():
        path.unlink()


@pytest.mark.usefixtures("quick")
def test_profiles_stand_for_images(shell, place, tmp_path, copied):
    """The page's first blocks, on an artifact of their own, since one of them makes a baseline."""
    for name in ("images", "good"):
        (tmp_path / name).symlink_to(place / name)
    (tmp_path / "ref").symlink_to(copied)
    for block in blocks("A profile stands for images", "sh"):
        runs(shell, tmp_path, ["sh", "-ec", block])


def test_two_shards(shell, place, expected):
    (block,) = blocks("Shards", "sh")
    runs(shell, place, ["sh", "-ec", block.rstrip() + " -o json=sharded.json\n"])
    assert told(place / "sharded.json") == expected


def test_slurms_array(shell, place, expected):
    """Its script for every number of the array; then the line that waits for it."""
    (script,) = blocks("Slurm", "bash")
    assert "--array=1-64 " in script
    forget(place)
    for number in range(1, PARTS + 1):
        runs(shell, place, ["bash", "-ec", here(script, place)], SLURM_ARRAY_TASK_ID=str(number))
    (check,) = re.findall(r"`(driftcli check[^`]*)`", section("Slurm"))
    runs(shell, place, ["sh", "-ec", here(check, place)])
    assert told(place / "result.json") == expected


def test_kubernetes_indexed_job(shell, place, expected):
    """Every index makes its shard, and writes only where something is mounted that it may write to."""
    (text,) = blocks("Kubernetes", "yaml")
    job = yaml.safe_load(text)["spec"]
    assert (job["completionMode"], job["completions"]) == ("Indexed", 64)
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {one["mountPath"]: one.get("readOnly", False) for one in container["volumeMounts"]}
    assert mounts == {"/images": True, "/ref": True, "/parts": False}
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
    forget(place)
    for index in range(PARTS):
        words = [*container["command"], *(here(arg, place) for arg in container["args"])]
        runs(shell, place, words, JOB_COMPLETION_INDEX=str(index))
    parts = sorted(str(path) for path in (place / "parts").iterdir())
    assert len(parts) == PARTS
    runs(shell, place, ["driftcli", "check", "ref", *parts, "-o", "json=indexed.json"])
    assert told(place / "indexed.json") == expected


def test_airflows_mapped_task(shell, place, expected, monkeypatch, tmp_path):
    """Airflow itself is not here: its decorators are stand-ins that keep what each task would run."""
    commands: list[str] = []

    class Task:
        def __init__(self, function):
            self.function = function

        def __call__(self, **given):
            commands.append(self.function(**given))
            return self

        def expand(self, number):
            for one in number:
                self(number=one)
            return self

        def __rshift__(self, other):
            return other

    sdk = ModuleType("airflow.sdk")
    sdk.dag, sdk.task = lambda **_: lambda function: function, SimpleNamespace(bash=lambda **_: Task)
    monkeypatch.setitem(sys.modules, "airflow", ModuleType("airflow"))
    monkeypatch.setitem(sys.modules, "airflow.sdk", sdk)
    (text,) = blocks("Airflow", "python")
    (tmp_path / "page.py").write_text(here(text, place))
    runpy.run_path(str(tmp_path / "page.py"))
    forget(place)
    (place / "results").mkdir()
    assert len(commands) == PARTS + 1
    for command in commands:
        runs(shell, place, ["bash", "-ec", command.replace("{{ ds }}", "2026-11-28")])
    assert told(place / "results" / "2026-11-28.json") == expected
