"""What is put into an artifact comes out of it, bit for bit, and the document untouched."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from driftcli.artifact import store
from driftcli.artifact._files import DTYPES, encode_state
from driftcli.core.errors import ArtifactError, InternalError, UsageError
from tests.artifact.support import build, change, listing, named, sound, state

DTYPE = st.sampled_from(sorted(DTYPES)).map(np.dtype) | st.sampled_from([">f4", ">i8", ">u2"]).map(np.dtype)
ARRAY = DTYPE.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    arrays=st.dictionaries(
        st.text(min_size=1).filter(lambda t: t != "__metadata__" and t.isprintable()), ARRAY, max_size=4
    ),
    turn=st.booleans(),
)
def test_every_array_comes_back(tmp_path, arrays, turn):
    """Any dtype, shape, byte order and memory layout."""
    arrays = {name: array.T if turn else array for name, array in arrays.items()}
    path = tmp_path / "artifact"
    with store.writing(path, create=True, force=True) as draft:
        draft.put("embedding", arrays)
    found = store.read(path).state("embedding")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].shape == array.shape
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].tobytes() == array.astype(array.dtype.newbyteorder("<")).tobytes()


def test_slices_are_written_as_they_look(tmp_path):
    """Safetensors 0.8.0 would write the memory behind them."""
    whole = np.arange(24.0).reshape(4, 6)
    with store.writing(tmp_path / "a", create=True) as draft:
        draft.put("embedding", {"even": whole[:, ::2], "back": whole[::-1], "turned": whole.T})
    found = store.read(tmp_path / "a").state("embedding")
    np.testing.assert_array_equal(found["even"], whole[:, ::2])
    np.testing.assert_array_equal(found["back"], whole[::-1])
    np.testing.assert_array_equal(found["turned"], whole.T)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=st.dictionaries(st.text().map(lambda text: "x" + text), JSON, max_size=5))
def test_every_document_comes_back(tmp_path, document):
    path = tmp_path / "artifact"
    with store.writing(path, create=True, force=True) as draft:
        draft.document.update(document)
    with store.writing(path) as draft:
        assert draft.document == document
    assert {key: store.read(path).manifest[key] for key in document} == document


def test_the_manifest_says_what_the_contract_lists(tmp_path):
    digest = build(tmp_path / "a")
    raw = (tmp_path / "a" / "manifest.json").read_bytes()
    manifest = json.loads(raw)
    assert digest == hashlib.sha256(raw).hexdigest()
    assert manifest["schema_version"] == "1.0"
    assert manifest["kind"] == "driftcli-reference"
    assert manifest["tool"]["name"] == "driftcli"
    assert {"numpy", "safetensors", "torch", "python"} <= manifest["libraries"].keys()
    assert [line["role"] for line in manifest["files"]] == ["detectors", "embedding"]
    for line in manifest["files"]:
        content = (tmp_path / "a" / line["name"]).read_bytes()
        assert line["bytes"] == len(content)
        assert line["sha256"] == hashlib.sha256(content).hexdigest()
        assert line["name"] == f"{line['role']}-{line['sha256'][:16]}.safetensors"


def test_equal_states_have_equal_names():
    """Whatever the order of their arrays and metadata, and in every process."""
    first = state()
    turned = dict(reversed(first.items()))
    metadata = {str(number): "x" for number in range(20)}
    ours = encode_state("embedding", first, metadata)[0]
    assert ours == encode_state("embedding", turned, dict(reversed(metadata.items())))[0]
    code = (
        "from driftcli.artifact._files import encode_state as e; from tests.artifact.support import state;"
        "print(e('embedding', state(), {str(n): 'x' for n in range(20)})[0].sha256)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == ours.sha256


def test_a_writer_changes_only_what_it_names(tmp_path):
    build(tmp_path / "a", roles=("embedding", "detectors", "reference"))
    before = store.read(tmp_path / "a")
    change(tmp_path / "a")
    after = store.read(tmp_path / "a")
    assert sorted(after.files) == ["baseline-default", "embedding", "reference"]
    assert after.files["reference"] == before.files["reference"]
    assert after.manifest["created"] == before.manifest["created"]
    assert after.manifest["updated"] > before.manifest["updated"]
    assert after.has("embedding")
    assert not after.has("detectors")


def test_unnamed_files_go_with_the_next_writer(tmp_path):
    """Readers of the previous manifest still find its files; the writer after next removes them."""
    path = tmp_path / "a"
    build(path)
    old = store.read(path)
    (path / "NOTES.txt").write_text("mine")
    change(path)
    np.testing.assert_array_equal(old.state("detectors")["weight"], state(1)["weight"])
    with store.writing(path) as draft:
        assert not draft.has("detectors")
        np.testing.assert_array_equal(draft.state("embedding")["weight"], state(70)["weight"])
    assert listing(path) == named(path) | {"NOTES.txt"}


def test_an_exception_in_the_block_leaves_no_trace(tmp_path):
    digest = build(tmp_path / "a")
    before = listing(tmp_path / "a")
    with pytest.raises(ZeroDivisionError), store.writing(tmp_path / "a") as draft:  # noqa: PT012
        draft.put("embedding", state(5))
        _ = 1 / 0
    assert listing(tmp_path / "a") == before
    assert store.read(tmp_path / "a").digest == digest
    with pytest.raises(KeyboardInterrupt), store.writing(tmp_path / "new" / "b", create=True) as draft:  # noqa: PT012
        draft.put("embedding", state(5))
        raise KeyboardInterrupt
    assert not (tmp_path / "new" / "b").exists()


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        np.float32(1),
        np.zeros(2),
        {1: 2, "1": 3},
        {1, 2},
        b"x",
        10**5000,
        "x" * (1 << 20),
    ],
    ids=["nan", "infinity", "numpy", "array", "keys", "set", "bytes", "digits", "size"],
)
def test_what_a_manifest_cannot_say_is_refused_before_writing(tmp_path, value):
    digest = build(tmp_path / "a")
    with pytest.raises(InternalError, match="manifest"), store.writing(tmp_path / "a") as draft:
        draft.document["value"] = value
    assert store.read(tmp_path / "a").digest == digest
    assert listing(tmp_path / "a") == named(tmp_path / "a")


def test_the_document_cannot_forge_the_envelope(tmp_path):
    with pytest.raises(InternalError, match="files"), store.writing(tmp_path / "a", create=True) as draft:
        draft.document["files"] = []


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.array([b"a"]), np.array([object()]), np.array(["2020"], "M8[s]")]
)
def test_arrays_that_safetensors_cannot_hold_are_refused(tmp_path, array):
    with pytest.raises(InternalError, match="type"), store.writing(tmp_path / "a", create=True) as draft:
        draft.put("embedding", {"x": array})


@pytest.mark.parametrize("role", ["", "../x", "a/b", "A", ".x", "-x", "ä", "a b", "x" * 200, "a\n"])
def test_a_role_is_a_plain_word(tmp_path, role):
    """A baseline's name comes from the command line: 2, not 4."""
    with pytest.raises(UsageError, match="file name"), store.writing(tmp_path / "a", create=True) as draft:
        draft.put(role, state())


def test_a_finished_draft_is_finished(tmp_path):
    with store.writing(tmp_path / "a", create=True) as draft:
        pass
    with pytest.raises(InternalError):
        draft.put("embedding", state())


def test_several_states_of_one_moment(tmp_path):
    build(tmp_path / "a")
    found, states = store.read(tmp_path / "a").states("embedding", "detectors")
    assert found.digest == store.read(tmp_path / "a").digest
    np.testing.assert_array_equal(states["detectors"]["weight"], state(1)["weight"])


def test_a_reader_that_misses_a_file_reads_the_manifest_again(tmp_path):
    path = tmp_path / "a"
    build(path)
    before = store.read(path)
    change(path, "newer")
    change(path, "newest")  # removes what only the first manifest named
    np.testing.assert_array_equal(before.state("embedding")["weight"], state(70)["weight"])
    assert before.states("embedding")[0].manifest["version"] == "newest"
    assert [check.role for check in before.verify()] == ["baseline-default", "embedding"]
    with pytest.raises(ArtifactError, match="holds no 'detectors'"):
        before.state("detectors")


def test_states_of_two_artifacts_are_never_mixed(tmp_path):
    """The reference of the old one with a baseline of the new one would be a wrong p-value."""
    path = tmp_path / "a"
    build(path)
    before = store.read(path)
    before.state("detectors")
    build(path, "new", seed=40)
    build(path, "newer", seed=50)
    with pytest.raises(ArtifactError, match="replaced while"):
        before.state("embedding")
    assert sound(path) == "newer"


def test_reading_needs_no_torch():
    code = "import sys, driftcli.artifact.store; assert not {'torch', 'pickle5', 'pydantic'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
