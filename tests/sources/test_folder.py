"""Folders and globs: order, what is passed over, links, pipes, and names that are no UTF-8."""

from __future__ import annotations

import os
import socket
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driftcli.core.errors import NotAuditedError
from driftcli.core.files import Refused, read_file
from driftcli.sources.folder import Folder


def make(root, *names):
    for name in names:
        path = os.path.join(os.fsencode(root), name if isinstance(name, bytes) else name.encode())
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"x")


def relative(root, listed):
    return [(name.removeprefix(f"{root}/"), reason) for name, reason in listed]


def test_order_is_that_of_the_whole_path(tmp_path, listed):
    """Bytes of the relative path, as `LC_ALL=C sort` sees it: `a.jpg` before `a/b`, capitals first."""
    names = ["a/b.jpg", "a.jpg", "a-b/c.jpg", "B.jpg", "a/b/c.jpg", "é.jpg", "z"]
    make(tmp_path, *names)
    expected = sorted(names, key=os.fsencode)
    assert relative(tmp_path, listed(tmp_path)) == [(name, "entry") for name in expected]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    paths=st.sets(st.lists(st.sampled_from(["a", "b", "a.b", "a-", "é"]), min_size=1, max_size=4).map(tuple))
)
def test_order_of_any_tree(tmp_path_factory, paths):
    """The walk never holds more than one folder's names, and still sorts the whole."""
    root = tmp_path_factory.mktemp("tree")
    files = {"/".join([*(f"{part}" for part in path), "f"]) for path in paths}
    make(root, *files)
    names = [item.name.removeprefix(f"{root}/") for item in Folder(str(root))]
    assert names == sorted(files, key=os.fsencode)


def test_order_of_a_folder_of_many_runs(tmp_path, monkeypatch):
    """Names are sorted some at a time and merged: the order is that of all at once, line ends in names included."""
    names = [f"{i * 37 % 101}{end}" for i in range(60) for end in (".jpg", "\n.jpg", " .jpg")]
    make(tmp_path, *names, *(f"{i}/x" for i in range(30)))
    whole = list(Folder(str(tmp_path)))
    monkeypatch.setattr("driftcli.sources.folder._RUN", 7)
    assert list(Folder(str(tmp_path))) == whole
    found = [item.name.removeprefix(f"{tmp_path}/") for item in whole]
    assert found == sorted([*set(names), *(f"{i}/x" for i in range(30))], key=os.fsencode)


def test_a_folder_costs_its_names(tmp_path, monkeypatch):
    """Live bytes at the peak of a walk: the names and two bytes each, and one run of objects; not objects for all."""
    names = [f"frame_{i:09d}.jpg" for i in range(3_000)]
    for name in names:
        os.close(os.open(tmp_path / name, os.O_CREAT | os.O_WRONLY))
    monkeypatch.setattr("driftcli.sources.folder._RUN", 200)
    tracemalloc.start()
    try:
        for _ in Folder(str(tmp_path)):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < sum(len(name) + 3 for name in names) + 200 * 130 + 100_000


def test_passed_over_with_a_reason(tmp_path, listed):
    """What lies beside images everywhere is counted, not read; unknown extensions are offered."""
    make(
        tmp_path, ".DS_Store", ".git/x.jpg", "Thumbs.db", "desktop.ini", "a.jpg.part", "b.tmp", "c.txt", "d.JSON",
        "e.jpg", "f", "g.xyz", "__MACOSX/h.jpg",
    )  # fmt: skip
    assert dict(relative(tmp_path, listed(tmp_path))) == {
        ".DS_Store": "hidden",
        ".git": "hidden",
        "Thumbs.db": "system",
        "__MACOSX": "system",
        "a.jpg.part": "temporary",
        "b.tmp": "temporary",
        "c.txt": "not_an_image",
        "d.JSON": "not_an_image",
        "desktop.ini": "system",
        "e.jpg": "entry",
        "f": "entry",
        "g.xyz": "entry",
    }


def test_links_are_passed_over(tmp_path, listed):
    """Unless asked for; then loops end, and nothing outside the folder is read."""
    root = tmp_path / "root"
    make(tmp_path, "root/sub/a.jpg", "outside/b.jpg")
    (root / "loop").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "file.jpg").symlink_to(root / "sub" / "a.jpg")
    (root / "again").symlink_to(root / "sub")
    (root / "gone.jpg").symlink_to(root / "nothing.jpg")
    links = dict.fromkeys(("again", "file.jpg", "gone.jpg", "loop", "out"), "symlink")
    assert dict(relative(root, listed(root))) == {"sub/a.jpg": "entry"} | links
    assert relative(root, listed(root, follow=True)) == [
        ("again/a.jpg", "entry"),
        ("file.jpg", "entry"),
        ("gone.jpg", "entry"),
        ("loop", "symlink_loop"),
        ("out", "outside"),
        ("sub", "symlink_loop"),
    ]
    (tmp_path / "alias").symlink_to(root)
    assert ("sub/a.jpg", "entry") in relative(tmp_path / "alias", listed(tmp_path / "alias"))


def test_pipes_and_sockets(tmp_path, listed):
    """Opening them could hang for ever; they are not opened."""
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(tmp_path, os.O_RDONLY)
        before = os.getcwd()
        os.fchdir(here)
        server.bind("socket.jpg")
        os.chdir(before)
        os.close(here)
        assert [reason for _, reason in listed(tmp_path)] == ["not_a_file", "not_a_file"]


def test_names_that_are_no_utf8(tmp_path, listed):
    """They keep their bytes, so that the file can be opened."""
    make(tmp_path, b"\xff\xfe.jpg", b"new\nline.jpg")
    names = [name for name, _ in listed(tmp_path)]
    assert [os.fsencode(name).rpartition(b"/")[2] for name in names] == [b"new\nline.jpg", b"\xff\xfe.jpg"]


@pytest.fixture
def deep(tmp_path):
    """1,050 folders in each other, more than Python recurses and a path can hold; removed again."""
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1050):
        os.mkdir("dir" * 3, dir_fd=here)
        deeper = os.open("dir" * 3, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    yield tmp_path
    for _ in range(1050):
        above = os.open("..", os.O_RDONLY, dir_fd=here)
        os.rmdir("dir" * 3, dir_fd=above)
        os.close(here)
        here = above
    os.close(here)


def test_deep_trees(deep, listed):
    """Deeper than Python recurses; where paths end, so does the walk, with a reason."""
    assert [reason for _, reason in listed(deep)] == ["folder_io"]


@pytest.fixture
def as_nobody():
    """A folder in which file modes count, also when root runs the tests."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.geteuid()
        if before == 0:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(before)


def test_closed_folders_and_files(as_nobody, listed):
    """A closed subfolder or file is one unreadable entry, a closed root is the end."""
    make(as_nobody, "sub/a.jpg", "b.jpg")
    (as_nobody / "sub").chmod(0)
    (as_nobody / "b.jpg").chmod(0)
    try:
        assert relative(as_nobody, listed(as_nobody)) == [("b.jpg", "entry"), ("sub", "folder_permission")]
        with pytest.raises(Refused, match="permission"):
            read_file(str(as_nobody / "b.jpg"), 100)
        with pytest.raises(NotAuditedError, match="cannot be read"):
            listed(as_nobody / "sub")
        with pytest.raises(NotAuditedError, match="cannot be read"):
            listed(as_nobody / "sub" / "a.jpg")
    finally:
        (as_nobody / "sub").chmod(0o700)


def test_glob(tmp_path, listed):
    """Matches in byte order; a matching folder is read; `**` reaches into folders once."""
    make(tmp_path, "day1/b.jpg", "day1/a.png", "day2/c.jpg", "day2/.h.jpg", "day2/n.txt", "other/d.jpg")
    assert relative(tmp_path, listed(tmp_path / "day*")) == [
        ("day1/a.png", "entry"),
        ("day1/b.jpg", "entry"),
        ("day2/.h.jpg", "hidden"),
        ("day2/c.jpg", "entry"),
        ("day2/n.txt", "not_an_image"),
    ]
    assert relative(tmp_path, listed(tmp_path / "**/*.jpg")) == [
        ("day1/b.jpg", "entry"),
        ("day2/c.jpg", "entry"),
        ("other/d.jpg", "entry"),
    ]
    make(tmp_path, "odd[1].jpg")
    assert len(listed(tmp_path / "odd[1].jpg")) == 1
    with pytest.raises(NotAuditedError, match="nothing matches"):
        listed(tmp_path / "*.bmp")
