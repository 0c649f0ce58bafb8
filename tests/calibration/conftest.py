"""Calibration tests are thousands of small audits: one torch thread each, so that none waits for another."""

from __future__ import annotations

import pytest

from driftcli.core import threads


@pytest.fixture(autouse=True, scope="package")
def _one_thread():
    with threads.for_images(1):
        yield
