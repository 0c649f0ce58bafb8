"""The profile's file: safetensors with one JSON document among its arrays, read without trust.

Layout: `document` (UTF-8 JSON, as uint8) says what the profile is of and holds its texts; `contents` and `seen` hold the
hashes of all images, `row/...` and `view/...` what is kept of some, `canary/...` the canaries. The header's metadata name
format, version, and the SHA-256 of the whole file with zeros in its own place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from driftcli.core.errors import NotAuditedError
from driftcli.core.features import Features
from driftcli.core.files import Refused, open_regular
from driftcli.core.images import Ledger, Skipped
from driftcli.core.strict_json import Limits, NotStrictError, parse, parse_bytes
from driftcli.core.text import safe_name
from driftcli.extractors.base import views as declared_views
from driftcli.reading.profiles.merging import packed
from driftcli.reading.profiles.profile import Profile
from driftcli.reading.reading import Reading
from driftcli.reading.shard import Shard
from driftcli.reading.table import hexadecimal

FORMAT, VERSION = "driftcli-profile", "1"
SUFFIX = ".safetensors"
LARGEST = 64 << 30
"""Bytes of one profile: 40 for each image, and about 6,000 for each that is kept."""
_LARGEST_HEADER = 1 << 20
_LARGEST_DOCUMENT = 1 << 30
_LIMITS = Limits(levels=6, digits=20)
_BEGINNING = f'{{"__metadata__":{{"format":"{FORMAT}"'.encode()
_BLANK = "0" * 64
_AGAIN = "make it again: driftcli profile SOURCE --artifact ARTIFACT -o FILE"
_STATES = frozenset({"unreadable", "skipped", "changed"})


class _WrongError(Exception):
    """What is wrong with a profile."""


# ---------------------------------------------------------------- writing


def encode(profile: Profile) -> bytes:
    """The file's bytes; equal profiles have equal bytes.

    Views that are declared rounded are stored as float16, which is what they hold.
    """
    features, declared = profile.reading.features, declared_views()
    distinct = {json.dumps(dict(columns), sort_keys=True): columns for columns in profile.columns}
    place = {text: i for i, text in enumerate(distinct)}
    names = [name.encode("utf-8", "surrogatepass") for name in features.names]
    arrays: dict[str, Any] = {
        "document": np.frombuffer(_document(profile, list(distinct.values())), np.uint8),
        "contents": np.frombuffer(packed(profile.reading.contents), np.uint8).reshape(-1, 32),
        "seen": profile.reading.seen,
        "row/names": np.frombuffer(b"".join(names), np.uint8),
        "row/name_ends": np.cumsum([len(name) for name in names], dtype=np.int64),
        "row/pixels": features.pixels,
        "row/near": features.near,
        "row/time": np.full(len(features), np.nan) if features.time is None else features.time,
        "row/origin": profile.origin.astype(np.int32),
        "row/columns": np.array(
            [place[json.dumps(dict(c), sort_keys=True)] for c in profile.columns], np.int32
        ),
    }
    for name, x in features.views.items():
        arrays[f"view/{name}"] = x.astype(np.float16) if declared[name].rounded else x
    arrays |= {f"canary/{name}": np.asarray(x, np.float32) for name, x in profile.canary.items()}
    little = {
        name: np.asarray(x, dtype=x.dtype.newbyteorder("<"), order="C") for name, x in sorted(arrays.items())
    }
    return _sealed(save(little))


def _document(profile: Profile, columns: Sequence[Mapping[str, str]]) -> bytes:
    reading = profile.reading
    document = {
        "extractors": profile.extractors,
        "sources": list(profile.sources),
        "shard": [profile.shard.number, profile.shard.of],
        "input": dict(profile.input),
        "keep": profile.keep,
        "created": profile.created,
        "versions": dict(sorted(profile.versions.items())),
        "ledger": asdict(reading.ledger),
        "files": [[file.name, file.state, file.reason] for file in reading.skipped],
        "levels": {str(code): name for code, name in sorted(reading.features.levels.items())},
        "column_names": sorted(reading.columns),
        "columns": [dict(each) for each in columns],
    }
    return json.dumps(document, separators=(",", ":")).encode("ascii")


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
        found = _profile(load(raw))
    except _WrongError as wrong:
        raise NotAuditedError(f"{shown} {wrong}", _AGAIN) from wrong
    except _LaterError as later:
        raise NotAuditedError(
            f"{shown} is a profile of format {later}; this driftcli reads {VERSION}",
            "update driftcli on this machine, or make the profile again with this version",
        ) from later
    except (
        SafetensorError,
        NotStrictError,
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

    Raises _WrongError, _LaterError.
    """
    length = int.from_bytes(raw[:8], "little")
    if len(raw) < 10 or not 2 <= length <= min(_LARGEST_HEADER, len(raw) - 8):  # noqa: PLR2004 - the smallest header
        raise _WrongError("is no profile: it is no whole safetensors file")
    try:
        metadata = parse(raw[8 : 8 + length].decode("utf-8"), _LIMITS).get("__metadata__", {})
    except (NotStrictError, UnicodeDecodeError, AttributeError) as error:
        raise _WrongError("is no profile: its header is no JSON") from error
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise _WrongError("is no profile of driftcli, but another safetensors file")
    version, sha256 = str(metadata.get("version")), str(metadata.get("sha256"))
    if version.split(".", maxsplit=1)[0] != VERSION:
        raise _LaterError(safe_name(version)[:20])
    head = raw[: 8 + length].replace(sha256.encode("utf-8", "replace"), _BLANK.encode(), 1)
    found = hashlib.sha256(head)
    found.update(memoryview(raw)[8 + length :])
    if found.hexdigest() != sha256:
        raise _WrongError("does not have the checksum that it states: changed, truncated or damaged")
    return sha256


def _profile(arrays: Mapping[str, NDArray[Any]]) -> Profile:
    """From verified bytes, whose writer may still have been anybody."""
    document = parse_bytes(arrays["document"].tobytes(), _LIMITS, most=_LARGEST_DOCUMENT)
    contents = hexadecimal(_array(arrays, "contents", "u1", (None, 32)))
    total = len(contents)
    rows = len(_array(arrays, "row/pixels", "u8", (None,)))
    keep = _count(document["keep"])
    _require(rows == min(keep, total), "holds another number of images than it says")
    _require(bool((contents[1:] >= contents[:-1]).all()), "has hashes out of order")
    seen = _array(arrays, "seen", "u8", (total,))
    _require(bool((seen[1:] >= seen[:-1]).all()), "has hashes out of order")
    ledger = Ledger(**_typed(document["ledger"], dict))
    counts = [*ledger.unreadable.values(), *ledger.skipped.values(), ledger.used, ledger.changed]
    _require(
        ledger.used == total and sum(map(_count, counts)) == ledger.seen, "has a ledger that does not add up"
    )
    ends = _array(arrays, "row/name_ends", "i8", (rows,))
    sources = _texts(document["sources"])
    features = Features(
        names=_names(_array(arrays, "row/names", "u1", (None,)), ends),
        content=contents[:rows],
        pixels=_array(arrays, "row/pixels", "u8", (rows,)),
        near=_array(arrays, "row/near", "u8", (rows,)),
        views=_views(arrays, rows),
        time=_array(arrays, "row/time", "f8", (rows,)),
        levels={int(code): str(name) for code, name in _typed(document["levels"], dict).items()},
    )
    dictionaries = [_strings(each) for each in _typed(document["columns"], list)]
    number, of = map(_count, document["shard"])
    _require(1 <= number <= of, "is of no shard")
    reading = Reading(
        features=features,
        ledger=ledger,
        skipped=tuple(_skipped(each) for each in _typed(document["files"], list)),
        unreadable_share=ledger.unreadable_share,
        contents=contents,
        seen=seen,
        columns=frozenset(_texts(document["column_names"])),
    )
    return Profile(
        extractors=str(document["extractors"]),
        sources=sources,
        shard=Shard(number, of),
        input=_typed(document["input"], dict),
        keep=keep,
        created=str(document["created"]),
        versions=_strings(document["versions"]),
        canary=_canary(arrays),
        reading=reading,
        columns=tuple(dictionaries[i] for i in _places(arrays, "row/columns", rows, len(dictionaries))),
        origin=_places(arrays, "row/origin", rows, len(sources)),
    )


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _WrongError(otherwise)


def _array(
    arrays: Mapping[str, NDArray[Any]], name: str, kind: str, shape: tuple[int | None, ...]
) -> NDArray[Any]:
    """An array of this dtype and shape; None is any length."""
    found = arrays[name]
    fits = found.dtype == np.dtype(kind) and len(found.shape) == len(shape)
    fits = fits and all(wanted in (None, has) for has, wanted in zip(found.shape, shape, strict=True))
    _require(fits, f"has an array {name} of another shape")
    return found


def _places(arrays: Mapping[str, NDArray[Any]], name: str, rows: int, below: int) -> NDArray[np.int32]:
    found = _array(arrays, name, "i4", (rows,))
    _require(
        not rows or (found.min() >= 0 and found.max() < below), f"has an array {name} that points nowhere"
    )
    return found


def _names(joined: NDArray[np.uint8], ends: NDArray[np.int64]) -> tuple[str, ...]:
    raw, starts = joined.tobytes(), [0, *ends.tolist()]
    _require(
        starts == sorted(starts) and starts[-1] == len(raw), "has names that do not end where they should"
    )
    return tuple(raw[start:end].decode("utf-8", "surrogatepass") for start, end in pairwise(starts))


def _views(arrays: Mapping[str, NDArray[Any]], rows: int) -> dict[str, NDArray[np.float32]]:
    declared, views = declared_views(), {}
    for key in arrays:
        name = key.removeprefix("view/")
        if name == key:
            continue
        _require(name in declared, f"has a view {safe_name(name)[:40]} that nobody knows")
        kind = "f2" if declared[name].rounded else "f4"
        found = _array(arrays, key, kind, (rows, None)).astype(np.float32)
        _require(
            not declared[name].finite or bool(np.isfinite(found).all()), "has numbers that are not finite"
        )
        views[name] = found
    return views


def _canary(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    canary = {
        k.removeprefix("canary/"): _array(arrays, k, "f4", (None, None))
        for k in arrays
        if k.startswith("canary/")
    }
    return dict(canary)


def _skipped(file: Any) -> Skipped:
    name, state, reason = _texts(file)
    _require(state in _STATES, "lists a file in a state that there is not")
    return Skipped(name, state, reason)  # type: ignore[arg-type]


def _typed(value: Any, kind: Callable[..., Any]) -> Any:
    if not isinstance(value, kind):  # type: ignore[arg-type]
        raise TypeError(f"{type(value).__name__} where {kind} belongs")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("a count that is none")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_typed(text, str) for text in _typed(value, list))


def _strings(value: Any) -> dict[str, str]:
    return {key: _typed(text, str) for key, text in _typed(value, dict).items()}
