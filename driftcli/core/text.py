"""Text for people: foreign names made safe to show, and the names of measured values in words."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: cursor, colour, title and clipboard commands of a terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidi: a name that reads other than it is
    "\u2028\u2029"  # line and paragraph separators: a second line that we did not write
    "\ud800-\udfff]"  # lone surrogates: bytes that are no UTF-8, and that a strict stream refuses
)

MOST_BYTE = 0xFF

_LABELS = {
    "red_green": "red-green balance",
    "yellow_blue": "yellow-blue balance",
    "jpeg_quality": "JPEG quality",
    "jpeg_block": "JPEG step",
    "loss": "reconstruction loss",
    "log_mse": "reconstruction error (log)",
    "log_mse_half": "reconstruction error at half size (log)",
    "log_mse_quarter": "reconstruction error at quarter size (log)",
    "log_dissimilarity": "error of structure (log)",
    "log_error_per_detail": "error for its detail (log)",
    "log_grain": "grain of the error (log)",
    "log_colour_grain": "colour grain of the error (log)",
    "latent_distance": "distance of the code",
}


_LAST_BYTE = 0xFF


def safe_name(name: str) -> str:
    r"""The name with every unsafe character spelt out, as `\xNN` or `\uNNNN`; idempotent."""
    return _UNSAFE.sub(_spell, name)


def label(name: str) -> str:
    """A measured value's name in words: `red_green` is the red-green balance."""
    return _LABELS.get(name) or name.replace(".", " ").replace("_", " ")


def _spell(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code <= MOST_BYTE else f"\\u{code:04x}"
