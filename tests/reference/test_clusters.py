"""Clusters of F: found where they are, the same every time, never more than C can fill."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from driftcli.reference import clusters


def blobs(rng, centres, each):
    """`each` points about every centre, in random order, and the centre that each belongs to."""
    code = rng.permutation(np.repeat(np.arange(len(centres)), each))
    return np.asarray(centres, float)[code] + rng.normal(0, 0.3, (len(code), len(centres[0]))), code


def twin_assign(x, centroids):
    """Pair by pair."""
    return [min(range(len(centroids)), key=lambda k: float(((row - centroids[k]) ** 2).sum())) for row in x]


def test_separate_clumps_are_found():
    centres = [(0, 0, 0), (6, 0, 0), (0, 6, 0), (0, 0, 6)]
    x, code = blobs(np.random.default_rng(1), centres, 40)
    centroids = clusters.kmeans(x, 4, 2)
    member = clusters.assign(x, centroids)
    assert len({(int(a), int(b)) for a, b in zip(code, member, strict=True)}) == 4
    assert np.allclose(sorted(centroids.tolist()), sorted(map(list, centres)), atol=0.2)


def test_the_descent_ends_where_means_and_members_agree():
    """Every centroid is the mean of the rows that are nearest to it, by a twin that goes pair by pair."""
    x = np.random.default_rng(3).normal(size=(150, 5))
    centroids = clusters.kmeans(x, 6, 4)
    member = np.array(twin_assign(x, centroids))
    assert member.tolist() == clusters.assign(x, centroids).tolist()
    for k in range(6):
        assert np.allclose(centroids[k], x[member == k].mean(axis=0))


def test_more_clusters_than_distinct_rows_are_no_failure():
    x = np.repeat([[0.0, 1.0], [2.0, 3.0]], 20, axis=0)
    centroids = clusters.kmeans(x, 3, 0)
    assert np.isfinite(centroids).all()
    assert clusters.distances(x, centroids).min(axis=1).max() == 0


def test_threads_do_not_change_a_bit():
    """Whatever the libraries below would take; the centroids go into the artifact and its digests."""
    code = (
        "import hashlib, numpy as np\nfrom driftcli.reference import clusters\n"
        "x = np.random.default_rng(6).normal(size=(3000, 24))\n"
        "print(hashlib.sha256(clusters.kmeans(x, 8, 1).tobytes()).hexdigest())"
    )
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **dict.fromkeys(threads, count)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for count in ("1", "4")
    }
    assert len(found) == 1


def test_a_check_loads_no_scikit_learn(world):
    """It only asks which stored centroid is nearest."""
    argv = ["check", str(world.ref), str(world.fresh), "--workers", "1", "-q"]
    code = f"import sys\nfrom driftcli.cli import app\nassert app.run({argv!r}) == 0\nprint('sklearn' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "False"


def test_the_same_seed_gives_the_same_clusters_and_fit_images_decide_how_many():
    views = {"content": np.random.default_rng(5).normal(size=(170, 4)).astype(np.float32)}
    first, second = clusters.learn(views, "auto", 7), clusters.learn(views, "auto", 7)
    assert sorted(first) == ["content/2", "content/4", "content/8"]
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert list(clusters.learn(views, 3, 7)) == ["content/3"]
    assert clusters.learn(views, 0, 7) == {}
    assert clusters.learn({"properties": views["content"]}, "auto", 7) == {}
    assert list(clusters.learn({"latent": views["content"]}, 2, 7)) == ["latent/2"]


@pytest.mark.parametrize(
    ("held_out", "k"), [(39, None), (40, 2), (100, 2), (160, 4), (319, 4), (320, 8), (10_000, 8)]
)
def test_c_decides_which_clusters_serve(held_out, k):
    """At most one for 20 images of C, as a rule one for 40."""
    learnt = {f"content/{n}": np.zeros((n, 3)) for n in (2, 4, 8)}
    chosen = clusters.choose(learnt, held_out)
    assert (chosen and len(chosen[1])) == k
