"""EfficientNet-Lite0 up to its sixth stage: a small trunk of our own, batch norms folded away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STAGES = (
    (1, 16, 3, 1, 1),
    (2, 24, 3, 2, 6),
    (2, 40, 5, 2, 6),
    (3, 80, 3, 2, 6),
    (3, 112, 5, 1, 6),
    (4, 192, 5, 2, 6),
)
"""(blocks, width, kernel, stride of the first block, expansion) of stages 1 to 6; the seventh is not used."""
STEM = 32
EPS = 1e-3
"""Batch norm's epsilon as TensorFlow trained it; torch's default of 1e-5 shifts every feature."""


class Lite0(nn.Module):
    """[n, 3, 224, 224] scaled pixels -> spatial means of stages 1 to 6, each [n, width].

    Differs from the usual torch networks in three ways: 'SAME' padding (asymmetric at stride 2),
    ReLU6, and no squeeze-and-excitation. Parameter names are those of the published weights, less
    the batch norms, which `folded` has merged into the convolutions before them.

    Reference: Tan & Le 2019, EfficientNet; the Lite variants are Google's (TensorFlow TPU models).
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _Same(3, STEM, 3, 2)
        self._blocks = nn.ModuleList(Block(*shape) for shape in block_shapes())
        ends: list[int] = []
        for blocks, *_ in STAGES:
            ends.append(blocks + (ends[-1] if ends else 0))
        self._ends = frozenset(ends)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Spatial means [n, d] of every stage that is read."""
        return [maps.mean((2, 3)) for maps in self.stages(pixels)]

    def stages(self, pixels: Tensor) -> Iterator[Tensor]:
        """The maps [n, width, h, w] of each stage in turn; who stops early saves the later ones."""
        maps = functional.relu6(self._conv_stem(pixels))
        for position, block in enumerate(self._blocks, 1):
            maps = block(maps)
            if position in self._ends:
                yield maps


class Block(nn.Module):
    """Inverted residual: widen (1x1), filter each channel (depthwise), narrow (1x1, linear)."""

    def __init__(self, narrow: int, wide: int, out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self._expand_conv = nn.Conv2d(narrow, wide, 1) if wide != narrow else None
        self._depthwise_conv = _Same(wide, wide, kernel, stride, groups=wide)
        self._project_conv = nn.Conv2d(wide, out, 1)
        self._residual = stride == 1 and narrow == out

    def forward(self, maps: Tensor) -> Tensor:
        """Maps [n, d, h, w] through one block."""
        inner = maps if self._expand_conv is None else functional.relu6(self._expand_conv(maps))
        inner = functional.relu6(self._depthwise_conv(inner))
        inner = self._project_conv(inner)
        out: Tensor = inner + maps if self._residual else inner
        return out


class _Same(nn.Conv2d):
    """Convolution with TensorFlow's 'SAME' padding: the odd pixel goes to the right and below."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(
            channels, out, kernel, stride, padding=kernel // 2 if stride == 1 else 0, groups=groups
        )

    def forward(self, maps: Tensor) -> Tensor:
        if self.stride[0] == 1:
            return super().forward(maps)
        height, width = (self._missing(side) for side in maps.shape[2:])
        return super().forward(functional.pad(maps, (*width, *height)))

    def _missing(self, side: int) -> tuple[int, int]:
        stride, kernel = self.stride[0], self.kernel_size[0]
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        return total // 2, total - total // 2


def block_shapes() -> Iterator[tuple[int, int, int, int, int]]:
    """(narrow, wide, out, kernel, stride) of every block in turn."""
    narrow = STEM
    for blocks, out, kernel, first_stride, expansion in STAGES:
        for position in range(blocks):
            yield narrow, narrow * expansion, out, kernel, first_stride if position == 0 else 1
            narrow = out


def folded(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trunk's parameters from the published state dict: w·γ/√(σ²+ε), and β − μ·γ/√(σ²+ε) as bias.

    Raises KeyError, naming it, for a parameter that is missing.
    """
    merged = dict(_merge(published, "_conv_stem", "_bn0"))
    for index, (narrow, wide, *_) in enumerate(block_shapes()):
        if wide != narrow:
            merged |= _merge(published, f"_blocks.{index}._expand_conv", f"_blocks.{index}._bn0")
        merged |= _merge(published, f"_blocks.{index}._depthwise_conv", f"_blocks.{index}._bn1")
        merged |= _merge(published, f"_blocks.{index}._project_conv", f"_blocks.{index}._bn2")
    return merged


def _merge(published: Mapping[str, Tensor], conv: str, norm: str) -> dict[str, Tensor]:
    gamma, beta, mean, variance = (
        published[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / torch.sqrt(variance + EPS)
    weight = published[f"{conv}.weight"].double() * scale[:, None, None, None]
    return {f"{conv}.weight": weight.float(), f"{conv}.bias": (beta - mean * scale).float()}
