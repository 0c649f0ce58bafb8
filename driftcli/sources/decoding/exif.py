"""What the camera wrote into the file: orientation, time and exposure; hostile until proven harmless."""

from __future__ import annotations

import calendar
import math
import time
from dataclasses import dataclass, field

from PIL import Image

_ORIENTATION, _MAKE, _MODEL, _EXIF_IFD = 0x0112, 0x010F, 0x0110, 0x8769
_TIME = 0x9003
_NUMBERS = {"exposure_time": 0x829A, "f_number": 0x829D, "iso": 0x8827, "focal_length": 0x920A}


@dataclass(frozen=True, slots=True)
class Shot:
    """The readable part of one image's EXIF block."""

    orientation: int = 1
    """1 to 8, as EXIF counts them; 1 is upright."""
    time: float | None = None
    """Capture time in seconds since the epoch, the camera's clock read as UTC."""
    facts: dict[str, str | float] = field(default_factory=dict)


def read_exif(image: Image.Image) -> Shot:
    """What an opened image's EXIF block says, as far as it can be read; a broken block is as good as none.

    Pillow raises nearly anything on one.
    """
    try:
        tags = image.getexif()
        if not len(tags):
            return Shot()
        orientation = _orientation(tags.get(_ORIENTATION))
    except Exception:  # noqa: BLE001 - IndexError, TypeError, KeyError, SyntaxError, struct.error, ... measured
        return Shot()
    facts: dict[str, str | float] = {} if orientation == 1 else {"orientation": float(orientation)}
    try:
        inner = tags.get_ifd(_EXIF_IFD)
        for name, tag in (("make", _MAKE), ("model", _MODEL)):
            if text := _text(tags.get(tag)):
                facts[name] = text
        for name, tag in _NUMBERS.items():
            if (number := _number(inner.get(tag))) is not None:
                facts[name] = number
        return Shot(orientation, _seconds(inner.get(_TIME)), facts)
    except Exception:  # noqa: BLE001 - as above
        return Shot(orientation, None, facts)


def _orientation(value: object) -> int:
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _text(value: object) -> str:
    """At most 64 characters; what they are is the reports' business to escape."""
    return value.strip("\0 \t\r\n")[:64] if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    """A positive finite number, or None; ISO may come as a tuple, rationals as n/0."""
    if isinstance(value, tuple) and value:
        value = value[0]
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _seconds(value: object) -> float | None:
    """`2024:05:01 12:00:00`, local time of the camera, read as UTC."""
    try:
        return float(calendar.timegm(time.strptime(_text(value)[:19], "%Y:%m:%d %H:%M:%S")))
    except (ValueError, OverflowError):
        return None
