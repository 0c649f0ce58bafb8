"""Which names a baseline may have: they become part of file names in the artifact, on every system."""

from __future__ import annotations

import re

from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name

LONGEST = 100
RESERVED = frozenset({"holdout"})
"""`fit` keeps its own baseline under this name, and reports say so of it."""
_NAME = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{LONGEST - 1}}}")
_OTHER = re.compile(r"[^a-z0-9._-]+")


def require_name(name: str) -> None:
    """Raise UsageError for a name that no baseline can have."""
    if name in RESERVED:
        raise UsageError(
            f"--name {name}: this name is kept for the baseline that driftcli fit makes",
            "choose another name, or leave --name out: a baseline called default is taken before it",
        )
    if _NAME.fullmatch(name):
        return
    meant = _OTHER.sub("-", name.lower()).strip("-._")[:LONGEST]
    rule = f"use 1 to {LONGEST} of a-z, 0-9, dot, dash and underscore, a letter or digit first"
    shown = safe_name(name[: LONGEST + 1]) + ("…" if len(name) > LONGEST + 1 else "")
    raise UsageError(
        f"--name '{shown}' cannot name a baseline",
        f"{rule}: {meant}" if meant and meant not in RESERVED else rule,
    )
