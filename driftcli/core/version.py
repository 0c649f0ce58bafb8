"""The version of the package that is running."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


@cache
def version() -> str:
    """`1.2.3`; `0+unknown` in a checkout that was never installed."""
    try:
        return installed("driftcli")
    except PackageNotFoundError:
        return "0+unknown"
