"""STUB (being written)."""
from __future__ import annotations
from dataclasses import dataclass
from typing import Any, ClassVar

@dataclass(frozen=True)
class Properties:
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
    side: int = 256
