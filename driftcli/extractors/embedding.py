"""STUB (being written)."""
from __future__ import annotations
from dataclasses import dataclass
from typing import Any, ClassVar

@dataclass(frozen=True)
class Embedding:
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
    network: str = "efficientnet_lite0"
