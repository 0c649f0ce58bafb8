"""Folders and globs: order, what is passed over, links, pipes, and names that are no UTF-8."""

from __future__ import annotations

import glob
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
from driftcli.core.images import Entry
from driftcli.sources.folder import Folder
from driftcli.sources.glob import Glob


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
        ("again", "linked_twice"),
        ("file.jpg", "entry"),
        ("gone.jpg", "entry"),
        ("loop", "symlink_loop"),
        ("out", "outside"),
        ("sub/a.jpg", "entry"),
    ]
    (tmp_path / "alias").symlink_to(root)
    assert ("sub/a.jpg", "entry") in relative(tmp_path / "alias", listed(tmp_path / "alias"))


def test_a_link_in_a_circle_costs_itself(tmp_path, listed):
    """Not the folder that it lies in, nor those that it was seen in before."""
    make(tmp_path, "a.jpg", "sub/b.jpg", "sub/deep/c.jpg")
    (tmp_path / "me").symlink_to("me")
    (tmp_path / "sub" / "me.jpg").symlink_to("me.jpg")
    (tmp_path / "sub" / "deep" / "up").symlink_to(tmp_path / "sub")
    (tmp_path / "zz").symlink_to(tmp_path / "sub" / "deep")
    assert relative(tmp_path, listed(tmp_path, follow=True)) == [
        ("a.jpg", "entry"),
        ("me", "symlink_loop"),
        ("sub/b.jpg", "entry"),
        ("sub/deep/c.jpg", "entry"),
        ("sub/deep/up", "symlink_loop"),
        ("sub/me.jpg", "symlink_loop"),
        ("zz", "linked_twice"),
    ]


def test_a_folder_that_only_links_lead_to_is_read_once(tmp_path, listed):
    """Hidden folders are passed over, unless somebody links to them; the first link that leads to a folder has it."""
    make(tmp_path, ".store/day/a.jpg", ".store/b.jpg", ".store/.more/c.jpg")
    (tmp_path / "all").symlink_to(tmp_path / ".store")
    (tmp_path / "day").symlink_to(tmp_path / ".store" / "day")
    (tmp_path / "more").symlink_to(tmp_path / ".store" / ".more")
    found = relative(tmp_path, listed(tmp_path, follow=True))
    assert found == [
        (".store", "hidden"),
        ("all/.more", "hidden"),
        ("all/b.jpg", "entry"),
        ("all/day/a.jpg", "entry"),
        ("day", "linked_twice"),
        ("more/c.jpg", "entry"),
    ]
    (tmp_path / "aaa").symlink_to(tmp_path / ".store" / "day")
    found = dict(relative(tmp_path, listed(tmp_path, follow=True)))
    assert (found["aaa/a.jpg"], found["all/day"]) == ("entry", "linked_twice")


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
    with open(os.open("a.jpg", os.O_WRONLY | os.O_CREAT, dir_fd=here), "wb") as file:
        file.write(b"at the bottom")
    yield tmp_path
    os.unlink("a.jpg", dir_fd=here)
    for _ in range(1050):
        above = os.open("..", os.O_RDONLY, dir_fd=here)
        os.rmdir("dir" * 3, dir_fd=above)
        os.close(here)
        here = above
    os.close(here)


def test_deep_trees(deep, listed):
    """Deeper than Python recurses, and longer than a path that the system opens: what lies there is read."""
    ((name, reason),) = listed(deep)
    assert (len(name) > 10_000, reason) == (True, "entry")
    assert read_file(name, 100) == b"at the bottom"
    assert [reason for _, reason in listed(deep, follow=True)] == ["entry"]
    assert listed(deep / "**" / "*.jpg") == [(name, "entry")]
    with pytest.raises(Refused, match="io"):
        read_file(f"{deep}/{'x' * 5_000}", 100)


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


@pytest.mark.parametrize("pattern", ["*", "*/*.jpg", "**/*.jpg", "*/deep/*.jpg", "**"])
def test_a_pattern_does_not_hide_a_closed_folder(as_nobody, listed, pattern):
    """What would match in it nobody knows: it is an entry of its own, as in a folder."""
    make(as_nobody, "day/a.jpg", "day/deep/b.jpg", "night/c.jpg", "night/deep/d.jpg")
    (as_nobody / "night").chmod(0)
    try:
        found = dict(relative(as_nobody, listed(as_nobody / pattern)))
    finally:
        (as_nobody / "night").chmod(0o700)
    assert found.pop("night") == "folder_permission"
    assert set(found.values()) <= {"entry"}
    assert found


@pytest.mark.parametrize(
    "pattern", ["*", "*/*", "**", "**/*.jpg", "d*/**", "**/**/a*", "./d1/*", "d1//[ab].jpg", "*/", "**/d1/**"]
)
def test_a_pattern_finds_what_glob_finds(tmp_path, pattern):
    """Python's own glob is the twin: the same files, where every folder can be listed."""
    make(
        tmp_path,
        "d1/a.jpg",
        "d1/b.jpg",
        "d1/d1/a.jpg",
        "d2/x/y/a.jpg",
        "d2/.h/a.jpg",
        "top.jpg",
        ".hidden.jpg",
    )
    (tmp_path / "d3").symlink_to(tmp_path / "d2")
    whole = f"{tmp_path}/{pattern}"
    files = {os.path.normpath(path) for path in glob.iglob(whole, recursive=True) if os.path.isfile(path)}
    found = {os.path.normpath(item.name) for item in Glob(whole, follow=True) if isinstance(item, Entry)}
    below = {  # a folder that matches stands for all that lies in it
        os.path.join(root, name)
        for folder in glob.iglob(whole, recursive=True) if "**" not in pattern and os.path.isdir(folder)
        for root, folders, names in os.walk(os.path.normpath(folder), followlinks=True)
        for name in names
        if not any(part.startswith(".") for part in os.path.relpath(os.path.join(root, name), folder).split("/"))
    }  # fmt: skip
    assert found == files | below


def test_a_circle_of_links_below_a_pattern_ends(tmp_path, listed):
    make(tmp_path, "sub/a.jpg")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "me").symlink_to("me")
    found = relative(tmp_path, listed(tmp_path / "**" / "*.jpg"))
    assert found == [("sub/a.jpg", "entry")]


def test_exclude_leaves_closed_folders_out(as_nobody, listed):
    """As the hint says."""
    make(as_nobody, "sub/a.jpg", "b.jpg")
    (as_nobody / "sub").chmod(0)
    try:
        found = relative(as_nobody, listed(as_nobody, exclude=("sub",)))
    finally:
        (as_nobody / "sub").chmod(0o700)
    assert found == [("b.jpg", "entry"), ("sub", "excluded")]


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
