"""Which statistic, bandwidths and families give the gate its power: ablations on real photos.

python tests/benchmarks/ablation.py [--trials 100] [--data FOLDER]

1,000 photos (cats and dogs) as lossless 224-pixel crops, so that a corruption is the only difference.
Every trial draws F (300) and C (300) from 600 of them and batches of 10, 20 and 50 from the other 400,
clean or with one mild corruption (blur of sigma 0.7, noise of sigma 5/255, JPEG quality 30, brightness
x 1.12), the first three also on only 30 % of the images; `cats 70 %` is a clean batch with 70 % cats
where C has about 50. The autoencoder and all detectors learn from F anew. All variants of a trial see
the same images and the same 999 relabellings, so differences are paired. Prints Markdown tables: rates
at alpha 0.05, standard errors over trials. `clean` is no test of the false-alarm rate (null_rate.py is):
C and batches come from two fixed parts of the photos, which differ a little.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from _lab import Fit, Lab, Photos, data_folder, machine
from PIL import Image, ImageEnhance, ImageFilter

from driftcli.config.settings import Settings
from driftcli.core.evidence import Evidence
from driftcli.detectors import _scalars
from driftcli.detectors._sums import sums_of_units, unit_sums
from driftcli.detectors.mmd import Mmd
from driftcli.reference.families import Family
from driftcli.stats import minp
from driftcli.stats.relabelling import Relabellings, draw

ALPHA, PERMUTATIONS, SIDE = 0.05, 999, 224
F, C, SIZES = 300, 300, (10, 20, 50)
LEARNT = 600
"""Photos that F and C are drawn from; batches come from the others."""
WIDTHS = (4.0, 2.0, 1.0, 0.5, 0.25)
SETS: Mapping[str, tuple[float, ...]] = {
    "4, 2, 1, ½": (4.0, 2.0, 1.0, 0.5),
    "2, 1, ½": (2.0, 1.0, 0.5),
    "1, ½": (1.0, 0.5),
    "1": (1.0,),
    "½": (0.5,),
    "4, 2, 1": (4.0, 2.0, 1.0),
    "4, 2, 1, ½, ¼": WIDTHS,
}
CORRUPTIONS: Mapping[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "blur": lambda image, _: image.filter(ImageFilter.GaussianBlur(0.7)),
    "noise": lambda image, rng: noisy(image, 5.0, rng),
    "jpeg": lambda image, _: recompressed(image, 30),
    "bright": lambda image, _: ImageEnhance.Brightness(image).enhance(1.12),
}
PARTIAL = {"blur 30 %": "blur", "noise 30 %": "noise", "jpeg 30 %": "jpeg"}
"""The corruption on three images of ten only."""
CONDITIONS = ("clean", *CORRUPTIONS, *PARTIAL, "cats 70 %")
Tables = Mapping[str, np.ndarray]
"""By name of a set of statistics: their values under all relabellings, [rows, k]."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-ablation")
    parser.add_argument("--only-read", action="store_true", help="prepare the photos' features and stop")
    given = parser.parse_args()
    lab = Lab.open(Settings())
    photos = read_all(lab, data_folder(given.data) / "catsdogs", given.scratch)
    if given.only_read:
        return
    p = run(lab, photos, given)
    print(
        f"Alpha {ALPHA}, F = {F}, C = {C}, {given.trials} trials a cell ({machine()}; seed {given.seed}). "
        "Mean: over all drifts and three batch sizes; difference to the first row, ± standard error."
    )
    for title, variants in VARIANTS.items():
        print(f"\n### {title}\n")
        table(p, title, list(variants))


# ---------------------------------------------------------------- photos


def noisy(image: Image.Image, sigma: float, rng: np.random.Generator) -> Image.Image:
    pixels = np.asarray(image, np.float64)
    return Image.fromarray(np.clip(np.rint(pixels + rng.normal(0, sigma, pixels.shape)), 0, 255).astype("u1"))


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    from io import BytesIO

    held = BytesIO()
    image.save(held, "JPEG", quality=quality)
    return Image.open(held).convert("RGB")


def crop(path: Path) -> Image.Image:
    image = Image.open(path).convert("RGB")
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    box = (left, top, left + short, top + short)
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box)


def read_all(lab: Lab, folder: Path, scratch: Path) -> dict[str, Photos]:
    """The clean crops in a fixed random order, and corrupted copies of the last 400 in the same order."""
    files = sorted(folder.glob("*.jpg"))
    files = [files[i] for i in np.random.default_rng(0).permutation(len(files))]
    found = {}
    for name in ("clean", *CORRUPTIONS):
        target, chosen = scratch / name, files if name == "clean" else files[LEARNT:]
        if not target.is_dir():
            target.mkdir(parents=True)
            for i, file in enumerate(chosen):
                image = crop(file)
                if name != "clean":
                    image = CORRUPTIONS[name](image, np.random.default_rng(i))
                image.save(target / f"{file.stem}.png", compress_level=1)
        read = lab.read(str(target), scratch / f"{name}.npz")
        place = {Path(n).stem: i for i, n in enumerate(read.names)}
        order = np.array([place[file.stem] for file in chosen])
        found[name] = Photos(
            {k: x[order] for k, x in read.views.items()},
            None if read.prepared is None else read.prepared[order],
            tuple(read.names[i] for i in order),
        )
    return found


# ---------------------------------------------------------------- variants

STATISTICS = ("ad", "ks", "both")
PROPERTIES = {
    "root of Anderson–Darling": ["properties:ad"],
    "Kolmogorov–Smirnov": ["properties:ks"],
    "both": ["properties:both"],
}
ERRORS = {
    "Anderson–Darling and mean": ["reconstruction:ad", "reconstruction:mean"],
    "Kolmogorov–Smirnov and mean": ["reconstruction:ks", "reconstruction:mean"],
    "Anderson–Darling": ["reconstruction:ad"],
    "mean": ["reconstruction:mean"],
}


def widths(family: str) -> dict[str, list[str]]:
    return {name: [f"{family}:{w}" for w in chosen] for name, chosen in SETS.items()}


def whole(chosen: Sequence[float] = SETS["4, 2, 1, ½"], **changed: list[str] | None) -> list[list[str]]:
    families: dict[str, list[str] | None] = {
        "style": [f"style:{w}" for w in chosen],
        "content": [f"content:{w}" for w in chosen],
        "reconstruction": ["reconstruction:ad", "reconstruction:mean"],
        "latent": [f"latent:{w}" for w in chosen],
        "properties": ["properties:ad"],
    }
    return [columns for columns in {**families, **changed}.values() if columns]


def alone(variants: Mapping[str, list[str]]) -> dict[str, list[list[str]]]:
    return {name: [columns] for name, columns in variants.items()}


VARIANTS: Mapping[str, Mapping[str, list[list[str]]]] = {
    "Properties alone: statistic": alone(PROPERTIES),
    "Reconstruction alone: statistics": alone(ERRORS),
    "Style alone: bandwidths (multiples of the median distance)": alone(widths("style")),
    "Content alone: bandwidths": alone(widths("content")),
    "Latent alone": {
        "raw; 4, 2, 1, ½": [[f"latent:{w}" for w in SETS["4, 2, 1, ½"]]],
        "raw; 2, 1, ½": [[f"latent:{w}" for w in SETS["2, 1, ½"]]],
        "z-scored; 4, 2, 1, ½": [[f"latent-z:{w}" for w in SETS["4, 2, 1, ½"]]],
        "z-scored; 2, 1, ½": [[f"latent-z:{w}" for w in SETS["2, 1, ½"]]],
    },
    "The whole gate": {
        "as it is": whole(),
        "latent z-scored": whole(latent=[f"latent-z:{w}" for w in SETS["4, 2, 1, ½"]]),
        "without latent": whole(latent=None),
        "without latent and reconstruction": whole(latent=None, reconstruction=None),
        "without properties": whole(properties=None),
        "without style": whole(style=None),
        "without content": whole(content=None),
        "bandwidths 2, 1, ½": whole(SETS["2, 1, ½"]),
        "bandwidth 1": whole(SETS["1"]),
        "properties by Kolmogorov–Smirnov": whole(properties=["properties:ks"]),
        "properties by both": whole(properties=["properties:both"]),
    },
}
"""Title -> variant -> families, each a list of sets of statistics; the first variant is the one in use."""


def scalar_tables(family: Family, pooled: np.ndarray, relabellings: Relabellings) -> dict[str, np.ndarray]:
    """Anderson–Darling and Kolmogorov–Smirnov distances of every scalar, on the same quantile grid."""
    found = _scalars.scalars(family.state, pooled, family.columns)
    ad, ks = [], []
    m, n = relabellings.batch_sizes[:, None], relabellings.images
    for scalar in found:
        sums = sums_of_units(unit_sums(scalar.indicators, relabellings), relabellings.labels)
        total = scalar.indicators.sum(axis=0, dtype=np.float64)
        batch, rest = sums / m, (total - sums) / (n - m)
        weight = np.clip(total / n, 0.5 / n, 1 - 0.5 / n)
        ad.append(_scalars.distance(scalar.kind, batch - rest, weight))
        ks.append(np.abs(batch - rest).max(axis=1) if scalar.kind == "linear" else ad[-1])
    stacked = {"ad": np.stack(ad, axis=1), "ks": np.stack(ks, axis=1)}
    stacked["both"] = np.concatenate([stacked["ad"], stacked["ks"]], axis=1)
    return {f"{family.name}:{name}": values for name, values in stacked.items()}


def kernel_tables(name: str, detector: Mmd, state: Tables, pooled: np.ndarray, drawn: Relabellings) -> Tables:
    values = detector.values(state, pooled, drawn, ())
    return {f"{name}:{w}": values[:, [k]] for k, w in enumerate(detector.bandwidths)}


class Kernels:
    """Mmd with all bandwidths for style, content, latent and z-scored latent, fitted on F."""

    def __init__(self, fit: Fit, views: Tables, seed: int) -> None:
        known = {f.name: f.detector for f in fit.families}
        self.detectors = {
            name: Mmd(WIDTHS, known[name].scale, known[name].blocks)
            for name in ("style", "content", "latent")
        }
        self.detectors["latent-z"] = Mmd(WIDTHS, "blocks")
        self.states = {
            name: d.fit(views[name.removesuffix("-z")], (), seed) for name, d in self.detectors.items()
        }

    def tables(self, held_out: Tables, batch: Tables, drawn: Relabellings) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        for name, detector in self.detectors.items():
            view = name.removesuffix("-z")
            pooled = np.concatenate([held_out[view], batch[view]])
            found |= kernel_tables(name, detector, self.states[name], pooled, drawn)
        return found


def audit(
    fit: Fit, kernels: Kernels, held_out: Tables, batch: Tables, drawn: Relabellings
) -> dict[str, float]:
    """P of every variant for one batch."""
    tables = kernels.tables(held_out, batch, drawn)
    for family in fit.families:
        if family.name in {"properties", "reconstruction"}:
            pooled = np.concatenate([held_out[family.view], batch[family.view]])
            tables |= scalar_tables(family, pooled, drawn)
            if family.name == "reconstruction":
                values = family.detector.values(family.state, pooled, drawn, family.columns)
                tables["reconstruction:mean"] = values[:, values.shape[1] // 2 :]
    return {
        f"{title}/{name}": minp.joint_p(
            [
                Evidence("", np.concatenate([tables[key] for key in columns], axis=1), ())
                for columns in families
            ]
        )
        for title, variants in VARIANTS.items()
        for name, families in variants.items()
    }


# ---------------------------------------------------------------- trials


def run(
    lab: Lab, photos: dict[str, Photos], given: argparse.Namespace
) -> dict[tuple[str, str, int], np.ndarray]:
    """P by (variant, condition, batch size), one for each trial; kept, so that a longer run continues."""
    kept = given.scratch / f"p-{given.seed}.jsonl"
    done = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() else []
    with kept.open("a") as file:
        for trial in range(len(done), given.trials):
            done.append(one_trial(lab, photos, trial, np.random.default_rng([given.seed, trial])))
            file.write(json.dumps(done[-1]) + "\n")
            file.flush()
            print(trial + 1, file=sys.stderr, flush=True)
    done = done[: given.trials]
    return {
        (variant, condition, m): np.array([trial[f"{condition}/{m}"][variant] for trial in done])
        for condition in CONDITIONS
        for m in SIZES
        for variant in done[0][f"{condition}/{m}"]
    }


def one_trial(
    lab: Lab, photos: dict[str, Photos], trial: int, rng: np.random.Generator
) -> dict[str, dict[str, float]]:
    """A fresh F and C, one batch of every condition and size: p of every variant."""
    clean = photos["clean"]
    is_cat = np.array([Path(n).name.startswith("cat") for n in clean.names])[LEARNT:]
    order, chosen = rng.permutation(LEARNT), rng.permutation(len(clean) - LEARNT)
    p = {}
    fit = lab.fit(clean, order[:F], trial)
    kernels = Kernels(fit, fit.views(clean, order[:F]), trial)
    held_out = fit.views(clean, order[F : F + C])
    for condition in CONDITIONS:
        for m in SIZES:
            batch = picked(fit, photos, condition, chosen, m, is_cat)
            drawn = draw(C, m, PERMUTATIONS, rng)
            p[f"{condition}/{m}"] = audit(fit, kernels, held_out, batch, drawn)
    return p


def picked(
    fit: Fit, photos: dict[str, Photos], condition: str, chosen: np.ndarray, m: int, is_cat: np.ndarray
) -> Tables:
    """Views of the batch: m of the photos that nothing was learnt from."""
    if condition in CORRUPTIONS:
        return fit.views(photos[condition], chosen[:m])
    if condition in PARTIAL:
        few = round(0.3 * m)
        parts = (
            fit.views(photos[PARTIAL[condition]], chosen[:few]),
            fit.views(photos["clean"], LEARNT + chosen[few:m]),
        )
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if condition != "clean":
        cats, dogs = chosen[is_cat[chosen]], chosen[~is_cat[chosen]]
        chosen = np.concatenate([cats[: round(0.7 * m)], dogs[: m - round(0.7 * m)]])
    return fit.views(photos["clean"], LEARNT + chosen[:m])


def table(p: dict[tuple[str, str, int], np.ndarray], title: str, names: Sequence[str]) -> None:
    """One row a variant: mean power, paired difference to the first, by batch size, by drift."""
    drifts = CONDITIONS[1:]

    def hits(name: str, condition: str, m: int) -> np.ndarray:
        return p[f"{title}/{name}", condition, m] <= ALPHA

    head = ["variant", "mean", "difference", *(f"m = {m}" for m in SIZES), *drifts, "clean"]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    power = {n: np.mean([hits(n, c, m) for c in drifts for m in SIZES], axis=0) for n in names}
    for name in names:
        gap = power[name] - power[names[0]]
        error = gap.std(ddof=1) / len(gap) ** 0.5
        cells = [
            name,
            f"{power[name].mean():.3f} ± {power[name].std(ddof=1) / len(gap) ** 0.5:.3f}",
            "" if name == names[0] else f"{gap.mean():+.3f} ± {error:.3f}",
            *(f"{np.mean([hits(name, c, m) for c in drifts]):.2f}" for m in SIZES),
            *(f"{np.mean([hits(name, c, m) for m in SIZES]):.2f}" for c in drifts),
            f"{np.mean([hits(name, 'clean', m) for m in SIZES]):.3f}",
        ]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
