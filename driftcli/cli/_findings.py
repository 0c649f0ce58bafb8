"""What `doctor` looks at: each look gives findings, values with a state, never an exception."""

from __future__ import annotations

import importlib.metadata
import platform
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from driftcli.core import addresses
from driftcli.core.errors import DriftcliError
from driftcli.core.text import safe_name
from driftcli.core.version import version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from driftcli.config.settings import Settings
    from driftcli.core.images import Entry, Skipped
    from driftcli.sources.base import ImageSource

PACKAGES = (
    "torch",
    "torchvision",
    "onnxruntime",
    "numpy",
    "pillow",
    "safetensors",
    "pydantic",
    "typer",
    "rich",
)
FIRST = 50
"""Entries of a source that the dry run decodes."""
LISTING = 30.0
"""Seconds that it looks for folders that cannot be listed."""
LEAST_BATCH = 8
"""The smallest batch that is audited by default."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's; `code` is what the command returns if nothing is worse."""

    state: Literal["ok", "warning", "error"]
    name: str
    text: str
    hint: str = ""
    code: int = 0


def look(name: str, findings: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """The findings of one look; what it raises is a finding too."""
    try:
        return list(findings())
    except DriftcliError as error:
        return [Finding("error", name, error.what, error.hint, error.exit_code)]
    except Exception as error:  # noqa: BLE001  # the doctor must survive the patient
        said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'failed'}"
        return [Finding("error", name, said, "see -vv of the command that needs it", 4)]


def versions() -> Iterator[Finding]:
    """Of Python and of the packages that decide a number."""
    yield Finding("ok", "driftcli", version())
    yield Finding("ok", "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in PACKAGES:
        try:
            yield Finding("ok", package, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Finding("warning", package, "not installed as a package")


def devices(settings: Settings) -> Iterator[Finding]:
    """What torch could compute on, and whether the wanted device is there."""
    import torch

    found = ["cpu"]
    found += [
        f"cuda:{index} ({torch.cuda.get_device_name(index)})" for index in range(torch.cuda.device_count())
    ]
    found += ["mps"] if torch.backends.mps.is_available() else []
    yield Finding("ok", "devices", f"{', '.join(found)}; {torch.get_num_threads()} threads")
    wanted = settings.device.split(":")[0]
    if wanted != "auto" and not any(name.startswith(wanted) for name in found):
        yield Finding("error", "device", f"{settings.device} is not there", "use --device auto", 2)


def weights(settings: Settings) -> Iterator[Finding]:
    """Loads the networks of the methods as `fit` would; each that is found is said once."""
    from driftcli.extractors.base import Runtime, kinds

    own = settings.weights
    runtime = Runtime("cpu", own.file, own.trust, own.allow_download)
    chosen = [kind for kind in kinds() if kind in settings.extractors.methods]
    said = [getattr(settings.extractors, kind).found_weights(settings.seed, runtime) for kind in chosen]
    for text in dict.fromkeys(filter(None, said)) or ["none needed by these methods"]:
        yield Finding("ok", "weights", text)


def workers(settings: Settings) -> Iterator[Finding]:
    """Starts one decoding process and stops it."""
    from driftcli.sources.decoding.pool import DecodePool

    with DecodePool(settings.decode, {}, 1):
        yield Finding("ok", "workers", f"a decoding process starts (--workers {settings.workers})")


def source(name: str, settings: Settings) -> Iterator[Finding]:
    """Decodes the first entries of a source and says what would become of them; of a profile, what it stands for."""
    from driftcli.core.images import Decoded, Skipped
    from driftcli.reading import holdings
    from driftcli.reading.open_sources import open_sources
    from driftcli.reading.profiles.named import divided
    from driftcli.sources.decoding.pool import DecodePool

    if divided([name])[1]:
        yield _profile(name)
        return
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    offered = open_sources([name], settings.input)
    lost = [item for item in _listed(offered) if isinstance(item, Skipped) and holdings.is_unlisted(item)]
    closed = holdings.closed(lost, len(lost), settings.gate.max_unreadable_folders)
    with DecodePool(settings.decode, {}, 1) as pool:
        for item in pool.map(islice(offered, FIRST)):
            if isinstance(item, Decoded):
                counts["read"] += 1
                kinds[f"{item.facts.format} {item.facts.width}x{item.facts.height}"] += 1
            else:
                counts[f"{item.state}: {item.reason}"] += 1
    shown = safe_name(addresses.shown(name))
    if closed:
        yield Finding("error", "source", f"{shown}: {closed[0]}", closed[1], 3)
        return
    if not counts["read"]:
        yield Finding(
            "error",
            "source",
            f"{shown}: no image among the first {FIRST} entries: {_told(counts)}",
            "check the path",
            3,
        )
        return
    yield Finding(
        "ok", "source", f"{shown}: first {counts.total()} entries: {_told(counts)}; {_told(kinds, 3)}"
    )


def _listed(offered: ImageSource) -> Iterable[Entry | Skipped]:
    """All that a source offers, where that is a listing of at most half a minute; else nothing."""
    from driftcli.core.images import Entry

    first = next((item for item in offered if isinstance(item, Entry)), None)
    if (first is not None and first.path is None) or offered.count(LISTING) is None:
        return ()
    return offered


def _profile(name: str) -> Finding:
    """What a profile stands for, once it is verified."""
    from driftcli.reading.profiles.profile_file import read

    found = read(name)
    of = safe_name(" ".join(found.sources))
    part = "" if found.shard.of == 1 else f", shard {found.shard}"
    text = (
        f"{safe_name(name)}: a profile of {len(found.reading.contents):,} images from {of}{part}, "
        f"features of {len(found.reading.features):,}; made {found.created}"
    )
    return Finding("ok", "profile", text)


def artifact(name: str, batch: int | None = None) -> Iterator[Finding]:
    """Whether an artifact is whole, calibrated, and for which batches its baselines are large enough.

    `batch`: so many images are to be checked at a time; a baseline that is too small for them is a warning.
    """
    from driftcli.artifact import store
    from driftcli.core import adequacy

    shown = safe_name(name)
    found = store.read(Path(name))
    for file in found.verify():
        if not file.ok:
            yield Finding(
                "error",
                "artifact",
                f"{shown}: {file.name}: {file.problem}",
                "restore it from a copy, or fit again",
                3,
            )
    baselines = found.manifest.get("baselines") or {}
    if not baselines:
        yield Finding(
            "error", "artifact", f"{shown}: not calibrated", f"run `driftcli baseline {shown} GOOD_IMAGES`", 3
        )
    for label, facts in baselines.items():
        images = int(facts.get("images", 0))
        said = adequacy.adequacy(images, batch)
        text = f"{shown}: baseline {safe_name(label)}: {images:,} images, {said}"
        enough = adequacy.largest_batch(images) >= (batch or LEAST_BATCH)
        hint = "" if enough else f"calibrate on more good images: {adequacy.TIMES} times the batch"
        yield Finding("ok" if enough else "warning", "artifact", text, hint)


def _told(counts: Counter[str], most: int | None = None) -> str:
    return ", ".join(
        f"{count} {safe_name(word).replace('_', ' ')}" for word, count in counts.most_common(most) if count
    )
