"""Where no line may be broken: between a number and its unit, inside `p = 0.01`."""

from __future__ import annotations

import re

HARD = "\u00a0"
"""A space at which no line is broken."""
_GLUE = re.compile(
    r"(?<=\d) (?=(?:%|sd|px|s|h|min)\b|%)"  # a number and its unit
    r"|(?<=[≤≥=<>]) (?=\S)|(?<=\bp) (?=[≤=<])"  # p = 0.01
    r"|(?<=\b[Ee]xit) (?=\d)|(?<=\balpha) (?=\d)|(?<=\bseverity) (?=\d)|(?<=\d) (?=(?:images?|permutations?)\b)"
)


def glued(text: str) -> str:
    """The text with its numbers tied to their units: no line is broken between them."""
    return _GLUE.sub(HARD, text)
