"""Small pictures, and a pool whose extractors are the tests' own."""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from driftcli.config.settings import Input
from driftcli.reading.open_sources import open_sources
from driftcli.sources.decoding import pool as _pool
from driftcli.sources.decoding.settings import Decode

KINDS = Path(__file__).parent / "kinds"


@pytest.fixture(scope="session")
def kinds() -> ModuleType:
    """Extractors that misbehave on demand, see `kinds/odd_kinds.py`."""
    spec = importlib.util.spec_from_file_location("odd_kinds", KINDS / "odd_kinds.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["odd_kinds"] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch, kinds: ModuleType) -> Callable[..., _pool.DecodePool]:
    """`pool("mean", "odd", workers=2)`: a DecodePool over the tests' kinds."""
    monkeypatch.setattr(_pool, "_LOADER", "odd_kinds")
    monkeypatch.setenv("PYTHONPATH", str(KINDS))

    def build(
        *names: str, workers: int = 1, decode: Decode | None = None, **options: Any
    ) -> _pool.DecodePool:
        extractors = {name: kinds.load("extractors", name)() for name in names}
        return _pool.DecodePool(decode or Decode(), extractors, workers, _pool.Extras(**options))

    return build


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """`encoded(image, "PNG", **save)`: the file's bytes."""

    def encode(image: Image.Image, kind: str, **save: Any) -> bytes:
        out = io.BytesIO()
        image.save(out, kind, **save)
        return out.getvalue()

    return encode


@pytest.fixture(scope="session")
def photo() -> Callable[..., Image.Image]:
    """`photo(seed, width, height)`: smooth coloured noise, so that JPEG and hashes have something to do."""

    def draw(seed: int = 0, width: int = 64, height: int = 48) -> Image.Image:
        rng = np.random.default_rng(seed)
        small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)

    return draw


@pytest.fixture
def listed() -> Callable[..., list[tuple[str, str]]]:
    """`listed(folder)`: (name, "entry" or the reason) of everything `open_sources` offers."""

    def offer(*specs: object, nul: bool = False, **options: Any) -> list[tuple[str, str]]:
        source = open_sources([str(spec) for spec in specs], Input(**options), nul=nul)
        first, second = list(source), list(source)
        assert first == second, "a source can be read again"
        return [(item.name, getattr(item, "reason", "entry")) for item in first]

    return offer
