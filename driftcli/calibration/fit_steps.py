"""What `fit` decides and notes around learning: settings that depend on images, shares, the account of F."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from driftcli.config.call import Call
from driftcli.config.settings import Settings
from driftcli.core.addresses import shown
from driftcli.core.features import Features, State
from driftcli.core.images import Decoded, Entry, Skipped
from driftcli.core.rows import Rows
from driftcli.core.times import now_utc
from driftcli.extractors.base import Extractor, Runtime, kinds
from driftcli.reading import canaries
from driftcli.reading.reader import CHUNK, Reader, extract_views
from driftcli.reading.reading import Reading
from driftcli.reading.runtime import versions
from driftcli.reference import clusters
from driftcli.reference.reference import Reference, build_extractors, build_families, with_extractors
from driftcli.reference.seen import Seen
from driftcli.reference.split import Split, split
from driftcli.sources.decoding.pool import DecodePool

if TYPE_CHECKING:
    from driftcli.artifact.store import Draft

PEEK = 128
"""Images that decide the settings that depend on images."""


def completed(settings: Settings, runtime: Runtime) -> dict[str, Extractor]:
    """The extractors that the settings name, with what only their networks' files know."""
    return {kind: extractor.complete(runtime) for kind, extractor in build_extractors(settings).items()}


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


AT_ONCE = 16 * CHUNK
"""Prepared images that are looked at between two steps of progress; a multiple of every micro-batch."""


def holdout_share(settings: Settings, images: int) -> float:
    """Share for C; of very many images neither C nor F gets more than `max_images`."""
    asked, most = settings.fit.holdout, settings.fit.max_images / images
    share = asked if asked != "auto" else min(kinds()[kind].holdout for kind in settings.extractors.methods)
    return min(max(share, 1 - most), most) if share else 0.0


def parts(features: Features, settings: Settings) -> Split:
    """Which of the images F learns from, and which are held back as C."""
    share, dependence = holdout_share(settings, len(features)), settings.gate.dependence == "auto"
    return split(features, share, settings.seed, dependence=dependence)


def states_without_images(
    extractors: Mapping[str, Extractor], seed: int, runtime: Runtime
) -> dict[str, State]:
    """The states of the extractors that need no images to be ready: frozen networks, properties."""
    return {kind: e.fit(np.empty(0), seed, runtime) for kind, e in extractors.items() if not e.learns}


def learn_extractors(reader: Reader, reading: Reading, fit_rows: NDArray[np.int64]) -> Reading:
    """The reading with the views of the extractors that had to learn first, for all of its images.

    `fit_rows`: the rows that are F; only from them is learnt. The reader knows what was learnt afterwards.
    Raises InternalError when training diverges.
    """
    learnt = {
        kind: extractor.fit(Rows(reading.prepared[kind], fit_rows), reader.settings.seed, reader.runtime)
        for kind, extractor in reader.extractors.items()
        if extractor.learns
    }
    views = dict(reading.features.views)
    for kind, prepared in reading.prepared.items():
        views.update(_extracted(reader, kind, learnt[kind], prepared))
    reader.states = {**reader.states, **learnt}
    return replace(reading, features=replace(reading.features, views=views))


def _extracted(
    reader: Reader, kind: str, state: State, prepared: NDArray[Any]
) -> dict[str, NDArray[np.float32]]:
    """The views of all prepared images [n, ...], some at a time, so that progress can tell."""
    parts = []
    reader.progress.start(f"looking at all images with the {kind}", len(prepared))
    for start in range(0, len(prepared), AT_ONCE):
        some = prepared[start : start + AT_ONCE]
        parts.append(extract_views(reader.extractors[kind], state, some, reader.runtime))
        reader.progress.advance(len(some))
    reader.progress.finish()
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def canary(reader: Reader) -> tuple[State, Mapping[str, NDArray[np.float32]]]:
    """The canary images with what this machine makes of them, for the artifact; and the latter alone, by view."""
    images = canaries.entries()
    views = reader.read_entries(images, len(images), "canaries").features.views
    return canaries.pack(images, views), views


def learn_reference(reader: Reader, fit_set: Features, canary: State) -> Reference:
    """All that F taught: the extractors' states, the detectors', the views' spread, clusters that stand for classes.

    `canary`: the canary images and what this machine sees in them.
    """
    settings, extractors, states = reader.settings, reader.extractors, reader.states
    families = build_families(settings, extractors, {}, states, every=True)
    return Reference(
        settings=with_extractors(settings, extractors),
        extractors=extractors,
        states=states,
        detectors={f.name: f.detector.fit(fit_set.views[f.view], f.columns, settings.seed) for f in families},
        seen=Seen.of(fit_set),
        spread={name: _spread(x) for name, x in fit_set.views.items()},
        canary=canary,
        manifest={},
        clusters=clusters.learn(fit_set.views, settings.fit.clusters, settings.seed),
    )


def _spread(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Standard deviation of each column of [n, d] over the values that are there; NaN where all are missing."""
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # numpy's, of such a column
        spread: NDArray[np.float64] = np.nanstd(x.astype(np.float64), axis=0)
    return spread


def notes(reference: Reference) -> dict[str, dict[str, Any]]:
    """By extractor: what was learnt, for people to read."""
    return {kind: dict(e.notes(reference.states[kind])) for kind, e in reference.extractors.items()}


def cautions(reading: Reading, reader: Reader, chosen: Split) -> list[str]:
    """What to say of the images of a fit: those skipped, those left out, how they were held back."""
    left = left_out(reading, reader.settings, reader.extractors)
    return [*reading.cautions, *left, *filter(None, [chosen.caution])]


FOR_A_BASELINE = {
    "calibrate.detectable": "--detectable",
    "input.group_by": "--group-by",
    "input.stratify_by": "--stratify-by",
}
"""Settings of `fit` that are about the images it holds out, and their options."""


def without_effect(call: Call) -> list[str]:
    """That options for the images held out were given, and none is."""
    if call.settings.fit.holdout != 0:
        return []
    given = [option for key, option in FOR_A_BASELINE.items() if key in call.given]
    if not given:
        return []
    have = "has" if len(given) == 1 else "have"
    return [f"{' and '.join(given)} {have} no effect with --holdout 0: say it to driftcli baseline"]


def store_reference(draft: Draft, reference: Reference, fitted: Mapping[str, Any]) -> None:
    """Into the artifact; `fitted`: the account of F, as `fit_facts` gives it."""
    for kind, state in reference.states.items():
        draft.put(kind, state)
    by_family = reference.detectors.items()
    draft.put("detectors", {f"{family}/{key}": x for family, state in by_family for key, x in state.items()})
    draft.put(
        "reference",
        {
            **{f"spread/{name}": x for name, x in reference.spread.items()},
            **{f"clusters/{name}": x for name, x in reference.clusters.items()},
            **reference.seen.pack(),
        },
    )
    draft.put("canary", reference.canary)
    kept = {"seed", "decode", "extractors", "families", "fit"}
    draft.document.update(
        settings=reference.settings.model_dump(mode="json", include=kept),
        versions=versions(),
        families_tested=list(reference.detectors),
        fitted=dict(fitted),
        baselines={},
    )


def fit_facts(
    reference: Reference, fit_set: Features, reading: Reading, sources: Sequence[str]
) -> dict[str, Any]:
    """The manifest's account of F: counts, digests, what was learnt. `reading`: of F and C together."""
    return {
        "created": now_utc(),
        "images": len(fit_set),
        "digest": reading.digest,
        "source": [shown(source) for source in sources],
        "formats": dict(Counter(fact.format for fact in reading.facts)),
        "sizes": _sizes(reading),
        "ledger": {"seen": reading.ledger.seen, "used": reading.ledger.used},
        "notes": notes(reference),
    }


def _sizes(reading: Reading) -> dict[str, int]:
    """The five most common image sizes."""
    sizes = Counter(f"{fact.width}x{fact.height}" for fact in reading.facts)
    return dict(sizes.most_common(5))
