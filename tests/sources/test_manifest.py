"""Manifests: columns, encodings, errors that name file and line, and no surprise from any text."""

from __future__ import annotations

import csv
import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driftcli.core.errors import NotAuditedError
from driftcli.sources.manifest import Manifest

NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))
CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def entries(path):
    return [(os.path.basename(item.name), getattr(item, "columns", item)) for item in Manifest(str(path))]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.jpg", "sub/b.jpg"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_three_formats(folder):
    """The same list in CSV, JSON Lines and plain text; a byte order mark and CRLF do no harm."""
    (folder / "m.csv").write_bytes(b'\xef\xbb\xbfpath,label\r\na.jpg,cat\r\n\r\nsub/b.jpg,"do,g"\r\n')
    rows = [
        {"path": "a.jpg", "label": "cat"},
        {"path": "sub/b.jpg", "label": "do,g", "prediction": [0.5, 0.5], "x": None},
    ]
    (folder / "m.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    (folder / "m.txt").write_bytes(b"a.jpg\r\n\nsub/b.jpg")
    assert entries(folder / "m.csv") == [("a.jpg", {"label": "cat"}), ("b.jpg", {"label": "do,g"})]
    assert entries(folder / "m.jsonl") == [
        ("a.jpg", {"label": "cat"}),
        ("b.jpg", {"label": "do,g", "prediction": "[0.5, 0.5]"}),
    ]
    assert entries(folder / "m.txt") == [("a.jpg", {}), ("b.jpg", {})]


def test_missing_files_are_unreadable(folder):
    """What was promised and is not there counts against the batch."""
    (folder / "m.txt").write_text("a.jpg\ngone.jpg\na.jpg/x.jpg\n")
    items = list(Manifest(str(folder / "m.txt")))
    assert [getattr(item, "state", "entry") for item in items] == ["entry", "unreadable", "unreadable"]
    assert items[1].reason == items[2].reason == "missing"


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("m.csv", b"", 1),
        ("m.csv", b"file,label\n", 1),
        ("m.csv", b"path,path\na,b\n", 1),
        ("m.csv", b"path,label\na.jpg,1\nb.jpg\n", 3),
        ("m.csv", b"path\na.jpg,1\n", 2),
        ("m.csv", b'path\n"a.jpg\n', 2),
        ("m.csv", b"path,label\n,1\n", 2),
        ("m.csv", "path\na.jpg\n".encode("utf-16"), 1),
        ("m.jsonl", b'{"path": "a.jpg"}\n{"path"\n', 2),
        ("m.jsonl", b'["a.jpg"]\n', 1),
        ("m.jsonl", b'{"path": 3}\n', 1),
        ("m.jsonl", b'{"path": "\\ud800"}\n', 1),
        ("m.jsonl", b'{"path": "a", "x": ' + b"[" * 100_000 + b"\n", 1),
        ("m.jsonl", b'{"path": "a", "x": ' + b"1" * 5_000 + b"}\n", 1),
        ("m.txt", b"a.jpg\n\0\n", 2),
        ("m.txt", b"a.jpg\n" + b"x" * (2 << 20), 2),
    ],
)
def test_malformed(folder, name, text, line):
    """Exit 3, naming the file and the line."""
    (folder / name).write_bytes(text)
    with pytest.raises(NotAuditedError) as caught:
        list(Manifest(str(folder / name)))
    assert caught.value.what.startswith(f"{folder / name}:{line}:")


def test_names_that_are_no_utf8(folder):
    """A list made by `ls` names files that exist."""
    path = os.path.join(os.fsencode(folder), b"\xff.jpg")
    with open(path, "wb"):
        pass
    (folder / "m.txt").write_bytes(b"\xff.jpg\n")
    (entry,) = Manifest(str(folder / "m.txt"))
    assert os.fsencode(entry.path) == path


@CALM
@given(text=st.binary(max_size=200), end=st.sampled_from(["csv", "jsonl", "txt"]))
def test_any_bytes(tmp_path, text, end):
    """Nothing but a DriftcliError ever comes out of a hostile list."""
    (tmp_path / f"m.{end}").write_bytes(text)
    try:
        list(Manifest(str(tmp_path / f"m.{end}")))
    except NotAuditedError as error:
        assert error.hint


@CALM
@given(
    text=st.text('path,"\n\r{}[]:0a\\ \t\x85\u2028', max_size=60),
    end=st.sampled_from(["csv", "jsonl", "txt"]),
)
def test_almost_right_text(tmp_path, text, end):
    """The same for text that comes closer to the grammar."""
    test_any_bytes.hypothesis.inner_test(tmp_path, text.encode(), end)


@CALM
@given(
    rows=st.lists(
        st.tuples(NAMES, st.text(st.characters(exclude_categories=["Cs"]), max_size=10)), max_size=5
    )
)
def test_round_trip(tmp_path, rows):
    """Whatever name and label CSV and JSON can write, they read."""
    with open(tmp_path / "m.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *rows])
    with open(tmp_path / "m.jsonl", "w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps({"path": name, "label": label}) + "\n" for name, label in rows)
    for end in ("csv", "jsonl"):
        entries = list(Manifest(str(tmp_path / f"m.{end}")))
        assert [item.name for item in entries] == [f"{tmp_path}/{name}" for name, _ in rows]
