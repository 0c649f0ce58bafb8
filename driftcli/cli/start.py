"""The first code of ours that runs: whatever ends the process from here on, 1 means that a gate has failed."""

from __future__ import annotations

import sys

INTERNAL, INTERRUPTED = 4, 130


def main() -> None:
    """Run the command line of this process and exit."""
    try:
        import atexit

        from driftcli.cli import _signals

        _signals.arm()
        atexit.register(
            _signals.leave
        )  # the first to register is called last: only libraries are torn down behind it
        from driftcli.cli.app import main as run

        run()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else INTERNAL
    except BaseException as error:  # noqa: BLE001 - Python's own answer to an exception is 1
        code = _told(error)
    if "driftcli.cli._signals" in sys.modules:
        _signals.decided(code)
    sys.exit(code)


def _told(error: BaseException) -> int:
    """Says what went wrong before the program could; its exit code."""
    if "-vv" in sys.argv:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        return _said(INTERRUPTED, "interrupted", "nothing was decided; run again")
    from driftcli.core.errors import about_memory, memory_hint  # itself it imports next to nothing

    if about_memory(error):
        return _said(INTERNAL, "out of memory while loading libraries", memory_hint())
    what = f"driftcli cannot start: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    hint = "this is a bug in driftcli: run again with -vv and report the traceback"
    if isinstance(error, ImportError | SyntaxError):
        hint = (
            "something is missing or damaged: install it again with `pip install --force-reinstall driftcli`"
        )
    return _said(INTERNAL, what, hint)


def _said(code: int, what: str, hint: str) -> int:
    try:
        sys.stderr.write(f"error: {what}\nhint: {hint}\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):  # a closed stream is no failure
        pass
    return code
