"""Tiny ONNX classifiers for tests: what they say follows from the mean colour of an image."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIDE = 32
CLASSES = ("blue", "red")
PRESET = ("--model-preset", "0-1")
WEIGHT = np.array([[-12.0, 0.0, 12.0], [12.0, 0.0, -12.0]], np.float32)


def classifier(
    path: Path,
    *tail: onnx.NodeProto,
    weight: np.ndarray = WEIGHT,
    shape: tuple = ("n", 3, SIDE, SIDE),
    kind: int = TensorProto.FLOAT,
    outputs: dict[str, tuple] | None = None,
    names: str | None = "{0: 'blue', 1: 'red'}",
    metadata: dict[str, str] | None = None,
) -> Path:
    """Mean colour -> `weight` [K, channels] -> `logits` [n, K], and whatever nodes follow; `names` in the metadata."""
    channels_last = shape[3] == weight.shape[1] and shape[1] != weight.shape[1]
    nodes = [helper.make_node("Cast", ["images"], ["pixels"], to=1)]
    if channels_last:
        nodes.append(helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]))
    nodes += [
        helper.make_node("GlobalAveragePool", ["planes" if channels_last else "pixels"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["means"], axis=1),
        helper.make_node("Gemm", ["means", "weight"], ["logits"], transB=1),
        *tail,
    ]
    made = outputs or {"logits": ("n", len(weight))}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", kind, list(shape))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(size)) for name, size in made.items()],
        [numpy_helper.from_array(weight.astype(np.float32), "weight")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(model, {**({} if names is None else {"names": names}), **(metadata or {})})
    path.write_bytes(model.SerializeToString())
    return path


def node(kind: str, given: str | list[str], made: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, [given] if isinstance(given, str) else given, [made], **attributes)


def logits_of(photo: Path) -> np.ndarray:
    """[2]: what the classifier says under preset 0-1, by Pillow alone."""
    with Image.open(photo) as image:
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return WEIGHT @ (np.asarray(small, np.float64) / 255).mean(axis=(0, 1))


def tree(folder: Path, place: Path, wrong: float = 0.1, seed: int = 0) -> Path:
    """The images of a folder in one folder a class: that of their colour, save for a share that is in the other."""
    rng = np.random.default_rng(seed)
    for photo in sorted(folder.iterdir()):
        said = int(logits_of(photo).argmax())
        name = CLASSES[said ^ int(rng.random() < wrong)]
        (place / name).mkdir(parents=True, exist_ok=True)
        (place / name / photo.name).write_bytes(photo.read_bytes())
    return place


def table(folder: Path, file: Path) -> Path:
    """Softmax of what the classifier says of every image below a folder, as a table."""
    with file.open("w", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(["path", *(f"p_{name}" for name in CLASSES)])
        for photo in sorted(folder.rglob("*.jpg")):
            powers = np.exp(logits_of(photo) - logits_of(photo).max())
            rows.writerow([photo.relative_to(folder), *map(repr, (powers / powers.sum()).tolist())])
    return file
