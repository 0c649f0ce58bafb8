"""Looking into an ONNX file without running or importing anything: outside data, and its metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
EXTERNAL = 1
DEEPEST = 64
LOW_BITS, LONGEST = 0x7F, 64

# Message -> field number -> message of that field, from onnx.proto: only what can lead to a tensor.
PATHS: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
EXTERNAL_DATA, DATA_LOCATION = 13, 14
METADATA_PROPS = 14
GRAPH, FUNCTION = 7, 25
"""Fields of a model."""
NODE, OP_TYPE, DOMAIN = 1, 4, 7
"""Field of a graph, and of a node."""
INPUT, OUTPUT = 1, 2
"""Of a node."""
PASSING = frozenset({"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten"})
"""Operations that leave every number what it is."""


def metadata(content: bytes, whose: str = "the file given with --weights") -> dict[str, str]:
    """The model's `metadata_props`; `whose`: the file, for people.

    Raises UsageError for a broken file, and for one that keeps tensors outside of itself: such a
    path can name any file on the machine (CVE-2022-25882 and others).
    """
    try:
        _refuse_outside_data(content)
        pairs = [dict(fields(value)) for value in _messages(content, METADATA_PROPS)]
        return {_text(pair.get(1)): _text(pair.get(2)) for pair in pairs}
    except (IndexError, ValueError, TypeError) as error:
        raise UsageError(f"{whose} is no ONNX model", "export it again") from error


def operations(content: bytes) -> set[str]:
    """What the model is made of: names of operations, `domain.name` where they are not ONNX's own.

    `function` where it defines operations itself. Raises UsageError as `metadata`.
    """
    try:
        _refuse_outside_data(content)
        found = {"function"} if any(_messages(content, FUNCTION)) else set()
        for graph in _messages(content, GRAPH):
            for node in _messages(graph, NODE):
                said = dict(fields(node))
                found.add(".".join(filter(None, [_text(said.get(DOMAIN)), _text(said.get(OP_TYPE))])))
    except (IndexError, ValueError, TypeError) as error:
        raise UsageError("it is no ONNX model", "export it again") from error
    return found


def made_by(content: bytes, output: str) -> str:
    """The operation of the main graph that makes this output, steps left out that only pass numbers on; "" where none does.

    Raises UsageError as `metadata`.
    """
    known: dict[str, tuple[str, str]] = {}
    try:
        for graph in _messages(content, GRAPH):
            for node in _messages(graph, NODE):
                parts = list(fields(node))
                given = next((_text(value) for number, value in parts if number == INPUT), "")
                operation = next((_text(value) for number, value in parts if number == OP_TYPE), "")
                known |= {_text(value): (operation, given) for number, value in parts if number == OUTPUT}
    except (IndexError, ValueError, TypeError) as error:
        raise UsageError("it is no ONNX model", "export it again") from error
    for _ in range(DEEPEST):
        operation, given = known.get(output, ("", ""))
        if operation not in PASSING:
            return operation
        output = given
    return ""


def _messages(content: bytes | memoryview, wanted: int) -> Iterator[memoryview]:
    """The messages in one field, which may be repeated."""
    for number, value in fields(content):
        if number == wanted and not isinstance(value, int):
            yield value


def _refuse_outside_data(content: bytes) -> None:
    if _has_outside_data(content, "model", 0):
        raise UsageError(
            "the ONNX file keeps tensors in other files",
            "save it as one file: onnx.save(model, path, save_as_external_data=False)",
        )


def fields(content: bytes | memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(number, value) of every field of one protobuf message. Raises ValueError or IndexError when broken."""
    view, place = memoryview(content), 0
    while place < len(view):
        key, place = _varint(view, place)
        kind = key & 7
        if kind == VARINT:
            value, place = _varint(view, place)
            yield key >> 3, value
            continue
        if kind == BYTES:
            length, place = _varint(view, place)
        elif kind in {FIXED64, FIXED32}:
            length = 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if place + length > len(view):
            raise ValueError("truncated")
        yield key >> 3, view[place : place + length]
        place += length


def _has_outside_data(content: bytes | memoryview, message: str, depth: int) -> bool:
    if depth > DEEPEST:
        raise ValueError("nested too deeply")
    for number, value in fields(content):
        if message == "tensor" and (
            number == EXTERNAL_DATA or (number == DATA_LOCATION and value == EXTERNAL)
        ):
            return True
        inner = PATHS[message].get(number)
        if inner and not isinstance(value, int) and _has_outside_data(value, inner, depth + 1):
            return True
    return False


def _varint(view: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[place]
        place += 1
        value |= (byte & LOW_BITS) << shift
        if byte <= LOW_BITS:
            return value, place
        shift += 7
        if shift >= LONGEST:
            raise ValueError("varint too long")


def _text(value: int | memoryview | None) -> str:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, memoryview) else ""
