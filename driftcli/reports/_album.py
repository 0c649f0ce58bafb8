"""Where a page's pictures go: into the page, as long as it stays small, or into files beside it."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field

BUDGET = 4_300_000
"""Characters of pictures in one page: the rest of it stays well below 700,000, the whole below 5 MB."""
FOLDER = "assets"


@dataclass
class Album:
    """Takes pictures (WebP) in the order of their importance and says where each is found."""

    inside: bool
    files: dict[str, bytes] = field(default_factory=dict)
    left_out: int = 0
    _used: int = 0

    def place(self, picture: bytes | None) -> str | None:
        """The picture's address; None where there is none, or no room for it in the page."""
        if picture is None:
            return None
        if not self.inside:
            return self.file(picture, "webp")
        address = f"data:image/webp;base64,{b64encode(picture).decode()}"
        if self._used + len(address) > BUDGET:
            self.left_out += 1
            return None
        self._used += len(address)
        return address

    def file(self, content: bytes, ending: str) -> str:
        """A file named by its content, so that an older page in the same folder never shows a newer picture."""
        name = f"{FOLDER}/{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
        self.files[name] = content
        return name
