"""How fast driftcli is, and in how much memory, beside what it replaces or cannot do without; one command, one run.

python tests/benchmarks/speed.py --peers peers-a/bin/python --peers peers-b/bin/python --against ../released -o docs/speed.md

Every comparison runs both sides in turn on the same machine: one untimed round (bytecode, disk cache), then `--rounds`
timed ones; tables have medians, and the middle half from three rounds on, of wall and CPU seconds, and of the ratios
round by round. Wall seconds mean something on a quiet machine only. Photos: cats and dogs of the folder that `--data` or
DRIFTCLI_DATA names; more than there are by copies whose JPEG comment differs, so that each has bytes of its own.
`--only` picks sections; their results of an earlier run are kept in the file where `-o` finds them.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks._speed_measure import Cost, Table, in_turn, run
from tests.benchmarks.memory import COMMANDS, HEAD, Commands, compared

HERE = Path(__file__).parent
EMPTY = "import typer\napp = typer.Typer()\n@app.callback()\ndef root(): ...\n@app.command()\ndef one(): ...\napp()\n"
N, M, D, B = 5_000, 200, 512, 1_000
"""Of the statistics: images in the baseline, in the batch, features, permutations."""
OURS = """
import json, sys, time
import numpy as np
from driftcli.detectors.mmd import Mmd
from driftcli.stats.relabelling import draw, p_values
with np.load(sys.argv[1]) as data:
    x, y, sigma = data["x"], data["y"], float(data["sigma"])
d = x.shape[1]
state = {"shift": np.zeros(d, "f"), "scale": np.ones(d, "f"), "sigma": np.array([sigma])}
def test(x, y, permutations):
    drawn = draw(len(x), len(y), permutations, np.random.default_rng(0))
    values = Mmd(bandwidths=(1.0,)).values(state, np.concatenate([x, y]), drawn, ())
    return values[0, 0], p_values(values[:, 0])[0], values.std()
def twin(x, y):
    # The observed MMD^2 by its definition: every difference by itself, no matrix product, no identity.
    from scipy.spatial.distance import cdist, pdist
    inside = [np.exp(-pdist(z, "sqeuclidean") / (2 * sigma**2)).mean() for z in (x.astype(float), y.astype(float))]
    across = np.exp(-cdist(x.astype(float), y.astype(float), "sqeuclidean") / (2 * sigma**2))
    return sum(inside) - 2 * across.mean()
test(x[:100], y[:50], 5)
wall, cpu = time.perf_counter(), time.process_time()
value, p, spread = test(x, y, int(sys.argv[2]))
found = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "value": value, "p": p}
if sys.argv[3:]:
    found["twin"] = abs(value - twin(x, y)) / spread
print(json.dumps(found))
"""
TAIL = "import sys\nsys.path.insert(0, sys.argv.pop(1))\nfrom driftcli.cli.app import main\nmain()\n"  # any checkout


@dataclass
class Bench:
    """Folders, photos and artifacts, made when they are asked for."""

    given: argparse.Namespace
    work: Path

    def env(self, checkout: Path = ROOT) -> dict[str, str]:
        """Bytecode is kept (in a folder of its own), as in any installation; threads are the programs' own business."""
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("DRIFTCLI_", "OMP_", "PYTHONDONTWRITE"))
        }
        return {**kept, "PYTHONPATH": str(checkout), "PYTHONPYCACHEPREFIX": str(self.work / "bytecode")}

    def driftcli(self, *words: object, checkout: Path = ROOT, ok: tuple[int, ...] = (0, 1)) -> Cost:
        command = (sys.executable, "-c", TAIL, checkout, *words)
        return run(command, cwd=self.work, env=self.env(checkout), ok=ok)

    def check(self, artifact: Path, folder: Path, *more: object, verb: str = "check") -> Cost:
        """Whatever the verdict; copies and near-copies are no reason to stop."""
        words = ("--workers", self.given.workers, "--no-progress", "-q", "--allow-overlap", *more)
        return self.driftcli(verb, artifact, folder, *words)

    def bare(self, task: str, *more: object) -> Cost:
        return run((sys.executable, HERE / "_speed_bare.py", task, *more), env=self.env())

    @cached_property
    def originals(self) -> list[Path]:
        named = self.given.data or os.environ.get("DRIFTCLI_DATA")
        if not named or not Path(named, "catsdogs").is_dir():
            sys.exit("no data: set DRIFTCLI_DATA to the folder that holds catsdogs")
        return sorted(Path(named, "catsdogs").glob("*.jpg"))

    def photos(self, name: str, count: int, first: int = 0, last: int | None = None) -> Path:
        """A folder of `count` JPEG files: the originals `first` to `last`, again and again with another comment each."""
        folder = self.work / name
        if folder.is_dir():
            return folder
        folder.mkdir()
        of = self.originals[first:last]
        for i in range(count):
            data = of[i % len(of)].read_bytes()
            note = f"copy {i // len(of)}".encode()
            comment = b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note
            (folder / f"{i:06d}.jpg").write_bytes(data[:2] + comment + data[2:])
        return folder

    def artifact(self, name: str, *options: object) -> Path:
        """Fitted once on 300 photos and calibrated on 200 others, of which no batch has any."""
        place = self.work / name
        if not place.is_dir():
            common = ("--workers", self.given.workers, "--no-progress", "-q")
            self.driftcli(
                "fit", self.photos("for-fit", 300, 0, 300), "-o", place, "--holdout", 0, *options, *common
            )
            self.driftcli("baseline", place, self.photos("for-baseline", 200, 300, 500), *common)
        return place

    @cached_property
    def default(self) -> Path:
        return self.artifact("default-ref")

    @cached_property
    def model(self) -> Path:
        place = self.work / "lite0.onnx"
        self.bare("export", place)
        return place

    def batch(self, count: int) -> Path:
        return self.photos(f"batch-{count}", count, 500)


# ---------------------------------------------------------------- sections


def peers_of(python: str) -> list[str]:
    """Which of them an environment has."""
    found = run((python, HERE / "_speed_peers.py", "--which")).output
    return list(json.loads(found))


def statistics(bench: Bench) -> Table:
    """Kernel MMD against the peers."""
    wanted = bench.given.peer_permutations
    table = Table(
        "Statistics",
        f"Kernel MMD with one Gaussian kernel of the same width: {N:,} good and {M} new images, {D} features, {B:,} "
        "permutations; imports apart. *Ratio*: how many times as long the peer takes."
        + (
            ""
            if wanted == B
            else f" Peers ran 1 and {wanted} permutations; for {B:,} their times go on along that line."
        ),
    )
    rng = np.random.default_rng(0)
    path, script = bench.work / "features.npz", bench.work / "ours.py"
    np.savez(
        path, x=rng.normal(size=(N, D)).astype("f"), y=rng.normal(0.02, 1, (M, D)).astype("f"), sigma=32.0
    )
    script.write_text(OURS)

    def one(*command: object) -> Cost:
        found = json.loads(run(command, env=bench.env()).output)
        print(command[-3:], found, file=sys.stderr, flush=True)
        return Cost(found["seconds"], found["cpu"])

    def peer(*command: object) -> Cost:
        if wanted == B:
            return one(*command, B)
        none, some = one(*command, 1), one(*command, wanted)
        further = (B - wanted) / (wanted - 1)
        return Cost(some.wall + further * (some.wall - none.wall), some.cpu + further * (some.cpu - none.cpu))

    exact = json.loads(run((sys.executable, script, path, B, "twin"), env=bench.env()).output)["twin"]
    table.about += (
        f" The observed MMD² differs from a slow float64 twin by {exact:.1e} of its spread over permutations."
    )
    for python in bench.given.peers:
        for name in peers_of(python):
            costs = [
                (one(sys.executable, script, path, B), peer(python, HERE / "_speed_peers.py", name, path))
                for _ in range(bench.given.peer_rounds)
            ]
            ours, theirs = (list(side) for side in zip(*costs, strict=True))
            table.compare(name, ours, theirs, times=True)
    return table


def end_to_end(bench: Bench) -> Table:
    """A check of 1,000 photos against a pipeline of one's own."""
    count = bench.given.photos // 5
    folder, artifact = bench.batch(count), bench.default
    result = json.loads(bench.check(artifact, folder, "-f", "json").output)
    permutations = result["gate"]["permutations"]
    table = Table(
        "A whole check",
        f"{count:,} photos, from the command to the verdict, against a DataLoader (batch 32, 2 workers), the same network "
        f"in torch and one MMD test of a peer with the same {permutations:,} permutations. *Ratio*: how many times as long "
        "one's own pipeline takes; it has one test and no report.",
    )
    bench.bare("torch", bench.photos("for-baseline", 200, 300, 500), bench.work / "c.npy")
    for python in bench.given.peers:
        for name in peers_of(python):
            costs = [
                (bench.check(artifact, folder), _pipeline(bench, python, name, folder, permutations))
                for _ in range(bench.given.peer_rounds)
            ]
            ours, theirs = (list(side) for side in zip(*costs, strict=True))
            table.compare(f"DataLoader + torch + {name}", ours, theirs, times=True)
    return table


def _pipeline(bench: Bench, python: str, name: str, folder: Path, permutations: int) -> Cost:
    seen = bench.bare("torch", folder, bench.work / "y.npy")
    x, y = np.load(bench.work / "c.npy"), np.load(bench.work / "y.npy")
    np.savez(
        bench.work / "both.npz",
        x=x,
        y=y,
        sigma=np.median(np.linalg.norm(x[:100, None] - x[None, 100:], axis=-1)),
    )
    tested = run(
        (python, HERE / "_speed_peers.py", name, bench.work / "both.npz", permutations), env=bench.env()
    )
    return Cost(seen.wall + tested.wall, seen.cpu + tested.cpu)


def _apart(long: list[Cost], short: list[Cost]) -> list[Cost]:
    """What the images cost that the longer run has more: start-up apart."""
    return [Cost(a.wall - b.wall, a.cpu - b.cpu) for a, b in zip(long, short, strict=True)]


def decoding(bench: Bench) -> Table:
    """Autoencoder and properties against decoding alone."""
    count, few = bench.given.photos, 64
    folder, start = bench.batch(count), bench.batch(few)
    artifact = bench.artifact("cheap-ref", "--method", "autoencoder", "--method", "properties")
    table = Table(
        "Autoencoder and properties",
        f"{count:,} photos less {few} (start-up apart) against reading and decoding them alone, in the same {bench.given.workers} "
        "processes. *Ratio*: ours by theirs.",
    )
    what: dict[str, Callable[[], Cost]] = {
        "long": partial(bench.check, artifact, folder),
        "short": partial(bench.check, artifact, start),
    }
    decoders = ["pillow", *(["simplejpeg"] if importlib.util.find_spec("simplejpeg") else [])]
    for decoder in decoders:
        for size in ("whole", "scaled"):
            what[f"{decoder}, {size}"] = partial(
                bench.bare, "decode", folder, decoder, size, bench.given.workers
            )
    found = in_turn(bench.given.rounds, what)
    ours = _apart(found.pop("long"), found.pop("short"))
    for name, costs in found.items():
        table.compare(name, ours, costs)
    return table


def extractors(bench: Bench) -> Table:
    """The default extractors against the larger of decoding and the bare forward pass."""
    count, few = bench.given.photos // 5, 64
    decoder = "simplejpeg" if importlib.util.find_spec("simplejpeg") else "pillow"
    table = Table(
        "Default extractors",
        f"{count:,} photos less {few} (start-up apart) against what cannot be spared: decoding them ({decoder}, whole, "
        f"{bench.given.workers} processes) and the default network's forward pass in onnxruntime (two threads, batches of 32). *Ratio*: ours by theirs.",
    )
    found = in_turn(
        bench.given.rounds,
        {
            "long": partial(bench.check, bench.default, bench.batch(count)),
            "short": partial(bench.check, bench.default, bench.batch(few)),
            "decode": partial(
                bench.bare, "decode", bench.batch(count), decoder, "whole", bench.given.workers
            ),
            "forward": partial(bench.bare, "forward", bench.model, count),
            "forward-short": partial(bench.bare, "forward", bench.model, few),
        },
    )
    ours = _apart(found["long"], found["short"])
    passes = _apart(found["forward"], found["forward-short"])
    table.compare("decoding alone", ours, found["decode"])
    table.compare("forward pass alone", ours, passes)
    longer = [max(pair, key=lambda cost: cost.wall) for pair in zip(found["decode"], passes, strict=True)]
    table.compare("the longer of the two", ours, longer)
    return table


def small(bench: Bench) -> Table:
    """64 images."""
    table = Table(
        "A check of 64 images",
        "Against one process that imports driftcli and onnxruntime, decodes the 64 photos whole and runs the network on "
        "64 images. *Ratio*: ours by theirs.",
    )
    folder = bench.batch(64)
    found = in_turn(
        bench.given.rounds * 2,
        {
            "ours": partial(bench.check, bench.default, folder),
            "least": partial(bench.bare, "least", folder, bench.model),
        },
    )
    table.compare("imports, decoding, forward pass", found["ours"], found["least"])
    return table


def commands(bench: Bench) -> Table:
    """Commands that compute nothing."""
    table = Table(
        "Commands that measure nothing",
        "Against a Typer program with one empty command, same interpreter. *Ratio*: ours by theirs.",
    )
    script = bench.work / "empty.py"
    script.write_text(EMPTY)
    artifact = bench.default
    what = {
        "empty": partial(run, (sys.executable, script, "one"), env=bench.env()),
        "empty --help": partial(run, (sys.executable, script, "--help"), env=bench.env()),
        "`--help`": partial(bench.driftcli, "--help"),
        "`--version`": partial(bench.driftcli, "--version"),
        "`inspect`": partial(bench.driftcli, "inspect", artifact),
    }
    found = in_turn(bench.given.rounds * 3, what)
    for name in ("`--help`", "`--version`", "`inspect`"):
        table.compare(name, found[name], found["empty --help" if name == "`--help`" else "empty"])
    return table


def making(bench: Bench) -> Table:
    """`fit` and `baseline` against another checkout."""
    count = bench.given.fit_photos
    table = Table(
        "`fit` and `baseline`",
        f"{count:,} photos each, default settings, against another checkout of driftcli. *Ratio*: how many times as long the other takes.",
    )
    if bench.given.against is None:
        return table
    sides = {"ours": ROOT, "other": bench.given.against.resolve()}
    folders = bench.photos("fit-many", count, 0, 500), bench.photos("baseline-many", count, 500)
    costs: dict[str, list[Cost]] = {f"{verb} {side}": [] for verb in ("fit", "baseline") for side in sides}
    common = ("--workers", bench.given.workers, "--no-progress", "-q")
    for _ in range(bench.given.peer_rounds):
        for side, checkout in sides.items():
            place = bench.work / f"made-{side}"
            shutil.rmtree(place, ignore_errors=True)
            words = ("fit", folders[0], "-o", place, "--holdout", 0)
            costs[f"fit {side}"].append(bench.driftcli(*words, *common, checkout=checkout))
            words = ("baseline", place, folders[1])
            costs[f"baseline {side}"].append(bench.driftcli(*words, *common, checkout=checkout))
    for verb in ("fit", "baseline"):
        table.compare(f"`{verb}`", costs[f"{verb} ours"], costs[f"{verb} other"], times=True)
    both = (
        [
            Cost(a.wall + b.wall, a.cpu + b.cpu)
            for a, b in zip(costs[f"fit {s}"], costs[f"baseline {s}"], strict=True)
        ]
        for s in sides
    )
    table.compare("both", *both, times=True)
    return table


def memory(bench: Bench) -> str:
    """Peak memory with few and with many images."""
    commands = Commands(bench.work, ROOT, bench.given.workers, ())
    head = (
        "## Memory\n\nGenerated images of 64 x 64 pixels, default extractors, one run each. *All*: the largest sum of "
        "resident memory of all processes at one moment; `tests/benchmarks/memory.py` says more.\n"
    )
    rows = [line for verb in COMMANDS for line in compared(commands, verb, [1_000, bench.given.many])]
    return "\n".join([head, HEAD, *rows, ""])


def cache(bench: Bench) -> Table:
    """The same images again, from the feature cache."""
    count = bench.given.photos // 5
    table = Table(
        "The same images again",
        f"{count:,} photos with `--cache`, first and second run. *Ratio*: second by first.",
    )
    if "--cache" not in bench.driftcli("check", "--help").output:
        return table
    pairs = []
    for number in range(bench.given.rounds):
        place = bench.work / f"cache-{number}"
        pairs.append([bench.check(bench.default, bench.batch(count), "--cache", place) for _ in range(2)])
    first, second = (list(side) for side in zip(*pairs, strict=True))
    table.compare("second run", second, first)
    return table


SECTIONS: dict[str, Callable[[Bench], Table | str]] = {
    "statistics": statistics,
    "check": end_to_end,
    "decoding": decoding,
    "extractors": extractors,
    "small": small,
    "commands": commands,
    "fit": making,
    "memory": memory,
    "cache": cache,
}
TITLE = """# Speed

How long driftcli takes, and how much memory, beside what it replaces and what it cannot do without.

Printed by `tests/benchmarks/speed.py`, which says how; both sides of a row ran in turn in the same run. Medians, in brackets the middle
half. Each section names the machine that it was measured on.
"""


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    name = next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor()
    )
    load = f"load {os.getloadavg()[0]:.1f} at the start"
    return f"*{os.cpu_count()} cores ({name}), Python {platform.python_version()}, {load}.*"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", choices=SECTIONS, default=None, help="a section; may be repeated"
    )
    parser.add_argument("--peers", action="append", default=[], help="python of an environment of peers.txt")
    parser.add_argument("--against", type=Path, help="another checkout, for `fit`")
    parser.add_argument("--data", help="folder that holds catsdogs (default: DRIFTCLI_DATA)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-rounds", type=int, default=1, help="of what takes minutes: peers, fit")
    parser.add_argument(
        "--peer-permutations", type=int, default=B, help="fewer: their times are scaled, and it is said"
    )
    parser.add_argument("--photos", type=int, default=5_000)
    parser.add_argument("--fit-photos", type=int, default=2_000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--work", type=Path, help="folder for photos and artifacts, kept; else a temporary one"
    )
    parser.add_argument(
        "-o", "--output", type=Path, help="Markdown file; sections that were not run stay as they are"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = given.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(given, work.resolve())
        texts = kept(given.output)
        for name in given.only or SECTIONS:
            where = machine()
            found = SECTIONS[name](bench)
            text = found if isinstance(found, str) else found.markdown()
            texts[name] = f"{text}\n{where}\n"
            page = "\n".join(
                [TITLE, *(f"<!-- {key} -->\n{texts[key]}<!-- end -->\n" for key in SECTIONS if key in texts)]
            )
            if given.output is not None:
                given.output.write_text(page, encoding="utf-8")
    print(page)


def kept(path: Path | None) -> dict[str, str]:
    """Sections of an earlier run, by name."""
    page = path.read_text(encoding="utf-8") if path is not None and path.is_file() else ""
    return dict(re.findall(r"<!-- (\w+) -->\n(.*?)<!-- end -->", page, re.DOTALL))


if __name__ == "__main__":
    main()
