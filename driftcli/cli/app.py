"""The entry point: verbs, and the one place where whatever happened becomes an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import typer

from driftcli.cli import _common as c
from driftcli.cli import _environment, _signals
from driftcli.cli._help import CONTEXT, Command, Group
from driftcli.cli.console import Terminal, abandon, invoke

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

VERBS = (
    "fit",
    "baseline",
    "check",
    "refresh",
    "profile",
    "report",
    "history",
    "inspect",
    "simulate",
    "queue",
    "score",
    "power",
    "doctor",
    "demo",
    "help",
)
"""Every command, in the order of the help; each is a function in the file of its name."""
RUN_OTHERS = ("demo", "help")
USAGE, INTERNAL, INTERRUPTED, TERMINATED = 2, 4, 130, 143

HELP = """Does this folder of images still look like the images the model was built on?

Learn a reference from good images, calibrate it on others, then audit every new batch: a report, and an
exit code for CI and cron.
"""
EPILOG = """\
Start:
  driftcli demo                                # the whole story on sample images
  driftcli fit images/train -o ref/            # learn, and hold some images out
  driftcli baseline ref/ images/val            # calibrate on other good images
  driftcli check ref/ images/today             # audit: report and exit code
  driftcli help                                # the manual, offline

Exit codes:
  0    audited; the gate passed
  1    audited; the gate failed
  2    command line, environment or configuration is wrong
  3    not audited: something is wrong with the data or the artifact
  4    internal error, no memory, output not writable
  130  interrupted; 143 terminated

Settings: option > DRIFTCLI_<OPTION> (DRIFTCLI_MIN_IMAGES=20) > --config FILE > artifact > default.
"""


def _root(version: c.Version = False) -> None:
    """Options of the whole program; `run` gives a bare command line `--help`."""


def program(verbs: Sequence[str] = VERBS) -> typer.Typer:
    """The program with these commands; their files, and no others, are loaded."""
    made = typer.Typer(
        name="driftcli",
        cls=Group,
        help=HELP,
        epilog=EPILOG,
        context_settings=CONTEXT,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    made.callback()(_root)
    for verb in verbs:
        file = import_module(f"driftcli.cli.{verb}")
        made.command(cls=Command, epilog=file.EXAMPLES, context_settings=CONTEXT)(getattr(file, verb))
    return made


def __getattr__(name: str) -> typer.Typer:
    """`app`, the whole program, for whoever imports it: made when it is asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = made = program()
    return made


class Terminated(BaseException):
    """SIGTERM, as something that unwinds: workers are stopped and temporary files removed."""


def main() -> NoReturn:
    """Run the command line of this process and exit: `driftcli.cli.start` calls it, with a guard around."""
    _environment.prepare(os.environ)
    code = run(sys.argv[1:])
    _flush()
    sys.exit(code)


def run(argv: Sequence[str]) -> int:
    """One command line; its exit code. Nothing but a failed gate returns 1."""
    terminal = Terminal.peek(argv, os.environ)
    _signals.heard_by(terminal.last_words)
    terminal.ending.command = next((word for word in argv if word in VERBS), None)
    code = _run(argv, terminal)
    terminal.end(code)
    return code


def _with(argv: Sequence[str]) -> typer.Typer:
    """The program with the one command that the line begins with: to build all of them takes longer than many run.

    With every command where it begins with none: to list them, or to find the one that was meant; and for the two
    that run others.
    """
    alone = argv and argv[0] in VERBS and argv[0] not in RUN_OTHERS
    return program(argv[:1]) if alone else program()


def _run(argv: Sequence[str], terminal: Terminal) -> int:
    try:
        with _unwinding():
            code = invoke(typer.main.get_command(_with(argv)), argv, terminal)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Terminated:
        terminal.close()
        terminal.error("terminated", "nothing was decided; run again")
        return TERMINATED
    except typer.TyperException as error:
        terminal.close()
        terminal.error(*_usage(error, argv))
        return USAGE
    except SystemExit as error:
        if error.code in (0, None) or _pipe_closed(error):
            return 0
        terminal.ending.error = "the program was ended from within"
        return INTERNAL
    except Exception as error:  # noqa: BLE001  # the last line of defence: never 1
        return 0 if _pipe_closed(error) else terminal.failure(error)
    finally:
        terminal.close()
    if code == INTERRUPTED:  # Typer turns KeyboardInterrupt into this number
        terminal.error("interrupted", "nothing was decided; run again")
    return code


def _usage(error: typer.TyperException, argv: Sequence[str]) -> tuple[str, str]:
    """Typer's message as `error:`, and its suggestions as `hint:`."""
    what, _, meant = error.format_message().replace("Value error, ", "").partition(" (Possible options: ")
    what, _, verb = what.partition(" Did you mean ")
    close = list(getattr(error, "possibilities", None) or [])
    path = " ".join(["driftcli", *(word for word in argv[:1] if word in VERBS)])
    if close:
        asked = getattr(error, "option_name", "") or ""
        return what, f"did you mean {max(sorted(close), key=lambda one: _alike(one, asked))}?"
    if meant or verb:
        return what, f"did you mean {verb or meant}"
    return what, f"see `{path} --help`"


def _alike(one: str, other: str) -> float:
    from difflib import SequenceMatcher

    return SequenceMatcher(None, one, other).ratio()


def _pipe_closed(error: BaseException | None) -> bool:
    """Whether a reader that had gone is behind it (`driftcli --help | true`)."""
    while error is not None:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            return True
        error = error.__cause__ or error.__context__
    return False


@contextlib.contextmanager
def _unwinding() -> Iterator[None]:
    """In somebody else's process SIGINT and SIGTERM unwind once; the second one kills. What is ignored stays ignored.

    In a process of our own they have ended it by then (`_signals`).
    """

    def unwind(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated

    if _signals.armed() or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, unwind)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            abandon(stream)
