"""Handcrafted results, one for each thing a report must be able to say."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

from driftcli.core import sentences
from driftcli.core.evidence import DisplayEffect
from driftcli.core.findings import (
    CompositionResult,
    CorruptionMatch,
    Diagnosis,
    Distribution,
    DuplicateResult,
    FileResult,
    GroupResult,
    HeadlineResult,
    ImageResult,
    RemovalResult,
    SequenceResult,
    ShareResult,
)
from driftcli.core.images import Ledger
from driftcli.core.report import (
    BatchFacts,
    Detectable,
    FalseAlarmRate,
    FamilyResult,
    GateResult,
    ReferenceFacts,
    Report,
    RuleResult,
    StatisticResult,
)
from driftcli.core.stages import Stage
from tests.reports import rich_parts as parts

DIGEST = "3f9a1c2e44d15b7c9e0a6f1d2c3b4a5968778695a4b3c2d1e0f1029384756afe"
HOSTILE = (
    "day4/\x1b[2J\x1b[31mPASS\x1b[0m.jpg",
    "line\nbreak\r\ttab.png",
    "[red]markup[/] [link=x]img[/x].jpg",
    "invoice\u202egpj.exe\u2066 .png",
    "caf\udce9 \udcff.jpg",
    "c1 \x9b31m and del \x7f.jpg",
    "图像/非常に長い名前のファイル" * 6 + ".webp",
    "::error::fake %0A.jpg",
    "two\u2028lines\u2029.jpg",
    "👩\u200d👩\u200d👧 é e\u0301.jpg",
    "",
)


def histogram(
    name: str, baseline: tuple[float, float], batch: tuple[float, float], low: float, high: float
) -> Distribution:
    """Two normal histograms (mean, sd) over 24 bins."""
    bins = 24
    edges = [low + (high - low) * step / bins for step in range(bins + 1)]

    def shares(mean: float, sd: float) -> tuple[float, ...]:
        heights = [
            math.exp(-(((left + right) / 2 - mean) ** 2) / (2 * sd**2)) for left, right in pairwise(edges)
        ]
        return tuple(round(height / sum(heights), 6) for height in heights)

    return Distribution(name, tuple(round(edge, 6) for edge in edges), shares(*batch), shares(*baseline))


def scalar(name: str, batch: float, baseline: float, sd: float, p: float, effect: float) -> StatisticResult:
    return StatisticResult(
        name, batch, baseline, round(batch / baseline - 1, 6) if baseline > 0 else None, p, round(max(p / 3, 0.0002), 6),
        DisplayEffect("sd_shift", sd), effect, max(0.0, round(effect - 0.14, 6)),
    )  # fmt: skip


def kernel(p: float, effect: float) -> StatisticResult:
    return StatisticResult(
        "mmd", None, None, None, p, p, DisplayEffect("kernel_d", round(effect * 1.6, 6)), effect, effect / 2
    )


SEEN = (
    Detectable("gaussian_blur", 2, 1.0, 0.8),
    Detectable("gaussian_noise", 1, 1.0, 0.8),
    Detectable("jpeg", 3, 1.0, 0.83),
    Detectable("gaussian_blur", 4, 0.3, 0.8),
    Detectable("shift", None, 1.0, 0.8, "sharpness", 0.25, 11.8, "px"),
    Detectable("shift", None, 1.0, 0.8, "brightness", 0.31, 0.042),
)
RATE = FalseAlarmRate(0.01, 0.012, 0.004, 0.03, 127, None)
MOVED = (
    scalar("sharpness", 188.4, 412.9, -1.93, 0.0002, 0.62),
    scalar("red_green", -0.0342, 0.0211, -1.12, 0.0002, 0.41),
    scalar("contrast", 0.1874, 0.2102, -0.44, 0.0068, 0.22),
    scalar("brightness", 0.4711, 0.4696, 0.02, 0.91, 0.06),
)
HISTOGRAMS = (
    histogram("sharpness", (412.9, 116), (188.4, 61), 0, 800),
    histogram("red_green", (0.0211, 0.049), (-0.0342, 0.051), -0.2, 0.2),
    histogram("contrast", (0.2102, 0.052), (0.1874, 0.049), 0, 0.4),
)


def family(
    name: str,
    p: float,
    effect: float,
    lower: float,
    *statistics: StatisticResult,
    gate: str = "on",
    alpha: float = 0.01,
) -> FamilyResult:
    adjusted = min(1.0, p * 2)
    return FamilyResult(name, gate, p, adjusted, adjusted <= alpha, effect, lower, statistics)  # type: ignore[arg-type]


def shifted(statement: str, statistic: str, word: str, sd: float, values: tuple[float, float]) -> Diagnosis:
    """Images whose properties rose or fell, from the baseline's value to the batch's."""
    return Diagnosis(
        statement, kind="shift", family="properties", statistic=statistic, direction="higher" if sd > 0 else "lower",
        word=word, shift_sd=sd, before=values[0], after=values[1], share=0.5,
    )  # fmt: skip


LIKENESS = Diagnosis(
    "Like Gaussian blur severity 2 (0.93); not like noise (0.31)", "gaussian_blur", 2, 0.93, "like",
    corruptions=(CorruptionMatch("gaussian_blur", 2, 0.93),),
    nearest_other=CorruptionMatch("gaussian_noise", 1.2, 0.31, "noise", close=False),
)  # fmt: skip


def headed(kind: str, images: int = 127, **facts: object) -> HeadlineResult:
    """A headline with its sentence."""
    return sentences.headed(HeadlineResult("", kind, **facts), images)  # type: ignore[arg-type]


def passing() -> Report:
    """A clean batch."""
    gate = GateResult(0.4312, 0.01, 4999, 127, 0.0, 0.04, 0.0, "style", RATE, SEEN, None, own_p_value=0.4651)
    return Report(
        verdict="pass", exit_code=0, reasons=(), cautions=(), gate=gate,
        batch=BatchFacts(127, 127, 0, ("incoming/2026-11-20",), DIGEST[::-1]),
        ledger=Ledger(127, 127, {}, {}, 0),
        reference=ReferenceFacts("ref/", DIGEST, "default", 2560, None),
        created="2026-11-20T06:00:12Z", tool={"name": "driftcli", "version": "0.1.0"},
        families=(
            family("style", 0.2154, 0.04, 0.0, kernel(0.2154, 0.04)),
            family("content", 0.611, 0.0, 0.0, kernel(0.611, 0.0)),
            family("reconstruction", 0.383, 0.07, 0.0, scalar("log_error", -4.61, -4.66, 0.11, 0.383, 0.07)),
            family("properties", 0.5, 0.09, 0.0, scalar("sharpness", 409.1, 412.9, -0.03, 0.97, 0.05)),
        ),
        images=tuple(
            ImageResult(f"incoming/2026-11-20/IMG_{4021 + 7 * rank}.jpg", rank, round(1 - rank / 128, 4), "style", ("unusual style",))
            for rank in range(1, 6)
        ),
        timing={"seconds": 3.2, "images_per_second": 40.1},
        environment={"device": "cpu", "torch": "2.6.0", "seed": 0},
        headline=headed("same"),
    )  # fmt: skip


def drifted() -> Report:
    """The whole story: blurred and greener images."""
    families = (
        family("style", 0.0002, 0.31, 0.18, kernel(0.0002, 0.31)),
        family("content", 0.0864, 0.05, 0.0, kernel(0.0864, 0.05)),
        family("reconstruction", 0.0004, 0.44, 0.23, scalar("log_error", -5.02, -4.66, -0.81, 0.0004, 0.44)),
        family("properties", 0.0002, 0.62, 0.48, *MOVED),
        family(
            "file", 0.0002, 0.97, 0.83, scalar("bytes", 48_211, 211_940, -2.4, 0.0002, 0.97), gate="advisory"
        ),
    )
    images = tuple(
        ImageResult(path, rank, round(1 - rank / 128, 4), family, reasons, round(0.0004 * rank, 4), rank < 4, f"{rank:064x}")
        for rank, (path, family, reasons) in enumerate((
            ("incoming/2026-11-21/camera-07/north-gate/20261121T061502-000412.jpg", "properties", ("blurrier", "greener")),
            ("incoming/2026-11-21/camera-07/north-gate/20261121T061507-000413.jpg", "properties", ("blurrier", "greener")),
            ("incoming/2026-11-21/camera-02/IMG_0007.jpg", "style", ("unusual style",)),
            ("incoming/2026-11-21/camera-02/IMG_0009.jpg", "reconstruction", ("reconstructed too well: little detail",)),
            ("incoming/2026-11-21/camera-02/IMG_0011.jpg", "properties", ("blurrier", "darker", "lower contrast", "smaller file")),
            *((f"incoming/2026-11-21/camera-03/IMG_{number:04}.jpg", "style", ("unusual style",)) for number in range(20, 27)),
        ), 1)
    )  # fmt: skip
    return replace(
        passing(), verdict="drift", exit_code=1,
        reasons=(
            "These 127 images are blurrier and greener than the baseline: like Gaussian blur severity 2",
            "style, properties and reconstruction differ from the baseline: p = 0.0002, alpha 0.01",
        ),
        cautions=("file differs too (smaller files): it is advisory and has no say in the verdict",),
        gate=GateResult(0.0002, 0.01, 4999, 127, 0.0, 0.62, 0.48, "properties", RATE, SEEN, None, own_p_value=0.0003),
        batch=BatchFacts(127, 125, 1, ("incoming/2026-11-21",), DIGEST[::-1]),
        ledger=Ledger(130, 127, {"truncated": 1}, {"hidden": 2}, 0),
        families=families, distributions=HISTOGRAMS, images=images,
        diagnosis=(
            LIKENESS,
            shifted("Images are blurrier: sharpness −1.9 sd (413 → 188)", "sharpness", "blurrier", -1.93, (412.9, 188.4)),
            shifted(
                "Images are greener: red-green balance −1.1 sd (0.021 → −0.034)",
                "red_green", "greener", -1.12, (0.021, -0.034),
            ),
        ),
        files=(
            FileResult("incoming/2026-11-21/camera-02/IMG_0013.jpg", "unreadable", "truncated"),
            FileResult("incoming/2026-11-21/.DS_Store", "skipped", "hidden"),
            FileResult("incoming/2026-11-21/camera-02/.thumbs", "skipped", "hidden"),
        ),
        removal=RemovalResult(tuple(image.path for image in images[:7]), 0.31),
        duplicates=(
            DuplicateResult("exact", "batch", (images[2].path, images[3].path)),
            DuplicateResult("near", "batch", (images[0].path, images[1].path)),
        ),
        timing={
            "seconds": 74.3, "images_per_second": 1.71, "cached": 40, "stages": (
                Stage("loading libraries", 1.204), Stage("reading images", 68.5, 130),
                Stage("waiting for workers", 61.02, 127, "reading images"),
                Stage("decoding", 118.7, 127, "reading images", workers=True),
                Stage("statistics", 4.9), Stage("other", 0.9),
            ),
        },
        headline=headed("look", family="style", words=("blurrier", "greener"), corruptions=LIKENESS.corruptions),
    )  # fmt: skip


def warned() -> Report:
    """A real difference, too small to matter; an advisory family; groups."""
    passed = passing()
    return replace(
        passed, verdict="warn",
        reasons=(
            "These 12,400 images are poorer in contrast than the baseline",
            "properties differs from the baseline: p = 0.0098, alpha 0.01",
            "no effect is above the tolerance 0.05",
        ),
        cautions=(
            "the baseline has 2,560 images, fewer than 20 × the 5,000 tested: this artifact's own false-alarm rate may differ from alpha",
            "file differs (format): it is advisory and has no say in the verdict",
        ),
        gate=GateResult(
            0.0098, 0.01, 1999, 5000, 0.05, 0.09, 0.034, "properties",
            FalseAlarmRate(0.01, None, None, None, None, "the batch is larger than half of the baseline"), (),
            "the baseline is too small for batches of 5,000 images",
        ),
        batch=BatchFacts(12_400, 12_400, 0, ("s1.tar", "s2.tar"), DIGEST[::-1]),
        ledger=Ledger(12_437, 12_400, {"truncated": 12, "not_an_image": 3, "permission": 1}, {"hidden": 20}, 1),
        reference=ReferenceFacts("models/ref-2026/", DIGEST, "good weeks", 2560, 7),
        families=(
            family("style", 0.0935, 0.02, 0.0, kernel(0.0935, 0.02)),
            family("properties", 0.0049, 0.09, 0.034, scalar("contrast", 0.20115, 0.20188, -0.06, 0.0098, 0.09)),
            family("file", 0.0005, 0.5, 0.46, StatisticResult("format", 0.51, 0.01, None, 0.0005, 0.0005, None, 0.5, 0.46), gate="advisory"),
            FamilyResult("latent", "off", None, None, False, None, None, ()),
        ),
        groups=(GroupResult("s1.tar", 6200, 0.5071, 0.02, 0.31), GroupResult("s2.tar", 6200, 0.6929, 0.11, 0.002, True), GroupResult("s3.tar", 3, 0.5)),
        removal=RemovalResult((), None, "not sought in batches of more than 2,000 images"),
        distributions=(histogram("contrast", (0.20188, 0.012), (0.20115, 0.0121), 0.15, 0.25),),
        files=tuple(FileResult(f"s1.tar!{number:06}.jpg", "unreadable", "truncated") for number in range(12))
        + tuple(FileResult(f"s2.tar!{number:06}.html", "unreadable", "not_an_image") for number in range(3))
        + (FileResult("s2.tar!secret.jpg", "unreadable", "permission"), FileResult("s2.tar!moving.jpg", "changed", "size")),
        images=(),
        headline=headed("look", 12_400, family="properties", words=("poorer in contrast",)),
    )  # fmt: skip


def inconclusive() -> Report:
    """Too few images."""
    passed = passing()
    rate = FalseAlarmRate(0.01, None, None, None, None, "nothing was tested")
    return replace(
        passed, verdict="inconclusive", exit_code=3,
        reasons=(
            "only 5 images could be read, and the gate needs 8",
            "wait for more images, name a folder that holds more, or lower the limit with --min-images",
        ),
        gate=GateResult(None, 0.01, None, 0, 0.0, None, None, None, rate, (), "nothing was tested"),
        batch=BatchFacts(5, 5, 0, ("incoming/2026-11-22",), DIGEST[::-1]),
        ledger=Ledger(6, 5, {"empty": 1}, {}, 0), families=(), images=(),
        files=(FileResult("incoming/2026-11-22/a.jpg", "unreadable", "empty"),),
        timing={"seconds": 0.4}, headline=None,
    )  # fmt: skip


def ruled() -> Report:
    """A passing test, a failing rule, a sequence."""
    return replace(
        passing(), exit_code=1, reasons=("the rule max_loss_increase failed",),
        rules=(RuleResult("max_loss_increase", 0.442, 0.2, True), RuleResult("require_detectable", 2, 3, False)),
        sequence=SequenceResult(0.381, 100.0, False, 114, 365, 0.7),
    )  # fmt: skip


def excused() -> Report:
    """Drift under --exit-zero, and nobody found words for it."""
    drift = drifted()
    headline = headed("look", family="style")
    reasons = (headline.statement, *drift.reasons[1:])
    return replace(drift, exit_code=0, diagnosis=(), headline=headline, reasons=reasons)


def hostile() -> Report:
    """Names that would like to write the report themselves."""
    drift = drifted()
    nasty = HOSTILE[0]
    return replace(
        drift, reasons=(f"{nasty} differs",), cautions=(f"see {HOSTILE[1]}", HOSTILE[2]),
        diagnosis=(Diagnosis(f"Images are [bold]{nasty}[/bold]"), Diagnosis(f"Images are: {HOSTILE[3]}")),
        images=tuple(ImageResult(name, rank, 0.5, "style", (name, "blurrier")) for rank, name in enumerate(HOSTILE, 1)),
        files=tuple(FileResult(name, "unreadable", "truncated") for name in HOSTILE),
        groups=tuple(GroupResult(name, 3, 0.5) for name in HOSTILE),
        batch=replace(drift.batch, source=HOSTILE[:3]),
        reference=replace(drift.reference, artifact=HOSTILE[4], baseline='a "b"\x1b]0;title\x07'),
        headline=headed("subjects", family="content", shares=(ShareResult(HOSTILE[2], 0.6, 0.1), ShareResult(nasty, 0.0, 0.5))),
    )  # fmt: skip


def mixed() -> Report:
    """Other shares of the same classes: `composition`, while words about single values mislead."""
    shares = (
        ShareResult("cat", 0.9, 0.5),
        ShareResult("dog", 0.1, 0.45),
        ShareResult("", 0.0, 0.05),
    )
    found = CompositionResult("column:label", 0.0002, 0.4, 0.21, 0.6142, "composition", False, shares)
    drift = drifted()
    families = (
        *drift.families[:1],
        family(
            "composition",
            0.0002,
            0.4,
            0.21,
            StatisticResult("class", None, None, None, 0.0002, 0.0002, None, 0.4, 0.21),
        ),
    )
    reason = "composition: the mix changed (cat 50 % → 90 %, dog 45 % → 10 %); within classes (column:label) no further change was found (p = 0.61)"
    headline = headed("mix", family="composition", shares=shares)
    return replace(
        drift,
        reasons=(headline.statement, drift.reasons[1], reason),
        families=families,
        composition=found,
        cautions=(),
        headline=headline,
    )


def moved_clusters() -> Report:
    """Changed images that moved from cluster to cluster."""
    shares = tuple(
        ShareResult(f"cluster {k}", batch, baseline, (f"good/{HOSTILE[k]}", f"good/{k}.jpg"))
        for k, (batch, baseline) in enumerate(((0.52, 0.3), (0.08, 0.25), (0.4, 0.45)), 1)
    )
    found = CompositionResult("clusters", 0.004, 0.22, 0.02, 0.0002, "both", False, shares)
    return replace(drifted(), composition=found)


def rich() -> Report:
    """Everything at once, as a check with all explanations and a history gives it."""
    drift = drifted()
    return replace(
        drift,
        reasons=(*drift.reasons, "without the 9 most drifted images the gate passes (p = 0.037)"),
        images=parts.images(), properties=parts.measured(), scores=parts.SCORES, removal=parts.REMOVAL, groups=parts.GROUPS,
        duplicates=parts.DUPLICATES, missing=parts.MISSING, map=parts.MAP, sequence=parts.SEQUENCE,
        composition=moved_clusters().composition,
        concepts=parts.concepts(),
        rules=(RuleResult("max_loss_increase", 0.442, 0.2, True), RuleResult("require_detectable", 2, 3, False)),
        environment={**drift.environment, "python": "3.11.9", "numpy": "2.1.0"},
    )  # fmt: skip


def differing() -> Report:
    """Drift of one batch where all checks decide, and no alarm yet."""
    return replace(drifted(), exit_code=0, sequence=SequenceResult(3.18, 20.0, False, 2, 365, 42.1))


def alarmed() -> Report:
    """A good batch while the alarm of those before it stands."""
    return replace(passing(), exit_code=1, sequence=SequenceResult(21.6, 20.0, True, 3, 365, 0.8))


ALL = {
    "pass": passing, "drift": drifted, "warn": warned, "inconclusive": inconclusive,
    "rules": ruled, "exit_zero": excused, "hostile": hostile, "mix": mixed, "clusters": moved_clusters,
    "rich": rich, "differs": differing, "alarm": alarmed,
}  # fmt: skip
