"""Facts as sentences: the only place where a headline, a diagnosis, or why an image stands out, becomes English.

What a program wants to know is read off the facts; nothing reads these sentences back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from driftcli.core import amounts
from driftcli.core.text import label, safe_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from driftcli.core.findings import (
        CorruptionMatch,
        Diagnosis,
        HeadlineResult,
        KnownHarm,
        Outside,
        ShareResult,
    )

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


NAMED = 3
"""Classes of a changed mix that a sentence names."""

# ---------------------------------------------------------------- the headline


def headed(facts: HeadlineResult, images: int) -> HeadlineResult:
    """The same facts of a batch of so many images, with their sentence as `statement`."""
    return replace(facts, statement=headline(facts, images))


def headline(facts: HeadlineResult, images: int) -> str:
    """As in "These 60 images are blurrier than the baseline: like Gaussian blur severity 2"; no full stop."""
    if facts.kind == "local":
        return _carry(facts, images)
    return f"{these(images)} {_HEADLINES[facts.kind](facts, images == 1)}"


def these(images: int) -> str:
    """`These 60 images`, `This image`."""
    return "This image" if images == 1 else f"These {images:,} images"


def _same(_: HeadlineResult, one: bool) -> str:
    return f"{'looks' if one else 'look'} like the baseline"


def _look(facts: HeadlineResult, one: bool) -> str:
    like = f": like {' with '.join(map(corruption, facts.corruptions))}" if facts.corruptions else ""
    if facts.words:
        return f"{'is' if one else 'are'} {listed(facts.words)} than the baseline{like}"
    differ = f"{'differs' if one else 'differ'} from the baseline in texture, light or colours"
    return f"{differ}{like or ', in no way that has a name'}"


def _subjects(facts: HeadlineResult, one: bool) -> str:
    """As in "show other things: more bee (1 % → 64 %); fewer ant (63 % → 1 %)"."""
    things = f"{'shows' if one else 'show'} other things"
    if not facts.shares:
        also = f", and {'is' if one else 'are'} {listed(facts.words)}" if facts.words else ""
        return f"{things} than the baseline (the network has no words for them){also}"
    told = []
    for word, rises in (("more", True), ("fewer", False)):
        some = [_share(share) for share in facts.shares if (share.batch > share.baseline) == rises]
        told += [f"{word} {', '.join(some)}"] if some else []
    return f"{things}: {'; '.join(told)}"


def _share(share: ShareResult) -> str:
    return f"{kind_of(share)} ({amounts.percent(share.baseline)} → {amounts.percent(share.batch)})"


def _mix(facts: HeadlineResult, one: bool) -> str:
    """As in "show the same things in other shares: cat 50 % → 90 %, dog 50 % → 10 %"."""
    told = [
        f"{kind_of(share)} {amounts.percent(share.baseline)} → {amounts.percent(share.batch)}"
        for share in facts.shares[:NAMED]
    ]
    more = " and others" if len(facts.shares) > NAMED else ""
    return f"{'shows' if one else 'show'} the same things in other shares: {', '.join(told)}{more}"


def _answers(facts: HeadlineResult, one: bool) -> str:
    """As in "get other answers from the classifier: dog 50 % → 80 %, cat 50 % → 20 %"."""
    told = [
        f"{kind_of(share)} {amounts.percent(share.baseline)} → {amounts.percent(share.batch)}"
        for share in facts.shares[:NAMED]
    ]
    sure = f"it is {listed(facts.words)}" if facts.words else ""
    parts = "; ".join(filter(None, (", ".join(told), sure)))
    how = f": {parts}" if parts else ""
    return f"{'gets' if one else 'get'} other answers from the classifier than the baseline{how}"


def kind_of(share: ShareResult) -> str:
    """A class by its label; a cluster, whose number says nothing, by an image that stands for it."""
    return safe_name(
        f"images like {share.examples[0].rpartition('/')[2]}" if share.examples else share.name or "no label"
    )


def _carry(facts: HeadlineResult, images: int) -> str:
    """As in "About 17 of these 60 images carry a small mark that good ones do not have, mostly lower left"."""
    where = f", mostly {facts.place}" if facts.place else ""
    if facts.images is None:
        return f"Some of {these(images).lower()} carry a small mark that good ones do not have{where}"
    if images == 1 or facts.images >= images:
        return f"{these(images)} {'carries' if images == 1 else 'carry'} a small mark that good ones do not have{where}"
    carry = "carries" if facts.images == 1 else "carry"
    return f"About {facts.images:,} of {these(images).lower()} {carry} a small mark that good ones do not have{where}"


def _nameless(facts: HeadlineResult, one: bool) -> str:
    how = f": {listed(facts.words)}" if facts.words else ", in no way that has a name"
    return f"{'is' if one else 'are'} unlike the good images{how}"


_HEADLINES: Mapping[str, Callable[[HeadlineResult, bool], str]] = {
    "same": _same, "look": _look, "subjects": _subjects, "mix": _mix, "answers": _answers, "unlike": _nameless,
}  # fmt: skip


def listed(words: Sequence[str]) -> str:
    """`blurrier`, `blurrier and yellower`, `blurrier, yellower and darker`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def classifier(facts: Mapping[str, Any]) -> str:
    """What a baseline keeps of the user's classifier: "predictions of 10 classes for 400 images, right on 93 % of 400 labelled ones"."""
    kind = "predicted classes, no probabilities, of" if facts["hard"] else "predictions of"
    said = f"{kind} {len(facts['classes']):,} classes for {facts['answered']:,} images"
    if corrupted := facts.get("corrupted"):
        said = f"{said}, and under {len(corrupted)} simulated corruptions"
    if facts.get("accuracy") is None:
        return f"{said}, none of them labelled"
    return f"{said}, right on {amounts.percent(facts['accuracy'])} of {facts['labelled']:,} labelled ones"


def asked(facts: Mapping[str, Any]) -> str | None:
    """Which model gave those predictions, how it is shown images and how its classes are called; None where a table held them."""
    model = facts.get("model")
    if model is None:
        return None
    square, classes = model["how"]["square"], [safe_name(str(name)) for name in facts["classes"][:FEW]]
    what = "the middle square" if square["crop"] == "center" else "the whole image, stretched to a square"
    more = f", ... ({len(facts['classes']):,})" if len(facts["classes"]) > FEW else ""
    file = safe_name(str(model["file"]).rpartition("/")[2])
    return (
        f"model {file}, sha256 {str(model['sha256'])[:16]}, shown {what} of {square['side']} px; classes {', '.join(classes)}{more} "
        f"(from {model['classes_from']})"
    )


FEW = 5
"""Classes that a sentence names."""


def refreshed(facts: Mapping[str, Any]) -> str:
    """One entry of a baseline's lineage: "refreshed 2026-11-28 with 24 images from images/today: drift from it, p = 0.0003, accepted all the same"."""
    day, added = str(facts["created"])[:10], facts["images_added"]
    images = f"{added:,} image{'' if added == 1 else 's'} from {', '.join(map(str, facts['source']))}"
    p = "" if facts["p_value"] is None else f", p = {amounts.p_value(facts['p_value'])}"
    return f"refreshed {day} with {images}: {_JUDGED.get(facts['verdict'], facts['verdict'])}{p}{_in_spite(facts)}"


_JUDGED = {
    "pass": "like the baseline of before",
    "warn": "within the tolerance",
    "drift": "drift from the baseline of before",
    "inconclusive": "not comparable with the baseline of before",
}
DOUBTED = frozenset({"drift", "inconclusive"})
"""Verdicts on a batch that becomes part of a baseline only if somebody says that it was looked at."""


def _in_spite(facts: Mapping[str, Any]) -> str:
    return " (--accept-drift)" if facts["verdict"] in DOUBTED else ""


# ---------------------------------------------------------------- a diagnosis


def told(facts: Diagnosis) -> Diagnosis:
    """The same facts with their sentence as `statement`."""
    return replace(facts, statement=diagnosis(facts))


def diagnosis(facts: Diagnosis) -> str:
    """The sentence that says these facts; `statement` as it is where there are none (results of 0.1.0)."""
    return facts.statement if facts.kind is None else _SENTENCES[facts.kind](facts)


def known_harm(known: Sequence[KnownHarm]) -> str:
    """As in "Under pixelation the model was right on 83 % of 60 good images (severity 3) and 60 % of 60 (severity 5); as they are, on 92 %."."""
    first = known[0]
    shares = [
        f"{amounts.percent(one.accuracy)} of {one.images:,}{' good images' if one is first else ''} (severity {one.severity:g})"
        for one in known
    ]
    return (
        f"Under {_noun(first.corruption)} the model was right on {' and '.join(shares)}; as they are, on "
        f"{amounts.percent(first.unchanged)}."
    )


def corruption(match: CorruptionMatch) -> str:
    """What happened, as a noun: `Gaussian blur severity 2`."""
    name = _noun(match.corruption)
    return f"{name} {'below severity 1' if match.severity < MILD else f'severity {round(match.severity)}'}"


def _noun(name: str) -> str:
    return _NOUNS.get(name, name.replace("_", " "))


def _shift(facts: Diagnosis) -> str:
    """As in "Images are blurrier: sharpness −1.9 sd (0.42 → 0.31)"."""
    return f"Images are {facts.word}: {_measured(facts)}" if facts.word else _measured(facts)


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


_SENTENCES: Mapping[str, Callable[[Diagnosis], str]] = {
    "shift": _shift, "spread": _spread, "turn": _turn, "level": _level, "missing": _missing,
    "like": _like,
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
    return outside_short(facts) if facts.kind == "subject" else f"{outside_short(facts)} of the baseline"


def outside_short(facts: Outside) -> str:
    """As in "sharpness 0.02, below 99 %", where the heading says of what."""
    name, share = label(facts.statistic), amounts.at_least(facts.share)
    if facts.kind in _FOUND:
        return _FOUND[facts.kind](facts)
    if facts.kind == "missing":
        return f"{name} missing, as in {share}"
    if facts.kind == "level" or facts.value is None:
        return f"{name} {facts.level}, as in {share}"
    value = amounts.amount(facts.value, facts.unit or "")
    if facts.kind == "far":
        return f"{name} {value} ({facts.level}), farther out than {share}"
    return f"{name} {value}, {facts.kind} {share}"


_FOUND: Mapping[str, Callable[[Outside], str]] = {
    "spot": lambda facts: f"a strange spot{_at(facts)}, stranger than in {amounts.at_least(facts.share)}",
    "subject": lambda facts: f"looks like {facts.level}",
    "strange": lambda facts: f"unusual {facts.level}, more than in {amounts.at_least(facts.share)}",
}
"""By kind, what the family without named values that found an image says of it."""


def _at(facts: Outside) -> str:
    return f" {facts.level}" if facts.level else ""
