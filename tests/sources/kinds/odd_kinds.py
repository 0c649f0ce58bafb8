"""Extractors for the pool's tests: an honest one, and some that do what broken code does."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mean:
    """Two arrays' worth of an honest extractor."""

    side: int = 16
    shape: tuple[int, int] = (1, 3)

    @property
    def decode_side(self):
        return self.side

    def prepare(self, frame):
        assert isinstance(self.shape, tuple), "settings arrive as they were sent"
        print("a stray print must not reach the pipe")
        return np.asarray(frame.image, np.float32).mean((0, 1)).reshape(self.shape)


@dataclass(frozen=True)
class Odd:
    """What happens depends on the width: 33 hangs, 34 aborts, 35 exits, 36 is out of memory, 37 is a bug."""

    decode_side: int = 8

    def prepare(self, frame):
        width = frame.facts.width
        if width == 33:
            time.sleep(60)
        if width == 34:
            os.abort()
        if width == 35:
            sys.stderr.write("x" * 300_000)
            os._exit(0)
        if width == 36:
            raise MemoryError
        if width == 37:
            raise ZeroDivisionError("a bug in prepare")
        return np.array([width, width % 2 == 0], np.uint8)


@dataclass(frozen=True)
class Broken:
    """Cannot even be built in the worker."""

    decode_side: int = 8


def load(room, kind):
    """Stands for `driftcli.core.registry.load`."""
    assert room == "extractors"
    program = sys.modules["__main__"].__spec__
    if kind == "broken" and program is not None and program.name == "driftcli.sources.decoding.worker":
        raise ImportError("a worker without its libraries")
    return {"mean": Mean, "odd": Odd, "broken": Broken}[kind]
