"""What `--method` takes, in words, from the extractors' own files; none of them is imported (law 2)."""

from __future__ import annotations

from driftcli.core import registry


def methods() -> str:
    """Every kind of extractor with its other name and what it is meant for, as `--help` lists them."""
    return ", ".join(_said(kind) for kind in _listed())


def by_default() -> str:
    """The kinds that run unless others are named, with commas."""
    return ",".join(kind for kind in _listed() if registry.literals("extractors", kind).get("by_default"))


def _listed() -> list[str]:
    """By place, then by name, as `driftcli.extractors.base.kinds` does."""
    places = {
        kind: registry.literals("extractors", kind).get("place", 100) for kind in registry.kinds("extractors")
    }
    return sorted(places, key=lambda kind: (places[kind], kind))


def _said(kind: str) -> str:
    declared = registry.literals("extractors", kind)
    alias = f"alias {declared['alias']}" if declared.get("alias") else ""
    more = ": ".join(filter(None, [alias, declared.get("good_for", "")]))
    return f"{kind} ({more})" if more else kind
