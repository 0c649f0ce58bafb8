"""What a result means, in sentences: shared by every format, so that all of them say the same."""

from __future__ import annotations

from os.path import commonprefix
from typing import TYPE_CHECKING

from driftcli.core import amounts, sentences
from driftcli.core.text import label
from driftcli.reports.content import numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftcli.core.findings import ImageResult, Outside
    from driftcli.core.images import Ledger
    from driftcli.core.report import FamilyResult, Report, RuleResult, StatisticResult
    from driftcli.core.sight import Detectable

SLIGHT = 0.05
"""Standard deviations below which a shift is no direction."""
RATIOS = ("increase", "share", "rate")
"""Rules whose names end so are told in percent."""
_FIRST = (
    "sharpness", "noise", "brightness", "contrast", "saturation", "red_green", "yellow_blue", "hue", "blockiness",
)  # fmt: skip
"""The shifts a reader asks for first, where not all are told."""
_NAMES = {
    "gaussian": "Gaussian",
    "poisson": "Poisson",
    "jpeg": "JPEG",
    "exif": "EXIF",
    "rgb": "RGB",
    "iso": "ISO",
}


def words(name: str) -> str:
    """`gaussian_blur` as `Gaussian blur`."""
    return " ".join(_NAMES.get(part, part) for part in name.replace(".", "_").split("_"))


# ---------------------------------------------------------------- what changed


def only_mix(report: Report) -> bool:
    """Whether the verdict is put down to another mix of images alone."""
    found = report.composition
    return found is not None and found.reading == "composition" and not found.ignored


def moved(report: Report) -> list[tuple[FamilyResult, StatisticResult]]:
    """Measured values that differ significantly, in families that do, in the order of the diagnosis."""
    alpha = report.gate.alpha
    rows = [
        (family, row)
        for family in report.families
        if family.significant and family.gate != "off"
        for row in family.statistics
        if numbers.known(row.batch)
        and numbers.known(row.baseline)
        and row.p_value is not None
        and row.p_value <= alpha
    ]
    place = _places(report)
    return sorted(
        rows,
        key=lambda row: (
            row[0].gate != "on",
            place.get(row[1].name, len(place)),
            -(row[1].effect or 0),
            row[1].name,
        ),
    )


def direction(row: StatisticResult) -> str:
    """`higher`, `lower`, or `spread` where only the shape changed; empty of a hue that turned."""
    shift = row.display_effect.value if row.display_effect and row.display_effect.kind == "sd_shift" else None
    if shift is None and row.change is not None and row.batch is not None and row.baseline is not None:
        shift = row.batch - row.baseline
    if shift and abs(shift) < SLIGHT and row.display_effect is not None:
        return "spread"
    return "" if not shift or not numbers.known(shift) else "higher" if shift > 0 else "lower"


def shift(row: StatisticResult) -> str:
    """The familiar size of a change: `−1.9 sd`, else `AUC 0.83`, else the relative change."""
    effect = row.display_effect
    if effect is None or not numbers.known(effect.value):
        differ = f"{numbers.percent(row.effect)} differ" if numbers.known(row.effect) else numbers.DASH
        return numbers.change(row.change) if numbers.known(row.change) else differ
    if effect.kind == "sd_shift":
        return numbers.sd(effect.value)
    if effect.kind == "turn_shift":
        return f"{numbers.signed(effect.value, 2)} turns"
    kind = "AUC" if effect.kind == "auc" else words(effect.kind)
    return f"{kind} {numbers.value(effect.value, 2)}"


def reasons(image: ImageResult, report: Report, most: int | None = None) -> str:
    """Why an image stands out, in short and in the diagnosis' order: the heading says what it is compared with.

    Of a result of 0.1.0 the reasons as they stand. `most`: so many of them.
    """
    if not image.outside:
        return "; ".join(image.reasons[:most])
    place = {statistic: number for number, statistic in enumerate(_places(report), 1)}
    ordered = sorted(image.outside, key=lambda facts: _rank(facts, place))
    return "; ".join(map(sentences.outside_short, ordered[:most]))


def answer(image: ImageResult) -> str:
    """`answer cat, 61 % sure, likely right: 42 %; label dog`: what the user's classifier says; empty where it was not asked."""
    if image.prediction is None:
        return ""
    said = [f"answer {image.prediction}"]
    if image.confidence is not None:
        said.append(f"{numbers.percent(image.confidence)} sure")
    if image.correctness is not None:
        said.append(f"likely right: {numbers.percent(image.correctness)}")
    known = "" if image.label is None else "; right" if not wrong(image) else f"; wrong, label {image.label}"
    return ", ".join(said) + known


def wrong(image: ImageResult) -> bool:
    """Whether the answer is not the label."""
    return image.label is not None and image.prediction is not None and image.prediction != image.label


def _rank(facts: Outside, place: Mapping[str, int]) -> int:
    """A spot or a subject comes first, then the values of the diagnosis, then others, then what has no value."""
    if facts.kind in ("spot", "subject"):
        return 0
    return len(place) + 2 if facts.kind == "strange" else place.get(facts.statistic, len(place) + 1)


def _places(report: Report) -> dict[str, int]:
    """Each statistic that the diagnosis names, by its place in it."""
    named = dict.fromkeys(one.statistic for one in report.diagnosis if one.statistic)
    return {statistic: place for place, statistic in enumerate(named)}


def detectables(found: Sequence[Detectable], most: int) -> list[str]:
    """The shifts of properties, those that are asked for first in front, and how many more there are."""
    told = [detectable(entry) for entry in ordered(found)[:most]]
    hidden = len(found) - len(told)
    return [*told, f"{numbers.count(hidden)} more in the JSON result"] if hidden else told


def ordered(found: Sequence[Detectable]) -> list[Detectable]:
    """Those that are asked for first in front."""
    rank = {name: place for place, name in enumerate(_FIRST)}
    return sorted(found, key=lambda entry: rank.get(entry.statistic or "", len(rank)))


def rule(result: RuleResult) -> str:
    """`max loss increase is +44 %, limit 20 %`."""
    if result.name.endswith("drop"):
        return (
            f"{words(result.name)} is {numbers.percent(result.value)}, limit {numbers.percent(result.limit)}"
        )
    if result.name.endswith(RATIOS):
        return (
            f"{words(result.name)} is {numbers.change(result.value)}, limit {numbers.percent(result.limit)}"
        )
    return f"{words(result.name)} is {numbers.value(result.value)}, limit {numbers.value(result.limit)}"


def folder(names: Sequence[str], least: int = 8) -> str:
    """The folder or archive that all these names begin with, if it is worth saying once instead."""
    shared = commonprefix(names)  # noqa: RUF071  # cut back to a separator below; archives have "!" too
    shared = shared[: max(shared.rfind("/"), shared.rfind("!")) + 1]
    return shared if len(names) > 1 and len(shared) >= least else ""


# ---------------------------------------------------------------- where every file went, what the gate sees


def ledger(found: Ledger) -> str:
    """`130 seen = 127 used + 1 unreadable (truncated) + 2 skipped (hidden)`: a sum to check by eye."""
    parts, total = [f"{numbers.count(found.used)} used"], found.used + found.changed
    for state, reasons in (("unreadable", found.unreadable), ("skipped", found.skipped)):
        amount = sum(reasons.values())
        total += amount
        if amount:
            parts.append(
                f"{numbers.count(amount)} {state} ({_reasons({k: n for k, n in reasons.items() if n})})"
            )
    if found.changed:
        parts.append(f"{numbers.count(found.changed)} changed while being read")
    return f"{numbers.count(found.seen)} seen {'=' if total == found.seen else '≠'} {' + '.join(parts)}"


def _reasons(reasons: dict[str, int]) -> str:
    if len(reasons) == 1:
        return words(next(iter(reasons)))
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{numbers.count(amount)} {words(reason)}" for reason, amount in ranked)


def detectable(entry: Detectable) -> str:
    """`Gaussian blur from severity 2 on 30 % of the images`, `sharpness by 0.25 sd (12 px)`."""
    if entry.shift_sd is not None:
        size = f"{numbers.value(abs(entry.shift_sd), 2)} sd"
        native = f" ({_native(abs(entry.shift), entry.unit or '')})" if entry.shift else ""
        return f"{label(entry.statistic or entry.corruption)} by {size}{native}"
    if entry.corruption == "foreign":
        return f"{numbers.percent(entry.share)} of foreign images"
    what = words(entry.corruption)
    native = (
        f" ({_native(entry.shift, entry.short_unit or entry.unit or '')})" if entry.shift is not None else ""
    )
    severity = "" if entry.severity is None else f" from severity {numbers.value(entry.severity)}{native}"
    where = "" if entry.share >= 1 else f" on {numbers.percent(entry.share)} of the images"
    return f"{what}{severity}{where}"


def _native(shift: float, unit: str) -> str:
    """A shift in its own unit; a share in percent, a logarithm as the factor it stands for."""
    if unit == "share":
        return numbers.percent(shift)
    if unit.startswith("log2"):
        return f"a factor of {numbers.value(2.0 ** min(shift, 1000.0))}"
    return f"{numbers.value(shift)} {unit}".strip()


def false_alarms(report: Report) -> str:
    """What alpha promises, what was measured on good images, its range, and what p is worth for this artifact alone."""
    rate = report.gate.false_alarm_rate
    batches = f" with batches of {numbers.count(rate.batch_size)}" if rate.batch_size else ""
    promised = f"Promised: {numbers.percent(rate.nominal)} of checks, averaged over held-out sets."
    if rate.estimate is None:
        return f"{promised} Not measured here: {rate.reason or 'no reason was given'}.{_own_p(report)}"
    spread = ""
    if rate.low is not None and rate.high is not None:
        spread = (
            f" (this artifact: likely between {numbers.percent(rate.low)} and {numbers.percent(rate.high)})"
        )
    note = f" {rate.reason}" if rate.reason else ""
    return f"{promised} Measured on this baseline{batches}: {numbers.percent(rate.estimate)}{spread}.{note}{_own_p(report)}"


def _own_p(report: Report) -> str:
    """What p is worth for this artifact alone."""
    own = report.gate.own_p_value
    if own is None:
        return ""
    said = amounts.p_value(own, report.gate.alpha)
    return f" Allowing for the luck of its held-out set (good for 19 of 20 draws): p is at most {said}."
