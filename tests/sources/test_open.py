"""From what the user names to entries: kinds, chains, filters, and messages that help."""

from __future__ import annotations

import io
import os
import sys
import time
from types import SimpleNamespace

import pytest

from driftcli.core import registry
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.sources.base import ImageSource


@pytest.fixture
def tree(tmp_path):
    for name in ("a/1.jpg", "a/2.jpg", "b/3.jpg", "b/sub/4.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def short(root, listed):
    return [(name.removeprefix(f"{root}/"), reason) for name, reason in listed]


def test_every_file_is_a_kind():
    """A new kind is one file: the registry finds its class by the file's name."""
    assert set(registry.kinds("sources")) >= {"archive", "folder", "glob", "image", "manifest", "stdin"}
    for kind in registry.kinds("sources"):
        assert issubclass(registry.load("sources", kind), ImageSource)


def test_several_sources_in_a_row(tree, listed):
    """In the order named."""
    names = [name for name, _ in short(tree, listed(tree / "b", tree / "a" / "2.jpg", tree / "a"))]
    assert names == ["b/3.jpg", "b/sub/4.jpg", "a/2.jpg", "a/1.jpg", "a/2.jpg"]


@pytest.mark.parametrize(
    ("glob", "left"),
    [
        ("3.jpg", ["sub/4.jpg"]),
        ("*.jpg", []),
        ("sub", ["3.jpg"]),
        ("sub/*", ["3.jpg"]),
        ("su[a-c]/", ["3.jpg"]),
        ("b", ["3.jpg", "sub/4.jpg"]),  # the source itself is no part of the relative path
        ("*.JPG", ["3.jpg", "sub/4.jpg"]),
    ],
)
def test_exclude(tree, listed, glob, left):
    """Fits the relative path, its last parts, or a folder on the way."""
    reasons = dict(short(tree / "b", listed(tree / "b", exclude=[glob])))
    assert [name for name, reason in reasons.items() if reason == "entry"] == left
    assert set(reasons.values()) <= {"entry", "excluded"}


def test_since(tree, listed):
    """By modification time; what is too old is counted."""
    os.utime(tree / "a" / "1.jpg", (time.time() - 7200,) * 2)
    assert short(tree, listed(tree / "a", since="1h")) == [("a/1.jpg", "older"), ("a/2.jpg", "entry")]
    assert [reason for _, reason in listed(tree / "a", since="1d")] == ["entry", "entry"]
    for bad in ("soon", "1y", "-1h", ""):
        with pytest.raises(UsageError):
            listed(tree / "a", since=bad)


def test_limit_counts_what_is_left_after_the_filters(tree, listed):
    """The first N in order, over all sources; nothing after them is looked at."""
    items = short(tree, listed(tree / "a", tree / "b", limit=2, exclude=["1.jpg"]))
    assert items == [("a/1.jpg", "excluded"), ("a/2.jpg", "entry"), ("b/3.jpg", "entry")]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("bb", "b'"),
        ("a/1.jgp", "1.jpg"),
        ("a/qqqqq", "A source is"),
        ("no/where", "A source is"),
        ("a/1.jpg/x", "A source"),
    ],
)
def test_missing_sources(tree, listed, name, hint):
    """Exit 3, with the names that are most alike."""
    (tree / "b").rename(tree / "bbb")
    with pytest.raises(NotAuditedError) as caught:
        listed(tree / name)
    assert caught.value.exit_code == 3
    assert hint.replace("b'", "bbb'") in caught.value.hint


@pytest.mark.parametrize("spec", ["ftp://host/x", "\0", "x.parquet", "x.npz"])
def test_what_is_no_source(tree, listed, spec, monkeypatch):
    """Addresses of no kind, other people's containers and a Parquet file that is none are refused in words."""
    monkeypatch.chdir(tree)
    (tree / "x.parquet").write_bytes(b"PAR1")
    (tree / "x.npz").write_bytes(b"PK")
    with pytest.raises(NotAuditedError):
        listed(spec)


def test_one_image(tree, listed):
    """Its name decides whether it is offered; a link named by hand is meant."""
    (tree / "link.jpg").symlink_to(tree / "a" / "1.jpg")
    (tree / "notes.md").write_text("x")
    assert listed(tree / "link.jpg") == [(f"{tree}/link.jpg", "entry")]
    assert listed(tree / "notes.md") == [(f"{tree}/notes.md", "not_an_image")]


@pytest.mark.parametrize("nul", [False, True])
def test_standard_input(tree, listed, monkeypatch, nul):
    """Paths on standard input, once; with NUL a name may hold a line break."""
    odd = tree / ("new\nline.jpg" if nul else "white space .jpg")
    odd.write_bytes(b"x")
    names = [str(tree / "a" / "1.jpg"), str(odd), str(tree / "gone.jpg")]
    text = "".join(name + ("\0" if nul else "\r\n") for name in names)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(os.fsencode(text))))
    assert listed("-", nul=nul) == [(names[0], "entry"), (names[1], "entry"), (names[2], "missing")]
    with pytest.raises(UsageError):
        listed("-", "-")
