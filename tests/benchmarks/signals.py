"""Signals at random moments: how long each command lives on, with which code, and what it leaves behind.

    python tests/benchmarks/signals.py --trials 250 --seed 0 [--driftcli CHECKOUT]

`check`, `fit`, `baseline` and `profile` run on drawn images. After a time drawn between nothing and the whole life of the
command (measured first), SIGINT or SIGTERM is sent; in a quarter of the trials another one a moment later. Counted are:
exits later than two seconds after the signal, codes other than 130 or 143 (by its own hand, or because the signal came
before Python listened), tracebacks (those of Python's own start, before a line of driftcli has run, stand apart), processes of the session that are there a second later, files beside those of before,
and artifacts that changed though the command did not finish. A command that was faster than its signal is told apart.

The clock stands beside: each trial also asks how late this machine wakes a sleeper, since on a busy one two seconds are
not two seconds. `before` and `after` of a change: --driftcli names the checkout whose code runs.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
"""Seconds after which a process that does not end is killed and counted as hanging."""
FAST = (
    "--set",
    "extractors.autoencoder.epochs=2",
    "--set",
    "extractors.autoencoder.side=32",
    "--detectable",
    "none",
)


@dataclass
class Outcome:
    verb: str
    at: float
    """Seconds from the start of the process to the signal, as a share of the command's life."""
    seconds: float
    """From the signal to the end of the process."""
    late: float
    """How much later than asked a sleep of 10 ms ended at that time."""
    double: bool
    faults: list[str] = field(default_factory=list)
    finished: bool = False
    early: bool = False
    """Python itself was still starting, and told so with a traceback; no line of driftcli had run."""


def drawn(folder: Path, count: int, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    folder.mkdir()
    for number in range(count):
        small = Image.fromarray(rng.integers(0, 255, (12, 16, 3), np.uint8))
        small.resize((320, 240), Image.Resampling.BICUBIC).save(folder / f"{number:03}.jpg", quality=90)
    return folder


def state(folder: Path) -> dict[str, str]:
    """What lies in a folder: names with what is in the files; a database's own companions do not count."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
        if not path.name.endswith(("-wal", "-shm", "-journal"))
    }


def in_session(leader: int) -> list[int]:
    """Processes of a session that are alive; Linux only."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                rest = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(rest[3]) == leader and rest[0] not in "ZX":
                found.append(int(entry.name))
    return found


class Bench:
    def __init__(self, folder: Path, checkout: Path, seed: int) -> None:
        self.folder, self.rng = folder, random.Random(seed)  # noqa: S311
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("DRIFTCLI_")}
        self.env |= {"PYTHONPATH": str(checkout), "TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"}
        (folder / "tmp").mkdir()
        self.good, self.batch = drawn(folder / "good", 100, 0), drawn(folder / "batch", 24, 1)
        self.ready = folder / "ready"
        self.work = folder / "work"
        ran = self.start("fit", self.good, "-o", self.ready, *FAST)
        _, err = ran.communicate()
        if ran.returncode:
            raise SystemExit(f"fit: {err}")
        self.usual: set[str] = set()
        self.lives = {verb: self._life(verb) for verb in ("check", "fit", "baseline", "profile")}

    def start(self, *argv: object) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "driftcli", *map(str, argv), "--workers", "2", "--no-progress"]
        return subprocess.Popen(
            words, env=self.env, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    def command(self, verb: str) -> list[object]:
        """A fresh copy of the artifact to work on, and what is done with it."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        artifact = self.work / "ref"
        shutil.copytree(self.ready, artifact)
        return {
            "check": ["check", artifact, self.batch, "-o", self.work / "report.html", "-o", self.work / "r.json",
                      "--history", self.work / "history.db"],
            "fit": ["fit", self.good, "-o", artifact, "--force", *FAST],
            "baseline": ["baseline", artifact, self.batch, "--name", "late", "--detectable", "none"],
            "profile": ["profile", self.batch, "--artifact", artifact, "-o", self.work / "p.safetensors"],
        }[verb]  # fmt: skip

    def _life(self, verb: str) -> float:
        process, began = self.start(*self.command(verb)), time.monotonic()
        _, err = process.communicate()
        if process.returncode not in (0, 1, 3):
            raise SystemExit(f"{verb}: {err}")
        self.usual |= {
            path.name for path in (self.folder / "tmp").iterdir()
        }  # libraries' own, in a whole run too
        return time.monotonic() - began

    def trial(self) -> Outcome:
        verb, number = self.rng.choice(list(self.lives)), self.rng.choice([signal.SIGINT, signal.SIGTERM])
        at, gap = self.rng.random() * self.lives[verb], self.rng.random() * 0.2
        double = self.rng.random() < 0.25
        if self.rng.random() < 0.2:
            at = self.rng.random() * 0.4
        words = self.command(verb)
        before = state(self.work)
        process = self.start(*words)
        time.sleep(at)
        found = Outcome(verb, at / self.lives[verb], 0.0, 0.0, double, finished=process.poll() is not None)
        if found.finished:
            process.communicate()
            return found
        began = time.monotonic()
        process.send_signal(number)
        time.sleep(0.01)
        found.late = time.monotonic() - began - 0.01
        if double and process.poll() is None:
            time.sleep(gap)
            process.send_signal(number)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            found.faults.append("hangs")
        found.seconds = time.monotonic() - began
        if found.seconds > 2:
            found.faults.append("later than 2 s")
        found.faults += self._orphans(process.pid)
        out, err = process.communicate()
        told = bool(out) or process.returncode in (0, 1, 3)  # it had decided before the signal came
        if not told and process.returncode not in {128 + number, -number}:
            found.faults.append(f"code {process.returncode}: {err[-200:]}")
        found.early = "Traceback" in err and "/driftcli/" not in err
        if not found.early and ("Traceback" in err or "Exception ignored" in err):
            found.faults.append("traceback")
        found.faults += self._left(before, told=told)
        return found

    def _orphans(self, leader: int) -> list[str]:
        until = time.monotonic() + 1
        while (left := in_session(leader)) and time.monotonic() < until:
            time.sleep(0.02)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return ["orphan"] * len(left)

    def _left(self, before: dict[str, str], *, told: bool) -> list[str]:
        """What lies there that did not: files in the making, locks; an artifact that is neither the old one nor a whole one."""
        after = state(self.work)
        temporary = [path for path in (self.folder / "tmp").iterdir() if path.name not in self.usual]
        new = [
            name for name in set(after) - set(before) if any(x in name for x in (".tmp", ".partial", ".lock"))
        ]
        faults = [f"left {name}" for name in [*new, *map(str, temporary)]]
        for path in temporary:
            shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)
        was, now = (
            {k: v for k, v in each.items() if k.startswith("ref" + os.sep)} for each in (before, after)
        )
        if was != now and not told and not self._sound():
            faults.append("torn artifact")
        return faults

    def _sound(self) -> bool:
        """Whether the artifact is whole, though the command had no time to say that it was done."""
        code = (
            "import sys; from pathlib import Path; from driftcli.artifact import store; "
            "sys.exit(not all(f.ok for f in store.read(Path(sys.argv[1])).verify()))"
        )
        ran = subprocess.run([sys.executable, "-c", code, self.work / "ref"], env=self.env, check=False)
        return ran.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--driftcli", type=Path, default=ROOT)
    asked = parser.parse_args()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a job in the background ignores it, and so would its children
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), asked.driftcli.resolve(), asked.seed)
        print({verb: round(seconds, 1) for verb, seconds in bench.lives.items()}, flush=True)
        found = []
        for number in range(asked.trials):
            found.append(bench.trial())
            if found[-1].faults:
                print(f"  trial {number}: {found[-1]}", flush=True)
    sent = [each for each in found if not each.finished]
    seconds = np.array([each.seconds for each in sent])
    late = np.array([each.late for each in sent])
    faults = collections.Counter(fault.split(" ")[0] for each in sent for fault in set(each.faults))
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {len(sent)} signals, seed {asked.seed}"
    )
    print(f"seconds to the end: median {np.median(seconds):.3f}, 95 % {np.quantile(seconds, 0.95):.3f}, "
          f"99 % {np.quantile(seconds, 0.99):.3f}, longest {seconds.max():.3f}; "
          f"a sleeper woke up to {late.max():.3f} s late")  # fmt: skip
    print(
        f"faults: {dict(faults) or 'none'}; before driftcli's first line: {sum(each.early for each in sent)} tracebacks"
    )
    print(f"| a signal ends every command within 2 s, with its code, and leaves nothing | {len(sent)} | 0 | "
          f"{sum(bool(each.faults) for each in sent)} with a fault, longest {seconds.max():.2f} s |")  # fmt: skip


if __name__ == "__main__":
    main()
