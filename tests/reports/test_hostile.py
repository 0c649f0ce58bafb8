"""A result in which every text is hostile, read back from JSON: nothing of it acts on a terminal, a page or a log."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
from functools import cache
from xml.etree import ElementTree as ET

import pytest

from driftcli.core import registry
from driftcli.core.errors import NotAuditedError
from driftcli.core.text import safe_name
from driftcli.reports.json import Json, parse
from driftcli.reports.text import Text
from tests.reports import samples

ACTING = "\x1b]0;t\x07\x1b[31m\x9b2J\u202e"
HOSTILE = f"{ACTING}</td><script>alert(1)</script>\n::error::x\r\n=1+1|`a`\"'&"
FORMS = ("text", "markdown", "github", "csv", "junit", "json", "prometheus", "openmetrics", "metrics", "html")


def leaves(node, path=()):
    """Paths of all texts, and (with `True`) of all keys of an object."""
    if isinstance(node, dict):
        for key, inner in node.items():
            yield (*path, key), True
            yield from leaves(inner, (*path, key))
    elif isinstance(node, list):
        for i, inner in enumerate(node):
            yield from leaves(inner, (*path, i))
    elif isinstance(node, str):
        yield path, False


def with_one(document, path, is_key, text):
    """A copy with the text there, or the key there called so."""
    found = copy.deepcopy(document)
    inner = found
    for step in path[:-1]:
        inner = inner[step]
    inner[text if is_key else path[-1]] = inner.pop(path[-1]) if is_key else text
    return found


@cache
def hostile():
    """The richest results, joined, with HOSTILE for every text and every free key: whatever is still taken for a result."""
    document = json.loads(Json().render(samples.rich()))
    for name in ("alarm", "mix", "rules", "differs", "drift", "clusters"):
        more = json.loads(Json().render(samples.ALL[name]()))
        document |= {key: value for key, value in more.items() if not document.get(key)}
    names = 0
    for path, is_key in list(leaves(document)):
        if is_key and path[0] not in {"ledger", "environment", "tool"}:
            continue  # fields: another key is left out
        try:
            changed = with_one(document, path, is_key, f"{HOSTILE}{len(path)}" if is_key else HOSTILE)
            report = parse(json.dumps(changed))
        except (NotAuditedError, KeyError):
            continue  # one of a few words, or a key that was renamed before
        names += 1
        document = changed
    assert names > 150
    return report


def shown(form, report):
    return registry.load("reports", form)().render(report)


@pytest.mark.parametrize("form", FORMS)
def test_no_format_passes_an_acting_character_on(form):
    """ESC, BEL, C1, bidi marks; line ends only where the format has them."""
    text = shown(form, hostile())
    assert "alert(1)" in text or form in {"metrics", "prometheus", "openmetrics"}
    assert not set(ACTING) & {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)
    assert safe_name(text.replace("\n", "").replace("\r", "").replace("\t", "")) == re.sub(
        r"[\n\r\t]", "", text
    )


@pytest.mark.parametrize("width", [40, 100, 200])
@pytest.mark.parametrize("color", [True, False])
def test_a_terminal_gets_no_sequences_but_ours(width, color):
    text = Text(width, color=color, full=True).render(hostile()) + Text(width, color=color).render(hostile())
    ours = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(ours)
    assert color or ours == text


def test_pages_hold_no_foreign_element():
    page = shown("html", hostile())
    assert "<script" not in page.lower()
    assert "</td><" not in page.replace("</td></tr>", "").replace("</td><td", "")


def test_annotations_and_cells_are_ours():
    """No workflow command, no formula, no broken row, well-formed XML."""
    lines = shown("github", hostile()).splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert commands
    assert all(re.match(r"::(error|warning|notice)( |::)", line) for line in commands)
    assert not any(line.startswith("::error::x") for line in lines)
    rows = list(csv.reader(io.StringIO(shown("csv", hostile()))))
    assert len({len(row) for row in rows}) == 1
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    root = ET.fromstring(shown("junit", hostile()))  # noqa: S314 - ours
    assert not [
        node
        for node in root.iter()
        if node.tag
        not in {
            "testsuites",
            "testsuite",
            "testcase",
            "failure",
            "error",
            "system-out",
            "system-err",
            "properties",
            "property",
            "skipped",
        }
    ]
