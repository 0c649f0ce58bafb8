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
from dataclasses import fields
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from driftcli.core.errors import UsageError
from driftcli.core.files import Refused, read_file
from driftcli.core.images import FileFacts, Frame
from driftcli.extractors.base import Extractor
from driftcli.sources.decoding import wire
from driftcli.sources.decoding.decode import Canonical, check_settings, decode, shrunk
from driftcli.sources.decoding.names import promises_image
from driftcli.sources.decoding.settings import Decode

_ADDRESS_SPACE = 2 << 30
_FACTS = tuple(field.name for field in fields(FileFacts))
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
        self.draft_side = max((extractor.decode_side for extractor in self.extractors.values()), default=0)

    def answer(self, request: Mapping[str, Any], data: bytes) -> Answer:
        """The answer to one request, header and parts: facts, hashes and prepared arrays of a file.

        Or, in the header alone, `skipped`: why it is not used; or `bug`: the traceback of an error in this program.
        """
        try:
            return self._decoded(request, data)
        except Refused as refused:
            state, reason = refused.state, refused.reason
            if reason == "not_an_image" and not promises_image(request["name"]):
                state = "skipped"
            return {"skipped": [state, reason]}, []
        except MemoryError:
            return {"skipped": ["unreadable", "memory"]}, []
        except Exception:  # noqa: BLE001 - the pool raises it again
            return {"bug": traceback.format_exc()}, []

    def _decoded(self, request: Mapping[str, Any], data: bytes) -> Answer:
        path = request["path"]
        clock = _Clock()
        if path is not None:
            data = read_file(path, int(self.decode.max_megabytes * 2**20), follow=self.follow)
        clock.took("read")
        upright = decode(data, self.decode, self.draft_side)
        clock.took("decode")
        digest = hashlib.sha256(data).digest()
        clock.took("hash", of_before=upright.hashing)
        frame, picture = upright.frame, b""
        wanted = request.get("corruption")
        if wanted is not None:
            whole = self._corrupted(self._whole(data, upright), wanted, digest)
            picture = _png(whole) if self.pictures else b""
            frame = Frame(self._scaled(whole, upright), upright.facts, frame.version)
        thumbnail = self._thumbnail(data, upright) if self.thumbnail_side else b""
        arrays = {
            kind: np.ascontiguousarray(extractor.prepare(frame))
            for kind, extractor in self.extractors.items()
        }
        clock.took("prepare")
        header = {
            "content": digest.hex(),
            "pixels": upright.pixels.hex(),
            "near": upright.near,
            "facts": {name: getattr(upright.facts, name) for name in _FACTS},
            "arrays": [[kind, _plain(array), array.shape] for kind, array in arrays.items()],
            "thumbnail": len(thumbnail),
            "picture": len(picture),
            "seconds": clock.seconds,
        }
        parts = (array.reshape(-1).view(np.uint8).data for array in arrays.values())
        return header, [*parts, thumbnail, picture]

    def _whole(self, data: bytes, upright: Canonical) -> Image.Image:
        """The image before it was scaled, which is what happens to something; version 1 takes it as it is."""
        if upright.scale == 1 or self.decode.version == 1:
            return upright.image
        return decode(data, self.decode).image

    def _scaled(self, whole: Image.Image, upright: Canonical) -> Image.Image:
        """What becomes of such an image in a file: nobody could scale it while decoding."""
        return whole if self.decode.version == 1 else shrunk(whole, upright.scale)

    def _thumbnail(self, data: bytes, upright: Canonical) -> bytes:
        """WebP, from the whole image where the scaled one is smaller."""
        small = max(upright.image.size) < self.thumbnail_side
        return _thumbnail(self._whole(data, upright) if small else upright.image, self.thumbnail_side)

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


class _Clock:
    """Seconds by step of one file."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def took(self, step: str, *, of_before: float = 0.0) -> None:
        """A step ends here; so many of its seconds were spent within the step before."""
        now = time.perf_counter()
        if of_before:
            before = next(reversed(self.seconds))
            self.seconds[before] = round(self.seconds[before] - of_before, 7)
        self.seconds[step] = round(now - self._last + of_before, 7)
        self._last = now


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
        try:
            wire.write(answers, header, body)
        except BrokenPipeError:  # the parent died while it had asked for more
            os._exit(0)


if __name__ == "__main__":
    main()
