"""A room's file names are its kinds; listing them imports nothing, loading one imports one file."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path


@cache
def kinds(room: str) -> tuple[str, ...]:
    """Names of the kinds in `driftcli/<room>/`, sorted; files that start with `_` and `base` are none."""
    folder = Path(__file__).parents[1] / room
    names = (file.stem for file in folder.glob("*.py"))
    return tuple(sorted(name for name in names if not name.startswith("_") and name != "base"))


def load(room: str, kind: str) -> type:
    """The class of one kind: `autoencoder` in `extractors` is `driftcli.extractors.autoencoder.Autoencoder`.

    Raises KeyError for a kind that the room does not have.
    """
    if kind not in kinds(room):
        raise KeyError(f"{kind!r} is none of the {room}: {', '.join(kinds(room))}")
    module = import_module(f"driftcli.{room}.{kind}")
    name = "".join(part.capitalize() for part in kind.split("_"))
    found: type = getattr(module, name)
    return found
