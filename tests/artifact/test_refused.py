"""Damaged, hostile and foreign folders: ArtifactError (3) or UsageError (2) with a hint, never anything else."""

from __future__ import annotations

import os

import pytest

from driftcli.artifact import store
from driftcli.artifact._manifest import MAX_DEPTH
from driftcli.core.errors import ArtifactError
from tests.artifact.support import build, edit


@pytest.fixture
def path(tmp_path):
    build(tmp_path / "a", roles=("embedding",))
    return tmp_path / "a"


def refused(path, words="", role="embedding"):
    with pytest.raises(ArtifactError, match=words) as caught:
        store.read(path).state(role)
    assert caught.value.exit_code == 3
    assert caught.value.hint
    assert str(path.name) in caught.value.what
    assert caught.value.what.isprintable()
    return caught.value


def only_state(path):
    return next(path.glob("*.safetensors"))


# ---------------------------------------------------------------- states


def test_every_flipped_byte_of_a_state_is_noticed(path):
    file = only_state(path)
    raw = file.read_bytes()
    for place in range(len(raw)):
        file.unlink()
        file.write_bytes(raw[:place] + bytes([raw[place] ^ (1 << place % 8)]) + raw[place + 1 :])
        refused(path, "checksum")
    assert not store.read(path).verify()[0].ok


def test_every_truncation_of_a_state_is_noticed(path):
    file = only_state(path)
    raw = file.read_bytes()
    for size in range(len(raw)):
        file.unlink()
        file.write_bytes(raw[:size])
        refused(path, "truncated")
    file.write_bytes(raw + b"\0")
    refused(path, "manifest says")


def test_a_deleted_state_is_named_with_a_way_out(path):
    only_state(path).unlink()
    assert "--force" in refused(path, "file for embedding is missing").hint
    check = store.read(path).verify()[0]
    assert (check.role, check.ok, check.problem) == ("embedding", False, "is missing")


def test_links_and_pipes_are_not_followed(path, tmp_path):
    """Not even to a file with the right content, and a FIFO does not block."""
    file = only_state(path)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    refused(path, "symbolic link")
    file.unlink()
    os.mkfifo(file)
    refused(path, "no regular file")
    file.unlink()
    file.mkdir()
    refused(path, "no regular file")
    (path / "manifest.json").rename(tmp_path / "manifest.json")
    (path / "manifest.json").symlink_to(tmp_path / "manifest.json")
    refused(path, "symbolic link")


def test_a_linked_folder_is_an_artifact(path, tmp_path):
    """`latest -> 2024-05-01` is how people deploy."""
    (tmp_path / "latest").symlink_to(path)
    assert store.read(tmp_path / "latest").verify()[0].ok


def test_an_unknown_role_is_refused_with_what_there_is(path):
    assert "embedding" in refused(path, "holds no 'autoencoder'", "autoencoder").hint


# ---------------------------------------------------------------- manifests


def test_every_flipped_byte_of_a_manifest_is_survived(path):
    """What JSON cannot notice (a digit of the document) changes the digest."""
    digest = store.read(path).digest
    raw = (path / "manifest.json").read_bytes()
    for place in range(len(raw)):
        (path / "manifest.json").unlink()
        (path / "manifest.json").write_bytes(
            raw[:place] + bytes([raw[place] ^ (1 << place % 8)]) + raw[place + 1 :]
        )
        try:
            found = store.read(path)
        except ArtifactError:
            continue
        assert found.digest != digest
    for size in range(len(raw) - 1):
        (path / "manifest.json").unlink()
        (path / "manifest.json").write_bytes(raw[:size])
        refused(path, "manifest.json")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{"schema_version": "1.0", "kind": "\xc3("}', "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"a": 1, "a": 2}', "'a' twice"),
        (b'{"a": {"\\u001b[31m": 1, "\\u001b[31m": 2}}', "twice"),
        (b'{"a": NaN}', "contains NaN"),
        (b'{"a": -Infinity}', "contains -Infinity"),
        (b'{"a": 1e999}', "beyond float64"),
        (b'{"a": ' + b"9" * 5000 + b"}", "5,000 digits"),
        (b"[" * 500_000, "nested"),
        (b'{"a":' * 100_000, "nested"),
        (b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), "nested"),
        (b'{"a": "' + b"x" * (1 << 20) + b'"}', "larger than 1,048,576"),
        (b'{"kind": "x", "files": []}', "schema_version"),
        (b'{"schema_version": 1, "kind": "x", "files": []}', "schema_version"),
        (b'{"schema_version": "1.0", "files": []}', "kind"),
        (b'{"schema_version": "1.0", "kind": "\\u001b", "files": []}', "kind"),
        (b'{"schema_version": "1.0", "kind": "x"}', "files"),
        (b'{"schema_version": "1.0", "kind": "x", "files": [1]}', "no object"),
        (b'{"schema_version": "1.0", "kind": "x", "created": 1, "files": []}', "created"),
    ],
)
def test_malformed_manifests_are_refused(path, raw, words):
    (path / "manifest.json").write_bytes(raw)
    refused(path, words)


SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "name",
    [
        f"../embedding-{SHA[:16]}.safetensors",
        f"/etc/embedding-{SHA[:16]}.safetensors",
        f"embedding-{SHA[:16]}.safetensors\n",
        f"embedding-{SHA[:16]}.safetensors\0",
        f"x/embedding-{SHA[:16]}.safetensors",
        f"x\\embedding-{SHA[:16]}.safetensors",
        f".embedding-{SHA[:16]}.safetensors",
        f"other-{SHA[:16]}.safetensors",
        f"embedding-{SHA[:15]}0.safetensors",
        "manifest.json",
        "",
        None,
        7,
    ],
)
def test_only_the_implied_name_is_a_name(path, name):
    edit(path, files=[{"role": "embedding", "name": name, "bytes": 3, "sha256": SHA}])
    refused(path, "names a file")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"bytes": -1}, "size"),
        ({"bytes": True}, "size"),
        ({"bytes": 1 << 60}, "size"),
        ({"bytes": 1.0}, "size"),
        ({"sha256": SHA.upper()}, "SHA-256"),
        ({"sha256": None}, "SHA-256"),
        ({"role": "../embedding"}, "role"),
        ({"role": ["embedding"]}, "role"),
    ],
)
def test_every_field_of_a_file_is_checked(path, line, words):
    good = {"role": "embedding", "name": f"embedding-{SHA[:16]}.safetensors", "bytes": 3, "sha256": SHA}
    edit(path, files=[good | line])
    refused(path, words)
    edit(path, files=[good, good])
    refused(path, "twice")


def test_another_major_schema_is_refused_with_both_versions(path):
    edit(path, schema_version="2.3")
    assert "upgrade" in refused(path, r"2\.3.*1\.x").hint
    edit(path, schema_version="0.9")
    assert "fit" in refused(path, r"0\.9.*1\.x").hint


def test_a_later_minor_schema_is_read_and_kept(path):
    """A minor version only adds keys; an older writer keeps both."""
    edit(path, schema_version="1.7", added={"by": "1.7"})
    with store.writing(path) as draft:
        draft.document["mine"] = 1
    manifest = store.read(path).manifest
    assert (manifest["schema_version"], manifest["added"], manifest["mine"]) == ("1.7", {"by": "1.7"}, 1)


def test_what_is_not_there_is_said(tmp_path):
    refused(tmp_path / "none", "there is no artifact")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "holds no manifest.json")
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", "is no folder")
    with pytest.raises(ArtifactError):
        store.read("a\0b")
    assert not any(store.exists(tmp_path / name) for name in ("none", "empty", "file"))
    with pytest.raises(ArtifactError, match="there is no"), store.writing(tmp_path / "none"):
        pass
    assert not (tmp_path / "none").exists()
