"""Writers take turns, keep each other's work, and are not stopped by the dead."""

from __future__ import annotations

import errno
import json
import os
import socket
import time

import pytest

from driftcli.artifact import _lock as lock
from driftcli.artifact import store
from driftcli.core.errors import InternalError
from tests.artifact.support import (
    build,
    change,
    dead_pid,
    fork,
    listing,
    named,
    reap,
    sound,
    state,
    together,
)


@pytest.fixture
def path(tmp_path):
    build(tmp_path / "a")
    return tmp_path / "a"


def leave_lock(path, pid, age=0.0, **other):
    content = {"host": socket.gethostname(), "namespace": lock._namespace(), "pid": pid} | other
    (path / ".lock").write_text(json.dumps(content))
    os.utime(path / ".lock", (time.time() - age, time.time() - age))


def adds(path, name, number):
    """A writer as `baseline` is one: a state and an entry in the document, both new."""

    def action():
        with store.writing(path, wait=60) as draft:
            draft.put(f"baseline-{name}", state(number))
            draft.document.setdefault("entries", {})[name] = number

    return action


def test_two_baselines_at_once_keep_both(path):
    """20 rounds of two processes that start at the same instant."""
    for turn in range(20):
        assert together([adds(path, f"a{turn}", turn), adds(path, f"b{turn}", turn + 100)], 0.01) == [0, 0]
    assert len(store.read(path).manifest["entries"]) == 40
    assert sum(role.startswith("baseline-") for role in store.read(path).files) == 40
    sound(path)


def test_eight_writers_at_once_keep_all(path):
    assert together([adds(path, str(number), number) for number in range(8)]) == [0] * 8
    assert store.read(path).manifest["entries"] == {str(number): number for number in range(8)}
    assert listing(path) - named(path) <= {name for name in listing(path) if name.startswith(".lock-")}
    sound(path)


def test_a_dead_writer_is_replaced_by_exactly_one_of_eight(path):
    """10 rounds: all eight find the same abandoned lock; each of them gets its turn."""
    for turn in range(10):
        leave_lock(path, dead_pid())
        assert together([adds(path, f"{turn}-{number}", number) for number in range(8)]) == [0] * 8
    assert len(store.read(path).manifest["entries"]) == 80
    sound(path)


def test_a_busy_artifact_is_4_and_names_the_writer(path):
    digest = store.read(path).digest
    with store.writing(path) as draft:
        draft.document["version"] = "mine"
        began = time.monotonic()
        with pytest.raises(
            InternalError, match=f"process {os.getpid()} on host .*{socket.gethostname()}"
        ) as caught:
            change(path, wait=0.3)
        assert 0.3 <= time.monotonic() - began < 5
        assert caught.value.exit_code == 4
        assert ".lock" in caught.value.hint
        assert store.read(path).digest == digest
    assert sound(path) == "mine"
    assert not (path / ".lock").exists()


def test_a_writer_waits_for_its_turn(path):
    with store.writing(path):
        child = fork(lambda: change(path, wait=30))
        time.sleep(0.2)
    assert reap(child) == 0
    assert sound(path) == "new"


@pytest.mark.parametrize(
    ("other", "free"),
    [
        ({"pid": 0}, False),
        ({"age": 601.0}, True),
        ({"age": 500.0}, False),
        ({"age": -500.0}, False),
        ({"age": -1e6}, True),
        ({"host": "elsewhere"}, False),
        ({"host": "elsewhere", "age": 601.0}, True),
        ({"namespace": "pid:[1]"}, False),
        ({"pid": 10**30}, False),
        ({"pid": -1}, False),
        ({"pid": "x"}, False),
        ({}, False),
    ],
)
def test_when_a_lock_is_abandoned(path, other, free):
    """Ten minutes of silence, a date in the future, or a process of this machine (and namespace) that is no more."""
    age = other.get("age", 0.0)
    pid = dead_pid() if {"host", "namespace"} & other.keys() else os.getppid()
    leave_lock(path, **({"pid": pid} | {key: value for key, value in other.items() if key != "age"}), age=age)
    if free:
        change(path, wait=0)
        assert sound(path) == "new"
        return
    with pytest.raises(InternalError, match="is being written"):
        change(path, wait=0)
    assert sound(path) == "old"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": 1}', b"\xff", b"[" * 4000])
def test_an_unreadable_lock_is_abandoned_after_ten_minutes(path, content):
    (path / ".lock").write_bytes(content)
    with pytest.raises(InternalError, match="another process"):
        change(path, wait=0)
    os.utime(path / ".lock", (1, 1))
    change(path, wait=0)
    assert sound(path) == "new"


@pytest.mark.parametrize("kind", ["folder", "link", "fifo", "large"])
def test_a_lock_that_is_no_file_is_4(path, kind, tmp_path):
    place = path / ".lock"
    {
        "folder": place.mkdir,
        "link": lambda: place.symlink_to(tmp_path / "x"),
        "fifo": lambda: os.mkfifo(place),
        "large": lambda: place.write_bytes(b"x" * 5000),
    }[kind]()
    with pytest.raises(InternalError, match="cannot be locked") as caught:
        change(path, wait=3600)  # nobody waits for what is nobody's lock
    assert str(place) in caught.value.hint
    assert sound(path) == "old"


def test_a_writer_that_was_taken_for_dead_does_not_overwrite(path):
    """It slept for more than ten minutes; another one finished meanwhile. 4, and the other's work stays."""
    with pytest.raises(InternalError, match="taken over"), store.writing(path) as draft:  # noqa: PT012
        draft.document["version"] = "sleeper"
        os.utime(path / ".lock", (1, 1))
        change(path, "other", wait=0)
    assert sound(path) == "other"
    with pytest.raises(InternalError, match="taken over"), store.writing(path) as draft:  # noqa: PT012
        os.utime(path / ".lock", (1, 1))
        with store.writing(path, wait=0) as other:
            other.put("reference", state(3))
            with pytest.raises(InternalError, match="taken over"):
                draft.put("embedding", state(4))
    assert (path / store.read(path).files["reference"].name).exists()
    sound(path)


def test_a_writer_gives_back_only_its_own_lock(path):
    sleeper, other = store.writing(path), store.writing(path, wait=0)
    sleeper.__enter__()
    os.utime(path / ".lock", (1, 1))
    draft = other.__enter__()
    with pytest.raises(InternalError, match="taken over"):
        sleeper.__exit__(None, None, None)
    draft.document["version"] = "other"
    other.__exit__(None, None, None)
    assert sound(path) == "other"


def test_only_the_lock_that_was_judged_is_removed(path):
    """Between judgement and removal another writer may have replaced the abandoned lock by its own."""
    leave_lock(path, 1, age=601)
    judged = lock._look(path / ".lock")
    leave_lock(path, 2)
    fresh = (path / ".lock").read_bytes()
    mine = path / f".lock-{'0' * 32}.tmp"
    mine.write_bytes(b"{}")
    lock._remove_stale(path / ".lock", judged, mine, b"{}", time.time())
    assert (path / ".lock").read_bytes() == fresh


def test_putting_a_state_is_a_sign_of_life(path):
    with store.writing(path) as draft:
        os.utime(path / ".lock", (1, 1))
        draft.put("embedding", state(4))
        with pytest.raises(InternalError, match="is being written"):
            change(path, wait=0)


def test_a_file_system_without_hard_links_will_do(path, monkeypatch):
    """FAT and some network shares."""

    def link(*_args, **_kwargs):
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", link)
    leave_lock(path, dead_pid())
    assert together([adds(path, str(number), number) for number in range(4)]) == [0] * 4
    assert len(store.read(path).manifest["entries"]) == 4


def test_readers_never_fail_while_writers_write(path):
    """Two processes rewrite everything without a pause; a third reads all the time."""
    until = time.monotonic() + 2.0

    def writes(seed):
        def action():
            turn = 0
            while time.monotonic() < until:
                turn += 1
                build(path, f"{seed}-{turn}", seed=seed + turn)

        return action

    children = [fork(writes(1000)), fork(writes(2000))]
    seen = set()
    try:
        while time.monotonic() < until:
            found, states = store.read(path).states("embedding", "detectors")
            assert int(states["detectors"]["count"]) == int(states["embedding"]["count"]) + 1
            store.read(path).state("embedding")
            seen.add(found.manifest["version"])
    finally:
        assert [reap(child) for child in children] == [0, 0]
    assert len(seen) > 5
