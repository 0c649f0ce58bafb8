"""An artifact in words for the terminal, and all of it as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from driftcli.reports.inspect.page import document, state
from driftcli.reports.layout import to_text as layout
from driftcli.reports.layout.page import Page
from driftcli.reports.layout.writing import plain

if TYPE_CHECKING:
    from driftcli.core.inspection import Account


def to_json(account: Account) -> str:
    """The manifest, and what was verified and measured beside it."""
    checked = [
        {"name": f.name, "role": f.role, "bytes": f.bytes, "ok": f.ok, "problem": f.problem}
        for f in account.files
    ]
    measured = {
        baseline.name: {
            "false_alarm_rates": [{"batch": c.batch, **plain(c.rate)} for c in baseline.calibration],
            "detectable": {str(size): plain(changes) for size, changes in baseline.detectable.items()},
            "reason": baseline.reason,
            "words": baseline.words,
        }
        for baseline in account.baselines
    }
    whole = {
        **account.manifest,
        "digest": account.digest,
        "holds_images": account.holds_images,
        "files": checked,
        "losses": {kind: plain(curve) for kind, curve in account.losses.items()},
        "measured": measured,
    }
    return json.dumps(whole, indent=2, default=str) + "\n"


def to_text(account: Account, *, brief: bool = False, ascii_only: bool = False, width: int = 100) -> str:
    """The whole account in lines of at most `width` cells; with `brief`, its state in one."""
    if brief:
        return f"{Page(width, ascii_only=ascii_only).say(f'{account.name}: {state(account)}')}\n"
    return layout.to_text(document(account, ascii_only=ascii_only), width=width, ascii_only=ascii_only)
