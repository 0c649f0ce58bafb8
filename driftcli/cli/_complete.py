"""What a shell offers behind an option: names that are known without loading anything heavy.

A list that is empty leaves the word to the shell, which offers paths.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import typer

from driftcli.core import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Offered = list[str]
MOST_MANIFEST = 1 << 20
"""Bytes of an artifact's manifest (contract: artifact)."""


def words(metavar: str | None) -> Callable[[str], Offered] | None:
    """Offers the words of a metavar that are written as they stand: `auto` of `SHARE|auto`; None for one without."""
    literal = [word for word in (metavar or "").split("|") if re.fullmatch(r"[a-z]+", word)]
    if not literal:
        return None

    def offer(incomplete: str) -> Offered:
        return _beginning(literal, incomplete)

    return offer


def corruptions(incomplete: str) -> Offered:
    """Names of the room `corruptions`."""
    return _beginning(registry.kinds("corruptions"), incomplete)


def corruptions_or_all(incomplete: str) -> Offered:
    """The same, and `all`."""
    return _beginning(["all", *registry.kinds("corruptions")], incomplete)


def changes(incomplete: str) -> Offered:
    """What `--require-detectable` takes, up to the amount."""
    return _beginning([f"{name}:" for name in (*registry.kinds("corruptions"), "foreign")], incomplete)


def methods(incomplete: str) -> Offered:
    """Kinds of extractors and their other names; behind a comma the next."""
    before, comma, last = incomplete.rpartition(",")
    kinds = registry.kinds("extractors")
    aliases = [registry.literals("extractors", kind).get("alias") for kind in kinds]
    return [f"{before}{comma}{name}" for name in _beginning([*kinds, *filter(None, aliases)], last)]


def outputs(incomplete: str) -> Offered:
    """`FORMAT=`; behind it, and of a path, the shell knows more."""
    if "=" in incomplete:
        return []
    return _beginning([f"{kind}=" for kind in registry.kinds("reports")], incomplete)


def keys(incomplete: str) -> Offered:
    """Dotted keys of settings, for `--set`."""
    from driftcli.config.layers import known

    return _beginning([f"{key}=" for key in known()], incomplete)


def configurations(incomplete: str) -> Offered:
    """Configurations that come with driftcli."""
    from driftcli.core.shipped import configurations as shipped

    return _beginning(shipped(), incomplete)


def ties(incomplete: str) -> Offered:
    """Keys that tie images together."""
    return _beginning(["folder", "hour", "column:"], incomplete)


def devices(incomplete: str) -> Offered:
    """Where networks run."""
    return _beginning(["auto", "cpu", "cuda", "mps"], incomplete)


def topics(incomplete: str) -> Offered:
    """Pages of the manual."""
    from driftcli.core.shipped import folder

    return _beginning(sorted(page.stem for page in folder("docs").glob("[a-z]*.md")), incomplete)


def baselines(ctx: typer.Context, incomplete: str) -> Offered:
    """Baselines of the artifact that the command line has named so far."""
    from pathlib import Path

    from driftcli.core.strict_json import Limits, NotStrictError, parse_bytes

    for named in (ctx.params.get("artifact"), *ctx.args):  # the latter: an option without its value yet
        try:
            with Path(str(named), "manifest.json").open("rb") as file:
                raw = file.read(MOST_MANIFEST)
            manifest: Any = parse_bytes(raw, Limits(levels=64, digits=100), most=MOST_MANIFEST)
            return _beginning(manifest["baselines"], incomplete)
        except (OSError, ValueError, NotStrictError, KeyError, TypeError):
            continue
    return []


def _beginning(names: Iterable[str], incomplete: str) -> Offered:
    return [name for name in names if name.startswith(incomplete)]
