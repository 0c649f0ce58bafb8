"""Features between memory and the artifact: views as arrays, names and keys as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np

from driftcli.core import strict_json
from driftcli.core.features import Features, State, View
from driftcli.core.schema import Array, ContentError
from driftcli.core.strict_json import Limits, NotStrictError
from driftcli.core.typed_json import Malformed, build
from driftcli.extractors.base import views as declared_views

HELD_OUT = "held out"
LIMITS, MOST_BYTES = Limits(levels=4, digits=20), 1 << 30


class _Texts(TypedDict):
    """Of n images."""

    names: tuple[str, ...]
    group: tuple[str, ...] | None
    stratum: tuple[str, ...] | None
    slice: tuple[str, ...] | None
    levels: Mapping[str, str]


def arrays(views: Mapping[str, View]) -> list[Array]:
    """Of what `pack_features` makes of images with these views."""
    return [
        Array("texts", "uint8", ("bytes of texts",)),
        Array("content", "uint8", (HELD_OUT, 32)),
        Array("pixels", "uint64", (HELD_OUT,)),
        Array("near", "uint64", (HELD_OUT,)),
        Array("time", "float64", (HELD_OUT,), nan=True),
        *(
            Array(
                f"view/{name}",
                "float16" if view.rounded else "float32",
                (HELD_OUT, f"columns of {name}"),
                nan=not view.finite,
            )
            for name, view in views.items()
        ),
    ]


def agree(state: State) -> None:
    """Raise ContentError unless every image has a name, and a key where any has."""
    texts, n = _texts(state), len(state["content"])
    told = [texts["names"], *(texts[key] for key in ("group", "stratum", "slice"))]
    if any(values is not None and len(values) != n for values in told):
        raise ContentError(f"has other numbers of names or keys than its {n} images")
    if not all(code.isascii() and code.removeprefix("-").isdigit() for code in texts["levels"]):
        raise ContentError("has levels without a number")


def _texts(state: State) -> _Texts:
    try:
        value = strict_json.parse_bytes(state["texts"].tobytes(), LIMITS, most=MOST_BYTES)
        texts: _Texts = build(_Texts, value)
    except (NotStrictError, Malformed) as error:
        raise ContentError("has no names and keys in 'texts'") from error
    return texts


def pack_features(features: Features) -> dict[str, Any]:
    """Features as arrays for the artifact: `view/NAME`, hashes, times, texts as JSON.

    Views that are declared rounded are stored as float16, which is what they hold.
    """
    texts = {
        "names": features.names,
        "group": features.group,
        "stratum": features.stratum,
        "slice": features.slice,
        "levels": {str(k): v for k, v in features.levels.items()},
    }
    known = declared_views()
    views = {
        f"view/{name}": x.astype(np.float16) if known[name].rounded else x
        for name, x in features.views.items()
    }
    hashes = [np.frombuffer(bytes.fromhex(c.decode()), np.uint8) for c in features.content]
    return {
        "texts": np.frombuffer(json.dumps(texts).encode(), np.uint8),
        "content": np.stack(hashes) if hashes else np.zeros((0, 32), np.uint8),
        "pixels": features.pixels,
        "near": features.near,
        "time": features.time if features.time is not None else np.full(len(features), np.nan),
        **views,
    }


def unpack_features(state: State) -> Features:
    """The features that `pack_features` made `state` of. Raises ContentError where its texts are none."""
    texts = _texts(state)
    return Features(
        names=texts["names"],
        content=np.array([row.tobytes().hex().encode() for row in state["content"]], "S64"),
        pixels=state["pixels"],
        near=state["near"],
        views={
            k.removeprefix("view/"): v.astype(np.float32) for k, v in state.items() if k.startswith("view/")
        },
        time=state["time"],
        levels={int(k): v for k, v in texts["levels"].items()},
        group=texts["group"],
        stratum=texts["stratum"],
        slice=texts["slice"],
    )
