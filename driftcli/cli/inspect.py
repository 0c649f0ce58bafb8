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
    lines = [head, f"  images inside: {'thumbnails of held-out images' if holds_images(files) else 'none'}"]
    lines.append(f"  baselines: {', '.join(map(safe_name, baselines)) or 'none: not calibrated'}")
    for key, value in manifest.items():
        if key != "files":
            lines += _block(key, value)
    lines.append("files")
    for file in files:
        mark = "ok" if file.ok else f"DAMAGED: {safe_name(file.problem)}"
        lines.append(f"  {safe_name(file.name)}  {file.bytes:,} bytes  {mark}")
    return "\n".join([*lines, ""])


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
