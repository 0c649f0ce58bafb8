"""What can go wrong, what to do about it, and the exit code that says so (contract: exit codes)."""

from __future__ import annotations

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
