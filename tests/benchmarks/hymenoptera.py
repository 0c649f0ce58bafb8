"""The TorchDrift notebook's photos: clean and blurred batches over 200 fresh halves of `val`.

python tests/benchmarks/hymenoptera.py [--halves 200] [--cli 6]

Fit on `train`; then for each random half of `val`: baseline on it, one batch from the other half,
clean and with the notebook's Gaussian blur (sigma 1 and 2 pixels on a short side of 256, its
severities 1 and 2), batches of 10, 20 and 50, alpha 0.05. Also 20 fixed halves with 50 clean batches
each: the spread of one artifact's own false-alarm rate. All photos are read from lossless copies,
so that blur is the only difference.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from _lab import Lab, binomial_bound, data_folder, machine, wilson
from null_rate import command
from PIL import Image, ImageFilter

from driftcli.config.settings import Settings

ALPHA = 0.05
SIZES = (10, 20, 50)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--halves", type=int, default=200)
    parser.add_argument("--cli", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-hymenoptera")
    given = parser.parse_args()
    source = data_folder(given.data) / "hymenoptera"
    for name, origin, sigma in (
        ("train", "train", 0),
        ("val", "val", 0),
        ("val-1", "val", 1),
        ("val-2", "val", 2),
    ):
        copies(source / origin, given.scratch / name, sigma)
    lab = Lab.open(Settings())
    sets = {
        name: lab.read(str(given.scratch / name), given.scratch / f"{name}.npz")
        for name in ("train", "val", "val-1", "val-2")
    }
    place = {name: {Path(n).name: i for i, n in enumerate(photos.names)} for name, photos in sets.items()}
    names = sorted(place["val"])
    fit = lab.fit(sets["train"], np.arange(len(sets["train"])), given.seed)
    views = {
        name: fit.views(photos, np.array([place[name][n] for n in names]))
        for name, photos in sets.items()
        if name != "train"
    }
    print(
        f"{len(names)} val photos, {len(sets['train'])} train photos; alpha {ALPHA}; {machine()}; seed {given.seed}\n"
    )
    if given.halves:
        fresh_halves(fit, views, len(names), given)
        fixed_halves(fit, views, len(names), given)
    if given.cli:
        by_command(given)


def copies(origin: Path, target: Path, sigma: float) -> None:
    """Lossless copies, blurred by sigma pixels at a short side of 256."""
    if target.is_dir():
        return
    target.mkdir(parents=True)
    for file in sorted(origin.rglob("*")):
        try:
            image = Image.open(file).convert("RGB")
        except (OSError, ValueError):
            continue
        if sigma:
            image = image.filter(ImageFilter.GaussianBlur(sigma * min(image.size) / 256))
        image.save(target / f"{file.parent.name}-{file.name}.png", compress_level=1)


def pick(views: dict[str, np.ndarray], index: np.ndarray) -> dict[str, np.ndarray]:
    return {name: x[index] for name, x in views.items()}


def fresh_halves(fit, views, n: int, given: argparse.Namespace) -> None:
    rng = np.random.default_rng(given.seed)
    hits: dict[tuple[str, int], int] = {}
    for trial in range(given.halves):
        order = rng.permutation(n)
        held_out, other = pick(views["val"], order[: n // 2]), order[n // 2 :]
        for m in SIZES:
            for name in views:
                p = fit.audit(held_out, pick(views[name], other[:m]), ALPHA, trial)
                hits[name, m] = hits.get((name, m), 0) + (p <= ALPHA)
    print(f"Exit 1 over {given.halves} fresh halves (C = {n // 2} photos):\n")
    print(
        "| batch | clean | within the 99 % bound | blur severity 1 | blur severity 2 |\n|---|---|---|---|---|"
    )
    bound = binomial_bound(given.halves, ALPHA)
    for m in SIZES:
        clean, one, two = (hits[name, m] for name in ("val", "val-1", "val-2"))
        print(
            f"| {m} | {clean} of {given.halves} ({wilson(clean, given.halves)}) | {'yes' if clean <= bound else 'NO'} (≤ {bound}) "
            f"| {one / given.halves:.3f} | {two / given.halves:.3f} |"
        )


def fixed_halves(fit, views, n: int, given: argparse.Namespace) -> None:
    rng = np.random.default_rng(given.seed + 1)
    rates = {m: [] for m in (20, 50)}
    for half in range(20):
        order = rng.permutation(n)
        held_out, other = pick(views["val"], order[: n // 2]), order[n // 2 :]
        for m, found in rates.items():
            p = [
                fit.audit(held_out, pick(views["val"], rng.permutation(other)[:m]), ALPHA, 1000 * half + b)
                for b in range(50)
            ]
            found.append(float((np.array(p) <= ALPHA).mean()))
    print(
        "\nOne artifact's own rate: 20 fixed halves, 50 clean batches each (drawn from the other half, overlapping):\n"
    )
    print("| batch | mean | lowest | median | highest |\n|---|---|---|---|---|")
    for m, found in rates.items():
        print(
            f"| {m} | {np.mean(found):.3f} | {min(found):.2f} | {np.median(found):.2f} | {max(found):.2f} |"
        )


def by_command(given: argparse.Namespace) -> None:
    """The same through fit, baseline and check."""
    scratch, rng = given.scratch, np.random.default_rng(given.seed + 2)
    ref = scratch / "ref"
    command("fit", scratch / "train", "-o", ref, "--holdout", "0", "--force")
    names = sorted(f.name for f in (scratch / "val").iterdir())
    print(
        "\nThrough the command line (batches of 50, alpha 0.05), exit codes clean / severity 1 / severity 2:"
    )
    for trial in range(given.cli):
        order = rng.permutation(len(names))
        lists = {"good": [f"val/{names[i]}" for i in order[: len(names) // 2]]}
        chosen = order[len(names) // 2 :][:50]
        lists |= {day: [f"{day}/{names[i]}" for i in chosen] for day in ("val", "val-1", "val-2")}
        for name, lines in lists.items():
            (scratch / f"{name}.txt").write_text("\n".join(lines))
        command("baseline", ref, scratch / "good.txt")
        codes = [
            command("check", ref, scratch / f"{day}.txt", "-q", "--alpha", "0.05", may_alarm=True)
            for day in ("val", "val-1", "val-2")
        ]
        print(f"- half {trial + 1}: {codes[0]} / {codes[1]} / {codes[2]}")


if __name__ == "__main__":
    main()
