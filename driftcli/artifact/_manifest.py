"""The manifest's JSON and its envelope: what an artifact's manifest may say, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftcli.core import strict_json
from driftcli.core.strict_json import Limits, NotStrictError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_MANIFEST_BYTES = 1 << 20
MAX_FILE_BYTES = 4 << 30
"""Far above any reference (20,000 images x 3,000 float32 are 0.24 GB), far below a sparse-file bomb."""
MAX_DEPTH = 64
MAX_DIGITS = 100
"""Of an integer: a SHA-256 has 78."""
LIMITS = Limits(levels=MAX_DEPTH + 1, digits=MAX_DIGITS)
"""Lists and objects nest `MAX_DEPTH` deep; the values in the innermost are one level more."""

SCHEMA = (1, 0)
_SHOWN = 60
RESERVED = ("schema_version", "kind", "created", "updated", "tool", "libraries", "files")
"""Manifest keys that the writer sets; every other key belongs to the document."""

_SCHEMA = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})", re.ASCII)
_KIND = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_ROLE = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
STATE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*-[0-9a-f]{16}\.safetensors")
"""Names of state files; matched in full, so neither separators nor a leading dot can occur."""


class MalformedError(ValueError):
    """Bytes that no artifact consists of; `hint` where more can be said than "make it again"."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One line of the manifest's `files`."""

    role: str
    name: str
    bytes: int
    sha256: str


# ---------------------------------------------------------------- JSON


def parse(raw: bytes) -> Any:
    """The value that these bytes denote. Raises MalformedError, and nothing else."""
    try:
        return strict_json.parse_bytes(raw, LIMITS, most=MAX_MANIFEST_BYTES)
    except NotStrictError as error:
        raise MalformedError(_in_words(error)) from error


def _in_words(error: NotStrictError) -> str:
    """What is wrong with a manifest, to be read after its name."""
    said = {
        "size": f"is larger than {error.count:,} bytes",
        "encoding": f"is not UTF-8 (byte {error.count})",
        "syntax": f"is not JSON (line {error.line}, column {error.column}: {error.what})",
        "twice": f"has the key {shown(error.what)} twice in one object",
        "constant": f"contains {error.what}",
        "number": f"contains a number beyond float64 ({error.what[:20]})",
        "integer": f"contains an integer of {error.count:,} digits",
        "depth": f"is nested deeper than {MAX_DEPTH} levels",
    }
    return said[error.reason]


def dump(value: Any) -> bytes:
    """The bytes of a JSON value: sorted keys, ASCII, and certain to be accepted by `parse`.

    Raises MalformedError for what JSON cannot say (NaN, arrays, numpy numbers) and for what `parse` refuses.
    """
    try:
        text = json.dumps(value, allow_nan=False, sort_keys=True, indent=1)
    except (TypeError, ValueError, RecursionError) as error:
        raise MalformedError(f"cannot be written as JSON ({error})") from error
    raw = text.encode("ascii") + b"\n"
    parse(raw)
    return raw


def shown(value: Any) -> str:
    """A foreign value for an error message: ASCII, at most 60 characters, no control characters."""
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


# ---------------------------------------------------------------- the envelope


def check_envelope(manifest: Any) -> dict[str, FileEntry]:
    """The files that a manifest names, by role; raises MalformedError unless the envelope is exact.

    Read: every 1.x (a minor version only adds keys). A file's name must be the one that its role and
    checksum imply, so a manifest cannot point anywhere.
    """
    if not isinstance(manifest, dict):
        raise MalformedError("is not a JSON object")
    schema_of(manifest)
    kind = manifest.get("kind")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise MalformedError("has no valid `kind`")
    if not isinstance(manifest.get("created", ""), str):
        raise MalformedError("has a `created` that is no text")
    files = manifest.get("files")
    if not isinstance(files, list):
        raise MalformedError("has no list of `files`")
    found: dict[str, FileEntry] = {}
    for line in files:
        entry = _check_line(line)
        if entry.role in found:
            raise MalformedError(f"names the role {entry.role} twice")
        found[entry.role] = entry
    return found


def schema_of(manifest: Mapping[str, Any]) -> tuple[int, int]:
    """(major, minor); raises MalformedError when absent or of a major version that this program does not read."""
    version = manifest.get("schema_version")
    match = _SCHEMA.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        raise MalformedError("has no valid `schema_version`")
    major, minor = int(match[1]), int(match[2])
    if major != SCHEMA[0]:
        newer = major > SCHEMA[0]
        raise MalformedError(
            f"has schema version {major}.{minor}, and this driftcli reads {SCHEMA[0]}.x",
            "upgrade driftcli, or fit the artifact again with this version"
            if newer
            else "fit the artifact again with this version",
        )
    return major, minor


def is_role(role: str) -> bool:
    """Whether a state may be filed under this word."""
    return _ROLE.fullmatch(role) is not None


def state_name(role: str, sha256: str) -> str:
    """The only name that a state file can have."""
    return f"{role}-{sha256[:16]}.safetensors"


def _check_line(line: Any) -> FileEntry:
    if not isinstance(line, dict):
        raise MalformedError("has an entry in `files` that is no object")
    role, name, size, sha256 = (line.get(key) for key in ("role", "name", "bytes", "sha256"))
    if not isinstance(role, str) or not is_role(role):
        raise MalformedError(f"names the role {shown(role)}, which is none")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise MalformedError(f"gives no SHA-256 for {role}")
    if not isinstance(name, str) or not STATE_NAME.fullmatch(name) or name != state_name(role, sha256):
        raise MalformedError(f"names a file {shown(name)}, which no artifact contains")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= MAX_FILE_BYTES:
        raise MalformedError(f"gives {shown(size)} as the size of {role}")
    return FileEntry(role, name, size, sha256)
