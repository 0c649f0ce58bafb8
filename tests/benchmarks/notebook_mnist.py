"""The autoencoder notebook on its own data, with our Autoencoder: its three figures, and the honest ones.

    python tests/benchmarks/notebook_mnist.py --data FOLDER        (or DRIFTCLI_DATA=FOLDER)

The gate on the same digits is `digits_gate.py`; `--artifact` measures the autoencoder that it fitted.

FOLDER holds mnist/train.zip, mnist/test.zip and notmnist/test.zip (28 x 28 grey PNG). Trains
configs/autoencoder-mnist.yaml (about ten minutes on two cores; remembered in --cache) and prints a
Markdown table.

The notebook's first figure is a validation loss: noisy digits in, compared with the clean ones. Its other
two are `evaluate(x, predict(x))` in Keras: the prediction compared with itself. The binary cross-entropy
of p with p is the entropy of p, so they say how undecided the output is, not how wrong. Both are printed.
The published figures come back when noisy digits, and letters *without* noise, are fed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import platform
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import yaml
from PIL import Image
from pydantic import TypeAdapter

from driftcli.artifact import store
from driftcli.core.images import FileFacts, Frame
from driftcli.core.progress import Progress
from driftcli.extractors.autoencoder import Autoencoder
from driftcli.extractors.base import Runtime

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG = Path(__file__).parents[2] / "configs" / "autoencoder-mnist.yaml"
PUBLISHED = {"baseline": 0.1011, "noisy": 0.1024, "notmnist": 0.1458}
NOISE = 0.5


class Printed(Progress):
    """One line an epoch."""

    def advance(self, steps=1, note=""):  # noqa: ARG002
        print(f"    {time.strftime('%X')} {note}", flush=True)


def read(archive: Path, settings: Autoencoder) -> np.ndarray:
    """uint8 [n, 28, 28, 1] as the extractor prepares them, in the order of the names."""
    with zipfile.ZipFile(archive) as opened:
        names = sorted(name for name in opened.namelist() if name.endswith(".png"))
        return np.stack([prepared(opened.read(name), settings) for name in names])


def prepared(data: bytes, settings: Autoencoder) -> np.ndarray:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return settings.prepare(Frame(image, FileFacts(*image.size, len(data), "PNG", "L", grey=True)))


def noisy(images: np.ndarray, seed: int) -> np.ndarray:
    """N(0, 0.5) added and clipped; rounded to 8 bits, which moves the losses by less than 0.0001."""
    noise = np.random.default_rng(seed).normal(0, NOISE, images.shape)
    return np.rint(np.clip(images / 255 + noise, 0, 1) * 255).astype(np.uint8)


def entropy(target: np.ndarray, predicted: np.ndarray) -> float:
    """Mean binary cross-entropy of a prediction with a target, in Keras' clipping."""
    p = np.clip(predicted.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-(target * np.log(p) + (1 - target) * np.log(1 - p)).mean())


def trained(settings: Autoencoder, data: Path, seed: int, cache: Path, device: str) -> Mapping[str, Any]:
    """The State of 60,000 digits, from the cache where these settings and this seed are in it."""
    key = hashlib.sha256(f"{settings!r} seed {seed}".encode()).hexdigest()[:12]
    file = cache.with_name(f"{cache.stem}-{key}.npz")
    if file.exists():
        print(f"    state: {file}")
        with np.load(file) as stored:
            return dict(stored)
    images = read(data / "mnist" / "train.zip", settings)
    start = time.perf_counter()
    state = settings.fit(images, seed, Runtime(device=device, progress=Printed()))
    print(f"    {len(images):,} images trained in {time.perf_counter() - start:.0f} s; state: {file}")
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **state)
    return state


def measured(
    settings: Autoencoder, state: Mapping[str, Any], sets: Mapping[str, np.ndarray], device: str
) -> dict:
    """By (set, feed): (entropy of the output, loss against the clean image, loss against the image as fed)."""
    found = {}
    for number, (name, clean) in enumerate(sets.items()):
        for feed, fed in (("noisy", noisy(clean, 100 + number)), ("clean", clean)):
            out = settings.reconstruct(state, fed, Runtime(device=device))
            found[name, feed] = (entropy(out, out), entropy(clean / 255, out), entropy(fed / 255, out))
    return found


def table(found: Mapping[tuple[str, str], tuple[float, float, float]]) -> str:
    """The notebook's three rows, then every feed, so that it can be seen which one was published."""
    base = found["MNIST", "noisy"][1]
    own, honest = "evaluate(x, predict(x))", "honest loss"
    rows = [
        f"| set | fed | published | {own} | of baseline | {honest} (against clean) | of baseline | against input as fed |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        f"| MNIST validation | noisy | {PUBLISHED['baseline']:.4f} | – | – | **{base:.4f}** | 1 | – |",
    ]
    published = {("MNIST", "noisy"): PUBLISHED["noisy"], ("notMNIST", "clean"): PUBLISHED["notmnist"]}
    for (name, feed), (self_loss, loss, given) in found.items():
        claim = published.get((name, feed))
        told = f"{claim:.4f} ({claim / PUBLISHED['baseline'] - 1:+.1%})" if claim else "–"
        rows.append(
            f"| {name} | {feed} | {told} | {self_loss:.4f} | {self_loss / base - 1:+.1%} "
            f"| {loss:.4f} | {loss / base - 1:+.1%} | {given:.4f} |"
        )
    return "\n".join(rows)


def verdict(found: Mapping[tuple[str, str], tuple[float, float, float]]) -> str:
    """Are the notebook's three figures reproduced?"""
    claims = {
        "validation loss": (found["MNIST", "noisy"][1], PUBLISHED["baseline"], 0.006),
        "noisy MNIST, notebook's definition": (found["MNIST", "noisy"][0], PUBLISHED["noisy"], 0.01),
        "notMNIST, notebook's definition": (found["notMNIST", "clean"][0], PUBLISHED["notmnist"], 0.01),
    }
    return "\n".join(
        f"- {name}: {value:.4f}, published {claim:.4f}: "
        + (f"reproduced (within {limit})" if abs(value - claim) <= limit else f"NOT within {limit}")
        for name, (value, claim, limit) in claims.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("DRIFTCLI_DATA"), help="default: $DRIFTCLI_DATA"
    )
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-notebook-mnist.npz"
    )
    parser.add_argument("--artifact", type=Path, help="measure what this artifact learnt, train nothing")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    if options.data is None or not (options.data / "mnist" / "train.zip").exists():
        raise SystemExit("skipped: --data FOLDER or DRIFTCLI_DATA must hold mnist/train.zip")
    torch.set_num_threads(options.threads)
    raw = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    settings = TypeAdapter(Autoencoder).validate_python(raw["extractors"]["autoencoder"])
    print(f"{platform.machine()}, {os.cpu_count()} cores, {options.device}, torch {torch.__version__}")
    tests = {"MNIST": options.data / "mnist" / "test.zip", "notMNIST": options.data / "notmnist" / "test.zip"}
    sets = {name: read(archive, settings) for name, archive in tests.items()}
    print(", ".join(f"{name} test: {len(images):,} images" for name, images in sets.items()))
    if options.artifact is not None:
        print(f"\nautoencoder of {options.artifact}, fitted by `driftcli fit -c {CONFIG.name}`")
        state = store.read(options.artifact).state("autoencoder")
        found = measured(settings, state, sets, options.device)
        print(f"\n{table(found)}\n\n{verdict(found)}", flush=True)
        return
    for seed in options.seeds:
        print(f"\nseed {seed}", flush=True)
        state = trained(settings, options.data, seed, options.cache, options.device)
        found = measured(settings, state, sets, options.device)
        print(f"\n{table(found)}\n\n{verdict(found)}", flush=True)


if __name__ == "__main__":
    main()
