"""Files that come with driftcli beside its code: the pages of the manual, and ready-made configurations."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name

_PACKAGE = Path(__file__).parents[1]


def folder(kind: Literal["docs", "configs"]) -> Path:
    """Where the files of one kind lie: inside an installed package, beside it in a checkout.

    The folder need not exist: a package that was copied without its files has none.
    """
    checkout = _PACKAGE.parent
    if not (_PACKAGE / kind).is_dir() and (checkout / "pyproject.toml").is_file():
        return checkout / kind
    return _PACKAGE / kind


def configurations() -> dict[str, Path]:
    """Shipped configuration files by name: `inspection` is `configs/inspection.yaml`. Sorted by name."""
    return {path.stem: path for path in sorted(folder("configs").glob("*.yaml"), key=lambda path: path.stem)}


def configuration(named: str | Path) -> Path:
    """The named file itself, or the shipped one where a bare word (`inspection`) is no file here.

    A word with a separator or a suffix is a path. Raises UsageError for a bare word that is neither.
    """
    path = Path(named)
    is_path = str(named) != path.name or path.suffix or path.name == ".."
    if is_path or (path.exists() and not path.is_dir()):
        return path
    shipped = configurations()
    if path.name in shipped:
        return shipped[path.name]
    close = get_close_matches(path.name, shipped, 1)
    meant = f"did you mean {close[0]}? " if close else ""
    raise UsageError(
        f"{safe_name(path.name)}: no such file, and no configuration of this name comes with driftcli",
        f"{meant}shipped are {', '.join(shipped) or 'none'}",
    )
