"""The gate on digits: fitted by the notebook's recipe on MNIST, calibrated on 8,000 test digits.

python tests/benchmarks/digits_gate.py [--batches 50]

Clean batches of 20 from the other 2,000 test digits should pass, batches of notMNIST letters fail;
then 10 letters among 40 digits (20 % of a batch of 50). The fit runs through the command line (about ten
minutes on two cores; kept in --scratch), the audits through `driftcli.check`, and a few of them
through the command line again.
"""

from __future__ import annotations

import argparse
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from _lab import binomial_bound, data_folder, machine, wilson
from null_rate import command

import driftcli

CONFIG = Path(__file__).parents[2] / "configs" / "autoencoder-mnist.yaml"


def main() -> None:
    """Fit once, then audit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--batches", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-digits")
    given = parser.parse_args()
    data, scratch = data_folder(given.data), given.scratch
    scratch.mkdir(exist_ok=True)
    ref = scratch / "ref"
    if not (ref / "manifest.json").is_file():
        command("fit", data / "mnist" / "train.zip", "-o", ref, "-c", CONFIG)
    digits, letters = (unpacked(data / name / "test.zip", scratch / name) for name in ("mnist", "notmnist"))
    rng = np.random.default_rng(given.seed)
    digits = [digits[i] for i in rng.permutation(len(digits))]
    command("baseline", ref, listed(scratch / "good.txt", digits[:8000]))
    fresh = digits[8000:]
    print(f"C = 8,000 digits, {given.batches} batches a row; {machine()}; seed {given.seed}\n")
    print("| batch | alpha | exit 1 | rate | 95 % interval | |\n|---|---|---|---|---|---|")
    for alpha in (0.01, 0.05):
        clean = audits(ref, scratch, lambda: pick(rng, fresh, 20), given.batches, alpha)
        bound = binomial_bound(given.batches, alpha)
        row("20 clean digits", alpha, clean, given.batches, f"99 % bound: {bound}")
    row(
        "20 letters",
        0.01,
        audits(ref, scratch, lambda: pick(rng, letters, 20), given.batches, 0.01),
        given.batches,
        "",
    )
    for alpha in (0.01, 0.05):
        mixed = audits(
            ref,
            scratch,
            lambda: [*pick(rng, fresh, 40), *pick(rng, letters, 10)],
            given.batches,
            alpha,
        )
        row("40 digits and 10 letters", alpha, mixed, given.batches, "20 % of the batch")
    by_command(ref, scratch, rng, fresh, letters)


def unpacked(archive: Path, folder: Path) -> list[str]:
    """The archive's files as a folder, sorted."""
    if not folder.is_dir():
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
    return sorted(str(file) for file in folder.rglob("*.png"))


def pick(rng: np.random.Generator, files: Sequence[str], count: int) -> list[str]:
    return [files[i] for i in rng.permutation(len(files))[:count]]


def listed(target: Path, files: Sequence[str]) -> Path:
    target.write_text("\n".join(files))
    return target


def audits(ref: Path, scratch: Path, draw, batches: int, alpha: float) -> int:
    """How many of the drawn batches fail the gate."""
    failed = 0
    for _ in range(batches):
        source = listed(scratch / "batch.txt", draw())
        failed += driftcli.check(ref, source, alpha=alpha).exit_code == 1
    return failed


def row(what: str, alpha: float, failed: int, batches: int, remark: str) -> None:
    print(
        f"| {what} | {alpha} | {failed} of {batches} | {failed / batches:.2f} | {wilson(failed, batches)} | {remark} |",
        flush=True,
    )


def by_command(ref: Path, scratch: Path, rng, fresh: Sequence[str], letters: Sequence[str]) -> None:
    """The classic loss rule beside the test, and the exit codes a shell sees."""
    print("\nThrough the command line, with the classic rule --max-loss-increase 20%:")
    for name, files in (("20 clean digits", pick(rng, fresh, 20)), ("20 letters", pick(rng, letters, 20))):
        source = listed(scratch / "batch.txt", files)
        code = command("check", ref, source, "-q", "--max-loss-increase", "20%", may_alarm=True)
        rule = driftcli.check(ref, source, max_loss_increase=0.2).rules[0]
        print(f"- {name}: exit {code}; mean loss {rule.value:+.1%}, limit +{rule.limit:.0%}")


if __name__ == "__main__":
    main()
