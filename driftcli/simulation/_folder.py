"""A folder of drifted images on disk: made beside its place, complete or not at all."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from driftcli.core import abrupt
from driftcli.core.errors import DriftcliError, InternalError, UsageError
from driftcli.core.files import ABANDONED, replace_folder

MANIFEST = "manifest.csv"
COLUMNS = ("path", "source", "corruption", "severity", "amount")
"""The first columns of the manifest; those of the images' own manifests follow."""


@dataclass
class DriftedFolder:
    """A folder under construction: `with DriftedFolder(place) as folder:`; it appears when the block ends well.

    `force`: replace one that was written like this. Raises UsageError (before anything is done) for a place that is taken, InternalError when writing fails.
    """

    place: Path
    force: bool = False
    _rows: list[Mapping[str, str]] = field(default_factory=list)
    _taken: set[str] = field(default_factory=lambda: {MANIFEST})
    _folders: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.place = Path(os.path.abspath(self.place))  # noqa: PTH100 - a link is a place too
        mark = hashlib.sha256(os.fsencode(self.place.name)).hexdigest()[:16]
        self._left = f".driftcli-{mark}-*.partial"
        self._temporary = self.place.parent / f".driftcli-{mark}-{os.urandom(8).hex()}.partial"
        self._check_place()

    def __enter__(self) -> Self:
        try:
            self.place.parent.mkdir(parents=True, exist_ok=True)
            self._sweep()
            abrupt.in_the_making(self._temporary)
            self._temporary.mkdir()
        except OSError as error:
            raise self._failed(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._write_manifest()
                self._appear()
        except OSError as failed:
            raise self._failed(failed) from failed
        finally:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _sweep(self) -> None:
        """Puts a folder back that was taken out of its place by who was killed then, and removes what was left half-made.

        By age, for somebody else may be at work: a folder changes with every file.
        """
        for old in self.place.parent.glob(f"{self._left}-old"):
            if not os.path.lexists(self.place):
                old.rename(self.place)
            else:
                shutil.rmtree(old, ignore_errors=True)
        for left in self.place.parent.glob(self._left):
            with suppress(OSError):
                if left.stat().st_mtime < time.time() - ABANDONED:
                    shutil.rmtree(left, ignore_errors=True)

    def add(self, inside: str, data: bytes, facts: Mapping[str, str]) -> None:
        """Write one file at a relative path, made safe and unique, and keep its row of the manifest."""
        path = self._unique(_safe(inside))
        target = self._temporary / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        except (OSError, ValueError) as error:
            raise self._failed(error) from error
        self._rows.append({**facts, "path": path})

    def _check_place(self) -> None:
        if not os.path.lexists(self.place):
            return
        if not self.place.is_dir() or self.place.is_symlink():
            raise UsageError(f"{self.place} is no folder", "choose another -o")
        if not any(self.place.iterdir()):
            return
        if not _ours(self.place):
            raise UsageError(f"{self.place} holds other files", "choose a new or empty folder")
        if not self.force:
            raise UsageError(f"{self.place} exists", "use --force to replace it, or choose another -o")

    def _appear(self) -> None:
        """Takes the place, unless somebody else has taken it meanwhile."""
        self._check_place()
        replace_folder(self._temporary, self.place)

    def _write_manifest(self) -> None:
        more = sorted({name for row in self._rows for name in row} - set(COLUMNS))
        with (self._temporary / MANIFEST).open(
            "w", encoding="utf-8", errors="surrogateescape", newline=""
        ) as file:
            table = csv.DictWriter(file, [*COLUMNS, *more], restval="", lineterminator="\n")
            table.writeheader()
            table.writerows(self._rows)

    def _unique(self, path: str) -> str:
        """The path, or with -2, -3, ... before its ending: also where only capitals differ.

        An archive may hold `a` and `a/b`: what lies below a file is put beside it.
        """
        parents = [parent.as_posix().casefold() for parent in Path(path).parents][:-1]
        if any(parent in self._taken for parent in parents):
            path, parents = path.replace("/", "_"), []
        self._folders.update(parents)
        stem, ending = os.path.splitext(path)  # noqa: PTH122 - names need not be text
        number, unique = 1, path
        while unique.casefold() in self._taken or unique.casefold() in self._folders:
            number += 1
            unique = f"{stem}-{number}{ending}"
        self._taken.add(unique.casefold())
        return unique

    def _failed(self, error: Exception) -> DriftcliError:
        why = getattr(error, "strerror", None) or str(error)
        return InternalError(
            f"cannot write {self.place}: {why}", "free the disk, or choose another place with -o"
        )


def _safe(inside: str) -> str:
    """A relative path that cannot leave the folder: no root, no `..`."""
    parts = [part for part in inside.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "image"


def _ours(folder: Path) -> bool:
    """Whether `simulate` made it: its manifest begins as ours do."""
    try:
        with (folder / MANIFEST).open(encoding="utf-8", errors="replace") as file:
            return file.readline(1 << 16).strip().split(",")[: len(COLUMNS)] == list(COLUMNS)
    except OSError:
        return False


def check_apart(place: Path, sources: Sequence[str]) -> None:
    """Raise UsageError when the new folder would lie in a source, or a source in it."""
    target = Path(place).resolve()
    for name in sources:
        source = Path(name).resolve()
        if source == target or target in source.parents or (source.is_dir() and source in target.parents):
            raise UsageError(
                f"{place} and the source {name} lie in each other",
                "choose an -o outside of the sources: the next check would read the drifted copies",
            )
