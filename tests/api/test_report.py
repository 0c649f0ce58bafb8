"""`driftcli.Report`: the result with its methods stays the frozen value that it is."""

from __future__ import annotations

import dataclasses
import html
import json
import pickle
import re

import pytest

import driftcli
from driftcli.core import report as core
from driftcli.pictures.picture import Gallery, Picture
from driftcli.reports.json import Json
from driftcli.reports.markdown import Markdown
from driftcli.reports.text import Text
from tests.reports import samples

RESULTS = {name: getattr(samples, name)() for name in ("passing", "drifted", "inconclusive")}
GALLERY = Gallery((Picture("a.jpg"),), reason="drawn for this test")


@pytest.fixture(params=RESULTS)
def result(request):
    return RESULTS[request.param]


@pytest.fixture
def report(result):
    return driftcli.Report.of(result)


def test_it_holds_what_the_result_holds(result, report):
    assert isinstance(report, core.Report)
    for field in dataclasses.fields(core.Report):
        assert getattr(report, field.name) is getattr(result, field.name)


def test_it_is_as_each_format_writes_it(result, report):
    assert report.to_json() == Json().render(result)
    assert report.to_text() == Text().render(result)
    assert report.to_text(width=60, color=True, top_k=1) == Text(width=60, color=True, top_k=1).render(result)
    assert report.to_markdown(top_k=2) == Markdown(top_k=2).render(result)


def test_json_comes_back(report, tmp_path):
    """From a text, with or without a byte order mark, from a path, and from the name of one."""
    text = report.to_json()
    (tmp_path / "r.json").write_text(text, encoding="utf-8")
    again = driftcli.Report.from_json(text)
    assert type(again) is driftcli.Report
    assert json.loads(again.to_json()) == json.loads(text)
    for source in ("\ufeff " + text, tmp_path / "r.json", str(tmp_path / "r.json")):
        assert driftcli.Report.from_json(source) == again


@pytest.mark.parametrize("content", [b"{}", b"[1]", b"\xff", None])
def test_what_is_no_result_is_not_audited(tmp_path, content):
    path = tmp_path / "r.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(driftcli.NotAuditedError):
        driftcli.Report.from_json(path)


def test_equality_is_of_what_was_found_not_of_pictures(result, report):
    assert report == driftcli.Report.of(result)
    assert report == driftcli.Report.of(result, GALLERY)
    assert report != dataclasses.replace(report, exit_code=77)


def test_replace_keeps_class_and_pictures(result):
    changed = dataclasses.replace(driftcli.Report.of(result, GALLERY), exit_code=77)
    assert type(changed) is driftcli.Report
    assert (changed.exit_code, changed.gallery) == (77, GALLERY)


def test_it_is_frozen(report):
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.exit_code = 0
    with pytest.raises((AttributeError, TypeError)):
        report.more = 0


def test_it_survives_pickling_with_its_pictures(result):
    report = driftcli.Report.of(result, GALLERY)
    again = pickle.loads(pickle.dumps(report))  # noqa: S301  # our own bytes
    assert (type(again), again, again.gallery) == (driftcli.Report, report, GALLERY)


def test_its_repr_is_one_line():
    report = driftcli.Report.of(RESULTS["drifted"])
    assert re.fullmatch(
        rf"<driftcli.Report drift p=[\d.e-]+ images={report.batch.images}"
        rf" baseline='{report.reference.baseline}' exit_code=1>",
        repr(report),
    )
    hostile = dataclasses.replace(
        report, reference=dataclasses.replace(report.reference, baseline="a\n\x1b[2J\u202e")
    )
    assert repr(hostile).isprintable()
    assert " p=none " in repr(driftcli.Report.of(RESULTS["inconclusive"]))


def test_html_is_a_file_with_the_pictures_at_hand(result, tmp_path):
    """Those of the check; without them, the images are looked for again."""
    with_pictures, without = tmp_path / "a.html", tmp_path / "b.html"
    driftcli.Report.of(result, GALLERY).to_html(with_pictures)
    driftcli.Report.of(result).to_html(str(without))
    assert with_pictures.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    if result.images:
        assert GALLERY.reason in with_pictures.read_text(encoding="utf-8")
        assert GALLERY.reason not in without.read_text(encoding="utf-8")


def test_html_that_cannot_be_written_leaves_nothing(report, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(driftcli.InternalError, match="cannot write"):
        report.to_html(tmp_path / "file" / "r.html")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_notebook_gets_the_page_in_a_frame(result, monkeypatch):
    """Which runs no script and, however it is displayed, reads no image."""
    from driftcli.pictures import gallery

    monkeypatch.setattr(gallery, "read_again", lambda *_: pytest.fail("an image was read"))
    frame = driftcli.Report.of(result)._repr_html_()
    found = re.fullmatch(r'<iframe sandbox srcdoc="([^"]*)" style="[^"]*"></iframe>', frame)
    assert html.unescape(found[1]).startswith("<!DOCTYPE html>")


def test_a_bundle_is_read_with_its_pictures(report, tmp_path):
    from driftcli.reports.bundle import Bundle

    folder = tmp_path / "bundle"
    for name, data in Bundle().files(report, Gallery((Picture("a.jpg"),))).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    again = driftcli.report(folder)
    assert json.loads(again.to_json()) == json.loads(report.to_json())
    assert [picture.name for picture in again.gallery.worst] == ["a.jpg"]


def test_a_saved_result_is_read(report, tmp_path):
    (tmp_path / "r.json").write_text(report.to_json(), encoding="utf-8")
    assert driftcli.report(tmp_path / "r.json") == driftcli.Report.from_json(report.to_json())
