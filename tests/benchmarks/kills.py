"""Report folders, histories and every other writer under SIGKILL and failing disks: old or new, and nothing left after the next run.

    python -m tests.benchmarks.kills random --times 300      # SIGKILL at random instants of writing `-o html=DIR/ -o bundle=DIR`
    python -m tests.benchmarks.kills folder                  # ... at every system call by which it changes folders (strace)
    python -m tests.benchmarks.kills history                 # ... at every system call of `check --history` on its file (strace)
    python -m tests.benchmarks.kills history --error ENOSPC  # these calls fail instead: exit code 4, the old history intact
    python -m tests.benchmarks.kills writers --times 150     # two processes write one report folder at once
    python -m tests.benchmarks.kills baselines --times 200   # two processes add a baseline to one artifact at once

Commands run in forked children of one process, so that what is loaded is loaded once. `folder` and `history` attach strace to them
(Linux, and the right to trace). Each prints a Markdown row; the exit code is 1 where anything was torn, lost or left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image, ImageOps

from driftcli.check_history import read as history
from driftcli.cli import _folder, app
from driftcli.core.errors import DriftcliError
from driftcli.reports.bundle import Bundle
from driftcli.reports.html import Html
from driftcli.reports.saved.bundle import read_bundle
from tests.benchmarks._lab import machine
from tests.journey import pictures

FIXTURE = Path(__file__).parents[1] / "fixtures" / "0.1.0" / "bundle"
FAST = ("--method", "properties", "--detectable", "none", "--workers", "1", "-q")
CHANGES = ("mkdir", "rename", "unlink", "rmdir", "fsync", "flock", "write", "openat")
ON_HISTORY = (
    "openat",
    "pwrite64",
    "fdatasync",
    "fsync",
    "ftruncate",
    "unlink",
    "fcntl",
    "mmap",
    "close",
    "pread64",
    "newfstatat",
)


def run(*words: object) -> int:
    """A command line in this process."""
    return app.run([str(word) for word in words])


def child(action: Callable[[], int], *, wait: bool = True) -> int:
    """Starts an action in a child without a voice; its process id. With `wait` it begins when its parent says so (SIGCONT)."""
    pid = os.fork()
    if pid:
        return pid
    try:
        if wait:
            os.kill(os.getpid(), signal.SIGSTOP)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        os._exit(action())
    finally:
        os._exit(99)


def ended(pid: int) -> int:
    """The child's exit code; -9 if it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def traced(action: Callable[[], int], *options: str, log: Path) -> int:
    """The exit code of an action under strace."""
    pid = child(action)
    os.waitpid(pid, os.WUNTRACED)
    words = ["strace", "-p", str(pid), "-o", str(log), *options]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr
        said = strace.stderr.readline()
        if "attached" not in said:
            os.kill(pid, signal.SIGKILL)
            raise SystemExit(f"strace cannot trace here: {said}")
        os.kill(pid, signal.SIGCONT)
        return ended(pid)


class World:
    """Two bundles to draw from, and what the report folders may show; for checks an artifact, and a batch as a profile."""

    def __init__(self, place: Path, *, checks: bool) -> None:
        self.place, self.out = place, place / "out"
        self.ref, self.profile = place / "ref", place / "batch.safetensors"
        if checks:
            good, batch = pictures(place / "good", 100, 1), pictures(place / "batch", 30, 2)
            made = run("fit", good, "-o", self.ref, *FAST)
            if made or run(
                "profile", batch, "--artifact", self.ref, "-o", self.profile, "--workers", 1, "-q"
            ):
                raise SystemExit("the artifact could not be made")
            return
        for name, day in (("old", "2026-01-01"), ("new", "2026-01-02")):
            shutil.copytree(FIXTURE, place / name)
            result = place / name / "result.json"
            text = re.sub(r'"created": "[0-9-]*', f'"created": "{day}', result.read_text(encoding="utf-8"))
            result.write_text(text, encoding="utf-8")
        for picture in (place / "new" / "pictures").iterdir():
            with Image.open(picture) as image:
                ImageOps.mirror(image).save(picture)
        self.created = {read_bundle(place / name)[0].created: name for name in ("old", "new")}
        self.files = {}
        for name in ("old", "new"):
            report, gallery = read_bundle(place / name)
            self.files[name] = {
                "page": Html().files(report, gallery),
                "bundle": Bundle().files(report, gallery),
            }
        self.write("new")
        self.write("old")

    def write(self, name: str, told: int | None = None) -> int:
        """Both folders, as `-o html=DIR/ -o bundle=DIR` write them; exit code. `told`: gets a byte at the beginning and the end."""
        try:
            if told is not None:
                os.write(told, b"x")
            for kind, files in self.files[name].items():
                _folder.write(self.out / kind, files)
            if told is not None:
                os.write(told, b"y")
        except DriftcliError:
            return 4
        return 0

    def shown(self) -> dict[str, str]:
        """What each folder shows: `old`, `new`, `nothing` or `torn`."""
        return {"html": self._page(self.out / "page"), "bundle": self._bundle(self.out / "bundle")}

    def left(self) -> set[str]:
        """What lies in or beside the folders and belongs to no report."""
        beside = {path.name for path in self.out.iterdir()} - {"page", "bundle"}
        page = {
            str(path.relative_to(self.out / "page"))
            for path in (self.out / "page").rglob("*")
            if path.is_file()
        }
        inside = page - self._named(self.out / "page") - {"index.html", ".driftcli-report"}
        other = {path.name for path in (self.out / "bundle").rglob("*") if path.name.endswith(".tmp")}
        more = {path.name for path in (self.out / "bundle").glob("pictures*.json")}
        return beside | inside | other | (more if len(more) > 1 else set())

    def _named(self, page: Path) -> set[str]:
        text = (page / "index.html").read_text(encoding="utf-8")
        return set(re.findall(r'(?:src|href)="((?:images/|style)[^"#]*)"', text))

    def _page(self, page: Path) -> str:
        if not (page / "index.html").is_file():
            return "nothing"
        if not all((page / name).is_file() for name in self._named(page)):
            return "torn"
        text = (page / "index.html").read_text(encoding="utf-8")
        return next((name for created, name in self.created.items() if created[:10] in text), "unknown")

    def _bundle(self, bundle: Path) -> str:
        if not (bundle / "result.json").is_file():
            return "nothing"
        try:
            report, gallery = read_bundle(bundle)
        except DriftcliError:
            return "torn"
        return self.created[report.created] if gallery.worst or gallery.reason else "torn"


def after_a_kill(world: World, counts: Counter[str]) -> None:
    """What the folders show now, and what the next run leaves; everything is put back to `old`."""
    for kind, shown in world.shown().items():
        counts[f"{kind} {shown}"] += 1
    code = ended(child(lambda: world.write("old"), wait=False))
    counts["next run failed"] += code != 0
    counts["left after it"] += bool(world.left())
    if code or world.left() or set(world.shown().values()) != {"old"}:
        shutil.rmtree(world.out, ignore_errors=True)
        ended(child(lambda: world.write("old"), wait=False))


def at_random(world: World, counts: Counter[str], times: int, seed: int) -> None:
    """SIGKILL between the first and the last instant of the writing, uniformly."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    theirs, ours = os.pipe()
    lengths = []
    for _ in range(5):
        pid = child(lambda: world.write("old", ours), wait=False)
        os.read(theirs, 1)
        began = time.monotonic()
        os.read(theirs, 1)
        lengths.append(time.monotonic() - began)
        ended(pid)
    while sum(counts[f"html {shown}"] for shown in ("old", "new", "nothing", "torn", "unknown")) < times:
        pid = child(lambda: world.write("new", ours), wait=False)
        os.read(theirs, 1)
        time.sleep(rng.uniform(0, sorted(lengths)[2]))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if ended(pid) == -signal.SIGKILL:
            after_a_kill(world, counts)
            while select_ready(theirs):
                os.read(theirs, 1)


def select_ready(descriptor: int) -> bool:
    """Whether something can be read."""
    import select

    return bool(select.select([descriptor], [], [], 0)[0])


def at_every_call(world: World, counts: Counter[str]) -> None:
    """SIGKILL before each call of CHANGES that writing both folders makes."""
    log = world.place / "log"
    ended(child(lambda: world.write("old"), wait=False))
    for call in CHANGES:
        for number in range(1, 10_000):
            code = traced(
                lambda: world.write("new"),
                "-e",
                f"trace={call}",
                "-e",
                f"inject={call}:signal=SIGKILL:when={number}",
                log=log,
            )
            if code != -signal.SIGKILL:
                ended(child(lambda: world.write("old"), wait=False))
                break
            counts[f"kill points at {call}"] += 1
            after_a_kill(world, counts)


def at_the_history(world: World, counts: Counter[str], error: str | None) -> None:
    """`check --history` killed before, or refused, each call on its file: how many checks it holds, and the next check."""
    log, kept, file = world.place / "log", world.place / "kept.db", world.place / "past.db"
    words = ("check", world.ref, world.profile, "--exit-zero", "-q", "--history", file)
    for _ in range(2):
        ended(child(lambda: run(*words), wait=False))
    shutil.copy(file, kept)
    before = len(history.read(kept).checks)
    paths = [option for name in ("", "-wal", "-shm", "-journal") for option in ("-P", f"{file}{name}")]
    deed = f"error={error}" if error else "signal=SIGKILL"
    for existing in (True, False):
        for call in ON_HISTORY:
            for number in range(1, 1_000):
                for path in world.place.glob("past.db*"):
                    path.unlink()
                if existing:
                    shutil.copy(kept, file)
                code = traced(
                    lambda: run(*words),
                    *paths,
                    "-e",
                    f"trace={call}",
                    "-e",
                    f"inject={call}:{deed}:when={number}",
                    log=log,
                )
                if "INJECTED" not in log.read_text() and code == 0:
                    break
                counts[f"points at {call}"] += 1
                counts[f"exit code {code}"] += 1
                old = before if existing else 0
                found = _checks(file)
                allowed = {old, old + 1} if code else {old + 1}
                counts["torn"] += found not in allowed
                counts["new" if found == old + 1 else "old"] += 1
                again = ended(child(lambda: run(*words), wait=False))
                counts["next check failed"] += again != 0 or _checks(file) != found + 1
                counts["left after it"] += len(list(world.place.glob("past.db*"))) > 1


def _checks(file: Path) -> int:
    """How many checks a history holds, looked at as SQLite alone does; -1 for a torn one."""
    if not file.exists() or not file.stat().st_size:
        return 0
    with contextlib.closing(sqlite3.connect(file)) as db:
        try:
            whole = db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            there = db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'checks'").fetchone()[0]
            rows = db.execute("SELECT count(*) FROM checks").fetchone()[0] if there else 0
            families = (
                db.execute("SELECT count(DISTINCT check_id) FROM families").fetchone()[0] if there else 0
            )
        except sqlite3.DatabaseError:
            return -1
    return rows if whole and rows == families else -1


def go_on(children: list[int], counts: Counter[str]) -> None:
    """All children, each stopped before its work, at the same instant to their end."""
    for pid in children:
        os.waitpid(pid, os.WUNTRACED)
    for pid in children:
        os.kill(pid, signal.SIGCONT)
    for pid in children:
        counts[f"exit code {ended(pid)}"] += 1


def two_writers(world: World, counts: Counter[str], times: int) -> None:
    """Two processes draw another report into the same folders at the same instant."""
    for _ in range(times):
        children = [child(lambda name=name: world.write(name)) for name in ("old", "new")]  # type: ignore[misc]
        go_on(children, counts)
        for kind, shown in world.shown().items():
            counts[f"{kind} {shown}"] += 1
        counts["left after it"] += bool(world.left())


def two_baselines(world: World, counts: Counter[str], times: int) -> None:
    """Two baselines of different names, made at the same instant: the artifact must keep both."""
    from driftcli.artifact import store

    good = [pictures(world.place / f"good-{name}", 24, seed) for seed, name in enumerate("ab", 5)]
    words = ("--detectable", "none", "--workers", "1", "-q")
    for number in range(times):
        names = [f"{letter}{number}" for letter in "ab"]
        shutil.copytree(world.ref, ref := world.place / "twice")
        children = [
            child(
                lambda name=name, folder=folder, ref=ref: run("baseline", ref, folder, "--name", name, *words)
            )  # type: ignore[misc]
            for name, folder in zip(names, good, strict=True)
        ]
        go_on(children, counts)
        found = store.read(ref)
        sound = all(check.ok for check in found.verify())
        counts["both kept"] += sound and set(names) <= set(found.manifest["baselines"])
        strays = (
            {path.name for path in ref.iterdir()}
            - {"manifest.json"}
            - {each.name for each in found.files.values()}
        )
        counts["left after it"] += bool(strays)
        shutil.rmtree(ref)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what commands say of themselves."""
    kept = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(null)


def main() -> int:
    """One mode, one row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mode", choices=["random", "folder", "history", "writers", "baselines"])
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--error", default=None, help="of `history`: an errno's name in place of SIGKILL")
    asked = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        with quiet():
            world = World(Path(folder).resolve(), checks=asked.mode in {"history", "baselines"})
        began = time.monotonic()
        counts: Counter[str] = Counter()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            {
                "random": lambda: at_random(world, counts, asked.times, asked.seed),
                "folder": lambda: at_every_call(world, counts),
                "history": lambda: at_the_history(world, counts, asked.error),
                "writers": lambda: two_writers(world, counts, asked.times),
                "baselines": lambda: two_baselines(world, counts, asked.times),
            }[asked.mode]()
        except KeyboardInterrupt:
            counts["ended early"] = 1
        seconds = time.monotonic() - began
    told = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count)
    print(f"| {' '.join(sys.argv[1:])} | {told} | {seconds:.0f} s |")
    bad = ("torn", "nothing", "unknown", "failed", "left", "exit code 99")
    return int(any(count for name, count in counts.items() if any(word in name for word in bad)))


if __name__ == "__main__":
    sys.exit(main())
