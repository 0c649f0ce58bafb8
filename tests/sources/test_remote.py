"""Sources on a server: what is listed, what is pinned, what is fetched, and what is said where that fails."""

from __future__ import annotations

import functools
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import tracemalloc
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from driftcli.config.settings import Input
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.images import Entry, Remote, Skipped
from driftcli.reading.open_sources import open_sources
from driftcli.sources import archive
from driftcli.sources.objects import asking, fetch, listing, reader
from driftcli.sources.objects import store as stores

LARGEST = 1 << 20
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """As many tries as ever, less time between them."""
    for room in (asking, listing):
        monkeypatch.setattr(room, "PAUSES", (0.01,) * 4)


@pytest.fixture
def web(tmp_path):
    """The address of a server of the folder `tmp_path / "web"`, which knows neither parts nor marks of files."""
    (tmp_path / "web").mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format, *args):  # noqa: A002
            pass

        def do_GET(self):
            self.path = self.path.partition("?")[0]
            super().do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path / "web"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def offered(*specs, **options):
    """What sources offer, objects with their bytes."""
    return list(fetch.fetched(open_sources([str(spec) for spec in specs], Input(**options)), LARGEST))


def told(*specs, **options):
    """(name within the bucket, bytes or reason) of everything."""
    return [
        (item.name.removeprefix("s3://bucket/"), item.data if isinstance(item, Entry) else item.reason)
        for item in offered(*specs, **options)
    ]


def packed(members, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


# ---------------------------------------------------------------- listing


def test_a_prefix_is_a_folder(objects, tmp_path, listed):
    """The same entries in the same order, with the same reasons, as the folder that was copied."""
    names = [
        "a.jpg",
        "b/2.jpg",
        "b.jpg",
        "b-1/1.jpg",
        "Thumbs.db",
        ".git/x.jpg",
        ".git/y/z.jpg",
        "n.txt",
        "ü #%20&+[1].png",
        "zz",
    ]
    for name in names:
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_bytes(name.encode())
    address = objects.put_folder(tmp_path / "d", "in/d")
    objects.put("in/d.jpg", b"beside")
    here = [(name.removeprefix(f"{tmp_path}/d/"), reason) for name, reason in listed(tmp_path / "d")]
    for spec in (address, address + "/"):
        assert [(name.removeprefix(address + "/"), reason) for name, reason in listed(spec)] == here
    assert {name: data for name, data in told(address) if isinstance(data, bytes)} == {
        f"in/d/{name}": name.encode() for name, reason in here if reason == "entry"
    }


def test_patterns(objects, listed):
    for key in ("d/1.jpg", "d/2.png", "d/e/3.jpg", "d/e/f/4.jpg", "d/[5].jpg"):
        objects.put(key, b"x")
    found = {
        pattern: [name.removeprefix("s3://bucket/d/") for name, _ in listed(f"s3://bucket/d/{pattern}")]
        for pattern in ("*.jpg", "?.*", "**/*.jpg", "e/*", "e/**", "[5].jpg")
    }
    assert found == {
        "*.jpg": ["1.jpg", "[5].jpg"],
        "?.*": ["1.jpg", "2.png"],
        "**/*.jpg": ["1.jpg", "[5].jpg", "e/3.jpg", "e/f/4.jpg"],
        "e/*": ["e/3.jpg"],
        "e/**": ["e/3.jpg", "e/f/4.jpg"],
        "[5].jpg": ["[5].jpg"],
    }


def test_filters_before_anything_is_fetched(objects):
    """`--exclude`, `--since`, `--limit`: what is not wanted is never asked for."""
    for key in ("d/a/1.jpg", "d/a/2.jpg", "d/b/3.jpg", "d/b/4.jpg"):
        objects.put(key, b"x")
    assert told("s3://bucket/d", exclude=["a"], limit=1) == [
        ("d/a/1.jpg", "excluded"),
        ("d/a/2.jpg", "excluded"),
        ("d/b/3.jpg", b"x"),
    ]
    assert [path for path in objects.asked if "list-type" not in path] == ["/bucket/d/b/3.jpg"]
    assert [reason for _, reason in told("s3://bucket/d", since="1h")] == [b"x"] * 4
    assert {reason for _, reason in told("s3://bucket/d", since="0s")} <= {"older", b"x"}


def test_a_listing_goes_on_where_it_broke_off(objects):
    """Pages of three keys, each of which fails at first: every key once, in order."""
    for number in range(10):
        objects.put(f"d/{number}.jpg", b"x")
    objects.proxy.page = 3
    seen = set()

    def refuses(path):
        again = path in seen
        seen.add(path)
        return None if again or "list-type" not in path else ("500", "reset", "truncated")[len(seen) % 3]

    objects.proxy.refuses = refuses
    assert [found.address[-5:] for found, _ in listing.listing("s3://bucket/d")] == [
        f"{n}.jpg" for n in range(10)
    ]
    assert sum(objects.proxy.spoilt.values()) >= 4


@pytest.mark.parametrize("fault", ["403", "500", "truncated", "reset"])
def test_a_listing_that_breaks_off_is_an_error(objects, fault):
    """Never a shorter list."""
    for number in range(10):
        objects.put(f"d/{number}.jpg", b"x")
    objects.proxy.page = 4
    objects.proxy.refuses = lambda path: (
        fault if "continuation-token" in path or "start-after" in path else None
    )
    source, seen = open_sources(["s3://bucket/d"], Input()), []
    with pytest.raises(NotAuditedError) as caught:
        seen.extend(source)
    assert caught.value.hint


def test_a_listing_is_a_stream(objects):
    """The first entries are there before the last page is asked for."""
    for number in range(20):
        objects.put(f"d/{number:02d}.jpg", b"x")
    objects.proxy.page = 2
    assert next(listing.listing("s3://bucket/d", 2))[0].address.endswith("d/00.jpg")
    assert len(objects.asked) < 5


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("spec", "error", "word"),
    [
        ("s3://bucket/nothing", NotAuditedError, "nothing below"),
        ("s3://bucket/gone.jpg", NotAuditedError, "not there"),
        ("s3://bucket/gone.tar", NotAuditedError, "not there"),
        ("s3://bucket/gone.zip", NotAuditedError, "not there"),
        ("s3://bucket/gone.csv", NotAuditedError, "not there"),
        ("s3://bucket/gone.parquet", NotAuditedError, "not there"),
        ("s3://bucket/gone-{0..9}.tar", NotAuditedError, "not there"),
        ("s3://other-bucket/x", NotAuditedError, "not there"),
        ("ftp://host/a.jpg", NotAuditedError, "not read"),
        ("http://host.invalid/a.jpg", UsageError, "plain http"),
        ("https://127.0.0.1:9/a.jpg", NotAuditedError, "cannot be read"),
        ("https://127.0.0.1:9/folder/", NotAuditedError, "names no image"),
        ("az://container/x", UsageError, "cannot be opened"),
        ("s3://", UsageError, "cannot be opened"),
        ("https://[x/a.jpg", UsageError, "cannot be opened"),
        ("s3://bucket/a//b/", NotAuditedError, "key that cannot be read"),
    ],
)
def test_errors_before_anything_is_read(objects, monkeypatch, spec, error, word):
    """3 for what is not there, 2 for what is set wrongly; with what to do."""
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(error) as caught:
        open_sources([spec], Input())
    assert word in caught.value.what
    assert caught.value.hint


def test_a_forbidden_bucket(objects):
    objects.put("d/1.jpg", b"x")
    objects.proxy.refuses = lambda _: "403"
    for spec in ("s3://bucket/d", "s3://bucket/d/1.jpg"):
        with pytest.raises(NotAuditedError, match="may not be read"):
            open_sources([spec], Input())


def test_keys_with_empty_parts(objects):
    """The library cannot spell them: an error of a listing, one entry's failure in a manifest."""
    objects.put("d/1.jpg", b"x")
    objects.put("d//2.jpg", b"x")
    objects.put("list.txt", b"d/1.jpg\nd//2.jpg\n")
    with pytest.raises(NotAuditedError, match="cannot be read"):
        told("s3://bucket/d")
    assert told("s3://bucket/list.txt") == [("d/1.jpg", b"x"), ("d//2.jpg", "missing")]


def test_no_credentials(objects, monkeypatch):
    """2, and which variables would help; asked of a machine that has none either."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9/latest/api/token")
    with pytest.raises(UsageError, match="no credentials") as caught:
        open_sources(["s3://bucket/d"], Input())
    assert "AWS_PROFILE" in caught.value.hint


def test_a_profile_of_the_aws_command_line(objects, monkeypatch, tmp_path):
    """As `aws` itself finds it: boto3 reads the file."""
    pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name)
    (tmp_path / "credentials").write_text("[night]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "night")
    objects.put("d/1.jpg", b"x")
    assert told("s3://bucket/d") == [("d/1.jpg", b"x")]


def test_without_the_extra(monkeypatch):
    """2, with the line that installs it; nothing was asked of anybody."""
    monkeypatch.setitem(sys.modules, "obstore", None)
    stores._store.cache_clear()
    with pytest.raises(UsageError, match="obstore") as caught:
        open_sources(["s3://bucket/d"], Input())
    assert "driftcli[remote]" in caught.value.hint


def test_nothing_is_asked_of_anybody_for_local_sources(objects, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert len(offered(tmp_path)) == 1
    assert objects.asked == []


# ---------------------------------------------------------------- fetching


def test_every_object_comes_whole_through_every_fault(objects):
    """Half of all requests fail: the bytes are those that were put, in their order."""
    rng = np.random.default_rng(0)
    put = {f"d/{n:02d}.jpg": rng.bytes(int(rng.integers(1, 30_000))) for n in range(40)}
    for key, data in put.items():
        objects.put(key, data)
    objects.proxy.rate = 0.5
    assert told("s3://bucket/d") == list(put.items())
    assert sum(objects.proxy.spoilt.values()) > 20


def test_one_request_an_object(objects):
    """What it costs: a page of a listing for 1,000 keys, and one GET for each image that is wanted."""
    for number in range(5):
        objects.put(f"d/{number}.jpg", b"x")
    told("s3://bucket/d")
    gets = [path for path in objects.asked if "list-type" not in path]
    assert sorted(gets) == [f"/bucket/d/{number}.jpg" for number in range(5)]


def test_what_changed_since_it_was_listed(objects):
    """Another object under the same key is `changed`, not read; also of another size, and one that is gone."""
    for number in range(3):
        objects.put(f"d/{number}.jpg", b"before")
    entries = list(open_sources(["s3://bucket/d"], Input()))
    objects.put("d/0.jpg", b"after!")
    objects.put("d/1.jpg", b"afterwards")
    objects.client.delete_object(Bucket="bucket", Key="d/2.jpg")
    assert [(item.state, item.reason) for item in fetch.fetched(entries, LARGEST)] == [
        ("changed", "changed"), ("changed", "changed"), ("unreadable", "missing"),
    ]  # fmt: skip


def test_what_is_too_large_is_not_fetched(objects):
    objects.put("d/1.jpg", b"x" * (LARGEST + 1))
    objects.put("list.txt", b"d/1.jpg\n")
    assert told("s3://bucket/d") == [("d/1.jpg", "too_large")]
    assert objects.asked[-1].startswith("/bucket?"), "the listing knew its size"
    assert told("s3://bucket/list.txt") == [("d/1.jpg", "too_large")]


def test_bytes_that_wait_are_bounded(monkeypatch):
    """However slowly they are taken; and one object is fetched, however large."""
    monkeypatch.setattr(fetch, "_WINDOW_BYTES", 100)
    monkeypatch.setattr(fetch, "store", lambda _: None)
    begun = []

    async def whole(place, key, remote, most):
        begun.append(int(key))
        return b"x" * remote.size

    monkeypatch.setattr(fetch, "_whole", whole)
    entries = [Entry(str(n), remote=Remote(f"s3://b/{n}", 300 if n == 5 else 30)) for n in range(20)]
    for taken, item in enumerate(fetch.fetched(entries, LARGEST), 1):
        assert isinstance(item, Entry)
        assert len(begun) - taken <= 4
    assert begun == list(range(20))


def test_a_server_that_is_gone_ends_the_audit(objects, monkeypatch):
    """After some in a row; what lies between readable ones is counted, one by one."""
    monkeypatch.setattr(fetch, "_LOST", 5)
    for number in range(20):
        objects.put(f"d/{number:02d}.jpg", b"x")
    objects.proxy.refuses = lambda path: (
        "500" if path.endswith(("2.jpg", "3.jpg", "4.jpg", "5.jpg")) else None
    )
    assert [reason for _, reason in told("s3://bucket/d")].count("unreachable") == 8
    objects.proxy.refuses = lambda path: "500" if "list-type" not in path else None
    with pytest.raises(NotAuditedError, match="cannot be read"):
        told("s3://bucket/d")


def test_what_is_local_passes_at_once(objects):
    """No entry waits behind the next one unless something is on its way."""
    drawn = []

    def entries():
        for number in range(3):
            drawn.append(number)
            yield Skipped(str(number), "skipped", "hidden")

    stream = fetch.fetched(entries(), LARGEST)
    next(stream)
    assert drawn == [0]


def test_an_interrupted_request_ends_at_once_and_in_silence(objects):
    """Of a server that takes the question and never answers: nobody waits for it, and no library complains."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        code = (
            "import sys\nfrom driftcli.config.settings import Input\n"
            "from driftcli.reading.open_sources import open_sources\nprint('asking', flush=True)\n"
            "try:\n    open_sources(['s3://bucket/d'], Input())\nexcept KeyboardInterrupt:\n    sys.exit(7)"
        )
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with subprocess.Popen(
            [sys.executable, "-c", code], env={**os.environ, "AWS_ENDPOINT_URL": endpoint, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
            connection.close()
    assert (process.returncode, said) == (7, "")


# ---------------------------------------------------------------- archives and manifests


def test_an_archive_is_read_in_blocks_and_resumed(objects, monkeypatch):
    """Every block fails now and then: each member as it was packed, in memory for a few blocks."""
    monkeypatch.setattr(reader, "_FIRST", 16 << 10)
    monkeypatch.setattr(reader, "_LARGEST", 64 << 10)
    rng = np.random.default_rng(1)
    members = {f"{n:03d}.jpg": rng.bytes(20_000) for n in range(40)}
    objects.put("day.tar", packed(members))
    objects.put("day.tgz", packed(members, "w:gz"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    objects.put("day.zip", out.getvalue())
    objects.proxy.rate = 0.3
    for name in ("day.tar", "day.tgz", "day.zip"):
        assert dict(told(f"s3://bucket/{name}")) == {
            f"{name}!{key}": data for key, data in members.items()
        }, name
    assert sum(objects.proxy.spoilt.values()) > 10


def test_an_archive_that_changes_meanwhile(objects, monkeypatch):
    """Two halves of two archives are none: not audited."""
    monkeypatch.setattr(reader, "_FIRST", 4 << 10)
    monkeypatch.setattr(reader, "_LARGEST", 4 << 10)
    monkeypatch.setattr(archive, "_BLOCK", 4 << 10)
    rng = np.random.default_rng(2)
    one, other = ({f"{n}.jpg": rng.bytes(3000) for n in range(20)} for _ in range(2))
    objects.put("day.tar", packed(one))
    stream = iter(open_sources(["s3://bucket/day.tar"], Input()))
    assert next(stream).data == one["0.jpg"]
    objects.put("day.tar", packed(other))
    with pytest.raises(NotAuditedError, match="changed"):
        list(stream)


def test_an_archive_costs_no_memory(monkeypatch):
    """A shard of 24 MB through two blocks of 1 MiB."""
    data = packed({f"{n}.jpg": b"\xff\xd8\xff".ljust(1 << 20) for n in range(24)})

    async def part(place, key, pinned, span):
        return fetch.Facts(len(data), None, 0.0), data[slice(*span)]

    monkeypatch.setattr(reader, "_part", part)
    monkeypatch.setattr(reader, "store", lambda _: None)
    monkeypatch.setattr(reader, "_LARGEST", 1 << 20)
    tracemalloc.start()
    sizes = [len(entry.data) for entry in open_sources(["s3://bucket/day.tar"], Input())]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sizes == [1 << 20] * 24
    assert peak < 10 << 20


def test_rows_and_patterns_of_shards(objects):
    """WebDataset's braces and `*.tar`: every shard, labels and all; a shard that is missing is an error."""
    for number in range(12):
        objects.put(f"w/s-{number:02d}.tar", packed({f"{number}.jpg": b"x", f"{number}.cls": b"cat"}))
    row = [
        (item.name, item.columns)
        for item in offered("s3://bucket/w/s-{00..11}.tar")
        if isinstance(item, Entry)
    ]
    assert row == [(f"s3://bucket/w/s-{n:02d}.tar!{n}.jpg", {"label": "cat"}) for n in range(12)]
    assert told("s3://bucket/w/*.tar") == told("s3://bucket/w/s-{00..11}.tar")
    objects.client.delete_object(Bucket="bucket", Key="w/s-05.tar")
    source = open_sources(["s3://bucket/w/s-{00..11}.tar"], Input())
    with pytest.raises(NotAuditedError, match=r"s-05\.tar"):
        list(source)


def test_a_manifest_on_a_server(objects, tmp_path):
    """Paths relative to it, addresses, its columns; nothing of this machine, whatever it says."""
    objects.put("m/a.jpg", b"a")
    objects.put("b.jpg", b"b")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    rows = [
        "a.jpg,x",
        "s3://bucket/b.jpg,y",
        "../b.jpg,z",
        f"{tmp_path}/secret.jpg,",
        f"../../..{tmp_path}/secret.jpg,",
        "file:///etc/passwd,",
        "http://127.0.0.1:1/a.jpg,",
        "n.txt,",
    ]
    objects.put("m/list.csv", ("\n".join(["path,label", *rows]) + "\n").encode())
    found = offered("s3://bucket/m/list.csv")
    assert [(item.data, item.columns["label"]) for item in found if isinstance(item, Entry)] == [
        (b"a", "x"),
        (b"b", "y"),
        (b"b", "z"),
    ]
    assert [item.reason for item in found if isinstance(item, Skipped)] == [*["outside"] * 4, "not_an_image"]


def test_addresses_in_a_list_of_this_machine(objects, tmp_path):
    """Beside paths; what nobody listed is pinned by nothing, and missing where it is not."""
    objects.put("a.jpg", b"a")
    (tmp_path / "b.jpg").write_bytes(b"b")
    (tmp_path / "list.jsonl").write_text(
        "".join(
            json.dumps({"path": path}) + "\n"
            for path in ("s3://bucket/a.jpg", "b.jpg", "s3://bucket/c.jpg", "http://host.invalid/a.jpg")
        )
    )
    found = offered(tmp_path / "list.jsonl")
    assert [getattr(item, "reason", "entry") for item in found] == ["entry", "entry", "missing", "plain_http"]


def test_google_speaks_the_same_language(objects, monkeypatch):
    """gs:// with a service account that names this server: listed, pinned and fetched as S3 is."""
    port = objects.proxy.server_port
    account = {
        "gcs_base_url": f"http://127.0.0.1:{port}",
        "disable_oauth": True,
        "client_email": "",
        "private_key": "",
        "private_key_id": "",
    }
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(account))
    monkeypatch.setenv("GOOGLE_BASE_URL", f"http://127.0.0.1:{port}")
    for number in range(3):
        objects.put(f"d/{number}.jpg", b"x", ACL="public-read")
    assert told("gs://bucket/d") == [(f"gs://bucket/d/{number}.jpg", b"x") for number in range(3)]


# ---------------------------------------------------------------- the web


def test_one_image_by_its_web_address(web, tmp_path):
    (tmp_path / "web" / "a b.jpg").write_bytes(b"picture")
    for address in (
        f"{web}/a%20b.jpg",
        f"{web}/a%20b.jpg?X-Amz-Signature=sesame",
        web.replace("//", "//me:sesame@") + "/a%20b.jpg",
    ):
        (entry,) = offered(address)
        assert entry.data == b"picture"
        assert entry.name == f"{web}/a%20b.jpg"
        assert entry.modified


def test_archives_and_manifests_of_a_server_without_parts(web, tmp_path):
    """Read from beginning to end; a .zip, whose directory is at its end, is refused with what to do."""
    members = {f"{n}.jpg": b"\xff\xd8\xff" + bytes([n]) * 200_000 for n in range(8)}
    (tmp_path / "web" / "day.tar").write_bytes(packed(members))
    for name, data in members.items():
        (tmp_path / "web" / name).write_bytes(data)
    (tmp_path / "web" / "list.txt").write_text("".join(f"{name}\n" for name in members))
    assert {name.partition("!")[2]: data for name, data in told(f"{web}/day.tar")} == members
    assert {name.removeprefix(f"{web}/"): data for name, data in told(f"{web}/list.txt?sig=1")} == members
    with zipfile.ZipFile(tmp_path / "web" / "day.zip", "w") as archive:
        archive.writestr("a.jpg", b"x")
    with pytest.raises(NotAuditedError, match="parts of files"):
        offered(f"{web}/day.zip")


def test_a_broken_stream_is_begun_again(objects, monkeypatch):
    """Of a server that gives no parts: what was read is passed over, and no byte comes twice."""
    data = np.random.default_rng(3).bytes(900_000)
    address = objects.put("day.bin", data)
    real = reader._part

    async def never(place, key, pinned, span):
        raise asking.Fault("ranges")

    monkeypatch.setattr(reader, "_part", never)
    tries = iter(["truncated", None, "reset", "truncated", "500"])
    objects.proxy.refuses = lambda path: next(tries, None) if path.endswith("day.bin") else None
    with reader.opened(address) as file:
        assert file.read() == data
    assert objects.proxy.spoilt["truncated"] >= 1
    monkeypatch.setattr(reader, "_part", real)


@pytest.mark.parametrize("seed", range(3))
def test_an_object_reads_like_a_file(objects, monkeypatch, seed):
    """Any jumps and any sizes give what the same jumps in memory give."""
    monkeypatch.setattr(reader, "_FIRST", 1000)
    monkeypatch.setattr(reader, "_LARGEST", 4000)
    rng = np.random.default_rng(seed)
    data = rng.bytes(int(rng.integers(0, 40_000)))
    twin, objects.proxy.rate = io.BytesIO(data), 0.1
    with reader.opened(objects.put("some.bin", data)) as file:
        for _ in range(40):
            if rng.random() < 0.5:
                whence = int(rng.integers(3))
                offset = (
                    int(rng.integers(0, len(data) + 10))
                    if whence == 0
                    else int(rng.integers(-500, 1))
                    if whence == 2
                    else 0
                )
                if whence == 2 and len(data) + offset < 0:
                    continue
                assert file.seek(offset, whence) == twin.seek(offset, whence)
            size = int(rng.integers(0, 9000))
            assert file.read(size) == twin.read(size)
