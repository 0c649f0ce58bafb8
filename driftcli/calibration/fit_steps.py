"""What `fit` decides and notes around learning: settings that depend on images, shares, the account of F."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from driftcli.config.settings import Settings
from driftcli.core.features import Features, State
from driftcli.core.images import Decoded, Entry, Skipped
from driftcli.extractors.base import Extractor, Runtime, kinds
from driftcli.reading.reader import Reading, extract_views
from driftcli.reference import clusters
from driftcli.reference.families import Family
from driftcli.sources.decoding.pool import DecodePool

PEEK = 128
"""Images that decide the settings that depend on images."""


def resolved(
    entries: Iterable[Entry | Skipped], settings: Settings, extractors: Mapping[str, Extractor]
) -> dict[str, Extractor]:
    """The extractors with every `auto` that depends on the images decided from the first 128."""
    with DecodePool(settings.decode, {}, 1) as pool:
        decoded = (item for item in pool.map(entries) if isinstance(item, Decoded))
        facts = [item.facts for item in islice(decoded, PEEK)]
    return {kind: extractor.resolve(facts) for kind, extractor in extractors.items()}


def most_images(settings: Settings, extractors: Mapping[str, Extractor]) -> int:
    """How many images `fit` keeps: F and C together, fewer where an extractor learns from large pictures."""
    wanted = settings.fit.max_images * (1 if settings.fit.holdout == 0 else 2)
    bounds = [e.most_images for e in extractors.values() if e.learns and e.most_images is not None]
    return min([wanted, *bounds])


def left_out(reading: Reading, settings: Settings, extractors: Mapping[str, Extractor]) -> list[str]:
    """A caution when an extractor's bound, rather than `fit.max_images`, left images out."""
    kept, used = len(reading.features), len(reading.contents)
    if kept == used or kept == most_images(settings, {}):
        return []
    kinds = [k for k, e in extractors.items() if e.learns and e.most_images == kept]
    return [f"{' and '.join(kinds)} learns from whole pictures: {kept:,} of {used:,} images were used"]


def holdout_share(settings: Settings, images: int) -> float:
    """Share for C; of very many images neither C nor F gets more than `max_images`."""
    asked, most = settings.fit.holdout, settings.fit.max_images / images
    share = asked if asked != "auto" else min(kinds()[kind].holdout for kind in settings.extractors.methods)
    return min(max(share, 1 - most), most) if share else 0.0


def with_learnt_views(
    reading: Reading, extractors: Mapping[str, Extractor], states: Mapping[str, State], runtime: Runtime
) -> Features:
    """The features of all images, with the views of the extractors that have just learnt."""
    views = dict(reading.features.views)
    for kind, prepared in reading.prepared.items():
        views.update(extract_views(extractors[kind], states[kind], prepared, runtime))
    return replace(reading.features, views=views)


def in_common(fitted: Features, spread: State, settings: Settings) -> dict[str, Any]:
    """What F taught beside the extractors and detectors: the views' spread, and clusters that stand for classes."""
    found = clusters.learn(fitted.views, settings.fit.clusters, settings.seed)
    return {
        **{f"spread/{name}": x for name, x in spread.items()},
        **{f"clusters/{name}": x for name, x in found.items()},
    }


def fit_document(
    settings: Settings,
    fitted: Any,
    reading: Reading,
    families: Sequence[Family],
    versions: dict[str, str],
    notes: dict[str, Any],
    sources: Sequence[str],
) -> dict[str, Any]:
    """The manifest's account of F: settings, counts, digests, versions."""
    document = settings.model_dump(mode="json", include={"seed", "decode", "extractors", "families", "fit"})
    return {
        "settings": document,
        "versions": versions,
        "families_tested": [f.name for f in families],
        "fitted": {
            "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "images": len(fitted),
            "digest": reading.digest,
            "source": list(sources),
            "formats": dict(Counter(fact.format for fact in reading.facts)),
            "sizes": _sizes(reading),
            "ledger": {"seen": reading.ledger.seen, "used": reading.ledger.used},
            "notes": notes,
        },
        "baselines": {},
    }


def _sizes(reading: Reading) -> dict[str, int]:
    """The five most common image sizes."""
    sizes = Counter(f"{fact.width}x{fact.height}" for fact in reading.facts)
    return dict(sizes.most_common(5))
