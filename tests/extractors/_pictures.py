"""Pictures made by arithmetic alone: the same on every machine."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from packaging.version import Version
from PIL import Image

from driftcli.core.images import FileFacts, Frame
from driftcli.extractors.networks.weights import FIRST_SAFE_TORCH, FOLDER

loads_pth = pytest.mark.skipif(
    Version(version("torch")).release[:2] < FIRST_SAFE_TORCH,
    reason="weights that nobody vouches for are refused before this torch",
)


def picture(seed: int = 0, width: int = 320, height: int = 288) -> Frame:
    """Waves and edges in three colours, by integers only."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    red = (x * x // 97 + y * (3 + seed)) % 256
    green = (x * y // (61 + seed) + 17 * seed) % 256
    blue = ((x // 40 + y // 32) % 2) * 200 + (x + 2 * y + seed) % 56
    pixels = np.stack([red, green, blue], -1).astype(np.uint8)
    return Frame(Image.fromarray(pixels), FileFacts(width, height, 0, "PNG", "RGB", grey=False))


def staged_resnet18(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ResNet-18 weights (drawn, not trained) under torchvision's name scheme, in $DRIFTCLI_WEIGHTS_DIR."""
    import torch
    from torchvision.models import resnet18

    from driftcli.extractors.networks import named

    path = folder / "resnet18.pth"
    torch.manual_seed(0)
    torch.save(resnet18().state_dict(), path)
    prefix = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    staged = path.rename(folder / f"resnet18-{prefix}.pth")
    wanted = replace(named.wanted_weights("torchvision", "resnet18"), file=staged.name, sha256=prefix)
    monkeypatch.setattr(named, "wanted_weights", lambda *_: wanted)
    monkeypatch.setenv(FOLDER, str(folder))
    return staged
