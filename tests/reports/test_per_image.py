"""One row an image: CSV, Parquet and data frame say the same, each typed as it can."""

from __future__ import annotations

import csv
import io
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import driftcli
from driftcli.audit.measured import properties
from driftcli.core.errors import UsageError
from driftcli.core.features import Column, Features
from driftcli.core.findings import PropertyResult
from driftcli.extractors.base import Runtime
from driftcli.extractors.properties import COLUMNS, Properties
from driftcli.reference.families import Family
from driftcli.reports import parquet as room
from driftcli.reports.csv import Csv
from driftcli.reports.layout.per_image import columns
from driftcli.reports.parquet import Parquet
from tests.reports import samples

FIRST = [
    "rank", "path", "score", "family", "p_value", "significant", "content", "neighbour", "reasons", "subject",
]  # fmt: skip
EMPTY = {"", None}


def rows_of_csv(report):
    return list(csv.DictReader(io.StringIO(Csv().render(report), newline="")))


def rows_of_parquet(report):
    pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    return pq.read_table(io.BytesIO(Parquet().data(report)))


def test_the_first_columns_are_these_and_what_was_measured_follows():
    """Scripts read CSV by place, too: nothing that was there moves."""
    assert [column.name for column in columns(samples.rich())] == [*FIRST, "brightness", "hue", "camera"]
    assert [column.name for column in columns(samples.passing())] == FIRST


@pytest.mark.parametrize("name", ["rich", "passing", "hostile", "inconclusive"])
def test_csv_and_parquet_say_the_same(name):
    report = samples.ALL[name if name != "passing" else "pass"]()
    table = rows_of_parquet(report)
    texts = rows_of_csv(report)
    assert table.num_rows == len(texts) == len(report.images)
    for column in columns(report):
        told = table.column(column.name).to_pylist()
        for value, cell in zip(told, (row[column.name] for row in texts), strict=True):
            if value is None:
                assert cell == ""
            elif column.type in {"integer", "number"}:
                assert float(cell) == pytest.approx(value, rel=1e-9)
            elif column.type == "truth":
                assert cell == str(value).lower()
            else:
                assert bool(cell) == bool(value)


def test_parquet_has_types_units_and_the_check_itself():
    table = rows_of_parquet(samples.rich())
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds["rank"] == "int64"
    assert kinds["brightness"] == kinds["p_value"] == "double"
    assert kinds["significant"] == "bool"
    assert kinds["reasons"].startswith("list<")
    assert kinds["camera"].startswith("dictionary<")
    assert table.schema.field("hue").metadata == {b"unit": b"turns"}
    assert table.schema.metadata[b"driftcli.verdict"] == b"drift"
    assert table.column("camera").to_pylist()[:3] == [None, "Nikon D5, \u202eback", "none"]


def test_a_frame_is_typed_and_sorted():
    pytest.importorskip("pandas")
    frame = driftcli.Report.of(samples.rich()).to_frame()
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert kinds["rank"] == "int64"
    assert kinds["score"] == kinds["p_value"] == kinds["brightness"] == "float64"
    assert kinds["significant"] == "bool"
    assert kinds["family"] == kinds["camera"] == "category"
    assert list(frame["rank"]) == list(range(1, 31))
    assert frame["hue"].isna().sum() == 20
    assert frame["p_value"].isna().sum() == 1
    assert frame["neighbour"].isna().sum() == 7
    assert isinstance(frame["reasons"][0], list)
    assert len(driftcli.Report.of(samples.inconclusive()).to_frame()) == 0


def test_rows_follow_the_ranking_and_measurements_their_images():
    """Whatever order a result was saved in."""
    rich = samples.rich()
    turned = replace(
        rich,
        images=rich.images[::-1],
        properties=tuple(replace(one, values=one.values[::-1]) for one in rich.properties),
    )
    assert Csv().render(turned) == Csv().render(rich)


def test_a_name_that_is_taken_has_its_family_before_it():
    clash = PropertyResult("score", "file", "linear", "", (1.0,) * 30)
    assert columns(replace(samples.rich(), properties=(clash,)))[-1].name == "file.score"
    cut = replace(clash, values=(1.0,))
    assert [column.name for column in columns(replace(samples.rich(), properties=(cut,)))] == FIRST


def test_without_the_libraries_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="needs pandas") as caught:
        driftcli.Report.of(samples.rich()).to_frame()
    assert caught.value.hint == "pip install pandas"
    monkeypatch.setattr(room, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="needs pyarrow") as caught:
        Parquet().data(samples.rich())
    assert "driftcli[parquet]" in caught.value.hint


# ---------------------------------------------------------------- what was measured


def family(view, cols, *, named=True):
    return Family(view, view, "on", None, cols, {}, named=named)


def batch(views, levels=()):
    n = len(next(iter(views.values())))
    zeros = np.zeros(n, np.uint64)
    names = tuple(f"{i}.png" for i in range(n))
    return Features(names, np.array([b"0"] * n, "S64"), zeros, zeros, views, levels=dict(levels))


def test_logarithms_are_undone_and_missing_values_stay_missing():
    values = np.array([[np.log2(1600), 0.25], [np.nan, np.inf]], np.float32)
    told = properties(
        [family("file", (Column("iso", unit="log2 ISO"), Column("x")))], batch({"file": values}), [1, 0]
    )
    assert [(one.name, one.unit) for one in told] == [("iso", "ISO"), ("x", "")]
    assert told[0].values[0] is None
    assert told[0].values[1] == pytest.approx(1600, rel=1e-5)
    assert told[1].values == (None, 0.25)


def test_only_what_has_a_name_is_told_and_the_loss():
    views = {
        "properties": np.ones((2, 1)),
        "style": np.ones((2, 3)),
        "error": np.array([[0.5, 7], [0.25, 7]]),
    }
    families = [
        family("style", (), named=False),
        family("properties", (Column("brightness"),)),
        family("error", (Column("loss"), Column("log_mse")), named=False),
    ]
    told = properties(families, batch({name: x.astype(np.float32) for name, x in views.items()}), [0, 1])
    assert [one.name for one in told] == ["brightness", "loss"]
    assert told[1].values == (0.5, 0.25)


def test_end_to_end_each_row_is_what_the_extractor_measures(world, drift, tmp_path):
    """A twin: every listed image measured again by itself, without driftcli's reading of folders."""
    from driftcli.core.images import Frame
    from driftcli.sources.decoding.decode import decode
    from driftcli.sources.decoding.settings import Decode

    saved = tmp_path / "new" / "result.json"
    assert (
        drift(
            "check", world.ref, world.bright, "-q", "--workers", 1, "-o", saved, "-o", tmp_path / "a.csv"
        ).code
        == 1
    )
    report = driftcli.report(saved)
    assert len(report.images) == 24
    measured = {one.name: one for one in report.properties}
    assert set(measured) == {"loss", *(column.name for view in COLUMNS.values() for column in view)}
    extractor = Properties()
    for at in (0, 7, 23):
        upright = decode(Path(report.images[at].path).read_bytes(), Decode(), 0)
        row = extractor.prepare(Frame(upright.image, upright.facts))
        views = extractor.extract({}, row[None], Runtime("cpu"))
        names = extractor.levels(upright.facts)
        for view, values in views.items():
            for column, value in zip(COLUMNS[view], values[0], strict=True):
                told = measured[column.name].values[at]
                if column.kind == "category":
                    assert measured[column.name].levels[int(told)] == names[int(value)]
                elif math.isnan(value):
                    assert told is None
                elif not column.unit.startswith("log2"):
                    assert told == pytest.approx(float(value), rel=1e-6)
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == [image.path for image in report.images]
    assert Image.open(report.images[0].path).size == (64, 64)
