"""EfficientNet-Lite0, with or without its classifier: a small trunk of our own, batch norms folded away."""

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
"""(blocks, width, kernel, stride of the first block, expansion) of stages 1 to 6, whose means are features."""
LAST = (1, 320, 3, 1, 6)
"""The seventh stage, likewise: only the classifier reads it."""
STEM, HEAD, CLASSES = 32, 1280, 1000
EPS = 1e-3
"""Batch norm's epsilon as TensorFlow trained it; torch's default of 1e-5 shifts every feature."""


class Lite0(nn.Module):
    """[n, 3, 224, 224] scaled pixels -> spatial means of stages 1 to 6, each [n, width]; and what is in the image.

    `classifier`: with the seventh stage and the head, so that `forward` ends with the logits [n, 1000].

    Differs from the usual torch networks in three ways: 'SAME' padding (asymmetric at stride 2),
    ReLU6, and no squeeze-and-excitation. Parameter names are those of the published weights, less
    the batch norms, which `folded` has merged into the convolutions before them.

    Reference: Tan & Le 2019, EfficientNet; the Lite variants are Google's (TensorFlow TPU models).
    """

    def __init__(self, *, classifier: bool = False) -> None:
        super().__init__()
        self._conv_stem = _Same(3, STEM, 3, 2)
        self._blocks = nn.ModuleList(Block(*shape) for shape in block_shapes())
        self._head = Head() if classifier else None  # after the trunk: its random weights stay what they were
        ends: list[int] = []
        for blocks, *_ in STAGES:
            ends.append(blocks + (ends[-1] if ends else 0))
        self._ends = frozenset(ends)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Spatial means [n, d] of stages 1 to 6; then the logits, where there is a classifier."""
        means: list[Tensor] = []
        maps = pixels
        for maps in self.stages(pixels):
            means.append(maps.mean((2, 3)))
        return means if self._head is None else [*means, self._head(maps)]

    def stages(self, pixels: Tensor) -> Iterator[Tensor]:
        """The maps [n, width, h, w] of each stage in turn; who stops early saves the later ones."""
        maps = functional.relu6(self._conv_stem(pixels))
        for position, block in enumerate(self._blocks, 1):
            maps = block(maps)
            if position in self._ends:
                yield maps


class Head(nn.Module):
    """Maps [n, 192, h, w] of the sixth stage -> logits [n, 1000] of ImageNet's classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Block(*last_shape())
        self.conv = nn.Conv2d(LAST[1], HEAD, 1)
        self.fc = nn.Linear(HEAD, CLASSES)

    def forward(self, maps: Tensor) -> Tensor:
        """The logits; dropout is for training only."""
        logits: Tensor = self.fc(functional.relu6(self.conv(self.stage(maps))).mean((2, 3)))
        return logits


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


def last_shape() -> tuple[int, int, int, int, int]:
    """(narrow, wide, out, kernel, stride) of the seventh stage's only block."""
    narrow, (_, out, kernel, stride, expansion) = STAGES[-1][1], LAST
    return narrow, narrow * expansion, out, kernel, stride


def folded(published: Mapping[str, Tensor], *, classifier: bool = False) -> dict[str, Tensor]:
    """The parameters from the published state dict: w·γ/√(σ²+ε), and β − μ·γ/√(σ²+ε) as bias.

    `classifier`: those of the head too. Raises KeyError, naming it, for a parameter that is missing.
    """
    merged = dict(_merge(published, "_conv_stem", "_bn0"))
    shapes = list(block_shapes())
    for index, (narrow, wide, *_) in enumerate(shapes):
        merged |= _merged_block(published, f"_blocks.{index}", widens=wide != narrow)
    if not classifier:
        return merged
    last = _merged_block(published, f"_blocks.{len(shapes)}", widens=True)
    head = {f"_head.stage.{key.rsplit('.', 2)[1]}.{key.rsplit('.', 1)[1]}": x for key, x in last.items()}
    conv = _merge(published, "_conv_head", "_bn1")
    head |= {key.replace("_conv_head", "_head.conv"): x for key, x in conv.items()}
    return (
        merged | head | {f"_head.fc.{part}": published[f"_fc.{part}"].float() for part in ("weight", "bias")}
    )


def _merged_block(published: Mapping[str, Tensor], block: str, *, widens: bool) -> dict[str, Tensor]:
    merged = dict(_merge(published, f"{block}._expand_conv", f"{block}._bn0")) if widens else {}
    merged |= _merge(published, f"{block}._depthwise_conv", f"{block}._bn1")
    return merged | _merge(published, f"{block}._project_conv", f"{block}._bn2")


def _merge(published: Mapping[str, Tensor], conv: str, norm: str) -> dict[str, Tensor]:
    gamma, beta, mean, variance = (
        published[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / torch.sqrt(variance + EPS)
    weight = published[f"{conv}.weight"].double() * scale[:, None, None, None]
    return {f"{conv}.weight": weight.float(), f"{conv}.bias": (beta - mean * scale).float()}
