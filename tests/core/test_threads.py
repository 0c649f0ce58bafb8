"""Calls side by side: in their order, each with a thread of its own and BLAS with one."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from driftcli.core import threads


def _blas():
    """Threads of the libraries that were there at the first call: numpy's; later ones may be scipy's."""
    found = threads._controller().info()
    return {library["num_threads"] for library in found if library["user_api"] == "blas"}


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(cores, monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: cores)
    later = threading.Event()

    def square(i):
        if cores > 1:  # the first waits for the last but one of those that run beside it
            later.wait(10) if i == 0 else later.set()
        return i * i

    assert list(threads.side_by_side(square, range(5))) == [0, 1, 4, 9, 16]
    assert list(threads.side_by_side(square, [])) == []


@pytest.mark.parametrize("cores", [1, 2])
def test_blas_has_one_thread_meanwhile_and_as_many_as_before_after(cores, monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: cores)
    guarded = threads.single(lambda _: _blas())  # sums guard themselves too, which must not free the others
    with threadpool_limits(limits=3, user_api="blas"):
        before = _blas()
        seen = list(threads.side_by_side(lambda i: guarded(i) | _blas(), range(20)))
        assert _blas() == before
    assert seen == [{1}] * 20


@pytest.mark.parametrize("cores", [1, 2])
def test_what_a_call_raises_is_raised(cores, monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: cores)
    with pytest.raises(FloatingPointError), np.errstate(all="ignore"):
        list(threads.side_by_side(lambda i: [1, 2][i] if i < 2 else _fail(), range(3)))


def _fail():
    raise FloatingPointError


@pytest.mark.parametrize(
    ("asked", "cores", "megabytes", "started"),
    [
        ("auto", 2, 100_000, 2),
        ("auto", 64, 100_000, 16),
        ("auto", 16, 512, 4),
        (256, 2, 100_000, 16),
        (256, 32, 100_000, 128),
        (256, 32, 2_000, 15),
        (3, 1, 100_000, 3),
        (8, 8, 1, 1),
    ],
)
def test_no_more_workers_than_cores_and_memory_serve(monkeypatch, asked, cores, megabytes, started):
    """256 on two cores are 256 processes that load libraries for minutes, and 15 GB."""
    monkeypatch.setattr(threads, "cores", lambda: cores)
    monkeypatch.setattr(threads, "_free_memory", lambda: megabytes << 20)
    assert threads.workers(asked) == started


def test_free_memory_is_what_the_system_tells():
    assert 1 << 20 < threads._free_memory() <= 1 << 60
