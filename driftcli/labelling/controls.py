"""Control tasks: images with known labels, from a table."""

from __future__ import annotations

from driftcli.core.errors import NotAuditedError
from driftcli.core.text import safe_name
from driftcli.labelling import tables

PATHS = ("path", "image", "filename", "file")


def read(raw: bytes, name: str) -> list[tuple[str, str]]:
    """Path and right class of each control task. Raises NotAuditedError."""
    found = tables.rows(raw, name)
    path, label = tables.column(found, PATHS), tables.column(found, ("label", "class"))
    if path is None or label is None:
        raise NotAuditedError(
            f"{safe_name(name)}: no columns for images and labels", "give it a header: path,label"
        )
    known = {row[path]: row[label].strip() for _, row in found}
    if len(known) != len(found) or not all(known.values()):
        raise NotAuditedError(
            f"{safe_name(name)}: an image twice, or one without a label", "keep one row an image"
        )
    return sorted(known.items())
