"""Could pebble be the workers, filelock the lock? Run it after `pip install pebble filelock`.

Both pools run the very same decoding (`worker.Task.answer`, with what the default extractors prepare) on drawn JPEGs, one
worker, rounds in turn; then each is started by a script without a main guard, and loses its parent. Locks: a holder on this
machine that was killed, and one of another machine that was last heard of eleven minutes ago.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from driftcli.core import registry
from driftcli.core.images import Decoded, Entry
from driftcli.sources.decoding.pool import DecodePool
from driftcli.sources.decoding.settings import Decode
from driftcli.sources.decoding.worker import Task

FILES, ROUNDS = 200, 5
EXTRACTORS = {
    kind: registry.load("extractors", kind)() for kind in ("embedding", "autoencoder", "properties")
}
SETUP = {
    "decode": asdict(Decode()), "follow": False, "thumbnails": False, "pictures": False,
    "loader": "driftcli.core.registry", "extractors": {kind: asdict(one) for kind, one in EXTRACTORS.items()},
}  # fmt: skip
TASK: list[Task] = []


def begin() -> None:
    """In pebble's worker, once."""
    TASK.append(Task(SETUP))


def answer(path: str):
    """In pebble's worker: what our worker does with a file; arrays as bytes, since views cannot be pickled."""
    header, parts = TASK[0].answer({"name": path, "path": path}, b"")
    return header, [bytes(part) for part in parts]


def drawn(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    paths = []
    for number in range(FILES):
        small = Image.fromarray(rng.integers(0, 255, (24, 32, 3), np.uint8))
        path = folder / f"{number:04}.jpg"
        small.resize((640, 480), Image.Resampling.BICUBIC).save(path, quality=90)
        paths.append(str(path))
    return paths


def ours(paths: list[str]) -> float:
    with DecodePool(Decode(), EXTRACTORS, 1) as pool:
        warm = list(pool.map([Entry(paths[0], paths[0])]))
        started = time.perf_counter()
        found = list(pool.map(Entry(path, path) for path in paths))
        seconds = time.perf_counter() - started
    assert all(isinstance(item, Decoded) for item in (*warm, *found))
    return len(paths) / seconds


def pebbles(paths: list[str]) -> float:
    from pebble import ProcessPool

    context = multiprocessing.get_context("spawn")
    with ProcessPool(max_workers=1, initializer=begin, context=context) as pool:
        pool.schedule(answer, args=[paths[0]]).result()
        started = time.perf_counter()
        futures = [pool.schedule(answer, args=[path], timeout=30) for path in paths]
        found = [future.result() for future in futures]
        seconds = time.perf_counter() - started
    assert all(header["arrays"] for header, _ in found)
    return len(paths) / seconds


SCRIPT = """
import sys, time
sys.path[:0] = {path!r}
{make}
"""
MAKE = {
    "ours": """
from driftcli.sources.decoding.pool import DecodePool
from driftcli.sources.decoding.settings import Decode
from driftcli.core.images import Entry
with DecodePool(Decode(), {{}}, 1) as pool:
    print(sum(1 for _ in pool.map([Entry("a", {image!r})])), flush=True)
    print(pool._workers[0]._process.pid, flush=True)
    time.sleep({rest})
""",
    "pebble": """
import os, multiprocessing
from pebble import ProcessPool
with ProcessPool(max_workers=1, context=multiprocessing.get_context({method!r})) as pool:
    print(pool.schedule(len, args=["a"]).result(timeout=20), flush=True)
    print(pool.schedule(os.getpid).result(), flush=True)
    time.sleep({rest})
""",
}


def script(kind: str, image: str, rest: float, method: str = "spawn") -> str:
    return SCRIPT.format(path=sys.path, make=MAKE[kind].format(image=image, rest=rest, method=method))


def without_a_guard(folder: Path, kind: str, image: str) -> str:
    """A plain script, as people write them, without `if __name__ == "__main__"`."""
    path = folder / f"{kind}.py"
    path.write_text(script(kind, image, 0))
    try:
        ran = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return "hangs (given up after 60 s)"
    return "works" if ran.returncode == 0 else f"fails: {(ran.stderr.strip().splitlines() or ['?'])[-1][:80]}"


def orphan(folder: Path, kind: str, image: str) -> str:
    """Seconds that an idle worker outlives a parent that was killed."""
    path = folder / f"guarded_{kind}.py"
    body = script(kind, image, 600).replace("\n", "\n    ")
    path.write_text(f"if __name__ == '__main__':\n    {body}")
    with subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        parent.stdout.readline()
        pid = int(parent.stdout.readline())
        parent.kill()
    started = time.monotonic()
    while time.monotonic() - started < 20:
        if not Path(f"/proc/{pid}").exists() or "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return f"gone after {time.monotonic() - started:.1f} s"
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return "still there after 20 s"


def dead_holder(place: Path, hold: Callable[[Path], Any], *, elsewhere: bool) -> None:
    """A lock in `place` whose holder was killed; `elsewhere`: on another machine, eleven minutes ago."""
    pid = os.fork()
    if pid == 0:
        held = hold(place)  # named: filelock gives a lock back that nobody knows any more
        held.__enter__()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    if elsewhere:
        then, host = time.time() - 660, socket.gethostname().encode()
        for path in place.iterdir():
            said = path.read_bytes()
            assert host in said
            path.write_bytes(said.replace(host, b"another-machine"))
            os.utime(path, (then, then))


def driftcli_takes(place: Path) -> bool:
    from driftcli.artifact import _lock
    from driftcli.core.errors import InternalError

    try:
        with _lock.held(place, 3):
            return True
    except InternalError:
        return False


def takes(lock: Any) -> bool:
    from filelock import Timeout

    try:
        with lock:
            return True
    except Timeout:
        return False


def locks(folder: Path) -> None:
    from filelock import SoftFileLease, SoftFileLock

    from driftcli.artifact import _lock

    makers: dict[str, tuple[Callable[[Path], Any], Callable[[Path], bool]]] = {
        "driftcli": (lambda place: _lock.held(place, 0), driftcli_takes),
        "filelock.SoftFileLock": (
            lambda place: SoftFileLock(place / "l", timeout=0),
            lambda place: takes(SoftFileLock(place / "l", timeout=3)),
        ),
        "filelock.SoftFileLease(600 s)": (
            lambda place: SoftFileLease(place / "l", lease_duration=600, timeout=0),
            lambda place: takes(SoftFileLease(place / "l", lease_duration=600, timeout=3)),
        ),
    }
    for name, (hold, taken) in makers.items():
        for elsewhere in (False, True):
            place = Path(tempfile.mkdtemp(dir=folder))
            dead_holder(place, hold, elsewhere=elsewhere)
            started = time.monotonic()
            answer = "taken" if taken(place) else "not taken"
            case = "silent elsewhere" if elsewhere else "killed here"
            print(f"  {name:<32} {case:<18} {answer} after {time.monotonic() - started:.1f} s")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = drawn(folder)
        rates: dict[str, list[float]] = {"ours": [], "pebble": []}
        for _ in range(ROUNDS):
            rates["ours"].append(ours(paths))
            rates["pebble"].append(pebbles(paths))
        print(f"files/s, one worker, {FILES} files, {ROUNDS} rounds in turn: median (lowest to highest)")
        for kind, found in rates.items():
            print(f"  {kind:<8} {statistics.median(found):6.1f} ({min(found):.1f} to {max(found):.1f})")
        print("a script without a main guard")
        for kind in MAKE:
            print(f"  {kind:<8} {without_a_guard(folder, kind, paths[0])}")
        print("an idle worker whose parent was killed")
        for kind in MAKE:
            print(f"  {kind:<8} {orphan(folder, kind, paths[0])}")
        print("a lock whose holder is gone, asked for with three seconds of patience")
        locks(folder)


if __name__ == "__main__":
    main()
