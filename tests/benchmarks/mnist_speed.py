"""How soon the notebook's loss .1011 is reached: its recipe as written, in plain torch, against faster ways to train it.

    python tests/benchmarks/mnist_speed.py --data FOLDER [--rows recipe fast] [--seeds 3]   (or DRIFTCLI_DATA=FOLDER)

Everybody trains the same network (configs/autoencoder-mnist.yaml: `architecture: maxpool`, widths 32 and 32), on the same
60,000 digits with noise .5, with binary cross-entropy, and is measured after every eighth of an epoch on the same 2,000 test
digits with the same noise. Measuring is not counted; CPU seconds are. A row ends at .1011. `recipe` is a plain loop
over torch's own Adadelta with Keras' constants, float32, batches of 128, data ready in memory: nothing of driftcli runs.
The others are settings of driftcli's own training; `fast` is configs/autoencoder-mnist-fast.yaml.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import yaml
from notebook_mnist import noisy, read
from pydantic import TypeAdapter
from torch.nn import functional

from driftcli.extractors import _conv, _training
from driftcli.extractors.autoencoder import Autoencoder

CONFIGS = Path(__file__).parents[2] / "configs"
GOAL = 0.1011
TEST = 2_000


def settings_of(name: str) -> Autoencoder:
    """The extractor as a preset configures it."""
    text = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())
    return TypeAdapter(Autoencoder).validate_python(text["extractors"]["autoencoder"])


def main() -> None:
    """One line a run, and the curve."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("DRIFTCLI_DATA"))
    parser.add_argument(
        "--rows", nargs="*", default=["recipe", "fast"], help="recipe, fast, or EPOCHS,BATCH,RATE"
    )
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    recipe = settings_of("autoencoder-mnist")
    train, test = (read(asked.data / "mnist" / f"{part}.zip", recipe) for part in ("train", "test"))
    test = test[np.random.default_rng(0).permutation(len(test))[:TEST]]
    fed = noisy(test, 100)
    print(f"{torch.get_num_threads()} thread, {len(train):,} digits, goal {GOAL}", flush=True)
    for seed in range(asked.first, asked.first + asked.seeds):
        for name in asked.rows:
            began = time.perf_counter()
            curve = reached(name, recipe, train, (test, fed), seed)
            epochs, spent, loss = curve[-1]
            done = "reached" if loss <= GOAL else "NOT reached"
            print(
                f"seed {seed} {name:24s} {done}: loss {loss:.4f}, {epochs:.2f} epochs, {spent:.1f} CPU s "
                f"({time.perf_counter() - began:.0f} s of wall with measuring); "
                + " ".join(f"{e:.2f}:{x:.4f}" for e, _, x in curve[:: max(1, len(curve) // 12)]),
                flush=True,
            )


def reached(name: str, recipe: Autoencoder, train: np.ndarray, measured: tuple, seed: int) -> list:
    """(epochs, CPU seconds, test loss) along the way to the goal."""
    settings = recipe
    if name == "fast":
        settings = settings_of("autoencoder-mnist-fast")
    elif name != "recipe":
        epochs, batch, rate = name.split(",")
        settings = replace(
            recipe,
            epochs=int(epochs),
            batch_size=int(batch),
            learning_rate=float(rate),
            optimizer="adamw",
            schedule="one_cycle",
        )
    network = _conv.build("maxpool", train.shape, settings, seed)
    batch, epochs = settings.batch_size, settings.planned_epochs(len(train))
    steps = -(-len(train) // batch)
    dtype = _training.computed_in(settings.precision, "cpu")
    if name == "recipe":  # torch's own layout of memory, too
        network = network.to(memory_format=torch.contiguous_format)
    step = (
        plain(network) if name == "recipe" else _training._stepper(network, settings, epochs * steps, dtype)
    )
    generator = torch.Generator().manual_seed(seed + 1)
    curve, spent, began = [], 0.0, time.process_time()
    for done in range(epochs * steps):
        if done % steps == 0:
            order = torch.randperm(len(train), generator=generator).numpy()
        at = done % steps
        pair = _training._pair(train[order[at * batch : (at + 1) * batch]], settings, generator, "cpu")
        step(*(part.contiguous() if name == "recipe" else part for part in pair))
        if (done + 1) % (steps // 8) == 0 or done + 1 == epochs * steps:
            spent += time.process_time() - began
            curve.append(((done + 1) / steps, spent, test_loss(network, *measured)))
            if curve[-1][2] <= GOAL:
                break
            began = time.process_time()
    return curve


def plain(network: torch.nn.Module):
    """The recipe's step as one would write it in torch."""
    optimizer = torch.optim.Adadelta(network.parameters(), lr=1.0, rho=0.95, eps=1e-7)

    def step(given: torch.Tensor, wanted: torch.Tensor) -> None:
        network.train()
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(network.decode(network.encode(given)), wanted)
        loss.backward()
        optimizer.step()

    return step


def test_loss(network: torch.nn.Module, clean: np.ndarray, fed: np.ndarray) -> float:
    """Binary cross-entropy of what it makes of noisy digits, against the clean ones."""
    network.eval()
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(clean), 250):
            target = _conv.tensor(clean[start : start + 250], "cpu")
            made = network.decode(network.encode(_conv.tensor(fed[start : start + 250], "cpu")))
            total += float(functional.binary_cross_entropy_with_logits(made, target)) * len(target)
    return total / len(clean)


if __name__ == "__main__":
    main()
