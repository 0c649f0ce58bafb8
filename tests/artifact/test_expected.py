"""`--expect-sha256`: one digest stands for the whole artifact; another one is 3, whatever else is right."""

from __future__ import annotations

import hashlib
import json

import pytest

import driftcli
from driftcli.artifact import store
from driftcli.core.errors import ArtifactError, UsageError
from tests.artifact.support import build

OTHER = "0" * 64


@pytest.fixture
def path(tmp_path):
    build(tmp_path / "a")
    return tmp_path / "a"


def digest_of(path):
    return hashlib.sha256((path / "manifest.json").read_bytes()).hexdigest()


def test_the_digest_is_the_manifests_and_covers_every_file(path):
    """A changed state whose checksum fits is another digest."""
    before = store.read(path, digest_of(path))
    assert before.digest == digest_of(path)
    assert store.read(path, digest_of(path).upper()).digest == before.digest
    role = min(before.files)
    with store.writing(path) as draft:
        draft.put(role, {name: array + 1 for name, array in draft.state(role).items()})
    with pytest.raises(ArtifactError) as raised:
        store.read(path, before.digest)
    assert before.digest in raised.value.what
    assert digest_of(path) in raised.value.what
    assert "expect the digest that they printed" in raised.value.hint


def test_it_is_compared_before_a_byte_is_believed(path):
    (path / "manifest.json").write_text("{ no JSON", "utf-8")
    with pytest.raises(ArtifactError, match="expected was"):
        store.read(path, OTHER)


@pytest.mark.parametrize(
    "word", ["", "abc", OTHER[:-1], f"{OTHER}0", f"sha256:{OTHER}", "g" * 64, f" {OTHER}"]
)
def test_what_is_no_digest_is_usage(path, word):
    with pytest.raises(UsageError, match="no SHA-256"):
        store.read(path, word)


def test_no_newer_artifact_takes_its_place(path):
    """A reader that misses a file reads the manifest again, and not another one than it expected."""
    old = store.read(path, digest_of(path))
    free = store.read(path)
    role = min(old.files)
    with store.writing(path) as draft:
        draft.put(role, {name: array + 1 for name, array in draft.state(role).items()})
    with store.writing(path):
        pass  # the next writer removes what is no longer named
    assert free.states(role)[0].digest == digest_of(path)
    with pytest.raises(ArtifactError, match="expected was"):
        old.states(role)


def test_a_writer_may_expect_it_too(path):
    with pytest.raises(ArtifactError, match="expected was"), store.writing(path, expected=OTHER):
        pass
    before = digest_of(path)
    with store.writing(path, expected=before):
        pass
    assert digest_of(path) != before  # a later baseline is another digest, which it prints


def test_every_command_that_opens_an_artifact_takes_it(drift, world, tmp_path):
    """The right one changes nothing; a wrong one is 3 with both, and no verdict."""
    right = digest_of(world.ref)
    rest = ("--workers", 1)
    asked = {
        "check": ("check", world.ref, world.fresh, "-f", "json", *rest),
        "power": ("power", world.ref, world.good, *rest),
        "profile": ("profile", world.fresh, "--artifact", world.ref, "-o", tmp_path / "p.safetensors", *rest),
        "baseline": ("baseline", world.ref, world.fresh, "--name", "late", *rest),
        "inspect": ("inspect", world.ref),
    }
    for command, argv in asked.items():
        ran = drift(*argv, "--expect-sha256", OTHER)
        assert (ran.code, right in ran.err, OTHER in ran.err, "hint: " in ran.err) == (3, True, True, True), (
            command
        )
    assert digest_of(world.ref) == right
    assert drift(*asked["check"], "--expect-sha256", right).code == 0
    assert (
        json.loads(drift("inspect", world.ref, "-f", "json", "--expect-sha256", right).out)["digest"] == right
    )
    assert right in drift("inspect", world.ref).out
    assert drift(*asked["check"], "--expect-sha256", right[:20]).code == 2


def test_python_takes_it_too(world):
    with pytest.raises(driftcli.ArtifactError, match="expected was"):
        driftcli.check(world.ref, world.fresh, expect_sha256=OTHER, workers=1)
    assert driftcli.inspect(world.ref, expect_sha256=digest_of(world.ref)).ok
