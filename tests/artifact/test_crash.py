"""Killed at every instant, failing at every call, out of power at every call: the old artifact or the new one."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import socket
import time
from pathlib import Path

import pytest

from driftcli.artifact import _lock as lock
from driftcli.artifact import store
from driftcli.core.errors import ArtifactError, DriftcliError, InternalError
from tests.artifact.support import (
    build,
    change,
    dead_pid,
    failing,
    fork,
    intercepted,
    killer,
    listing,
    named,
    plain,
    reap,
    sound,
    state,
)


def update(path):
    change(path, wait=0)


def replace(path):
    build(path, "new", seed=30)


def create(path):
    with store.writing(path, create=True, wait=0) as draft:
        draft.document["version"] = "new"
        draft.put("embedding", state(8))
        draft.put("detectors", state(9))


def take_over(path):
    """A dead writer's lock and leftovers are there first (placed by `prepare`)."""
    change(path, wait=0)


def prepare(path, action):
    """The folder before `action`: nothing, an artifact, or one that a writer died over."""
    if action is create:
        return
    build(path, "older", seed=20)
    build(path, "old")  # leaves the older one's files to the next writer
    if action is take_over:
        owner = {"host": socket.gethostname(), "namespace": lock._namespace(), "pid": dead_pid()}
        (path / ".lock").write_text(json.dumps(owner))
        for name in (f".tmp-{'0' * 32}.tmp", f".lock-{'0' * 32}.tmp", ".lock-break.tmp"):
            (path / name).write_bytes((path / ".lock").read_bytes())


def version(path):
    """`old`, `new`, or `absent`; anything torn fails the test."""
    try:
        return sound(path)
    except ArtifactError as error:
        assert not (path / "manifest.json").exists(), error.what  # noqa: PT017
        return "absent"


def recover(path):
    """The next writer succeeds at once, and the one after it finds nothing left over."""
    found = version(path)
    if found == "absent":
        create(path)
    with store.writing(path, wait=1) as draft:
        draft.document["recovered"] = True
    assert version(path) == ("new" if found == "absent" else found)
    assert listing(path) == named(path)


def count_calls(path, action, monkeypatch):
    prepare(path, action)
    with intercepted(monkeypatch, plain) as calls:
        action(path)
    return list(calls)


@pytest.mark.parametrize("action", [update, replace, create, take_over])
def test_killed_at_every_call(tmp_path, monkeypatch, action):
    """SIGKILL before, after and (for a write) amid each system call that changes the folder."""
    calls = count_calls(tmp_path / "count", action, monkeypatch)
    assert {"open", "write", "fsync", "replace", "link", "unlink"} <= set(calls)
    found = []
    for at, name in enumerate(calls, start=1):
        for when in ("before", "amid", "after") if name == "write" else ("before", "after"):
            path = tmp_path / f"{at}-{when}"
            prepare(path, action)

            def killed(path=path, at=at, when=when):
                with intercepted(monkeypatch, killer(at, when)):
                    action(path)

            assert reap(fork(killed)) == -signal.SIGKILL
            found.append(version(path))
            recover(path)
    before = "absent" if action is create else "old"
    switch = found.index("new")
    assert found == [before] * switch + ["new"] * (len(found) - switch)
    assert switch > len(found) / 3
    print(f"{action.__name__}: {len(found)} kill points")


@pytest.mark.usefixtures("patient")
def test_killed_at_any_time(tmp_path_factory):
    """60 writers that rewrite without a pause, on a real disk, are killed after a random time."""
    path = tmp_path_factory.mktemp("disk") / "a"
    build(path, "0")
    rng = random.Random(3)  # noqa: S311

    def writes():
        for turn in range(10_000):
            build(path, str(turn), seed=turn)

    for _ in range(60):
        child = fork(writes)
        time.sleep(rng.uniform(0.005, 0.06))
        os.kill(child, signal.SIGKILL)
        assert reap(child) == -signal.SIGKILL
        sound(path)
    with store.writing(path, wait=1):
        pass
    assert listing(path) == named(path)


@pytest.mark.parametrize(
    ("action", "code"),
    [(update, errno.ENOSPC), (replace, errno.EIO), (create, errno.EROFS), (take_over, errno.EACCES)],
)
def test_an_error_at_every_call(tmp_path, monkeypatch, action, code):
    """One call fails: exit 4 with a hint and the old artifact, or, where only tidying failed, success.

    Reading what is there may also fail as reading does: exit 3, nothing changed.
    """
    calls = count_calls(tmp_path / "count", action, monkeypatch)
    for at, name in enumerate(calls, start=1):
        path = tmp_path / str(at)
        prepare(path, action)
        caught = None
        with intercepted(monkeypatch, failing(at, code)):
            try:
                action(path)
            except DriftcliError as error:
                caught = error
        if caught is None:
            assert name in {"unlink", "mkdir", "rmdir", "open"}, (at, name)
            assert version(path) == "new"
        else:
            assert caught.exit_code == 4 or name == "open", (at, name, caught)
            assert caught.hint
            after_replace = at > max(number for number, call in enumerate(calls, 1) if call == "replace")
            assert version(path) == ("new" if after_replace else "absent" if action is create else "old")
            if not after_replace and action in {update, create} and name != "unlink":
                assert (
                    not [entry for entry in listing(path) if entry.startswith(".tmp")]
                    if path.exists()
                    else True
                )
        (path / ".lock").unlink(missing_ok=True)  # this very process could not remove it and lives on
        recover(path)


@pytest.mark.parametrize("action", [update, create])
def test_a_full_disk_from_any_call_on(tmp_path, monkeypatch, action):
    """Every later call fails too, tidying included; then the process is gone and there is space again.

    The manifest's own replacement is the switch: up to it the old state, behind it the new one. Exit 4 until the
    folder that holds the new name is synced (3 where what cannot be opened is the old manifest, to be read); what
    then remains to be done is tidying, which may fail unsaid.
    """
    reads = []

    def note_reads(number, name, real, args, kwargs):
        result = real(*args, **kwargs)
        if name == "open" and Path(args[0]).name == "manifest.json":
            reads.append(number)
        return result

    prepare(tmp_path / "count", action)
    with intercepted(monkeypatch, note_reads) as calls:
        action(tmp_path / "count")
    assert len(reads) == (
        3 if action is update else 0
    )  # before the lock, under it, and for the names to keep
    switch = max(number for number, call in enumerate(calls, 1) if call == "replace")
    synced = switch + calls[switch:].index("fsync") + 1
    assert switch < synced < len(calls)
    for at in range(1, len(calls) + 1):
        path = tmp_path / str(at)
        prepare(path, action)

        def fails(path=path, at=at):
            with intercepted(monkeypatch, failing(at, errno.ENOSPC, sticky=True)):
                try:
                    action(path)
                except DriftcliError as error:
                    return error.exit_code
            return 0

        felt = at + 1 if calls[at - 1] == "unlink" else at  # what cannot be removed is left, and work goes on
        expected = 0 if at > synced else 3 if felt in reads[:2] else 4
        assert reap(fork(fails)) == expected, (at, calls[at - 1])
        assert version(path) == ("new" if at > switch else "absent" if action is create else "old")
        recover(path)


def test_a_full_disk_in_words(tmp_path, monkeypatch):
    build(tmp_path / "a")

    def write(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with (  # noqa: PT012
        pytest.raises(InternalError, match=r"cannot write .*No space left") as caught,
        monkeypatch.context() as patch,
    ):
        patch.setattr(os, "write", write)
        change(tmp_path / "a")
    assert "free some space" in caught.value.hint
    assert listing(tmp_path / "a") == named(tmp_path / "a")


def test_errors_of_the_block_stay_what_they_are(tmp_path):
    """A source image that cannot be read is no failure of the artifact's disk."""
    build(tmp_path / "a")
    with pytest.raises(FileNotFoundError), store.writing(tmp_path / "a"):
        Path(tmp_path / "missing.jpg").read_bytes()
