"""Parquet files: which column holds the images, what the others become, and what a broken file is."""

from __future__ import annotations

import datetime as dt
import json
import sys

import pytest

from driftcli.config.settings import Input
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.images import Decoded, Entry
from driftcli.reading.open_sources import open_sources
from driftcli.sources.decoding.pool import DecodePool
from driftcli.sources.decoding.settings import Decode

pa = pytest.importorskip("pyarrow", reason="Parquet needs the extra `parquet`")
pq = pytest.importorskip("pyarrow.parquet")

FEATURES = {"photo": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}


@pytest.fixture
def cells(photo, encoded):
    """Six images as Hugging Face keeps them."""
    return [{"bytes": encoded(photo(n), "PNG"), "path": f"d/{n}.png"} for n in range(6)]


@pytest.fixture
def table(tmp_path):
    """`table(photo=[...], label=[...])`: the path of a Parquet file with these columns."""

    def write(features=None, **columns):
        made = pa.table(columns)
        if features is not None:
            made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        pq.write_table(made, tmp_path / "t.parquet", row_group_size=2)
        return str(tmp_path / "t.parquet")

    return write


def offered(path, **options):
    items = list(open_sources([path], Input(**options)))
    return [
        (
            item.name.rpartition("/t.parquet!")[2],
            dict(item.columns) if isinstance(item, Entry) else item.reason,
        )
        for item in items
    ]


def test_what_hugging_face_writes(table, cells):
    """The feature that is called an image first, class names for numbers, no other image as a column."""
    when = [dt.datetime(2026, 1, 2, tzinfo=dt.UTC)] * 6
    path = table(FEATURES, mask=cells[::-1], photo=cells, label=[0, 1, 0, 1, -1, 2], when=when)
    found = offered(path)
    assert [name for name, _ in found] == [f"d/{n}-{n}.png" for n in range(6)]
    assert [columns["label"] for _, columns in found] == ["cat", "dog", "cat", "dog", "-1", "2"]
    assert found[0][1] == {"label": "cat", "when": "2026-01-02T00:00:00+00:00"}
    with DecodePool(Decode(), {}, 1) as pool:
        read = list(pool.map(open_sources([path], Input())))
    assert sum(isinstance(item, Decoded) for item in read) == 6


@pytest.mark.parametrize(
    "names", [("anything",), ("image", "thumbnail"), ("thumbnail", "png")], ids=" and ".join
)
def test_binary_columns(table, cells, names):
    """The only one, or the one with an image's name; names of rows say what the bytes are."""
    data = [cell["bytes"] for cell in cells]
    columns = {name: data if name != "thumbnail" else [b"x"] * 6 for name in names}
    items = list(open_sources([table(**columns, score=[[0.5, 0.5]] * 6, note=[None] * 6)], Input()))
    assert [item.data for item in items] == data
    assert [item.name.rpartition("!")[2] for item in items] == [f"{n}.png" for n in range(6)]
    assert dict(items[0].columns) == {"score": "[0.5, 0.5]"}


@pytest.mark.parametrize("column", ["path", "file_name"])
def test_a_table_of_paths_is_a_manifest(table, cells, tmp_path, column):
    """Relative to the file, as in CSV; a row without one is counted."""
    for number, cell in enumerate(cells):
        (tmp_path / f"{number}.png").write_bytes(cell["bytes"])
    path = table(**{column: ["0.png", "1.png", None, "gone.png"], "label": list("abcd")})
    items = list(open_sources([path], Input()))
    assert [getattr(item, "reason", "entry") for item in items] == ["entry", "entry", "missing", "missing"]
    assert (items[0].path, items[0].columns) == (f"{tmp_path}/0.png", {"label": "a"})
    assert [item.name.rpartition("/")[2] for item in items] == ["0.png", "1.png", "t.parquet!2", "gone.png"]


def test_cells_without_bytes(table, cells, tmp_path):
    """A path alone is read from there; nothing, no bytes and no image are unreadable, each with its reason."""
    (tmp_path / "here.png").write_bytes(cells[0]["bytes"])
    odd = [
        {"bytes": None, "path": "here.png"},
        {"bytes": None, "path": None},
        None,
        {"bytes": b"", "path": "x.png"},
        {"bytes": b"text", "path": None},
    ]
    path = table(image=[*odd, cells[1]])
    with DecodePool(Decode(), {}, 1) as pool:
        found = list(pool.map(open_sources([path], Input())))
    assert [getattr(item, "reason", "used") for item in found] == [
        "used",
        "missing",
        "missing",
        "empty",
        "not_an_image",
        "used",
    ]
    assert {item.state for item in found if not isinstance(item, Decoded)} == {"unreadable"}


def test_filters_and_patterns(table, cells, tmp_path, listed):
    """`--exclude` looks behind the file's name, `--limit` counts rows, `*.parquet` and rows of shards read several."""
    path = table(image=cells)
    assert [reason for _, reason in listed(path, exclude=["*-1.png"], limit=2)] == [
        "entry",
        "excluded",
        "entry",
    ]
    (tmp_path / "s-0.parquet").write_bytes(open(path, "rb").read())  # noqa: SIM115
    (tmp_path / "t.parquet").rename(tmp_path / "s-1.parquet")
    (tmp_path / "notes.txt").write_text("x")
    by_glob = listed(tmp_path / "*.parquet")
    assert len(by_glob) == 12
    assert listed(tmp_path / "s-{0..1}.parquet") == by_glob
    assert [reason for _, reason in listed(tmp_path / "*")] == ["not_an_image"] * 3, (
        "as ever where nobody asks for them"
    )
    assert len(listed(tmp_path / "s-{0..1}.parquet", since="1d")) == 12


def test_a_row_of_shards_must_be_whole(tmp_path, listed):
    for number in (8, 10):
        (tmp_path / f"s-{number:02d}.tar").write_bytes(bytes(1024))
    with pytest.raises(NotAuditedError, match=r"s-09\.tar"):
        listed(tmp_path / "s-{08..10}.tar")
    (tmp_path / "s-09.tar").write_bytes(bytes(1024))
    assert listed(tmp_path / "s-{08..10}.tar") == listed(tmp_path / "s-{10..8}.tar") == []


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ({"number": [1, 2]}, "no column of images"),
        ({"one": [b"x"], "two": [b"y"]}, "no column of images"),
        ({"path": [1, 2]}, "no column of images"),
    ],
)
def test_tables_without_images(table, columns, word):
    """Exit 3, naming the columns that are there."""
    with pytest.raises(NotAuditedError, match=word) as caught:
        offered(table(**columns))
    assert next(iter(columns)) in caught.value.what
    assert caught.value.hint


def test_broken_files(table, cells, tmp_path):
    """Exit 3 wherever it breaks, and never the rows before it alone."""
    path = table(image=cells)
    whole = open(path, "rb").read()  # noqa: SIM115
    for number, data in enumerate(
        (
            b"",
            b"PAR1",
            whole[: len(whole) // 2],
            whole[:-8] + bytes(8),
            whole[:4] + b"\xff" * 60 + whole[64:],
        )
    ):
        (tmp_path / f"{number}.parquet").write_bytes(data)
        with pytest.raises(NotAuditedError, match=rf"{number}\.parquet") as caught:
            offered(str(tmp_path / f"{number}.parquet"))
        assert caught.value.exit_code == 3


def test_without_the_extra(table, cells, monkeypatch):
    path = table(image=cells)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "pyarrow.parquet")
    with pytest.raises(UsageError, match="pyarrow") as caught:
        offered(path)
    assert "driftcli[parquet]" in caught.value.hint


def test_image_folder_metadata(tmp_path, listed):
    """Hugging Face's `metadata.csv` and `.jsonl`, whose column is `file_name`."""
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "metadata.csv").write_text("file_name,label\na.jpg,cat\n")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.jpg", "label": "cat"}\n')
    for name in ("metadata.csv", "metadata.jsonl"):
        (entry,) = open_sources([str(tmp_path / name)], Input())
        assert (entry.path, entry.columns) == (str(tmp_path / "a.jpg"), {"label": "cat"})
