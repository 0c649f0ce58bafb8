"""The pool: order, sameness, and that a file which kills or hangs its worker costs itself only."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from driftcli.core.errors import InternalError, UsageError
from driftcli.core.images import Decoded, Entry, Skipped
from driftcli.reading.ledger import Tally
from driftcli.sources.decoding import pool as _pool
from driftcli.sources.decoding import process
from driftcli.sources.decoding.settings import Decode

ROOT = Path(__file__).parents[2]


def children() -> set[int]:
    """Process ids of this process's children, zombies included."""
    pids = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == os.getpid():
                pids.add(int(entry.name))
    return pids


@pytest.fixture
def no_children_left():
    if not Path("/proc/self/stat").exists():
        pytest.skip("looks for child processes in /proc")
    before = children()
    yield
    assert children() <= before


@pytest.fixture
def pictures(tmp_path, photo):
    """24 images of widths 20..43; 33 to 37 are the ones that `odd` chokes on."""
    for width in range(20, 44):
        photo(width, width, 24).save(tmp_path / f"{width}.png")
    return [
        Entry(f"{width}.png", str(tmp_path / f"{width}.png"), columns={"n": str(width)})
        for width in range(20, 44)
    ]


def reasons(items):
    return {int(item.name[:2]): (item.state, item.reason) for item in items if isinstance(item, Skipped)}


def test_answers_in_order(pool, pictures, no_children_left):
    """Arrays, hashes and facts of every image, Skipped ones in between, columns kept."""
    mixed = [*pictures[:5], Skipped("x", "skipped", "hidden"), *pictures[5:13]]
    with pool("mean", "odd", workers=2, thumbnails=True) as working:
        answers = list(working.map(mixed))
        assert list(working.map([])) == []
    assert [item.name for item in answers] == [item.name for item in mixed]
    first = answers[0]
    assert isinstance(first, Decoded)
    pixels = np.asarray(Image.open(pictures[0].path))
    np.testing.assert_array_equal(first.arrays["mean"], pixels.astype(np.float32).mean((0, 1)).reshape(1, 3))
    assert first.arrays["mean"].flags.writeable
    assert first.arrays["mean"].flags.aligned
    assert first.arrays["odd"].tolist() == [20, 1]
    assert (first.columns, first.facts.format, first.facts.width) == ({"n": "20"}, "PNG", 20)
    assert (len(first.content), len(first.pixels)) == (32, 32)
    assert first.thumbnail
    assert first.thumbnail[8:12] == b"WEBP"


def test_the_number_of_workers_changes_nothing(pool, pictures):
    """Same answers, same order, for 1, 2 and 3 workers, from files and from bytes."""
    members = [
        Entry(picture.name, data=Path(picture.path).read_bytes(), columns=picture.columns)
        for picture in pictures
    ]
    answers = []
    for workers, entries in ((1, pictures), (2, pictures), (3, members)):
        with pool("mean", workers=workers) as working:
            answers.append(
                [(item.name, item.content, item.pixels, item.near, item.facts, item.columns, item.arrays["mean"].tobytes())
                 for item in working.map(iter(entries))]
            )  # fmt: skip
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0]) == 24


def test_hang_and_abort_cost_their_own_file(pool, pictures, no_children_left):
    """A hang, an abort, a sudden exit with much noise, and no memory: one unreadable file each."""
    odd = [picture for picture in pictures if picture.name != "37.png"]
    started = time.monotonic()
    with pool("odd", workers=2, decode=Decode(timeout=2.0)) as working:
        answers = list(working.map(odd))
    assert reasons(answers) == {
        33: ("unreadable", "timeout"),
        34: ("unreadable", "crashed"),
        35: ("unreadable", "crashed"),
        36: ("unreadable", "memory"),
    }
    assert sum(isinstance(item, Decoded) for item in answers) == len(odd) - 4
    assert time.monotonic() - started < 20


def test_a_bug_is_not_an_unreadable_file(pool, pictures, no_children_left):
    """What `prepare` raises is raised again, with where it happened."""
    with pool("odd") as working, pytest.raises(InternalError, match="ZeroDivisionError: a bug in prepare"):
        list(working.map(picture for picture in pictures if picture.name == "37.png"))


def test_a_worker_that_cannot_start(pool, pictures, no_children_left):
    """Is the environment's failure, with the worker's last words."""
    with pool("broken", workers=2) as working, pytest.raises(InternalError, match="without its libraries"):
        list(working.map(pictures))


def test_workers_started_ahead_are_the_pools_and_the_others_are_ended(pool, pictures, no_children_left):
    """Three before there is a pool of two: it starts none itself."""
    with process.ahead(3):
        started = {one.pid for one in process._AHEAD}
        with pool("mean", workers=2) as working:
            answers = list(working.map(pictures))
            used = {worker._process.pid for worker in working._workers}
            assert len(process._AHEAD) == 1
    with pool("mean", workers=2) as alone:
        expected = list(alone.map(pictures))
    assert used < started
    assert process._AHEAD == []
    assert [item.name for item in answers] == [item.name for item in expected]


def test_a_worker_that_died_before_its_time(pool, pictures, no_children_left):
    """Is the environment's failure, as one that dies when it is started."""
    with process.ahead(1):
        process._AHEAD[0].kill()
        with (
            pool("mean", workers=1) as working,
            pytest.raises(InternalError, match="did not start") as caught,
        ):
            list(working.map(pictures))
    assert "it was killed" in caught.value.what
    assert "memory was short" in caught.value.hint


def test_a_worker_without_memory_says_so(pool, pictures, monkeypatch, no_children_left):
    """A limit that holds for workers, too: no bug, and the hint is about the limit."""
    begun = process._begun

    def limited():
        import resource

        started = begun()
        resource.prlimit(started.pid, resource.RLIMIT_AS, (40 << 20, 40 << 20))
        return started

    monkeypatch.setattr(process, "_begun", limited)
    with pool("mean", workers=1) as working, pytest.raises(InternalError) as caught:
        list(working.map(pictures))
    assert "did not start" in caught.value.what
    assert "bug" not in caught.value.hint


SHARED_LOCK = """
import itertools, sys, threading
from driftcli.core.images import Entry
from driftcli.sources.decoding.pool import DecodePool
from driftcli.sources.decoding.settings import Decode

enter = threading.Condition.__enter__

def interrupted(self):
    entered = enter(self)
    if sys._getframe(2).f_code.co_name == "start" and threading.current_thread() is threading.main_thread():
        threading.Condition.__enter__ = enter
        raise KeyboardInterrupt  # Ctrl-C: the lock is taken, and nobody will give it back
    return entered

threading.Condition.__enter__ = interrupted
try:
    with DecodePool(Decode(), {}, 2) as pool:
        for _ in pool.map(Entry("a", "no-such-file") for _ in itertools.count()):
            pass
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_while_threads_start_leaves_none_that_is_waited_for():
    """In a program that uses driftcli from Python: it, and the interpreter, come to their end."""
    ran = subprocess.run(
        [sys.executable, "-c", SHARED_LOCK],
        env={**os.environ, "PYTHONPATH": str(Path(process.__file__).parents[3])},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "interrupted\n"), ran.stderr


def test_processes_that_cannot_be_started_ahead_are_nobodys_error(monkeypatch):
    def no_memory(*_, **__):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(process.subprocess, "Popen", no_memory)
    with process.ahead(2):
        assert process._AHEAD == []


def test_a_mask_that_is_none(pool, pictures):
    """Is the user's failure, not every image's."""
    with pool("mean", decode=Decode(mask="nowhere.png")) as working, pytest.raises(UsageError, match="mask"):
        list(working.map(pictures))


def test_leaving_early_is_fast(pool, pictures, no_children_left):
    """Also with a worker in the middle of a hang: no wait for its timeout, no zombie."""
    hanging = next(picture for picture in pictures if picture.name == "33.png")
    with (  # noqa: PT012 - the pool's exit is what is timed
        pytest.raises(KeyboardInterrupt),
        pool("odd", workers=2, decode=Decode(timeout=60)) as working,
    ):
        answers = working.map([pictures[0], hanging, hanging, hanging])
        next(answers)
        started = time.monotonic()
        raise KeyboardInterrupt
    assert time.monotonic() - started < 2


def test_memory_is_constant(pool, pictures, monkeypatch):
    """The pool runs ahead of its reader by its window and one group, however many entries there are."""
    monkeypatch.setattr(_pool, "_WINDOW", 4)
    taken = 0

    def entries():
        nonlocal taken
        for _ in range(60):
            taken += 1
            yield pictures[0]

    with pool("mean", workers=2) as working:
        for count, _ in enumerate(working.map(entries()), 1):
            assert taken - count <= 4 * 2 + _pool._TOGETHER
        monkeypatch.setattr(_pool, "_WINDOW_BYTES", 100_000)
        taken = 0
        data = Path(pictures[0].path).read_bytes() + bytes(50_000)
        for count, item in enumerate(
            working.map(Entry(str(n), data=data) for n, _ in enumerate(entries())), 1
        ):
            assert taken - count <= 2
            assert isinstance(item, Decoded)


def test_ledger_of_a_mixed_batch(pool, pictures):
    """Seen = used + unreadable + skipped + changed, and the share counts what looks like an image."""
    tally = Tally()
    mixed = [*pictures[:6], Skipped("h", "skipped", "hidden"), Entry("gone.jpg", "/nowhere/gone.jpg")]
    with pool("mean") as working:
        assert len(list(tally.watch(working.map(mixed)))) == 6
    tally.add(Skipped("c", "changed", "changed"))
    tally.withdraw("20.png", "nonfinite")
    ledger = tally.ledger()
    assert (ledger.seen, ledger.used, ledger.changed) == (9, 5, 1)
    assert (ledger.unreadable, ledger.skipped) == ({"missing": 1, "nonfinite": 1}, {"hidden": 1})
    assert tally.unreadable_share == 3 / 8
