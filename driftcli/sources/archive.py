"""Images inside .zip and .tar files, read one by one and never unpacked; WebDataset shards too."""

from __future__ import annotations

import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO, Any, final

from driftcli.core.addresses import scheme, shown
from driftcli.core.errors import NotAuditedError
from driftcli.core.files import Refused
from driftcli.core.images import Entry, Skipped
from driftcli.sources import _unpacking as unpacking
from driftcli.sources._samples import LONGEST_LABEL, SIDECARS, Member, labelled
from driftcli.sources.base import PATIENCE, ImageSource
from driftcli.sources.decoding.names import left_out, passed_over
from driftcli.sources.objects.reader import last_changed, opened

_NAMES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_LARGEST_HEADER = 1 << 20
_BLOCK = 1 << 18
"""Bytes of a stream that are asked for at a time: tarfile's own ten kilobytes make skipping slow."""
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    IndexError,  # a member without a name
)
_ENDS = ("EOFHeaderError", "EmptyHeaderError")
_LONG_HEADERS = (
    tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
)  # fmt: skip


@final
@dataclass(frozen=True)
class Archive(ImageSource):
    """Entries of the members of a .zip (in the byte order of their names) or a .tar (as they come), never unpacked.

    Names are `shard.tar!member`. An address is read as a stream (.tar) or in parts (.zip), never stored.
    At most one member (256 MiB) and 64 MiB of its sample are in memory; what is no image, too large, or unpacks to more than images do
    (`zip_bomb`) costs its first bytes. A broken zip member is one unreadable entry; a tar that
    breaks off has lost nobody knows how many, so it raises NotAuditedError. Members beside an image
    with the same stem give it its label (`.cls`, `.json`).
    """

    path: str

    @classmethod
    def takes(cls, path: str) -> bool:
        """Zip files and tar files, plain or compressed."""
        return shown(path).lower().endswith(_NAMES)

    @property
    def prefix(self) -> str:
        """The part of entry names before the member's own: `shard.tar!`."""
        return shown(self.path) + "!"

    def check(self) -> None:
        """One question to the server where it lies on one. Raises NotAuditedError, UsageError."""
        if scheme(self.path):
            opened(self.path).close()

    def count(self, seconds: float = PATIENCE) -> int | None:  # noqa: ARG002 - a directory of names is at hand
        """Members of a .zip, by its directory; None of a .tar, which has none, and of a damaged file."""
        if not self._is_zip or scheme(self.path):
            return None
        try:
            with zipfile.ZipFile(self.path) as archive:
                return sum(not info.is_dir() for info in archive.infolist())
        except _DAMAGED:
            return None

    def __iter__(self) -> Iterator[Entry | Skipped]:
        try:
            with opened(self.path) as file:
                modified = last_changed(file)
                for _, item in labelled(self._zip(file) if self._is_zip else self._tar(file)):
                    yield item if isinstance(item, Skipped) else replace(item, modified=modified)
        except _DAMAGED as error:
            raise NotAuditedError(
                f"the archive {shown(self.path)!r} is damaged: {error}", "Copy or pack it again."
            ) from error

    @property
    def _is_zip(self) -> bool:
        return shown(self.path).lower().endswith(".zip")

    def _zip(self, source: IO[bytes]) -> Iterator[Member]:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            _refuse_overlaps(members)
            spent = unpacking.Spent()
            for info in sorted(members, key=lambda member: member.filename.encode("utf-8", "surrogatepass")):
                if not info.is_dir():
                    yield info.filename, self._zip_member(archive, info, spent)

    def _zip_member(
        self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, spent: unpacking.Spent
    ) -> Entry | Skipped:
        name = self.prefix + info.filename
        if reason := _passed_over(info.filename):
            return Skipped(name, "skipped", reason)
        if stat.S_ISLNK(info.external_attr >> 16):
            return Skipped(name, "skipped", "symlink")
        if info.flag_bits & 1:
            return Skipped(name, "unreadable", "encrypted")
        return _zip_entry(name, archive, info, spent)

    def _tar(self, source: io.BufferedReader) -> Iterator[Member]:
        last = ""
        packed = unpacking.packed_as(source)
        stream = None if packed is None else unpacking.Stream(source, packed)
        # Of a plain file here, what is passed over is not even read.
        mode: Any = "r|" if stream or scheme(self.path) else "r:"
        try:
            with tarfile.open(
                fileobj=stream or source, mode=mode, bufsize=_BLOCK, tarinfo=_Header, errorlevel=2
            ) as archive:
                while (info := archive.next()) is not None:
                    archive.members.clear()  # type: ignore[attr-defined]  # it remembers all it passed
                    if not info.isdir():
                        last = info.name
                        yield info.name, self._tar_member(archive, info, stream)
        except _DAMAGED as error:
            raise OSError(f"{error}, after {last!r}" if last else str(error)) from error

    def _tar_member(
        self, archive: tarfile.TarFile, info: tarfile.TarInfo, stream: unpacking.Stream | None
    ) -> Entry | Skipped:
        name = self.prefix + info.name
        if reason := _passed_over(info.name):
            return Skipped(name, "skipped", reason)
        file = archive.extractfile(info) if info.isreg() else None
        if file is None:
            return Skipped(name, "skipped", "symlink" if info.issym() or info.islnk() else "not_a_file")
        if info.size > unpacking.LARGEST:
            return Skipped(name, "unreadable", "too_large")
        if info.issparse():  # its holes are bytes that the archive does not hold
            return Skipped(name, "unreadable", "unsupported_format")
        return _entry(name, file, info.size, stream)


def _zip_entry(
    name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo, spent: unpacking.Spent
) -> Entry | Skipped:
    if info.file_size > unpacking.LARGEST:
        return Skipped(name, "unreadable", "too_large")
    if spent.refuses(info.compress_size, info.file_size):
        return Skipped(name, "unreadable", unpacking.BOMB)
    try:
        with archive.open(info) as file:
            return _entry(name, file, info.file_size)
    except NotImplementedError:  # a compression that Python does not have
        return Skipped(name, "unreadable", "unsupported_format")
    except (*_DAMAGED, RuntimeError):
        return Skipped(name, "unreadable", "corrupt")


def _entry(name: str, file: IO[bytes], size: int, stream: unpacking.Stream | None = None) -> Entry | Skipped:
    """The member's bytes. More than the archive says no library reads; of fewer a .zip's checksum or a .tar's end tells."""
    if name.endswith(SIDECARS):
        return Entry(name, data=file.read(min(size, LONGEST_LABEL + 1)))
    try:
        return Entry(name, data=unpacking.member(file, size, stream))
    except Refused as refused:
        return Skipped(name, "unreadable", refused.reason)


def _passed_over(name: str) -> str | None:
    """As in a folder, but sidecars are let through: `labelled` reads their labels and passes them over."""
    *folders, base = name.split("/")
    for folder in folders:
        if folder not in (".", "..", "") and (reason := left_out(folder)):
            return reason
    return left_out(base) if base.endswith(SIDECARS) else passed_over(base)


def _refuse_overlaps(members: list[zipfile.ZipInfo]) -> None:
    """Raise BadZipFile for members that share bytes: the zip bomb that grows to petabytes."""
    end = 0
    for info in sorted(members, key=lambda member: member.header_offset):
        if info.header_offset < end:
            raise zipfile.BadZipFile("its members overlap (a zip bomb)")
        end = info.header_offset + 30 + info.compress_size


class _Header(tarfile.TarInfo):
    """Refuses what tarfile is lenient about: giant extended headers, and damage taken for the end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> _Header:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.HeaderError as error:
            if type(error).__name__ in _ENDS:
                raise
            raise OSError(f"a header cannot be read ({error})") from error

    def _proc_member(self, tarfile_: tarfile.TarFile) -> Any:
        if self.type in _LONG_HEADERS and self.size > _LARGEST_HEADER:
            raise OSError("an extended header of more than 1 MiB")
        return super()._proc_member(tarfile_)  # type: ignore[misc]
