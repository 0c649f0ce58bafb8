"""How often the gate fires on clean photos: fresh splits into F, C and batch, refitted autoencoder.

python tests/benchmarks/null_rate.py [--audits 2000] [--cli 50]

F (300), C (400) and the batch (20, 50 or 100) are drawn at random from the same 1,000 photos (cats and
dogs) for every audit; F, with a fresh autoencoder and fresh detectors, is drawn anew every 7 audits. The
whole gate runs (all default families, 999 permutations); its p-value is held against alpha 0.05 and 0.01.
`--cli`: as many audits through the command line itself.
Prints a Markdown table; a rate passes when its count is within alpha's 99 % binomial bound.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _lab import Lab, binomial_bound, data_folder, machine, wilson

from driftcli.config.settings import Settings

SIZES = (20, 50, 100)
F, C = 300, 400


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--audits", type=int, default=2100)
    parser.add_argument(
        "--per-fit", type=int, default=7, help="audits that share one F (with fresh C and batch)"
    )
    parser.add_argument("--cli", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-null.npz")
    given = parser.parse_args()
    folder = data_folder(given.data) / "catsdogs"
    if given.audits:
        in_process(folder, given)
    if given.cli:
        through_the_cli(folder, given)


def in_process(folder: Path, given: argparse.Namespace) -> None:
    lab = Lab.open(Settings())
    photos = lab.read(str(folder), given.cache)
    rng = np.random.default_rng(given.seed)
    p = np.empty(given.audits)
    for i in range(given.audits):
        order = rng.permutation(len(photos))
        if i % given.per_fit == 0:
            learnt = order[:F]
            fit = lab.fit(photos, learnt, i)
            views = fit.views(photos, np.arange(len(photos)))
        rest = order[~np.isin(order, learnt)]
        m = SIZES[i % len(SIZES)]
        held_out, batch = ({k: x[part] for k, x in views.items()} for part in (rest[:C], rest[C : C + m]))
        p[i] = fit.audit(held_out, batch, 0.01, i, permutations=999)
        if (i + 1) % 100 == 0:
            print(
                i + 1,
                [f"{(p[: i + 1] <= a).mean():.4f}" for a in (0.05, 0.01)],
                file=sys.stderr,
            )
    print(
        f"{given.audits} audits of clean photos ({machine()}; seed {given.seed}; {given.per_fit} audit(s) a fit)\n"
    )
    print(
        "| batch | audits | alpha | alarms | rate | 95 % interval | within the 99 % bound |\n|---|---|---|---|---|---|---|"
    )
    for alpha in (0.05, 0.01):
        for m in (*SIZES, 0):
            rows = p if not m else p[np.arange(len(p)) % len(SIZES) == SIZES.index(m)]
            hits, bound = int((rows <= alpha).sum()), binomial_bound(len(rows), alpha)
            verdict = f"{'yes' if hits <= bound else 'NO'} (≤ {bound})"
            print(
                f"| {m or 'all'} | {len(rows)} | {alpha} | {hits} | {hits / len(rows):.4f} | {wilson(hits, len(rows))} | {verdict} |"
            )
    deciles = np.histogram(p, 10, (0, 1))[0] / len(p)
    print("\nDeciles of p (uniform: 0.100 each): " + " ".join(f"{d:.3f}" for d in deciles))


def through_the_cli(folder: Path, given: argparse.Namespace) -> None:
    """One fit and baseline each for 10 splits, then clean batches of 20, all as commands."""
    files = sorted(folder.glob("*.jpg"))
    rng = np.random.default_rng(given.seed)
    codes: list[int] = []
    with tempfile.TemporaryDirectory() as scratch:
        for split in range(-(-given.cli // 10)):
            order = [files[i] for i in rng.permutation(len(files))]
            parts = {"f": order[:F], "c": order[F : F + C]}
            lists = {}
            for name, chosen in parts.items():
                lists[name] = Path(scratch) / f"{split}-{name}.txt"
                lists[name].write_text("\n".join(str(f) for f in chosen))
            ref = Path(scratch) / f"ref-{split}"
            command("fit", lists["f"], "-o", ref, "--holdout", "0")
            command("baseline", ref, lists["c"])
            for b in range(min(10, given.cli - len(codes))):
                batch = Path(scratch) / "batch.txt"
                start = F + C + 20 * b
                batch.write_text("\n".join(str(f) for f in order[start : start + 20]))
                codes.append(command("check", ref, batch, "-q", "--alpha", "0.05", may_alarm=True))
    print(
        f"\nThrough the command line: {len(codes)} clean batches of 20, exit 1 on {sum(codes)} "
        f"(99 % bound at alpha 0.05: {binomial_bound(len(codes), 0.05)})"
    )


def command(*words: object, may_alarm: bool = False) -> int:
    """Run driftcli; anything but 0 (or 1 for a check) is an error of the benchmark."""
    done = subprocess.run(
        [sys.executable, "-m", "driftcli", *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode not in ((0, 1) if may_alarm else (0,)):
        sys.exit(f"{words} -> {done.returncode}\n{done.stderr}")
    return done.returncode


if __name__ == "__main__":
    main()
