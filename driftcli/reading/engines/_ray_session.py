"""A session of Ray: begun, kept quiet, and gone without a trace."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from driftcli.config.settings import Settings
from driftcli.core import abrupt, threads
from driftcli.core.errors import DriftcliError, InternalError, UsageError
from driftcli.core.text import safe_name

STORE = 256 << 20
"""Bytes of shared memory of a local session: states and profiles of units are all that passes through it."""
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # no telemetry
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def imported() -> Any:
    """The library. Raises UsageError where it is not installed."""
    os.environ.update({key: value for key, value in QUIET.items() if key not in os.environ})
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            "--engine ray needs Ray, which is not installed", "pip install 'driftcli[ray]'"
        ) from error
    return ray


@contextmanager
def session(ray: Any, settings: Settings) -> Iterator[str | None]:
    """A session of our own, gone afterwards with the folder that it wrote in; one that the caller has begun stays."""
    if ray.is_initialized():
        with _hushed(ray):
            yield None
        return
    folder = tempfile.mkdtemp(prefix="driftcli-ray-")
    abrupt.in_the_making(Path(folder))
    options: dict[str, Any] = {
        "include_dashboard": False,
        "log_to_driver": False,
        "logging_level": logging.CRITICAL,
    }
    if settings.ray_address is None:
        local = {
            "address": "local",
            "num_cpus": threads.workers(settings.workers),
            "object_store_memory": STORE,
        }
        options |= {**local, "_temp_dir": folder}
    else:
        options = {"address": settings.ray_address, "log_to_driver": False, "logging_level": logging.CRITICAL}
    with _hushed(ray):  # its end too: it prints then what it had kept back
        try:
            with _no_stderr(), _own_signals():
                ray.init(**options)
            yield folder
        except Exception as error:
            if ray.is_initialized():
                raise
            raise _no_session(error, settings) from error  # bare ones, too: a node that is too slow to start
        finally:
            ray.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


def _no_session(error: Exception, settings: Settings) -> DriftcliError:
    said = safe_name(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)[:300]
    if settings.ray_address is None:
        return InternalError(f"Ray does not start here: {said}", "use --engine local")
    return UsageError(
        f"no Ray cluster answers at {safe_name(settings.ray_address)}: {said}",
        "look at --ray-address (auto, or HOST:PORT of the head node); without it Ray runs on this machine",
    )


@contextmanager
def _own_signals() -> Iterator[None]:
    """SIGTERM stays what it was: Ray makes it an exit of Python's, with a code of its own."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _no_stderr() -> Iterator[None]:
    """What Ray's C++ says while it starts (that it was told to be quiet) goes nowhere."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _hushed(ray: Any) -> Iterator[None]:
    """Ray says nothing; how it spoke before is restored.

    Ray prints on standard output that a worker was killed, which would end up in the middle of a report: what it finds
    to print in spite of its switch, which is no public one, goes to standard error.
    """
    worker, logger = ray._private.worker, logging.getLogger("ray")
    level, prints = logger.level, getattr(worker, "_worker_logs_enabled", True)
    worker._worker_logs_enabled = False
    logger.setLevel(logging.CRITICAL)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        worker._worker_logs_enabled = prints
        logger.setLevel(level)
