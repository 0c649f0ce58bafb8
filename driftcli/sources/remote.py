"""Images on a server: all below a prefix of a bucket, those that match a pattern, or one by its address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

from driftcli.core.addresses import is_web, shown
from driftcli.core.errors import NotAuditedError
from driftcli.core.images import Entry, Skipped
from driftcli.core.images import Remote as Object
from driftcli.sources._holders import holder_of
from driftcli.sources._named import SCHEMES
from driftcli.sources.base import PATIENCE, ImageSource
from driftcli.sources.decoding.names import left_out, passed_over, promises_image
from driftcli.sources.objects.asking import Fault, not_there
from driftcli.sources.objects.fetch import facts
from driftcli.sources.objects.listing import listing


@final
@dataclass(frozen=True)
class Remote(ImageSource):
    """Entries of the objects below a prefix, in the byte order of their keys, as a folder would give them.

    `s3://bucket/images`, `gs://...`, `az://...`; `s3://bucket/images/*.jpg` with `*`, `?` and `**` (archives and Parquet
    files where it ends like one); one image by an address that ends like one, `https://` too. Bytes are fetched later, and only those that are wanted. A listing that breaks
    off raises NotAuditedError. Memory: one page of names.
    """

    schemes: ClassVar[tuple[str, ...]] = SCHEMES

    path: str

    @property
    def prefix(self) -> str:
        """The part of entry names before the key relative to the prefix: `s3://bucket/images/`."""
        if self._one:
            return shown(self.path).rpartition("/")[0] + "/"
        return self._root.rstrip("/") + "/"

    def check(self) -> None:
        """One question to the server: is it there? Raises NotAuditedError, UsageError."""
        try:
            if self._one:
                facts(self.path)
                return
            if is_web(self.path):
                raise NotAuditedError(
                    f"{shown(self.path)!r} names no image",
                    "A web address names one image, archive or manifest.",
                )
            if next(listing(self._root, 1), None) is None:
                raise NotAuditedError(f"there is nothing below {self._root!r}", "Check bucket and prefix.")
        except Fault as fault:
            raise not_there(shown(self.path), fault) from fault

    def count(self, seconds: float = PATIENCE) -> int | None:  # noqa: ARG002 - no list is asked for, for progress alone
        """1 of an image; None of a prefix: counting costs requests that somebody pays."""
        return 1 if self._one else None

    def __iter__(self) -> Iterator[Entry | Skipped]:
        try:
            if self._one:
                now = facts(self.path)
                yield Entry(
                    shown(self.path), remote=Object(self.path, now.size, now.etag), modified=now.modified
                )
            else:
                yield from self._below()
        except Fault as fault:
            raise not_there(shown(self.path), fault) from fault

    @property
    def _one(self) -> bool:
        return promises_image(shown(self.path)) and not _is_pattern(self.path)

    @property
    def _root(self) -> str:
        """What is listed: the address up to the first folder with a wildcard."""
        if not _is_pattern(self.path):
            return self.path
        parts = self.path.split("/")
        wild = next(i for i, part in enumerate(parts) if _is_pattern(part))
        return "/".join(parts[:wild])

    def _below(self) -> Iterator[Entry | Skipped]:
        holder = holder_of(self.path) if _is_pattern(self.path) else None
        before, passed = self.prefix, ""
        matches = _pattern(self.path) if _is_pattern(self.path) else None
        for found, modified in listing(self._root):
            name = found.address
            if (passed and name.startswith(passed)) or (matches and not matches.fullmatch(name)):
                continue
            *folders, base = name.removeprefix(before).split("/")
            hidden = next((i for i, folder in enumerate(folders) if left_out(folder)), None)
            if hidden is not None:  # once for all that lies in it, as in a folder
                passed = before + "/".join(folders[: hidden + 1]) + "/"
                yield Skipped(passed.rstrip("/"), "skipped", left_out(folders[hidden]) or "hidden")
            elif holder is not None:
                yield from holder(name)
            elif reason := _reason(base, found):
                yield Skipped(name, "skipped", reason)
            else:
                yield Entry(name, remote=found, modified=modified)


def _reason(base: str, found: Object) -> str | None:
    """Why an object is passed over for its name, or because it stands for a folder: nothing, without an ending."""
    return passed_over(base) or ("not_a_file" if found.size == 0 and not promises_image(base) else None)


def _is_pattern(text: str) -> bool:
    """Whether a key has wildcards; brackets are characters of keys, and `?` begins a query on the web."""
    return not is_web(text) and ("*" in text or "?" in text)


def _pattern(text: str) -> re.Pattern[str]:
    """`*` and `?` within a part of the key, `**/` for any number of parts."""
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile(
        "".join(words.get(part) or re.escape(part) for part in re.split(r"(\*\*/|\*\*|\*|\?)", text)),
        re.DOTALL,
    )
