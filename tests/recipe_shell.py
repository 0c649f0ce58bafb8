"""Runs a recipe's shell for real, with a `driftcli` that is this very process: torch is loaded once for all of them.

The shell is a process of its own, with its own redirections, and waits for the exit code; the stand-in on its PATH hands
over its words, folder, environment and open files.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from driftcli.cli import app

CLIENT = """\
#!{python} -S
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({place!r})
said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(server, [len(said).to_bytes(4, "big")], [1, 2])
server.sendall(said)
sys.exit(int(server.recv(16)))
"""
SECONDS = 120


@dataclass
class Shell:
    """A folder of programs, `driftcli` among them, and what `driftcli` was asked so far."""

    folder: Path
    asked: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.programs.mkdir(parents=True)
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(self.folder / "s"))
        self.server.listen()
        self.server.settimeout(0.05)
        self.program("driftcli", CLIENT.format(python=sys.executable, place=str(self.folder / "s")))

    @property
    def programs(self) -> Path:
        """First on every PATH."""
        return self.folder / "bin"

    def program(self, name: str, script: str) -> None:
        """A stand-in for a program."""
        path = self.programs / name
        path.write_text(script)
        path.chmod(0o755)

    def noting(self, name: str) -> Path:
        """A stand-in that only writes its words down, one line a call; the file of notes."""
        notes = self.folder / f"{name}.notes"
        self.program(name, f'#!/bin/sh\necho "$*" >> {shlex.quote(str(notes))}\n')
        return notes

    def run(
        self, command: Sequence[str], place: Path, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The command in `place`, to its end; it sees nothing of our environment but what is named."""
        env = {
            "PATH": f"{self.programs}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            **(environ or {}),
        }
        out, err = self.folder / "out", self.folder / "err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(command, cwd=place, env=env, stdout=stdout, stderr=stderr)
            try:
                while process.poll() is None:
                    self._serve()
            finally:
                process.kill()
                process.wait()
        return subprocess.CompletedProcess(command, process.returncode, out.read_text(), err.read_text())

    def _serve(self) -> None:
        """One call of `driftcli`, if there is one."""
        try:
            caller, _ = self.server.accept()
        except TimeoutError:
            return
        with caller:
            caller.settimeout(SECONDS)
            size, files, *_ = socket.recv_fds(caller, 4, 2)
            said = b""
            while len(said) < int.from_bytes(size, "big"):
                said += caller.recv(65536)
            argv, place, environ = json.loads(said)
            self.asked.append(argv)
            caller.sendall(str(_called(argv, place, environ, files)).encode())

    def close(self) -> None:
        self.server.close()


def _called(argv: list[str], place: str, environ: dict[str, str], files: Sequence[int]) -> int:
    """`driftcli` as if it had been started there, so, and with these files as its output."""
    kept = Path.cwd(), dict(os.environ), sys.stdout, sys.stderr
    with os.fdopen(files[0], "w", encoding="utf-8") as out, os.fdopen(files[1], "w", encoding="utf-8") as err:
        try:
            os.chdir(place)
            os.environ.clear()
            os.environ.update(environ)
            sys.stdout, sys.stderr = out, err
            return app.run(argv)
        finally:
            os.chdir(kept[0])
            os.environ.clear()
            os.environ.update(kept[1])
            sys.stdout, sys.stderr = kept[2:]
