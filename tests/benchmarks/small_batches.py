"""Real drift in 5, 10 and 20 images: every natural pair that the shared data hold, and what each family costs.

    python tests/benchmarks/small_batches.py --cache FOLDER [--trials 60] [--json FILE]

A pair is a set of good images and a set of others: another class, another kind of picture, another split. For
each the first set teaches driftcli once (F: at most 250 images) and every trial draws C (100 held-out good
images) and a batch of the other set; `(good)` rows draw the batch from the good images themselves. Alpha 0.05,
999 relabellings. Beside the gate: each family as if it were the only one, the gate without it (its price), and
each family at the level 1 - (1 - alpha)^(1/families), which is what it could have had as one of independent ones.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from _lab import Fit, Lab, Photos, data_folder, machine

from driftcli.config.settings import Settings
from driftcli.core.images import FileFacts
from driftcli.stats import minp
from driftcli.stats.relabelling import choose_permutations, draw

ALPHA, HELD_OUT, LEARNT = 0.05, 100, 250
SIZES = (5, 10, 20)
PER_CLASS = 220
Pick = Callable[[str], bool]
ARCHIVES = {"mnist": "mnist/test.zip", "notmnist": "notmnist/test.zip", "cifar10": "cifar10/test.zip"}
FOLDERS = {"catsdogs": "catsdogs", "hymenoptera": "hymenoptera"}


def has(text: str) -> Pick:
    return lambda name: text in name


def digits(*wanted: int) -> Pick:
    return lambda name: any(f"/{d}/" in name for d in wanted)


PAIRS: Mapping[str, tuple[str, Pick, str, Pick]] = {
    "cats to dogs": ("catsdogs", has("/cat."), "catsdogs", has("/dog.")),
    "dogs to cats": ("catsdogs", has("/dog."), "catsdogs", has("/cat.")),
    "ants to bees": ("hymenoptera", has("/ants/"), "hymenoptera", has("/bees/")),
    "bees to ants": ("hymenoptera", has("/bees/"), "hymenoptera", has("/ants/")),
    "hymenoptera train to val": ("hymenoptera", has("/train/"), "hymenoptera", has("/val/")),
    "pets to insects": ("catsdogs", has(""), "hymenoptera", has("")),
    "digits to letters": ("mnist", has(""), "notmnist", has("")),
    "digits 0-4 to 5-9": ("mnist", digits(0, 1, 2, 3, 4), "mnist", digits(5, 6, 7, 8, 9)),
    "digits 4 to 9": ("mnist", digits(4), "mnist", digits(9)),
    "CIFAR cat to dog": ("cifar10", has("/cat/"), "cifar10", has("/dog/")),
    "CIFAR car to truck": ("cifar10", has("/automobile/"), "cifar10", has("/truck/")),
    "CIFAR deer to horse": ("cifar10", has("/deer/"), "cifar10", has("/horse/")),
    "CIFAR plane to ship": ("cifar10", has("/airplane/"), "cifar10", has("/ship/")),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--data")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    data, rows = data_folder(given.data), []
    for name, (good, is_good, other, is_other) in PAIRS.items():
        rows += pair(name, given, Side(data, good, is_good), Side(data, other, is_other))
        print(name, flush=True)
        if given.json:
            given.json.write_text(json.dumps(rows))
    show(rows, f"{given.trials} trials a cell, seed {given.seed}; {machine()}")


class Side:
    """Images of one data set that a name picks."""

    def __init__(self, data: Path, name: str, pick: Pick) -> None:
        self.data, self.name, self.pick = data, name, pick

    def photos(self, lab: Lab, cache: Path, tag: str) -> Photos:
        """All of the data set as this lab sees it, then those that are picked."""
        folder = self._folder(cache)
        found = lab.read(str(folder), cache / f"{self.name}-{tag}.npz")
        at = np.array([i for i, name in enumerate(found.names) if self.pick(name)])
        return Photos({k: x[at] for k, x in found.views.items()}, found.prepared[at], ())

    def _folder(self, cache: Path) -> Path:
        """Archives are unpacked in part: at most PER_CLASS images of a class, drawn by the order of names."""
        if self.name in FOLDERS:
            return self.data / FOLDERS[self.name]
        target = cache / self.name
        if not target.is_dir():
            with zipfile.ZipFile(self.data / ARCHIVES[self.name]) as opened:
                taken: dict[str, int] = {}
                for member in sorted(n for n in opened.namelist() if n.endswith((".png", ".jpg"))):
                    label = member.rsplit("/", 1)[0]
                    taken[label] = taken.get(label, 0) + 1
                    if taken[label] <= PER_CLASS:
                        (target / member).parent.mkdir(parents=True, exist_ok=True)
                        (target / member).write_bytes(opened.read(member))
        return target


def pair(name: str, given: argparse.Namespace, good: Side, other: Side) -> list[dict]:
    """Every trial of one pair: p of all readings, for the batch of others and for one of good images."""
    small = good.name in ARCHIVES
    grey = good.name == "mnist"
    facts = [FileFacts(28, 28, 400, "PNG", "L", grey=True)] if grey else []
    if small and not grey:
        facts = [FileFacts(32, 32, 900, "JPEG", "RGB", grey=False)]
    lab = Lab.open(Settings(), facts or [FileFacts(500, 375, 9_000, "JPEG", "RGB", grey=False)])
    tag = "grey" if grey else "small" if small else "photo"
    ours, theirs = (side.photos(lab, given.cache, tag) for side in (good, other))
    order = np.random.default_rng([given.seed, 99]).permutation(len(ours.prepared))
    learnt = order[: min(LEARNT, len(order) // 2)]
    rest = order[len(learnt) :]
    fit = lab.fit(ours, learnt, 0)
    kept, strange = fit.views(ours, rest), fit.views(theirs, np.arange(len(theirs.prepared)))
    rows = []
    for trial in range(given.trials):
        for m in SIZES:
            rng = np.random.default_rng([given.seed, trial, m])
            shuffled = rng.permutation(len(rest))
            c = {k: x[shuffled[: min(HELD_OUT, len(rest) - m)]] for k, x in kept.items()}
            drawn = rng.permutation(len(theirs.prepared))[:m]
            batches = {
                name: {k: x[drawn] for k, x in strange.items()},
                f"{name} (good)": {k: x[shuffled[-m:]] for k, x in kept.items()},
            }
            rows += [
                {"pair": label, "set": good.name, "m": m, "trial": trial, "p": readings(fit, c, y, rng)}
                for label, y in batches.items()
            ]
    return rows


def readings(fit: Fit, held_out: Mapping, batch: Mapping, rng: np.random.Generator) -> dict[str, float]:
    """P of the gate, of each family alone, and of the gate without it (or, for an advisory one, with it)."""
    n, m = len(held_out["style"]), len(batch["style"])
    tested = [f for f in fit.families if f.view != "file"]
    drawn = draw(n, m, choose_permutations("auto", ALPHA, len(tested)), rng)
    tables = {
        f.name: f.evidence(
            f.detector.values(f.state, np.concatenate([held_out[f.view], batch[f.view]]), drawn, f.columns)
        )
        for f in tested
    }
    gating = [f.name for f in tested if f.gate == "on"]
    p = {"gate": minp.joint_p([tables[name] for name in gating])}
    for f in tested:
        p[f.name] = minp.joint_p([tables[f.name]])
        if f.gate == "on":
            p[f"without {f.name}"] = minp.joint_p([tables[g] for g in gating if g != f.name])
        else:
            p[f"with {f.name}"] = minp.joint_p([tables[g] for g in [*gating, f.name]])
    return p


# ---------------------------------------------------------------- tables


def show(rows: list[dict], note: str) -> None:
    """Power by pair and size; price by family; the two promises, cell by cell."""
    families = [k for k in rows[0]["p"] if k != "gate" and " " not in k]
    gating = [f for f in families if f"without {f}" in rows[0]["p"]]
    level = 1 - (1 - ALPHA) ** (1 / len(gating))

    def rate(name: str, label: str, m: int, alpha: float = ALPHA) -> float:
        return float(np.mean([r["p"][name] <= alpha for r in rows if r["pair"] == label and r["m"] == m]))

    print(f"\n{note}. Alpha {ALPHA}, C = {HELD_OUT}.\n")
    head = ["pair", *(f"m = {m}" for m in SIZES), *(f"{f} (m = 10)" for f in families), "good, m = 5/10/20"]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    short = []
    for label in PAIRS:
        cells = [f"{rate('gate', label, m):.2f}" for m in SIZES] + [
            f"{rate(f, label, 10):.2f}" for f in families
        ]
        null = "/".join(f"{rate('gate', f'{label} (good)', m):.2f}" for m in SIZES)
        print("| " + " | ".join([label, *cells, null]) + " |")
        for m in SIZES:
            best = max(rate(f, label, m, level) for f in gating)
            error = (
                max(best * (1 - best), 0.01) / (sum(r["pair"] == label and r["m"] == m for r in rows))
            ) ** 0.5
            if rate("gate", label, m) < best - 2 * error:
                short.append(f"{label}, m = {m}: gate {rate('gate', label, m):.2f}, best family {best:.2f}")
    print(
        f"\nCells where the gate is below the best family at level {level:.4f} by more than 2 SE:",
        short or "none",
    )
    print("\n| data set | gate | " + " | ".join(families) + " |\n|" + "---|" * (len(families) + 2))
    drifts = [r for r in rows if "(good)" not in r["pair"] and "train to val" not in r["pair"]]
    for name in dict.fromkeys(r["set"] for r in drifts):
        of = [r for r in drifts if r["set"] == name]
        print(
            f"| {name} | "
            + " | ".join(f"{np.mean([r['p'][k] <= ALPHA for r in of]):.3f}" for k in ("gate", *families))
            + " |"
        )
    print("\n| family | mean power alone | what the gate gains by it |\n|---|---|---|")
    whole = np.array([r["p"]["gate"] <= ALPHA for r in drifts], float)
    for f in families:
        key, sign = (f"without {f}", 1) if f in gating else (f"with {f}", -1)
        gain = sign * (whole - np.array([r["p"][key] <= ALPHA for r in drifts], float))
        alone = np.mean([r["p"][f] <= ALPHA for r in drifts])
        where = "" if f in gating else " (advisory: were it on)"
        print(
            f"| {f}{where} | {alone:.3f} | {gain.mean():+.3f} ± {gain.std(ddof=1) / len(gain) ** 0.5:.3f} |"
        )


if __name__ == "__main__":
    main()
