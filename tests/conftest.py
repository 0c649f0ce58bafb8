"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real images that are not part of the project: `DRIFTCLI_DATA`, else a sibling `shared/data`."""
    named = os.environ.get("DRIFTCLI_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("DRIFTCLI_DATA names no folder of real images")
    return folder
