"""What the HTML report promises: sound, safe and self-contained pages that say what the text says."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.core import sentences
from driftcli.core.evidence import DisplayEffect
from driftcli.core.findings import (
    CompositionResult,
    Diagnosis,
    Distribution,
    DuplicateResult,
    FileResult,
    GroupResult,
    ImageResult,
    MapResult,
    MissingResult,
    RemovalResult,
    ScoreResult,
    ShareResult,
)
from driftcli.core.report import FamilyResult, Report, StatisticResult
from driftcli.core.text import safe_name
from driftcli.pictures.picture import Gallery
from driftcli.reports.content import verdict as _verdict
from driftcli.reports.content.report import document
from driftcli.reports.content.scores import quantile, share_above
from driftcli.reports.content.subject import PAGE
from driftcli.reports.html import Html
from driftcli.reports.plots import check
from driftcli.reports.plots.svg import Mark
from tests.reports import samples
from tests.reports.page import gallery, plain, read, sound, webp

MEGABYTE = 1_000_000
OPEN = [
    "images",
    "changes",
    "shows",
    "mix",
    "evidence",
    "properties",
    "missing",
    "rules",
    "groups",
    "files",
    "sequence",
]
FOLDED = ["scores", "map", "duplicates", "sight", "false-alarms", "again"]


def folder(report: Report, pictures: Gallery | None = None) -> dict[str, bytes]:
    return dict(Html().files(report, pictures or Gallery()))


@pytest.mark.parametrize("name", samples.ALL)
def test_every_page_is_sound(name):
    """In both forms, with hostile names too."""
    report = samples.ALL[name]()
    sound(Html().render(report))
    sound(folder(report)["index.html"].decode())


def test_the_whole_story_is_sound_with_its_pictures_and_in_its_order():
    report = samples.rich()
    pictures = gallery(report)
    for page in (Html().render(report, pictures), folder(report, pictures)["index.html"].decode()):
        sound(page)
        assert [one.attributes["id"] for one in read(page).all("section")] == OPEN + FOLDED
        assert folded(page) == FOLDED


def folded(page: str) -> list[str]:
    return [one.attributes["id"] for one in read(page).all("section") if "class" in one.attributes]


@pytest.mark.parametrize("name", samples.ALL)
def test_folded_is_exactly_what_found_nothing_or_is_for_whoever_wants_it_all(name):
    report = samples.ALL[name]()
    sections = [one for one in document(report, PAGE).sections if not one.lead]
    closed = [one.anchor for one in sections if one.detail or not one.found]
    assert folded(Html().render(report)) == closed
    if report.verdict == "pass" and not any(rule.failed for rule in report.rules):
        standing = {"sequence"} if report.outcome == "alarm" else set()
        assert {one.anchor for one in sections} - set(closed) <= {"files", "groups", "mix"} | standing


def strip(page: str) -> list[str]:
    """The items of the strip, as they stand in the page."""
    whole = re.search(r'<ol class="strip">(.*?)</ol>', page, re.DOTALL)
    return [] if whole is None else re.findall(r"<li>(.*?)</li>", whole[1], re.DOTALL)


@pytest.mark.parametrize("name", samples.ALL)
def test_below_the_verdict_are_at_most_six_images_each_beside_its_nearest_good_one(name):
    """The first of the ranking with their reasons; three where nothing was found."""
    report = samples.ALL[name]()
    page = Html().render(report, gallery(report))
    items = strip(page)
    ranked = sorted(report.images, key=lambda image: image.rank)[: 3 if report.verdict == "pass" else 6]
    assert len(items) == len(ranked)
    for item, image in zip(items, ranked, strict=True):
        found = read(item)
        alts = [picture.attributes["alt"] for picture in found.all("img")]
        assert [alt.split(":")[0].split(",")[0] for alt in alts] == [f"The image {image.rank}", f"The good image most like image {image.rank}"]  # fmt: skip
        assert f"#image-{image.rank}" in found.values("href")
        reasons = [sentences.outside_short(fact) for fact in image.outside] or image.reasons or ["found by"]
        assert any(safe_name(reason) in plain(found.text) for reason in reasons)
    if items:
        assert page.index('class="verdict') < page.index('class="strip"') < page.index("<section")


def test_what_an_image_shows_is_said_where_no_reason_says_it():
    report = samples.rich()
    image = replace(report.images[0], subject="umbrella")
    page = Html().render(replace(report, images=(image, *report.images[1:])))
    assert "shows umbrella; " in plain(read(strip(page)[0]).text)
    assert "shows" not in plain(read(strip(page)[1]).text)


def test_without_pictures_the_strip_has_places_for_them_and_says_why():
    report = samples.rich()
    page = Html().render(report, Gallery(reason="the images have changed since"))
    assert len(strip(page)) == 6
    assert all("no picture" in item and "<img" not in item for item in strip(page))
    assert "No pictures: the images have changed since." in plain(read(page).text)


def card(page: str, rank: int) -> str:
    """The row of one image in the ranking."""
    return page.split(f'<li id="image-{rank}"')[1].split('<li id="image-', maxsplit=1)[0]


def test_a_row_shows_three_pictures_and_all_pictures_can_be_opened_without_a_script():
    """The image, the nearest good one, the map of the family that found it; the rest on demand."""
    report = samples.rich()
    pictures = gallery(report)
    worst = replace(pictures.worst[0], heat={report.images[0].family: webp(1), "other": webp(2)})
    page = Html().render(report, replace(pictures, worst=(worst, *pictures.worst[1:])))
    row = card(page, 1)
    seen, rest = row.split('<details class="more">')
    assert [alt.split(",")[0] for alt in read(seen).values("alt")] == ["The image 1", "The good image most like image 1", "Where image 1"]  # fmt: skip
    assert len(read(rest).all("img")) == 2
    opened = [one for one in read(page).all("details") if one.attributes.get("class", "").startswith("zoom")]
    assert {one.attributes["name"] for one in opened} == {"zoom"}
    peeks = len(re.findall(r'class="peek"', page))
    assert len(opened) + len(strip(page)) == len(read(page).all("img")) - peeks


def test_the_strip_compares_like_with_like():
    """Good images are kept small: beside one, a larger copy of the batch's image would look sharper."""
    report = samples.rich()
    pictures = gallery(report)
    worst = replace(pictures.worst[0], large=webp(77, 20.0, (400, 300)))
    page = Html().render(report, replace(pictures, worst=(worst, *pictures.worst[1:])))
    assert 'width="400"' not in strip(page)[0]
    assert 'width="400"' in card(page, 1)


def test_the_folder_holds_what_the_page_asks_for_and_neither_style_nor_picture_inside_it():
    """It can be read under `default-src 'none'; img-src 'self'; style-src 'self'`."""
    report = samples.rich()
    files = folder(report, gallery(report))
    page = files["index.html"].decode()
    found = read(page)
    assert not found.all("style")
    assert "data:" not in page
    asked = {*found.values("src"), *(link for link in found.values("href") if not link.startswith("#"))}
    assert asked == files.keys() - {"index.html"}


def test_the_files_policy_allows_its_own_style_and_nothing_else():
    """The hash is the style's, byte for byte."""
    page = Html().render(samples.drifted())
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(meta for meta in read(page).all("meta") if "http-equiv" in meta.attributes).attributes[
        "content"
    ]
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize("name", samples.ALL)
def test_the_page_says_what_the_text_says(name):
    """Verdict, reasons, cautions and diagnosis, word for word."""
    report = samples.ALL[name]()
    said = plain(read(Html().render(report)).text)
    told = {found.statement for found in report.diagnosis}
    reasons = [reason for reason in report.reasons if reason not in told]
    for line in (_verdict.sentence(report), *reasons[1:], *report.cautions, *told):
        assert plain(safe_name(line)) in said


def test_the_same_result_gives_the_same_bytes():
    report = samples.rich()
    pictures = gallery(report, worst=3, thumbnails=5)
    assert Html().render(report, pictures) == Html().render(report, pictures)
    assert folder(report, pictures) == folder(report, pictures)


def test_twenty_four_images_with_all_their_pictures_stay_far_below_five_megabytes():
    report = samples.rich()
    page = Html().render(report, gallery(report))
    assert len(page) < 3 * MEGABYTE
    strip_of, leading_nowhere = 6 * 2, 24 - 6
    assert len(read(page).all("img")) == 24 * 5 + len(report.missing) + 40 + strip_of + leading_nowhere
    assert "left out" not in read(page).text


def test_a_page_never_passes_five_megabytes_and_says_what_it_left_out():
    """Noise does not compress; the folder has all of it."""
    report = samples.rich()
    report = replace(
        report,
        map=replace(
            report.map, baseline=report.map.baseline[:10], baseline_names=report.map.baseline_names[:10]
        ),
    )
    pictures = replace(
        gallery(report, thumbnails=0),
        thumbnails={name: webp(n, 90.0, (600, 600)) for n, name in enumerate(report.map.baseline_names)},
    )
    pictures = replace(
        pictures,
        worst=tuple(replace(one, image=webp(n, 90.0, (500, 500))) for n, one in enumerate(pictures.worst)),
    )
    page = Html().render(report, pictures)
    assert 4 * MEGABYTE < len(page) < 5 * MEGABYTE
    left = int(re.search(r"(\d+) pictures left out", read(page).text)[1])
    shown, whole = (
        len(read(page).all("img")),
        len(read(folder(report, pictures)["index.html"].decode()).all("img")),
    )
    assert left == whole - shown > 0
    assert "left out" not in read(folder(report, pictures)["index.html"].decode()).text


def test_points_of_the_map_lead_to_their_images_by_name():
    """A batch's image that is seen among the most drifted to its place there, another to its own picture, the rest nowhere."""
    report = samples.rich()
    found = read(Html().render(report, gallery(report, thumbnails=7)))
    points = [link for link in found.all("a") if re.match("#(image|point)-", link.attributes["href"])]
    names = {link.text: link.attributes["href"] for link in points}
    for image in report.images[:6]:
        assert names[safe_name(image.path)] == f"#image-{image.rank}"
    for image in report.images[6:24]:
        assert names[safe_name(f"{image.path} (batch)")].startswith("#point-")
    hrefs = {href for href in names.values() if "point" in href}
    assert hrefs == {f"#point-{n}" for n in range(1, 7 + 18 + 1)}
    assert len(points) == len(strip(Html().render(report))) + 6 + len(hrefs)


def test_a_page_without_pictures_says_why():
    page = Html().render(samples.rich(), Gallery(reason="the images have changed since"))
    assert "No pictures: the images have changed since." in plain(read(page).text)


def test_a_heat_map_says_what_its_colours_mean():
    """Where they begin and end; nothing where nobody said."""
    page = Html().render(samples.rich(), gallery(samples.rich(), worst=1))
    assert "style: 1.5 to 4 times what is usual" in read(page).text
    assert "reconstruction: " not in read(page).text


def test_how_many_images_are_omitted_is_said():
    page = Html(top_k=4).render(samples.rich())
    assert "4 of 127" in plain(read(page).text)
    assert "and 26 more in the JSON result" in plain(read(page).text)


def test_bytes_that_are_no_picture_are_none():
    """They reach neither the page nor its folder."""
    report = samples.rich()
    image = report.images[0].path
    bad = replace(gallery(report, worst=1), thumbnails={image: b"<script>alert(1)</script>"})
    bad = replace(bad, worst=(replace(bad.worst[0], image=b"RIFF....WEBP"),))
    assert b"<script>alert(1)</script>" not in folder(report, bad).values()
    sound(Html().render(report, bad))


NAMES = st.text(st.characters(codec=None, exclude_categories=()), max_size=40) | st.sampled_from(
    samples.HOSTILE
)


@settings(max_examples=10, deadline=None)
@given(NAMES, NAMES)
def test_no_name_breaks_the_page(name, other):
    """Whatever a file, a group, a family or a reason is called."""
    drift = samples.drifted()
    score = ScoreResult(other, (0.0, 1.0, 2.0), (0.2, 0.8), (0.9, 0.1), 1.5)
    report = replace(
        drift, reasons=(other, name), cautions=(name,), diagnosis=(Diagnosis(other), Diagnosis(f"{name}: {other}")),
        images=(ImageResult(name, 1, 0.5, other, (name, other), neighbour=other),), files=(FileResult(other, "unreadable", name),),
        groups=(GroupResult(name, 1, 0.1),), scores=(score,), missing=(MissingResult(other, 0.9),),
        duplicates=(DuplicateResult("near", "batch", (name, other)),), removal=RemovalResult((name,), 0.2),
        distributions=(replace(drift.distributions[0], statistic=name),),
        map=MapResult(other, (0.5, 0.2), ((0.0, 1.0),), (other,), ((1.0, 0.0),), (name,)),
        reference=replace(drift.reference, artifact=name, baseline=other), environment={name: other, "seed": 0},
    )  # fmt: skip
    sound(Html().render(report, gallery(report)))
    folder(report)["index.html"].decode()


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(), min_size=12, max_size=12),
    st.sampled_from(["pass", "warn", "drift", "inconclusive"]),
)
def test_no_number_breaks_the_page(odd, verdict):
    """A result that was read back may hold any: it is drawn, or it is not."""
    drift = samples.drifted()
    row = StatisticResult(
        "x", odd[0], odd[1], odd[2], 0.001, odd[3], DisplayEffect("share_shift", odd[4]), odd[5], odd[6]
    )
    edges = tuple(sorted(odd[:3], key=lambda number: (math.isnan(number), number)))
    report = replace(
        drift, verdict=verdict, gate=replace(drift.gate, p_value=odd[7], effect=odd[8], effect_lower=odd[9], tolerance=odd[10]),
        families=(FamilyResult("f", "on", odd[10], odd[11], True, odd[0], odd[1], (row,)),),
        groups=(GroupResult("g", 1, odd[7], odd[8], odd[9]),), timing={"seconds": odd[9]},
        distributions=(Distribution("x", edges, tuple(odd[3:5]), tuple(odd[5:7])), Distribution("y", edges, (0.5, 0.5), (1.0, 0.0))),
        scores=(ScoreResult("f", edges, (0.5, 0.5), (1.0, 0.0), odd[6]), ScoreResult("g", (), (), (), odd[7])),
        map=MapResult("pca", tuple(odd[:2]), ((odd[2], odd[3]), (odd[4],), (1.0, 2.0)), ("a", "b", "c"), ((odd[5], odd[6]),), ("d",)),
        images=(ImageResult("a", 1, odd[8], "f", (), odd[9]),), missing=(MissingResult("m", odd[10]),),
        composition=CompositionResult("clusters", odd[0], odd[1], odd[2], odd[3], "both", False, (ShareResult("c", odd[4], odd[5]),)),
    )  # fmt: skip
    sound(Html().render(report))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any),
    st.floats(-1.0, 9.0),
    st.floats(0.01, 1.0),
)
def test_shares_and_quantiles_are_those_of_evenly_filled_bins(masses, line, level):
    """Against cumulated sums interpolated by numpy."""
    edges = list(np.cumsum([0.0, *(1.0 + n % 3 for n in range(len(masses)))]))
    rising = np.cumsum([0.0, *masses]) / sum(masses)
    assert share_above(edges, masses, line) == pytest.approx(1 - np.interp(line, edges, rising))
    assert np.interp(quantile(edges, masses, level), edges, rising) == pytest.approx(level)


def test_a_histogram_shows_the_share_of_each_bin_as_its_area():
    """Read off the drawn path: areas of both sides are to each other as their shares."""
    found = Distribution("x", (0.0, 1.0, 3.0), (0.5, 0.5), (1.0, 0.0))
    drawn = check.distribution(found, (None, None), "told")
    path = next(p for p in re.findall(r'<path d="([^"]+)"[^>]*stroke="var\(--batch\)"', drawn))
    corners = [tuple(map(float, pair.split())) for pair in path.removeprefix("M ").split(" L ")]
    ground, (left, high), (middle, _), (_, low), (right, _) = corners[0][1], *corners[1:5]
    assert (ground - high) * (middle - left) == pytest.approx((ground - low) * (right - middle), rel=0.01)


def test_a_plot_holds_no_style_and_names_its_points():
    drawn = check.scatter(
        [(0, 0), (1, 1)], [(2, 2)], ([Mark("a <b>"), Mark("b")], [Mark("c", "#image-1")]), ("x", "y"), "a map"
    )
    found = read(drawn)
    assert not found.faults
    assert not found.values("style")
    assert [one.text for one in found.all("title")] == ["a <b>", "b", "c"]
    assert [one.attributes["href"] for one in found.all("a")] == ["#image-1"]
    assert found.all("svg")[0].attributes["role"] == "group"
