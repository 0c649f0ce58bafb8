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
from dataclasses import fields, replace
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from driftcli.core.errors import UsageError
from driftcli.core.files import Refused, read_file
from driftcli.core.images import FileFacts, Frame
from driftcli.extractors.base import Extractor
from driftcli.extractors.networks.square import CLASSIFIER, Square
from driftcli.sources.decoding import wire
from driftcli.sources.decoding.cache import Known, Lookup
from driftcli.sources.decoding.decode import Canonical, check_settings, decode
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
        self.lookup = Lookup()
        self.draft_side = max((extractor.decode_side for extractor in self.extractors.values()), default=0)
        self.square = None if setup["square"] is None else Square(**setup["square"])
        self._kept: tuple[bytes, Canonical] | None = None
        self._kept_finer: tuple[bytes, Canonical] | None = None

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
        clock = _Clock()
        if path is not None:
            data = read_file(path, int(self.decode.max_megabytes * 2**20), follow=self.follow)
        clock.took("read")
        digest, only = hashlib.sha256(data).digest(), request.get("only")
        clock.took("hash")
        upright = self._upright(data, digest, keep=only is not None)
        clock.took("decode")
        clock.took("hash", of_before=upright.hashing)
        frame, picture = upright.frame, b""
        wanted = request.get("corruption")
        if wanted is not None:
            image = self._corrupted(upright.image, wanted, digest)
            picture = _png(image) if self.pictures else b""
            frame = Frame(image, upright.facts, frame.version)
        wants = self.thumbnail_side if only is None else 0
        thumbnail = self._thumbnail(data, upright) if wants else b""
        arrays = {
            kind: np.ascontiguousarray(extractor.prepare(frame))
            for kind, extractor in self.extractors.items()
            if only is None or kind in only
        }
        if self.square is not None and (only is None or CLASSIFIER in only):
            arrays[CLASSIFIER] = self.square.prepare(self._finer(data, digest, upright, frame, request))
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

    def _upright(self, data: bytes, digest: bytes, *, keep: bool) -> Canonical:
        """The decoded image; one that was kept, by the hash of its file's bytes, where they are the same.

        At most one is kept, and never while another is decoded: memory stays that of one image.
        """
        if self._kept is not None and self._kept[0] == digest:
            return self._kept[1]
        self._kept = None
        upright = decode(data, self.decode, self.draft_side)
        if keep:
            self._kept = digest, replace(upright, hashing=0.0)
        return upright

    def _finer(
        self, data: bytes, digest: bytes, upright: Canonical, frame: Frame, request: Mapping[str, Any]
    ) -> Frame:
        """The image as the classifier looks at it: the one at hand, unless it was scaled down too far for it.

        What extractors get never depends on whether a classifier is asked, too.
        """
        wanted = 0 if self.square is None else self.square.short_side
        if upright.scale == 1 or min(upright.image.size) >= 2 * wanted:
            return frame
        if self._kept_finer is None or self._kept_finer[0] != digest:
            self._kept_finer = None
            self._kept_finer = digest, decode(data, self.decode, wanted)
        finer, change = self._kept_finer[1], request.get("corruption")
        if request.get("only") is None:
            self._kept_finer = None
        if change is None:
            return finer.frame
        return Frame(self._corrupted(finer.image, change, digest), finer.facts, frame.version)

    def _thumbnail(self, data: bytes, upright: Canonical) -> bytes:
        """WebP, from the whole image where the scaled one is smaller."""
        small = upright.scale > 1 and max(upright.image.size) < self.thumbnail_side
        return _thumbnail(decode(data, self.decode).image if small else upright.image, self.thumbnail_side)

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
        """A step ends here; so many of its seconds were spent within the step that was begun last."""
        now = time.perf_counter()
        if of_before:
            before = next(reversed(self.seconds))
            self.seconds[before] = round(self.seconds[before] - of_before, 7)
        self.seconds[step] = round(self.seconds.get(step, 0.0) + now - self._last + of_before, 7)
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
