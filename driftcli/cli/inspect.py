"""`driftcli inspect`: what an artifact is, from its manifest and checksums; nothing heavy is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer  # Typer evaluates the annotations

from driftcli.cli import options as o
from driftcli.cli import session
from driftcli.errors import ArtifactError, UsageError
from driftcli.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EXAMPLES = """\
Examples:
  driftcli inspect ref/
  driftcli inspect ref/ -f json | jq .baselines
"""
SHORT = 8
"""Lists longer than this are counted, not shown."""


def inspect(
    context: typer.Context,
    artifact: o.Artifact,
    format: o.Format = "text",  # noqa: A002
    config: o.Config = None,
    sets: o.Sets = None,
    show_config: o.ShowConfig = False,
    seed: o.Seed = None,
    device: o.Device = None,
    workers: o.Workers = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
    no_progress: o.NoProgress = False,
    color: o.Color = "auto",
    log_format: o.LogFormat = "text",
) -> int:
    """What an artifact is made from, and whether it is whole.

    What it was fitted and calibrated on, settings, files with their checksums verified.
    """
    run = session.begin(context, locals())
    if format not in {"text", "json"}:
        raise UsageError(f"--format: no format {safe_name(format)!r}", "one of text, json")
    from driftcli import artifact as store

    found = store.read(Path(artifact))
    files = found.verify()
    if format == "json":
        run.terminal.put(_as_json(found.manifest, found.digest, files), utf8=True)
    else:
        run.terminal.put(_as_text(artifact, found.manifest, found.digest, files, brief=quiet))
    broken = [file.name for file in files if not file.ok]
    if broken:
        raise ArtifactError(
            f"{safe_name(artifact)}: damaged: {', '.join(map(safe_name, broken))}",
            "restore it from a copy, or fit again",
        )
    return 0


def holds_images(files: Sequence[Any]) -> bool:
    """Whether pictures can be got out of it: it keeps thumbnails."""
    return any("thumbnail" in file.role for file in files)


def _as_json(manifest: Mapping[str, Any], digest: str, files: Sequence[Any]) -> str:
    checked = [
        {"name": f.name, "role": f.role, "bytes": f.bytes, "ok": f.ok, "problem": f.problem} for f in files
    ]
    whole = {**manifest, "digest": digest, "holds_images": holds_images(files), "files": checked}
    return json.dumps(whole, indent=2, default=str) + "\n"


def _as_text(
    name: str, manifest: Mapping[str, Any], digest: str, files: Sequence[Any], *, brief: bool
) -> str:
    baselines = manifest.get("baselines") or {}
    size = sum(file.bytes for file in files)
    state = "ok" if all(file.ok for file in files) else "DAMAGED"
    head = f"{safe_name(name)}: {state}, {len(files)} files, {size / 1e6:.1f} MB, sha256 {digest[:16]}"
    if brief:
        return head + "\n"
    lines = [head, *_account(manifest, baselines, holds=holds_images(files))]
    lines += ["", *_block("settings", manifest.get("settings") or {}), "", "files"]
    width = max((len(safe_name(file.name)) for file in files), default=0)
    for file in files:
        mark = "ok" if file.ok else f"DAMAGED: {safe_name(file.problem)}"
        lines.append(f"  {safe_name(file.name):<{width}}  {file.bytes:>12,} bytes  {mark}")
    return "\n".join([*lines, ""])


def _account(manifest: Mapping[str, Any], baselines: Mapping[str, Any], *, holds: bool) -> Iterator[str]:
    """What it is made from, in words; `-f json` has all of it."""
    fitted = manifest.get("fitted") or {}
    if fitted:
        said = f"{_count(fitted)} from {_sources(fitted)}, {_date(fitted)}"
        shapes = [*(fitted.get("formats") or {}), *(fitted.get("sizes") or {})]
        shown = f" ({', '.join(map(safe_name, shapes))})" if shapes else ""
        yield f"  fitted on  {said}{shown}"
    for name, facts in baselines.items():
        groups = f", {facts['groups']} groups" if facts.get("groups") else ""
        yield f"  baseline   {safe_name(name)}: {_count(facts)} from {_sources(facts)}{groups}, {_date(facts)}"
        sizes = facts.get("false_alarms_measured_at") or ()
        if sizes:
            yield f"             false alarms measured with batches of {', '.join(map(str, sizes))}"
        yield from (f"             caution: {safe_name(line)}" for line in facts.get("cautions") or ())
    if not baselines:
        yield "  baseline   none: not calibrated"
    if families := manifest.get("families_tested"):
        yield f"  families   {', '.join(map(safe_name, families))}"
    yield f"  pictures   {'thumbnails of held-out images' if holds else 'none'}"
    if versions := manifest.get("versions"):
        yield f"  made with  {', '.join(f'{safe_name(k)} {safe_name(str(v))}' for k, v in versions.items())}"


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
    for path, leaf in _leaves(value):
        yield f"  {safe_name(path)}: {_short(leaf)}"


def _leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _leaves(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item


def _short(value: Any) -> str:
    if isinstance(value, list) and (
        len(value) > SHORT or any(isinstance(item, list | dict) for item in value)
    ):
        return f"{len(value)} values"
    return safe_name(value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False))
