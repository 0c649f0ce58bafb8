"""A million mutants over all parsers: what somebody else wrote ends as a value or as an error with a hint, and never hangs.

    python -m tests.benchmarks.mutants [--runs 1000000] [--seed 1] [--only WORD] [--part I/N]

Structure-aware: checksums of artifacts and profiles are made to fit again, so that what lies behind them is reached. Printed:
executions of each parser by exit code (0: a value), exceptions that are none of driftcli's ("foreign", with the place of
the first of each kind and its number, which repeats it: `--only PARSER --first NUMBER --runs 1`), and hangs (10 s and more).
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from driftcli.core.errors import DriftcliError
from driftcli.core.files import Refused
from tests.benchmarks._parsers import Parser, parsers
from tests.journey import World, make_world

LIMIT = 10.0
"""Seconds after which an execution counts as a hang; the suite, on a busy machine, waits longer."""


class Hang(BaseException):
    """An execution that took ten seconds."""


@dataclass
class Tally:
    """What became of a parser's mutants."""

    codes: Counter[int] = field(default_factory=Counter)
    foreign: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By kind and place: the first number, and how many."""
    hangs: list[int] = field(default_factory=list)
    slowest: float = 0.0
    seconds: float = 0.0

    @property
    def runs(self) -> int:
        return sum(self.codes.values()) + sum(n for _, n in self.foreign.values()) + len(self.hangs)

    def one(self, parser: Parser, seed: int, number: int, limit: float) -> None:
        """One mutant, drawn by parser, seed and number alone."""
        rng = random.Random(f"{parser.name} {seed} {number}")  # noqa: S311 - nothing secret
        began, used = time.perf_counter(), time.process_time()
        signal.setitimer(signal.ITIMER_REAL, limit)
        try:
            parser.run(rng)
            self.codes[0] += 1
        except DriftcliError as error:
            self.codes[error.exit_code] += 1
        except Refused:  # one image of a batch, which its ledger counts
            self.codes[3] += 1
        except Hang:
            self.hangs.append(number)
        except Exception as error:  # noqa: BLE001 - what this is about
            where = next(
                (
                    f
                    for f in reversed(traceback.extract_tb(error.__traceback__))
                    if "/driftcli/" in f.filename and "/tests/" not in f.filename
                ),
                None,
            )
            place = f"{Path(where.filename).name}:{where.lineno}" if where else "?"
            kind = f"{type(error).__name__} at {place}: {ascii(str(error))[:100]}"
            first, count = self.foreign.get(kind, (number, 0))
            self.foreign[kind] = (first, count + 1)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            took = time.perf_counter() - began
            self.slowest, self.seconds = max(self.slowest, took), self.seconds + time.process_time() - used


def run(
    chosen: list[Parser],
    total: int,
    seed: int,
    part: tuple[int, int] = (1, 1),
    first: int | None = None,
    limit: float = LIMIT,
) -> dict[str, Tally]:
    """Every parser's share of `total` mutants, at least one; of these, the part that this process does."""

    def hang(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, hang)
    found = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for parser in chosen:
                tally = found[parser.name] = Tally()
                numbers = (
                    range(max(1, round(parser.share * total)))
                    if first is None
                    else range(first, first + total)
                )
                for number in numbers[part[0] - 1 :: part[1]]:
                    tally.one(parser, seed, number, limit)
    finally:
        signal.signal(signal.SIGALRM, before)
    return found


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    asked.add_argument("--runs", type=int, default=1_000_000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--only", default="")
    asked.add_argument("--skip", default="no parser")
    asked.add_argument("--first", type=int)
    asked.add_argument("--part", default="1/1")
    asked.add_argument(
        "--world", type=Path, help="keep the images and artifacts of the run here, and use them again"
    )
    given = asked.parse_args()
    number, of = map(int, given.part.split("/"))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        work.mkdir()
        place = given.world or Path(folder) / "world"
        world = World(place) if (place / "ref" / "manifest.json").exists() else make_world(place)
        most_first = sorted(parsers(world, work), key=lambda parser: -parser.share)
        chosen = [p for p in most_first if given.only in p.name and given.skip not in p.name]
        print(
            f"{platform.platform()}, Python {platform.python_version()}, seed {given.seed}, part {given.part}"
        )
        print(
            "| parser | runs | 0 | 2 | 3 | 4 | foreign | hangs | slowest | CPU seconds |\n|---|---|---|---|---|---|---|---|---|---|"
        )
        sums: Counter[str] = Counter()
        for parser in chosen:
            tally = run([parser], given.runs, given.seed, (number, of), given.first)[parser.name]
            codes = " | ".join(f"{tally.codes[code]:,}" for code in (0, 2, 3, 4))
            foreign = sum(n for _, n in tally.foreign.values())
            print(
                f"| {parser.name} | {tally.runs:,} | {codes} | {foreign} | {len(tally.hangs)} "
                f"| {tally.slowest:.2f} s | {tally.seconds:.0f} |",
                flush=True,
            )
            for kind, (at, count) in sorted(tally.foreign.items(), key=lambda item: -item[1][1])[:12]:
                print(f"    {count} x {kind} (first: {at})", flush=True)
            sums += Counter(runs=tally.runs, foreign=foreign, hangs=len(tally.hangs), four=tally.codes[4])
    print(
        f"{sums['runs']:,} mutants: {sums['foreign']} foreign exceptions, {sums['hangs']} hangs, {sums['four']} times 4"
    )
    return 1 if sums["foreign"] or sums["hangs"] else 0


if __name__ == "__main__":
    sys.exit(main())
