"""A report that is a folder: killed, refused or out of room at any instant it is the old report or the new one."""

from __future__ import annotations

import errno
import os
import shutil

import pytest

from driftcli.cli import _folder
from driftcli.core.errors import InternalError, UsageError
from tests.artifact.support import CALLS, fork, intercepted, killer, plain, reap


def report(version, pictures=1):
    """A first file that names all others, and these under names of what they hold."""
    names = [f"images/{version}-{number}.webp" for number in range(pictures)]
    index = "\n".join([version, f"style-{version}.css", *names])
    others = {name: name.encode() * 50 for name in (f"style-{version}.css", *names)}
    return {"index.html": index.encode(), **others}


def shown(place):
    """The version that the folder shows, or None; a torn one fails."""
    if not (place / "index.html").exists():
        return None
    version, *names = (place / "index.html").read_text().splitlines()
    assert all((place / name).read_bytes() == report(version)[name] for name in names)
    return version


def holds(place):
    return {str(path.relative_to(place)) for path in place.rglob("*") if not path.is_dir()}


def expected(version):
    return {_folder.MARK, *report(version)}


@pytest.mark.parametrize("when", ["amid", "after"])
@pytest.mark.parametrize("existing", [True, False])
def test_killed_at_every_call(tmp_path, monkeypatch, when, existing):
    place = tmp_path / "page"
    if existing:
        _folder.write(place, report("old"))
    with intercepted(monkeypatch, plain) as calls:
        _folder.write(place, report("new"))
    assert set(calls) >= {"open", "write", "fsync", "replace"}
    seen = []
    for at in range(1, len(calls) + 1):
        shutil.rmtree(place)
        if existing:
            _folder.write(place, report("old"))

        def action(at=at):
            with intercepted(monkeypatch, killer(at, when)):
                _folder.write(place, report("new"))

        code = reap(fork(action))
        if code == 0:
            break  # fewer calls than the first time: a folder of the report was there already
        assert code == -9
        seen.append(shown(place))
        _folder.write(place, report("next"))
        assert holds(place) == expected("next")
        assert [path.name for path in tmp_path.iterdir()] == ["page"]
    old = "old" if existing else None
    assert set(seen) == {old, "new"}
    assert seen == sorted(seen, key=lambda version: version == "new"), "once new, it stays new"


def fails(place, code):
    """Whether writing ends with this error, and says so."""
    try:
        _folder.write(place, report("new"))
    except InternalError as error:
        return os.strerror(code) in error.what or pytest.fail(error.what)
    return False


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("name", ["open", "write", "fsync", "replace", "mkdir"])
def test_an_error_leaves_the_old_report_and_nothing_beside_it(tmp_path, monkeypatch, code, existing, name):
    assert name in CALLS
    place = tmp_path / "page"
    if existing:
        _folder.write(place, report("old"))
    count, made = 0, 0
    while True:
        count, made = count + 1, 0

        def act(_number, called, real, args, kwargs, count=count):
            nonlocal made
            made += called == name
            if called == name and made == count:
                raise OSError(code, os.strerror(code))
            return real(*args, **kwargs)

        with intercepted(monkeypatch, act):
            if not fails(place, code):
                break
        if shown(place) == "new":  # the last sync of the folder: it is in its place
            assert name in {"fsync", "open"}
            assert holds(place) <= expected("new") | expected("old")
            break
        assert shown(place) == ("old" if existing else None)
        assert holds(place) == (expected("old") if existing else set())
        assert existing or not place.exists()


def test_many_writers_of_one_folder(tmp_path):
    """No error; each leaves a whole report, and the last one stays alone."""
    place = tmp_path / "page"

    def write_all(version):
        for _ in range(6):
            _folder.write(place, report(version))

    children = [fork(lambda version=version: write_all(version)) for version in "abcdef"]
    assert [reap(child) for child in children] == [0] * 6
    assert holds(place) == expected(shown(place))


def test_a_reader_always_finds_a_whole_report(tmp_path):
    """An index that is read names files that are there, unless it has been replaced by then."""
    place = tmp_path / "page"
    _folder.write(place, report("a"))

    def write_all():
        for number in range(40):
            _folder.write(place, report("ab"[number % 2]))

    child = fork(write_all)
    looks = 0
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        before = (place / "index.html").read_bytes()
        names = before.decode().splitlines()[1:]
        missing = [name for name in names if not (place / name).exists()]
        assert not missing or (place / "index.html").read_bytes() != before
        looks += 1
    assert looks


def test_a_folder_of_0_1_0_gives_way(tmp_path):
    """Its files had fixed names; what else lay in it went, and goes, with it."""
    place = tmp_path / "page"
    (place / "pictures").mkdir(parents=True)
    for name in (_folder.MARK, "result.json", "pictures.json", "pictures/0001.webp"):
        (place / name).write_bytes(b"old")
    _folder.write(place, report("new"))
    assert holds(place) == expected("new")


def test_what_is_somebody_elses_is_refused(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").touch()
    with pytest.raises(UsageError, match="holds other files"):
        _folder.write(tmp_path / "mine", report("new"))
    assert holds(tmp_path / "mine") == {"notes"}


def test_a_writer_that_never_ends_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(_folder, "PATIENCE", 0.05)
    place = tmp_path / "page"
    refused = pytest.raises(InternalError, match="is being written by another process")
    with _folder._held(place, "page"), refused:
        _folder.write(place, report("new"))
