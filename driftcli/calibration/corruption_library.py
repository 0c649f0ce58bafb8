"""The library behind "like Gaussian blur severity 2": every corruption on a few good images, when a baseline is made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftcli.calibration.paired import Change, Simulated, joined, simulate
from driftcli.core.features import Features
from driftcli.core.registry import kinds, load
from driftcli.explain import confirmation
from driftcli.explain import space as _space
from driftcli.explain.confirmation import Confirmation
from driftcli.explain.corruption import Library, calibrated
from driftcli.explain.space import Space
from driftcli.extractors.base import families
from driftcli.reading.entries import entries_again
from driftcli.reading.reader import Reader

if TYPE_CHECKING:
    from driftcli.core.features import Column
    from driftcli.core.images import Entry

SEVERITIES = (1.0, 2.0, 4.0)
FEWEST, MOST = 8, 12
"""Images simulated: a thirty-second of C, within these bounds."""
SEEN_BY_NETWORK, CONFIRMED = 6, (2.0, 4.0)
"""Of them, and the severities, that the network looks at as well."""
ENOUGH = 4
"""Fewer simulated images make no library."""
CANDIDATES = 5_000
EXCHANGES = 20


def library(
    reader: Reader, sources: Sequence[str], held_out: Features, at_hand: NDArray[np.int64] | None = None
) -> Library | None:
    """Read a few images of C again under every corruption, without any network; fewer of them with one.

    `at_hand`: rows of the images that `sources` hold; None: all. None where it is switched off, where nothing is to be simulated, or where no view is `quick`
    (properties and reconstruction errors are).
    """
    asked = reader.settings.calibrate
    quick = _quick(reader, held_out)
    rows = np.arange(len(held_out)) if at_hand is None else at_hand
    if asked.diagnosis == "off" or asked.detectable == "none" or not quick or len(rows) < 2 * FEWEST:
        return None
    columns: Mapping[str, Sequence[Column]] = {
        view: reader.extractors[kind].columns(view) for view, kind in quick.items()
    }
    space = _space.learn(held_out.views, columns)
    rows = rows[:CANDIDATES]
    chosen = balanced(space(held_out.views)[rows], images_for(len(held_out)))
    few = held_out.at(np.sort(rows[chosen]))
    again = list(entries_again(sources, reader.settings, few.names))
    simulated, by_network = _simulated(reader, again, set(few.names[:SEEN_BY_NETWORK]), quick)
    if len(simulated) < ENOUGH:
        return None
    return learnt(space, held_out, simulated, by_network, reader.settings.seed)


def learnt(
    space: Space, held_out: Features, simulated: Simulated, by_network: Simulated | None, seed: int
) -> Library:
    """The library of what was simulated, calibrated on C.

    `simulated`: under every corruption at `SEVERITIES`; `by_network`: in a network's views, at `CONFIRMED`.
    """
    classes = {kind: str(load("corruptions", kind).belongs) for kind in kinds("corruptions")}  # type: ignore[attr-defined]
    points = _points(space, simulated, list(classes))
    found = Library(
        space, classes, SEVERITIES, points, 0.0, confirmations=_confirmations(held_out, by_network, classes)
    )
    return calibrated(found, space(held_out.views), seed)


def _simulated(
    reader: Reader, entries: Sequence[Entry], names: Collection[str], quick: Mapping[str, str]
) -> tuple[Simulated, Simulated | None]:
    """The images in quick views, under every corruption at `SEVERITIES`; and what a network sees, if there is one.

    The network looks at the images of these names at `CONFIRMED`; what it looks at is not corrupted a second time.
    """
    seed, every = reader.settings.seed, kinds("corruptions")
    changes = [Change(kind, severity) for kind in every for severity in SEVERITIES]
    declared = families().values()
    seeing = {kind for kind, view in declared if view.confirms and kind in reader.extractors}
    light, stage = reader.narrowed(set(quick.values())), "simulating what it could be"
    if not seeing:
        return simulate(light, entries, changes, seed, stage), None
    seen = [entry for entry in entries if entry.name in names]
    strong = [Change(kind, severity) for kind in every for severity in CONFIRMED]
    both = reader.narrowed({*quick.values(), *seeing})
    by_network = simulate(both, seen, strong, seed, "simulating what it is not")
    mild = simulate(light, seen, [c for c in changes if c not in strong], seed, stage)
    others = simulate(light, [entry for entry in entries if entry.name not in names], changes, seed, stage)
    simulated = joined([[by_network, mild], [others]], tuple(quick))
    return simulated, by_network if len(by_network) >= ENOUGH else None


def _confirmations(
    held_out: Features, found: Simulated | None, names: Collection[str]
) -> tuple[Confirmation, ...]:
    """What the corruptions do in every view that may confirm a likeness."""
    if found is None:
        return ()
    declared = [view.name for _, view in families().values() if view.confirms]
    return tuple(
        confirmation.learn(
            view,
            held_out.views[view][:CANDIDATES],
            found.clean.views[view],
            [[found.changed[Change(name, s)][view] for s in CONFIRMED] for name in names],
        )
        for view in declared
        if view in held_out.views
    )


def _quick(reader: Reader, held_out: Features) -> dict[str, str]:
    """The views that are compared, with their extractors; named measurements first."""
    declared = [(v, kind) for kind, v in families().values() if v.quick and kind in reader.extractors]
    declared.sort(key=lambda pair: not pair[0].named)
    return {v.name: kind for v, kind in declared if v.name in held_out.views}


def images_for(held_out: int) -> int:
    """How many images of C are simulated."""
    return min(max(held_out // 32, FEWEST), MOST)


def balanced(rows: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """`count` of the rows [n, d], centred, whose mean is near 0: greedily, then by exchanges.

    What a corruption does depends on the image: images whose mean is that of all of C stand for it as
    no random dozen does. Source: kernel herding with a linear kernel (Chen, Welling and Smola 2010).
    """
    size = (rows**2).sum(axis=1)
    chosen: list[int] = []
    total = np.zeros(rows.shape[1])
    for _ in range(min(count, len(rows))):
        chosen.append(_nearest_sum(rows, size, total, chosen))
        total = total + rows[chosen[-1]]
    for _ in range(EXCHANGES):
        best, swap = float(total @ total) * (1 - 1e-9), None
        for place, row in enumerate(chosen):
            without = total - rows[row]
            other = _nearest_sum(rows, size, without, chosen)
            length = float(((without + rows[other]) ** 2).sum())
            if length < best and other not in chosen:
                best, swap = length, (place, other)
        if swap is None:
            break
        total = total - rows[chosen[swap[0]]] + rows[swap[1]]
        chosen[swap[0]] = swap[1]
    return np.array(chosen, np.int64)


def _nearest_sum(
    rows: NDArray[np.float64], size: NDArray[np.float64], total: NDArray[np.float64], taken: Sequence[int]
) -> int:
    """The row that brings the total nearest to 0."""
    length = size + 2 * rows @ total
    length[list(taken)] = np.inf
    return int(length.argmin())


def _points(space: Space, simulated: Simulated, names: Sequence[str]) -> NDArray[np.float64]:
    """[k, s, d]: the mean shift of the same images."""
    clean = space(simulated.clean.views)
    return np.array(
        [
            [(space(simulated.changed[Change(name, s)]) - clean).mean(axis=0) for s in SEVERITIES]
            for name in names
        ]
    )
