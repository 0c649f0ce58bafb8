"""What more relabellings, where none was as extreme, change for the gate over all checks: false alarms, delay, cost.

    python tests/benchmarks/sequence_horizon.py [--years 20000] [--artifact REF --batch FOLDER]

Simulated, with the luck of the held-out set left out (`own_rate.py` has it): a good batch has an exceedance probability u, uniform on (0, 1); B relabellings give the p-value
(1 + Binomial(B, u)) / (B + 1), and the larger set holds the smaller one. A certain batch has the smallest p that its
relabellings can give. Years of 365 checks, alpha 0.05 and 0.01, drift from day 100 on with the evidence as it then
stands. `--artifact`: seconds of processor and peak memory of the whole gate on a real batch.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from driftcli.stats import sequential
from driftcli.stats.relabelling import choose_permutations

YEAR, BEGIN, LONGEST, FAMILIES = 365, 100, 10, 4


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--years", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--artifact")
    parser.add_argument("--batch")
    given = parser.parse_args()
    print(
        "| alpha | relabellings | good years with an alarm (95 %) | days to the alarm: median, longest | days that pay |"
    )
    print("|---|---|---|---|---|")
    for alpha in (0.05, 0.01):
        few = choose_permutations("auto", alpha, FAMILIES)
        for more in (None, sequential.relabellings_for(alpha, YEAR)):
            simulated(given, alpha, few, more)
    if given.artifact:
        cost(given.artifact, given.batch)


def simulated(given: argparse.Namespace, alpha: float, few: int, more: int | None) -> None:
    """One row: the same years with and without the larger set."""
    rng = np.random.default_rng([given.seed, round(1 / alpha)])
    value, peak = np.zeros(given.years), np.zeros(given.years)
    delays, paid = np.zeros(0), 0
    for day in range(1, YEAR + 1):
        u = rng.random(given.years)
        p = (1 + rng.binomial(few, u)) / (few + 1)
        extra = rng.binomial(sequential.MOST_RELABELLINGS, u) if more is None else rng.binomial(more - few, u)
        sure = np.array(p * (few + 1) < 1.5)
        paid += int(sure.sum())
        if more is not None:
            p = np.where(sure, (1 + extra) / (more + 1), p)
        value = (value + 1 / YEAR) * 0.5 / np.sqrt(p)
        peak = np.maximum(peak, value)
        if day == BEGIN - 1:
            quiet = value[peak < 1 / alpha]
            delays = np.full(len(quiet), LONGEST + 1.0)
            for late in range(1, LONGEST + 1):
                e = sequential.e_value(0.0, few if more is None else more)
                quiet = (quiet + 1 / YEAR) * e
                delays = np.where((quiet >= 1 / alpha) & (delays > LONGEST), late, delays)
    share = float((peak >= 1 / alpha).mean())
    width = 1.96 * (share * (1 - share) / given.years) ** 0.5
    print(
        f"| {alpha} | {few:,}{'' if more is None else f', then {more:,}'} | {share:.4f} ± {width:.4f} | "
        f"{np.median(delays):.0f}, {delays.max():.0f} | {0 if more is None else paid / given.years / YEAR:.4f} |"
    )


def cost(artifact: str, batch: str) -> None:
    """The gate of a real batch under both sets."""
    from driftcli.config.call import Call
    from driftcli.config.settings import Settings
    from driftcli.gate.batch_test import run_gate
    from driftcli.reading.reader import Reader
    from driftcli.reading.runtime import make_runtime
    from driftcli.reference.reference import open_baseline, open_reference

    opened, reference = open_reference(artifact, Settings(), frozenset())
    baseline = open_baseline(opened, reference, None, artifact)
    runtime = make_runtime(Settings(workers=1), Call(Settings()).progress)
    with Reader(reference.settings, reference.extractors, reference.states, runtime) as reader:
        reading = reader.read([batch], 5_000, "reading")
    sizes = (
        f"C = {len(baseline.features)}, batch of {len(reading.contents)}, {len(baseline.families)} families"
    )
    print(f"\nWhole gate, {sizes}\n\n| relabellings | processor | peak memory |\n|---|---|---|")
    for many in (999, 4_999, 28_999, 145_999):
        gate = reference.settings.gate.model_copy(update={"permutations": many, "alpha": 0.05})
        began = time.process_time()
        run_gate(reference.settings.model_copy(update={"gate": gate}), baseline, reading)
        seconds = time.process_time() - began
        print(
            f"| {many:,} | {seconds:.1f} s | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB |"
        )


if __name__ == "__main__":
    main()
