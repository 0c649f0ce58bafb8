"""Features between memory and the artifact: views as arrays, names and keys as JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from driftcli.core.features import Features, State
from driftcli.extractors.base import views as declared_views


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
    """The features that `pack_features` made `state` of."""
    texts = json.loads(state["texts"].tobytes())
    optional = {k: None if texts[k] is None else tuple(texts[k]) for k in ("group", "stratum", "slice")}
    return Features(
        names=tuple(texts["names"]),
        content=np.array([row.tobytes().hex().encode() for row in state["content"]], "S64"),
        pixels=state["pixels"],
        near=state["near"],
        views={
            k.removeprefix("view/"): v.astype(np.float32) for k, v in state.items() if k.startswith("view/")
        },
        time=state["time"],
        levels={int(k): v for k, v in texts["levels"].items()},
        **optional,
    )
