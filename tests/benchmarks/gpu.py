"""The same audit on the processor and on a graphics card, in six minutes: python tests/benchmarks/gpu.py.

Fits, calibrates and checks the drawn sample images and, where it is found, CIFAR-10, once with `--device cpu` (the
networks in onnxruntime) and once with `--device cuda` (in torch). It prints one table each of: images a second by
stage; how far features are apart, in standard deviations of the reference's images; whether the device gives the same bits
in other company and in reverse order, and the same p twice; whether p is that of the processor; and what happens when another program has taken the card's memory, which is really taken. `--device cpu` compares the processor
with itself, which only tries the script. Without a graphics card it says so and ends.

It needs torch, driftcli and its weights, and nothing from a network. CIFAR-10: a folder with images, a .zip of them, or
the binary version, in `--data`, else in DRIFTCLI_DATA/cifar10 or a sibling shared/data/cifar10. What corruptions look
like is not calibrated: it costs most of a baseline and tells nothing of a device.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import driftcli
from driftcli.config.settings import Settings
from driftcli.core.images import FileFacts, Frame
from driftcli.core.progress import Progress
from driftcli.extractors.base import Runtime
from driftcli.reference.reference import Reference, open_reference
from driftcli.simulation.sample.days import generate

METHODS = ["embedding", "autoencoder", "properties"]
LOOKED_AT = 256
"""Images whose features are compared and timed."""
SEED = 0
SUFFIXES = (".png", ".jpg")
PATIENCE = 330.0
"""Seconds after which no further part begins."""


class Warnings(Progress):
    """Keeps what the user would be warned of."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def warn(self, message: str) -> None:
        """One more."""
        self.messages.append(message)


@dataclass(frozen=True)
class Images:
    """Folders of one data set."""

    name: str
    reference: Path
    good: Path
    batches: dict[str, Path]


def main() -> int:
    """Print everything; 0, also where there is no card to compare with."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", help="what is compared with the processor")
    parser.add_argument("--data", type=Path, help="folder of CIFAR-10")
    parser.add_argument(
        "--images", type=int, default=2_000, help="of CIFAR-10, in the reference; a fourth are good ones"
    )
    options = parser.parse_args()
    import torch

    print(
        f"{platform.machine()}, {os.cpu_count()} cores, python {platform.python_version()}, torch {torch.__version__}, "
        f"numpy {np.__version__}, seed {SEED}"
    )
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print(
            "There is no graphics card that torch can use: nothing was compared. `--device cpu` tries the script."
        )
        return 0
    if options.device.startswith("cuda"):
        print(f"device: {torch.cuda.get_device_name()}, capability {torch.cuda.get_device_capability()}")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for images in _sets(Path(folder), options):
            if time.perf_counter() - began > PATIENCE:
                print(f"{images.name}: left out, {PATIENCE:.0f} s are over")
                continue
            artifacts = {
                device: _artifact(images, device) for device in dict.fromkeys(("cpu", options.device))
            }
            _checks(images, artifacts)
            _features(images, artifacts["cpu"], options.device)
            if options.device.startswith("cuda"):
                _taken_memory(images, artifacts["cpu"], options.device)
    print(f"\n{time.perf_counter() - began:.0f} s in all")
    return 0


def _sets(root: Path, options: Any) -> Iterator[Images]:
    generate(root / "sample", SEED)
    sample = root / "sample"
    days = {name: sample / name for name in ("day-01", "day-02", "day-04", "day-07")}
    yield Images("sample images", sample / "reference", sample / "good", days)
    folder = options.data or _shared() / "cifar10"
    pixels = _cifar(folder) if folder.is_dir() else None
    if pixels is None:
        print(f"\nCIFAR-10 is not in {folder.name}/: left out")
        return
    few = options.images
    order = np.random.default_rng(SEED).permutation(len(pixels))
    parts = np.split(pixels[order], np.cumsum([few, few // 4, few // 10, few // 10]))[:4]
    made = root / "cifar10"
    noisy = parts[3].astype(float) + np.random.default_rng(SEED).normal(0, 12, parts[3].shape)
    parts[3] = np.clip(noisy, 0, 255).astype(np.uint8)
    for name, part in zip(("reference", "good", "clean", "noise"), parts, strict=True):
        (made / name).mkdir(parents=True)
        for number, image in enumerate(part):
            Image.fromarray(image).save(made / name / f"{number:05d}.png")
    yield Images("CIFAR-10", made / "reference", made / "good", {n: made / n for n in ("clean", "noise")})


def _shared() -> Path:
    named = os.environ.pop("DRIFTCLI_DATA", None)  # a command would warn of a variable it does not know
    return Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"


def _cifar(folder: Path) -> np.ndarray | None:
    """uint8 [n, 32, 32, 3] from image files, zipped or not, or the binary version; None where there is none."""
    found = []
    for archive in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(archive) as opened:
            found += [
                _image(io.BytesIO(opened.read(n))) for n in sorted(opened.namelist()) if n.endswith(SUFFIXES)
            ]
    found += [_image(path) for path in sorted(folder.rglob("*")) if path.suffix in SUFFIXES]
    return np.stack(found) if found else _binary(folder)


def _image(file: Any) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB").resize((32, 32)), np.uint8)


def _binary(folder: Path) -> np.ndarray | None:
    """CIFAR-10's binary version: a byte of class, then 3,072 of pixels, plane by plane."""
    files = sorted(folder.rglob("data_batch_*.bin"))
    if not files:
        return None
    rows = np.concatenate([np.fromfile(path, np.uint8).reshape(-1, 3073) for path in files])
    return rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def _artifact(images: Images, device: str) -> Path:
    """Fitted and calibrated on one device."""
    artifact = images.reference.parent / f"ref-{device.replace(':', '-')}"
    config = artifact.with_suffix(".yaml")
    config.write_text("calibrate:\n  diagnosis: 'off'\n  detectable: none\n")
    clock = [time.perf_counter()]
    done = driftcli.fit(
        images.reference, artifact, config=config, method=METHODS, device=device, seed=SEED, holdout="0"
    )
    clock.append(time.perf_counter())
    driftcli.baseline(artifact, images.good, config=config, device=device)
    clock.append(time.perf_counter())
    count = len(list(images.good.iterdir()))
    fit, baseline = np.diff(clock)
    print(f"\n{images.name} on {device}, artifact {_size(artifact) / 1e6:.0f} MB:")
    print(f"  fit       {done.fitted_on / fit:8.1f} images/s ({fit:.1f} s, training included)")
    print(f"  baseline  {count / baseline:8.1f} images/s ({baseline:.1f} s)")
    return artifact


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _checks(images: Images, artifacts: dict[str, Path]) -> None:
    """Each batch with each artifact on its own device, and the processor's artifact on the other one."""
    other = list(artifacts)[-1]
    first_batch = next(iter(images.batches))
    for name, batch in images.batches.items():
        told = []
        for device, artifact in (
            ("cpu", artifacts["cpu"]),
            (other, artifacts[other]),
            (other, artifacts["cpu"]),
        ):
            began = time.perf_counter()
            try:
                report = driftcli.check(artifact, batch, device=device)
            except driftcli.DriftcliError as error:
                told.append((None, f"{type(error).__name__}: {error}"))
                continue
            rate = report.batch.images / (time.perf_counter() - began)
            families = {family.name: family.p_value for family in report.families}
            ran = report.environment.get("runtime", "numpy")
            told.append(
                (families, f"{report.verdict}, p {report.gate.p_value:.4g}, {rate:.0f} images/s, {ran}")
            )
        labels = ("cpu", f"{other}, its own artifact", f"{other}, the processor's artifact")
        print(f"  check {name}:")
        for label, (_, text) in zip(labels, told, strict=True):
            print(f"    {label}: {text}")
        (first, _), _, (third, _) = told
        if first and third:
            worst = max(abs(first[family] - third[family]) for family in first)
            print(
                f"    p of one artifact on both: {'equal' if first == third else f'up to {worst:.2g} apart'}"
            )
        if third and name == first_batch:
            again = driftcli.check(artifacts["cpu"], batch, device=other)
            same = {family.name: family.p_value for family in again.families} == third
            print(f"    checked once more on {other}, the same p: {same}")


def _opened(artifact: Path) -> Reference:
    return open_reference(str(artifact), Settings(), ())[1]


def _prepared(images: Images, extractor: Any) -> np.ndarray:
    rows = []
    for path in sorted(images.good.iterdir())[:LOOKED_AT]:
        with Image.open(path) as image:
            facts = FileFacts(*image.size, path.stat().st_size, str(image.format), image.mode, grey=False)
            rows.append(extractor.prepare(Frame(image.convert("RGB"), facts)))
    return np.stack(rows)


def _features(images: Images, artifact: Path, device: str) -> None:
    """One state on both devices: seconds a stage, and how far numbers are apart in units of F's spread."""
    reference = _opened(artifact)
    for kind in ("embedding", "autoencoder"):
        extractor, state = reference.extractors[kind], reference.states[kind]
        prepared = _prepared(images, extractor)
        found, rates = {}, {}
        for where in ("cpu", device):
            extractor.extract(
                state, prepared[:8], Runtime(device=where)
            )  # networks are loaded once a process
            began = time.perf_counter()
            found[where] = extractor.extract(state, prepared, Runtime(device=where))
            rates[where] = len(prepared) / (time.perf_counter() - began)
        alone = extractor.extract(state, prepared[:5], Runtime(device=device))
        backwards = extractor.extract(state, prepared[::-1], Runtime(device=device))
        for view, here in found["cpu"].items():
            there, spread = found[device][view], np.maximum(reference.spread[view], 1e-6)
            away = (np.abs(here.astype(float) - there) / spread).max()
            same = np.array_equal(alone[view], there[:5]), np.array_equal(backwards[view][::-1], there)
            print(
                f"  {kind}/{view}: {rates['cpu']:.0f} images/s on cpu ({extractor.engine(state, Runtime('cpu')) or 'numpy'}), "
                f"{rates[device]:.0f} on {device}; at most {away:.2g} sd apart, {(here != there).mean():.1%} of numbers "
                f"differ; the same bits for five images alone: {same[0]}, in reverse order: {same[1]}"
            )


@contextmanager
def _taken(device: str, left: int) -> Iterator[None]:
    """All of the card's free memory but `left` bytes is held by tensors."""
    import torch

    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(device)
    held, size = [], max(free - left, 0)
    while size > 0 and not held:
        try:
            held.append(torch.empty(size, dtype=torch.uint8, device=device))
        except torch.OutOfMemoryError:  # in one piece there is less
            size -= 32 << 20
    try:
        yield
    finally:
        held.clear()
        torch.cuda.empty_cache()


def _taken_memory(images: Images, artifact: Path, device: str) -> None:
    """An answer must come, with a warning and near the other one, however little memory is left."""
    import torch

    from driftcli.extractors.networks import load

    reference, progress = _opened(artifact), Warnings()
    extractor, state = reference.extractors["embedding"], reference.states["embedding"]
    prepared = _prepared(images, extractor)[:96]
    plenty = extractor.extract(state, prepared, Runtime(device=device))
    for left in (400 << 20, 120 << 20, 0):
        load.forget()
        torch.cuda.empty_cache()
        progress.messages.clear()
        with _taken(device, left):
            short = extractor.extract(state, prepared, Runtime(device=device, progress=progress))
        away = max(float(np.abs(short[v] - plenty[v]).max()) for v in ("style", "content") if v in plenty)
        print(
            f"  with {left >> 20} MiB of {device} left: an answer, at most {away:.2g} apart; warned {progress.messages}"
        )
    load.forget()


if __name__ == "__main__":
    sys.exit(main())
