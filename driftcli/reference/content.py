"""What an artifact's states must hold, in one place: every kind's own declaration, tied together by shared symbols.

`columns of VIEW` is the width of a view in all states; `held out` the images of C, as the manifest counts them. What a
kind declares stands in its file (`Extractor.arrays`, `Detector.arrays`, ...); here it is only asked for and checked, before
anything is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from driftcli.core import registry
from driftcli.core.features import State, View
from driftcli.core.schema import Array, ContentError, check
from driftcli.corruptions.base import SEVERITIES
from driftcli.detectors.base import Detector
from driftcli.explain import corruption, plane
from driftcli.extractors.base import Extractor
from driftcli.extractors.base import families as declared_families
from driftcli.harm import model as harm
from driftcli.reading import canaries
from driftcli.reference import clusters, figures, packed, pixel_errors, predicted, seen, thumbnails

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.artifact.store import Artifact

COLUMNS = "columns of "
HELD_OUT = "held out"


@dataclass(frozen=True)
class Learnt:
    """The states of a fit, each as declared."""

    extractors: Mapping[str, Extractor]
    """Without the views that the states know nothing of."""
    states: Mapping[str, State]
    """By extractor."""
    common: State
    """What `Seen` packs, `spread/VIEW`, `clusters/VIEW/K`."""
    detectors: Mapping[str, State]
    """By family."""
    canary: State


class Known(Protocol):
    """What of a fit a baseline is held to: `driftcli.reference.reference.Reference`."""

    @property
    def extractors(self) -> Mapping[str, Extractor]:
        """By kind."""

    @property
    def detectors(self) -> Mapping[str, State]:
        """By family."""

    @property
    def spread(self) -> Mapping[str, NDArray[Any]]:
        """By view, [columns]."""


def of_fit(artifact: Artifact, extractors: Mapping[str, Extractor]) -> Learnt:
    """What the fit set taught. Raises ArtifactError where a state is not what its kind declares."""
    states = {kind: artifact.state(kind) for kind in extractors}
    fitted = {kind: extractor.fitted(states[kind]) for kind, extractor in extractors.items()}
    views = _views(fitted)
    sizes: dict[str, int] = {}
    shared = [
        *seen.ARRAYS,
        *(Array(f"spread/{v}", "float64", (COLUMNS + v,), least=0.0, nan=True) for v in views),
        *(array.under("clusters/") for array in clusters.arrays(views)),
    ]
    common = _checked(artifact, "reference", artifact.state("reference"), shared, sizes)
    widths = {view: sizes[COLUMNS + view] for view in views}
    learnt = {}
    for kind, extractor in fitted.items():
        with _named(artifact, kind):
            learnt[kind] = check(states[kind], extractor.arrays(states[kind]), dict(sizes))
            extractor.agree(learnt[kind], widths)
    stored = artifact.state("detectors")
    families = [family for family in _families(fitted) if any(k.startswith(f"{family[0]}/") for k in stored)]
    detectors: dict[str, dict[str, Any]] = {name: {} for name, _, _ in families}
    for name, view, detector in families:
        own = [array.under(f"{name}/", {"columns": COLUMNS + view}) for array in detector.arrays()]
        found = _checked(artifact, "detectors", stored, own, dict(sizes))
        detectors[name] = {key.removeprefix(f"{name}/"): value for key, value in found.items()}
    with _named(artifact, "canary"):
        canary = check(artifact.state("canary"), canaries.arrays(views, images=True), sizes)
        canaries.agree(canary)
    return Learnt(fitted, learnt, common, detectors, canary)


def of_baseline(
    artifact: Artifact, name: str, state: State, pictures: State | None, reference: Known
) -> tuple[State, State | None]:
    """A baseline and its thumbnails as declared. Raises ArtifactError where they are not.

    `state`, `pictures`: as loaded; `artifact`: the one that they and the manifest's entry are of.
    """
    facts, role = artifact.manifest["baselines"][name], f"baseline-{name}"
    views = _views(reference.extractors)
    sizes = {COLUMNS + v: len(reference.spread[v]) for v in views} | {HELD_OUT: facts["images"]}
    declared = [
        *packed.arrays(views),
        *predicted.arrays(facts.get(predicted.KEY)),
        *([] if facts.get("harm") is None else harm.arrays(facts["harm"])),
        *(array.under("canary/") for array in canaries.arrays(views, images=False)),
        *(array.under("measured/") for array in figures.arrays(_yardstick(views))),
        *_calibrated(reference),
    ]
    again = f"restore it from a copy, or calibrate again: driftcli baseline {artifact.path} GOOD_IMAGES --name {name}"
    with _named(artifact, role, again):
        sizes["changes"] = len(facts.get("detectable", ()))
        _changes_known(facts)
        declared += plane.arrays(state, views)
        declared += corruption.arrays(facts.get("diagnosis"), {v: sizes[COLUMNS + v] for v in views})
        for extractor in reference.extractors.values():
            declared += [array.under(pixel_errors.PREFIX) for array in extractor.usual_arrays()]
        checked = check(state, declared, sizes)
        packed.agree(checked)
        predicted.agree(checked, facts.get(predicted.KEY))
    shown = None
    if pictures is not None:
        with _named(artifact, f"thumbnails-{name}", again):
            shown = check(pictures, thumbnails.ARRAYS, sizes)
            thumbnails.agree(shown, facts["images"])
    return checked, shown


def _changes_known(facts: Mapping[str, Any]) -> None:
    """Raise ContentError unless every change that detectability was measured with is one that `corruptions` can describe."""
    for change in facts.get("detectable", ()):
        name, severity = change["corruption"], change["severity"]
        if name == "foreign":
            continue
        if name not in registry.kinds("corruptions"):
            raise ContentError(
                f"was measured with a corruption that this driftcli does not have: {name!r:.60}"
            )
        if not SEVERITIES[0] <= severity <= SEVERITIES[-1]:
            raise ContentError(f"was measured with a severity of {severity:g}, which no corruption has")


@contextmanager
def _named(artifact: Artifact, role: str, hint: str = "") -> Iterator[None]:
    """Turns ContentError inside the block into the artifact's own, with the name of the file."""
    try:
        yield
    except ContentError as error:
        raise artifact.unusable(role, str(error), hint) from error


def _checked(
    artifact: Artifact, role: str, state: State, declared: Sequence[Array], sizes: dict[str, int]
) -> State:
    with _named(artifact, role):
        return check(state, declared, sizes)


def _views(extractors: Mapping[str, Extractor]) -> dict[str, View]:
    """Every view that these give, by name."""
    return {
        view.name: view
        for kind, view in declared_families().values()
        if kind in extractors and view.name in extractors[kind].view_names()
    }


def _families(extractors: Mapping[str, Extractor]) -> Iterator[tuple[str, str, Detector]]:
    """Family, view and detector of all that these give."""
    given = _views(extractors)
    for name, (_, view) in declared_families().items():
        if view.name in given:
            kind: type[Detector] = registry.load("detectors", view.detector)
            yield name, view.name, kind()


def _yardstick(views: Mapping[str, View]) -> str | None:
    """The view whose columns are measured shift by shift (`Family.yardstick`)."""
    return next((COLUMNS + view.name for view in views.values() if view.named and not view.of_file), None)


def _calibrated(reference: Known) -> Iterator[Array]:
    for name, view, detector in _families(reference.extractors):
        if name in reference.detectors:
            for array in detector.calibrated():
                yield array.under(f"calibrated/{name}/", {"columns": COLUMNS + view})
