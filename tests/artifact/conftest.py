"""Tests ask what is written and in which order, not how long the disk takes: they run in memory, unsynced.

The exception is `test_killed_at_any_time`, which runs on the disk as it is.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

REAL_FSYNC = os.fsync
MEMORY = Path("/dev/shm")  # noqa: S108  (Linux; elsewhere the usual place)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def patient(monkeypatch, _impatient):
    """Syncs after all."""
    monkeypatch.setattr(os, "fsync", REAL_FSYNC)


@pytest.fixture
def tmp_path():
    place = MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place, prefix="driftcli-test-") as folder:
        yield Path(folder)
