"""What a profile's file holds: a profile as named arrays, and back from arrays that anybody may have written.

`document` (UTF-8 JSON, as uint8) says what the profile is of and holds its texts; `contents` and `seen` hold the
hashes of all images, `row/...` and `view/...` what is kept of some, `canary/...` the canaries.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.core.images import Ledger, Skipped
from driftcli.core.strict_json import Limits, parse_bytes
from driftcli.core.text import safe_name
from driftcli.core.typed_json import build
from driftcli.extractors.base import views as declared_views
from driftcli.reading.profiles.merging import packed
from driftcli.reading.profiles.profile import Profile
from driftcli.reading.reading import Reading
from driftcli.reading.shard import Shard
from driftcli.reading.table import hexadecimal

Arrays = Mapping[str, NDArray[Any]]
LIMITS = Limits(levels=6, digits=20)
"""Of the JSON within."""
_LARGEST_DOCUMENT = 1 << 30
_STATES = frozenset({"unreadable", "skipped", "changed"})


class UnfitError(Exception):
    """What is wrong with a profile; the sentence's subject is its name."""


# ---------------------------------------------------------------- writing


def to_arrays(profile: Profile) -> dict[str, NDArray[Any]]:
    """Little-endian arrays by name, in the order of names; equal profiles give equal arrays.

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
    return {
        name: np.asarray(x, dtype=x.dtype.newbyteorder("<"), order="C") for name, x in sorted(arrays.items())
    }


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


# ---------------------------------------------------------------- reading


def from_arrays(arrays: Arrays) -> Profile:
    """The profile that `to_arrays` was given, without name and checksum; every array and text is looked at.

    Raises UnfitError, and NotStrictError, ValueError, KeyError, TypeError, OverflowError or IndexError for what was never written so.
    """
    document = parse_bytes(arrays["document"].tobytes(), LIMITS, most=_LARGEST_DOCUMENT)
    contents = hexadecimal(_array(arrays, "contents", "u1", (None, 32)))
    total = len(contents)
    rows = len(_array(arrays, "row/pixels", "u8", (None,)))
    keep = _count(document["keep"])
    _require(rows == min(keep, total), "holds another number of images than it says")
    _require(bool((contents[1:] >= contents[:-1]).all()), "has hashes out of order")
    seen = _array(arrays, "seen", "u8", (total,))
    _require(bool((seen[1:] >= seen[:-1]).all()), "has hashes out of order")
    ledger: Ledger = build(Ledger, document["ledger"], "ledger")
    counts = [*ledger.unreadable.values(), *ledger.skipped.values(), ledger.used, ledger.changed]
    _require(
        ledger.used == total and sum(map(_count, counts)) == ledger.seen, "has a ledger that does not add up"
    )
    sources = _texts(document["sources"])
    dictionaries = [_strings(each) for each in _typed(document["columns"], list)]
    number, of = map(_count, document["shard"])
    _require(1 <= number <= of, "is of no shard")
    reading = Reading(
        features=_features(arrays, contents[:rows], _typed(document["levels"], dict)),
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


def _features(arrays: Arrays, content: NDArray[np.bytes_], levels: Mapping[str, str]) -> Features:
    """What is kept of each image; `content`: their hashes."""
    rows = len(content)
    ends = _array(arrays, "row/name_ends", "i8", (rows,))
    return Features(
        names=_names(_array(arrays, "row/names", "u1", (None,)), ends),
        content=content,
        pixels=_array(arrays, "row/pixels", "u8", (rows,)),
        near=_array(arrays, "row/near", "u8", (rows,)),
        views=_views(arrays, rows),
        time=_array(arrays, "row/time", "f8", (rows,)),
        levels={int(code): str(name) for code, name in levels.items()},
    )


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise UnfitError(otherwise)


def _array(arrays: Arrays, name: str, kind: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """An array of this dtype and shape; None is any length."""
    found = arrays[name]
    fits = found.dtype == np.dtype(kind) and len(found.shape) == len(shape)
    fits = fits and all(wanted in (None, has) for has, wanted in zip(found.shape, shape, strict=True))
    _require(fits, f"has an array {name} of another shape")
    return found


def _places(arrays: Arrays, name: str, rows: int, below: int) -> NDArray[np.int32]:
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


def _views(arrays: Arrays, rows: int) -> dict[str, NDArray[np.float32]]:
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


def _canary(arrays: Arrays) -> dict[str, NDArray[np.float32]]:
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
