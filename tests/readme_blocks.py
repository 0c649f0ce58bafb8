"""What README and docs/ say of the code, generated from it: options, settings, what each part sees and misses.

A block stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->` in one of the pages. `tests/test_readme.py`
compares; `python -m tests.readme_blocks` writes them, and `configs/default.yaml`, anew.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import typer
import yaml

from driftcli.cli._forms import SHOWN
from driftcli.cli.app import app
from driftcli.config.settings import Settings
from driftcli.core import registry
from driftcli.core.shipped import configurations
from driftcli.extractors import base as extractors
from driftcli.sources.decoding import modes as _modes
from tests.config.config_file import HEAD, TARGET, default_yaml

ROOT = Path(__file__).parents[1]


def pages() -> list[Path]:
    """README and every page of the manual."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def updated(text: str) -> str:
    """A page with each of its blocks as the code says. Raises KeyError for a block that nothing generates."""

    def block(found: re.Match[str]) -> str:
        return f"{found[1]}\n{BLOCKS[found[2]]()}\n{found[3]}"

    return re.sub(r"(<!-- (\w+):begin -->\n).*?(<!-- \2:end -->)", block, text, flags=re.DOTALL)


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def said(kind: type, topic: str) -> str:
    """A topic of a docstring ("What it sees") in one line."""
    doc = inspect.getdoc(kind) or ""
    found = re.search(rf"^{topic}:\s*(.*?)(?=\n\s*\n|\n[A-Z][\w ]*:|\Z)", doc, re.DOTALL | re.MULTILINE)
    assert found, f"{kind.__name__} does not say {topic!r}"
    return " ".join(found[1].split())


def families() -> str:
    """Family by family: where its numbers come from, how they are tested, its say and what that counts."""
    chosen = Settings().families
    rows = [
        (f"`{name}`", f"`{extractor}`", view.detector, getattr(chosen, name).gate, f"{view.weight:g}")
        for name, (extractor, view) in extractors.families().items()
    ]
    return _table(("family", "extractor", "detector", "gate", "weight"), rows)


def sees() -> str:
    """What every extractor and detector sees and misses, in its own words."""
    used = [view.detector for _, view in extractors.families().values()]
    detectors = dict.fromkeys([*used, *registry.kinds("detectors")])
    parts = {**extractors.kinds(), **{name: registry.load("detectors", name) for name in detectors}}
    rows = [
        (f"`{name}`", said(kind, "What it sees"), said(kind, "What it misses"))
        for name, kind in parts.items()
    ]
    return _table(("", "sees", "misses"), rows)


def modes() -> str:
    """The table of pixel modes, from the module that converts them."""
    lines = (_modes.__doc__ or "").splitlines()
    return "".join(f"{line}\n" for line in lines if line.startswith("|"))


def options() -> str:
    """The commands, then every option once, with the commands that take it; `help` reads no settings."""
    commands: Mapping[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    verbs, takers = [], {}
    for name, command in commands.items():
        words = " ".join(param.metavar for param in command.params if param.param_type_name == "argument")
        verbs.append((f"`driftcli {name} {words}".rstrip() + "`", " ".join((command.help or "").split())))
        for param in command.params:
            if param.param_type_name != "argument" and param.name != "help":
                takers.setdefault(_row(param), []).append(name)
    everybody = set(commands) - {"help"}
    rows = [
        (spelling, _of(names, everybody), about)
        for (spelling, about), names in sorted(takers.items(), key=lambda row: set(row[1]) >= everybody)
    ]
    return f"{_table(('command', ''), verbs)}\n{_table(('option', 'of', ''), rows)}"


def _of(names: list[str], everybody: set[str]) -> str:
    """Commands that take an option, or "all" of those that read settings."""
    if not set(names) >= everybody:
        return ", ".join(names)
    return ", ".join(["all", *sorted(set(names) - everybody)])


def _row(param: Any) -> tuple[str, str]:
    spelling = ", ".join(f"`{name}`" for name in param.opts)
    return f"{spelling} {f'`{param.metavar}`' if param.metavar else ''}".strip(), param.help


def settings() -> str:
    """Every key with its default and the comment that configs/default.yaml has above it."""
    rows, path, note = [], [], ""
    written = (ROOT / "configs" / "default.yaml").read_text(encoding="utf-8").removeprefix(HEAD)
    for line in written.splitlines():
        bare = line.strip()
        if not bare or bare.startswith("#"):
            note = f"{note} {bare.removeprefix('#').strip()}".strip() if bare else ""
            continue
        key, _, value = bare.partition(":")
        path = [*path[: (len(line) - len(line.lstrip())) // 2], key]
        if value.strip():
            rows.append((f"`{'.'.join(path)}`", f"`{value.strip()}`", note))
        note = ""
    assert len(rows) == _leaves(yaml.safe_load(written))
    return _table(("key", "default", ""), rows)


def corruptions() -> str:
    """What `simulate` can do to an image: by class, in physical units."""
    found = sorted(
        (kind.belongs, name, kind)
        for name, kind in (
            (name, registry.load("corruptions", name)) for name in registry.kinds("corruptions")
        )
    )
    rows = []
    for belongs, name, kind in found:
        possible = f"{kind.bounds[0]:g} to {kind.bounds[1]:,.7g}"
        amounts = (f"{amount:g}" for amount in kind.amounts)
        rows.append((belongs, f"`{name}`", kind.unit, *amounts, f"`{kind.symbol}`", possible))
    return _table(("class", "corruption", "unit", "1", "2", "3", "4", "5", "written", "possible"), rows)


def formats() -> str:
    """Every format of a report: where it can go, and what it is for, in its module's words."""
    rows = []
    for name in registry.kinds("reports"):
        doc = inspect.getdoc(inspect.getmodule(registry.load("reports", name))) or ""
        rows.append((f"`{name}`", "`-f`, `-o`" if name in SHOWN else "`-o`", doc.splitlines()[0]))
    return _table(("format", "", ""), rows)


def configs() -> str:
    """Every shipped configuration by name, and the first sentence of the comment at its head."""
    rows = []
    for name, path in configurations().items():
        lines = path.read_text(encoding="utf-8").splitlines()
        comment = takewhile(lambda line: line.startswith("# "), lines)
        text = " ".join(line.removeprefix("# ") for line in comment)
        rows.append((f"`{name}`", re.split(r"(?<=\.) ", text)[0]))
    return _table(("name", ""), rows)


def _leaves(tree: Any) -> int:
    return sum(map(_leaves, tree.values())) if isinstance(tree, dict) and tree else 1


BLOCKS: Mapping[str, Callable[[], str]] = {
    "families": families,
    "sees": sees,
    "modes": modes,
    "options": options,
    "settings": settings,
    "configs": configs,
    "corruptions": corruptions,
    "formats": formats,
}


def write() -> None:
    """`configs/default.yaml` and every generated block, as the code says."""
    TARGET.write_text(default_yaml(), encoding="utf-8")
    for page in pages():
        page.write_text(updated(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()
