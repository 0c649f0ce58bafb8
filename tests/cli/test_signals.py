"""SIGINT and SIGTERM end the process wherever it is: in a library that swallows exceptions, in C, in an import, at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 30
"""Seconds that only a process that hangs needs."""
PROGRAM = """
import os, signal, sys, threading, time
sys.argv = ["driftcli", *{argv!r}]
def now():
    os.kill(os.getpid(), signal.{name})
{body}
from driftcli.cli.start import main
main()
"""
CHECKED = """
from driftcli.audit import check
check.check = lambda *a, **k: doing()
"""


def ended(body: str, name: str = "SIGINT", argv: tuple[str, ...] = ("check", "ref", "x"), **more):
    """A process of our own in which `body` runs before the entry point; what it wrote, and its code."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body, name=name, argv=argv)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, restore_signals=True, **more,
    )  # fmt: skip
    assert "Traceback" not in ran.stderr, ran.stderr
    assert "Exception ignored" not in ran.stderr
    return ran


FIND = """
class Finder:
    def find_spec(name, *rest):
        if name == "typer":
            {do}
sys.meta_path.insert(0, Finder)
"""
SWALLOWED = """
def doing():
    try:
        now()
        time.sleep(60)
    except BaseException:
        pass
    time.sleep(60)
"""
IN_A_CALLBACK = """
class Loud:
    def __del__(self):
        now()
        for _ in range(1000):
            pass
def doing():
    del Loud
""".replace("del Loud", "Loud()\n    time.sleep(60)")
IN_C = """
import hashlib
def doing():
    threading.Timer(0.2, now).start()
    hashlib.pbkdf2_hmac("sha256", b"x", b"y", 1 << 30)  # minutes, without a single step of Python
"""
STARTING_A_THREAD = """
enter = threading.Condition.__enter__
def signalled(self):
    entered = enter(self)  # the lock is taken, and the block that gives it back has not begun
    if sys._getframe(2).f_code.co_name == "start" and threading.current_thread() is threading.main_thread():
        threading.Condition.__enter__ = enter
        now()
        time.sleep(0)
    return entered
def doing():
    from driftcli.core.images import Entry
    from driftcli.sources.decoding.pool import DecodePool
    from driftcli.sources.decoding.settings import Decode
    import itertools
    threading.Condition.__enter__ = signalled
    with DecodePool(Decode(), {}, 2) as pool:
        for _ in pool.map(Entry("a", "no-such-file") for _ in itertools.count()):
            pass
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize(
    "doing",
    [SWALLOWED, IN_A_CALLBACK, IN_C, STARTING_A_THREAD],
    ids=["swallowed", "in a callback", "in C", "starting a thread"],
)
def test_wherever_the_program_is(doing, name, code):
    """Each of these hangs, or prints a traceback and goes on, where the signal is an exception."""
    ran = ended(doing + CHECKED, name)
    what = {130: "interrupted", 143: "terminated"}[code]
    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr == f"error: {what}\nhint: nothing was decided; run again\n"


def test_in_an_import_of_a_library_that_swallows_it():
    swallow = (
        "try:\n                now(); time.sleep(60)\n            except BaseException:\n                pass"
    )
    ran = ended(FIND.format(do=swallow))
    assert (ran.returncode, ran.stdout) == (130, "")
    assert ran.stderr == "error: interrupted\nhint: nothing was decided; run again\n"


@pytest.mark.parametrize("early", [True, False])
def test_as_json_it_is_the_event_that_ends_every_run(early):
    """With the same fields, whether the command line was understood by then or not."""
    body = FIND.format(do="now()") if early else SWALLOWED + CHECKED
    ran = ended(body, argv=("check", "ref", "x", "--log-format", "json"))
    assert ran.returncode == 130
    event = json.loads(ran.stderr)
    usual = subprocess.run(
        [sys.executable, "-m", "driftcli", "check", "no-artifact", "x", "--nope", "--log-format", "json"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert list(event) == list(json.loads(usual.stderr))
    assert (event["event"], event["exit_code"], event["error"]) == ("result", 130, "interrupted")


def test_the_second_signal_does_not_wait():
    """The main thread is in C, and the time that it is given would be an hour."""
    body = (
        IN_C
        + CHECKED
        + """
from driftcli.cli import _signals
_signals.PATIENCE = 3600
threading.Timer(4, now).start()
"""
    )
    assert ended(body).returncode == 130


def test_nothing_is_left(tmp_path):
    """Neither a file in the making, nor the lock, nor a folder that was made for it, nor a worker."""
    body = f"""
import pathlib
place = pathlib.Path({str(tmp_path)!r}) / "ref"
def doing():
    import numpy as np
    from driftcli.artifact import store
    from driftcli.core.images import Entry
    from driftcli.sources.decoding.pool import DecodePool
    from driftcli.sources.decoding.settings import Decode
    with DecodePool(Decode(), {{}}, 2) as pool:
        pathlib.Path({str(tmp_path)!r}, "pids").write_text(" ".join(str(w._process.pid) for w in pool._workers))
        with store.writing(place, create=True) as draft:
            draft.put("reference", {{"x": np.zeros(3)}})
            os.fsync = lambda _: (now(), time.sleep(60))
            draft.put("embedding", {{"x": np.ones(3)}})
"""
    ran = ended(body + CHECKED)
    assert ran.returncode == 130, ran.stderr
    workers = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(workers) == 2
    until = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < until:
        time.sleep(0.05)
    assert [path.name for path in tmp_path.iterdir()] == ["pids"]
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_once_all_is_said_a_signal_changes_no_verdict():
    body = """
import atexit
from dataclasses import replace
from tests.reports import samples
atexit.register(lambda: (now(), time.sleep(60)))
doing = samples.drifted
"""
    ran = ended(body + CHECKED, argv=("check", "ref", "x", "-q"))
    assert ran.returncode == 1
    assert "verdict=drift" in ran.stdout
    assert ran.stderr == ""


def test_a_thread_that_never_ends_keeps_no_verdict():
    body = """
from tests.reports import samples
from driftcli.cli import _signals
_signals.LEAVING = 0.2
threading.Thread(target=time.sleep, args=(3600,)).start()
doing = samples.drifted
"""
    assert ended(body + CHECKED, argv=("check", "ref", "x", "-q")).returncode == 1


def test_what_the_parent_ignores_stays_ignored():
    """`nohup`, and jobs in the background of a script."""
    body = """
from tests.reports import samples
def doing():
    now()
    return samples.passing()
"""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert ended(body + CHECKED).returncode == 0
    finally:
        signal.signal(signal.SIGINT, before)


# ---------------------------------------------------------------- no verdict, no 1


@pytest.mark.parametrize(
    ("body", "said", "hint"),
    [
        ("sys.modules['typer'] = None", "driftcli cannot start: ModuleNotFoundError", "install it again"),
        (FIND.format(do="raise MemoryError"), "out of memory", ""),
        (CHECKED + "def doing():\n    import nothing_of_this_name", "nothing_of_this_name", "install it again"),
        (CHECKED + "def doing():\n    import ctypes\n    ctypes.CDLL(None).exit(1)", "a library ended the program", "limits of memory"),
        (CHECKED + "def doing():\n    raise RuntimeError(\"can't start new thread\")", "out of memory", ""),
        (CHECKED + "def doing():\n    raise ImportError('libx.so: failed to map segment from shared object')", "out of memory", ""),
        (CHECKED + "def doing():\n    raise OSError(12, 'Cannot allocate memory')", "out of memory", ""),
        (CHECKED + "def doing():\n    import tempfile; d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d); os.getcwd()", "no longer exists", "cd to"),
    ],
    ids=["typer", "memory at start", "library", "exit in C", "threads", "library's memory", "ENOMEM", "folder"],
)  # fmt: skip
def test_whatever_goes_wrong_below_is_4(body, said, hint):
    ran = ended(body)
    assert (ran.returncode, ran.stdout) == (4, ""), ran.stderr
    first, second = ran.stderr.splitlines()
    assert first.startswith("error: ")
    assert said in first
    assert second.startswith("hint: ")
    assert hint in second
    assert "bug" not in second


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are Linux's")
@pytest.mark.parametrize("megabytes", [60, 120, 300, 500])
def test_a_limit_of_memory_is_never_a_verdict(megabytes, world):
    """OpenBLAS ends the process with 1 by itself at some of these; which, depends on the machine."""
    import resource

    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    ran = subprocess.run(
        [sys.executable, "-m", "driftcli", "check", world.ref, world.fresh, "--workers", "1"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120, preexec_fn=limited,
    )  # fmt: skip
    if ran.returncode in (0, 1):  # it was enough
        assert "p" in ran.stdout
        return
    assert ran.stdout == ""
    # A library may crash (134, 139 in a shell), and where the loader itself gets no memory, it ends the process with 127.
    below = ran.returncode < 0 or ran.returncode == 127
    assert below or ran.returncode == 4, ran.stderr
    assert below or "error: " in ran.stderr
    assert "bug" not in ran.stderr
