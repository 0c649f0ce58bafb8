"""For label_free_accuracy.py: two classifiers, and what they and driftcli's `content` say of corrupted images, kept in a folder.

Photos of cats and dogs are cut to their middle square and shown at 128 px; the classifier is a linear head on `content`. CIFAR-10
is shown to a small network of its own at 32 px; its features are that network's last ones, pooled (`content` of 64 px would take hours).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
import hashlib
import io
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from driftcli.core import registry
from driftcli.extractors.base import Runtime
from driftcli.extractors.embedding import Embedding

NAMES = ("catsdogs", "cifar10")
CORRUPTIONS = (
    ("gaussian_blur", "defocus_blur", "motion_blur"),
    ("gaussian_noise", "shot_noise", "impulse_noise"),
    ("jpeg", "pixelate", "downscale"),
    ("darken", "low_contrast", "fog"),
    ("colour_cast", "grey_scale", "saturation"),
    ("rotation", "crop", "translation"),
    ("occlusion", "dead_columns", "scratch"),
)
"""Three of each of the seven classes: the first two for calibration, all three for batches of photos."""
SEVERITIES = (3, 5, 1)
"""In the order in which they are extracted."""
LEARNT = 350
"""Photos that the linear head learns from; the other 650 are for C and batches."""
POOL = 3000
"""Of CIFAR-10's test images."""
LONGER = 4
"""Lengths in pixels at CIFAR-10: at 1/7 of a pixel images of 32 px hardly change."""
RUNTIME = Runtime(device="cpu")


def states(data: str) -> list[tuple[str, int]]:
    """(corruption, severity); ("clean", 0) comes first. The third of each class only for photos: to save an hour."""
    first, second, third = zip(*CORRUPTIONS, strict=True)
    both = [(name, severity) for severity in SEVERITIES for name in (*first, *second)]
    if data == "cifar10":
        return [("clean", 0), *both]
    return [("clean", 0), *both, *((name, severity) for severity in SEVERITIES for name in third)]


def belongs(name: str) -> str | None:
    """The class of a corruption; None for clean."""
    return None if name == "clean" else registry.load("corruptions", name).belongs


def load(data: str, folder: Path, cache: Path) -> dict[str, np.ndarray]:
    """`label`, `learnt/label`, `learnt/features`, and per state `NAME:SEVERITY/logits` and `.../features`.

    What is not cached is extracted.
    """
    learnt, images, label, model = _photos(folder, cache) if data == "catsdogs" else _small(folder, cache)
    found = {"label": label, "learnt/label": learnt[0], "learnt/features": learnt[1]}
    for name, severity in states(data):
        kept = cache / f"{data}-{name}-{severity}.npz"
        if not kept.is_file():
            _write(kept, images, name, severity, model)
        with np.load(kept, allow_pickle=False) as arrays:
            key = f"{name}:{severity}"
            found[f"{key}/logits"] = arrays["logits"].astype(float)
            found[f"{key}/features"] = arrays["features"].astype(np.float32)
    return found


def _square(path: Path) -> Image.Image:
    with Image.open(path) as image:
        photo = image.convert("RGB")
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    return photo.resize((128, 128), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))


def _cifar(folder: Path, part: str, count: int) -> tuple[list[Image.Image], np.ndarray]:
    with zipfile.ZipFile(folder / "cifar10" / f"{part}.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.endswith((".jpg", ".png")))
        classes = sorted({Path(n).parent.name for n in names})
        chosen = [names[i] for i in np.random.default_rng(0).permutation(len(names))[:count]]
        images = [Image.open(io.BytesIO(archive.read(n))).convert("RGB") for n in chosen]
    return images, np.array([classes.index(Path(n).parent.name) for n in chosen])


def _corrupted(image: Image.Image, name: str, severity: int, place: int) -> Image.Image:
    if name == "clean":
        return image
    kind = registry.load("corruptions", name)()
    amount = kind.amount(severity)
    if image.width < 64 and kind.unit.startswith("px at short side"):
        amount *= LONGER
    seed = int.from_bytes(hashlib.sha256(f"{name}:{severity}:{place}".encode()).digest()[:8], "big")
    return kind.apply(image, amount, np.random.default_rng(seed))


def _write(kept: Path, images, name: str, severity: int, model) -> None:
    started = time.perf_counter()
    logits, features = [], []
    for at in range(0, len(images), 250):
        shown = [_corrupted(images[i], name, severity, i) for i in range(at, min(at + 250, len(images)))]
        found = model(shown)
        logits.append(found[0])
        features.append(found[1].astype(np.float16))
    partial = kept.with_suffix(".partial.npz")
    np.savez(partial, logits=np.concatenate(logits), features=np.concatenate(features))
    partial.replace(kept)
    rate = len(images) / (time.perf_counter() - started)
    print(f"{kept.stem}: {len(images)} images, {rate:.0f} a second", file=sys.stderr, flush=True)


def _photos(folder: Path, cache: Path):
    """Logistic regression on `content` of the first LEARNT photos, in random order (seed 0); the others."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    files = sorted((folder / "catsdogs").glob("*.jpg"))
    files = [files[i] for i in np.random.default_rng(0).permutation(len(files))]
    label = np.array([int(file.name.startswith("dog")) for file in files])
    embedding = Embedding(side=128, resize=128, crop="none", words="off").complete(RUNTIME)
    state = embedding.fit(np.zeros((0, 1), np.uint8), 0, RUNTIME)

    def content(images: list[Image.Image]) -> np.ndarray:
        return embedding.extract(state, np.stack([np.asarray(i) for i in images]), RUNTIME)["content"]

    kept = cache / "catsdogs-learnt.npy"
    if not kept.is_file():
        np.save(kept, content([_square(file) for file in files[:LEARNT]]))
    learnt = np.load(kept)
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    head.fit(learnt, label[:LEARNT])

    def model(images: list[Image.Image]) -> tuple[np.ndarray, np.ndarray]:
        found = content(images)
        margin = head.decision_function(found)
        return np.stack([-margin / 2, margin / 2], axis=1), found

    rest = [_square(file) for file in files[LEARNT:]]
    return (label[:LEARNT], learnt), rest, label[LEARNT:], model


def _small(folder: Path, cache: Path):
    """A small convolutional network, learnt from the 10,000 training images in minutes; POOL test images."""
    import torch
    from torch import nn

    def block(given: int, made: int) -> list[nn.Module]:
        return [
            nn.Conv2d(given, made, 3, padding=1, bias=False),
            nn.BatchNorm2d(made),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]

    torch.manual_seed(0)
    body = nn.Sequential(*block(3, 16), *block(16, 32), *block(32, 64))
    network = nn.Sequential(body, nn.Flatten(), nn.Dropout(0.1), nn.Linear(1024, 10))
    kept = cache / "cifar10-network.pt"
    train, label = _cifar(folder, "train-10k", 10_000)
    if kept.is_file():
        network.load_state_dict(torch.load(kept, weights_only=True))
    else:
        _train(network, train, label)
        torch.save(network.state_dict(), kept)
    network.eval()

    def model(images: list[Image.Image]) -> tuple[np.ndarray, np.ndarray]:
        with torch.inference_mode():
            maps = body(_tensor(images))
            return network[1:](maps).numpy(), maps.mean((2, 3)).numpy()

    few = train[:2000]
    learnt = np.concatenate([model(few[at : at + 250])[1] for at in range(0, len(few), 250)])
    return (label[:2000], learnt), *_cifar(folder, "test", POOL), model


def _tensor(images: list[Image.Image]):
    import torch

    pixels = np.stack([np.asarray(i, dtype=np.float32) for i in images])
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - 0.47) / 0.25


def _train(network, images: list[Image.Image], label: np.ndarray, epochs: int = 7) -> None:
    import torch

    pixels, right = _tensor(images), torch.from_numpy(label)
    steps = epochs * (len(images) // 100)
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    rng = torch.Generator().manual_seed(0)
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(images), generator=rng).view(-1, 100):
            shown = pixels[rows]
            shown = shown.flip(3) if torch.rand(1, generator=rng) < 0.5 else shown
            across, down = torch.randint(-3, 4, (2,), generator=rng).tolist()
            loss = torch.nn.functional.cross_entropy(network(shown.roll((down, across), (2, 3))), right[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(
            f"cifar10 network, epoch {epoch + 1}: loss {total * 100 / len(images):.3f}",
            file=sys.stderr,
            flush=True,
        )


if __name__ == "__main__":
    # python tests/benchmarks/_label_free_cache.py DATA CACHE [NAME...]
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    for wanted in sys.argv[3:] or NAMES:
        load(wanted, Path(sys.argv[1]), Path(sys.argv[2]))
