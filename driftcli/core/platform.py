"""Which systems driftcli runs on."""

from __future__ import annotations

import sys

from driftcli.core.errors import UsageError


def require_posix() -> None:
    """Raises UsageError on Windows.

    What is missing there: opening a file without following a link (`O_NOFOLLOW`) or waiting for a pipe
    (`O_NONBLOCK`), asking whether a process lives (`os.kill(pid, 0)` would end it), syncing a folder.
    """
    if sys.platform == "win32":
        raise UsageError(
            "driftcli does not run on Windows: its locks and its safe reading of files need POSIX",
            "use it in WSL or in a container (configs/recipes/Dockerfile)",
        )
