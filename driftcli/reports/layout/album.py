"""Where a page's pictures go: into the page, as long as it stays small, or into files beside it."""

from __future__ import annotations

import hashlib
import io
from base64 import b64encode
from dataclasses import dataclass, field
from typing import NamedTuple

BUDGET = 4_000_000
"""Characters of pictures in one page: the rest of it stays well below 1,000,000, the whole below 5 MB."""
FOLDER = "images"


class Placed(NamedTuple):
    """One picture: where it is, and its size in pixels."""

    address: str
    width: int
    height: int


@dataclass
class Album:
    """Takes pictures (WebP) in the order of their importance and says where each is found."""

    inside: bool
    files: dict[str, bytes] = field(default_factory=dict)
    left_out: int = 0
    _used: int = 0

    def place(self, picture: bytes | None) -> Placed | None:
        """None where there is no picture, or no room for it in the page."""
        size = _size(picture) if picture else None
        if picture is None or size is None:
            return None
        if not self.inside:
            name = f"{FOLDER}/{hashlib.sha256(picture).hexdigest()[:16]}.webp"
            self.files[name] = picture
            return Placed(name, *size)
        address = f"data:image/webp;base64,{b64encode(picture).decode()}"
        if self._used + len(address) > BUDGET:
            self.left_out += 1
            return None
        self._used += len(address)
        return Placed(address, *size)


def _size(picture: bytes) -> tuple[int, int] | None:
    """Width and height; None of what is no WebP."""
    from PIL import WebPImagePlugin

    try:
        return WebPImagePlugin.WebPImageFile(io.BytesIO(picture)).size
    except (OSError, SyntaxError, ValueError):
        return None
