"""The terminal: results to standard output, everything else to standard error, colour only where it is wanted."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import traceback
import warnings
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Literal, cast, get_args

from driftcli.cli._ending import Ending
from driftcli.core.errors import DriftcliError, InternalError, about_memory, memory_hint
from driftcli.core.text import safe_name
from driftcli.core.times import duration, now_utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftcli.core.progress import Progress
    from driftcli.core.stages import Stage

Colour = Literal["auto", "always", "never"]
LogFormat = Literal["text", "json"]
_STYLES = {"error": "\x1b[1;31m", "warning": "\x1b[33m", "hint": "\x1b[36m"}
_PAGE = 100


def wants_colour(stream: IO[Any] | None, choice: str, environ: Mapping[str, str]) -> bool:
    """`auto` colours a terminal only, not a pipe or a CI log, unless NO_COLOR or else FORCE_COLOR says otherwise."""
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or is_terminal(stream, environ)


def is_terminal(stream: IO[Any] | None, environ: Mapping[str, str]) -> bool:
    """A terminal that can move its cursor."""
    try:
        return stream is not None and stream.isatty() and environ.get("TERM") != "dumb"
    except ValueError:  # a closed stream
        return False


@dataclass
class Terminal:
    """How this run speaks; what the options of every command say about output lives here."""

    color: Colour = "auto"
    log_format: LogFormat = "text"
    quiet: bool = False
    verbose: int = 0
    show_progress: bool = True
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    ending: Ending = field(default_factory=Ending)
    _active: Progress | None = None

    @classmethod
    def peek(cls, argv: Sequence[str], environ: Mapping[str, str]) -> Terminal:
        """From raw arguments: a wrong command line is explained in the style that it asked for."""
        terminal = cls(environ=environ)
        line = " ".join(argv)
        for name in ("color", "log_format"):
            option = "--" + name.replace("_", "-")
            found = re.search(rf"(?:^| ){option}[= ](\S+)", line)
            wanted = found[1] if found else environ.get(f"DRIFTCLI_{name.upper()}", "")
            if wanted in get_args(Colour if name == "color" else LogFormat):
                setattr(terminal, name, wanted)
        short = "".join(word[1:] for word in argv if re.fullmatch("-[vq]+", word))
        terminal.verbose = short.count("v") + sum(word == "--verbose" for word in argv)
        terminal.quiet = "q" in short or "--quiet" in argv
        return terminal

    # ------------------------------------------------------------ standard output

    def put(self, text: str, *, utf8: bool = False) -> None:
        """Write a result. A reader that has gone is no failure; a full disk is. `utf8`: whatever the locale."""
        stream = sys.stdout
        if stream is None:
            return
        try:
            buffer = getattr(stream, "buffer", None)
            if buffer is None:
                stream.write(text)
            else:
                stream.flush()
                encoding = "utf-8" if utf8 else (stream.encoding or "utf-8")
                buffer.write(text.encode(encoding, "backslashreplace"))
            stream.flush()
        except BrokenPipeError:
            abandon(stream)
        except OSError as error:
            abandon(stream)
            raise InternalError(
                f"standard output is not writable: {error.strerror}",
                "write to a file with -o, or free the disk",
            ) from error

    def colour(self, stream: IO[Any] | None = None) -> bool:
        """Whether to colour `stream` (standard output if None)."""
        return wants_colour(sys.stdout if stream is None else stream, self.color, self.environ)

    def width(self) -> int:
        """Columns of a result: the terminal's, at most 120; 100 in a pipe."""
        if is_terminal(sys.stdout, self.environ):
            return max(40, min(120, shutil.get_terminal_size().columns))
        return _PAGE

    def is_one_place(self) -> bool:
        """Whether both streams end at the same place, a terminal or a log: what one says, the other need not."""
        try:
            out, err = (os.fstat(stream.fileno()) for stream in (sys.stdout, sys.stderr))
        except (OSError, ValueError, AttributeError):
            return False
        return os.path.samestat(out, err)

    def unicode(self) -> bool:
        """Whether standard output can show more than ASCII (LC_ALL=C cannot)."""
        try:
            "−≥▁█✗é".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    # ------------------------------------------------------------ standard error

    def error(self, what: str, hint: str = "") -> None:
        """`error: WHAT` and `hint: WHAT TO DO`; as JSON both are part of the one event that ends the run."""
        self.ending.error, self.ending.hint = what, hint or None
        if self.log_format == "text":
            self.say("error", what, **({"hint": hint} if hint else {}))

    def end(self, code: int) -> None:
        """How the run ended: with `--log-format json` one event, whatever happened."""
        if self.log_format == "json":
            self.say(self.ending.level(code), self.ending.message, **self.ending.fields(code))

    def took(self, stage: str, seconds: float, steps: int | None = None, unit: str = "images") -> None:
        """With -v: how long a part of the run took, and how fast it was."""
        if not self.verbose or self.quiet:
            return
        rate = steps / seconds if steps and seconds > 0 else None
        if self.log_format == "json":
            speed = {"steps": steps, "per_second": None if rate is None else round(rate, 1)}
            self.say("info", stage, event="stage", seconds=round(seconds, 3), **speed)
            return
        many = f": {steps:,} {unit} in" if steps else ":"
        speed_words = "" if rate is None else f" ({rate:.3g} {unit}/s)"
        self.say("info", f"{stage}{many} {duration(seconds)}{speed_words}")

    def shares(self, stages: Sequence[Stage], cached: int = 0) -> None:
        """With -v, as text: where all of the time went, in one table. As JSON each stage was an event of its own."""
        if not self.verbose or self.quiet or self.log_format == "json" or not stages:
            return
        from driftcli.core.stages import table

        self.say("info", "where the time went:")
        for line in table(stages):
            self.say("info", line)
        if cached:
            self.say("info", f"  {cached:,} images were known to the cache: no pixel of them was read")

    def warn(self, message: str) -> None:
        """Something to know; shown even with -q."""
        self.say("warning", message)

    def note(self, message: str) -> None:
        """With -v only."""
        if self.verbose and not self.quiet:
            self.say("info", message)

    def say(self, level: str, message: str, **more: Any) -> None:
        """One event: a line of text (and one for a hint), or one line of JSON."""
        if self.log_format == "json":
            known = {"event": {"info": "note"}.get(level, level), "command": self.ending.command}
            event = {"time": now_utc("milliseconds"), "level": level, **known, "message": message, **more}
            self.line(json.dumps(event))
            return
        prefix = "" if level == "info" else f"{level}: "
        for part in message.split("\n"):
            self.line(safe_name(part), prefix, level)
        if "hint" in more:
            self.line(safe_name(str(more["hint"])), "hint: ", "hint")

    def line(self, text: str, prefix: str = "", level: str = "") -> None:
        """One line on standard error, never breaking what a progress bar draws; a closed stream is no failure."""
        stream = sys.stderr
        if stream is None:
            return
        if prefix and level in _STYLES and self.colour(stream):
            prefix = f"{_STYLES[level]}{prefix}\x1b[0m"
        try:
            stream.write(f"{prefix}{text}\n")
            stream.flush()
        except BrokenPipeError:
            abandon(stream)
        except (OSError, ValueError):
            return

    def failure(self, error: BaseException) -> int:
        """Explain an exception; its exit code. The traceback is for those who ask twice (-vv)."""
        self.close()
        if self.verbose > 1:
            self.line("".join(traceback.format_exception(error)).rstrip("\n"))
        if isinstance(error, DriftcliError):
            self.error(error.what, error.hint)
            return error.exit_code
        self.error(*_internal(error))
        return InternalError.exit_code

    def last_words(self, code: int, what: str, hint: str) -> None:
        """What happened to a run that is ended from outside, wherever it is.

        Through a stream of its own: the usual one may be in the middle of a line.
        """
        if sys.stderr is None:
            return
        active, self._active = self._active, None
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        sys.stderr.write(getattr(active, "restore", ""))
        self.error(what, hint)
        self.end(code)
        sys.stderr.flush()

    # ------------------------------------------------------------ progress

    def progress(self) -> Progress:
        """Bars on a terminal, a line every ten seconds elsewhere, nothing with -q or --no-progress."""
        from driftcli.cli import _progress

        kind: type[_progress.TerminalProgress] = _progress.Lines
        if self.quiet or not self.show_progress:
            kind = _progress.TerminalProgress
        elif (
            self.log_format == "text" and not self.environ.get("CI") and is_terminal(sys.stderr, self.environ)
        ):
            kind = _progress.Bars
        self._active = kind(self)
        return self._active

    def close(self) -> None:
        """Leave the terminal as it was found."""
        active, self._active = self._active, None
        if active is not None:
            cast("Any", active).close()

    def hush(self) -> None:
        """Libraries' warnings are for -v: the report's own cautions say what matters to its reader."""

        def show(message: Any, category: type[Warning], *_: Any) -> None:
            self.note(f"{category.__name__}: {message}")

        warnings.showwarning = cast("Any", show)


def invoke(program: Any, argv: Sequence[str], terminal: Terminal) -> int:
    """One command line of the program through the given terminal; what it raises is the caller's to explain."""
    color = {"always": True, "never": False}.get(terminal.color, None if terminal.colour() else False)
    code = program.main(
        args=list(argv) or ["--help"], prog_name="driftcli", standalone_mode=False, obj=terminal, color=color
    )
    return code if isinstance(code, int) else 0


def _internal(error: BaseException) -> tuple[str, str]:
    name = type(error).__name__
    said = safe_name(str(error).split("\n")[0][:300])
    if name == "OutOfMemoryError":  # torch's, of a graphics card
        return "out of memory on the graphics card", "--device cpu does without it"
    if about_memory(error):
        return "out of memory", memory_hint()
    if isinstance(error, FileNotFoundError) and not _has_folder():
        return (
            "the folder in which the command was started no longer exists",
            "cd to one that does, and run again",
        )
    if isinstance(error, ImportError):
        hint = (
            "something is missing or damaged: install it again with `pip install --force-reinstall driftcli`"
        )
        return f"{name}: {said}", hint
    if isinstance(error, OSError):
        return f"{name}: {said}", "check permissions and free space, then run again"
    return f"{name}: {said}", "this is a bug in driftcli: run again with -vv and report the traceback"


def _has_folder() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - only whether there is one
    except OSError:
        return False
    return True


def abandon(stream: IO[Any]) -> None:
    """The other end has gone: what is still to be written there goes nowhere, silently."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return
