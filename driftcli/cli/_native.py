"""A library in C that calls `exit(1)` has no verdict to tell: OpenBLAS and OpenMP do so where they get no memory."""

from __future__ import annotations

from contextlib import suppress

from driftcli.cli import _signals
from driftcli.core.errors import InternalError

WORDS = b"""\
error: a library ended the program, most likely because it got no memory
hint: see what it said above; raise the limits of memory and threads (ulimit -v, ulimit -u). The system's last error"""
"""To be followed by that error, which is how `perror` writes."""
_done: list[bool] = []


def arm() -> None:
    """From here on a library's `exit` ends this process with 4 and WORDS.

    Only in a process that `driftcli.cli.start` began: its own end does not come this way (`_signals.leave`). What C
    calls at an `exit`, the last that was registered first, is C: threads may be anywhere, and Python's lock taken.
    """
    if not _signals.armed() or _done:
        return
    _done.append(True)
    with suppress(ImportError, AttributeError, OSError, MemoryError):
        import ctypes  # numpy loads it too

        libc = ctypes.CDLL(None)
        call = libc.__cxa_atexit
        call.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        call(
            ctypes.cast(libc._exit, ctypes.c_void_p), InternalError.exit_code, None
        )  # the argument is a number to it
        call(
            ctypes.cast(libc.perror, ctypes.c_void_p),
            ctypes.cast(ctypes.c_char_p(WORDS), ctypes.c_void_p),
            None,
        )
