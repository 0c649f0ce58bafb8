"""The network that the settings name, ready to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.extractors.networks import known

if TYPE_CHECKING:
    from driftcli.extractors.base import Runtime
    from driftcli.extractors.networks.choice import NetworkChoice
    from driftcli.extractors.networks.network import Network


def load(
    settings: NetworkChoice,
    seed: int,
    runtime: Runtime,
    expected: bytes | None = None,
    *,
    classifier: bool = False,
) -> Network:
    """The network that the settings name, with weights whose hash is checked.

    `expected` is the SHA-256 that a State remembers. `classifier`: with its shares of classes, where it has
    them (`Network.classes`). Raises UsageError or ArtifactError.
    """
    if known.origin(settings.network)[0] == "file":
        from driftcli.extractors.networks import model_file

        return model_file.load(settings, runtime, expected)
    from driftcli.extractors.networks import named

    return named.load(settings, seed, runtime, expected, classifier=classifier)
