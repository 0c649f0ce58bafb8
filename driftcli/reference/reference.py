"""A fitted reference and its baselines, between memory and the artifact."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from driftcli.artifact import store as artifacts
from driftcli.core import registry
from driftcli.core.errors import ArtifactError, UsageError
from driftcli.core.features import Features, State
from driftcli.explain import corruption, plane
from driftcli.explain.corruption import Library
from driftcli.extractors.base import Extractor
from driftcli.extractors.base import families as declared_families
from driftcli.harm.model import HarmModel
from driftcli.reference import content, pixel_errors, predicted, thumbnails
from driftcli.reference.families import Family, detector_for
from driftcli.reference.packed import unpack_features
from driftcli.reference.seen import Seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.config.settings import Settings

KEPT = ("decode", "extractors", "families", "fit", "seed")
"""What an artifact remembers of the settings that it was fitted with."""
PIXELS = ("decode", "extractors")
"""Those that decide how pixels become numbers: never changed after `fit`."""


@dataclass(frozen=True)
class Reference:
    """What the fit set taught: extractors with their states, and the families' detectors with theirs."""

    settings: Settings
    """Those of the call, with the artifact's value wherever the user set none."""
    extractors: Mapping[str, Extractor]
    states: Mapping[str, State]
    detectors: Mapping[str, State]
    """By family."""
    seen: Seen
    """The images of the fit set."""
    spread: Mapping[str, np.ndarray]
    """By view: standard deviation of the fit set's columns, [d]."""
    canary: State
    manifest: Mapping[str, Any]
    clusters: State = field(default_factory=dict)
    """Centroids of the fit set (driftcli.reference.clusters); empty in artifacts without."""

    @property
    def thumbnails(self) -> int:
        """How many thumbnails a baseline may keep: a reference fitted without any stays without."""
        stored = (
            self.manifest.get("settings", {}).get("fit", {}).get("thumbnails", self.settings.fit.thumbnails)
        )
        return min(int(stored), self.settings.fit.thumbnails)


@dataclass(frozen=True)
class Baseline:
    """The held-out set with everything that a check needs of it."""

    name: str
    features: Features
    families: tuple[Family, ...]
    measured: State
    """What calibration found (driftcli.calibration.false_alarms)."""
    canary: State
    """Features of the canaries (`view/NAME`) on the machine that measured the held-out set."""
    facts: Mapping[str, Any]
    """The manifest's entry: images, digest, sources, loss, group effects."""
    library: Library | None = None
    """What corruptions would do to held-out images; None where they were not simulated."""
    drawing: State = field(default_factory=dict)
    """What the map and heat maps are drawn with (driftcli.explain.plane, driftcli.pictures.gallery)."""
    thumbnails: Mapping[int, bytes] = field(default_factory=dict)
    """WebP bytes by the image's row in the held-out set; empty with `--no-thumbnails`."""
    canary_answers: NDArray[np.float64] | None = None
    """[canaries, classes]: what the user's classifier, where driftcli ran it, said of the canary images."""
    harm: HarmModel | None = None
    """What is known of the user's classifier; None where it was not asked, or too little."""


def build_extractors(settings: Settings) -> dict[str, Extractor]:
    """The extractors that the setting `extractors.methods` names, as configured, by kind."""
    return {kind: getattr(settings.extractors, kind) for kind in settings.extractors.methods}


def with_extractors(settings: Settings, extractors: Mapping[str, Extractor]) -> Settings:
    """The settings with these extractors in place of their own: those whose `auto` was resolved for the fit set."""
    section = settings.extractors.model_copy(update=dict(extractors))
    return settings.model_copy(update={"extractors": section})


def build_families(
    settings: Settings,
    extractors: Mapping[str, Extractor],
    detectors: Mapping[str, State],
    states: Mapping[str, State],
    *,
    every: bool = False,
) -> tuple[Family, ...]:
    """Every family whose extractor is there and whose gate is not off, in the contract's order.

    `detectors`: what their detectors learnt, by family; `states`: the extractors'.
    `every`: those that are off too, so that what is learnt serves whatever gates a check asks for.
    """
    built, measuring = [], False
    for name, (kind, view) in declared_families().items():
        extractor = extractors.get(kind)
        if extractor is None or view.name not in extractor.view_names():
            continue
        yardstick = view.named and not view.of_file and not measuring
        measuring = measuring or yardstick
        gate = getattr(settings.families, name).gate
        if gate == "off" and not every:
            continue
        detector = detector_for(view, extractor, states[kind])
        columns, learnt = extractor.columns(view.name), detectors.get(name, {})
        traits = (view.named, view.of_file, yardstick, view.worded, view.tells, view.strange, view.weight)
        built.append(Family(name, view.name, gate, detector, columns, learnt, *traits))
    return tuple(built)


def open_reference(
    path: str, settings: Settings, given: Collection[str], expected: str | None = None
) -> tuple[artifacts.Artifact, Reference]:
    """The opened artifact and what the fit set taught, verified.

    `given`: dotted keys of `settings` that the user set; `expected`: the artifact's digest, where it was said. Raises ArtifactError (3) for an artifact that is missing,
    damaged or not understood, UsageError (2) where a given setting contradicts how it was fitted.
    """
    from driftcli.config.layers import remembered
    from driftcli.config.settings import Settings

    artifact = artifacts.read(path, expected)
    document = artifact.manifest
    try:
        stored = remembered(document["settings"])
        fitted = Settings.model_validate({key: stored[key] for key in KEPT})
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"{path}: the manifest's settings are not understood ({error})".split("\n", 1)[0],
            "the artifact was made by another version of driftcli: fit again",
        ) from error
    _refuse_contradictions(settings, fitted.model_dump(include=set(PIXELS)), given)
    settings = _remembered(settings, fitted, given)
    reference = _opened(artifact, settings, build_extractors(settings))
    return artifact, replace(reference, settings=with_extractors(settings, reference.extractors))


def open_to_tell(artifact: artifacts.Artifact) -> Reference:
    """The reference for whoever only tells of an artifact: settings are those it remembers, neither checked nor completed.

    To check settings costs more than all that there is to tell. Raises KeyError, TypeError or ValueError where they
    are not understood: `open_reference` says what is wrong.
    """
    stored = artifact.manifest["settings"]
    families = {name: SimpleNamespace(**family) for name, family in stored["families"].items()}
    built: dict[str, Extractor] = {}
    for kind in stored["extractors"]["methods"]:
        values = stored["extractors"][kind].items()
        listed = {key: tuple(value) if isinstance(value, list) else value for key, value in values}
        built[kind] = registry.load("extractors", kind)(**listed)
    return _opened(artifact, cast("Settings", SimpleNamespace(families=SimpleNamespace(**families))), built)


def _opened(
    artifact: artifacts.Artifact, settings: Settings, extractors: Mapping[str, Extractor]
) -> Reference:
    learnt = content.of_fit(artifact, extractors)
    common = learnt.common
    spread = {k.removeprefix("spread/"): v for k, v in common.items() if k.startswith("spread/")}
    grouped = {k.removeprefix("clusters/"): v for k, v in common.items() if k.startswith("clusters/")}
    return Reference(
        settings,
        learnt.extractors,
        learnt.states,
        learnt.detectors,
        Seen.unpack(common),
        spread,
        learnt.canary,
        artifact.manifest,
        grouped,
    )


def require_same_fit(document: Mapping[str, Any], reference: Reference, path: str) -> None:
    """Raise ArtifactError when the artifact was fitted anew since `reference` was read from it."""
    if document.get("fitted") != reference.manifest.get("fitted"):
        raise ArtifactError(f"{path} was fitted anew while it was being used", "run the command again")


def _refuse_contradictions(settings: Settings, fitted: Mapping[str, Any], given: Collection[str]) -> None:
    asked = json.loads(settings.model_dump_json())
    fitted = json.loads(json.dumps(fitted))
    for key in sorted(given):
        if key.split(".", 1)[0] not in fitted:
            continue
        wanted, stored = _lookup(asked, key), _lookup(fitted, key)
        if wanted not in (stored, "auto") and not (
            key == "extractors.methods" and sorted(wanted) == sorted(stored)
        ):
            raise UsageError(
                f"{key} = {wanted!r} contradicts the artifact, which was fitted with {stored!r}",
                "leave the setting out: how pixels become numbers comes from the artifact; or fit again",
            )


def _remembered(settings: Settings, fitted: Settings, given: Collection[str]) -> Settings:
    """The user's value, else the artifact's, else the default (contract: precedence)."""
    from driftcli.config.layers import leaves, nest
    from driftcli.config.settings import Settings

    values = dict(leaves(settings))
    for key, value in leaves(fitted):
        section = key.split(".", 1)[0]
        if section in PIXELS or (section in KEPT and key not in given):
            values[key] = value
    return Settings.model_validate(nest(values))


def _lookup(tree: Mapping[str, Any], key: str) -> Any:
    for part in key.split("."):
        tree = tree[part]
    return tree


# ---------------------------------------------------------------- baselines


def choose_baseline(names: Sequence[str], wanted: str | None, path: str) -> str:
    """The baseline's name: `wanted`, else `default`, else the only one named, else `holdout` (contract: check).

    Raises UsageError for a name that is not there or a choice that is not clear, ArtifactError where there is none.
    """
    if wanted is not None:
        if wanted in names:
            return wanted
        raise UsageError(
            f"{path} has no baseline {wanted!r}; it has: {', '.join(names) or 'none'}",
            f"driftcli baseline {path} GOOD_IMAGES --name {wanted}",
        )
    if not names:
        raise ArtifactError(
            f"{path} has no baseline: it is fitted but not calibrated",
            f"driftcli baseline {path} GOOD_IMAGES",
        )
    named = [name for name in names if name != "holdout"]
    if "default" in names:
        return "default"
    if len(named) == 1:
        return named[0]
    if not named:
        return "holdout"
    raise UsageError(
        f"{path} has several baselines and none is called default: {', '.join(named)}",
        "name one with --baseline NAME",
    )


def open_baseline(
    artifact: artifacts.Artifact, reference: Reference, wanted: str | None, path: str
) -> Baseline:
    """The chosen baseline with its calibration, ready for tests; `wanted`: its name, or None (`choose_baseline`).

    Raises as `choose_baseline`, ArtifactError for a damaged one or one of another fit, UsageError where settings
    leave no family with a say.
    """
    known = artifact.manifest.get("baselines", {})
    name = choose_baseline(sorted(known), wanted, path)
    pictures = [role for role in (f"thumbnails-{name}",) if artifact.has(role)]
    artifact, loaded = artifact.states(
        f"baseline-{name}", *pictures
    )  # a newer one, if it was made again meanwhile
    require_same_fit(artifact.manifest, reference, path)
    state, shown = content.of_baseline(
        artifact, name, loaded[f"baseline-{name}"], loaded.get(f"thumbnails-{name}"), reference
    )
    facts = artifact.manifest["baselines"][name]
    said = predicted.unpack(state, facts.get(predicted.KEY))
    features = replace(unpack_features(state), predictions=said)
    families = []
    for family in build_families(
        reference.settings, reference.extractors, reference.detectors, reference.states
    ):
        if family.name not in reference.detectors:
            raise UsageError(
                f"families.{family.name} was off when {path} was fitted",
                f"leave it off, or fit again with families.{family.name}.gate=advisory",
            )
        prefix = f"calibrated/{family.name}/"
        more = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        families.append(Family(**{**vars(family), "state": {**family.state, **more}}))
    if not any(f.gate == "on" for f in families):
        raise UsageError("no family has gate: on", "set families.NAME.gate=on for at least one family")
    measured = {k.removeprefix("measured/"): v for k, v in state.items() if k.startswith("measured/")}
    canary = {k.removeprefix("canary/"): v for k, v in state.items() if k.startswith("canary/")}
    library = corruption.unpack(state, facts.get("diagnosis"))
    drawing = {k: v for k, v in state.items() if k.startswith((plane.PREFIX, pixel_errors.PREFIX))}
    webp = thumbnails.unpack(shown, len(features)) if shown else {}
    known = facts.get("harm")
    harm = None if known is None else HarmModel.unpack(state, known)
    answers = predicted.canary_answers(state)
    return Baseline(
        name, features, tuple(families), measured, canary, facts, library, drawing, webp, answers, harm
    )
