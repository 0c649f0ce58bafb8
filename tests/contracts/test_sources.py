"""What every kind of source promises, found by the registry. A new kind needs a specimen below."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable, Generator
from dataclasses import FrozenInstanceError
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from driftcli.config.settings import Input
from driftcli.core import registry
from driftcli.core.errors import NotAuditedError
from driftcli.core.images import Decoded, Entry, Skipped
from driftcli.reading.open_sources import _open, open_sources
from driftcli.sources.base import ImageSource
from driftcli.sources.decoding.pool import DecodePool
from driftcli.sources.decoding.settings import Decode
from tests.object_server import Objects

IMAGES = ("a.png", "b.png", "c.png")


def pictures(folder: Path) -> Path:
    """Three images, and a note that is none."""
    folder.mkdir()
    for number, name in enumerate(IMAGES):
        pixels = np.random.default_rng(number).integers(0, 256, (12, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / name)
    (folder / "notes.txt").write_text("no image\n")
    return folder


def _archive(folder: Path) -> str:
    path = folder.parent / "shard.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    return str(path)


def _manifest(folder: Path) -> str:
    path = folder.parent / "list.csv"
    path.write_text("path\n" + "".join(f"{folder.name}/{name}\n" for name in (*IMAGES, "notes.txt")))
    return str(path)


def _parquet(folder: Path) -> str:
    """One row of each file, as Hugging Face keeps them."""
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    rows = [{"bytes": (folder / name).read_bytes(), "path": name} for name in IMAGES]
    path = folder.parent / "train.parquet"
    parquet.write_table(pa.table({"image": rows, "label": [0, 1, 0]}), path, row_group_size=2)
    return str(path)


def _shards(folder: Path) -> str:
    """Three archives, an image in each, the note in the last."""
    names = ((IMAGES[0],), (IMAGES[1],), (IMAGES[2], "notes.txt"))
    for number, members in enumerate(names):
        with zipfile.ZipFile(folder.parent / f"part-{number:02d}.zip", "w") as archive:
            for name in members:
                archive.write(folder / name, name)
    return f"{folder.parent}/part-{{00..02}}.zip"


SPECIMENS: dict[str, Callable[[Path], str]] = {
    "archive": _archive,
    "folder": str,
    "glob": lambda folder: f"{folder}/*",
    "image": lambda folder: str(folder / IMAGES[0]),
    "manifest": _manifest,
    "parquet": _parquet,
    "shards": _shards,
    "stdin": lambda _: "-",
}
"""From a folder of images to what a user would name."""


@pytest.fixture(params=registry.kinds("sources"))
def spec(request, tmp_path, monkeypatch) -> str:
    if request.param == "remote":
        objects: Objects = request.getfixturevalue("objects")
        return objects.put_folder(pictures(tmp_path / "images"), "images")
    assert request.param in SPECIMENS, f"say in SPECIMENS what a {request.param} is"
    folder = pictures(tmp_path / "images")
    listed = "".join(f"{folder}/{name}\n" for name in (*IMAGES, "notes.txt")).encode()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(listed)))
    named = SPECIMENS[request.param](folder)
    assert type(source(named)) is registry.load("sources", request.param), "what the user named is this kind"
    return named


def source(named: str) -> ImageSource:
    return _open(named, follow=False, nul=False)


def test_it_is_iterable_again_and_says_the_same(spec):
    opened = source(spec)
    first, second = list(opened), list(opened)
    assert [item.name for item in first] == [item.name for item in second]
    assert [type(item) for item in first] == [type(item) for item in second]
    assert [item.data for item in first if isinstance(item, Entry)] == [
        item.data for item in second if isinstance(item, Entry)
    ]


def test_two_readers_do_not_disturb_each_other(spec):
    opened = source(spec)
    whole = [item.name for item in opened]
    one, two = iter(opened), iter(opened)
    next(one)
    assert [item.name for item in two] == whole
    assert [item.name for item in one] == whole[1:]


def test_memory_is_constant(spec):
    """Entries are generated one by one, never listed."""
    assert isinstance(iter(source(spec)), Generator)


def test_it_is_settings_and_nothing_else(spec):
    with pytest.raises(FrozenInstanceError):
        source(spec).path = "elsewhere"


def test_what_is_no_image_is_a_value_with_a_reason(spec):
    """Not silence and not an exception; names begin with the prefix that `--exclude` looks behind."""
    opened = source(spec)
    items = list(opened)
    skipped = [item for item in items if isinstance(item, Skipped)]
    entries = [item for item in items if isinstance(item, Entry)]
    assert len(entries) == (1 if len(items) == 1 else len(IMAGES))
    assert [item.state for item in skipped] == ["skipped"] * (len(items) > len(entries))
    assert {item.reason for item in skipped} <= {"not_an_image", "sidecar"}, "a text beside images in a shard"
    assert all(item.name.startswith(opened.prefix) for item in items)


def test_a_note_beside_images_is_told(spec):
    """Of all kinds that offer files: a table of images has no room for one."""
    items = list(source(spec))
    assert len(items) - sum(isinstance(item, Entry) for item in items) == (
        0 if len(items) == 1 or spec.endswith(".parquet") else 1
    )


def test_it_counts_what_it_offers_or_does_not_know(spec):
    opened = source(spec)
    assert opened.count(60.0) in {None, len(list(opened))}
    assert opened.listed <= (opened.count(60.0) is not None)


def test_its_entries_can_be_decoded(spec):
    with DecodePool(Decode(), {}, 1) as pool:
        found = list(pool.map(open_sources([spec], Input())))
    names = [item.name for item in found if isinstance(item, Decoded)]
    assert names
    assert all(name.endswith(image) for name, image in zip(names, IMAGES, strict=len(names) > 1))


def test_what_is_missing_is_not_audited(spec, tmp_path):
    """Exit 3, before anything is read; of standard input only the paths can be missing."""
    if spec == "-":
        sys.stdin.buffer = io.BytesIO(f"{tmp_path}/gone.png\n".encode())
        assert [(item.state, item.reason) for item in source("-")] == [("unreadable", "missing")]
        return
    gone = spec.replace(str(tmp_path), str(tmp_path / "gone")).replace("bucket/", "bucket/gone/")
    with pytest.raises(NotAuditedError) as caught:
        open_sources([gone], Input())
    assert caught.value.exit_code == 3
    assert caught.value.hint


def test_no_file_and_no_address_is_two_kinds_at_once():
    kinds = [registry.load("sources", kind) for kind in registry.kinds("sources")]
    schemes = [scheme for kind in kinds for scheme in kind.schemes]
    assert len(set(schemes)) == len(schemes)
    for name in ("a.zip", "a.tar.gz", "a.csv", "a.jsonl", "a.txt", "a.png", "a.parquet", "a-{0..9}.tar"):
        assert sum(kind.takes(name) for kind in kinds if not kind.several) <= 1, name
        assert sum(kind.takes(name) for kind in kinds if kind.several) <= 1, name
