"""The autoencoder's settings, below the kind and the torch files that obey them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

Architecture = Literal["conv", "pca", "maxpool"]
Augmentation = Literal["flip", "translate", "rotate"]

SMALL = 500
"""Below so many images, `architecture: auto` is PCA."""


@dataclass(frozen=True)
class AutoencoderSettings:
    """Input, architecture and training."""

    side: Literal["auto"] | Annotated[int, Ge(8), Le(512)] = "auto"
    """Images become squares of so many pixels; auto: their median short side, at most 64."""
    channels: Literal["auto", 1, 3] = "auto"
    """auto: 1 when every image of the sample is grey."""
    framing: Literal["crop", "squeeze"] = "crop"
    """`crop`: the middle square, so that blur and noise measure alike in wide and tall images;
    `squeeze`: the whole image, for defects at the border."""
    architecture: Literal["auto"] | Architecture = "auto"
    """auto: `pca` (closed form) below 500 images, else `conv`."""
    widths: Annotated[tuple[int, ...], MinLen(1), MaxLen(5)] = (16, 32, 64)
    """Channels of the convolutions, each of which halves the side."""
    latent: Annotated[int, Ge(1), Le(512)] = 64
    """Numbers in the code; PCA takes at most a quarter of its images."""
    loss: Literal["l1_mse", "mse", "bce"] = "l1_mse"
    noise: Annotated[float, Ge(0), Le(1)] = 0.1
    """Standard deviation of the noise that training removes; `uniform`: at most so much, by image."""
    noise_kind: Literal["uniform", "fixed"] = "uniform"
    augment: tuple[Augmentation, ...] = ()
    """Changes that should not alarm, shown in training only."""
    epochs: Literal["auto"] | Annotated[int, Ge(1)] = "auto"
    """auto: about 5,000 images in all, but 2 to 60 epochs: longer training lowers the loss, and finds no more drift
    (photographs, digits, CIFAR; tests/benchmarks/training_study.py)."""
    max_images: Annotated[int, Ge(1)] = 20_000
    """Images of one epoch at most, drawn anew."""
    batch_size: Annotated[int, Ge(2)] = 16
    optimizer: Literal["adamw", "adadelta"] = "adamw"
    learning_rate: Annotated[float, Gt(0)] = 2e-3
    schedule: Literal["one_cycle", "constant"] = "one_cycle"
    precision: Literal["float32", "bfloat16"] = "float32"
    """What training computes in. bfloat16: up to twice as fast on processors that have it (wide convolutions gain
    most), as float32 on others; weights, and all that `check` computes, are float32 either way."""
    patience: Annotated[int, Ge(0)] = 8
    """Epochs without a better held-out loss before training stops; 0: never."""
    validation: Annotated[float, Ge(0), Le(0.5)] = 0.15
    """Share of F that is not trained on: it stops the training and shows honest errors."""
    notebook_figures: bool = False
    """Measure also the validation loss with noise added and the entropy of what the network makes: the
    figures of the 2019 notebook, as two more errors of the family and as lines of the report."""

    def decided(self, images: int) -> Architecture:
        """The architecture for a fit on so many images."""
        if self.architecture == "auto":
            return "pca" if images < SMALL else "conv"
        return self.architecture

    def planned_epochs(self, images: int) -> int:
        """Epochs for so many training images."""
        return min(60, max(2, round(5_000 / max(images, 1)))) if self.epochs == "auto" else self.epochs
