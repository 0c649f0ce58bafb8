"""The network that the settings name, ready to run; read once in a process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING

from driftcli.extractors.base import resolve_device
from driftcli.extractors.networks import known, weights

if TYPE_CHECKING:
    from pathlib import Path

    from driftcli.extractors.base import Runtime
    from driftcli.extractors.networks.choice import NetworkChoice
    from driftcli.extractors.networks.network import Network

KEPT = 3
"""Networks that a process keeps: those of one artifact, and another's."""

_kept: OrderedDict[tuple[object, ...], Network] = OrderedDict()
_loading = threading.RLock()


def load(
    settings: NetworkChoice,
    seed: int,
    runtime: Runtime,
    expected: bytes | None = None,
    *,
    classifier: bool = False,
) -> Network:
    """The network that the settings name, with weights whose hash is checked.

    `expected` is the SHA-256 that a State remembers; with it, a network is read, hashed and filled once in a
    process, and again where its file has changed or gone. `classifier`: with its shares of classes, where it has
    them (`Network.classes`). A network that ran out of a graphics card's memory stays with what it settled for.
    Raises UsageError or ArtifactError.
    """
    if expected is None:
        return _read(settings, seed, runtime, None, classifier=classifier)
    with _loading:
        place = _stamp(_file(settings, runtime))
        device = resolve_device(runtime.device)
        key = (repr(settings), seed, expected, classifier, device, runtime.trust_weights, place)
        if key not in _kept:
            _kept[key] = _read(settings, seed, runtime, expected, classifier=classifier)
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        return _kept[key]


def _read(
    settings: NetworkChoice, seed: int, runtime: Runtime, expected: bytes | None, *, classifier: bool
) -> Network:
    if known.origin(settings.network)[0] == "file":
        from driftcli.extractors.networks import model_file

        return model_file.load(settings, runtime, expected)
    from driftcli.extractors.networks import named

    return named.load(settings, seed, runtime, expected, classifier=classifier)


def _file(settings: NetworkChoice, runtime: Runtime) -> Path | None:
    """The weight file that would be read now; None where there is none."""
    kind, name = known.origin(settings.network)
    if settings.weights == "random" or (kind == "file" and not runtime.weights):
        return None
    if kind == "file":
        from driftcli.extractors.networks import model_facts

        wanted = model_facts.WANTED
    else:
        from driftcli.extractors.networks import named

        wanted = named.wanted_weights(kind, name)
    return next((path for path in weights.places(wanted, runtime) if path.is_file()), None)


def _stamp(path: Path | None) -> tuple[str, int, int] | None:
    """What tells that a file is still the one that was read."""
    if path is None:
        return None
    found = path.stat()
    return str(path), found.st_mtime_ns, found.st_size


def forget() -> None:
    """Let go of the networks that are kept, and of what they settled for."""
    with _loading:
        _kept.clear()


def library(settings: NetworkChoice, runtime: Runtime) -> str:
    """What runs a network that no State holds: `onnxruntime` for a model in its format, else `torch`."""
    ours = known.origin(settings.network)[0] == "file" and str(runtime.weights).endswith(".onnx")
    return "onnxruntime" if ours else "torch"


def require(settings: NetworkChoice, runtime: Runtime, expected: bytes) -> None:
    """Where `--weights` names a file, it must be the one that the State remembers, needed or not.

    Raises UsageError or ArtifactError.
    """
    if runtime.weights and settings.weights == "pretrained":
        path = next(weights.places(weights.LITE0, runtime))
        _hashed(path, _stamp(path), expected)


@lru_cache(maxsize=8)
def _hashed(path: Path, _: object, expected: bytes) -> None:
    """Read and compared once for each state of the file."""
    weights.demand(weights.read(path, weights.LITE0), weights.LITE0, expected)
