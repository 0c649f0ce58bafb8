"""The same audit on the processor and on another device: python tests/benchmarks/devices.py --device cuda.

Draws the sample images, fits one reference on each device, and prints: how long fit and
check took, the p-values of clean and drifted batches on each, what an artifact of one device is worth on the
other, how far features and reconstructions differ, whether the same images give the same bits twice and in other
company, and whether a card with too little memory ends in a slower answer rather than in none. `--device cpu` only
tries the script.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

import driftcli
from driftcli.config.settings import Settings
from driftcli.core.errors import DriftcliError
from driftcli.core.images import FileFacts, Frame
from driftcli.core.progress import Progress
from driftcli.extractors.base import Runtime
from driftcli.reference.reference import Reference, open_reference
from driftcli.simulation.sample.days import generate

METHODS = ["embedding", "autoencoder", "properties"]
SOME = 96


class Warnings(Progress):
    """Keeps what the user would be warned of."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def warn(self, message: str) -> None:
        """One more."""
        self.messages.append(message)


def main() -> None:
    """Print everything, one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument(
        "--architecture", default="conv", help="of the autoencoder: conv trains, pca does not"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    import torch

    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, numpy {np.__version__}")
    if options.device.startswith("cuda"):
        print(
            f"device: {torch.cuda.get_device_name()}, compute capability {torch.cuda.get_device_capability()}"
        )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        generate(root, options.seed)
        devices = dict.fromkeys(("cpu", options.device))
        fitted = {device: _fit(root, device, options) for device in devices}
        for made_on in devices:
            for device in devices:
                _checks(root, fitted[made_on], device, made_on=made_on)
        _features(root, fitted["cpu"], options.device)
        if options.device.startswith("cuda"):
            _too_little_memory(root, fitted["cpu"], options.device)


def _fit(root: Path, device: str, options: Any) -> Path:
    artifact = root / f"ref-{device.replace(':', '-')}"
    config = root / "config.yaml"
    config.write_text(f"extractors:\n  autoencoder:\n    architecture: {options.architecture}\n")
    started = time.perf_counter()
    done = driftcli.fit(
        root / "reference",
        artifact,
        config=config,
        method=METHODS,
        device=device,
        seed=options.seed,
        holdout="0",
    )
    learnt = time.perf_counter()
    driftcli.baseline(artifact, root / "good", device=device)
    print(
        f"fit on {device}: {learnt - started:.1f} s for {done.fitted_on} images, "
        f"baseline {time.perf_counter() - learnt:.1f} s; {dict(done.notes.get('autoencoder', {}))}"
    )
    return artifact


def _checks(root: Path, artifact: Path, device: str, *, made_on: str) -> None:
    """p-values of three clean days and of the four on which the camera goes soft."""
    for name in ("day-01", "day-02", "day-03", "day-04", "day-05", "day-07"):
        started = time.perf_counter()
        try:
            report = driftcli.check(artifact, root / name, device=device)
            again = driftcli.check(artifact, root / name, device=device)
        except DriftcliError as error:
            print(f"check on {device}, artifact of {made_on}, {name}: {type(error).__name__} {error.what}")
            return
        seconds = (time.perf_counter() - started) / 2
        families = {family.name: family.p_value for family in report.families}
        same = [f.p_value for f in again.families] == list(families.values()) and again.gate == report.gate
        print(
            f"check on {device}, artifact of {made_on}, {name}: {report.verdict}, p {report.gate.p_value}, "
            f"{families}, {seconds:.1f} s, the same twice: {same}"
        )


def _opened(artifact: Path) -> Reference:
    return open_reference(str(artifact), Settings(), ())[1]


def _prepared(root: Path, extractor: Any) -> np.ndarray:
    rows = []
    for path in sorted((root / "good").glob("*.jpg"))[:SOME]:
        with Image.open(path) as image:
            facts = FileFacts(*image.size, path.stat().st_size, "JPEG", "RGB", grey=False)
            rows.append(extractor.prepare(Frame(image.convert("RGB"), facts)))
    return np.stack(rows)


def _features(root: Path, artifact: Path, device: str) -> None:
    """How far one device's numbers are from the other's, in units of their own spread over images."""
    reference = _opened(artifact)
    for kind in ("embedding", "autoencoder"):
        extractor, state = reference.extractors[kind], reference.states[kind]
        prepared = _prepared(root, extractor)
        on = {d: extractor.extract(state, prepared, Runtime(device=d)) for d in ("cpu", device)}
        alone = extractor.extract(state, prepared[:5], Runtime(device=device))
        backwards = extractor.extract(state, prepared[::-1], Runtime(device=device))
        for view in on["cpu"]:
            here, there = on["cpu"][view], on[device][view]
            spread = np.maximum(here.std(axis=0), 1e-6)
            away = np.abs(here - there) / spread
            print(
                f"{kind}/{view}: cpu and {device} differ by at most {away.max():.2g} sd, "
                f"{(here != there).mean():.1%} of the numbers differ at all; on {device} five images alone give "
                f"the same bits: {np.array_equal(alone[view], there[:5])}, in reverse order: "
                f"{np.array_equal(backwards[view][::-1], there)}"
            )


def _too_little_memory(root: Path, artifact: Path, device: str) -> None:
    """The card's memory is cut to almost nothing: the answer must come, with a warning."""
    import torch

    reference, progress = _opened(artifact), Warnings()
    extractor, state = reference.extractors["embedding"], reference.states["embedding"]
    prepared = _prepared(root, extractor)
    plenty = extractor.extract(state, prepared, Runtime(device=device))
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    for bytes_left in (120 << 20, 40 << 20):
        torch.cuda.set_per_process_memory_fraction(min(bytes_left / total, 1.0))
        progress.messages.clear()
        short = extractor.extract(state, prepared, Runtime(device=device, progress=progress))
        print(
            f"with {bytes_left >> 20} MiB of {device}: an answer, the same bits: "
            f"{all(np.array_equal(short[v], plenty[v]) for v in plenty)}; warned {progress.messages}"
        )
        torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1.0)


if __name__ == "__main__":
    main()
