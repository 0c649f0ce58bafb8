"""What archives made to fill a machine cost: peak memory of all processes, seconds, exit code.

    python -m tests.benchmarks.bombs                     # builds them, fits a small artifact, checks each
    python -m tests.benchmarks.bombs --limit 512         # exit 1 where one takes more MB

Each archive also holds 30 sound images. Memory is the sum of the private pages (`Private_*` of smaps_rollup) of the command and of all
processes below it, looked at 20 times a second, and their shared pages once: Linux only.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from pathlib import Path

from tests.benchmarks._lab import machine
from tests.journey import pictures

JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
MB = 1 << 20
MOST, LONGEST = 3_000, 300
"""MB and seconds after which a command is ended: it has failed (exit code 143)."""


def one_stem(path: Path, good: Path) -> None:
    """Sixteen members of one name, 255 MB each, 4 MB packed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for image in sorted(good.iterdir()):
            file.write(image, image.name)
        for number in range(16):
            with file.open(f"s.x{number:02}", "w", force_zip64=True) as member:
                for _ in range(255):
                    member.write(bytes(MB))


def headers(path: Path, good: Path, *, each: int = 255, count: int = 16) -> None:
    """As `one_stem`, each beginning as a JPEG does, and of a name of its own."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for image in sorted(good.iterdir()):
            file.write(image, image.name)
        for number in range(count):
            with file.open(f"s{number:04}.jpg", "w", force_zip64=True) as member:
                member.write(JPEG)
                for _ in range(each):
                    member.write(bytes(MB))


def small(path: Path, good: Path) -> None:
    """125 members of 31 MB that begin as JPEGs do: each below what is judged alone."""
    headers(path, good, each=31, count=125)


def film(path: Path, good: Path) -> None:
    """A 3 GB member that nobody asked for, before the images."""
    _tar(path, good, "film.mp4", 3 << 10)


def large_image(path: Path, good: Path) -> None:
    """A 3 GB member that is called an image."""
    _tar(path, good, "a.jpg", 3 << 10)


def _tar(path: Path, good: Path, name: str, megabytes: int) -> None:
    with tarfile.open(path, "w:gz") as file:
        info = tarfile.TarInfo(name)
        info.size = megabytes * MB
        file.addfile(info, _Zeros(info.size))
        for image in sorted(good.iterdir()):
            file.add(image, image.name)


class _Zeros(io.RawIOBase):
    def __init__(self, size: int) -> None:
        super().__init__()
        self._left = size

    def read(self, size: int = -1) -> bytes:
        size = min(size if size >= 0 else self._left, self._left)
        self._left -= size
        return bytes(size)


def million(path: Path, good: Path) -> None:
    """A directory of a million empty members."""
    with path.open("wb") as out:
        directory, at = io.BytesIO(), 0
        members = [(f"{number:07}.jpg".encode(), b"") for number in range(1_000_000)]
        members += [(image.name.encode(), image.read_bytes()) for image in sorted(good.iterdir())]
        for name, data in members:
            size = len(data).to_bytes(4, "little") * 2
            facts = b"\x14\0\0\0\0\0\0\0\x21\0" + zlib.crc32(data).to_bytes(4, "little") + size
            facts += len(name).to_bytes(2, "little") + b"\0\0"
            out.write(b"PK\x03\x04" + facts + name + data)
            directory.write(b"PK\x01\x02\x14\0" + facts + bytes(10) + at.to_bytes(4, "little") + name)
            at += 30 + len(name) + len(data)
        out.write(directory.getvalue())
        count = len(members).to_bytes(8, "little")
        end = b"PK\x06\x06" + (44).to_bytes(8, "little") + b"\x2d\0\x2d\0" + bytes(8) + count * 2
        end += len(directory.getvalue()).to_bytes(8, "little") + at.to_bytes(8, "little")
        out.write(
            end + b"PK\x06\x07" + bytes(4) + (at + directory.tell()).to_bytes(8, "little") + b"\1\0\0\0"
        )
        out.write(b"PK\x05\x06" + bytes(4) + b"\xff" * 12 + bytes(2))


BOMBS = {
    "one stem (.zip)": (one_stem, "a.zip"),
    "JPEG headers (.zip)": (headers, "b.zip"),
    "125 of 31 MB (.zip)": (small, "c.zip"),
    "film of 3 GB (.tar.gz)": (film, "d.tar.gz"),
    "image of 3 GB (.tar.gz)": (large_image, "e.tar.gz"),
    "a million members (.zip)": (million, "f.zip"),
}


def cost(words: list[str]) -> tuple[int, float, float, str]:
    """Exit code, peak in MB, seconds and the last line on standard error of a command."""
    began, peak = time.monotonic(), 0.0
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=errors)
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            if peak > MOST or time.monotonic() - began > LONGEST:
                process.terminate()
            time.sleep(0.05)
        errors.seek(0)
        lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return (
        process.returncode,
        peak,
        time.monotonic() - began,
        next((x for x in lines if x.startswith("error")), ""),
    )


def _memory(root: int) -> float:
    """MB of a process and all below it: private pages of each, shared ones once."""
    private, shared, waiting = 0, 0, [root]
    while waiting:
        pid = waiting.pop()
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, ProcessLookupError):
            continue
        rows = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
        private += rows["Private_Clean"] + rows["Private_Dirty"]
        shared = max(shared, rows["Shared_Clean"] + rows["Shared_Dirty"])
    return (private + shared) / 1024


def main() -> int:
    """Builds, checks, prints one Markdown row an archive."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=float, default=None, metavar="MB")
    parser.add_argument("--only", default="", help="archives whose title holds this")
    asked = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        good, batch = pictures(place / "good", 100, 1), pictures(place / "batch", 30, 2)
        driftcli = [sys.executable, "-m", "driftcli"]
        fast = ["--method", "properties", "--detectable", "none", "--workers", "1", "-q"]
        subprocess.run([*driftcli, "fit", str(good), "-o", str(place / "ref"), *fast], check=True)
        plain = cost([*driftcli, "check", str(place / "ref"), str(batch), "--workers", "1"])
        print(f"| the 30 images alone | | {plain[1]:.0f} MB | {plain[2]:.1f} s | {plain[0]} | |")
        worst = 0.0
        for title, (make, name) in BOMBS.items():
            if asked.only not in title:
                continue
            make(place / name, batch)
            size = (place / name).stat().st_size / MB
            code, peak, seconds, said = cost(
                [*driftcli, "check", str(place / "ref"), str(place / name), "--workers", "1"]
            )
            print(
                f"| {title} | {size:.1f} MB | {peak:.0f} MB | {seconds:.1f} s | {code} | {said} |", flush=True
            )
            worst = max(worst, peak)
            (place / name).unlink()
    return int(asked.limit is not None and worst > asked.limit)


if __name__ == "__main__":
    sys.exit(main())
