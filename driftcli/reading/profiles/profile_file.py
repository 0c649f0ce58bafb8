"""The profile's file: safetensors, read without trust; `content.py` says what its arrays are.

The header's metadata name format, version, and the SHA-256 of the whole file with zeros in its own place.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from safetensors import SafetensorError
from safetensors.numpy import load, save

from driftcli.core.errors import NotAuditedError
from driftcli.core.files import Refused, open_regular
from driftcli.core.strict_json import NotStrictError, parse
from driftcli.core.text import safe_name
from driftcli.core.typed_json import Malformed
from driftcli.reading.profiles.content import LIMITS, UnfitError, from_arrays, to_arrays
from driftcli.reading.profiles.profile import Profile

FORMAT, VERSION = "driftcli-profile", "1"
SUFFIX = ".safetensors"
LARGEST = 64 << 30
"""Bytes of one profile: 40 for each image, and some 1,100 more for each whose features are kept."""
_LARGEST_HEADER = 1 << 20
_BEGINNING = f'{{"__metadata__":{{"format":"{FORMAT}"'.encode()
_BLANK = "0" * 64
_AGAIN = "make it again: driftcli profile SOURCE --artifact ARTIFACT -o FILE"


# ---------------------------------------------------------------- writing


def encode(profile: Profile) -> bytes:
    """The file's bytes; equal profiles have equal bytes."""
    return _sealed(save(to_arrays(profile)))


def _sealed(raw: bytes) -> bytes:
    """With metadata in the header; safetensors itself would write them in another order each time."""
    end = 8 + int.from_bytes(raw[:8], "little")
    metadata = {"format": FORMAT, "sha256": _BLANK, "version": VERSION}
    header = {"__metadata__": metadata} | json.loads(raw[8:end])
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    head, body = len(text).to_bytes(8, "little") + text, memoryview(raw)[end:]
    sha = hashlib.sha256(head)
    sha.update(body)
    return b"".join([head.replace(_BLANK.encode(), sha.hexdigest().encode(), 1), body])


# ---------------------------------------------------------------- reading


def read(path: str) -> Profile:
    """The profile in a file, verified. Raises NotAuditedError for what is none, or is damaged, or from a later version."""
    try:
        with (
            open_regular(path, LARGEST, follow=True) as (descriptor, facts),
            open(descriptor, "rb", closefd=False) as file,
        ):
            raw = file.read(facts.st_size + 1)
    except Refused as refused:
        raise NotAuditedError(
            f"{path} cannot be read: {refused.reason.replace('_', ' ')}", _AGAIN
        ) from refused
    except OSError as error:
        raise NotAuditedError(f"{path} cannot be read: {error.strerror}", "check its permissions") from error
    return decode(raw, path)


def is_profile(path: str) -> bool:
    """Whether a file begins as profiles do, whole or not."""
    try:
        with (
            open_regular(path, LARGEST, follow=True) as (descriptor, _),
            open(descriptor, "rb", closefd=False) as file,
        ):
            return file.read(8 + len(_BEGINNING)).endswith(_BEGINNING)
    except (OSError, Refused):
        return False


def decode(raw: bytes, name: str) -> Profile:
    """The profile that these bytes hold; `name`: for errors, as of `read`."""
    shown = safe_name(name)
    try:
        sha256 = checksum(raw)
        found = from_arrays(load(raw))
    except UnfitError as wrong:
        raise NotAuditedError(f"{shown} {wrong}", _AGAIN) from wrong
    except _LaterError as later:
        raise NotAuditedError(
            f"{shown} is a profile of format {later}; this driftcli reads {VERSION}",
            "update driftcli on this machine, or make the profile again with this version",
        ) from later
    except (
        SafetensorError,
        NotStrictError,
        Malformed,
        ValueError,
        KeyError,
        TypeError,
        OverflowError,
        IndexError,
    ) as error:
        raise NotAuditedError(
            f"{shown} is no whole profile ({safe_name(str(error))[:200]})", _AGAIN
        ) from error
    return replace(found, name=name, sha256=sha256)


class _LaterError(Exception):
    """A major version that is not known."""


def checksum(raw: bytes) -> str:
    """The SHA-256 that a profile states, verified before anything but its header is parsed.

    Raises UnfitError, _LaterError.
    """
    length = int.from_bytes(raw[:8], "little")
    if len(raw) < 10 or not 2 <= length <= min(_LARGEST_HEADER, len(raw) - 8):  # noqa: PLR2004 - the smallest header
        raise UnfitError("is no profile: it is no whole safetensors file")
    try:
        metadata = parse(raw[8 : 8 + length].decode("utf-8"), LIMITS).get("__metadata__", {})
    except (NotStrictError, UnicodeDecodeError, AttributeError) as error:
        raise UnfitError("is no profile: its header is no JSON") from error
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise UnfitError("is no profile of driftcli, but another safetensors file")
    version, sha256 = str(metadata.get("version")), str(metadata.get("sha256"))
    if version.split(".", maxsplit=1)[0] != VERSION:
        raise _LaterError(safe_name(version)[:20])
    head = raw[: 8 + length].replace(sha256.encode("utf-8", "replace"), _BLANK.encode(), 1)
    found = hashlib.sha256(head)
    found.update(memoryview(raw)[8 + length :])
    if found.hexdigest() != sha256:
        raise UnfitError("does not have the checksum that it states: changed, truncated or damaged")
    return sha256
