"""What can go wrong, what to do about it, and the exit code that says so (contract: exit codes)."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import ClassVar


class DriftcliError(Exception):
    """A failure that the user can act on: `what` happened and a `hint` on what to do.

    The command line prints `error: WHAT` and `hint: HINT` and returns `exit_code`.
    """

    exit_code: ClassVar[int] = 4

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class UsageError(DriftcliError):
    """The command line, environment or configuration is wrong (exit 2)."""

    exit_code = 2


class NotAuditedError(DriftcliError):
    """Data that was named correctly cannot be audited (exit 3)."""

    exit_code = 3


class ArtifactError(NotAuditedError):
    """An artifact is missing, corrupt, uncalibrated or of another machine's making (exit 3)."""


class InternalError(DriftcliError):
    """Memory, output, lock or training failed: not the user's data, not the user's words (exit 4)."""

    exit_code = 4


# ---------------------------------------------------------------- memory

_NO_MEMORY = (
    "out of memory",
    "allocate memory",  # the system's words (ENOMEM), torch's and OpenBLAS's
    "memory allocation",
    "bad_alloc",
    "failed to map segment",  # a library that does not fit
    "can't start new thread",
    "memoryerror",
)
_SMALL = 2 << 30
"""Bytes of address space below which a library that fails to load has most likely not found room."""


def about_memory(error: BaseException | str) -> bool:
    """Whether memory was short, as far as an exception (with what caused it) or a text tells.

    Libraries say so in exceptions of their own kinds; where the address space is limited, they fail to load as well.
    """
    if isinstance(error, str):
        return any(word in error.lower() for word in _NO_MEMORY)
    return any(_about_memory(each) for each in _chain(error))


def memory_hint() -> str:
    """What to do where memory was short."""
    limit = address_space()
    if limit is None:
        return "lower --workers, check fewer images (--limit N), or give the container or machine more memory"
    return f"this process may use {limit >> 20:,} MB of address space (ulimit -v): raise that limit"


def address_space() -> int | None:
    """Bytes that the process may map (`ulimit -v`); None where there is no limit."""
    try:
        import resource
    except ImportError:  # not on Windows, which is refused with words of its own
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__


def _about_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    if isinstance(error, ImportError | SystemError) and not isinstance(error, ModuleNotFoundError):
        return (address_space() or _SMALL) < _SMALL or about_memory(str(error))
    theirs = isinstance(error, RuntimeError) or type(error).__module__.startswith("onnxruntime")
    return theirs and about_memory(str(error))
