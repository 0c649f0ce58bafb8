"""Taking an artifact's account: its files verified, what each baseline was measured to do and see, how losses fell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from driftcli.core.errors import DriftcliError
from driftcli.core.inspection import Account, BaselineAccount, Calibration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftcli.artifact.store import Artifact
    from driftcli.core.sight import Detectable
    from driftcli.reference.reference import Baseline, Reference

ALPHAS = (0.01, 0.05)
GOOD = 12
"""Thumbnails that an account shows: the first by content hash, which is as good as drawing them."""
SIGHT = 0.01
"""The alpha at which what can be seen is told: the default gate's."""


def take(path: Path, found: Any) -> Account:
    """Everything `inspect` tells of `found`, an artifact as `artifact.read` gives it. A damaged one is told of, too."""
    files = found.verify()
    known = found.manifest.get("baselines") or {}
    whole = all(file.ok for file in files)
    return Account(
        str(path),
        found.digest,
        found.manifest,
        tuple(files),
        any("thumbnail" in file.role for file in files),
        tuple(_baseline(found, path, name, whole=whole) for name in known),
        _losses(found) if whole else {},
    )


def _baseline(found: Artifact, path: Path, name: str, *, whole: bool) -> BaselineAccount:
    from driftcli.calibration import false_alarms
    from driftcli.reference import figures, reference

    facts = found.manifest["baselines"][name]
    if not whole:
        return BaselineAccount(name, facts, (), {}, "the artifact is damaged")
    try:
        artifact, opened = _opened(found, path)
        baseline = reference.open_baseline(artifact, opened, name, str(path))
    except DriftcliError as error:
        return BaselineAccount(name, facts, (), {}, f"{error.what}: {error.hint}")
    sizes = [m for m in figures.SIZES if f"p_{m}" in baseline.measured]
    blocked = "groups are the unit of the test" if facts.get("group_by") else None
    rates = [
        Calibration(
            m,
            alpha,
            false_alarms.false_alarm_rate(baseline.measured, alpha, m, len(baseline.features), blocked),
        )
        for m in sizes
        for alpha in ALPHAS
    ]
    sight = {m: _sight(baseline, m) for m in sizes}
    reason = None if sizes else "the baseline is too small to measure it"
    names = baseline.features.names
    good = tuple((names[row], webp) for row, webp in sorted(baseline.thumbnails.items())[:GOOD])
    return BaselineAccount(name, facts, tuple(rates), sight, reason, good, _words(opened, baseline))


def _opened(artifact: Artifact, path: Path) -> tuple[Artifact, Reference]:
    """Without the settings' own checks, which cost as much as all the rest; with them where something is not understood."""
    from driftcli.reference import reference

    try:
        return artifact, reference.open_to_tell(artifact)
    except (KeyError, TypeError, ValueError):
        from driftcli.config.settings import Settings

        return reference.open_reference(str(path), Settings(), ())


def _words(reference: Reference, baseline: Baseline) -> str | None:
    """Whether a report will say in words what images show."""
    from driftcli.audit import vocabulary
    from driftcli.core.features import Vocabulary

    found = vocabulary.words(reference, baseline)
    if found is None:
        return None
    if isinstance(found, Vocabulary):
        return f"the words of {found.source} mean something here: {found.basis}"
    return f"no words of {found.source}: {found.reason}"


def _sight(baseline: Baseline, m: int) -> tuple[Detectable, ...]:
    """Corruptions that were simulated, then shifts of properties."""
    from driftcli.calibration import detectability, false_alarms

    seen, _ = detectability.detectable(baseline.measured, baseline.facts.get("detectable", ()), SIGHT, m)
    shifts = false_alarms.detectable_in(baseline, SIGHT, m)
    return (*seen, *shifts)


def _losses(found: Any) -> dict[str, tuple[tuple[float, float | None], ...]]:
    """From the state of every extractor that was trained epoch by epoch."""
    curves = {}
    methods: Sequence[str] = found.manifest.get("settings", {}).get("extractors", {}).get("methods", ())
    for kind in methods:
        state = found.state(kind) if kind in getattr(found, "files", {}) else {}
        curve = state.get("loss_curve")
        if curve is not None and len(curve):
            curves[kind] = tuple(
                (float(seen), float(held_out) if np.isfinite(held_out) else None) for seen, held_out in curve
            )
    return curves
