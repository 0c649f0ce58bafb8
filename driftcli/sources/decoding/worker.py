"""The decode worker, `python -m driftcli.sources.decoding.worker`: hostile files meet C libraries here, and only here.

Reads one set-up message, then one request a file; answers each. Dies with its parent (end of input).
"""

from __future__ import annotations

import hashlib
import io
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from driftcli.core.errors import UsageError
from driftcli.core.files import Refused, read_file
from driftcli.core.images import Frame
from driftcli.extractors.base import Extractor
from driftcli.sources.decoding import wire
from driftcli.sources.decoding.cache import Known, Lookup
from driftcli.sources.decoding.decode import check_settings, decode
from driftcli.sources.decoding.names import promises_image
from driftcli.sources.decoding.settings import Decode

_ADDRESS_SPACE = 2 << 30
Answer = tuple[dict[str, Any], list[bytes | memoryview]]


class Task:
    """What a pool asked for at the start: how to decode, and which extractors prepare."""

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self.decode = Decode(**setup["decode"])
        check_settings(self.decode)
        Image.MAX_IMAGE_PIXELS = int(self.decode.max_megapixels * 1e6)
        self.follow: bool = setup["follow"]
        self.thumbnail_side: int = setup["thumbnail_side"] if setup["thumbnails"] else 0
        self.pictures: bool = setup["pictures"]
        load = import_module(setup["loader"]).load
        self.extractors: dict[str, Extractor] = {
            kind: load("extractors", kind)(**{name: _frozen(value) for name, value in settings.items()})
            for kind, settings in setup["extractors"].items()
        }
        self.load = load
        self.lookup = Lookup()
        self.draft_side = max((extractor.decode_side for extractor in self.extractors.values()), default=0)

    def answer(self, request: Mapping[str, Any], data: bytes) -> Answer:
        """The answer to one request, header and parts: facts, hashes and prepared arrays of a file.

        Or, in the header alone, `skipped`: why it is not used; or `bug`: the traceback of an error in this program.
        """
        try:
            return self._known(request, data) if "known" in request else self._decoded(request, data)
        except Refused as refused:
            state, reason = refused.state, refused.reason
            if reason == "not_an_image" and not promises_image(request["name"]):
                state = "skipped"
            return {"skipped": [state, reason]}, []
        except MemoryError:
            return {"skipped": ["unreadable", "memory"]}, []
        except Exception:  # noqa: BLE001 - the pool raises it again
            return {"bug": traceback.format_exc()}, []

    def _known(self, request: Mapping[str, Any], data: bytes) -> Answer:
        """What a cache holds of these bytes, else as `_decoded`; the bytes are read in any case, and nothing else is."""
        began = time.perf_counter()
        if request["path"] is not None:
            data = read_file(request["path"], int(self.decode.max_megabytes * 2**20), follow=self.follow)
        read = time.perf_counter()
        content = hashlib.sha256(data).digest()
        found = self.lookup.find(Known(*request["known"]), content)
        looked = {"read": read - began, "hash": time.perf_counter() - read}
        if found is None:
            header, body = self._decoded({**request, "path": None}, data)
            spent = header.get("seconds", {})
            return {
                **header,
                "seconds": {**spent, **{k: spent.get(k, 0.0) + s for k, s in looked.items()}},
            }, body
        known = {"content": content.hex(), "known": True, "thumbnail": 0, "picture": 0, "seconds": looked}
        return {**found[0], **known}, [found[1]]

    def _decoded(self, request: Mapping[str, Any], data: bytes) -> Answer:
        path = request["path"]
        if path is not None:
            data = read_file(path, int(self.decode.max_megabytes * 2**20), follow=self.follow)
        upright = decode(data, self.decode, self.draft_side)
        thumbnail = _thumbnail(upright.image, self.thumbnail_side) if self.thumbnail_side else b""
        image = upright.image
        wanted = request.get("corruption")
        if wanted is not None:
            image = self._corrupted(image, wanted, hashlib.sha256(data).digest())
        picture = _png(image) if self.pictures and wanted is not None else b""
        frame = Frame(image, upright.facts)
        arrays = {
            kind: np.ascontiguousarray(extractor.prepare(frame))
            for kind, extractor in self.extractors.items()
        }
        header = {
            "content": hashlib.sha256(data).hexdigest(),
            "pixels": upright.pixels.hex(),
            "near": upright.near,
            "facts": asdict(upright.facts),
            "arrays": [[kind, _plain(array), array.shape] for kind, array in arrays.items()],
            "thumbnail": len(thumbnail),
            "picture": len(picture),
        }
        parts = (array.reshape(-1).view(np.uint8).data for array in arrays.values())
        return header, [*parts, thumbnail, picture]

    def _corrupted(self, image: Image.Image, wanted: Mapping[str, Any] | None, digest: bytes) -> Image.Image:
        """One corruption after the other, each with its own random numbers."""
        step = 0
        while wanted is not None:
            rng = np.random.default_rng([wanted["seed"], *digest[:8], *([step] if step else [])])
            kind, amount = self.load("corruptions", wanted["name"])(), wanted["amount"]
            how_much = kind.amount(wanted["severity"]) if amount is None else amount
            image = kind.apply(image, how_much, rng)
            wanted, step = wanted["then"], step + 1
        return image


def _frozen(value: Any) -> Any:
    """JSON knows no tuples; settings know no lists."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _plain(array: np.ndarray[Any, Any]) -> str:
    """The dtype as text; objects have none that another process could read."""
    if array.dtype.hasobject:
        raise TypeError(f"prepare returned dtype {array.dtype}, which cannot be sent")
    return str(array.dtype.str)


def _thumbnail(image: Image.Image, side: int) -> bytes:
    small = image.copy()
    small.thumbnail((side, side))
    out = io.BytesIO()
    small.save(out, "WEBP", quality=80, method=2)
    return out.getvalue()


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=4)
    return out.getvalue()


def _confine() -> None:
    """No core dumps, bounded memory, bombs as errors; the parent alone handles Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if sys.platform == "linux":
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            limit = _ADDRESS_SPACE if hard == resource.RLIM_INFINITY else min(_ADDRESS_SPACE, hard)
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    except (ImportError, ValueError, OSError):  # where limits cannot be set, the timeout still holds
        pass


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes, moved out of reach: stray prints of libraries go to standard error instead."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return requests, answers


def main() -> None:
    """Read the set-up message, report readiness, then answer requests until the input ends."""
    requests, answers = _own_streams()
    _confine()
    setup = wire.read(requests)
    if setup is None:
        return
    try:
        task = Task(setup[0])
    except UsageError as error:
        wire.write(answers, {"usage": [error.what, error.hint]})
        return
    # An orphan that hangs in C code must not outlive its parent's patience: the kernel ends it.
    patience = int(task.decode.timeout) + 5
    wire.write(answers, {"ready": True})
    while (message := wire.read(requests)) is not None:
        signal.alarm(patience)
        header, body = task.answer(*message)
        signal.alarm(0)
        wire.write(answers, header, body)


if __name__ == "__main__":
    main()
