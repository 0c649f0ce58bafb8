"""Hostile safetensors bytes that a manifest vouches for: the parser behind the checksum is not trusted either."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace

import numpy as np
from safetensors.numpy import save

from driftcli.artifact import store
from driftcli.artifact._manifest import FileEntry
from driftcli.core.errors import ArtifactError
from tests.artifact.support import build


def test_mutated_states_with_fitting_checksums_raise_nothing_foreign(tmp_path):
    """4,000 mutations of safetensors bytes that the manifest vouches for: a state or ArtifactError."""
    path = tmp_path / "a"
    build(path, roles=("embedding",))
    rng = random.Random(7)  # noqa: S311
    good = save({"a": np.zeros((2, 3), np.float32), "b": np.arange(3)}, {"k": "v"})
    outcomes = {"state": 0, "refused": 0}
    words = [
        b"F32",
        b"BF16",
        b"F8_E4M3",
        b"BOOL",
        b"[]",
        b"-1",
        b"99999999999999999999",
        b"[2,3]",
        b"{",
        b"\xff",
    ]
    for _ in range(4000):
        raw = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(raw))
            if rng.random() < 0.4:
                raw[place : place + rng.randrange(4)] = rng.choice(words)
            else:
                raw[place] = rng.randrange(256)
        sha256 = hashlib.sha256(raw).hexdigest()
        entry = FileEntry("embedding", f"embedding-{sha256[:16]}.safetensors", len(raw), sha256)
        (path / entry.name).write_bytes(raw)
        try:
            replace(store.read(path), files={"embedding": entry}).state("embedding")
            outcomes["state"] += 1
        except ArtifactError:
            outcomes["refused"] += 1
        (path / entry.name).unlink()
    assert outcomes["refused"] > 1000
    assert outcomes["state"] > 100
