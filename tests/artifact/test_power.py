"""Out of power at every call: what was never synced may be lost, and the artifact is still old or new."""

from __future__ import annotations

import os
from pathlib import Path

from driftcli.artifact import store
from tests.artifact.support import build, change, intercepted, sound


class Disk:
    """What a disk may hold after a power cut, when only fsync orders anything.

    A file holds what it held at its last fsync, else nothing. The folder shows what it showed at its last
    fsync, plus any of the later changes: the first n, one alone, or all but one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inodes = {entry.name: entry.stat().st_ino for entry in folder.iterdir()}
        self.content = {entry.stat().st_ino: entry.read_bytes() for entry in folder.iterdir()}
        self.pending: list[tuple[str, int | None]] = []
        self.opened: dict[int, Path] = {}

    def act(self, _number, name, real, args, kwargs):
        result = real(*args, **kwargs)
        if name == "open":
            self.opened[result] = Path(args[0])
            if args[1] & os.O_CREAT:
                self.note(Path(args[0]))
        elif name == "fsync" and self.opened[args[0]] == self.folder:
            self.inodes, self.pending = self.shown(self.pending), []
        elif name == "fsync":
            file = self.opened[args[0]]
            self.content[file.stat().st_ino] = file.read_bytes()
        elif name == "link":
            self.note(Path(args[1]))
        elif name == "replace":
            self.pending.append((Path(args[0]).name, None))
            self.note(Path(args[1]))
        elif name == "unlink":
            self.pending.append((Path(args[0]).name, None))
        self.images.extend(self.possible())
        return result

    images: list[dict[str, bytes]]

    def note(self, path: Path) -> None:
        inode = path.stat().st_ino
        if path.name.startswith("."):
            self.content.setdefault(inode, b"")
        self.pending.append((path.name, inode))

    def shown(self, changes) -> dict[str, int]:
        names = dict(self.inodes)
        for name, inode in changes:
            names.pop(name, None) if inode is None else names.update({name: inode})
        return names

    def possible(self):
        count = len(self.pending)
        subsets = [self.pending[:first] for first in range(count + 1)]
        subsets += [[change] for change in self.pending]
        subsets += [self.pending[:at] + self.pending[at + 1 :] for at in range(count)]
        for subset in subsets:
            names = self.shown(subset)
            yield {name: self.content.get(inode, b"") for name, inode in names.items()}


def test_out_of_power_at_every_call(tmp_path, monkeypatch):
    """States are on the disk before the manifest that names them, and it before anything old goes."""
    path = tmp_path / "a"
    build(path, "older", seed=20)
    build(path, "old")
    keep = [os.open(entry, os.O_RDONLY) for entry in path.iterdir()]  # no inode number is used twice
    disk = Disk(path)
    disk.images = []
    with intercepted(monkeypatch, disk.act):
        change(path)
        with store.writing(path) as draft:  # removes the old files
            draft.document["version"] = "newer"
    seen = {}
    for image in disk.images:
        key = tuple(sorted(image.items()))
        if key in seen:
            continue
        target = tmp_path / f"image{len(seen)}"
        target.mkdir()
        for name, content in image.items():
            (target / name).write_bytes(content)
        seen[key] = sound(target)
    for descriptor in keep:
        os.close(descriptor)
    assert set(seen.values()) == {"old", "new", "newer"}
    assert len(seen) > 60
    print(f"{len(seen)} different disks")
