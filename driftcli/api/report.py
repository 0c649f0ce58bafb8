"""The result of one check for Python callers: the published fields, and every way to show or save them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Self

from driftcli.core import report as core
from driftcli.core.output import write

if TYPE_CHECKING:
    import pandas as pd

    from driftcli.api.keywords import Name
    from driftcli.pictures.picture import Gallery

FRAME = "width:100%;height:40em;border:0"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Report(core.Report):
    """The result of one check, field for field the published JSON; frozen, `dataclasses.replace` makes another.

    verdict: "pass", "warn" (drift within the tolerance), "drift", or "inconclusive" (not audited).
    exit_code: What the command line returns: 0 the gate passed, 1 it failed, 3 not audited.
    reasons, cautions: Why, in sentences, and what a careful reader should know beside it.
    gate: `p_value` (None when nothing was tested), `alpha`, `effect_lower` (lower bound on the share of images
    that differ, 0 to 1), measured false-alarm rate, what would have been detected.
    batch, reference, ledger: What was compared with what, and where every file of the source went.
    diagnosis: What changed, as sentences with their measurements, the largest change first.
    families, distributions, images: Evidence by family, histograms by property, most drifted images first.
    gallery: Pictures for `to_html`, where the check made them; never part of a comparison or of the JSON.

    Example:
        import driftcli

        report = driftcli.check("ref", "images/today", pictures=True)
        print(report)
        report.to_html("report.html")
        print(report.to_frame().sort_values("sharpness").head())
        again = driftcli.Report.from_json(report.to_json())
        assert again.verdict == report.verdict
    """

    gallery: Gallery | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, result: core.Report, gallery: Gallery | None = None) -> Self:
        """The same result with these methods, and pictures if there are any."""
        values = {known.name: getattr(result, known.name) for known in fields(core.Report)}
        return cls(**values, gallery=gallery)

    @classmethod
    def from_json(cls, source: Name) -> Self:
        """The report that a JSON text, or the file at a path, holds. A text that begins with `{` is JSON.

        Raises NotAuditedError for a file that cannot be read, and for anything that is no result.
        """
        from driftcli.reports.json import parse
        from driftcli.reports.saved.result_file import read_result

        if isinstance(source, str) and source.lstrip("\ufeff \t\r\n").startswith("{"):
            return cls.of(parse(source))
        return cls.of(read_result(Path(source)))

    def to_json(self) -> str:
        """The published JSON, ending in a newline; floats to ten significant digits."""
        from driftcli.reports.json import Json

        return Json().render(self)

    def to_text(self, *, width: int = 100, color: bool = False, top_k: int = 10) -> str:
        """The report as on a terminal of `width` columns, naming the `top_k` most drifted images."""
        from driftcli.reports.text import Text

        return Text(width=width, color=color, top_k=top_k).render(self)

    def to_markdown(self, *, top_k: int = 10) -> str:
        """The report as GitHub-flavoured Markdown, naming the `top_k` most drifted images."""
        from driftcli.reports.markdown import Markdown

        return Markdown(top_k=top_k).render(self)

    def to_frame(self) -> pd.DataFrame:
        """A pandas data frame, one row an image, the most drifted first: what `csv` and `parquet` hold, typed.

        Columns: rank, path, score, family, p_value, significant, content, neighbour, reasons (a list), subject, then
        every property that was measured (brightness, sharpness, ..., width, format, ...). Raises UsageError where
        pandas is not installed.
        """
        from driftcli.reports.layout.per_image import frame

        return frame(self)

    def to_html(self, path: Name, *, top_k: int = 10) -> None:
        """Write the report as one self-contained page to the file at `path`, at once or not at all.

        Its pictures are those of `check(..., pictures=True)` or of a bundle; without them, thumbnails of the most
        drifted images that are still where they were and the same. Raises InternalError when writing fails.
        """
        from driftcli.pictures.gallery import read_again

        write(Path(path), self._page(self.gallery or read_again(self), top_k))

    def __repr__(self) -> str:
        p = "none" if self.gate.p_value is None else f"{self.gate.p_value:.4g}"
        return (
            f"<driftcli.Report {self.outcome} p={p} images={self.batch.images}"
            f" baseline={self.reference.baseline!r} exit_code={self.exit_code}>"
        )

    def _repr_html_(self) -> str:
        """For notebooks: the page in a frame of its own. No image is read for it."""
        from driftcli.pictures.picture import Gallery

        page = self._page(self.gallery or Gallery(reason="this report was made without pictures"))
        return f'<iframe sandbox srcdoc="{escape(page)}" style="{FRAME}"></iframe>'

    def _page(self, gallery: Gallery, top_k: int = 10) -> str:
        from driftcli.reports.html import Html

        return Html(top_k=top_k).render(self, gallery)
