"""WebDataset's convention: neighbours in an archive that share a stem are one sample, image and label."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from driftcli.core.images import EMPTY, Entry, Skipped

SIDECARS = (".cls", ".json", ".txt")
LONGEST_LABEL = 1 << 16
_LARGEST_SAMPLE = 16
_WAITING = 64 << 20
"""Bytes of images that wait for a label: one sample has one image, or a few small ones."""
Member = tuple[str, Entry | Skipped]


def labelled(members: Iterable[Member]) -> Iterator[Member]:
    """The members in their order, images with the label of their sample's sidecar as column `label`.

    A sample is a run of neighbours with one stem, of 16 members at most. Sidecars become Skipped(`sidecar`). Images of more than 64 MiB
    do not wait for each other: a label that comes after all of them is the last one's.
    """
    sample: list[Member] = []
    stem, waiting, columns = None, 0, EMPTY
    for name, item in members:
        size = _bytes(item)
        if (own := _stem(name)) != stem or len(sample) >= _LARGEST_SAMPLE:
            yield from _joined(sample, columns)
            sample, stem, waiting, columns = [], own, 0, EMPTY
        elif waiting and waiting + size > _WAITING and not name.endswith(SIDECARS):
            columns = _columns(sample) or columns
            yield from _joined(sample, columns)
            sample, waiting = [], 0
        sample.append((name, item))
        waiting += size
    yield from _joined(sample, columns)


def _bytes(item: Entry | Skipped) -> int:
    return len(item.data or b"") if isinstance(item, Entry) else 0


def _stem(name: str) -> str:
    """The name without its last extension."""
    folder, slash, base = name.rpartition("/")
    return folder + slash + (base.rpartition(".")[0] or base)


def _columns(sample: list[Member]) -> Mapping[str, str]:
    """The label that a sample's sidecars name; empty where none does."""
    columns: Mapping[str, str] = EMPTY
    for name, item in sample:
        if isinstance(item, Entry) and name.endswith(SIDECARS) and (label := _label(name, item.data or b"")):
            columns = {"label": label}
    return columns


def _joined(sample: list[Member], known: Mapping[str, str]) -> Iterator[Member]:
    """One sample's members, its label on every image; `known`: the label of what went before."""
    columns = _columns(sample) or known
    for name, item in sample:
        if isinstance(item, Skipped):
            yield name, item
        elif name.endswith(SIDECARS):
            yield name, Skipped(item.name, "skipped", "sidecar")
        else:
            yield name, replace(item, columns=columns)


def _label(name: str, data: bytes) -> str:
    """The text of a `.cls`, the `label` or `class` of a `.json`, else nothing: a `.txt` is a caption."""
    if len(data) > LONGEST_LABEL or name.endswith(".txt"):
        return ""
    text = data.decode("utf-8", "replace").strip()
    if name.endswith(".cls"):
        return text
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    label = (
        next((document[key] for key in ("label", "class", "cls") if key in document), "")
        if isinstance(document, dict)
        else ""
    )
    return str(label) if isinstance(label, str | int) else ""
