"""Where `-o` writes to: the format, named or from the suffix, and no input overwritten; checked before anything is read."""

from __future__ import annotations

import glob
import os
import re
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from driftcli.core.errors import InternalError, UsageError
from driftcli.core.files import Refused
from driftcli.core.output import require_folder
from driftcli.core.text import safe_name
from driftcli.sources.decoding.header import sniff
from driftcli.sources.decoding.names import promises_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        ".csv": "csv",
        ".htm": "html",
        ".html": "html",
        ".json": "json",
        ".markdown": "markdown",
        ".md": "markdown",
        ".parquet": "parquet",
        ".pdf": "plot",
        ".png": "plot",
        ".prom": "prometheus",
        ".svg": "plot",
        ".txt": "text",
        ".xml": "junit",
    }
)
"""The format that a file of this name holds where none is named."""
MARK = ".driftcli-report"
"""Lies in every folder that a report was written to: only in such a folder anything is replaced."""
_START = 512
_OTHERS = (
    (b"SQLite format 3\0", 0, "a database"),
    (b"PK\x03\x04", 0, "an archive"),
    (b"\x1f\x8b", 0, "an archive"),
    (b"BZh", 0, "an archive"),
    (b"\xfd7zXZ\0", 0, "an archive"),
    (b"ustar", 257, "an archive"),
    (b"{", 8, "a profile"),  # safetensors: eight bytes of length, then JSON
)
"""Bytes, where they stand, and what they begin."""
_ROW = re.compile(r"\{\d+\.\.\d+\}")
_NAMED = re.compile(r"(\w*)=(.*)", re.DOTALL)
"""`FORMAT=PATH`; `./a=b.html` and `out/a=b.html` are paths."""


def parsed(text: str, known: Sequence[str], *, folders: Sequence[str] = ()) -> tuple[str, str]:
    """Format and path of one `-o`. Raises UsageError for a format that does not exist or that does not follow.

    `known`: what the command can write; `folders`: those of them that can be folders.
    """
    named = _NAMED.fullmatch(text)
    if named:
        kind, name = named[1], named[2]
        if not (kind and name):
            raise UsageError(
                f"--output {safe_name(text)}: not [FORMAT=]PATH", "for example -o json=result.json"
            )
        require_known(kind, known, "--output")
        return kind, name
    if text in known:
        raise UsageError(f"--output {text}: a format without a path", f"for example -o {_example(text)}")
    found = SUFFIXES.get(Path(text).suffix.lower())
    if found in known and not (text.endswith(("/", os.sep)) or Path(text).is_dir()):
        return str(found), text
    raise UsageError(*_unclear(text, known, folders))


def _unclear(text: str, known: Sequence[str], folders: Sequence[str]) -> tuple[str, str]:
    """Why no format follows from a path, and what to write."""
    shown = safe_name(text)
    if not text:
        return "--output: an empty path", "for example -o report.html"
    if text.endswith(("/", os.sep)) or Path(text).is_dir():
        if not folders:
            return f"--output {shown}: is a folder", "name a file"
        forms = " or ".join(f"-o {kind}={shown}" for kind in folders)
        return f"--output {shown}: several formats can be a folder", forms
    suffix = Path(text).suffix
    why = f"no format follows from {safe_name(suffix)!r}" if suffix else "has no suffix that names its format"
    usual = ", ".join(end for end, kind in SUFFIXES.items() if kind in known)
    return (
        f"--output {shown}: {why}",
        f"name it (FORMAT={shown}, one of {', '.join(known)}), or end in {usual}",
    )


def _example(kind: str) -> str:
    suffix = next((end for end, found in SUFFIXES.items() if found == kind), None)
    return f"{kind}=report{suffix}" if suffix else f"{kind}=report/"


def require_known(kind: str, known: Iterable[str], option: str) -> None:
    """Raise UsageError for a format that the command does not have."""
    if kind not in known:
        close = get_close_matches(kind, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"one of {', '.join(known)}"
        raise UsageError(f"{option}: no format {safe_name(kind)!r}", hint)


def require_file(path: Path, option: str) -> None:
    """Raise UsageError for a folder, or a path below a file, InternalError for one that cannot be written."""
    if path.is_dir():
        raise UsageError(f"{option}: is a folder", "name a file")
    if not path.exists():
        require_folder(path.parent, option)
    elif not os.access(path, os.W_OK):
        raise InternalError(f"{safe_name(str(path))} is not writable", "check permissions")


def require_no_input(
    path: Path, inputs: Iterable[str | None], option: str, *, folder: bool, picture: bool = False
) -> None:
    """Raise UsageError where a report would take the place of what is read, or be read by the next check.

    `inputs`: artifact, sources, and files that settings name. `folder`: the report is a folder, with pictures in it; `picture`: it
    is one, and may replace an older one that is no source.
    """
    from driftcli.artifact.store import exists

    target = path.resolve()
    if not folder and (held := _holds(target)) and not (picture and held == "an image"):
        raise UsageError(f"{option}: is {held}", "name a new file: reports replace reports only")
    for name in inputs:
        if not name:
            continue
        if not Path(name).exists():
            if target.exists() and _matches(target, name):
                raise UsageError(f"{option}: is what the command reads", "name another path")
            continue
        taken, shown = Path(name).resolve(), safe_name(name)
        if taken == target or (target.exists() and taken.samefile(target)):
            raise UsageError(f"{option}: is what the command reads", "name another path")
        if taken in target.parents and (
            folder or (picture and target.exists()) or exists(taken) or (taken / MARK).is_file()
        ):
            raise UsageError(f"{option}: lies in {shown}, which the command reads", "name a path beside it")
        if folder and target in taken.parents:
            raise UsageError(f"{option}: {shown}, which the command reads, lies in it", "name another folder")


def _holds(target: Path) -> str | None:
    """What an existing file is that no report may replace: by its first bytes, or its name; None for reports and new files."""
    if not target.is_file():
        return None
    if promises_image(target.name):
        return "an image"
    try:
        with target.open("rb") as file:
            start = file.read(_START)
    except OSError:
        return None
    try:
        sniff(start)
    except Refused:
        return next((what for magic, at, what in _OTHERS if start[at:].startswith(magic)), None)
    return "an image"


def _matches(target: Path, pattern: str) -> bool:
    """Whether a file is among those that a pattern or a row of shards names."""
    from driftcli.sources.shards import Shards

    if Shards.takes(pattern):
        pattern = _ROW.sub("*", pattern)
    if not glob.has_magic(pattern):
        return False
    return any(target == Path(name).resolve() for name in glob.iglob(pattern, recursive=True))  # noqa: PTH207 - as sources are named
