"""An artifact in words for the terminal, and all of it as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from driftcli.core.text import safe_name
from driftcli.reports.content import numbers as number
from driftcli.reports.content import words as say
from driftcli.reports.layout import line_chart as drawn
from driftcli.reports.layout.writing import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftcli.core.inspection import Account, BaselineAccount

SHORT = 8
"""Lists longer than this are counted, not shown."""
MOST = 6
"""Detectable changes named for each batch size; `-f json` has all."""


def to_json(account: Account) -> str:
    """The manifest, and what was verified and measured beside it."""
    checked = [
        {"name": f.name, "role": f.role, "bytes": f.bytes, "ok": f.ok, "problem": f.problem}
        for f in account.files
    ]
    measured = {
        one.name: {
            "false_alarm_rates": [{"batch": c.batch, **plain(c.rate)} for c in one.calibration],
            "detectable": {str(m): plain(found) for m, found in one.detectable.items()},
            "reason": one.reason,
        }
        for one in account.baselines
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


def headline(account: Account) -> str:
    """State, files, size, digest."""
    state = "ok" if account.ok else "DAMAGED"
    size = f"{len(account.files)} files, {account.bytes / 1e6:.1f} MB"
    return f"{safe_name(account.name)}: {state}, {size}, sha256 {account.digest[:16]}"


def to_text(account: Account, *, brief: bool = False, ascii_only: bool = False) -> str:
    """The whole account in plain lines."""
    if brief:
        return f"{headline(account)}\n"
    lines = [headline(account), *_made_from(account), *_learnt(account, ascii_only=ascii_only)]
    lines += ["", *_block("settings", account.manifest.get("settings") or {}), "", "files"]
    width = max((len(safe_name(file.name)) for file in account.files), default=0)
    for file in account.files:
        mark = "ok" if file.ok else f"DAMAGED: {safe_name(file.problem)}"
        lines.append(f"  {safe_name(file.name):<{width}}  {file.bytes:>12,} bytes  {mark}")
    text = "\n".join([*lines, ""])
    return text.encode("ascii", "backslashreplace").decode() if ascii_only else text


def _made_from(account: Account) -> Iterator[str]:
    """What it is made from, and what was measured."""
    manifest = account.manifest
    fitted = manifest.get("fitted") or {}
    if fitted:
        said = f"{_count(fitted)} from {_sources(fitted)}, {_date(fitted)}"
        shapes = [*(fitted.get("formats") or {}), *(fitted.get("sizes") or {})]
        shown = f" ({', '.join(map(safe_name, shapes))})" if shapes else ""
        yield f"  fitted on  {said}{shown}"
    for baseline in account.baselines:
        yield from _baseline(baseline)
    if not account.baselines:
        yield "  baseline   none: not calibrated"
    if families := manifest.get("families_tested"):
        yield f"  families   {', '.join(map(safe_name, families))}"
    yield f"  pictures   {'thumbnails of held-out images' if account.holds_images else 'none'}"
    if versions := manifest.get("versions"):
        yield f"  made with  {', '.join(f'{safe_name(k)} {safe_name(str(v))}' for k, v in versions.items())}"


def _baseline(baseline: BaselineAccount) -> Iterator[str]:
    facts = baseline.facts
    groups = f", {facts['groups']} groups" if facts.get("groups") else ""
    yield f"  baseline   {safe_name(baseline.name)}: {_count(facts)} from {_sources(facts)}{groups}, {_date(facts)}"
    for line in rates(baseline):
        yield f"             {line}"
    for m, found in baseline.detectable.items():
        if found:
            told = [say.detectable(one) for one in found[:MOST]]
            more = f", {len(found) - MOST} more" if len(found) > MOST else ""
            yield f"             of {m} images it sees: {', '.join(told)}{more}"
    if baseline.reason:
        yield f"             not measured: {safe_name(baseline.reason)}"
    yield from (f"             caution: {safe_name(line)}" for line in facts.get("cautions") or ())


def rates(baseline: BaselineAccount) -> Iterator[str]:
    """One line a batch size: how often the gate fires on good images, and this baseline's likely range."""
    for m in dict.fromkeys(one.batch for one in baseline.calibration):
        parts = []
        for one in baseline.calibration:
            rate = one.rate
            if one.batch != m:
                continue
            if rate.estimate is None:
                parts.append(f"alpha {one.alpha:g}: {rate.reason}")
                continue
            spread = f"{number.percent(rate.low)} to {number.percent(rate.high)}"
            parts.append(f"alpha {one.alpha:g}: {number.percent(rate.estimate)} ({spread})")
        yield f"false alarms of {m} images: {'; '.join(parts)}"


def _learnt(account: Account, *, ascii_only: bool) -> Iterator[str]:
    """How the losses fell."""
    for kind, curve in account.losses.items():
        for name, losses in (("training", [a for a, _ in curve]), ("held out", [b for _, b in curve])):
            known = [loss for loss in losses if loss is not None]
            if known:
                line = drawn.trend(losses[-80:], plain=ascii_only)
                yield f"  loss       {kind}, {name}: {known[0]:.4g} to {known[-1]:.4g} in {len(curve)} epochs {line}"


def _count(facts: Mapping[str, Any]) -> str:
    return f"{int(facts.get('images', 0)):,} images"


def _sources(facts: Mapping[str, Any]) -> str:
    return ", ".join(safe_name(str(name)) for name in facts.get("source") or ("an unnamed source",))


def _date(facts: Mapping[str, Any]) -> str:
    return safe_name(str(facts.get("created", "at an unknown time")))


def _block(key: str, value: Any) -> Iterator[str]:
    """`key` with what is below it, a dotted line each."""
    if not isinstance(value, Mapping):
        yield f"{safe_name(key)}: {_short(value)}"
        return
    yield safe_name(key)
    for path, leaf in leaves(value):
        yield f"  {safe_name(path)}: {_short(leaf)}"


def leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names of everything below."""
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from leaves(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item


def _short(value: Any) -> str:
    if isinstance(value, list) and (
        len(value) > SHORT or any(isinstance(item, list | dict) for item in value)
    ):
        return f"{len(value)} values"
    return safe_name(value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False))
