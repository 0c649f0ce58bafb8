"""Archives: streamed, labelled, damaged, hostile."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import tarfile
import tracemalloc
import zipfile
from collections import Counter

import pytest

from driftcli.core.errors import NotAuditedError
from driftcli.core.images import Entry
from driftcli.sources import _samples as samples
from driftcli.sources import _unpacking as unpacking
from driftcli.sources import archive as module
from driftcli.sources.archive import Archive


def make_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)


def make_tar(path, members, mode="w"):
    with tarfile.open(path, mode) as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))


def found(path):
    items = list(Archive(str(path)))
    assert items == list(Archive(str(path)))
    return {
        item.name.removeprefix(f"{path}!"): getattr(item, "reason", getattr(item, "data", None))
        for item in items
    }


MIXED = {
    "b/2.jpg": b"two",
    "a/1.jpg": b"one",
    ".hidden": b"",
    "__MACOSX/1.jpg": b"",
    "a/x.md": b"",
    "a/none": b"?",
}


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tgz", "x.tar.bz2", "x.tar.xz"])
def test_members(tmp_path, name, listed):
    """Named `archive!member`, with their bytes; passed over as in a folder."""
    path = tmp_path / name
    if name.endswith("zip"):
        make_zip(path, MIXED)
    else:
        make_tar(path, MIXED, "w:gz" if "gz" in name else "w:" + name.rpartition("ar")[2].strip("."))
    assert found(path) == {
        "a/1.jpg": b"one",
        "b/2.jpg": b"two",
        "a/none": b"?",
        ".hidden": "hidden",
        "__MACOSX/1.jpg": "system",
        "a/x.md": "not_an_image",
    }
    assert dict(listed(path, exclude=["a"]))[f"{path}!a/1.jpg"] == "excluded"
    if name == "x.zip":
        assert list(found(path)) == sorted(MIXED)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_webdataset(tmp_path, kind):
    """Neighbours with one stem are one sample: `.cls` and `.json` label the image, before or after it."""
    members = {
        "000.cls": b"cat\n", "000.jpg": b"0", "001.jpg": b"1", "001.json": json.dumps({"label": 7}).encode(),
        "001.txt": b"a caption", "002.jpg": b"2", "003.json": b"{broken", "003.png": b"3", "x.cls": b"",
    }  # fmt: skip
    (make_zip if kind == "zip" else make_tar)(tmp_path / f"s.{kind}", members)
    items = list(Archive(str(tmp_path / f"s.{kind}")))
    assert len(items) == len(members)
    labels = {item.data: item.columns.get("label") for item in items if isinstance(item, Entry)}
    assert labels == {b"0": "cat", b"1": "7", b"2": None, b"3": None}
    assert [item.reason for item in items if not isinstance(item, Entry)] == ["sidecar"] * 5


def test_zip_damage_costs_one_member(tmp_path):
    """A bad checksum, an encrypted member, an unknown compression, a link."""
    path = tmp_path / "x.zip"
    link = zipfile.ZipInfo("link.jpg")
    link.external_attr = 0o120777 << 16
    make_zip(
        path,
        {"bad.jpg": b"B" * 50, "good.jpg": b"G", link: b"good.jpg", "odd.jpg": b"O", "secret.jpg": b"S"},
        0,
    )
    raw = bytearray(path.read_bytes().replace(b"B" * 50, b"B" * 49 + b"?"))
    for name, offset, value in ((b"secret.jpg", -38, 1), (b"odd.jpg", -36, 99)):
        struct.pack_into("<H", raw, raw.rfind(name) + offset, value)
    path.write_bytes(raw)
    assert found(path) == {
        "bad.jpg": "corrupt",
        "good.jpg": b"G",
        "link.jpg": "symlink",
        "odd.jpg": "unsupported_format",
        "secret.jpg": "encrypted",
    }


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_broken_archive_is_not_audited(tmp_path, kind):
    """Nobody knows how many images a torn archive has lost: exit 3, saying where it broke."""
    path = tmp_path / f"x.{kind}"
    members = {f"{i}.jpg": bytes([i]) * 3000 for i in range(5)}
    make_zip(path, members) if kind == "zip" else make_tar(path, members, "w:gz" if kind == "tar.gz" else "w")
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) // 2):
        path.write_bytes(whole[:cut])
        with pytest.raises(NotAuditedError, match="damaged"):
            list(Archive(str(path)))


def test_a_tar_header_overwritten(tmp_path):
    """Damage in the middle is not taken for the end."""
    path = tmp_path / "x.tar"
    make_tar(path, {"0.jpg": b"0", "1.jpg": b"1"})
    raw = bytearray(path.read_bytes())
    raw[1024:1034] = b"\xff" * 10
    path.write_bytes(raw)
    with pytest.raises(NotAuditedError, match=r"after '0\.jpg'"):
        list(Archive(str(path)))


def test_tar_links_and_devices(tmp_path):
    """Only regular members are files."""
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as file:
        for name, kind in (("d", tarfile.DIRTYPE), ("s.jpg", tarfile.SYMTYPE), ("p.jpg", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
    assert found(path) == {"s.jpg": "symlink", "p.jpg": "not_a_file"}


def test_bombs(tmp_path, monkeypatch):
    """Large members are refused by what they say and by what they are; overlapping ones altogether."""
    monkeypatch.setattr(unpacking, "LARGEST", 1000)
    path = tmp_path / "x.zip"
    make_zip(path, {"a.jpg": bytes(100_000), "b.jpg": bytes(1000)})
    assert found(path) == {"a.jpg": "too_large", "b.jpg": bytes(1000)}
    make_tar(tmp_path / "x.tar", {"a.jpg": bytes(1001), "b.jpg": bytes(1000)})
    assert found(tmp_path / "x.tar") == {"a.jpg": "too_large", "b.jpg": bytes(1000)}
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.jpg", bytes(500))
        again = zipfile.ZipInfo("b.jpg")
        again.header_offset, again.compress_size, again.file_size = 10, 500, 500
        again.CRC = 0
        file.filelist.append(again)
        file._didModify = True
    with pytest.raises(NotAuditedError, match="overlap"):
        list(Archive(str(path)))


def photo(size, seed=0):
    """Bytes that begin as a JPEG and cannot be packed."""
    return b"\xff\xd8\xff" + random.Random(seed).randbytes(size - 3)  # noqa: S311 - no secret


def flat(size):
    """Bytes that begin as a JPEG and pack to nothing."""
    return b"\xff\xd8\xff" + bytes(size - 3)


@pytest.fixture
def small_scale(monkeypatch):
    """All limits a thousandth, so that tests need not unpack gigabytes."""
    for name, value in (
        ("LARGEST", 256 << 10),
        ("HEAD", 1 << 10),
        ("_LARGE", 32 << 10),
        ("_AHEAD", 1 << 10),
        ("_FREE", 1 << 20),
    ):
        monkeypatch.setattr(unpacking, name, value)
    monkeypatch.setattr(samples, "_WAITING", 64 << 10)


@pytest.mark.usefixtures("small_scale")
@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.tar.xz"])
def test_a_large_member_that_packs_to_nothing(tmp_path, name):
    """It is unreadable, with its reason; images around it, small flat ones too, are not."""
    path = tmp_path / name
    members = {
        "a.jpg": photo(50_000 if name == "x.zip" else 30_000),
        "b.jpg": flat(200_000),
        "c.jpg": flat(30_000),
        "d.jpg": photo(30_000, 1),
    }
    (make_zip if name == "x.zip" else lambda *given: make_tar(*given, f"w:{name[6:]}"))(path, members)
    assert found(path) == members | {"b.jpg": "zip_bomb"}


@pytest.mark.usefixtures("small_scale")
def test_what_is_no_image_costs_its_head(tmp_path):
    """A worker refuses it for what it begins with; the rest is never unpacked. Sidecars keep as much as a label may have."""
    path = tmp_path / "x.zip"
    make_zip(path, {"a.jpg": bytes(31_000), "b.jpg": photo(2_000)}, zipfile.ZIP_STORED)
    assert found(path) == {"a.jpg": bytes(1 << 10), "b.jpg": photo(2_000)}


@pytest.mark.usefixtures("small_scale")
@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz"])
def test_many_small_ones_that_unpack_to_a_mountain(tmp_path, name):
    """Of a zip those that are too many are unreadable; a packed tar cannot be read past them."""
    path, members = tmp_path / name, {f"{i:03}.jpg": flat(30_000) for i in range(80)}
    if name == "x.zip":
        make_zip(path, members)
        reasons = Counter(value if isinstance(value, str) else "read" for value in found(path).values())
        assert reasons["read"] >= 34, "a thousandth of a gigabyte is free"
        assert reasons["zip_bomb"] >= 10
    else:
        make_tar(path, {"film.mp4": bytes(20 << 20), **members}, "w:gz")
        with pytest.raises(NotAuditedError, match=r"unpacks to more than 200 times its size \(a zip bomb\)"):
            list(Archive(str(path)))


@pytest.mark.usefixtures("small_scale")
def test_members_of_one_stem_do_not_fill_the_memory():
    """They wait for their label up to a bound; one large image still gets its own, and so do small ones beside it."""
    waiting, most = 0, 0

    def members():
        nonlocal waiting, most
        for name, size in [
            *((f"s.x{i}", 30_000) for i in range(14)),
            ("t.jpg", 200_000),
            ("t.cls", 3),
            ("u.cls", 3),
            ("u.a", 9),
            ("u.b", 9),
        ]:
            waiting += size
            most = max(most, waiting)
            yield name, Entry(name, data=b"cat" if size == 3 else bytes(size))

    labels = {}
    for name, item in samples.labelled(members()):
        if isinstance(item, Entry):
            waiting -= len(item.data)
            labels[name] = item.columns.get("label")
        else:
            waiting -= 3
    assert most <= (64 << 10) + 200_000
    assert labels == {f"s.x{i}": None for i in range(14)} | {"t.jpg": "cat", "u.a": "cat", "u.b": "cat"}


def test_holes_of_a_sparse_member_are_not_read(tmp_path):
    """A header of 512 bytes would be 200 MB of zeros."""
    info = tarfile.TarInfo("a.jpg")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 0
    raw = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    raw[386:398] = b"%011o\0" % 0
    raw[398:410] = b"%011o\0" % 0
    raw[483:495] = b"%011o\0" % (200 << 20)
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    (tmp_path / "x.tar").write_bytes(bytes(raw) + bytes(1024))
    assert found(tmp_path / "x.tar") == {"a.jpg": "unsupported_format"}


def test_of_a_plain_tar_only_what_is_wanted_is_read(tmp_path, monkeypatch):
    """What is passed over, too large or no image costs its header."""
    path, whole, read = tmp_path / "x.tar", module.opened, 0
    make_tar(path, {"film.mp4": bytes(3 << 20), "a.jpg": photo(2_000), "b.jpg": bytes(2 << 20)})

    class Counted(io.BufferedReader):
        def read(self, *size):
            nonlocal read
            data = super().read(*size)
            read += len(data)
            return data

    monkeypatch.setattr(module, "opened", lambda name: Counted(whole(name).detach()))
    assert [item.name.rpartition("!")[2] for item in Archive(str(path))] == ["film.mp4", "a.jpg", "b.jpg"]
    assert read < 200_000


def test_a_giant_tar_header(tmp_path):
    """A 64 MiB file name, 64 KiB of gzip, is not read into memory."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 64 << 20
    with gzip.open(tmp_path / "x.tar.gz", "wb", 1) as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(64):
            file.write(b"x" * (1 << 20))
    with pytest.raises(NotAuditedError, match="1 MiB"):
        list(Archive(str(tmp_path / "x.tar.gz")))


def test_memory_does_not_grow_with_the_archive(tmp_path):
    """One member at a time, and no list of those that passed."""
    with tarfile.open(tmp_path / "x.tar", "w") as file:
        for i in range(2000):
            info = tarfile.TarInfo(f"{i}.jpg")
            info.size = 20_000
            file.addfile(info, io.BytesIO(bytes(20_000)))
    peaks = []
    for count in (200, 2000):
        tracemalloc.start()
        for _, _item in zip(range(count), Archive(str(tmp_path / "x.tar")), strict=False):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0] + 50_000
