"""What the autoencoder's training may cost: the gate's power and calibration of `reconstruction` under several schedules.

    python tests/benchmarks/training_study.py --data FOLDER --set cifar --set photos [--seeds 3] [--trials 30]

Each row trains the autoencoder on the same F with the same seed, measures the same C and the same batches, and ranks
them among the same relabellings (`calibration.bench`): differences to the first row are paired. Batches come from images
outside F and C. The columns: CPU seconds of a training, its held-out loss, the share of drifted batches found at 5 %,
mean -log10 p of them (finer than shares), each also as the paired difference to today's with its standard error over
trials, and the share of clean batches that alarm. Sets: `insects` (ants/bees), `photos` (cats/dogs), `cats` (cats; class
change to dogs), `cifar` (one half of its classes; change to the other), `digits` (0-4; change to 5-9).
"""

from __future__ import annotations

import argparse
import io
import time
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from _lab import RUNTIME, data_folder
from PIL import Image

from driftcli.calibration.bench import Bench
from driftcli.core.images import FileFacts, Frame
from driftcli.core.registry import load
from driftcli.detectors.reconstruction import Reconstruction
from driftcli.extractors.autoencoder import Autoencoder
from driftcli.reading.reader import extract_views
from driftcli.reference.families import Family

CORRUPTIONS = ("gaussian_blur", "gaussian_noise", "jpeg", "darken")
SIZES = (20, 50)
ALPHA = 0.05
FIT = {"insects": 200, "photos": 500, "cats": 250, "cifar": 1_000, "digits": 1_000, "cifar-large": 6_000}
"""Images of F; as many again, at most, are C and the pool of the batches."""
SEVERITY = {"insects": 1.0, "photos": 1.0, "cats": 1.0, "cifar": 1.0, "digits": 1.0}


@dataclass(frozen=True)
class Images:
    """Prepared images: of F, of C, and clean, corrupted and other ones that batches are drawn from."""

    fit: np.ndarray
    held_out: np.ndarray
    pools: dict[str, np.ndarray]


@dataclass(frozen=True)
class Row:
    """One way to train."""

    name: str
    settings: dict
    images: int | None = None
    """Images that the training sees in all; None: as the settings say."""
    fewest: int = 1


def files(data: Path, name: str) -> tuple[list[bytes], list[bytes]]:
    """Good files and those of another class, in an order that depends on nothing but their names."""
    if name in {"photos", "cats", "insects"}:
        folder = data / ("hymenoptera" if name == "insects" else "catsdogs")
        paths = sorted(p for p in folder.rglob("*.jpg"))
        other = [p for p in paths if name == "cats" and p.name.startswith("dog")]
        good = [p for p in paths if name != "cats" or p.name.startswith("cat.")]
        if name == "insects":
            other = [p for p in paths if p.parent.name == "bees"]
        return [p.read_bytes() for p in good], [p.read_bytes() for p in other]
    base = name.partition("-")[0]
    archive = {"cifar": "cifar10/train-10k.zip", "digits": "mnist/test.zip"}[base]
    with zipfile.ZipFile(data / archive) as opened:
        names = sorted(n for n in opened.namelist() if n.endswith((".png", ".jpg")))
        classes = sorted({Path(n).parent.name for n in names})
        first = set(classes[: len(classes) // 2])
        some = np.random.default_rng(0).permutation(len(names))
        chosen = [names[i] for i in some]
        good = [n for n in chosen if base != "cifar" or name == "cifar-large" or Path(n).parent.name in first]
        good = [n for n in good if base != "digits" or Path(n).parent.name in first]
        other = [n for n in chosen if Path(n).parent.name not in first][:600]
        return [opened.read(n) for n in good[: FIT[name] + 1_600]], [opened.read(n) for n in other]


def images_of(data: Path, name: str, cache: Path) -> tuple[Autoencoder, Images]:
    """Prepared images, remembered in `cache`."""
    settings = Autoencoder(
        side={"cifar": 32, "digits": 28}.get(name.partition("-")[0], 64),
        channels=1 if name == "digits" else 3,
        architecture="conv",
    )
    file = cache / f"{name}.npz"
    if not file.exists():
        good, other = files(data, name)
        order = np.random.default_rng(1).permutation(len(good))
        n_fit = FIT[name]
        n_held = min((len(good) - n_fit) // 2, 1_000)
        parts = np.split(order[: n_fit + 2 * n_held], [n_fit, n_fit + n_held])
        made = {
            key: _prepared(settings, [good[i] for i in part])
            for key, part in zip(("fit", "held", "pool:clean"), parts, strict=True)
        }
        few = [good[i] for i in parts[2][:400]]
        for kind in CORRUPTIONS:
            made[f"pool:{kind}"] = _prepared(settings, few, kind, SEVERITY.get(name, 1.0))
        if other:
            made["pool:other"] = _prepared(settings, other[:400])
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(file, **made)
    with np.load(file) as stored:
        pools = {k[5:]: stored[k] for k in stored.files if k.startswith("pool:")}
        return settings, Images(stored["fit"], stored["held"], pools)


def _prepared(settings: Autoencoder, data: list[bytes], kind: str = "", severity: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(2)
    out = []
    for content in data:
        image = Image.open(io.BytesIO(content)).convert("RGB")
        if kind:
            image = load("corruptions", kind)()(image, severity, rng)
        out.append(
            settings.prepare(Frame(image, FileFacts(*image.size, len(content), "JPEG", "RGB", grey=False)))
        )
    return np.stack(out)


def p_values(settings: Autoencoder, state: dict, images: Images, seed: int, trials: int) -> dict:
    """By (pool, m): the p-values of `reconstruction` on `trials` batches."""
    see = lambda x: extract_views(settings, state, x, RUNTIME)["error"]  # noqa: E731
    columns, detector = settings.columns("error"), Reconstruction()
    views = {name: see(pool) for name, pool in images.pools.items()}
    family = Family(
        "reconstruction", "error", "on", detector, columns, detector.fit(see(images.fit), columns, seed)
    )
    kept = {"error": see(images.held_out)}
    found = {}
    for m in SIZES:
        rng = np.random.default_rng([seed, m])
        draw = lambda name: {"error": views[name][rng.permutation(len(views[name]))[:m]]}  # noqa: E731, B023
        bench = Bench([family], kept, draw("clean"), rng)
        for name in views:
            found[name, m] = [
                float(bench.p(draw(name))[1]) for _ in range(trials * (3 if name == "clean" else 1))
            ]
    return found


def trained(row: Row, settings: Autoencoder, images: Images, seed: int) -> tuple[dict, float, float]:
    """State, CPU seconds, held-out loss."""
    mine = replace(settings, **row.settings)
    n = int(len(images.fit) * (1 - mine.validation))
    if row.images is not None:
        mine = replace(mine, epochs=max(row.fewest, min(60, round(row.images / n))))
    began = time.process_time()
    state = dict(mine.fit(images.fit, seed, RUNTIME))
    spent = time.process_time() - began
    return state, spent, float(np.nanmin(state["loss_curve"][:, 1]))


def study(rows: list[Row], settings: Autoencoder, images: Images, seeds: int, trials: int) -> str:
    """A Markdown table."""
    seen: dict[str, list] = {row.name: [] for row in rows}
    for seed in range(seeds):
        for row in rows:
            state, spent, loss = trained(row, settings, images, seed)
            seen[row.name].append(
                (spent, loss, len(state["loss_curve"]), p_values(settings, state, images, seed, trials))
            )
    lines = [
        "| training | CPU s | epochs | loss | power | difference | -log10 p | difference | clean alarms | by change: power at m 20, 50 |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    drifted = [key for key in seen[rows[0].name][0][3] if key[0] != "clean"]
    table = {  # [seeds, cells, trials]
        name: np.array([[found[3][key] for key in drifted] for found in runs]) for name, runs in seen.items()
    }
    first = table[rows[0].name]
    for row in rows:
        p, runs = table[row.name], seen[row.name]
        hits, digits = p <= ALPHA, -np.log10(p)
        d_hits = (hits.astype(float) - (first <= ALPHA)).mean(axis=(0, 1))
        d_digits = (digits + np.log10(first)).mean(axis=(0, 1))
        by_seed = (digits + np.log10(first)).mean(axis=(1, 2))
        clean = np.array(
            [x for run in runs for key, values in run[3].items() if key[0] == "clean" for x in values]
        )
        by = ", ".join(
            f"{name} " + "/".join(f"{hits[:, drifted.index((name, m))].mean():.2f}" for m in SIZES)
            for name in dict.fromkeys(k for k, _ in drifted)
        )
        lines.append(
            f"| {row.name} | {np.median([r[0] for r in runs]):.1f} | {runs[0][2]} | {np.mean([r[1] for r in runs]):.4f} "
            f"| {hits.mean():.3f} | {d_hits.mean():+.3f} ± {_se(d_hits):.3f} | {digits.mean():.3f} "
            f"| {d_digits.mean():+.3f} ± {_se(by_seed):.3f} | {(clean <= ALPHA).mean():.3f} | {by} |"
        )
    return "\n".join(lines)


def _se(x: np.ndarray) -> float:
    return float(x.std(ddof=1) / len(x) ** 0.5) if len(x) > 1 else float("nan")


def main() -> None:
    """One table a set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--set", action="append", choices=sorted(FIT), required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--cache", type=Path, default=Path(".training-study"))
    parser.add_argument("--rows", nargs="*", default=[], help="IMAGES,BATCH,RATE[,FEWEST]")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = [Row("before: 15,000 images, 64, 2e-3", {"batch_size": 64, "learning_rate": 2e-3}, 15_000, 8)]
    for text in asked.rows:
        count, batch, rate, *more = text.split(",")
        rows.append(
            Row(
                text,
                {"batch_size": int(batch), "learning_rate": float(rate)},
                int(count),
                int(more[0]) if more else 1,
            )
        )
    for name in asked.set:
        settings, images = images_of(data_folder(asked.data), name, asked.cache)
        print(
            f"\n**{name}**: F {len(images.fit)}, C {len(images.held_out)}, {asked.seeds} seeds, {asked.trials} trials a cell\n"
        )
        print(study(rows, settings, images, asked.seeds, asked.trials), flush=True)


if __name__ == "__main__":
    main()
