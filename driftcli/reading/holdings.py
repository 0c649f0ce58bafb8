"""What a source holds beside usable images, told to people: files that cannot be read, and what is there instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from driftcli.core.images import UNLISTED, Skipped
from driftcli.core.text import safe_name
from driftcli.sources.decoding.names import extension

NAMED = 3
"""So many files are named, and kinds of files told."""
_SHOWN = 100
"""Characters of either end of a very long name."""
ARCHIVES = frozenset({"zip", "tar", "tgz", "tbz2", "txz", "gz", "bz2", "xz"})
_PLURALS: Mapping[str, str] = MappingProxyType(
    {
        "excluded": "left out by --exclude",
        "hidden": "hidden",
        "older": "older than --since",
        "symlink": "symbolic links",
        "heic_needs_extra": "HEIC images, which need the extra driftcli[heif]",
    }
)


def named(files: Iterable[Skipped], count: int) -> str:
    """`day/0007.jpg (truncated), day/0009.jpg (corrupt) and 4 more`; `count`: of how many in all."""
    shown = [
        f"{safe_name(_short(file.name))} ({safe_name(file.reason).replace('_', ' ')})"
        for file, _ in zip(files, range(NAMED), strict=False)
    ]
    more = [f"{count - len(shown):,} more"] if count > len(shown) else []
    return " and ".join([", ".join(shown), *more])


def _short(name: str) -> str:
    """The name, without its middle where it is too long for a sentence."""
    return name if len(name) <= 2 * _SHOWN else f"{name[:_SHOWN]}[...]{name[-_SHOWN:]}"


def failed(files: Iterable[Skipped]) -> list[Skipped]:
    """Those that look like images, or hold them, and could not be read."""
    return [file for file in files if file.state in {"unreadable", "changed"} and not is_unlisted(file)]


def is_unlisted(file: Skipped) -> bool:
    """Whether it is a folder whose files nobody could list."""
    return file.reason.startswith(UNLISTED)


def closed(files: Iterable[Skipped], count: int, most: int) -> tuple[str, str] | None:
    """What to say of folders that could not be listed, and what to do; None for `most` or fewer.

    `count`: how many there are in all. Nobody knows how many images they hold, so no share of images is a measure of them.
    """
    if count <= most:
        return None
    folders, it = (f"{count:,} folders", "them") if count > 1 else ("a folder", "it")
    return (
        f"{folders} could not be listed, and nobody knows how many images are lost: {named(filter(is_unlisted, files), count)}",
        f"let this user read {it}, or leave {it} out (--exclude, or --max-unreadable-folders {count})",
    )


def instead(files: Sequence[Skipped]) -> tuple[str, str]:
    """What is there instead of images, and what to do about it.

    As in "12 .npy, 3 .pdf and 1 hidden in 2 folders" and "name an archive itself: images/a.zip".
    """
    if not files:
        return "no file at all", "check the path: folders are read with all that lies below them"
    counts = Counter(map(_what, files))
    kinds = [f"{count:,} {what}" for what, count in counts.most_common()]
    shown, rest = kinds[: 2 * NAMED], kinds[2 * NAMED :]
    told = ", ".join(shown) + (f" and {len(rest)} other kinds" if rest else "")
    folders = {file.name.rpartition("/")[0] for file in files}
    where = f" in {len(folders):,} folders" if len(folders) > 1 else ""
    return told + where, _advice(files, counts)


def _advice(files: Sequence[Skipped], counts: Mapping[str, int]) -> str:
    archive = next((file.name for file in files if _is_archive(file)), None)
    if archive is not None:
        return f"an archive is read when it is named itself: {safe_name(archive)}"
    profile = next((file.name for file in files if _is_profile(file)), None)
    if profile is not None:
        return f"a profile is a source when it is named itself: {safe_name(profile)}"
    if any(file.reason == "symlink" for file in files):
        return "--follow follows symbolic links inside the source"
    if any(file.reason in {"excluded", "older"} for file in files):
        return "look at --exclude and --since"
    if any(what.startswith(".") for what in counts):
        return "write arrays and other files as images (PNG, JPEG, ...), or name another folder"
    return "name another folder, glob, manifest or archive; driftcli doctor SOURCE tells what is read"


def _what(file: Skipped) -> str:
    """`.npy`, `hidden`, `truncated .jpg`, `without a suffix`."""
    end = extension(file.name)
    if file.state != "skipped":
        return f"{safe_name(file.reason).replace('_', ' ')} .{safe_name(end)}" if end else "unreadable"
    if file.reason in _PLURALS:
        return _PLURALS[file.reason]
    if file.reason != "not_an_image":
        return safe_name(file.reason).replace("_", " ")
    return f".{safe_name(end)}" if end else "without a suffix"


def _is_archive(file: Skipped) -> bool:
    return file.reason == "not_an_image" and extension(file.name) in ARCHIVES


def _is_profile(file: Skipped) -> bool:
    return file.reason == "not_an_image" and extension(file.name) == "safetensors"
