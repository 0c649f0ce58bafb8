"""A draft of an artifact: what a writer changes while holding the lock, and how it becomes the artifact."""

from __future__ import annotations

import copy
import platform
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cache
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from driftcli.artifact._files import (
    MANIFEST,
    TEMP,
    encode_state,
    load_state,
    storage,
    sweep,
)
from driftcli.artifact._lock import Lock, held
from driftcli.artifact._manifest import (
    RESERVED,
    SCHEMA,
    FileEntry,
    MalformedError,
    check_envelope,
    dump,
    parse,
    schema_of,
)
from driftcli.artifact._target import named
from driftcli.core import abrupt
from driftcli.core.errors import ArtifactError, InternalError
from driftcli.core.files import replace_file, sync_folder
from driftcli.core.times import now_utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from driftcli.core.features import State

KIND = "driftcli-reference"
_LIBRARIES = ("numpy", "safetensors", "torch", "torchvision", "pillow")


class Draft:
    """The artifact in the making: a mutable document and states by role."""

    def __init__(
        self, folder: Path, kind: str, lock: Lock, manifest: Mapping[str, Any], files: Mapping[str, FileEntry]
    ) -> None:
        self.document: dict[str, Any] = {
            key: copy.deepcopy(value) for key, value in manifest.items() if key not in RESERVED
        }
        """Everything the manifest says beside its envelope; JSON values."""
        self.path = folder
        self._kind = kind
        self.lock = lock
        self._files = dict(files)
        self._created = str(manifest.get("created", "")) or now_utc("microseconds")
        self._schema = max(SCHEMA, schema_of(manifest)) if manifest else SCHEMA
        self._open = True

    def has(self, role: str) -> bool:
        """Whether there is a state for this role now."""
        return role in self._files

    def state(self, role: str) -> State:
        """The state for this role now; ArtifactError if it is absent or damaged."""
        try:
            return load_state(self.path, self._files[role])
        except KeyError as error:
            known = ", ".join(sorted(self._files)) or "nothing"
            raise ArtifactError(f"{self.path} holds no {role!a}", f"it holds {known}") from error
        except (MalformedError, OSError) as error:
            raise ArtifactError(
                f"the artifact {self.path} cannot be used: {self._files[role].name}: {error}",
                "restore it from a copy, or make it again with `driftcli fit --force`",
            ) from error

    def put(self, role: str, state: State, metadata: Mapping[str, str] | None = None) -> None:
        """Writes one state now, beside what is there; the artifact names it when the block ends well."""
        self._check_open()
        entry, raw = encode_state(role, state, metadata)
        with storage(self.path):
            self.lock.refresh()
            replace_file(self.path / entry.name, raw, prefix=TEMP)
        self._files[role] = entry

    def remove(self, role: str) -> None:
        """The new artifact has no such role (nor need the old one have had it)."""
        self._check_open()
        self._files.pop(role, None)

    def commit(self) -> None:
        """Makes this the artifact: states durable, then the manifest replaced, then that durable."""
        self._check_open()
        raw = self._manifest()
        with storage(
            self.path
        ):  # more than replacing one file: names have an order, and only a holder may write
            sync_folder(self.path)
            self.lock.refresh()
            replace_file(self.path / MANIFEST, raw, prefix=TEMP)
            sync_folder(self.path)
        self._open = False

    def _manifest(self) -> bytes:
        if taken := sorted(set(RESERVED) & set(self.document)):
            raise _defect(f"the document sets {', '.join(taken)}, which the writer sets")
        envelope = {
            "schema_version": "{}.{}".format(*self._schema),
            "kind": self._kind,
            "created": self._created,
            "updated": now_utc("microseconds"),
            "tool": {"name": "driftcli", "version": _own_version()},
            "libraries": _libraries(),
            "files": [asdict(entry) for _, entry in sorted(self._files.items())],
        }
        try:
            raw = dump(self.document | envelope)
            check_envelope(parse(raw))
        except MalformedError as error:
            raise _defect(f"the manifest of {self.path} {error.what}") from error
        return raw

    def _check_open(self) -> None:
        if not self._open:
            raise _defect("a draft was changed after its artifact was written")


@contextmanager
def locked(folder: Path, wait: float) -> Iterator[Lock]:
    """Holds the lock of a folder, made if need be and removed again if nothing came of it."""
    with storage(folder):
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if made:
            sync_folder(folder.parent)
    try:
        with abrupt.undone(folder.rmdir if made else bool), held(folder, wait) as lock:
            yield lock
    finally:
        if made:
            with suppress(OSError):
                folder.rmdir()  # only ever an empty one


@contextmanager
def transaction(draft: Draft) -> Iterator[Draft]:
    """Cleans up after earlier writers, offers the draft, commits it; after a failure leaves no trace."""
    sweep(draft.path, named(draft.path))

    def undo() -> None:
        if draft.lock.mine():
            sweep(draft.path, named(draft.path))

    try:
        with abrupt.undone(undo):
            yield draft
            draft.commit()
    except BaseException:
        undo()
        raise


def _own_version() -> str:
    version = getattr(import_module("driftcli"), "__version__", None)
    return str(version) if version else _version("driftcli")


@cache
def _libraries() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: _version(name) for name in _LIBRARIES}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"


def _defect(what: str) -> InternalError:
    return InternalError(what, "this is a defect of driftcli: please report it")
