"""`driftcli power`: its forms, its page and its exit codes."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys

import jsonschema
import pytest
from rich.cells import cell_len

from driftcli.core.errors import UsageError
from driftcli.core.power_report import NullRow, PowerCell, PowerReport, Rate
from driftcli.core.typed_json import build
from driftcli.reports.power import json as _power_json
from driftcli.reports.power import plot
from driftcli.reports.power import text as _power_text
from tests.journey import pictures

GRID = (
    "--corruption",
    "darken",
    "--corruption",
    "jpeg",
    "--severity",
    "1,3",
    "--share",
    "100%,30%",
    "--batch",
    "5,10",
)
SHORT = (*GRID, "--trials", "4", "--workers", "1")
TIMES = ("created", "timing")


@pytest.fixture(scope="module")
def once(world, tmp_path_factory):
    """One run in every form."""
    from driftcli.cli import app

    folder = tmp_path_factory.mktemp("power")
    files = [
        f"{kind}={folder / name}"
        for kind, name in (("json", "p.json"), ("csv", "p.csv"), ("plot", "p.png"), ("text", "p.txt"))
    ]
    outputs = [word for file in files for word in ("-o", file)]
    code = app.run(
        ["power", str(world.ref), str(world.good), *SHORT, "--foreign", str(world.bright), *outputs, "-q"]
    )
    assert code == 0
    return folder


def found(folder) -> dict:
    return json.loads((folder / "p.json").read_text())


def test_json_keeps_to_its_schema_and_comes_back(once):
    result = found(once)
    validator = jsonschema.Draft202012Validator(_power_json.schema())
    validator.validate(result)
    report = build(PowerReport, result)
    assert isinstance(report, PowerReport)
    assert json.loads(_power_json.to_json(report)) == result
    assert len(result["cells"]) == 2 * 2 * 2 * 2 + 2 * 2
    cell = result["cells"][0]
    assert (cell["corruption"], cell["severity"], cell["amount"], cell["share"], cell["batch"]) == (
        "darken",
        1,
        0.2,
        0.3,
        5,
    )
    assert list(cell["rates"]) == ["gate", *result["families"]]
    assert result["families"] == {"reconstruction": "on", "latent": "advisory", "properties": "on"}
    assert [row["batch"] for row in result["null"]] == [5, 10]


@pytest.mark.parametrize(
    "wrong", [{"kind": "result"}, {"cells": [{}]}, {"alpha": 2}, {"null": None}, {"schema_version": 2}]
)
def test_the_schema_refuses_what_is_none(once, wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(_power_json.schema()).validate({**found(once), **wrong})


def test_csv_has_a_row_for_every_cell_and_family(once):
    rows = list(csv.DictReader(io.StringIO((once / "p.csv").read_text())))
    result = found(once)
    families = 4
    assert len(rows) == families * (len(result["cells"]) + len(result["null"]))
    told = [row for row in rows if row["corruption"] != "none"]
    for cell, row in zip(result["cells"], told[::families], strict=True):
        assert row["family"] == "gate"
        assert float(row["rate"]) == cell["rates"]["gate"]["rate"]
        assert (row["severity"] == "") == (cell["severity"] is None) == (cell["corruption"] == "foreign")
        assert row["inferred"] == str(cell["inferred"]).lower()
    assert {row["share"] for row in rows if row["corruption"] == "none"} == {"0"}


def test_the_plot_is_a_picture(once):
    """Large enough to read; the same report gives the same bytes, in every form."""
    from PIL import Image

    with Image.open(once / "p.png") as picture:
        assert min(picture.size) > 300
    report = build(PowerReport, found(once))
    for form, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        drawn = plot.to_plot(report, form)
        assert drawn.startswith(start)
        assert drawn == plot.to_plot(report, form)


@pytest.mark.parametrize("kept", [("jpeg",), ("jpeg", "gaussian_blur", "foreign")])
def test_nothing_is_cut_off_the_picture(kept):
    """However few panels it has: its border is white, with no letter across it."""
    import numpy as np
    from PIL import Image

    few = report(cells=tuple(cell for cell in report().cells if cell.corruption in kept))
    with Image.open(io.BytesIO(plot.to_plot(few))) as picture:
        drawn = np.asarray(picture.convert("L"))
    for edge in (drawn[:, :2], drawn[:, -2:], drawn[:2], drawn[-2:]):
        assert (edge == 255).all()


def test_the_same_answer_from_other_names_and_more_workers(drift, world, once, tmp_path):
    """File order and workers leave no trace; another seed does."""
    other = tmp_path / "other"
    other.mkdir()
    for number, path in enumerate(sorted(world.good.iterdir(), reverse=True)):
        shutil.copy(path, other / f"{number:04d}.jpg")
    argv = (
        "power",
        world.ref,
        other,
        *GRID,
        "--trials",
        4,
        "--foreign",
        world.bright,
        "-f",
        "json",
        "--workers",
        2,
    )
    again = json.loads(drift(*argv).out)
    first = found(once)
    for key in first:
        if key not in (*TIMES, "source"):
            assert again[key] == first[key], key
    assert json.loads(drift(*argv, "--seed", 1).out)["null"] != first["null"]


def test_the_page(drift, world):
    ran = drift("power", world.ref, world.good, *SHORT)
    assert (ran.code, ran.err.count("error")) == (0, 0)
    for words in (
        "POWER",
        "Found in 80 %",
        "Which family finds what",
        "False alarms",
        "Darken",
        "JPEG quality 60",
        "0.2 stops",
    ):
        assert words in ran.out
    assert "Cautions" in ran.out
    assert "it is used without them" in " ".join(ran.out.split())


def test_quiet_is_one_line(drift, world):
    ran = drift("power", world.ref, world.good, *SHORT, "-q")
    assert re.fullmatch(
        r"power found=\d/2 batch=10 false_alarms=[\d.]+% images=20 baseline=default\n", ran.out
    )


def report(**more) -> PowerReport:
    """Three severities, three shares, four sizes; every rate of two digits once."""
    cells = [
        PowerCell(
            name,
            s,
            s * 10.0,
            "% of something long to say (really)",
            share,
            m,
            1,
            50,
            s == 3,
            {"gate": r, "style": r, "content": r},
            "% of something long to say",
        )
        for name in ("gaussian_blur", "jpeg")
        for s in (1.0, 2.0, 3.0)
        for share in (0.1, 0.3, 1.0)
        for m in (10, 20, 50, 100)
        for r in [Rate(min(1.0, s * share * m / 50), 0.0 if s * share * m < 5 else 0.3, 1.0)]
    ]
    cells += [
        PowerCell(
            "foreign",
            None,
            None,
            None,
            0.3,
            10,
            3,
            50,
            False,
            {name: Rate(0.5, 0.3, 0.7) for name in ("gate", "style", "content")},
        )
    ]
    base = {
        "tool": {"name": "driftcli", "version": "1"}, "created": "now", "artifact": "ref\x1b[31m", "digest": "d" * 64,
        "baseline": "default", "source": ("a\u202eb",), "foreign": ("x" * 300,), "alpha": 0.01, "trials": 50, "images": 200,
        "baseline_images": 400, "left_out": 0, "families": {"style": "on", "content": "advisory"}, "cautions": ("careful \x1b[2J",), "cells": tuple(cells),
        "null": (NullRow(10, 200, {"gate": Rate(0.01, 0.0, 0.03)}),),
    }  # fmt: skip
    return PowerReport(**(base | more))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_no_line_is_wider_than_the_page_and_no_name_commands_the_terminal(width, ascii_only):
    text = _power_text.to_text(report(), width=width, ascii_only=ascii_only)
    assert all(cell_len(line) <= width for line in text.split("\n"))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]| \n|\n\n\n", text)
    assert not ascii_only or text.isascii()
    assert "\x1b" in _power_text.to_text(report(), width=width, color=True)


def test_shares_stand_side_by_side_where_there_is_room():
    wide, narrow = (_power_text.to_text(report(), width=width) for width in (100, 60))
    assert "all images" in wide
    assert wide.count("  Gaussian blur  ") == 3  # summary, families, one table
    assert narrow.count("  Gaussian blur  ") == 5  # and one table for each share


def test_columns_stand_under_their_batch_sizes():
    lines = _power_text.to_text(report(), width=100).splitlines()
    at = next(i for i, line in enumerate(lines) if "all images" in line)
    ends = [match.end() for match in re.finditer(r"\d+", lines[at + 1])]
    row = lines[at + 3]
    assert len(ends) == 12
    assert all(row[end - 1] in "0123456789·" and row[end : end + 1] in ("", " ") for end in ends)
    assert lines[at].index("all images") < ends[0] < lines[at].index("30 % of them") < ends[4]


def test_a_rate_is_1_only_for_all():
    from driftcli.reports.power.words import two

    assert [two(rate) for rate in (0, 0.004, 0.5, 0.996, 1.0)] == [".00", ".00", ".50", ".99", "1.00"]


def test_a_report_without_cells_is_still_a_page():
    assert "POWER" in _power_text.to_text(report(cells=(), null=()))
    assert "found=0/0" in _power_text.quiet_line(report(cells=(), null=()))


# ---------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    "wrong",
    [
        ("--corruption", "gausian_blur"), ("--severity", "7"), ("--severity", "x"), ("--share", "0"), ("--batch", "1"),
        ("--trials", "0"), ("--trials", "many"), ("--images", "5"), ("--alpha", "2"), ("--alpha", "0.0001"), ("-f", "markdown"),
        ("-f", "plot"), ("-o", "plot=power.gif"), ("-o", "power.gif"), ("-o", "power"), ("--baseline", "none"),
        ("--set", "input.group_by=folder"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_2_and_shows_nothing(drift, world, wrong):
    ran = drift("power", world.ref, world.good, *wrong)
    assert (ran.code, ran.out) == (2, "")
    assert "error: " in ran.err
    assert "hint: " in ran.err


def test_without_matplotlib_a_plot_is_2_with_what_to_install(drift, world, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    ran = drift("power", world.ref, world.good, "-o", f"plot={tmp_path / 'p.png'}")
    assert (ran.code, ran.out) == (2, "")
    assert "pip install matplotlib" in ran.err
    with pytest.raises(UsageError):
        plot.require()


def test_too_few_images_are_3(drift, world, tmp_path):
    few = pictures(tmp_path / "few", 12, 77)
    ran = drift("power", world.ref, few, *SHORT, "--batch", "10")
    assert (ran.code, ran.out) == (3, "")
    assert "at least 20" in ran.err


def test_without_a_baseline_or_a_source_it_is_3(drift, world):
    assert drift("power", world.bare, world.good, *SHORT).code == 3
    assert drift("power", world.ref, world.root / "nothing", *SHORT).code == 3
    assert drift("power", world.ref, world.good, *SHORT, "--foreign", world.root / "nothing").code == 3


def test_foreign_images_that_are_good_ones_are_3(drift, world):
    ran = drift("power", world.ref, world.good, *SHORT, "--foreign", world.good)
    assert (ran.code, ran.out) == (3, "")
    assert "--foreign" in ran.err


def test_images_that_the_reference_was_fitted_on_are_left_out(drift, world):
    """Of the folder that `fit` divided only what it held out is drawn from."""
    result = json.loads(drift("power", world.ref, world.train, *SHORT, "-f", "json").out)
    assert any("that the reference was fitted on are left out" in line for line in result["cautions"])
    assert (result["left_out"], result["baseline_images"]) == (0, 110)
    assert 20 <= result["images"] < 90


def test_unchanged_batches_that_fire_are_a_caution(drift, world):
    """Bright images are no good ones: their rates say nothing of corruptions, and the page says so."""
    result = json.loads(drift("power", world.ref, world.bright, *SHORT, "-f", "json").out)
    assert any("before anything is done to them" in line for line in result["cautions"])
