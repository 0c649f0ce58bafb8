"""Canary images: a few generated pictures whose features tell whether two machines see alike."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import ArtifactError
from driftcli.core.images import Entry
from driftcli.core.schema import Array, ContentError
from driftcli.extractors.base import views as declared_views

if TYPE_CHECKING:
    from driftcli.core.features import View
    from driftcli.core.predictions import Predictions
    from driftcli.reading.reader import Reader

RADIUS = 0.08
MOST = 16
"""Canary images of an artifact, at most."""
HERE = "this machine"
TOLERANCE = 0.1
"""Largest accepted difference of a feature, in standard deviations of the fit set (contract: same numbers)."""


def entries() -> list[Entry]:
    """Three generated images as encoded entries: a smooth JPEG, a textured JPEG, a small grey PNG.

    Their bytes are stored in the artifact, not made again: encoders may change.
    """
    from PIL import Image

    rng = np.random.default_rng(20_261_121)
    y, x = np.mgrid[0:300, 0:400] / 300.0
    smooth = np.stack([x * 0.7, y, 0.5 + 0.4 * np.sin(9 * x * y)], axis=-1)
    texture = 0.5 + 0.25 * np.sin(80 * x + 30 * y)[..., None] + 0.12 * rng.standard_normal((300, 400, 3))
    disc = ((x[:64, :64] - 0.1) ** 2 + (y[:64, :64] - 0.1) ** 2 < RADIUS**2) * 0.8 + 0.1
    canaries = []
    for name, pixels, form in (
        ("smooth", smooth, "JPEG"),
        ("texture", texture, "JPEG"),
        ("disc", disc, "PNG"),
    ):
        image = Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))
        stream = io.BytesIO()
        image.save(stream, form)
        canaries.append(Entry(f"canary-{name}.{form.lower()}", data=stream.getvalue()))
    return canaries


def pack(canaries: list[Entry], views: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.generic]]:
    """The canaries' bytes (`bytes/NAME`) and features (`view/NAME`) as a State for the artifact."""
    images = {f"bytes/{e.name}": np.frombuffer(e.data or b"", np.uint8) for e in canaries}
    return {**images, **seen(views)}


def seen(views: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.generic]]:
    """The canaries' features alone as a State (`view/NAME`): what a machine makes of their pixels.

    Without views of header facts, which say nothing about a machine, and of words, whose order at equal shares
    it may turn around.
    """
    declared = declared_views()
    return {
        f"view/{name}": x
        for name, x in views.items()
        if not (declared[name].of_file or declared[name].worded)
    }


def unpack(state: Mapping[str, NDArray[np.generic]]) -> list[Entry]:
    """The stored canaries as entries for the ordinary decode."""
    return [
        Entry(k.removeprefix("bytes/"), data=v.tobytes())
        for k, v in sorted(state.items())
        if k.startswith("bytes/")
    ]


def arrays(views: Mapping[str, View], *, images: bool) -> list[Array]:
    """Of what `pack` makes with these views; without the images, of what `seen` makes."""
    shown = [view for view in views.values() if not (view.of_file or view.worded)]
    return [
        *([Array("bytes/*", "uint8", ("*",))] if images else []),
        *(
            Array(f"view/{v.name}", "float32", ("canaries", f"columns of {v.name}"), nan=not v.finite)
            for v in shown
        ),
    ]


def agree(state: Mapping[str, NDArray[np.generic]]) -> None:
    """Raise ContentError unless there are a few images, and as many rows of features."""
    count = len(unpack(state))
    rows = {len(features) for key, features in state.items() if key.startswith("view/")}
    if not 1 <= count <= MOST or rows - {count}:
        raise ContentError(f"has {count} canary images and features of {sorted(rows)}")


def seen_by(reader: Reader, state: Mapping[str, NDArray[np.generic]]) -> Mapping[str, NDArray[np.float32]]:
    """This machine's features of the artifact's canaries: [canaries, columns] by view.

    Raises ArtifactError when it cannot read them.
    """
    stored = unpack(state)
    features = reader.read_entries(stored, len(stored), "canaries").features
    if len(features) < len(stored):
        raise ArtifactError("the artifact's canary images cannot be read here", "fit again")
    return features.views


def answered_by(reader: Reader, state: Mapping[str, NDArray[np.generic]]) -> Predictions:
    """What the reader's classifier says of the artifact's canaries, in the order of their names.

    Raises ArtifactError when it cannot read them.
    """
    from driftcli.reading.answered import predictions

    stored = unpack(state)
    found = [item for item in reader.answers(stored) if item is not None]
    if reader.classifier is None or len(found) < len(stored):
        raise ArtifactError("the artifact's canary images cannot be read here", "fit again")
    return predictions(np.stack([row for _, row in found]), reader.classifier, [e.name for e in stored])


def compare(
    state: Mapping[str, NDArray[np.generic]],
    views: Mapping[str, NDArray[np.float32]],
    spread: Mapping[str, NDArray[np.float64]],
    made_with: Mapping[str, str],
    here: Mapping[str, str],
    machine: str = HERE,
) -> None:
    """Raise ArtifactError when a machine turns the canaries into other numbers than the artifact's.

    Arguments as of `difference`.
    """
    if complaint := difference(state, views, spread, made_with, here, machine):
        again = "on this machine" if machine == HERE else "on images that such a machine profiled"
        raise ArtifactError(
            complaint,
            f"run driftcli baseline again {again}, or install the versions the artifact was made with",
        )


def difference(
    state: Mapping[str, NDArray[np.generic]],
    views: Mapping[str, NDArray[np.float32]],
    spread: Mapping[str, NDArray[np.float64]],
    made_with: Mapping[str, str],
    here: Mapping[str, str],
    machine: str = HERE,
) -> str:
    """What differs between a machine's canary features and the artifact's, in words; "" if nothing.

    `state`: features as stored (`view/NAME`); `views`: those of `machine`; `spread`: standard deviation of the
    fit set by view and column, the unit of TOLERANCE; `made_with`, `here`: versions there and here, for the words.
    """
    for key, then in state.items():
        name = key.removeprefix("view/")
        if name == key:
            continue
        now = views.get(name, np.empty(0))  # none at all: no canary could be read
        largest = _difference(np.asarray(then, np.float64), now.astype(np.float64), spread[name])
        if not largest <= TOLERANCE:
            changed = [
                f"{k} {made_with.get(k, '?')} -> {v}" for k, v in here.items() if made_with.get(k) != v
            ]
            return (
                f"{machine} computes other {name} features than the artifact's "
                f"(canary images differ by {largest:.2g} sd; {', '.join(changed) or 'same versions'})"
            )
    return ""


def _difference(then: NDArray[np.float64], now: NDArray[np.float64], spread: NDArray[np.float64]) -> float:
    """Largest difference in standard deviations of the fit set; infinite when a value is missing on one side only."""
    if then.shape != now.shape or not np.array_equal(np.isnan(then), np.isnan(now)):
        return float("inf")
    then, now = np.nan_to_num(then), np.nan_to_num(now)
    unit = np.maximum(np.nan_to_num(spread), 1e-6 + 1e-3 * np.abs(then).max(axis=0))
    return float((np.abs(now - then) / unit).max(initial=0.0))


class Alike:
    """Several machines that take part in one baseline or profile: all must see the canaries as the first does."""

    def __init__(self, spread: Mapping[str, NDArray[np.float64]]) -> None:
        self._spread = spread
        self.views: Mapping[str, NDArray[np.float32]] = {}
        """What the first machine makes of the canaries: [canaries, columns] by view."""
        self.versions: Mapping[str, str] = {}

    def judge(
        self, views: Mapping[str, NDArray[np.float32]], versions: Mapping[str, str], machine: str
    ) -> None:
        """Raise ArtifactError where this machine computes otherwise than the first."""
        if not self.views:
            self.views, self.versions = views, versions
        first = seen(self.views)
        if complaint := difference(first, views, self._spread, self.versions, versions, machine):
            raise ArtifactError(
                complaint, "use machines that compute the same: the same versions and hardware"
            )
