"""The artifact's files one by one: read without following links, checked before parsing, written whole."""

from __future__ import annotations

import errno
import hashlib
import json
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from driftcli.artifact._manifest import (
    MAX_FILE_BYTES,
    STATE_NAME,
    FileEntry,
    MalformedError,
    is_role,
    shown,
    state_name,
)
from driftcli.core.errors import InternalError, UsageError
from driftcli.core.files import Refused, open_regular

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from driftcli.core.features import State

MANIFEST = "manifest.json"
LOCK = ".lock"
TEMP = "tmp"
"""What names of states and manifests in the making begin with, after the dot."""
TEMP_NAME = re.compile(r"\.(tmp|lock)-[0-9a-f]{32}\.tmp|\.lock-break\.tmp")
"""Files in the making: states and manifests (`.tmp-…`), locks about to be taken (`.lock-…`)."""
DTYPES = frozenset(
    {"bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"}
    | {"float16", "float32", "float64", "complex64"}
)
"""What safetensors stores and numpy has."""

_HINTS = {
    errno.ENOSPC: "free some space on that disk and run the command again; what was there before is intact",
    errno.EDQUOT: "the quota is used up: free some space and run again; what was there before is intact",
    errno.EROFS: "the file system is read-only: choose another place",
    errno.EACCES: "allow this user to write there, or choose another place",
    errno.EPERM: "allow this user to write there, or choose another place",
}


@contextmanager
def storage(folder: Path) -> Iterator[None]:
    """Turns an operating-system error while writing into InternalError (exit 4) with advice."""
    try:
        yield
    except OSError as error:
        advice = _HINTS.get(error.errno or 0, "check the disk, then run the command again")
        raise InternalError(f"cannot write {folder}: {error.strerror or error}", advice) from error


# ---------------------------------------------------------------- reading


def read_file(path: Path, limit: int) -> bytes:
    """All bytes of a regular file of at most `limit` bytes.

    Never follows a link and never waits on a FIFO. Raises MalformedError for what is no such file and OSError
    (FileNotFoundError among them) for what the operating system says.
    """
    try:
        with (
            open_regular(path, limit) as (descriptor, facts),
            open(descriptor, "rb", closefd=False) as file,
        ):
            return file.read(facts.st_size + 1)
    except Refused as refused:
        large = refused.reason == "too_large"
        raise MalformedError(
            f"is larger than {limit:,} bytes" if large else "is no regular file"
        ) from refused
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EMLINK}:
            raise MalformedError("is a symbolic link") from error
        raise


def load_state(folder: Path, entry: FileEntry) -> dict[str, NDArray[Any]]:
    """One state; size and SHA-256 are verified before a byte is parsed. Raises like `read_file`."""
    raw = read_file(folder / entry.name, MAX_FILE_BYTES)
    if len(raw) != entry.bytes:
        raise MalformedError(
            f"has {len(raw):,} bytes where the manifest says {entry.bytes:,}: truncated or replaced"
        )
    if hashlib.sha256(raw).hexdigest() != entry.sha256:
        raise MalformedError("does not have the checksum that the manifest states: changed or damaged")
    try:
        return load(raw)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise MalformedError(f"is no safetensors file ({shown(str(error))})") from error


# ---------------------------------------------------------------- writing


def encode_state(role: str, state: State, metadata: Mapping[str, str] | None) -> tuple[FileEntry, bytes]:
    """A state's bytes and what the manifest says of them; equal states have equal bytes.

    safetensors writes the memory behind an array as it lies (0.8.0: a transposed array comes back wrong,
    without an error), so arrays are made contiguous and little-endian first.
    """
    if not is_role(role):
        raise UsageError(
            f"{shown(role)} cannot be part of a file name in an artifact",
            "use lower-case letters, digits, '.', '_' and '-', at most 100 characters, a letter or digit first",
        )
    arrays = {}
    for name in sorted(state):
        array = np.asarray(state[name])
        if array.dtype.name not in DTYPES or name == "__metadata__":
            raise InternalError(
                f"the state of {role} has an array {shown(name)} of type {array.dtype}",
                "this is a defect of driftcli: please report it",
            )
        arrays[name] = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    raw = save(arrays) if not metadata else _with_metadata(save(arrays), metadata)
    if len(raw) > MAX_FILE_BYTES:
        raise InternalError(f"the state of {role} has {len(raw):,} bytes", "use fewer images (`--limit`)")
    sha256 = hashlib.sha256(raw).hexdigest()
    return FileEntry(role, state_name(role, sha256), len(raw), sha256), raw


def _with_metadata(raw: bytes, metadata: Mapping[str, str]) -> bytes:
    """The same state with metadata in its header, in the order of their keys.

    safetensors 0.8.0 writes them in the order of a hash map, another one each time. Header: its length as
    a little-endian 64-bit number, then JSON padded with spaces to a multiple of 8
    (https://github.com/huggingface/safetensors#format).
    """
    end = 8 + int.from_bytes(raw[:8], "little")
    header = {"__metadata__": dict(sorted(metadata.items()))} | json.loads(raw[8:end])
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + raw[end:]


def sweep(folder: Path, keep: Collection[str] | None) -> None:
    """Removes files in the making, and states that `keep` does not name; only for who holds the lock.

    `keep=None`: what is kept is unknown (a damaged manifest), so no state is removed. Best effort: what
    cannot be removed is left to the next writer. Foreign names are never touched.
    """
    with suppress(OSError):
        for name in [entry.name for entry in folder.iterdir()]:
            orphan = keep is not None and STATE_NAME.fullmatch(name) and name not in keep
            if orphan or TEMP_NAME.fullmatch(name):
                with suppress(OSError):
                    (folder / name).unlink()
