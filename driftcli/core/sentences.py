"""Facts as sentences: the only place where a diagnosis, or why an image stands out, becomes English.

What a program wants to know is read off the facts; nothing reads these sentences back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from driftcli.core import amounts
from driftcli.core.findings import CorruptionMatch, Diagnosis, Outside
from driftcli.core.text import label

MISSING = ".missing"
"""Ends the name of the statistic that counts how often a value is missing."""
NO_LEVEL = "none"
"""The level of an image that has no such thing."""
MILD = 0.75
"""A severity nearer to nothing than to 1, roughly."""
_NOUNS: Mapping[str, str] = {
    "brighten": "brightening", "crop": "cropping", "darken": "darkening", "downscale": "downscaling",
    "flip": "mirroring", "gamma": "a lighter gamma", "gaussian_blur": "Gaussian blur",
    "gaussian_noise": "Gaussian noise", "grey_scale": "loss of colour", "jpeg": "JPEG compression",
    "pixelate": "pixelation", "saturation": "stronger colours", "white_balance": "a warmer white balance",
}  # fmt: skip


# ---------------------------------------------------------------- a diagnosis


def told(facts: Diagnosis) -> Diagnosis:
    """The same facts with their sentence as `statement`."""
    return replace(facts, statement=diagnosis(facts))


def diagnosis(facts: Diagnosis) -> str:
    """The sentence that says these facts; `statement` as it is where there are none (results of 0.1.0)."""
    return facts.statement if facts.kind is None else _SENTENCES[facts.kind](facts)


def short(facts: Diagnosis) -> str:
    """The sentence without who is meant, for one line in a log: `blurrier: sharpness −1.9 sd (0.42 → 0.31)`."""
    if facts.kind == "shift" and facts.word:
        return f"{facts.word}: {_measured(facts)}"
    return facts.statement


def corruption(match: CorruptionMatch) -> str:
    """What happened, as a noun: `Gaussian blur severity 2`."""
    name = _NOUNS.get(match.corruption, match.corruption.replace("_", " "))
    return f"{name} {'below severity 1' if match.severity < MILD else f'severity {round(match.severity)}'}"


def _shift(facts: Diagnosis) -> str:
    """As in "Images are blurrier: sharpness −1.9 sd (0.42 → 0.31)"."""
    return f"Images are {short(facts)}" if facts.word else _measured(facts)


def _measured(facts: Diagnosis) -> str:
    """As in "sharpness −1.9 sd (0.42 → 0.31)"."""
    shift = facts.shift_sd or 0.0
    return f"{_name(facts)} {'+' if shift > 0 else '−'}{abs(shift):.1f} sd{_in_brackets(_from_to(facts))}"


def _spread(facts: Diagnosis) -> str:
    """As in "brightness is spread differently in about 30 % of the images (0.5 → 0.51)"."""
    return f"{_name(facts)} is spread differently{_about(facts)}{_in_brackets(_from_to(facts))}"


def _turn(facts: Diagnosis) -> str:
    """As in "Colours turn towards cyan: hue 0.2 → 0.5 turns"."""
    return f"Colours turn towards {facts.towards}: {_name(facts)} {_from_to(facts)}"


def _level(facts: Diagnosis) -> str:
    """As in "format: 30 % of the images are PNG, a level the baseline does not have"."""
    if facts.level is None:
        return f"{_name(facts)}: the shares of its levels differ{_about(facts)}"
    verb = "have" if facts.level == NO_LEVEL else "are"
    before = (
        f"baseline: {amounts.percent(facts.before)}" if facts.before else "a level the baseline does not have"
    )
    return (
        f"{_name(facts)}: {amounts.percent(facts.after or 0.0)} of the images {verb} {facts.level}, {before}"
    )


def _missing(facts: Diagnosis) -> str:
    """As in "jpeg_quality is missing in 50 % of the images (baseline: 10 %)"."""
    if facts.before is None or facts.after is None:
        return f"{_name(facts)} is missing in another share of the images{_about(facts)}"
    before, after = amounts.percent(facts.before), amounts.percent(facts.after)
    return f"{_name(facts)} is missing in {after} of the images (baseline: {before})"


def _like(facts: Diagnosis) -> str:
    """As in "Like Gaussian blur severity 2 (0.93); not like noise (0.31)"."""
    named = " with ".join(corruption(match) for match in facts.corruptions)
    sentence = f"Like {named} ({facts.corruptions[0].similarity:.2f})" if facts.corruptions else "Like"
    other = facts.nearest_other
    if other is None:
        return sentence
    rest = f"next: {corruption(other)}" if other.close else f"not like {other.belongs}"
    return f"{sentence}; {rest} ({other.similarity:.2f})"


def _unlike(facts: Diagnosis) -> str:
    """As in "No known corruption fits (nearest: Gaussian blur severity 2, 0.41)"."""
    other = facts.nearest_other
    if other is None:
        return "No known corruption fits: light, colour and detail moved no more than by chance"
    return f"No known corruption fits (nearest: {corruption(other)}, {other.similarity:.2f})"


_SENTENCES: Mapping[str, Callable[[Diagnosis], str]] = {
    "shift": _shift, "spread": _spread, "turn": _turn, "level": _level, "missing": _missing,
    "like": _like, "unlike": _unlike,
}  # fmt: skip


def _name(facts: Diagnosis) -> str:
    """The measured value's name in words."""
    return label((facts.statistic or "").removesuffix(MISSING))


def _from_to(facts: Diagnosis) -> str:
    """As in "0.42 → 0.31 px": the baseline, then the batch; empty where unknown."""
    if facts.before is None or facts.after is None:
        return ""
    before, _ = amounts.parts(facts.before, facts.unit or "")
    after, unit = amounts.parts(facts.after, facts.unit or "")
    return f"{before} → {after} {unit}".rstrip()


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _about(facts: Diagnosis) -> str:
    """As in " in about 20 % of the images", from the shifted share; empty where unknown."""
    return f" in about {amounts.percent(facts.share)} of the images" if facts.share else ""


# ---------------------------------------------------------------- one image


def outside(facts: Outside) -> str:
    """As in "sharpness 0.02, below 99 % of the baseline"."""
    return f"{outside_short(facts)} of the baseline"


def outside_short(facts: Outside) -> str:
    """As in "sharpness 0.02, below 99 %", where the heading says of what."""
    name, share = label(facts.statistic), amounts.at_least(facts.share)
    if facts.kind == "missing":
        return f"{name} missing, as in {share}"
    if facts.kind == "level" or facts.value is None:
        return f"{name} {facts.level}, as in {share}"
    value = amounts.amount(facts.value, facts.unit or "")
    if facts.kind == "far":
        return f"{name} {value} ({facts.level}), farther out than {share}"
    return f"{name} {value}, {facts.kind} {share}"
