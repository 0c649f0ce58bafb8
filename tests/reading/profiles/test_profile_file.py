"""The profile's file: what goes in comes out, and nothing that is damaged or hostile is believed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from driftcli.core.errors import NotAuditedError
from driftcli.core.images import Skipped
from driftcli.reading.profiles import profile_file
from driftcli.reading.profiles.profile_file import decode, encode, is_profile
from driftcli.reading.shard import Shard
from tests.reading.profiles.samples import image, profile

SOME = [image(i) for i in range(40)]
PASSED = [Skipped("a\udcff.txt", "skipped", "not_an_image"), Skipped("b.jpg", "unreadable", "truncated")]


def equal(one, other) -> bool:
    """Field by field, arrays bit by bit, NaN like NaN."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if hasattr(one, "__dataclass_fields__"):
        return all(equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    return bool(one == other)


def put_together(header: dict, body: bytes) -> bytes:
    """A profile of somebody's making, with a checksum that fits."""
    header["__metadata__"] = {
        "format": "driftcli-profile",
        "sha256": "0" * 64,
        "version": "1",
        **header.pop("more", {}),
    }
    ordered = {"__metadata__": header.pop("__metadata__")} | header
    text = json.dumps(ordered, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    head = len(text).to_bytes(8, "little") + text
    found = hashlib.sha256(head + body).hexdigest().encode()
    return head.replace(b"0" * 64, found, 1) + body


def changed(change, **more) -> bytes:
    """A whole profile whose arrays and document were changed by who wrote it."""
    arrays = {name: x.copy() for name, x in load(encode(profile(SOME + PASSED))).items()}
    document = json.loads(arrays["document"].tobytes())
    change(arrays, document)
    arrays["document"] = np.frombuffer(json.dumps(document).encode(), np.uint8)
    raw = save(arrays)
    end = 8 + int.from_bytes(raw[:8], "little")
    return put_together({**json.loads(raw[8:end]), "more": more}, raw[end:])


# ---------------------------------------------------------------- there and back


@given(
    st.lists(st.integers(0, 30), max_size=25),
    st.lists(
        st.text(st.characters(codec=None, exclude_characters="\0"), max_size=12), min_size=25, max_size=25
    ),
    st.integers(1, 12),
)
@settings(max_examples=60, deadline=None)
def test_what_goes_in_comes_out(numbers, names, keep):
    """Any names, copies, images beyond `keep`; the same bytes each time."""
    made = profile(
        [*(image(i, name) for i, name in zip(numbers, names, strict=False)), *PASSED], keep, Shard(2, 7)
    )
    raw = encode(made)
    found = decode(raw, "p.safetensors")
    assert equal(replace(found, name="", sha256=""), made)
    assert encode(found) == raw
    assert load(raw)["contents"].shape == (len(numbers), 32)


def test_it_holds_no_pixels_and_no_thumbnails():
    """40 bytes for every image, and for those that are kept numbers, names and columns."""
    raw = encode(profile([image(i) for i in range(500)], keep=10))
    arrays = load(raw)
    assert {name for name in arrays if not name.startswith(("view/", "canary/"))} == {
        "document", "contents", "seen", "row/names", "row/name_ends", "row/pixels", "row/near", "row/time",
        "row/origin", "row/columns",
    }  # fmt: skip
    assert {name: x.shape for name, x in arrays.items() if name.startswith("view/")} == {
        "view/error": (10, 9), "view/properties": (10, 29), "view/style": (10, 5),
    }  # fmt: skip
    assert arrays["view/style"].dtype == np.float16
    assert 500 * 40 < len(raw) < 500 * 40 + 8_000


def test_what_is_a_profile_is_known_by_its_beginning(tmp_path):
    path = tmp_path / "p.safetensors"
    path.write_bytes(encode(profile(SOME)))
    assert is_profile(str(path))
    path.write_bytes(save({"weights": np.zeros(3)}))
    assert not is_profile(str(path))
    assert not is_profile(str(tmp_path))
    assert not is_profile(str(tmp_path / "none.safetensors"))


# ---------------------------------------------------------------- damage


def test_a_changed_byte_is_found_wherever_it_is():
    raw = encode(profile(SOME))
    rng = np.random.default_rng(3)
    for at in {*range(0, 400, 7), *rng.integers(len(raw), size=60).tolist(), len(raw) - 1}:
        with pytest.raises(NotAuditedError) as caught:
            decode(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :], "p.safetensors")
        assert caught.value.hint


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.999])
def test_a_truncated_one_is_refused(share):
    raw = encode(profile(SOME))
    with pytest.raises(NotAuditedError):
        decode(raw[: int(share * len(raw))], "p.safetensors")


@pytest.mark.parametrize(
    "raw", [b"", b"\xff" * 50, save({"a": np.zeros(2)}), b"\x02" + bytes(7) + b"{}", b"PK\3\4" * 9]
)
def test_other_files_are_no_profiles(raw):
    with pytest.raises(NotAuditedError, match="is no profile"):
        decode(raw, "p.safetensors")


def test_a_later_format_says_so():
    with pytest.raises(NotAuditedError, match="format 2") as caught:
        decode(changed(lambda *_: None, version="2"), "p.safetensors")
    assert "update driftcli" in caught.value.hint
    assert decode(changed(lambda *_: None, version="1.3"), "p").reading.ledger.used == 40


def _set(key, value):
    def change(_, document):
        document[key] = value

    return change


def _array(name, value):
    def change(arrays, _):
        arrays[name] = value(arrays[name])

    return change


def _poison(x):
    x[3, 2] = np.nan
    return x


HOSTILE = {
    "fewer rows than it says": _set("keep", 5),
    "a ledger of more images": _set("ledger", {"seen": 99, "used": 99, "unreadable": {}, "skipped": {}, "changed": 0}),
    "a ledger that does not add up": _set("ledger", {"seen": 9, "used": 40, "unreadable": {}, "skipped": {}, "changed": 0}),
    "counts that are no numbers": _set("ledger", {"seen": "x", "used": 40, "unreadable": {}, "skipped": {}, "changed": 0}),
    "negative counts": _set("ledger", {"seen": 39, "used": 40, "unreadable": {"x": -1}, "skipped": {}, "changed": 0}),
    "a shard beyond the last": _set("shard", [9, 8]),
    "no sources": _set("sources", []),
    "sources that are no texts": _set("sources", [1, 2]),
    "columns that are no texts": _set("columns", [{"label": 3}]),
    "no columns": _set("columns", []),
    "a state that there is not": _set("files", [["a", "fine", "x"]]),
    "too deep a document": _set("input", {"a": [[[[[[[1]]]]]]]}),
    "hashes out of order": _array("contents", lambda x: x[::-1].copy()),
    "pixel hashes out of order": _array("seen", lambda x: x[::-1].copy()),
    "another dtype": _array("seen", lambda x: x.astype(np.int64)),
    "another shape": _array("row/near", lambda x: x[:-1]),
    "names that end beyond the last": _array("row/name_ends", lambda x: x + 1),
    "names that end before they begin": _array("row/name_ends", lambda x: x[::-1].copy()),
    "a source that there is not": _array("row/origin", lambda x: x + 2),
    "a negative place": _array("row/columns", lambda x: x - 100),
    "an unknown view": lambda arrays, _: arrays.update({"view/secret": np.zeros((40, 2), np.float32)}),
    "features that are not finite": _array("view/error", _poison),
    "a canary of another type": _array("canary/error", lambda x: x.astype(np.float64)),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_right_checksum_is_not_believed_either(what):
    """Whoever writes a profile can write its checksum: counts, places and types are looked at."""
    with pytest.raises(NotAuditedError) as caught:
        decode(changed(HOSTILE[what]), "p.safetensors")
    assert caught.value.hint


def test_missing_properties_are_values():
    found = decode(encode(profile(SOME)), "p").reading.features.views
    assert np.isnan(found["properties"]).any()


def test_what_cannot_be_opened_says_why(tmp_path):
    with pytest.raises(NotAuditedError, match="No such file"):
        profile_file.read(str(tmp_path / "none.safetensors"))
    with pytest.raises(NotAuditedError, match="not a file"):
        profile_file.read(str(tmp_path))
