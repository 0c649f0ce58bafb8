"""One worker process seen from the pool: start, ask with a deadline, kill, start again."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from driftcli.core.errors import InternalError, UsageError, about_memory, memory_hint
from driftcli.sources.decoding import wire

Request = tuple[Mapping[str, Any], bytes]
Answer = tuple[dict[str, Any], bytes]
PIPE = 16 << 10
"""Bytes of requests that any system's pipe takes in while nobody reads: more would wait for a worker that waits for us."""
_START_SECONDS = 120.0
_TAIL = 4096
_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
"""glibc keeps the pages of one photo for the next: to get them anew from the kernel costs as much as to decode it."""
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")


_AHEAD: list[subprocess.Popen[bytes]] = []
"""Processes that `ahead` has started and no Worker has taken yet."""


@contextmanager
def ahead(count: int) -> Iterator[None]:
    """So many workers' processes load what they need beside what happens inside, until a Worker takes them; the rest is ended.

    Where they cannot be started, whoever wants a Worker is told.
    """
    try:
        with suppress(OSError):
            _AHEAD.extend(_begun() for _ in range(count))
        yield
    finally:
        while _AHEAD:
            _ended(_AHEAD.pop())


class LostError(Exception):
    """The worker is gone, and with it the file it was at: `timeout`, `crashed` or `closed`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Worker:
    """A decode worker's process: starts it, asks it one thing at a time, and starts another where it is lost.

    Used by one thread at a time; `stop` may come from another and ends whatever is going on.
    """

    def __init__(self, setup: Mapping[str, Any], timeout: float) -> None:
        self._setup = setup
        self._timeout = timeout
        self._lock = threading.Lock()
        self._closed = False
        self._ready = False
        self._received, self._noise = bytearray(), bytearray()
        self._start()

    def ask(self, requests: Sequence[Request]) -> list[Answer | LostError]:
        """The answers to some requests, in their order, each within its time; requests altogether below PIPE bytes.

        All are sent at once, so that the worker never waits for this process between two files. The one that it is
        lost at is a LostError; another worker is started and asked the rest. Raises InternalError, and LostError
        once it was stopped.
        """
        answers: list[Answer | LostError] = []
        while len(answers) < len(requests):
            if not self._ready:
                self._greet()
            try:
                wire.write_all(self._input, requests[len(answers) :])
                while len(answers) < len(requests):
                    answers.append(self._receive(self._timeout))
            except BrokenPipeError:
                self._replace()
                answers.append(LostError("crashed"))
            except LostError as lost:
                self._replace()
                answers.append(lost)
        return answers

    def _replace(self) -> None:
        self._kill()
        self._start()

    def stop(self) -> None:
        """Kill the process; whoever waits for an answer sees the end of the stream at once."""
        with self._lock:
            self._closed = True
            self._process.kill()

    def close(self) -> None:
        """Reap the process and close its pipes; after `stop`, when no thread uses this worker any more."""
        self._kill()

    def _start(self) -> None:
        with self._lock:
            if self._closed:
                raise LostError("closed")
            try:
                self._process = _AHEAD.pop() if _AHEAD else _begun()
            except OSError as error:
                raise InternalError(
                    f"a decode worker cannot be started: {error.strerror or error}",
                    memory_hint()
                    if about_memory(error)
                    else "lower --workers, or raise the limit on processes (ulimit -u) or open files (ulimit -n)",
                ) from error
        self._input = cast("BinaryIO", self._process.stdin)
        self._selector = selectors.DefaultSelector()
        self._selector.register(cast("BinaryIO", self._process.stdout), selectors.EVENT_READ, "answers")
        self._selector.register(cast("BinaryIO", self._process.stderr), selectors.EVENT_READ, "noise")
        self._ready = False
        self._received.clear()
        self._noise.clear()

    def _greet(self) -> None:
        """Sends the set-up and waits until the worker says that it is ready."""
        try:
            wire.write(self._input, self._setup)
            answer, _ = self._receive(_START_SECONDS)
        except (BrokenPipeError, LostError) as error:
            if self._closed:
                raise LostError("closed") from error
            self._process.kill()  # where it has not ended by itself
            raise self._not_started(self._process.wait()) from error
        if "usage" in answer:
            raise UsageError(*answer["usage"])
        self._ready = True

    def _receive(self, seconds: float) -> Answer:
        """One message within so many seconds. Raises LostError."""
        deadline = time.monotonic() + seconds
        received = self._received
        if (message := wire.split(received)) is not None:
            return message
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                piece = os.read(key.fd, 1 << 18)
                if key.data == "noise":
                    self._hear(piece)
                    if not piece:
                        self._selector.unregister(key.fileobj)
                elif not piece:
                    raise LostError("crashed")
                else:
                    received += piece
                    if (message := wire.split(received)) is not None:
                        return message
        raise LostError("timeout")

    def _hear(self, piece: bytes) -> None:
        """Keeps the end of what the worker says on standard error."""
        self._noise += piece
        del self._noise[:-_TAIL]

    def _not_started(self, status: int) -> InternalError:
        """Why it ended before it was ready, as far as its status and its last line tell."""
        self._hear(cast("BinaryIO", self._process.stderr).read())  # to the end, since it is dead
        words = self._noise.decode("utf-8", "replace").strip()
        last = words.splitlines()[-1].strip() if words else ""
        if about_memory(words):
            return InternalError(f"a decode worker did not start: no memory ({last})", memory_hint())
        if status == -signal.SIGKILL and not words:
            return InternalError(
                "a decode worker did not start: it was killed",
                f"somebody ended it, or the system did because memory was short: {memory_hint()}",
            )
        return InternalError(
            f"a decode worker did not start: {last or _status(status)}",
            "`driftcli doctor` tries one and says what is missing",
        )

    def _kill(self) -> None:
        self._selector.close()
        _ended(self._process)


def _begun() -> subprocess.Popen[bytes]:
    """A worker's process: it loads its libraries, and then waits for its set-up."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "driftcli.sources.decoding.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        process_group=0,  # Ctrl-C is for the parent
    )


def _status(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"it ended with status {status}"
    names = {number.value: number.name for number in signal.Signals}
    return f"it was ended by signal {names.get(-status, -status)}"


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        with suppress(BrokenPipeError):  # an unsent request
            cast("BinaryIO", pipe).close()


def _environment() -> dict[str, str]:
    """This environment, one thread for numpy, and the same driftcli (a checkout is not installed)."""
    env = dict(os.environ) | {f"{name}_NUM_THREADS": "1" for name in _THREADS} | _MEMORY
    root = str(Path(__file__).parents[3])
    if root not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (root, env.get("PYTHONPATH"))))
    return env
