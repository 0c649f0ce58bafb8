"""Questions to servers: on one thread of their own, in a bounded time, again where that may help."""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import cache
from typing import Any, Literal, TypeVar

from driftcli.core.errors import DriftcliError, NotAuditedError, UsageError

SECONDS = 120.0
"""An answer takes no longer, all tries and pauses together."""
PAUSES = (0.1, 0.4, 1.6, 6.4)
"""Seconds before the second, third, ... try, each up to half as much again by chance."""
_GLANCE = 0.5
_PARTING = 0.1
"""Seconds at the end of the program in which the library notices that nobody waits for it any more."""
Reason = Literal[
    "missing", "permission", "credentials", "changed", "ranges", "empty", "path", "refused", "unreachable"
]
T = TypeVar("T")

_STATUS = re.compile(r"status code: (\d{3})")
_AGAIN = frozenset({408, 409, 425, 429})
_NO_KEYS = re.compile(
    r"169\.254\.169\.254|metadata\.google\.internal|/latest/api/token|credential", re.IGNORECASE
)
_TRIES = re.compile(r" in [\d.]+[^ ,]*(, after .*?retry_timeout: \S+)? *-")
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


class Fault(Exception):  # noqa: N818 - an outcome with a reason, not a defect
    """Why a server did not give what was asked for; `unreachable` after all tries."""

    def __init__(self, reason: Reason, said: str = "") -> None:
        super().__init__(said or reason)
        self.reason = reason
        self.said = said


def submit(question: Coroutine[Any, Any, T]) -> Future[T]:
    """Begin asking; the answer comes later. Cancelling it ends the request."""
    return asyncio.run_coroutine_threadsafe(question, _loop(os.getpid()))


def ask(question: Coroutine[Any, Any, T]) -> T:
    """The answer; who is interrupted meanwhile leaves no request behind. Raises Fault."""
    answer = submit(question)
    try:
        return answered(answer)
    except BaseException:
        answer.cancel()
        raise


def answered(answer: Future[T]) -> T:
    """The answer, when it is there. Raises Fault.

    It looks up now and then: a signal that arrives just before a thread begins to wait does not wake it.
    """
    while not answer.done():
        wait((answer,), _GLANCE)
    return answer.result()


async def patiently(attempt: Callable[[], Awaitable[T]], seconds: float = SECONDS) -> T:
    """What one of a few attempts returns, within so many seconds. Raises Fault."""
    last = Fault("unreachable", "no answer in time")
    try:
        async with asyncio.timeout(seconds):
            for pause in (*PAUSES, None):
                try:
                    return await attempt()
                except Fault as fault:
                    last = fault
                except Exception as error:  # noqa: BLE001 - a library's errors become ours
                    last = fault_of(error)
                if last.reason != "unreachable":
                    raise last
                if pause is not None:
                    await asyncio.sleep(pause * (1 + os.urandom(1)[0] / 512))
    except TimeoutError:
        pass
    raise last


def fault_of(error: Exception) -> Fault:
    """What an error of the library means; whatever is not certain is worth another try."""
    said = sentence(error)
    if isinstance(error, FileNotFoundError):
        return Fault("missing", said)
    named = _FAULTS.get(type(error).__name__)
    if named is not None:
        return Fault(named, said)
    found = _STATUS.search(str(error))
    status = int(found[1]) if found else 0
    if _NO_KEYS.search(str(error)):
        return Fault("credentials", said)
    if status in _STATUSES:
        return Fault(_STATUSES[status], said)
    if (400 <= status < 500 and status not in _AGAIN) or "without LOCATION" in str(error):
        return Fault("refused", said)
    return Fault("unreachable", said)


_FAULTS: dict[str, Reason] = {
    "PermissionDeniedError": "permission",
    "UnauthenticatedError": "permission",
    "PreconditionError": "changed",
    "NotSupportedError": "ranges",
    "InvalidPathError": "path",
    "ValueError": "path",
}
_STATUSES: dict[int, Reason] = {
    401: "permission",
    403: "permission",
    404: "missing",
    412: "changed",
    416: "empty",
}


def sentence(error: Exception) -> str:
    """The first line of what the library says, without addresses: they may hold a signature."""
    line = (str(error).splitlines() or [""])[0]
    code = re.search(r"<Code>(\w+)</Code>", str(error))
    return _TRIES.sub(":", _ADDRESS.sub("...", line))[:200] + (f" ({code[1]})" if code else "")


def not_there(shown: str, fault: Fault) -> DriftcliError:
    """The error for a source that cannot be opened or listed: 2 where the environment is wrong, else 3."""
    if fault.reason == "credentials":
        return UsageError(f"{shown!r} cannot be read: no credentials for it were found", _CREDENTIALS)
    what, hint = _WORDS.get(fault.reason, _WORDS["unreachable"])
    told = f": {fault.said}" if fault.said and fault.reason in {"refused", "unreachable", "path"} else ""
    return NotAuditedError(f"{shown!r} {what}{told}", hint)


_CREDENTIALS = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (needs driftcli[s3]); "
    "GOOGLE_APPLICATION_CREDENTIALS for gs; AWS_SKIP_SIGNATURE=true for a public bucket"
)
_WORDS: dict[str, tuple[str, str]] = {
    "missing": ("is not there", "Check bucket and key; AWS_ENDPOINT_URL names another server than Amazon's."),
    "permission": (
        "may not be read with these credentials",
        "Check AWS_PROFILE or the keys, and the bucket's policy.",
    ),
    "changed": ("changed while it was being read", "Check it again when nobody writes to it."),
    "ranges": ("lies on a server that does not give parts of files", "Copy it here, or pack a .zip as .tar."),
    "path": (
        "has a key that cannot be read",
        "Keys with empty parts (a//b) are not read: rename them, or name another prefix.",
    ),
    "refused": ("was refused", "Check the bucket's region (AWS_REGION) and the address."),
    "unreachable": (
        "cannot be read",
        "Try again; AWS_ENDPOINT_URL and the proxy's variables decide where it is looked for.",
    ),
}


@cache
def _loop(_process: int) -> asyncio.AbstractEventLoop:
    """The loop that speaks to servers, in a thread that nobody waits for when the program ends."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="driftcli-objects", daemon=True).start()
    atexit.register(_end, loop)
    return loop


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Ends all requests before Python ends: the library's threads would complain that it is gone."""

    async def end() -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(_PARTING)

    with suppress(TimeoutError):
        asyncio.run_coroutine_threadsafe(end(), loop).result(10 * _PARTING)
