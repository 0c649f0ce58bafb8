"""A check of images on a server that goes wrong: the answer of the local folder, whole, or none."""

from __future__ import annotations

import http.server
import json
import tarfile
import threading
from functools import partial

import pytest

from driftcli.reading.profiles import profile_file
from driftcli.sources.objects import asking, listing
from tests.journey import TIMES, pictures, succeed
from tests.object_server import Objects


@pytest.fixture
def impatient(monkeypatch):
    """As many tries, less time between them."""
    for room in (asking, listing):
        monkeypatch.setattr(room, "PAUSES", (0.01, 0.02))


@pytest.fixture(scope="module")
def ref(tmp_path_factory):
    """Fitted on properties alone: what a server can spoil is read before any of them."""
    root = tmp_path_factory.mktemp("ref")
    train = pictures(root / "train", 60, 40)
    succeed(
        "fit",
        train,
        "-o",
        root / "ref",
        "--method",
        "properties",
        "--detectable",
        "none",
        "--workers",
        "1",
        "-q",
    )
    return root / "ref"


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """60 images, most of them more of the same, with what lies in folders beside images."""
    folder = pictures(tmp_path_factory.mktemp("batch") / "b", 45, 41)
    pictures(folder / "sub", 15, 42, light=50)
    (folder / "notes.txt").write_text("x")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "a.jpg").write_bytes(b"x")
    (folder / "sub" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    return folder


def local(ran, address, folder):
    """The result with the names of the local files: the two must then be equal, all but the time."""
    assert address in ran.out
    found = json.loads(ran.out.replace(address, str(folder)))
    return {key: value for key, value in found.items() if key not in TIMES}


def test_a_faulty_server_changes_nothing(check, ref, batch, objects: Objects):
    """5 % of the requests fail, in five ways: the result of the local folder, and no image is lost."""
    address = objects.put_folder(batch, "day")
    expected = check(ref, batch).timeless
    objects.proxy.rate = 0.05
    found = check(ref, address)
    assert local(found, address, batch) == expected
    assert found.result["ledger"]["used"] == 60
    assert sum(objects.proxy.spoilt.values()) >= 1, "there were faults to survive"


def test_faults_of_every_kind_in_a_third_of_the_requests(check, ref, batch, objects: Objects):
    """And as JSON says so: nothing unreadable that can be read, and nothing else."""
    address = objects.put_folder(batch, "day")
    objects.proxy.rate = 0.33
    ledger = check(ref, address).result["ledger"]
    assert set(objects.proxy.spoilt) == {"500", "503", "reset", "truncated", "slow"}
    assert (ledger["used"], ledger["unreadable"]) == (60, {"corrupt": 1})


@pytest.mark.usefixtures("impatient")
def test_what_changes_and_what_stays_away_is_counted(check, ref, batch, objects: Objects):
    """An object that is another one by the time it is fetched, one that is gone, one that never comes."""
    address = objects.put_folder(batch, "day")
    later = {"/day/0003.jpg": None, "/day/0004.jpg": None, "/day/0005.jpg": "500"}
    fresh = (batch / "0000.jpg").read_bytes()

    def refuses(path):
        end = next((name for name in later if path.endswith(name)), None)
        if end == "/day/0003.jpg":
            objects.put("day/0003.jpg", fresh)
        if end == "/day/0004.jpg":
            objects.client.delete_object(Bucket="bucket", Key="day/0004.jpg")
        return later.get(end or "")

    objects.proxy.refuses = refuses
    found = check(ref, address, "--max-unreadable", "0.2").result
    assert found["ledger"]["changed"] == 1
    assert found["ledger"]["unreadable"] == {"missing": 1, "corrupt": 1, "unreachable": 1}
    assert found["ledger"]["used"] == 57
    states = {file["path"].rpartition("/")[2]: (file["state"], file["reason"]) for file in found["files"]}
    assert states["0003.jpg"] == ("changed", "changed")
    assert states["0005.jpg"] == ("unreadable", "unreachable")


@pytest.mark.usefixtures("impatient")
def test_a_listing_that_breaks_off_is_no_shorter_audit(check, ref, batch, objects: Objects):
    """The second page never comes: exit 3, whatever was read by then."""
    address = objects.put_folder(batch, "day")
    objects.proxy.page = 25
    first = check(ref, address).result["ledger"]["seen"]
    objects.proxy.refuses = lambda path: "500" if "continuation-token" in path else None
    ran = check(ref, address)
    assert first == 63
    assert ran.code == 3
    assert ran.result["gate"] is None or ran.result["gate"]["p_value"] is None


def test_the_doctor_says_what_would_be_read(drift, batch, objects: Objects):
    """And fetches no more than it looks at."""
    ran = drift("doctor", objects.put_folder(batch, "day"), "--method", "properties")
    assert ran.code == 0
    assert "s3://bucket/day: first 50 entries: 48 read, 1 skipped: hidden, 1 skipped: not an image" in ran.out
    assert len([path for path in objects.asked if "list-type" not in path]) <= 50


@pytest.mark.usefixtures("objects", "impatient")
def test_secrets_are_never_shown(drift, ref):
    """User, password and signature of an address: not in the result, not in the log, not in the error."""
    address = "https://user:password@127.0.0.1:9/day.tar?X-Amz-Signature=sesame"
    ran = drift("check", ref, address, "-f", "json", "--log-format", "json")
    assert ran.code == 3
    assert "127.0.0.1:9/day.tar" in ran.out + ran.err
    for secret in ("sesame", "password", "user:"):
        assert secret not in ran.out + ran.err


class Silent(http.server.SimpleHTTPRequestHandler):
    """Its own log would hold the address, in this process."""

    def log_message(self, *_):
        pass


def test_a_profile_keeps_no_secret_of_an_address(drift, ref, batch, tmp_path):
    """Not in the file, which is passed on, nor in what is said."""
    with tarfile.open(tmp_path / "day.tar", "w") as archive:
        archive.add(batch, "day")
    handler = partial(Silent, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.handle_error = lambda *_: None  # who has what it wants hangs up
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://user:password@127.0.0.1:{server.server_port}/day.tar?signature=sesame"
        made = tmp_path / "day.safetensors"
        ran = drift("profile", address, "--artifact", ref, "-o", made, "--workers", 1)
        server.shutdown()
    assert ran.code == 0, ran.err
    found = profile_file.read(str(made))
    assert len(found.reading.contents) == 60
    assert found.sources == (f"http://127.0.0.1:{server.server_port}/day.tar",)
    for secret in (b"sesame", b"password", b"user:"):
        assert secret not in made.read_bytes()
        assert secret.decode() not in ran.out + ran.err
