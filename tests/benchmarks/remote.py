"""Images on a server of objects against the same images in a folder: images a second, CPU and memory of the one who reads.

    python tests/benchmarks/remote.py --images 2000 --rounds 3            # a folder, s3://, a .tar by s3://, in turn
    python tests/benchmarks/remote.py --images 2000 --server moto         # the same against moto, which is slower than we are
    python tests/benchmarks/remote.py --list 1000000                      # what a listing of so many keys costs
    python tests/benchmarks/remote.py --images 2000 --peers               # bare fetching: driftcli, obstore, s3fs

The server runs in a process of its own on loopback: latency is `--latency` milliseconds a request, bandwidth that of
memory. Every measurement is a process of its own; CPU is its user and system time, with that of its decoders. What a real
network does is not in these figures, apart from its latency.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

os.environ.setdefault("OMP_NUM_THREADS", "1")

DISTINCT = 64
STAMP = "2026-11-01T00:00:00.000Z"


def pictures(folder: Path, count: int) -> Path:
    """`count` photographs of 500x375, 64 of them different, as JPEG files of some 50 kB."""
    import numpy as np
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for seed in range(min(count, DISTINCT)):
        rng = np.random.default_rng(seed)
        small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8)).resize(
            (500, 375), Image.Resampling.BICUBIC
        )
        noisy = np.clip(np.asarray(small, np.float32) + rng.normal(0, 8, (375, 500, 3)), 0, 255).astype(
            np.uint8
        )
        out = io.BytesIO()
        Image.fromarray(noisy).save(out, "JPEG", quality=88)
        made.append(out.getvalue())
    for number in range(count):
        (folder / f"{number:07d}.jpg").write_bytes(made[number % len(made)])
    return folder


# ---------------------------------------------------------------- servers


def _files(folder: Path) -> dict[str, bytes]:
    """What the server has, by the path of its request."""
    found = (file for file in folder.rglob("*") if file.is_file())
    return {f"/bucket/{file.relative_to(folder).as_posix()}": file.read_bytes() for file in found}


async def _stub(files: dict[str, bytes], keys: int, latency: float, ready: Callable[[int], None]) -> None:
    """As much of S3 as reading takes, as fast as Python can: GET with parts, and listings in pages of 1,000 keys."""
    tags = {path: hashlib.md5(data, usedforsecurity=False).hexdigest() for path, data in files.items()}
    names = sorted(path.removeprefix("/bucket/") for path in files)
    sizes = {name: len(files[f"/bucket/{name}"]) for name in names}

    def key(number: int) -> str:
        return names[number] if not keys else f"many/{number:09d}.jpg"

    def listing(query: dict[str, list[str]]) -> bytes:
        prefix, total = query.get("prefix", [""])[0], keys or len(names)
        first = int(query["continuation-token"][0]) if "continuation-token" in query else 0
        last = min(first + 1000, total)
        rows = [
            f"<Contents><Key>{key(n)}</Key><LastModified>{STAMP}</LastModified><ETag>&quot;{tags.get('/bucket/' + key(n), 'x')}&quot;</ETag>"
            f"<Size>{sizes.get(key(n), 50_000)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for n in range(first, last)
            if key(n).startswith(prefix)
        ]
        more = f"<NextContinuationToken>{last}</NextContinuationToken>" if last < total else ""
        return (
            f"<?xml version='1.0'?><ListBucketResult><Name>bucket</Name><Prefix>{prefix}</Prefix><KeyCount>{len(rows)}</KeyCount>"
            f"<MaxKeys>1000</MaxKeys><IsTruncated>{str(last < total).lower()}</IsTruncated>{more}{''.join(rows)}</ListBucketResult>"
        ).encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                text = head.decode("latin-1")
                url = urlsplit(text.split(" ", 2)[1])
                if latency:
                    await asyncio.sleep(latency / 1000)
                if "list-type" in url.query:
                    body, extra, status = (
                        listing(parse_qs(url.query)),
                        "Content-Type: application/xml\r\n",
                        "200 OK",
                    )
                else:
                    body = files.get(url.path, b"")
                    extra = f'ETag: "{tags.get(url.path, "x")}"\r\nLast-Modified: Sun, 01 Nov 2026 00:00:00 GMT\r\n'
                    status = "200 OK" if url.path in files else "404 Not Found"
                    if found := re.search(r"(?i)\r\nrange: bytes=(\d+)-(\d*)", text):
                        start, whole = int(found[1]), len(body)
                        body = body[start : int(found[2]) + 1 if found[2] else None]
                        status, extra = (
                            "206 Partial Content",
                            extra + f"Content-Range: bytes {start}-{start + len(body) - 1}/{whole}\r\n",
                        )
                sent = b"" if text.startswith("HEAD") else body
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + sent
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    ready(server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


def _moto(folder: Path, ready: Callable[[int], None]) -> None:
    import logging

    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="k",
        aws_secret_access_key="s",  # noqa: S106 - of a server that asks for none
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="bucket")
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            client.put_object(
                Bucket="bucket", Key=file.relative_to(folder).as_posix(), Body=file.read_bytes()
            )
    ready(port)
    time.sleep(1e6)


def served(
    kind: str, folder: Path, keys: int, latency: float
) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """A server in a process of its own, and the environment that leads to it."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve", kind, str(folder), str(keys), str(latency)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    port = next(line.split()[1] for line in process.stdout if line.startswith("port "))
    endpoint = f"http://127.0.0.1:{port}"
    return process, {
        "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": endpoint,
    }  # fmt: skip


# ---------------------------------------------------------------- measurements, each in a process of its own


def read(spec: str) -> int:
    """Through the decoders, as a check reads: no extractors."""
    from driftcli.config.settings import Input
    from driftcli.core.images import Decoded
    from driftcli.reading.open_sources import open_sources
    from driftcli.sources.decoding.pool import DecodePool
    from driftcli.sources.decoding.settings import Decode

    with DecodePool(Decode(), {}, 1) as pool:
        return sum(isinstance(item, Decoded) for item in pool.map(open_sources([spec], Input())))


def fetch(spec: str) -> int:
    """Bytes of every object, not decoded: driftcli's own fetching."""
    from driftcli.config.settings import Input
    from driftcli.core.images import Entry
    from driftcli.reading.open_sources import open_sources
    from driftcli.sources.objects.fetch import fetched

    return sum(isinstance(item, Entry) for item in fetched(open_sources([spec], Input()), 1 << 28))


def bare(spec: str) -> int:
    """Obstore by itself: no pin, no retry of bodies, no order, 48 at a time."""
    import obstore
    from obstore.store import from_url

    place = from_url("/".join(spec.split("/")[:3]), client_options={"allow_http": True})

    async def run() -> int:
        limit = asyncio.Semaphore(48)

        async def one(path: str) -> int:
            async with limit:
                return len(await (await obstore.get_async(place, path)).bytes_async()) > 0

        paths = [meta["path"] for chunk in obstore.list(place, spec.split("/", 3)[3]) for meta in chunk]
        return sum(await asyncio.gather(*map(one, paths)))

    return asyncio.run(run())


def s3fs(spec: str) -> int:
    """s3fs by itself, at most 48 at a time."""
    import s3fs as library

    system = library.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    paths = system.find(spec)
    return sum(
        len(data) > 0
        for start in range(0, len(paths), 480)
        for data in system.cat(paths[start : start + 480], batch_size=48).values()
    )


def listing(spec: str) -> int:
    """Names, sizes and marks of every key."""
    from driftcli.sources.objects.listing import listing as names

    return sum(1 for _ in names(spec))


MEASURES = {measure.__name__: measure for measure in (read, fetch, bare, s3fs, listing)}


def measured(measure: str, spec: str, environment: dict[str, str]) -> dict[str, float]:
    """What one measurement took, in a process of its own."""
    ran = subprocess.run(
        [sys.executable, __file__, "--measure", measure, spec],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode:
        return {"error": 1.0, "said": ran.stderr[-300:]}  # type: ignore[dict-item]
    return json.loads(ran.stdout.splitlines()[-1])


def _measure(measure: str, spec: str) -> None:
    began, count = time.monotonic(), MEASURES[measure](spec)
    seconds = time.monotonic() - began
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own = used[0].ru_utime + used[0].ru_stime
    print(
        json.dumps(
            {
                "count": count, "seconds": seconds, "own": own, "cpu": own + used[1].ru_utime + used[1].ru_stime,
                "peak": used[0].ru_maxrss / (1 if sys.platform == "darwin" else 1024) / (1 << 20 if sys.platform == "darwin" else 1),
            }
        )
    )  # fmt: skip


def table(plans: list[tuple[str, str, str]], rounds: int, environment: dict[str, str]) -> None:
    """One line a plan: medians over rounds taken in turn, and the range of the times."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name, _, _ in plans}
    for _ in range(rounds):
        for name, measure, spec in plans:
            found[name].append(measured(measure, spec, environment))
    print(
        "| what | n | images/s (range) | own CPU ms/image | all CPU ms/image | peak MB |\n| --- | --- | --- | --- | --- | --- |"
    )
    for name, runs in found.items():
        good = [run for run in runs if "error" not in run]
        if not good:
            print(f"| {name} | failed: {runs[0]['said']} |")
            continue
        rates = [run["count"] / run["seconds"] for run in good]
        middle = {key: statistics.median(run[key] for run in good) for key in ("count", "own", "cpu", "peak")}
        print(
            f"| {name} | {middle['count']:.0f} | {statistics.median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f}) "
            f"| {1e3 * middle['own'] / middle['count']:.2f} | {1e3 * middle['cpu'] / middle['count']:.2f} | {middle['peak']:.0f} |"
        )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--images", type=int, default=1000)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--server", choices=("stub", "moto"), default="stub")
    asked.add_argument("--latency", type=float, default=0.0)
    asked.add_argument("--list", type=int, default=0)
    asked.add_argument("--peers", action="store_true")
    asked.add_argument("--serve", nargs=4, help=argparse.SUPPRESS)
    asked.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.measure:
        _measure(*options.measure)
        return
    if options.serve:
        kind, folder, keys, latency = options.serve

        def ready(port: int) -> None:
            print(f"port {port}", flush=True)

        if kind == "moto":
            _moto(Path(folder), ready)
        asyncio.run(_stub(_files(Path(folder)), int(keys), float(latency), ready))
        return
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, server {options.server}, latency {options.latency} ms"
    )
    with tempfile.TemporaryDirectory() as root:
        here = pictures(Path(root) / "in" / "day", 0 if options.list else options.images)
        with tarfile.open(Path(root) / "in" / "day.tar", "w") as archive:
            archive.add(here, "day")
        server, environment = served(options.server, Path(root) / "in", options.list, options.latency)
        try:
            if options.list:
                plans = [("listing", "listing", "s3://bucket/many")]
            elif options.peers:
                plans = [(name, name, "s3://bucket/day") for name in ("fetch", "bare", "s3fs")]
            else:
                plans = [
                    ("folder", "read", str(here)),
                    ("s3 prefix", "read", "s3://bucket/day"),
                    ("local .tar", "read", f"{root}/in/day.tar"),
                    ("s3 .tar", "read", "s3://bucket/day.tar"),
                ]
            table(plans, options.rounds, environment)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
