"""Opening: what is no plain file, and what changes meanwhile."""

from __future__ import annotations

import os

import pytest

from driftcli.core.files import Refused, read_file
from driftcli.core.images import Decoded, Entry


def test_what_is_no_plain_file(pool, tmp_path, photo):
    """Pipes, links, folders, missing and empty files, text with and without an image's name."""
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "dir.jpg").mkdir()
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "page.jpg").write_text("<html>")
    (tmp_path / "README").write_text("text")
    photo().save(tmp_path / "real.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    (tmp_path / b"\xff.png".decode("utf-8", "surrogateescape")).write_bytes(
        (tmp_path / "real.png").read_bytes()
    )
    names = sorted(os.listdir(tmp_path))
    with pool("mean") as working:
        entries = [Entry(name, str(tmp_path / name)) for name in [*names, "gone.jpg"]]
        outcomes = {item.name: getattr(item, "reason", "decoded") for item in working.map(entries)}
        states = {item.name: getattr(item, "state", "") for item in working.map(entries)}
    assert outcomes == {
        "README": "not_an_image",
        "dir.jpg": "not_a_file",
        "empty.jpg": "empty",
        "gone.jpg": "missing",
        "link.png": "symlink",
        "page.jpg": "not_an_image",
        "pipe.jpg": "not_a_file",
        "real.png": "decoded",
        "\udcff.png": "decoded",
    }
    assert (states["README"], states["page.jpg"]) == ("skipped", "unreadable")
    with pool("mean", follow=True) as working:
        (linked,) = working.map([Entry("link.png", str(tmp_path / "link.png"))])
    assert isinstance(linked, Decoded)


def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch):
    """Read once more; still moving, it is counted as changed, apart from the broken ones."""
    path = tmp_path / "growing.jpg"
    path.write_bytes(b"12345")
    real, steps = os.fstat, []

    def growing(descriptor):
        if len(steps) < limit:
            with path.open("ab") as file:
                file.write(b"6")
        steps.append(descriptor)
        return real(descriptor)

    monkeypatch.setattr(os, "fstat", growing)
    limit = 2
    assert read_file(str(path), 100) == b"1234566"
    limit, _ = 99, steps.clear()
    with pytest.raises(Refused) as caught:
        read_file(str(path), 100)
    assert (caught.value.state, caught.value.reason) == ("changed", "changed")
