"""A profile: a reading whose keys are not decided yet, and what it was made with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.config.settings import Input, Settings
from driftcli.core.errors import UsageError
from driftcli.core.features import State
from driftcli.core.images import Decoded, FileFacts
from driftcli.extractors.base import Extractor
from driftcli.reading.keys import KeyFunction, key_function
from driftcli.reading.open_sources import ORIGIN
from driftcli.reading.reading import Reading
from driftcli.reading.shard import Shard

NOTHING = FileFacts(0, 0, 0, "", "", grey=False)
"""What a profile keeps of the files themselves, but for their times."""
_HASHES = 32


@dataclass(frozen=True)
class Profile:
    """What one pass over images gave, and with what; no pixel among it."""

    extractors: str
    """Digest of what turned pixels into numbers (`extractors_digest`)."""
    sources: tuple[str, ...]
    """As named when it was made."""
    shard: Shard
    input: Mapping[str, Any]
    """`exclude`, `since`, `limit` and `follow` of that pass."""
    keep: int
    """It has the features of at most so many images: those with the lowest content hashes."""
    created: str
    versions: Mapping[str, str]
    canary: Mapping[str, NDArray[np.float32]]
    """What the machine that made it makes of the artifact's canaries: [canaries, columns] by view."""
    reading: Reading
    """Without groups, strata and slices: those are for whoever reads the profile."""
    columns: tuple[Mapping[str, str], ...]
    """What manifests say of each image whose features are kept."""
    origin: NDArray[np.int32]
    """Which of the sources each of them is from."""
    name: str = ""
    """The file, as it was named; "" before it is one."""
    sha256: str = ""

    def keyed(self, settings: Input, by_source: bool = False) -> Reading:
        """As the function `keyed`."""
        return keyed(self.reading, self.columns, self.origin, settings, self.sources if by_source else None)


def keyed(
    reading: Reading,
    columns: Sequence[Mapping[str, str]],
    origin: NDArray[np.int32],
    settings: Input,
    sources: Sequence[str] | None = None,
) -> Reading:
    """The reading with the groups, strata and slices that these settings ask for.

    `columns`, `origin`: of its images, as in `Profile`. `sources`: then the group of an image is its source.
    """
    features = reading.features
    items = [
        _item(name, each, time)
        for name, each, time in zip(
            features.names, columns, _times(features.time, len(features)), strict=True
        )
    ]

    def keys(wanted: KeyFunction | None) -> tuple[str, ...] | None:
        return None if wanted is None else tuple(wanted(item) for item in items)

    return replace(
        reading,
        features=replace(
            features,
            group=keys(key_function(settings.group_by))
            if sources is None
            else tuple(sources[i] for i in origin),
            stratum=keys(key_function(settings.stratify_by)),
            slice=keys(key_function(settings.slice_by)),
        ),
    )


def raw(item: Decoded) -> str:
    """All columns of an image as one text: the key of the pass that makes a profile."""
    return json.dumps(dict(item.columns))


def taken(reading: Reading) -> tuple[Reading, tuple[Mapping[str, str], ...], NDArray[np.int32]]:
    """A reading whose groups are `raw`: without them, the images' columns, and their sources."""
    rows: list[dict[str, str]] = [json.loads(text) for text in reading.features.group or ()]
    origin = np.array([int(row.pop(ORIGIN)) for row in rows], np.int32)
    bare = replace(
        reading,
        features=replace(reading.features, group=None),
        columns=reading.columns - {ORIGIN},
    )
    return bare, tuple(rows), origin


def untaken(profile: Profile) -> Reading:
    """What `taken` was given: the reading with its images' columns and sources as groups."""
    columns = zip(profile.columns, profile.origin.tolist(), strict=True)
    group = tuple(json.dumps({**each, ORIGIN: str(origin)}) for each, origin in columns)
    names = profile.reading.columns | ({ORIGIN} if group else set())
    features = replace(profile.reading.features, group=group)
    return replace(profile.reading, features=features, columns=names)


def extractors_digest(
    settings: Settings, extractors: Mapping[str, Extractor], states: Mapping[str, State]
) -> str:
    """SHA-256, in hexadecimal, of all that decides how pixels become numbers.

    That is the decoding with its mask, the extractors' settings, and what they learnt; not where networks run.
    Raises UsageError for a mask that cannot be read.
    """
    decode = asdict(settings.decode)
    if settings.decode.mask is not None:
        try:
            decode["mask"] = hashlib.sha256(Path(settings.decode.mask).read_bytes()).hexdigest()
        except OSError as error:
            raise UsageError(
                f"the mask {settings.decode.mask} cannot be read: {error.strerror}", "look at --mask"
            ) from error
    chosen = {kind: asdict(e) for kind, e in sorted(extractors.items())}  # type: ignore[call-overload]
    sha = hashlib.sha256(json.dumps({"decode": decode, "extractors": chosen}, sort_keys=True).encode())
    for kind in sorted(extractors):
        for key, value in sorted(states.get(kind, {}).items()):
            array = np.ascontiguousarray(value)
            sha.update(f"\n{kind}/{key} {array.dtype.str} {array.shape}\n".encode())
            sha.update(array.tobytes())
    return sha.hexdigest()


def _item(name: str, columns: Mapping[str, str], time: float) -> Decoded:
    """As much of a decoded image as keys look at."""
    facts = replace(NOTHING, time=None if np.isnan(time) else time)
    return Decoded(name, columns, b"", b"", 0, facts, {})


def _times(known: NDArray[np.float64] | None, count: int) -> Sequence[float]:
    return np.full(count, np.nan).tolist() if known is None else known.tolist()
