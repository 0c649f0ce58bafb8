"""Memory that is short has many names, and none of them is a bug."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.core import errors


def caused(by: BaseException) -> BaseException:
    error = ValueError("something else")
    error.__cause__ = by
    return error


@pytest.mark.parametrize(
    ("error", "about"),
    [
        (MemoryError(), True),
        (np._core._exceptions._ArrayMemoryError((10**12,), np.dtype("f8")), True),
        (OSError(12, "Cannot allocate memory"), True),
        (OSError(28, "No space left on device"), False),
        (RuntimeError("can't start new thread"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("shapes do not fit"), False),
        (ImportError("libopenblas.so: failed to map segment from shared object"), True),
        (ImportError("cannot import name 'x'"), False),
        (ModuleNotFoundError("No module named 'typer'"), False),
        (ValueError("out of memory"), False),
        (caused(MemoryError()), True),
        (caused(KeyError("x")), False),
    ],
)
def test_what_is_about_memory(error, about):
    assert errors.about_memory(error) == about


def test_a_library_that_fails_to_load_in_little_room(monkeypatch):
    """Numpy says only that its C parts failed; a module that is not there is not there in any room."""
    monkeypatch.setattr(errors, "address_space", lambda: 300 << 20)
    assert errors.about_memory(ImportError("numpy's C-extensions failed"))
    assert not errors.about_memory(ModuleNotFoundError("No module named 'typer'"))
    assert errors.memory_hint() == (
        "this process may use 300 MB of address space (ulimit -v): raise that limit"
    )
