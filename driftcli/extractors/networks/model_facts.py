"""The user's own model file, found; what it says of itself, and its input."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from driftcli.core.errors import UsageError
from driftcli.extractors.networks import onnx_file, weights
from driftcli.extractors.networks.known import Preparation
from driftcli.extractors.networks.wanted import Found, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from driftcli.extractors.base import Runtime

WANTED = Wanted(network="file", file="your model")
METADATA = "driftcli"
"""Key in an ONNX file's metadata: a JSON object with the names of `Preparation` (and `content_layer`)."""
KEYS = (*Preparation.__dataclass_fields__, "content_layer")


def facts(runtime: Runtime) -> dict[str, Any]:
    """Preprocessing that an ONNX file carries in its metadata; {} when it carries none."""
    found = find(runtime, None)
    if found.path.suffix != ".onnx":
        return {}
    return said(onnx_file.metadata(found.content), str(found.path))


def said(metadata: Mapping[str, str], whose: str) -> dict[str, Any]:
    """Preprocessing that metadata hold, by the names of `Preparation`; {} where they hold none. Raises UsageError."""
    text = metadata.get(METADATA)
    if text is None:
        return {}
    try:
        stored = json.loads(text)
        return {
            key: tuple(stored[key]) if isinstance(stored[key], list) else stored[key]
            for key in set(stored) & set(KEYS)
        }
    except (ValueError, TypeError, RecursionError) as error:
        raise UsageError(
            f"{whose}: its metadata {METADATA!r} cannot be read: {error}",
            f"a JSON object with some of the keys {', '.join(KEYS)}",
        ) from error


def find(runtime: Runtime, expected: bytes | None) -> Found:
    """The file that `--weights` names, read and hashed. Raises UsageError or ArtifactError."""
    if not runtime.weights:
        raise UsageError("`network: file` needs the model", "give it with --weights FILE (.onnx)")
    return weights.find(WANTED, runtime, expected)


def scaled(pixels: NDArray[np.uint8], wanted: Preparation) -> NDArray[np.float32]:
    """float32 [n, side, side, 3] as the model was trained."""
    images = pixels[..., ::-1] if wanted.order == "bgr" else pixels
    mean, std = (np.array(values, np.float32) for values in (wanted.mean, wanted.std))
    return (images.astype(np.float32) / np.float32(wanted.scale) - mean) / std
