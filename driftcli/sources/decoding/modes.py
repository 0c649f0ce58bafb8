"""The one table of how every pixel mode becomes RGB; a change here changes every number of every artifact.

| mode | becomes |
| --- | --- |
| `1` | 0 or 255 |
| `L` | grey |
| `RGB` | itself |
| `P` | its palette's colours |
| `LA` `La` `PA` `RGBA` `RGBa`, `1` `L` `P` `RGB` with a transparent colour | laid over the background grey |
| `RGBX` | its X dropped |
| `CMYK` (YCCK too: the JPEG library undoes it) | (255 - C)(255 - K) / 255, JPEG taken as stored inverted, as Adobe does |
| `YCbCr` `HSV` | by Pillow's formulae |
| `LAB` | sRGB by LittleCMS, D50, perceptual |
| `I;16*`, and `I` within 0..65535 | divided by 257, rounded (30000 is 117); 12-bit TIFF by 4095/255 |
| `I` beyond 16 bits | refused: `bad_mode` (no declared range) |
| `F` within [0, 1] | times 255, rounded; anything else, NaN too, is refused: `bad_mode` |
| 16-bit colour | Pillow keeps the upper byte on reading: value // 256 |

ICC profiles are ignored: applying them would turn a change of profile into no change at all.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from driftcli.core.files import Refused
from driftcli.sources.decoding.pixels import strips

GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_WITH_ALPHA = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_KEYED = frozenset({"1", "L", "P", "RGB"})
_PLAIN = frozenset({"1", "L", "P", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"})


def to_rgb(image: Image.Image, background: int, *, bits: int = 16) -> Image.Image:
    """A loaded image as RGB by the table above. `bits` is 12 for 12-bit TIFF. Raises Refused(`bad_mode`)."""
    mode = image.mode
    if mode in _WITH_ALPHA or (mode in _KEYED and "transparency" in image.info):
        return _over(image, background)
    if mode == "RGB":
        return image
    if mode in _PLAIN:
        return image.convert("RGB")
    if mode == "I" or mode.startswith("I;16"):
        return _grey(image, lambda values: _sixteen(values, bits))
    if mode == "F":
        return _grey(image, _unit)
    raise Refused("bad_mode")


def _over(image: Image.Image, background: int) -> Image.Image:
    """Transparency laid over a grey; RGB itself when nothing is transparent."""
    if image.mode == "La":
        image = image.convert("LA")
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    alpha = rgba.getchannel("A")
    rgb = rgba.convert("RGB")
    if alpha.getextrema() == (255, 255):
        return rgb
    canvas = Image.new("RGB", rgb.size, (background, background, background))
    canvas.paste(rgb, mask=alpha)
    return canvas


def _sixteen(values: NDArray[np.generic], bits: int) -> NDArray[np.uint8]:
    """Integers of 16 (or 12) bits as 8 bits, rounded to nearest."""
    wide = values.astype(np.int32)
    top = 4095 if bits == 12 else 65535
    if wide.size and (wide.min() < 0 or wide.max() > top):
        raise Refused("bad_mode")
    return ((wide * 255 + top // 2) // top).astype(np.uint8)


def _unit(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Floats of [0, 1] as 8 bits, rounded to nearest; NaN fails the comparison."""
    if not (values.min() >= 0 and values.max() <= 1):
        raise Refused("bad_mode")
    scaled: NDArray[np.float32] = values.astype(np.float32) * np.float32(255)
    return np.rint(scaled).astype(np.uint8)


def _grey(image: Image.Image, convert: Callable[[NDArray[np.generic]], NDArray[np.uint8]]) -> Image.Image:
    """The image's numbers as 8 bits, band by band, as RGB."""
    out = Image.new("L", image.size)
    top = 0
    for strip in strips(image):
        out.paste(Image.fromarray(convert(np.asarray(strip))), (0, top))
        top += strip.height
    return out.convert("RGB")
