"""Where `fit` and `baseline` spend their time: CPU seconds by stage, of this checkout and of another beside it.

    python tests/benchmarks/fit_speed.py GOOD [--baseline OTHERS] [--against CHECKOUT] [--runs 1] [-o table.md]

GOOD is a folder of images for `fit` (half of them become C), OTHERS one for `baseline` (GOOD's own names are no use:
the gate refuses images of F). Every run is a process of its own with one thread and one worker; with `--against` the two
checkouts take turns. CPU time counts decode workers (a stage gets what they used while it lasted), so that other work
on the machine disturbs little; wall time is printed for the whole command. 2,000 photos take some four minutes a run.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
STAGES = {
    "driftcli.calibration.fit_steps.completed": "settings decided",
    "driftcli.calibration.fit_steps.resolved": "settings decided",
    "driftcli.calibration.fit_steps.states_without_images": "settings decided",
    "driftcli.audit.fit._read": "reading and features",
    "driftcli.audit.baseline._read": "reading and features",
    "driftcli.calibration.fit_steps.learn_extractors": "autoencoder looks at all images",
    "driftcli.extractors._training.train": "training",
    "driftcli.extractors.autoencoder.Autoencoder._refer": "autoencoder's own reference",
    "driftcli.calibration.detectability.study": "simulating corruptions (detectable)",
    "driftcli.calibration.corruption_library.library": "likeness library",
    "driftcli.calibration.corruption_library._by_network": "likeness confirmation",
    "driftcli.reference.pixel_errors.usual": "concepts' looks, heat maps",
    "driftcli.calibration.fit_steps.canary": "canaries",
    "driftcli.reading.canaries.seen_by": "canaries",
    "driftcli.calibration.fit_steps.learn_reference": "what F taught",
    "driftcli.calibration.false_alarms.measure": "false alarms",
    "driftcli.calibration.detectability.measure": "what the gate can see",
    "driftcli.artifact.store.read": "artifact read and written",
}


def main() -> None:
    """One table: stages down, checkouts across."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("good", type=Path)
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--against", type=Path, help="another checkout, measured in turn")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path)
    asked = parser.parse_args()
    trees = [tree.resolve() for tree in (asked.against, HERE) if tree is not None]
    found: dict[tuple[str, Path], list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for run in range(asked.runs):
            for tree in trees[:: -1 if run % 2 else 1]:
                artifact = Path(folder) / f"{trees.index(tree)}-{run}.drift"
                commands = {"fit": [str(artifact), str(asked.good)]}
                if asked.baseline is not None:
                    commands["baseline"] = [str(artifact), str(asked.baseline)]
                for command, words in commands.items():
                    found.setdefault((command, tree), []).append(_measured(tree, command, words))
    text = "\n\n".join(_table(command, trees, found) for command in dict.fromkeys(c for c, _ in found))
    text = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; runs: {asked.runs}\n\n{text}"
    print(text)
    if asked.output is not None:
        asked.output.write_text(text + "\n")


def _measured(tree: Path, command: str, words: list[str]) -> dict[str, float]:
    """CPU seconds by stage of one command, run with the code of a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    line = [sys.executable, str(Path(__file__).resolve()), "--one", command, *words]
    done = subprocess.run(line, env=environment, cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _table(command: str, trees: list[Path], found: dict[tuple[str, Path], list[dict[str, float]]]) -> str:
    """Medians over the runs, most expensive first; the last column is first checkout over second."""
    middle = [_medians(found[command, tree]) for tree in trees]
    names = sorted(
        {name for one in middle for name in one if name != "wall"},
        key=lambda n: -max(m.get(n, 0) for m in middle),
    )
    names = [*(n for n in names if n != "all"), "all", "wall"]
    head = ["before", "here", "ratio"] if len(trees) > 1 else ["here"]
    lines = [f"| `{command}`, CPU seconds | {' | '.join(head)} |", f"| --- |{' ---: |' * len(head)}"]
    for name in names:
        values = [m.get(name, 0.0) for m in middle]
        ratio = [f"{values[0] / max(values[1], 1e-3):.2f}"] if len(trees) > 1 else []
        lines.append(f"| {name} | {' | '.join([*(f'{v:.1f}' for v in values), *ratio])} |")
    return "\n".join(lines)


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {
        name: statistics.median(run.get(name, 0.0) for run in runs) for name in {n for r in runs for n in r}
    }


# ---------------------------------------------------------------- inside one run


class _Clock:
    """CPU seconds by stage: what a stage calls that is itself a stage is not counted twice."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.stack = ["the rest (imports, start, writing)"]
        self.last = 0.0

    def switch(self) -> None:
        now = _cpu()
        self.spent[self.stack[-1]] = self.spent.get(self.stack[-1], 0.0) + now - self.last
        self.last = now

    def timed(self, function, name):
        @functools.wraps(function)
        def inner(*args, **kwargs):
            self.switch()
            self.stack.append(name)
            try:
                return function(*args, **kwargs)
            finally:
                self.switch()
                self.stack.pop()

        return inner


def _cpu() -> float:
    """Seconds of this process and its children, living ones included (Linux)."""
    gone = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = time.process_time() + gone.ru_utime + gone.ru_stime
    tick = os.sysconf("SC_CLK_TCK")
    for task in Path("/proc/self/task").glob("*/children"):
        for child in task.read_text().split():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
                total += (int(fields[11]) + int(fields[12])) / tick
    return total


def _one(command: str, artifact: str, folder: str) -> None:
    """Run the command here, stages timed; prints JSON."""
    clock = _Clock()
    began = time.monotonic()
    from driftcli import api  # noqa: F401  (the imports belong to the rest)
    from driftcli.cli import app

    for path, name in STAGES.items():
        owner, _, attribute = path.rpartition(".")
        with contextlib.suppress(ImportError, AttributeError):
            place = _found(owner)
            setattr(place, attribute, clock.timed(getattr(place, attribute), name))
    words = ["fit", folder, "-o", artifact] if command == "fit" else ["baseline", artifact, folder]
    code = app.run([*words, "--workers", "1", "--quiet"])
    if code:
        raise SystemExit(code)
    clock.switch()
    print(json.dumps({**clock.spent, "all": sum(clock.spent.values()), "wall": time.monotonic() - began}))


def _found(path: str):
    """A module, or a class in one."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        _one(*sys.argv[2:])
    else:
        main()
