"""From what the user named to entries: the kind of each source, several in a row, and which entries are meant."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, final

from driftcli.core import registry
from driftcli.core.addresses import is_web, scheme, shown
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.files import alike
from driftcli.core.images import Entry, Skipped
from driftcli.reading import holdings
from driftcli.reading.shard import Shard
from driftcli.sources.base import PATIENCE, ImageSource
from driftcli.sources.decoding.names import extension

if TYPE_CHECKING:
    from driftcli.config.settings import Input

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
ORIGIN = "\0source"
"""A column that no manifest can have: which of the sources named an entry is from, counted from 0."""
_SPEC_HINT = (
    "A source is a folder, a glob, an image, a manifest (.csv, .jsonl, .txt), a .zip, .tar or .parquet, any of them "
    "on a server (s3://, gs://, az://, https://), a profile (.safetensors), or - for a list."
)


def open_sources(
    specs: Sequence[str], options: Input, *, nul: bool = False, shard: Shard | None = None
) -> ImageSource:
    """All sources in the order named, with `--exclude`, `--since` and `--limit` applied.

    `shard`: only its entries, each with the column `ORIGIN`; all shards together offer what the sources do.
    Raises NotAuditedError for a source that does not exist or cannot be read, UsageError for a bad
    `--since`, standard input named twice, or a profile, which has no images to offer. Sources that offer nothing are no error here.
    """
    if specs.count("-") > 1:
        raise UsageError("standard input (-) is named twice", "Name it once.")
    sources = tuple(_open(spec, follow=options.follow, nul=nul) for spec in specs)
    for source in sources:
        source.check()
    return _Chosen(
        sources,
        _pattern(options.exclude),
        None if options.since is None else time.time() - _age(options.since),
        options.limit,
        shard,
    )


def prefix(spec: str) -> str:
    """The part of a source's entry names before their path within it: `images/`, `day.zip!`, or "".

    Raises as `open_sources`.
    """
    source: Any = _open(spec, follow=False, nul=False)
    return str(source.prefix)


@final
@dataclass(frozen=True)
class _Chosen(ImageSource):
    """Sources in a row; entries that are left out say why."""

    sources: tuple[Any, ...]
    """Kinds: an ImageSource that has a `path` and a `prefix`."""
    exclude: re.Pattern[str] | None
    not_before: float | None
    limit: int | None
    shard: Shard | None = None

    def count(self, seconds: float = PATIENCE) -> int | None:
        """Entries of all sources, left-out ones too, `--limit` at most; None where one does not know."""
        total = 0
        for source in self.sources:
            known: int | None = source.count(seconds)
            if known is None:
                return None
            total += known
        total = total if self.limit is None else min(total, self.limit)
        return total if self.shard is None else total // self.shard.of

    def __iter__(self) -> Iterator[Entry | Skipped]:
        if self.shard is None:
            yield from (item for _, item in self._chosen())
            return
        for number, item in self._chosen():
            if not self.shard.holds(item.name.removeprefix(self.sources[number].prefix)):
                continue
            if isinstance(item, Entry):
                yield replace(item, columns={**item.columns, ORIGIN: str(number)})
            else:
                yield item

    def _chosen(self) -> Iterator[tuple[int, Entry | Skipped]]:
        """All entries, each with the number of its source; the shard is for whoever iterates."""
        left = self.limit
        for number, source in enumerate(self.sources):
            before = source.prefix if self.exclude else ""
            for item in source:
                if reason := self._left_out(item, source, before):
                    yield number, Skipped(item.name, "skipped", reason)
                    continue
                if isinstance(item, Entry) and left is not None:
                    if left == 0:
                        return
                    left -= 1
                yield number, item

    def _left_out(self, entry: Entry | Skipped, source: Any, before: str) -> str | None:
        """`excluded` or `older`, or None; members are as old as their archive. What has a reason keeps it, but for closed folders."""
        if isinstance(entry, Skipped) and not holdings.is_unlisted(entry):
            return None
        if self.exclude is not None and self.exclude.match(entry.name.removeprefix(before)):
            return "excluded"
        if self.not_before is not None and isinstance(entry, Entry):
            try:
                moment = entry.modified
                if moment is None and entry.remote is None:
                    moment = os.stat(entry.path or source.path).st_mtime
                if moment is not None and moment < self.not_before:
                    return "older"
            except OSError:  # it has vanished: the worker says so
                return None
        return None


def _open(spec: str, *, follow: bool, nul: bool) -> ImageSource:
    kind: Any = registry.load("sources", _kind(spec))
    accepted = {field.name for field in fields(kind)}
    wishes = {"follow": follow, "nul": nul}
    source: ImageSource = kind(path=spec, **{name: wishes[name] for name in wishes if name in accepted})
    return source


def _kind(spec: str) -> str:
    """The kind of one source. What exists under that very name is no glob, whatever its characters."""
    if spec == "-":
        return "stdin"
    if scheme(spec) and not os.path.exists(spec):
        return _address(spec)
    try:
        os.stat(spec)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return _of_several(spec)
    except OSError as error:
        raise NotAuditedError(
            f"{spec!r} cannot be read: {error.strerror}", "Check its permissions."
        ) from error
    if os.path.isdir(spec):
        return "folder"
    taking = _taking(spec)
    if taking is not None:
        return taking
    if extension(spec) == "safetensors":
        raise UsageError(
            f"{spec!r} holds no pixels: as a SOURCE, a .safetensors file is a profile",
            "name the images that it was made of; check and baseline take profiles",
        )
    if extension(spec) in ("npz", "tfrecord"):
        raise NotAuditedError(f"{spec!r} holds no image files that can be read here", _SPEC_HINT)
    return "image"


def _address(spec: str) -> str:
    """The kind of what lies on a server: of one file by its name, as here, else that of the address."""
    schemes = {name: kind for kind, source in _kinds().items() for name in source.schemes}
    by_scheme = schemes.get(scheme(spec))
    if by_scheme is None:
        raise NotAuditedError(
            f"{shown(spec)!r} is an address that is not read",
            f"Addresses begin with {', '.join(f'{name}://' for name in schemes)} (pip install 'driftcli[remote]'); "
            "else copy the images to this machine.",
        )
    if "*" in spec and not is_web(spec):
        return by_scheme
    return _taking(spec, several=True) or _taking(spec) or by_scheme


def _taking(spec: str, *, several: bool = False) -> str | None:
    """The kind that takes a file of this name, or a name that stands for several files."""
    return next(
        (kind for kind, source in _kinds().items() if source.several == several and source.takes(spec)), None
    )


@cache
def _kinds() -> dict[str, type[ImageSource]]:
    return {kind: registry.load("sources", kind) for kind in registry.kinds("sources")}


def _of_several(spec: str) -> str:
    """The kind of a name that stands for several files."""
    if row := _taking(spec, several=True):
        return row
    if not glob.has_magic(spec) or "\0" in spec:
        raise NotAuditedError(f"there is no {spec!r}", _did_you_mean(spec))
    return "glob"


def _did_you_mean(spec: str) -> str:
    """The names beside it that are most alike, else what a source can be."""
    names = [repr(path) for path in alike(spec)]
    return f"Did you mean {' or '.join(names)}?" if names else _SPEC_HINT


def _pattern(globs: Sequence[str]) -> re.Pattern[str] | None:
    """Matches a relative path when a glob fits it, its last parts, or a folder that it lies in."""
    if not globs:
        return None
    any_of = "|".join(fnmatch.translate(pattern.rstrip("/")).removesuffix(r"\Z") for pattern in globs)
    return re.compile(rf"(?s:(?:.*/)?(?:{any_of})(?:/.*)?)\Z")


def _age(text: str) -> float:
    """`24h`, `7d`, `30m` in seconds."""
    match = re.fullmatch(r"(\d{1,9})\s*([smhdw])", text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no age", "Write a number and a unit: 30m, 24h, 7d, 2w.")
    return float(int(match[1]) * _UNITS[match[2]])
