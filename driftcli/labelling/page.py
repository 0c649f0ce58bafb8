"""One page to label with: opened from disk, it asks no network, and saves to a file."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files

from driftcli.labelling.queue import Queue


def page(queue: Queue, pictures: Mapping[str, bytes], name: str) -> str:
    """The page of a queue, with a WebP picture of every item inside; `name`: the queue's own, which its labels carry.

    It holds neither names of files nor what the model said nor which items are control tasks: who labels should not know.
    """
    items = [{"id": item, "image": base64.b64encode(pictures[item]).decode("ascii")} for item in queue.items]
    inside = json.dumps({"queue": name, "classes": list(queue.classes), "items": items})
    style, script = _text("page.css"), _text("page.js")
    parts = {
        "STYLE_HASH": _digest(style),
        "SCRIPT_HASH": _digest(script),
        "STYLE": style,
        "SCRIPT": script,
        "DATA": inside.replace("<", "\\u003c"),
    }
    made = _text("page.html")
    for part, text in parts.items():  # data last: nothing that a class is called is looked at again
        made = made.replace(f"@{part}@", text)
    return made


def digest(text: str) -> str:
    """The name of a queue: twelve hexadecimal digits of its file's SHA-256."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def _text(name: str) -> str:
    return files("driftcli.labelling").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """As a content security policy names an inline script."""
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
