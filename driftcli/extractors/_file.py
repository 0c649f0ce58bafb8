"""What the file itself says: size, format, compression, camera and exposure, as one number each."""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache
from typing import TYPE_CHECKING

from driftcli.core.features import Column

if TYPE_CHECKING:
    from driftcli.core.images import FileFacts

NONE = "none"
"""The level of a file that does not say: a level like any other, so that categories are never missing."""

COLUMNS = (
    Column("width", unit="px", more="wider", less="narrower"),
    Column("height", unit="px", more="taller", less="less tall"),
    Column("aspect", more="wider for their height", less="narrower for their height"),
    Column("megapixels", unit="MP", more="larger", less="smaller"),
    Column("bytes_per_pixel", unit="B", more="less compressed", less="more compressed"),
    Column("jpeg_quality", more="of higher JPEG quality", less="of lower JPEG quality"),
    Column("jpeg_block", more="more coarsely quantised", less="more finely quantised"),
    Column("iso", unit="log2 ISO", more="taken at higher ISO", less="taken at lower ISO"),
    Column("exposure_time", unit="log2 s", more="exposed for longer", less="exposed for less time"),
    Column("f_number", unit="log2", more="taken with a smaller aperture", less="taken with a wider aperture"),
    Column("focal_length", unit="log2 mm", more="taken with a longer lens", less="taken with a shorter lens"),
    Column("format", "category"),
    Column("mode", "category"),
    Column("camera", "category"),
    Column("orientation", "category"),
)
"""The view `file`, in order. `log2` units: the camera's dials are steps of a factor; words undo it."""


def measure(facts: FileFacts) -> tuple[float, ...]:
    """One file's numbers in the order of `COLUMNS`; NaN where it does not say."""
    area = facts.width * facts.height
    exif = (_log2(facts.exif.get(key)) for key in ("iso", "exposure_time", "f_number", "focal_length"))
    return (
        float(facts.width),
        float(facts.height),
        facts.width / facts.height if facts.height else math.nan,
        area / 1e6,
        facts.bytes / area if area else math.nan,
        math.nan if facts.jpeg_quality is None else float(facts.jpeg_quality),
        math.nan if facts.jpeg_block is None else float(facts.jpeg_block),
        *exif,
        *(float(level_code(text)) for text in _level_texts(facts)),
    )


@lru_cache(4096)
def level_code(text: str) -> int:
    """A category's level as the first 24 bits of its SHA-256: the same everywhere, exact in float32."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:3], "big")


def levels(facts: FileFacts) -> dict[int, str]:
    """The names of the level codes that this file's row holds."""
    return {level_code(text): text for text in _level_texts(facts)}


def _level_texts(facts: FileFacts) -> tuple[str, str, str, str]:
    """Format, mode, camera, orientation as texts."""
    make, model = str(facts.exif.get("make") or ""), str(facts.exif.get("model") or "")
    orientation = _number(facts.exif.get("orientation"))
    turn = NONE if math.isnan(orientation) else f"{orientation:.0f}"
    return facts.format or NONE, facts.mode or NONE, _camera(make, model), turn


@lru_cache(256)
def _camera(make: str, model: str) -> str:
    """A name that does not say the maker twice."""
    make, model = _text(make), _text(model)
    camera = model if model.casefold().startswith(make.casefold()) else f"{make} {model}".strip()
    return camera or make or NONE


def _text(value: object) -> str:
    """EXIF text without padding, breaks or control characters."""
    readable = "".join(letter if letter.isprintable() else " " for letter in str(value or ""))
    return " ".join(readable.split())


def _number(value: object) -> float:
    """A finite number, or NaN: EXIF holds texts, zero denominators and worse."""
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _log2(value: object) -> float:
    """Binary logarithm of a positive number, else NaN (0 is how EXIF writes "unknown")."""
    number = _number(value)
    return math.log2(number) if number > 0 else math.nan
