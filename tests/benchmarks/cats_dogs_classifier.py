"""A classifier of cats and dogs as somebody else would have it: one ONNX file with preprocessing of its own.

    python tests/benchmarks/cats_dogs_classifier.py -o classifier.onnx [--data FOLDER] [--train 300] [--seed 0]

A logistic regression on the default network's sixth stage, at 128 px, learnt from `--train` photos in random order; half a minute on one
core. Input `images`: float32 [n, 3, 128, 128], pixels as of ImageNet's classifiers (short side 146, bilinear, middle square, minus the mean, by the
standard deviation: `--model-preset imagenet`). Output `logits` [n, 2]; `names` in the metadata, written as Ultralytics writes it. Beside the model lie
`classifier.trained.csv` and `classifier.others.csv` (path, label): the photos it learnt from, and those that it has never seen.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import onnx
import onnxruntime
from _lab import RUNTIME, data_folder, machine
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from driftcli.extractors.embedding import Embedding
from driftcli.extractors.networks import session

CLASSES = ("cat", "dog")
SIDE, RESIZE = 128, 146
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
INPUT, OUTPUT = "images", "logits"


@dataclass(frozen=True)
class Classifier:
    """The file, and which photos it learnt from."""

    path: Path
    trained: tuple[Path, ...]
    others: tuple[Path, ...]
    """In random order, never seen by the model."""
    accuracy: float
    """On the others."""


def export(data: Path, path: Path, *, train: int = 300, seed: int = 0, strength: float = 0.01) -> Classifier:
    """Learn from `train` photos of `data`/catsdogs, write the model to `path`, and judge it on the others."""
    photos = sorted((data / "catsdogs").glob("*.jpg"))
    photos = [photos[i] for i in np.random.default_rng(seed).permutation(len(photos))]
    trunk = _trunk()
    features = _run(trunk, photos[:train], "features")
    weight, bias = _head(features, np.array([label(one) for one in photos[:train]]), strength)
    path.write_bytes(_with_head(trunk, weight, bias))
    others = tuple(photos[train:])
    said = _run(path.read_bytes(), others, OUTPUT).argmax(axis=1)
    right = float((said == [label(one) for one in others]).mean())
    return Classifier(path, tuple(photos[:train]), others, right)


def label(photo: Path) -> int:
    """The place in CLASSES of what a photo shows."""
    return CLASSES.index(photo.name.split(".")[0])


def prepared(photo: Path) -> np.ndarray:
    """float32 [3, 128, 128] as the model wants it, by Pillow alone."""
    with Image.open(photo) as opened:
        image = opened.convert("RGB")
    scale = RESIZE / min(image.size)
    size = tuple(RESIZE if side == min(image.size) else round(side * scale) for side in image.size)
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = (round((side - SIDE) / 2) for side in image.size)
    pixels = np.asarray(image.crop((left, top, left + SIDE, top + SIDE)), np.float32)
    return ((pixels / 255 - MEAN) / STD).transpose(2, 0, 1)


def _trunk() -> bytes:
    """The default network up to the mean of its sixth stage, from float pixels [n, 3, 128, 128] to `features` [n, 192]."""
    embedding = Embedding(side=SIDE, resize=SIDE, crop="none", words="off", style_layers=()).complete(RUNTIME)
    model = onnx.load_from_string(
        embedding.fit(np.zeros((0, 1), np.uint8), 0, RUNTIME)[session.MODEL].tobytes()
    )
    graph = model.graph
    first = next(i for i, node in enumerate(graph.node) if node.op_type == "Conv")
    scaled = graph.node[first].input[0]
    # What Lite0 was trained on is (x - 127.5) / 127.5 of 0..255; this model is given (x / 255 - mean) / std.
    factor, shift = 2 * STD.reshape(1, 3, 1, 1), 2 * MEAN.reshape(1, 3, 1, 1) - 1
    rescaled = [
        helper.make_node("Mul", [INPUT, "to lite0"], ["scaled by std"]),
        helper.make_node("Add", ["scaled by std", "to lite0's zero"], [scaled]),
    ]
    kept = [*rescaled, *graph.node[first:]]
    del graph.node[:]
    graph.node.extend(kept)
    graph.initializer.extend(
        [numpy_helper.from_array(factor, "to lite0"), numpy_helper.from_array(shift, "to lite0's zero")]
    )
    used = {name for node in graph.node for name in node.input}
    constants = [one for one in graph.initializer if one.name in used]
    del graph.initializer[:]
    graph.initializer.extend(constants)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", 3, SIDE, SIDE]))
    means = graph.output[0].name
    graph.node.append(helper.make_node("Identity", [means], ["features"]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 192]))
    del graph.value_info[:]
    return model.SerializeToString()


def _with_head(trunk: bytes, weight: np.ndarray, bias: np.ndarray) -> bytes:
    """The trunk with a linear layer, and the classes' names."""
    model = onnx.load_from_string(trunk)
    graph = model.graph
    graph.initializer.extend(
        [numpy_helper.from_array(weight, "head.weight"), numpy_helper.from_array(bias, "head.bias")]
    )
    graph.node.append(helper.make_node("Gemm", ["features", "head.weight", "head.bias"], [OUTPUT], transB=1))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", len(bias)]))
    helper.set_model_props(model, {"names": str(dict(enumerate(CLASSES))), "task": "classify"})
    model.producer_name = "cats_dogs_classifier"
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _head(features: np.ndarray, labels: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Weight [2, d] and bias [2] of the logits, float32."""
    from sklearn.linear_model import LogisticRegression

    centre, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    fitted = LogisticRegression(C=strength, max_iter=2000).fit((features - centre) / spread, labels)
    weight = fitted.coef_[0] / spread
    bias = fitted.intercept_[0] - weight @ centre
    return (np.stack([-weight, weight]) / 2).astype(np.float32), np.array([-bias / 2, bias / 2], np.float32)


def _run(model: bytes, photos: list[Path] | tuple[Path, ...], output: str) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    opened = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    blocks = [photos[at : at + 16] for at in range(0, len(photos), 16)]
    found = [opened.run([output], {INPUT: np.stack([prepared(one) for one in block])})[0] for block in blocks]
    return np.concatenate(found)


def write_list(photos: tuple[Path, ...], path: Path) -> Path:
    """A manifest (path, label) of these photos."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label"])
        rows.writerows([str(one.resolve()), CLASSES[label(one)]] for one in photos)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--data")
    parser.add_argument("--train", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    started = time.perf_counter()
    made = export(data_folder(given.data), given.output, train=given.train, seed=given.seed)
    for photos, what in ((made.trained, "trained"), (made.others, "others")):
        write_list(photos, given.output.with_suffix(f".{what}.csv"))
    print(
        f"{given.output}: {given.output.stat().st_size / 1e6:.1f} MB, {made.accuracy:.3f} right of the {len(made.others)} photos "
        f"that it has not seen; {machine()}; seed {given.seed}; {time.perf_counter() - started:.0f} s"
    )


if __name__ == "__main__":
    main()
