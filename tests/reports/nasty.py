"""One foreign name in every place of a result where one can stand, and names that every format has to survive."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from driftcli.core.findings import (
    CorruptionMatch,
    Diagnosis,
    DuplicateResult,
    FileResult,
    GroupResult,
    MissingResult,
    Outside,
    RemovalResult,
    ShareResult,
)
from driftcli.core.report import Report, RuleResult
from tests.reports import samples

NASTY = (
    *samples.HOSTILE,
    "@everyone", "see a@b.example", "https://evil.example/x.jpg", "HTTP://EVIL.example", "www.evil.example", "#12", "GH-7",
    "a|b.jpg", "a\\|b.jpg", "|||", "\\", "`code`", "``", "`", " `", "<img src=x onerror=alert(1)>", "<!-- ", "&lt;b&gt;",
    "![x](https://evil.example)", "[x]: https://evil.example", "# heading", "1. one", "- item", "+ plus", "> quote", "---",
    "===", "    code", "*a* _b_ ~~c~~ $d$", "]]>", "<![CDATA[", "[[ATTACHMENT|/etc/passwd]]", "[[attachment|x]]",
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "a,b;c", 'say "hi"', "'", "\x00", "\ufffe\uffff", "\ufeffx",
    "  spaced  ", " ", "\xa0", "x" * 5000, "EOF", "##[error]fake", "::stop-commands::x", "%0A::error::fake", "a: b, c",
    "{{ x }}", "${{ secrets.X }}", "$(touch x)", '"} 1\nfake_metric 1', "a\\nb",
)  # fmt: skip
NAMES = st.sampled_from(NASTY) | st.text(st.characters(codec=None, exclude_categories=()), max_size=40)


def named(name: str) -> Report:
    """The rich result, with this name wherever a user's name can be."""
    rich = samples.rich()
    found, match = rich.composition, CorruptionMatch(name, 2, 0.9, name)
    assert found is not None
    assert rich.sequence is not None
    return replace(
        rich, reasons=(f"{name} differs", name), cautions=(name, f"caution {name}"),
        diagnosis=(
            Diagnosis(name, kind="level", statistic=name, level=name, towards=name),
            Diagnosis(f"Images are {name}", kind="shift", family=name, statistic=name, word=name, shift_sd=1.0, before=0.1, after=0.2, unit=name),
            Diagnosis(name, name, 2, 0.9, kind="like", corruptions=(match,), nearest_other=match),
        ),
        images=tuple(replace(image, path=name if image.rank < 3 else f"{name}/{image.rank}", neighbour=name, reasons=(name, "blurrier")[: image.rank], outside=(Outside(name, "level", 0.1, level=name),) if image.rank == 1 else ()) for image in rich.images),
        files=(FileResult(name, "unreadable", "truncated"), FileResult(f"x/{name}", "skipped", "hidden")),
        groups=(GroupResult(name, 3, 0.5, 0.4, 0.001, True), GroupResult(f"{name}2", 3, 0.5)),
        batch=replace(rich.batch, source=(name, f"{name}/b")),
        reference=replace(rich.reference, artifact=name, baseline=name),
        rules=(RuleResult(name, 0.4, 0.2, True), RuleResult(name, 0.4, 0.2, False)),
        composition=replace(found, shares=(ShareResult(name, 0.9, 0.5, (name,)),), reason=name, residual_p_value=None),
        sequence=replace(rich.sequence, group=name),
        duplicates=(DuplicateResult("exact", "batch", (name, name)),),
        missing=(MissingResult(name, 0.9),), removal=RemovalResult((), None, name),
    )  # fmt: skip
