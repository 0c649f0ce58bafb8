"""A classifier's classes as a user names them: on the command line, or in a text file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name
from driftcli.reading._answers import listed

if TYPE_CHECKING:
    from driftcli.config.settings import Settings

LARGEST = 4 << 20
"""Bytes of a list of names."""


def named_by_user(settings: Settings) -> tuple[str, ...]:
    """The classes that `--classes` names, or that the text file it names holds, one a line; () where nobody named any.

    Raises UsageError for a file that cannot be read, and names that are there twice.
    """
    names = settings.predictions.classes
    if len(names) == 1 and names[0].endswith(".txt"):
        names = _lines(names[0])
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise UsageError(
            f"--classes: {listed(twice)} is there twice", "name every class once, in the order of the outputs"
        )
    return tuple(names)


def _lines(file: str) -> tuple[str, ...]:
    try:
        with Path(file).open("rb") as opened:
            text = opened.read(LARGEST).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(
            f"--classes {safe_name(file)} cannot be read: {said}", "name a text file with a class a line"
        ) from error
    found = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not found:
        raise UsageError(f"--classes {safe_name(file)} is empty", "write a class a line")
    return found
