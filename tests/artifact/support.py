"""What the artifact's tests share: small artifacts, forked writers, and system calls that fail or kill."""

from __future__ import annotations

import json
import os
import signal
import time
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np

from driftcli.artifact import store

if TYPE_CHECKING:
    from pathlib import Path

CALLS = ("open", "write", "fsync", "replace", "link", "unlink", "utime", "mkdir", "rmdir")
"""The system calls by which a writer changes a folder."""


def state(seed: int = 0, size: int = 6) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"weight": rng.standard_normal((size, 3)).astype(np.float32), "count": np.array(seed)}


def build(
    path: Path, version: str = "old", seed: int = 0, roles: tuple[str, ...] = ("embedding", "detectors")
) -> str:
    """A small artifact; its digest."""
    with store.writing(path, create=True, force=True) as draft:
        draft.document["version"] = version
        for shift, role in enumerate(roles):
            draft.put(role, state(seed + shift))
    return store.read(path).digest


def change(path: Path, version: str = "new", **options) -> None:
    """One state replaced, one added, one removed."""
    with store.writing(path, **options) as draft:
        draft.document["version"] = version
        draft.put("embedding", state(70))
        draft.put("baseline-default", state(71))
        draft.remove("detectors")


def listing(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def named(path: Path) -> set[str]:
    return {"manifest.json"} | {entry.name for entry in store.read(path).files.values()}


def sound(path: Path) -> str:
    """The version of an artifact every file of which is in order."""
    found = store.read(path)
    assert all(check.ok for check in found.verify()), found.verify()
    return found.manifest["version"]


def edit(path: Path, **keys) -> None:
    """Rewrites manifest keys behind the writer's back."""
    manifest = json.loads((path / "manifest.json").read_text("utf-8"))
    (path / "manifest.json").write_text(json.dumps(manifest | keys), encoding="utf-8")


# ---------------------------------------------------------------- processes


def fork(action) -> int:
    """Runs `action` in a child; its number (or 0) is the exit code, any exception is 99."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        code = action() or 0
    except BaseException:  # noqa: BLE001  (the child must not run the parent's tests)
        traceback.print_exc()
    finally:
        os._exit(code)


def reap(child: int) -> int:
    """The child's exit code; -9 if it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def dead_pid() -> int:
    child = fork(lambda: 0)
    reap(child)
    return child


def together(actions, seconds: float = 0.05) -> list[int]:
    """Runs actions in children that all start at the same instant; their exit codes."""
    begin = time.monotonic() + seconds

    def started(action):
        time.sleep(max(0.0, begin - time.monotonic()))
        return action()

    return [reap(child) for child in [fork(lambda action=action: started(action)) for action in actions]]


# ---------------------------------------------------------------- system calls


@contextmanager
def intercepted(monkeypatch, act):
    """Every call of CALLS goes through `act(number, name, real, args, kwargs)`; yields the list of calls."""
    calls: list[str] = []
    with monkeypatch.context() as patch:
        for name in CALLS:
            real = getattr(os, name)

            def call(*args, _name=name, _real=real, **kwargs):
                calls.append(_name)
                return act(len(calls), _name, _real, args, kwargs)

            patch.setattr(os, name, call)
        yield calls


def plain(_number, _name, real, args, kwargs):
    return real(*args, **kwargs)


def killer(at: int, when: str):
    """Dies by SIGKILL at call `at`: before it, after it, or in the middle of a write."""

    def act(number, name, real, args, kwargs):
        if number != at:
            return real(*args, **kwargs)
        if when == "amid" and name == "write":
            real(args[0], bytes(args[1])[: len(args[1]) // 2])
        elif when == "after":
            with suppress(OSError):
                real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    return act


def failing(at: int, code: int, *, sticky: bool = False):
    """Fails with errno `code` at call `at`, or from it on."""

    def act(number, _name, real, args, kwargs):
        if number == at or (sticky and number >= at):
            raise OSError(code, os.strerror(code))
        return real(*args, **kwargs)

    return act
