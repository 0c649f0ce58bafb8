"""What a likeness promises: the corruption that was, its severity, two of them, or none; never chance alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.calibration import corruption_library
from driftcli.core.features import Column
from driftcli.explain import confirmation, corruption
from driftcli.explain import space as _space
from driftcli.explain.corruption import Library, Likeness, Part, calibrated, diagnosis

COLUMNS = {
    "properties": (*(Column(f"p{i}") for i in range(5)), Column("hue", "circular")),
    "error": (Column("log_mse"), Column("loss")),
}
KINDS = {"blur": "blur", "fog": "exposure", "noise": "noise", "smear": "blur"}
MOVES = np.array(
    [
        [-1, 0, 0.3, 0, 0, 0, -0.8, 0],
        [0, 1, 0.5, 0, 0, 0, 0, 0.2],
        [0.8, 0, 0, 1, 0, 0, 1, 0],
        [-1, 0, 0, 0, 0.6, 0, -0.4, 0],
    ]
)
"""What severity 2 does to the columns of each kind, in standard deviations; the hue does not count."""


def good(count: int, seed: int) -> np.ndarray:
    """Images whose columns are correlated."""
    rng = np.random.default_rng(seed)
    mixing = np.eye(8) + 0.3 * np.random.default_rng(9).normal(size=(8, 8))
    return rng.normal(size=(count, 8)) @ mixing


NETWORK = np.random.default_rng(7).normal(size=(10, 24))
"""What a network makes of the eight columns, and of two things that neither properties nor errors see."""


def views(rows: np.ndarray, subject: tuple[float, float] = (0, 0)) -> dict[str, np.ndarray]:
    """`subject`: where what the images show has gone, in the two things that only the network sees."""
    more = np.random.default_rng(len(rows)).normal(size=(len(rows), 2)) + np.array(subject)
    network = np.concatenate([rows, more], axis=1) @ NETWORK
    return {
        "properties": rows[:, :6].astype(np.float32),
        "error": rows[:, 6:].astype(np.float32),
        "network": network.astype(np.float32),
    }


@pytest.fixture(scope="module")
def library() -> Library:
    return made(0)


def made(seed: int) -> Library:
    clean = good(400, seed)
    space = _space.learn(views(clean), COLUMNS)
    few = clean[:12]
    points = [
        [
            (space(views(few + s / 2 * move)) - space(views(few))).mean(0)
            for s in corruption_library.SEVERITIES
        ]
        for move in MOVES
    ]
    seen = [
        [views(few[:6] + s / 2 * move)["network"] for s in corruption_library.CONFIRMED] for move in MOVES
    ]
    confirmed = confirmation.learn("network", views(clean)["network"], views(few[:6])["network"], seen)
    found = Library(
        space, KINDS, corruption_library.SEVERITIES, np.array(points), 0.0, confirmations=(confirmed,)
    )
    return calibrated(found, space(views(clean)), 0)


def batch(
    move: np.ndarray, seed: int = 1, count: int = 60, subject: tuple[float, float] = (0, 0)
) -> dict[str, np.ndarray]:
    return views(good(count, 100 + seed) + move, subject)


@pytest.mark.parametrize("kind", range(4))
@pytest.mark.parametrize("severity", [2, 3, 4])
def test_the_corruption_and_its_severity_are_found(library, kind, severity):
    """On images that the library has not seen; between simulated severities too."""
    found = library.nearest(batch(severity / 2 * MOVES[kind]))
    assert found is not None
    assert found.fits
    assert [part.corruption for part in found.parts] == [list(KINDS)[kind]]
    assert abs(found.parts[0].severity - severity) < 0.7
    assert found.similarity > 0.9


def test_points_of_the_paths_are_found_exactly(library):
    """Without sampling, every simulated point has its own name, severity and similarity 1."""
    for name, path in zip(library.kinds, library.points, strict=True):
        for severity, point in zip(library.severities, path, strict=True):
            found = library.of_shift(point, 0.0)
            assert found.parts == (Part(name, severity),)
            assert found.similarity == pytest.approx(1)


def test_two_at_once_are_both_named_the_stronger_first(library):
    """Of different classes; one alone never becomes two."""
    found = library.nearest(batch(1.5 * MOVES[2] + MOVES[1]))
    assert found is not None
    assert {part.corruption for part in found.parts} == {"noise", "fog"}
    assert found.parts[0].corruption == "noise"
    alone = [library.nearest(batch(1.5 * move, seed)) for move in MOVES for seed in range(25)]
    assert sum(len(one.parts) > 1 for one in alone if one is not None) <= 5


def test_what_no_corruption_does_is_like_none(library):
    """Columns that none of them moves so."""
    for move in (-2.0 * (np.arange(8) == 1), -2.0 * (np.arange(8) == 4)):
        found = library.nearest(batch(move))
        assert found is None or not found.fits


def test_chance_is_like_nothing():
    """Batches of good images, fresh baselines: one in twenty is clear enough to be compared at all (240: 99.9 % bound)."""
    clear = [
        made(seed).nearest(batch(np.zeros(8), 10 * seed + b, count)) is not None
        for seed in range(20)
        for b in range(6)
        for count in (20, 60)
    ]
    assert sum(clear) <= 23


def test_the_hue_and_missing_values_do_not_count(library):
    """An angle has no direction; a value that is missing is as in good images."""
    turned = batch(MOVES[0])
    turned["properties"][:, 5] += 100
    assert library.nearest(turned) == library.nearest(batch(MOVES[0]))
    gone = batch(1.5 * MOVES[1])
    gone["properties"][:, 4] = np.nan
    found = library.nearest(gone)
    assert found is not None
    assert found.parts[0].corruption == "fog"


def test_constant_columns_and_one_view_alone_do():
    """Grey images have no colour to vary; an artifact may measure one of the views."""
    rows = good(40, 3)
    rows[:, 2] = 0.25
    space = _space.learn({"properties": views(rows)["properties"]}, {"properties": COLUMNS["properties"]})
    assert np.isfinite(space(views(rows))).all()
    assert np.allclose(space(views(rows)).mean(0), 0, atol=1e-9)


def test_a_library_survives_the_artifact(library):
    """Arrays in the state, the rest in the manifest; a baseline without one has none."""
    state, facts = corruption.pack(library)
    again = corruption.unpack({**state, "measured/p_10": np.zeros(1)}, facts)
    assert again is not None
    assert again.nearest(batch(MOVES[3])) == library.nearest(batch(MOVES[3]))
    assert corruption.unpack({}, None) is None
    assert corruption.pack(None) == ({}, None)


def test_images_are_chosen_for_their_mean(library):
    """Eight chosen images stand for all better than the best of a hundred random eights; none twice."""
    rows = library.space(views(good(300, 5)))
    rows -= rows.mean(0)
    chosen = corruption_library.balanced(rows, 8)
    assert len(set(chosen.tolist())) == 8
    rng = np.random.default_rng(0)
    random = min(np.linalg.norm(rows[rng.permutation(300)[:8]].mean(0)) for _ in range(100))
    assert np.linalg.norm(rows[chosen].mean(0)) < random
    assert sorted(corruption_library.balanced(rows[:5], 8)) == [0, 1, 2, 3, 4]


def test_other_subjects_that_look_like_fog_are_not_called_fog(library):
    """Properties and errors move as under fog, the network sees other things: 20 batches of every kind, none named."""
    for move in MOVES:
        named = [library.nearest(batch(1.5 * move, seed, subject=(3, -3))) for seed in range(20)]
        assert sum(one is not None and one.fits for one in named) == 0
        assert sum(one is not None and one.similarity > library.least for one in named) >= 18


def test_without_a_network_only_what_is_beyond_doubt_is_named(library):
    """Old baselines: no pairs, and nothing that needs correcting for what sampling adds."""
    alone = replace(library, confirmations=())
    sure = alone.nearest(batch(2.0 * MOVES[2], count=200))
    assert sure is not None
    assert sure.fits
    assert sure.parts[0].corruption == "noise"
    both = [alone.nearest(batch(1.5 * MOVES[2] + MOVES[1], seed)) for seed in range(10)]
    assert not any(one.fits and len(one.parts) > 1 for one in both if one is not None)
    faint = [alone.nearest(batch(0.35 * MOVES[1], seed, 30)) for seed in range(20)]
    seen = [library.nearest(batch(0.35 * MOVES[1], seed, 30)) for seed in range(20)]
    assert not any(one.fits for one in faint if one is not None)
    assert any(one.fits for one in seen if one is not None)


def test_the_words(library):
    """Nouns, whole severities, what comes next; nothing where none fits."""
    blur, jpeg = Part("gaussian_blur", 2.2), Part("jpeg", 0.4)
    kinds = {"gaussian_blur": "blur", "jpeg": "compression", "darken": "exposure"}
    named = replace(library, kinds=kinds, least=0.75)
    one = Likeness((blur,), 0.931, True, "compression", jpeg, 0.31)
    said = diagnosis(one, named)
    assert said is not None
    assert said.statement == "Like Gaussian blur severity 2 (0.93); not like compression (0.31)"
    assert (said.corruption, said.severity, said.similarity) == ("gaussian_blur", 2.2, 0.931)
    assert [match.belongs for match in said.corruptions] == ["blur"]
    rival = diagnosis(replace(one, other_similarity=0.9), named)
    assert (
        rival.statement
        == "Like Gaussian blur severity 2 (0.93); next: JPEG compression below severity 1 (0.90)"
    )
    two = diagnosis(replace(one, parts=(blur, Part("darken", 1.0))), named)
    assert two.statement == "Like Gaussian blur severity 2 with darkening severity 1 (0.93)"
    assert diagnosis(replace(one, fits=False), named) is None
    assert diagnosis(None, named) is None
