"""Images on their way: what a source offers, what a worker makes of it, what is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image


EMPTY: Mapping[str, Any] = {}
UNLISTED = "folder_"
"""What the reason of a folder begins with whose files nobody could list: how many are missing is not known."""
SHARED = 96
"""Short side from which the image is reduced that hashes, colour and small networks are measured on."""


@dataclass(frozen=True, slots=True)
class Corrupted:
    """One corruption of the room `corruptions`, how much of it, and the seed of its randomness.

    Each image draws from (seed, its content hash): the order of files changes nothing.
    """

    name: str
    severity: float | None
    """1..5; None where `amount` says how much."""
    seed: int = 0
    then: Corrupted | None = None
    """What happens next to the same image, with random numbers of its own."""
    amount: float | None = None
    """In the corruption's own unit, within its bounds; only without a severity."""


@dataclass(frozen=True, slots=True)
class Remote:
    """One object on a server, as it was when it was listed: whoever fetches it wants these very bytes."""

    address: str
    """With everything that it takes to get it: may hold a signature, so it is never shown."""
    size: int | None = None
    """Bytes; None where no listing said so."""
    etag: str | None = None
    """The server's mark of these bytes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing a source offers, unread: a file to open, bytes out of an archive, or an object to fetch."""

    name: str
    """What the user sees; surrogate escapes kept. Archive members are `shard.tar!member.jpg`."""
    path: str | None = None
    data: bytes | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Manifest columns beside `path`: `group`, `label`, `prediction`, `time`, and any other."""
    corruption: Corrupted | None = None
    """What happens to the decoded image before it is prepared; only simulations ask for it."""
    remote: Remote | None = None
    """Where to fetch it, in place of `path` and `data`."""
    modified: float | None = None
    """When it was last changed, seconds since the epoch, where no file of this machine can be asked."""
    only: tuple[str, ...] | None = None
    """The kinds of extractors that prepare it, without a thumbnail; None: all, with one where one is wanted.

    Who asks so will ask for the same file again: it is decoded once for all its changes."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """One entry that was not used, and why: a value with a reason, never a log line."""

    name: str
    state: Literal["unreadable", "skipped", "changed"]
    reason: str


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the file says of itself, before any resizing."""

    width: int
    height: int
    bytes: int
    format: str
    mode: str
    grey: bool
    """True when the pixels carry no colour (mode, or R = G = B everywhere)."""
    jpeg_quality: float | None = None
    """0..100, estimated from the quantisation tables; None for other formats."""
    jpeg_block: float | None = None
    """Mean quantisation step of the luminance table's low frequencies: coarser is blockier."""
    time: float | None = None
    """Capture time (EXIF), seconds since the epoch, read as UTC."""
    exif: Mapping[str, str | float] = field(default_factory=dict)
    """`make`, `model`, `iso`, `exposure_time`, `f_number`, `focal_length`, `orientation` where present."""
    icc: bool = False
    """A colour profile is embedded; it is never applied."""
    animated: bool = False
    """More frames or pages follow the one that is read."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One canonically decoded image, in the worker: upright, cropped and masked."""

    stored: Image.Image
    """RGB, or RGBX as a JPEG decoder writes it: for what only cuts or converts; `image` and `reduced` are RGB."""
    facts: FileFacts
    version: int = 2
    """Of the preprocessing (`decode.version`): which numbers `prepare` makes of it."""
    _reduced: dict[int, Image.Image] = field(default_factory=dict, init=False, repr=False, compare=False)
    _pixels: dict[int, NDArray[np.uint8]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, facts: FileFacts) -> Frame:
        """The same image with other facts."""
        frame = Frame(self.stored, facts, self.version)
        frame._reduced.update(self._reduced)
        frame._pixels.update(self._pixels)
        return frame

    @property
    def image(self) -> Image.Image:
        """All of it, RGB."""
        return self._by(1)

    def factor(self, side: int) -> int:
        """By how much it can be divided so that its short side keeps `side` or more; at least 1."""
        return max(1, min(self.stored.size) // side)

    def reduced(self, side: int) -> Image.Image:
        """The image averaged over whole squares, as large as leave its short side at `side` or more; never enlarged.

        Made once for all extractors that ask for as much: no resampling, a single pass over the pixels.
        """
        return self._by(self.factor(side))

    def pixels(self, side: int) -> NDArray[np.uint8]:
        """`reduced` as [h, w, 3], made once, too; not to be written into."""
        factor = self.factor(side)
        if factor not in self._pixels:
            self._pixels[factor] = np.asarray(self._by(factor))
        return self._pixels[factor]

    def _by(self, factor: int) -> Image.Image:
        if factor not in self._reduced:
            small = self.stored.reduce(factor) if factor > 1 else self.stored
            self._reduced[factor] = small if small.mode == "RGB" else small.convert("RGB")
        return self._reduced[factor]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A worker's answer for one image: hashes, facts, and each extractor's small array."""

    name: str
    columns: Mapping[str, str]
    content: bytes
    """SHA-256 of the file's bytes (32 bytes): identity, order, digest."""
    pixels: bytes
    """SHA-256 of the canonically decoded pixels (32 bytes): overlap between sets."""
    near: int
    """64-bit difference hash: near-duplicates differ in few bits."""
    facts: FileFacts
    arrays: Mapping[str, NDArray[Any]]
    """By extractor kind: what its `prepare` returned; empty where `views` are known."""
    thumbnail: bytes | None = None
    """WebP, 160 px on the long side, where it was asked for."""
    picture: bytes | None = None
    """PNG of the corrupted image in full size, where it was asked for."""
    views: Mapping[str, NDArray[Any]] | None = None
    """By view: what was measured of the same bytes before, where a cache holds that; no pixel was read."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """How long its worker took to `read`, `decode`, `hash` and `prepare` it, as far as it says."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where every entry went: `seen = used + unreadable + skipped + changed`, always."""

    seen: int
    used: int
    unreadable: Mapping[str, int]
    skipped: Mapping[str, int]
    changed: int

    @property
    def unlisted(self) -> int:
        """Folders that could not be listed; how many images they hold is not known."""
        return sum(count for reason, count in self.unreadable.items() if reason.startswith(UNLISTED))

    @property
    def failed(self) -> int:
        """Entries that look like images and could not be read, or changed while they were."""
        return sum(self.unreadable.values()) - self.unlisted + self.changed

    @property
    def unreadable_share(self) -> float:
        """Unreadable and changed among the entries that look like images (`--max-unreadable`); 0 of none."""
        bad = self.failed
        return bad / (bad + self.used) if bad else 0.0
