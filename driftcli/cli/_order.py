"""Arguments in the wrong order: an artifact among the images, images where the artifact belongs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Sequence


def require_artifact_first(verb: str, artifact: str, sources: Sequence[str]) -> None:
    """Raise UsageError, with the command line put right, where a source is the artifact."""
    found, others = _artifact_among(sources)
    if found is None:
        return
    if _is_something_else(artifact):
        raise UsageError(
            f"{safe_name(found)} is an artifact, and {safe_name(artifact)} is none: the arguments are swapped",
            f"the artifact comes first: {_line(verb, found, artifact, *others)}",
        )
    raise UsageError(
        f"{safe_name(found)} is an artifact, not images",
        f"name images after the artifact: {_line(verb, found, *(others or ['IMAGES']))}",
    )


def require_images_first(sources: Sequence[str], output: str) -> None:
    """As `require_artifact_first`, for `fit`: sources are images, and the artifact is what it writes."""
    found, others = _artifact_among(sources)
    if found is None:
        return
    if _is_something_else(output):
        raise UsageError(
            f"{safe_name(found)} is an artifact, and {safe_name(output)} is none: the two are swapped",
            f"images come first: {_line('fit', output, *others, '-o', found)} (--force replaces an artifact)",
        )
    raise UsageError(
        f"{safe_name(found)} is an artifact, not images",
        f"name images to learn from: {_line('fit', *(others or ['IMAGES']), '-o', output)}",
    )


def _artifact_among(sources: Sequence[str]) -> tuple[str | None, list[str]]:
    """The first source that is an artifact, and the others; None where none is."""
    from driftcli.artifact.store import exists

    found = next((name for name in sources if name and name != "-" and exists(Path(name))), None)
    return found, [name for name in sources if name != found]


def _is_something_else(artifact: str) -> bool:
    """Whether the path where an artifact belongs holds what is none."""
    from driftcli.artifact.store import exists

    return Path(artifact).exists() and not exists(artifact)


def _line(*words: str) -> str:
    return safe_name(shlex.join(["driftcli", *words]))
