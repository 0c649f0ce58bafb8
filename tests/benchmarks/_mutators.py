"""Seeded mutators that know the structure of what they change: bytes, JSON, lines of text, arrays, cells of SQLite."""
# ruff: noqa: S608 - table names come from the file itself, and nothing here is secret

from __future__ import annotations

import copy
import json
import random
import sqlite3
import string
from typing import Any

import numpy as np

WORDS = (
    *(
        "",
        " ",
        "\x00",
        "\x1b[31m",
        "\x1b]0;t\x07",
        "\u202e",
        "\ud800",
        "é",
        "a" * 300,
        "../../etc/passwd",
        "/",
        "-",
        "nan",
    ),
    *(
        "NaN",
        "Infinity",
        "1e999",
        "-1",
        "0",
        "true",
        "null",
        "<script>",
        "::error::",
        "%",
        "=1+1",
        "\n",
        "\r\n",
        ",",
        '"',
    ),
    *(
        "2026-13-40",
        "0000-00-00",
        "9" * 60,
        "[]",
        "{}",
        "!!python/object:os.system",
        "&a",
        "*a",
        "0x1F",
        "1_000",
        "💥",
    ),
)
NUMBERS = (
    0,
    -1,
    1,
    2,
    7,
    255,
    2**31,
    2**53,
    2**63,
    -(2**63),
    10**30,
    0.5,
    -0.5,
    1e-320,
    1e308,
    1e15,
    -1e300,
    3.5,
)
VALUES = (None, True, False, [], {}, [[]], [None], {"": None}, *NUMBERS)
TOKENS = (
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"null",
        b"true",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"\\u0000",
    ),
    *(
        b"\xff",
        b"\x00",
        b"9" * 40,
        b"-",
        b"\n",
        b"\r",
        b"\x1b",
        b"'",
        b"#",
        b"%",
        b"&",
        b"*",
        b"!",
        b"|",
        b">",
        b"- ",
        b": ",
    ),
)


def of_bytes(raw: bytes, rng: random.Random) -> bytes:
    """One to four changes: bits, bytes, tokens, pieces cut, doubled, moved, an end."""
    found = bytearray(raw)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(found) + 1)
        kind = rng.randrange(7)
        if kind == 0 and found:
            found[place % len(found)] ^= 1 << rng.randrange(8)
        elif kind == 1 and found:
            found[place % len(found)] = rng.randrange(256)
        elif kind == 2:
            found[place : place + rng.randrange(4)] = rng.choice(TOKENS)
        elif kind == 3:
            del found[place : place + rng.randint(1, 40)]
        elif kind == 4:
            piece = found[place : place + rng.randint(1, 40)]
            found[place:place] = piece * rng.randint(1, 3)
        elif kind == 5:
            end = rng.randrange(len(found) + 1)
            found[place:place] = found[end : end + rng.randint(1, 40)]
        elif rng.random() < 0.3:
            del found[place:]
    return bytes(found)


def text(rng: random.Random) -> str:
    """A text that is none of what is asked for."""
    if rng.random() < 0.6:
        return rng.choice(WORDS)
    return "".join(rng.choice(string.printable) for _ in range(rng.randrange(12)))


def value(rng: random.Random) -> Any:
    """A JSON value of any kind."""
    return text(rng) if rng.random() < 0.4 else copy.deepcopy(rng.choice(VALUES))


def of_json(document: Any, rng: random.Random) -> Any:
    """A copy with one to three nodes replaced, left out, added, renamed or exchanged."""
    found = copy.deepcopy(document)
    for _ in range(rng.randint(1, 3)):
        found = _one_node(found, rng)
    return found


def _one_node(document: Any, rng: random.Random) -> Any:
    places = _places(document)
    if not places:
        return value(rng)
    holder, key = rng.choice(places)
    kind = rng.randrange(8)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[text(rng)] = holder.pop(key)
    elif kind == 2 and isinstance(holder, list):
        holder.insert(key, value(rng))
    elif kind == 3:
        other, place = rng.choice(places)
        holder[key] = copy.deepcopy(other[place])
    elif kind == 4 and isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
        holder[key] = rng.choice(
            (-holder[key], holder[key] + 1, holder[key] * 1e9, str(holder[key]), rng.choice(NUMBERS))
        )
    elif kind == 5 and isinstance(holder[key], str):
        holder[key] = holder[key] + text(rng)
    elif kind == 6 and isinstance(holder[key], list):
        holder[key] = holder[key] * rng.randrange(3)
    else:
        holder[key] = value(rng)
    return document


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Every (dict or list, key or index) below."""
    found, todo = [], [document]
    while todo:
        node = todo.pop()
        pairs = (
            list(node.items())
            if isinstance(node, dict)
            else list(enumerate(node))
            if isinstance(node, list)
            else []
        )
        found += [(node, key) for key, _ in pairs]
        todo += [inner for _, inner in pairs if isinstance(inner, dict | list)]
    return found


def json_bytes(document: Any, rng: random.Random) -> bytes:
    """The document changed as a tree, its text changed, or both."""
    tree = of_json(document, rng) if rng.random() < 0.8 else document
    raw = json.dumps(tree).encode()
    return of_bytes(raw, rng) if tree is document or rng.random() < 0.15 else raw


def of_array(x: np.ndarray, rng: random.Random) -> np.ndarray:
    """Another type, shape, or other values; of texts in bytes, other bytes."""
    with np.errstate(all="ignore"):
        kind = rng.randrange(9)
        if kind == 0:
            return x.astype(
                rng.choice(
                    (np.float16, np.float32, np.float64, np.int64, np.int16, np.uint8, np.uint64, bool)
                )
            )
        if kind == 1:
            return _of_shape(x, rng)
        if kind == 2 and x.dtype == np.uint8 and x.size:
            return np.frombuffer(of_bytes(x.tobytes()[:100_000], rng), np.uint8)
        changed = np.array(x)
        if not changed.size:
            return np.zeros((3, *x.shape[1:]), x.dtype)
        flat = changed.reshape(-1)
        some = slice(None) if kind in {3, 4} else rng.randrange(flat.size)
        if kind == 8:
            flat[:] = flat[::-1].copy()
        elif x.dtype.kind == "f":
            flat[some] = rng.choice(
                (np.nan, np.inf, -np.inf, 0, -1, 1e-30, 1e9, 1e14, 1e30, -1e300, 60_000, rng.gauss(0, 3))
            )
        else:
            flat[some] = np.array(rng.choice((0, 1, 2**15, 2**31, 2**63 - 1, rng.randrange(256)))).astype(
                x.dtype
            )
        return changed


def _of_shape(x: np.ndarray, rng: random.Random) -> np.ndarray:
    changes = (
        lambda: x[:-1] if x.ndim else x,
        lambda: x[: len(x) // 2] if x.ndim else x,
        lambda: x[:0] if x.ndim else x,
        lambda: np.concatenate([x, x]) if x.ndim else x,
        lambda: x[None],
        lambda: x[..., None],
        lambda: x.reshape(-1),
        x.T.copy,
        lambda: x[..., :-1] if x.ndim else x,
    )
    return np.ascontiguousarray(rng.choice(changes)())


def of_state(state: dict[str, np.ndarray], rng: random.Random) -> dict[str, np.ndarray]:
    """One to three arrays changed, left out, renamed, exchanged, or new."""
    found = dict(state)
    for _ in range(rng.randint(1, 3)):
        if not found:
            break
        name = rng.choice(sorted(found))
        kind = rng.randrange(10)
        if kind == 0:
            del found[name]
        elif kind == 1:
            found[rng.choice((name + "x", text(rng).encode("ascii", "ignore").decode() or "x"))] = found.pop(
                name
            )
        elif kind == 2:
            found[name] = found[rng.choice(sorted(found))]
        else:
            found[name] = of_array(found[name], rng)
    return found


def of_cells(path: str, rng: random.Random) -> None:
    """One to three cells, rows, tables or pragmas of an SQLite file."""
    with sqlite3.connect(path, isolation_level=None) as db:
        db.text_factory = bytes
        tables = [
            name.decode() for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for _ in range(rng.randint(1, 3)):
            table = rng.choice(tables)  # one that an earlier change dropped is passed over below
            columns = [row[1].decode() for row in db.execute(f"PRAGMA table_info({table})")]
            column, kind = rng.choice(columns or ["gone"]), rng.randrange(14)
            cell = rng.choice(
                (
                    None,
                    text(rng).encode("utf-8", "replace").decode(),
                    rng.choice((0, 1, -1, 2**62, 0.5, 9e999, -1e308, b"\xff\xfe")),
                    "2026-11-01T00:00:00Z",
                )
            )
            try:
                if kind == 0:
                    db.execute(
                        f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} LIMIT 1 OFFSET {rng.randrange(3)})"
                    )
                elif kind == 1:
                    db.execute(
                        rng.choice(
                            (
                                f"DROP TABLE {table}",
                                f"ALTER TABLE {table} RENAME COLUMN {column} TO other",
                                f"ALTER TABLE {table} ADD COLUMN more",
                                f"CREATE TRIGGER t AFTER INSERT ON {table} BEGIN SELECT 1; END",
                                "CREATE VIEW v AS SELECT 1",
                                "PRAGMA user_version=99",
                                "PRAGMA user_version=1",
                                "PRAGMA application_id=1",
                            )
                        )
                    )
                else:
                    row = db.execute(
                        f"SELECT rowid FROM {table} ORDER BY rowid LIMIT 1 OFFSET {rng.randrange(4)}"
                    ).fetchone()
                    some = "" if rng.random() < 0.2 or row is None else f" WHERE rowid = {row[0]}"
                    value_ = sqlite3.Binary(cell) if isinstance(cell, bytes) else cell
                    what = "CAST(? AS TEXT)" if isinstance(cell, bytes) and rng.random() < 0.5 else "?"
                    db.execute(f"UPDATE OR IGNORE {table} SET {column} = {what}{some}", (value_,))
            except sqlite3.Error:
                continue
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.close()
