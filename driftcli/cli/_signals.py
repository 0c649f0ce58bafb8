"""SIGINT and SIGTERM end the process within two seconds, whatever it is doing.

Python's own way is an exception out of whatever the main thread does. A library may swallow it, or print it and go on,
and where it leaves a lock behind (a thread that is just being started) somebody waits for ever. So nothing is unwound
here: the handler undoes what must not stay (`driftcli.core.abrupt`), says so, and leaves. It runs as soon as the main
thread is between two steps of Python. While that one is inside a long call of a library, a thread that the system wakes
at the signal does the same, after PATIENCE or at the second signal.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftcli.core import abrupt

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

PATIENCE = 1.0
"""Seconds that the main thread has to come out of a library's call."""
LEAVING = 5.0
"""Seconds for libraries to end their threads, once all is said."""
WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
UNDECIDED = "nothing was decided; run again"


@dataclass
class _State:
    """How this process ends; all of it is set by whole assignments, since a handler may look at any moment."""

    armed: bool = False
    code: int | None = None
    """The exit code, once all is said: from then on a signal only makes it quicker."""
    hint: str = UNDECIDED
    said: bool = False
    say: Callable[[int, str, str], None] | None = None
    wake: int = -1


_state = _State()


def arm() -> None:
    """From here on SIGINT and SIGTERM end this process; what the parent ignores (`nohup`) stays ignored.

    Only for a process that is all ours: in the main thread, and once.
    """
    _state.armed = True
    for number in WORDS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)
    with suppress(OSError, RuntimeError):  # no descriptor, no thread: the handler does without
        read, _state.wake = os.pipe()
        os.set_blocking(_state.wake, False)
        threading.Thread(target=_watch, args=(read,), name="driftcli-signals", daemon=True).start()
        signal.set_wakeup_fd(_state.wake, warn_on_full_buffer=False)


def armed() -> bool:
    """Whether this process ends by `end`."""
    return _state.armed


def heard_by(say: Callable[[int, str, str], None], hint: str = UNDECIDED) -> None:
    """Who says exit code, what happened and what to do, instead of two plain lines; `hint`: what to do."""
    _state.hint, _state.say = hint, say


def decided(code: int) -> None:
    """All is said, and the process may leave with this code: nobody's thread can keep it for longer than LEAVING."""
    _state.code = code
    with suppress(OSError):
        os.write(_state.wake, b"\0")


def leave() -> None:
    """Leave with the code that was decided, before libraries are torn down: one that fails then has no verdict to change."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(4 if _state.code is None else _state.code)


def end(code: int, what: str, hint: str) -> None:
    """Leave now; unless all is said already, undo what must not stay and say why."""
    if _state.code is not None:
        os._exit(_state.code)
    try:
        abrupt.undo_all()
        if not _state.said:
            _state.said = True
            (_state.say or _plain)(code, what, hint)
    finally:
        os._exit(code)


def _handle(number: int, _frame: FrameType | None) -> None:
    end(128 + number, WORDS[signal.Signals(number)], _state.hint)


def _watch(wake: int) -> None:
    """In a thread: wait for a signal's number, which the system's handler writes, or for `decided`."""
    numbers = {int(number) for number in WORDS}
    while True:
        (heard,) = os.read(wake, 1) or b"\0"
        if _state.code is not None:
            time.sleep(LEAVING)
            os._exit(_state.code)
        if heard in numbers:
            select.select([wake], [], [], PATIENCE)
            _handle(heard, None)


def _plain(code: int, what: str, hint: str) -> None:
    """Before the command line is understood: no imports, since the main thread may be in the middle of one."""
    if sys.stderr is None:
        return
    line, environ = " ".join(sys.argv[1:]), os.environ.get("DRIFTCLI_LOG_FORMAT")
    if "--log-format json" in line or "--log-format=json" in line or environ == "json":
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        told = (
            f'{{"time": "{now}", "level": "error", "event": "result", "command": null, "message": "{what}", "source": null, '
            f'"verdict": null, "exit_code": {code}, "p": null, "images": null, "sentence": null, "error": "{what}", "hint": "{hint}"}}\n'
        )
    else:
        told = f"error: {what}\nhint: {hint}\n"
    with suppress(OSError):
        os.write(2, told.encode())
