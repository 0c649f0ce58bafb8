"""Python and the command line find the same, on a real artifact."""

from __future__ import annotations

import dataclasses

import driftcli
from driftcli.reports.json import parse

TIMES = {"created": "", "timing": {}}


def test_the_same_report_with_pictures(world, check, tmp_path):
    """Field for field; the pictures are of the most drifted images, and make the page."""
    report = driftcli.check(world.ref, world.bright, pictures=True, workers=1)
    line = driftcli.Report.of(parse(check(world.ref, world.bright).out))
    again = driftcli.Report.from_json(report.to_json())
    assert dataclasses.replace(again, **TIMES) == dataclasses.replace(line, **TIMES)
    shown = [picture.name for picture in report.gallery.worst if picture.image]
    assert shown == [image.path for image in report.images[: len(shown)]]
    assert shown
    report.to_html(tmp_path / "with.html")
    dataclasses.replace(report, gallery=driftcli.Report.of(report).gallery).to_html(tmp_path / "again.html")
    pages = [(tmp_path / name).read_text(encoding="utf-8") for name in ("with.html", "again.html")]
    assert all("data:image/webp" in page for page in pages)
    assert pages[0] != pages[1]  # heat maps need the artifact
