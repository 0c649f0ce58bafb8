"""[torch] Training of the autoencoder's networks: noisy images in, clean ones wanted, best weights kept."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from driftcli.core.errors import InternalError
from driftcli.extractors._conv import PREFIX, Bottleneck, Pooling, build, exact, tensor
from driftcli.extractors.base import Runtime, resolve_device

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from driftcli.core.rows import Rows
    from driftcli.extractors._autoencoder_settings import AutoencoderSettings
    from driftcli.extractors.base import Runtime


@dataclass
class _Best:
    """The weights with the lowest loss on the held-out part so far, and how long ago that was."""

    loss: float = math.inf
    waited: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)

    def see(self, loss: float, network: nn.Module) -> None:
        self.waited += 1
        if loss < self.loss or not self.weights:
            self.loss, self.waited = loss, 0
            self.weights = {name: copy.deepcopy(value.cpu()) for name, value in network.state_dict().items()}

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """C order: safetensors writes the memory as it lies, and channels_last lies otherwise."""
        return {
            PREFIX + name: np.ascontiguousarray(value.numpy(), np.float32)
            for name, value in self.weights.items()
            if value.is_floating_point()
        }


def train(
    images: Rows,
    held_out: Rows,
    settings: AutoencoderSettings,
    seed: int,
    runtime: Runtime,
) -> dict[str, NDArray[Any]]:
    """Weights (float32, by name) and `loss_curve` [epochs, 2]: training and held-out loss.

    Without held-out images there is no early stop and the last weights are kept.
    Raises InternalError when the loss is no longer a number.
    """
    architecture = settings.decided(len(images) + len(held_out))
    device = resolve_device(runtime.device)
    network = build(architecture, images.shape, settings, seed).to(device)
    generator = torch.Generator().manual_seed(seed + 1)
    epochs = settings.planned_epochs(len(images))
    steps = math.ceil(min(len(images), settings.max_images) / settings.batch_size)
    step = _stepper(network, settings, epochs * steps, computed_in(settings.precision, device))
    best = _Best()
    curve: list[tuple[float, float]] = []
    runtime.progress.start("training autoencoder", epochs)
    with exact():
        for _ in range(epochs):
            trained = _epoch(step, images, settings, generator, device)
            validated = _validate(network, held_out, settings, device) if len(held_out) else trained
            if not math.isfinite(trained + validated):
                raise InternalError(
                    f"training the autoencoder diverged in epoch {len(curve) + 1} (loss {trained})",
                    "lower extractors.autoencoder.learning_rate, or set extractors.autoencoder.architecture=pca",
                )
            curve.append((trained, validated if len(held_out) else math.nan))
            best.see(validated if len(held_out) else -len(curve), network)
            runtime.progress.advance(1, f"loss {validated:.4f}")
            if settings.patience and best.waited >= settings.patience:
                break
    runtime.progress.finish()
    return {**best.arrays(), "loss_curve": np.asarray(curve, np.float32)}


def _epoch(
    step: Callable[[Tensor, Tensor], Tensor],
    images: Rows,
    settings: AutoencoderSettings,
    generator: torch.Generator,
    device: str,
) -> float:
    """Mean training loss of one pass over (at most `max_images`) images in a new order."""
    order = torch.randperm(len(images), generator=generator)[: settings.max_images].numpy()
    parts = np.array_split(order, math.ceil(len(order) / settings.batch_size))
    losses = torch.empty(len(parts), device=device)  # a list of small tensors holds the memory between them
    for number, part in enumerate(parts):
        losses[number] = step(*_pair(images[part], settings, generator, device))
    return float(losses.mean())


def _stepper(
    network: Bottleneck | Pooling, settings: AutoencoderSettings, steps: int, dtype: torch.dtype
) -> Callable[[Tensor, Tensor], Tensor]:
    """One step of the optimiser: noisy images and clean ones in, the (detached) loss out.

    `dtype`: what layers compute in; weights, loss and optimiser are float32.
    """
    rate, weights = settings.learning_rate, network.parameters()
    optimizer: torch.optim.Optimizer
    if settings.optimizer == "adadelta":
        optimizer = torch.optim.Adadelta(weights, lr=rate, rho=0.95, eps=1e-7)  # Keras' constants
    else:
        optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=1e-4, fused=True)
    schedule = None
    if settings.schedule == "one_cycle":
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=max(steps, 2))
    objective = _OBJECTIVES[settings.loss]

    def step(noisy: Tensor, clean: Tensor) -> Tensor:
        network.train()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(noisy.device.type, dtype, enabled=dtype != torch.float32):
            logits = network.decode(network.encode(noisy))
        loss = objective(logits.float(), clean)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if schedule is not None:
            schedule.step()
        return loss.detach()

    return step


def computed_in(precision: str, device: str) -> torch.dtype:
    """What training computes in: bfloat16 where that is asked for and this processor has arithmetic for it.

    Elsewhere it would be emulated, at several times the cost of float32: there float32 is taken.
    """
    if precision != "bfloat16" or device != "cpu":
        return torch.float32
    return torch.bfloat16 if _has_bfloat16() else torch.float32


def _has_bfloat16() -> bool:
    """Whether the processor multiplies matrices of bfloat16 (AMX, AVX-512 BF16); no where torch cannot tell."""
    known = (
        getattr(torch.cpu, name, None) for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    )
    return any(bool(told()) for told in known if told is not None)


def _l1_mse(logits: Tensor, target: Tensor) -> Tensor:
    output = logits.sigmoid()
    return functional.l1_loss(output, target) + functional.mse_loss(output, target)


def _mse(logits: Tensor, target: Tensor) -> Tensor:
    return functional.mse_loss(logits.sigmoid(), target)


_OBJECTIVES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1_mse": _l1_mse,
    "mse": _mse,
    "bce": functional.binary_cross_entropy_with_logits,
}


def _validate(
    network: Bottleneck | Pooling, images: Rows, settings: AutoencoderSettings, device: str
) -> float:
    """Mean loss of images as given, no noise: what `extract` will measure."""
    network.eval()
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(images), 256):
            clean = tensor(images[start : start + 256], device)
            loss = _OBJECTIVES[settings.loss](network.decode(network.encode(clean)), clean)
            total += float(loss) * len(clean)
    return total / len(images)


def _pair(
    images: NDArray[np.uint8], settings: AutoencoderSettings, generator: torch.Generator, device: str
) -> tuple[Tensor, Tensor]:
    """(noisy, clean): drawn on the CPU, so that every device sees the same noise."""
    clean = tensor(images, "cpu")
    if settings.augment:
        clean = _augmented(clean, settings.augment, generator)
    sigma: float | Tensor = settings.noise
    if settings.noise_kind == "uniform":
        sigma = settings.noise * torch.rand((len(clean), 1, 1, 1), generator=generator)
    noise = torch.randn(images.shape, generator=generator).permute(0, 3, 1, 2)
    return (clean + sigma * noise).clamp(0, 1).to(device), clean.to(device)


def _augmented(images: Tensor, kinds: tuple[str, ...], generator: torch.Generator) -> Tensor:
    """Each image mirrored (half of them), moved (up to a tenth) and turned (up to 15 degrees), as asked."""
    n = len(images)
    draws = torch.rand((4, n), generator=generator) * 2 - 1
    angle = draws[0] * math.radians(15) * ("rotate" in kinds)
    mirror = 1 - 2.0 * ((draws[3] > 0) & ("flip" in kinds))
    shift = draws[1:3] * 0.2 * ("translate" in kinds)  # grid units: the image is 2 wide
    matrix = torch.stack(
        [
            torch.stack([angle.cos() * mirror, -angle.sin(), shift[0]], -1),
            torch.stack([angle.sin() * mirror, angle.cos(), shift[1]], -1),
        ],
        1,
    )
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
