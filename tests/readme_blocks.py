"""What README says of the code, generated from it: options, settings, pixel modes, what each part sees and misses.

A block stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`. `tests/test_readme.py` compares;
`DRIFTCLI_UPDATE_README=1 pytest tests/test_readme.py` writes them anew.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
import yaml

from driftcli.cli._forms import SHOWN
from driftcli.cli.app import app
from driftcli.config.settings import Settings
from driftcli.core import registry
from driftcli.extractors import base as extractors
from driftcli.sources.decoding import modes as _modes

ROOT = Path(__file__).parents[1]


def updated(text: str) -> str:
    """README with every block as the code says."""
    for name, block in BLOCKS.items():
        pattern = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
        assert len(pattern.findall(text)) == 1, f"README needs the markers of {name} once"
        body = block()
        text = pattern.sub(lambda found, body=body: f"{found[1]}\n{body}\n{found[2]}", text)
    return text


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
    """Family by family: where its numbers come from, how they are tested, its say."""
    chosen = Settings().families
    rows = [
        (f"`{name}`", f"`{extractor}`", view.detector, getattr(chosen, name).gate)
        for name, (extractor, view) in extractors.families().items()
    ]
    return _table(("family", "extractor", "detector", "gate"), rows)


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
    """The commands, then every option once, with the commands that take it."""
    commands: Mapping[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    verbs, takers = [], {}
    for name, command in commands.items():
        words = " ".join(param.metavar for param in command.params if param.param_type_name == "argument")
        verbs.append((f"`driftcli {name} {words}".rstrip() + "`", " ".join((command.help or "").split())))
        for param in command.params:
            if param.param_type_name != "argument" and param.name != "help":
                takers.setdefault(_row(param), []).append(name)
    rows = [
        (spelling, "all" if len(names) == len(commands) else ", ".join(names), about)
        for (spelling, about), names in sorted(takers.items(), key=lambda row: len(row[1]) == len(commands))
    ]
    return f"{_table(('command', ''), verbs)}\n{_table(('option', 'of', ''), rows)}"


def _row(param: Any) -> tuple[str, str]:
    spelling = ", ".join(f"`{name}`" for name in param.opts)
    return f"{spelling} {f'`{param.metavar}`' if param.metavar else ''}".strip(), param.help


def settings() -> str:
    """Every key with its default and the comment that configs/default.yaml has above it."""
    rows, path, note = [], [], ""
    for line in (ROOT / "configs" / "default.yaml").read_text(encoding="utf-8").splitlines():
        bare = line.strip()
        if not bare or bare.startswith("#"):
            note = f"{note} {bare.removeprefix('#').strip()}".strip() if bare else ""
            continue
        key, _, value = bare.partition(":")
        path = [*path[: (len(line) - len(line.lstrip())) // 2], key]
        if value.strip():
            rows.append((f"`{'.'.join(path)}`", f"`{value.strip()}`", note))
        note = ""
    assert len(rows) == _leaves(yaml.safe_load((ROOT / "configs" / "default.yaml").read_text()))
    return _table(("key", "default", ""), rows)


def corruptions() -> str:
    """What `simulate` can do to an image: by class, in physical units."""
    found = sorted(
        (kind.belongs, name, kind)
        for name, kind in (
            (name, registry.load("corruptions", name)) for name in registry.kinds("corruptions")
        )
    )
    rows = [
        (belongs, f"`{name}`", kind.unit, *(f"{amount:g}" for amount in kind.amounts))
        for belongs, name, kind in found
    ]
    return _table(("class", "corruption", "unit", "1", "2", "3", "4", "5"), rows)


def formats() -> str:
    """Every format of a report: where it can go, and what it is for, in its module's words."""
    rows = []
    for name in registry.kinds("reports"):
        doc = inspect.getdoc(inspect.getmodule(registry.load("reports", name))) or ""
        rows.append((f"`{name}`", "`-f`, `-o`" if name in SHOWN else "`-o`", doc.splitlines()[0]))
    return _table(("format", "", ""), rows)


def _leaves(tree: Any) -> int:
    return sum(map(_leaves, tree.values())) if isinstance(tree, dict) and tree else 1


BLOCKS: Mapping[str, Callable[[], str]] = {
    "families": families,
    "sees": sees,
    "modes": modes,
    "options": options,
    "settings": settings,
    "corruptions": corruptions,
    "formats": formats,
}
