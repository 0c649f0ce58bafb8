"""Worker processes from outside: who may start them, and when they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_from_code_without_a_main_guard(tmp_path, photo):
    """Plain subprocesses: neither a script nor a prompt needs one; no file nearby is taken for a module."""
    photo(0, 20, 20).save(tmp_path / "a.png")
    script = textwrap.dedent(f"""
        from driftcli.core.images import Entry
        from driftcli.sources.decoding.pool import DecodePool
        from driftcli.sources.decoding.settings import Decode
        with DecodePool(Decode(), {{}}, 2) as pool:
            for item in pool.map([Entry("a", {str(tmp_path / "a.png")!r})] * 3):
                print(item.facts.width, item.arrays)
    """)
    (tmp_path / "numpy.py").write_text("raise SystemExit('a trap')")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for arguments, text in (([], script), (["-i", "-q"], script + "\n\n")):
        done = subprocess.run(
            [sys.executable, "-P", *arguments, "-"] if not arguments else [sys.executable, "-P", *arguments],
            input=text, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert done.stdout == "20 {}\n" * 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent(number, tmp_path, photo):
    """Ctrl-C in the terminal, or a parent killed without a word: within 2 seconds nothing is left."""
    photo().save(tmp_path / "a.png")
    script = textwrap.dedent(f"""
        import itertools, signal
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
        from driftcli.core.images import Entry
        from driftcli.sources.decoding.pool import DecodePool
        from driftcli.sources.decoding.settings import Decode
        with DecodePool(Decode(), {{}}, 2) as pool:
            print(*(worker._process.pid for worker in pool._workers), flush=True)
            for item in pool.map(Entry("a", {str(tmp_path / "a.png")!r}) for _ in itertools.count()):
                pass
    """)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
    ) as parent:  # fmt: skip
        assert parent.stdout
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        time.sleep(0.5)
        started = time.monotonic()
        parent.send_signal(number)
        try:
            parent.wait(10)
        finally:
            parent.kill()
        while any(Path(f"/proc/{pid}").exists() and "Z" not in _state(pid) for pid in pids):
            assert time.monotonic() - started < 2
            time.sleep(0.02)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
