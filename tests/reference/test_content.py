"""What an artifact holds is checked before anything is computed: attacks whose checksums fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from driftcli.artifact import store
from driftcli.config.settings import Settings
from driftcli.core.errors import ArtifactError
from driftcli.core.schema import Array, ContentError, check
from driftcli.reference import content
from driftcli.reference.reference import open_baseline, open_reference, open_to_tell

OLD = Path(__file__).parents[1] / "fixtures" / "0.1.0"
BASELINE = "baseline-default"


def opened(folder):
    artifact, reference = open_reference(str(folder), Settings(), ())
    return reference, open_baseline(artifact, reference, None, str(folder))


def put(folder, role, change):
    """The state of a role changed in place, its checksum with it."""
    with store.writing(folder) as draft:
        state = {name: np.array(value) for name, value in draft.state(role).items()}
        change(state)
        draft.put(role, state)


@pytest.fixture
def passed(monkeypatch):
    """Every state that is checked, before and after, by role."""
    seen = []

    def spy(state, declared, sizes):
        found = check(state, declared, sizes)
        seen.append((set(state), set(found)))
        return found

    monkeypatch.setattr(content, "check", spy)
    return seen


def test_all_that_is_written_is_declared(world, passed):
    """Nothing of a new artifact is left behind when it is read; `detectors` are checked family by family."""
    opened(world.ref)
    whole = [(before, after) for before, after in passed if not any(k.startswith("latent/") for k in before)]
    assert len(whole) >= 6
    assert all(before == after for before, after in whole)
    by_family = [after for before, after in passed if any(k.startswith("latent/") for k in before)]
    assert set().union(*by_family) == set(store.read(world.ref).state("detectors"))


@pytest.mark.parametrize("name", ["networks", "patches", "properties"])
def test_all_that_0_1_0_wrote_is_still_taken(name, passed):
    opened(OLD / name)
    missed = [before - after for before, after in passed]
    assert not set.intersection(*[m or {None} for m in missed]) - {None}


def arrays(folder):
    """(role, name) of every array that a check of it reads."""
    artifact = store.read(folder)
    return [(r, name) for r in artifact.files if "holdout" not in r for name in sorted(artifact.state(r))]


def other_type(x):
    return x.astype(np.float64 if x.dtype == np.float32 else np.float32)


def one_more(x):
    return np.concatenate([x, x[:1]]) if x.shape[0] != 0 else np.zeros((1, *x.shape[1:]), x.dtype)


GENERIC = {
    "type": other_type,
    "axis": lambda x: x[..., None],
    "longer": one_more,
    "shorter": lambda x: x[:-1],
    "nan": lambda x: np.full_like(x, np.nan) if x.dtype.kind == "f" else x.astype(np.float32) * np.nan,
    "infinite": lambda x: np.full_like(x, -np.inf) if x.dtype.kind == "f" else x.astype(np.float16),
    "huge": lambda x: (
        np.full_like(x, 9e4 if x.dtype == np.float16 else 1e30) if x.dtype.kind == "f" else x[None]
    ),
    "gone": None,
}
HARMLESS = {
    ("seen", "longer"), ("seen", "shorter"), ("held_out_errors", "longer"),
    ("held_out_errors", "shorter"), ("held_out_errors", "nan"), ("time", "nan"), ("row_sums", "gone"),
    ("error_q95", "gone"), ("2", "longer"), ("2", "shorter"), ("2", "gone"),
}  # fmt: skip
"""No fact of anything: another number of hashes of F or of clusters, a missing time, sums that a check computes itself."""
MAYBE_MISSING = ("view/properties", "view/file", "spread/", "reach_")
COUNTED_BY_ITSELF = ("peak_", "p_", "power_", "seen", "bytes/", "onnx", "weight.")


@pytest.fixture
def refused(world, monkeypatch):
    """`refused("detectors", "style/sigma", change)`: whether an artifact in which one array is changed is refused."""
    artifact = store.read(world.ref)
    artifact.verify()
    whole = dict(artifact._verified)
    monkeypatch.setattr(store, "read", lambda *_: artifact)

    def of(role, name, change):
        state = dict(whole[role])
        with np.errstate(over="ignore", invalid="ignore"):
            changed = None if change is None else change(state[name])
        artifact._verified[role] = (
            {**state, name: changed} if change else {k: state[k] for k in state if k != name}
        )
        try:
            opened(world.ref)
        except ArtifactError as error:
            return bool(error.hint) and error.what.startswith(f"the artifact {world.ref} cannot be used: ")
        finally:
            artifact._verified[role] = state
        return False

    return of


@pytest.mark.parametrize("attack", GENERIC)
def test_no_array_of_another_kind_is_taken(world, refused, attack):
    """Every array of every state, one at a time: another type, one axis or row more, one row less, no numbers, none at all."""
    every = [
        (role, name) for role, name in arrays(world.ref) if not name.endswith("loss_curve")
    ]  # it is empty here
    assert len(every) > 60
    taken = [name for role, name in every if not refused(role, name, GENERIC[attack])]
    assert [name for name in taken if not allowed(name, attack)] == []


def allowed(name, attack):
    """What a changed array of this name may do unseen here: it is looked at where it is used, or is no fact of anything."""
    last = name.rpartition("/")[2]
    if (last, attack) in HARMLESS:
        return True
    if attack == "nan" and any(part in name for part in MAYBE_MISSING):
        return True
    if attack in {"longer", "shorter"} and last.startswith(COUNTED_BY_ITSELF):
        return True  # of these there may be more or fewer
    if attack in {"longer", "shorter"} and name.startswith("bytes/"):
        return True  # the picture is decoded
    return attack == "gone" and last.startswith(("power_", "seen_"))  # artifacts of before have none


@pytest.mark.parametrize(
    ("role", "name", "change"),
    [
        ("detectors", "latent/sigma", lambda x: x * np.nan),  # once: pass, p = 1
        (BASELINE, "view/latent", lambda x: x * np.float16("nan")),  # once: drift
        (BASELINE, "view/properties", lambda x: x[:-7]),
        (BASELINE, "texts", lambda _: np.frombuffer(b'{"names": []}', np.uint8)),
        ("reference", "spread/error", lambda x: -x),
        ("thumbnails-default", "offsets", lambda x: x[::-1].copy()),
    ],
    ids=["nan-sigma", "nan-view", "cut", "no-names", "spread", "thumbnails"],
)
def test_a_check_of_it_is_3_and_says_why(check, world, copied, role, name, change):
    """Through the command line: no verdict, the file's name, a hint."""
    put(copied, role, lambda state: state.update({name: change(state[name])}))
    ran = check(copied, world.fresh)
    assert (ran.code, ran.result["gate"]["p_value"]) == (3, None)
    assert store.read(copied).files[role].name in ran.err
    assert "hint: restore it from a copy, or " in ran.err
    assert "bug" not in ran.err


def test_an_emptied_baseline_is_3(check, world, copied):
    def emptied(state):
        for name in ("content", "pixels", "near", "time", *(k for k in state if k.startswith("view/"))):
            state[name] = state[name][:0]

    put(copied, BASELINE, emptied)
    ran = check(copied, world.fresh)
    assert (ran.code, "of shape [0, " in ran.err) == (3, True), ran.err


FACTS = ("baselines", "default")
LIES = [
    (("settings", "decode", "timeout"), 1e9),
    (("settings", "decode", "max_side"), 10**12),
    (("settings", "seed"), "x"),
    (("fitted", "images"), "many"),
    (("fitted", "formats"), ["JPEG"]),
    (("versions",), {"numpy": 2}),
    (("families_tested",), 3),
    (FACTS, []),
    ((*FACTS, "images"), 0),
    ((*FACTS, "images"), 109),
    ((*FACTS, "images"), True),
    ((*FACTS, "mean_loss"), "low"),
    ((*FACTS, "mean_loss"), [1]),
    ((*FACTS, "group_effects"), {"monday": 1.5}),
    ((*FACTS, "group_effects"), {"monday": None}),
    ((*FACTS, "detectable"), [{"corruption": "fog", "severity": 9, "share": 1}]),
    ((*FACTS, "detectable"), [{"severity": 1, "share": 1}]),
    ((*FACTS, "detectable", 0, "corruption"), "frost"),
    ((*FACTS, "detectable", 0, "severity"), 1e-320),
    ((*FACTS, "versions"), None),
    ((*FACTS, "digest"), 12),
    ((*FACTS, "cautions"), "none"),
    ((*FACTS, "diagnosis"), {"views": ["properties"]}),
]


@pytest.mark.parametrize(("place", "value"), LIES)
def test_a_manifest_that_says_what_no_writer_says_is_3(copied, place, value):
    path = copied / "manifest.json"
    document = json.loads(path.read_text("utf-8"))
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(ArtifactError) as raised:
        opened(copied)
    assert raised.value.hint


@pytest.mark.parametrize("name", ["default", ""])
def test_a_baseline_whose_arrays_are_not_there_is_3(copied, name):
    """The manifest tells of it, and no file holds it."""
    path = copied / "manifest.json"
    document = json.loads(path.read_text("utf-8"))
    document["baselines"] = {name: document["baselines"]["default"]}
    document["files"] = [entry for entry in document["files"] if entry["role"] != BASELINE]
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(ArtifactError, match=f"holds no 'baseline-{name}'") as raised:
        opened(copied)
    assert raised.value.hint


def test_what_only_tells_of_it_checks_it_too(copied):
    put(copied, "detectors", lambda state: state.update({"latent/sigma": -state["latent/sigma"]}))
    with pytest.raises(ArtifactError):
        open_to_tell(store.read(copied))


# ---------------------------------------------------------------- the declaration itself


def test_a_symbol_is_one_number_wherever_it_stands():
    declared = [
        Array("a", "float32", ("n", 3)),
        Array("b", "int64", ("2 n",)),
        Array("c", "int64", ("n + 1",)),
    ]
    state = {"a": np.zeros((4, 3), np.float32), "b": np.zeros(8, np.int64), "c": np.zeros(5, np.int64)}
    sizes = {}
    assert check({**state, "more": np.zeros(1)}, declared, sizes) == state
    assert sizes == {"n": 4}
    for name in state:
        with pytest.raises(ContentError, match=name):
            check({**state, name: state[name][:-1]}, declared, {"n": 4})


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_numbers_that_are_none_are_found_wherever_they_stand(dtype):
    declared = [Array("x", np.dtype(dtype).name, ("n",))]
    for wrong in (np.nan, np.inf, -np.inf):
        for place in (0, 500, 999):
            x = np.ones(1000, dtype)
            x[place] = wrong
            with pytest.raises(ContentError, match="'x'"):
                check({"x": x}, declared, {})
            check({"x": np.ones(1000, dtype)}, declared, {})


def test_missing_and_silencing_values_are_taken_where_they_mean_something():
    x = np.array([1, np.nan, 3], np.float32)
    check({"x": x}, [Array("x", "float32", ("n",), least=0, most=3, nan=True)], {})
    check({"x": x * np.nan}, [Array("x", "float32", ("n",), least=0, nan=True)], {})
    scale = np.array([1, np.inf], np.float32)
    check({"x": scale}, [Array("x", "float32", ("n",), least=0.5, infinite=True)], {})
    check({"x": scale[1:]}, [Array("x", "float32", ("n",), least=0.5, infinite=True)], {})
    for wrong in (np.array([0.1, np.inf], np.float32), np.array([2e15, np.inf], np.float32), -scale):
        with pytest.raises(ContentError):
            check({"x": wrong}, [Array("x", "float32", ("n",), least=0.5, infinite=True)], {})


def test_a_group_of_arrays_is_there_or_not():
    declared = [Array("a", "uint8", group="g"), Array("b", "uint8", group="g")]
    one = np.zeros(1, np.uint8)
    assert check({}, declared, {}) == {}
    assert set(check({"a": one, "b": one}, declared, {})) == {"a", "b"}
    with pytest.raises(ContentError, match="only some"):
        check({"a": one}, declared, {})
