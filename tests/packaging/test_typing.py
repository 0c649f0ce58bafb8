"""The installed package is typed: mypy, knowing nothing but the wheel, accepts what is right and nothing else."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
import sysconfig
import textwrap
import venv
from pathlib import Path

import pytest

import driftcli

ROOT = Path(__file__).parents[2]
CODE = ROOT / "tests" / "typing"
DOCUMENTED = [
    name for name in driftcli.__all__ if "Example:" in (inspect.getdoc(getattr(driftcli, name)) or "")
]


def _examples() -> str:
    """The worked examples of all public names, one function each."""
    parts = []
    for name in DOCUMENTED:
        code = textwrap.dedent(inspect.getdoc(getattr(driftcli, name)).split("Example:\n")[1])
        ast.parse(code)
        parts.append(f"def _of_{name}() -> None:\n{textwrap.indent(code, '    ')}")
    return "\n\n".join(parts)


@pytest.fixture(scope="session")
def checked(wheel, tmp_path_factory):
    """What mypy says of all three files, and whose files it read: one run, in an environment of the wheel alone."""
    place = tmp_path_factory.mktemp("typing")
    environment = place / "env"
    venv.create(environment, with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    for file in ("accepted.py", "refused.py"):
        (place / file).write_text((CODE / file).read_text(encoding="utf-8"), encoding="utf-8")
    (place / "examples.py").write_text(_examples(), encoding="utf-8")
    mypy = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        "",
        "--verbose",
        "--hide-error-context",
    ]
    mypy += ["--cache-dir", str(place / "cache"), "--python-executable", str(environment / "bin" / "python")]
    clean = {name: text for name, text in os.environ.items() if name not in {"PYTHONPATH", "MYPYPATH"}}
    ran = subprocess.run(
        [*mypy, "accepted.py", "refused.py", "examples.py"], cwd=place, env=clean, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stderr[-2000:]
    return site, ran.stdout, ran.stderr


def _errors(said: str, file: str) -> dict[int, set[str]]:
    """Line -> the codes of its errors."""
    found: dict[int, set[str]] = {}
    for line, code in re.findall(rf"^{file}:(\d+): error: .*\[([\w-]+)\]$", said, re.MULTILINE):
        found.setdefault(int(line), set()).add(code)
    return found


def test_the_installed_copy_is_what_was_checked(checked):
    site, _, log = checked
    read = set(re.findall(r"Parsing (\S+__init__\.py) \(driftcli\)", log))
    assert read == {str(site / "driftcli" / "__init__.py")}


@pytest.mark.parametrize("file", ["accepted.py", "examples.py"])
def test_what_is_right_is_accepted(checked, file):
    _, said, _ = checked
    assert [line for line in said.splitlines() if line.startswith(file)] == []


def test_what_is_wrong_is_refused(checked):
    """Every marked line for its reason, and no other line."""
    _, said, _ = checked
    lines = (CODE / "refused.py").read_text(encoding="utf-8").splitlines()
    marked = {
        number: {code[1]}
        for number, line in enumerate(lines, 1)
        if (code := re.search(r"# refused: ([\w-]+)$", line))
    }
    assert len(marked) > 20
    assert _errors(said, "refused.py") == marked


def test_examples_are_there_to_be_checked():
    """Of every function, and of the classes that are used by hand."""
    functions = {name for name in driftcli.__all__ if inspect.isfunction(getattr(driftcli, name))}
    assert set(DOCUMENTED) >= functions | {"Report", "Progress"}
