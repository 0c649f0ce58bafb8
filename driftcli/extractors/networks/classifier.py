"""The user's own classifier: opened without trust, asked about images one by one, its output read as probabilities."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from driftcli.core.errors import ArtifactError, UsageError
from driftcli.core.text import safe_name
from driftcli.core.typed_json import Malformed, Within, build
from driftcli.extractors.networks import class_names, network
from driftcli.extractors.networks.classifier_choice import ClassifierChoice, Gives, Preset
from driftcli.extractors.networks.classifier_file import Asked, Model, open_model, read
from driftcli.extractors.networks.square import Square

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from driftcli.extractors.base import Runtime

    Floats = NDArray[np.float64]

SLACK = 5e-3
"""Probabilities may miss a sum of 1 by as much, as those of half precision do; they are divided by their sum."""
SAME = 1e-3
"""Largest difference of a probability between two machines, or two companies, that are taken for the same."""
MOST_CLASSES = 100_000
MEANS: Mapping[str, Gives] = {
    **dict.fromkeys(("Sigmoid", "HardSigmoid", "Softmax"), "probabilities"),
    **dict.fromkeys(
        ("Gemm", "MatMul", "Add", "Sub", "Mul", "Conv", "GlobalAveragePool", "ReduceMean"), "logits"
    ),
}
"""What the last operation of a graph makes of one number."""
RADIUS = 0.3
"""Of a drawn disc, in sides."""
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PRESETS: Mapping[Preset, Mapping[str, Any]] = {
    "imagenet": {"crop": "center", "scale": 255.0, "mean": IMAGENET[0], "std": IMAGENET[1]},
    "0-1": {"crop": "none", "scale": 255.0, "mean": (0.0,) * 3, "std": (1.0,) * 3},
    "-1-1": {"crop": "none", "scale": 127.5, "mean": (1.0,) * 3, "std": (1.0,) * 3},
}
SHORT_SIDE = 256 / 224
"""Of the square: ImageNet's classifiers are shown the middle of a somewhat larger image."""
_TRAINED = "as it was trained (a wrong guess costs accuracy without a word)"
Triple = tuple[float, ...]


@dataclass(frozen=True)
class How:
    """How an image becomes the classifier's input, and what its output means: kept with a baseline."""

    square: Square
    scale: Annotated[float, Within(1e-6, 1e6)]
    mean: Triple
    std: Triple
    order: Literal["rgb", "bgr"]
    layout: Literal["NCHW", "NHWC"]
    output: str
    gives: Gives
    classes: Annotated[int, Within(1, MOST_CLASSES)]
    """Numbers that the output has for each image; one stands for two classes."""


class Classifier:
    """A model, its preprocessing, and the meaning of its output. Every image is measured alone on a processor."""

    def __init__(self, model: Model, how: How, names: tuple[str, ...] | None, path: str) -> None:
        self.how, self.path = how, path
        self.sha256: str = model.sha256
        self.names = names
        """The classes, where the file says them."""
        self._model = model

    @property
    def count(self) -> int:
        """Classes: two where the output is a single number."""
        return max(2, self.how.classes)

    @property
    def engine(self) -> str:
        """What runs it, with its version."""
        return f"{self._model.engine} {version(self._model.engine)}"

    def outputs(self, prepared: NDArray[np.uint8], runtime: Runtime) -> NDArray[np.float32]:
        """[n, numbers] that the model gives for prepared images [n, side, side, channels]. Raises UsageError where it fails."""
        asked = _Network(self._model, self.how)
        (found,) = network.run(asked, prepared, runtime)
        return found

    def read(self, outputs: NDArray[np.float32]) -> tuple[Floats, Floats | None]:
        """[n, K] probabilities and, where the model gives them, logits; rows of NaN where a number is not finite.

        Raises ValueError, naming the row, where what should be probabilities is none.
        """
        return interpreted(outputs, self.how.gives)

    def facts(self) -> dict[str, Any]:
        """What a baseline remembers: the file, its hash, and how it was asked."""
        return {"file": self.path, "sha256": self.sha256, "engine": self.engine, "how": asdict(self.how)}


def interpreted(outputs: NDArray[np.float32], gives: Gives) -> tuple[Floats, Floats | None]:
    """As `Classifier.read`."""
    x = outputs.astype(np.float64)
    x[~np.isfinite(x).all(axis=1)] = np.nan
    if gives == "logits":
        if x.shape[1] == 1:
            x = np.concatenate([np.zeros_like(x), x], axis=1)
        powers = np.exp(x - x.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True), x
    if x.shape[1] == 1:
        x = np.concatenate([1 - x, x], axis=1)
    total = x.sum(axis=1)
    wrong = (np.abs(total - 1) > SLACK) | (x < -SLACK).any(axis=1) | (x > 1 + SLACK).any(axis=1)
    if wrong.any():
        raise ValueError(int(np.flatnonzero(wrong)[0]))
    x = np.clip(x, 0, 1)
    return x / x.sum(axis=1, keepdims=True), None


class _Network:
    """The model as `network.run` wants it: one image a call on a processor, so that no bit depends on its company."""

    classes = False

    def __init__(self, model: Model, how: How) -> None:
        self._model, self._how = model, how
        self.sha256 = bytes.fromhex(model.sha256)
        self.device = model.device
        self.batch = 1 if self.device == "cpu" else (model.batch or network.GPU_BATCH)

    def __call__(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """One matrix [n, numbers]."""
        count = len(pixels)
        full = self._model.batch or count
        if count < full:
            pixels = np.concatenate([pixels, np.zeros((full - count, *pixels.shape[1:]), np.uint8)])
        return [matrix(self._model.run(scaled(pixels, self._how), self._how.output), full)[:count]]

    def to_cpu(self) -> None:
        """Move to the processor for good: the graphics card's memory does not suffice."""
        self._model.to_cpu()
        self.device, self.batch = "cpu", 1


def scaled(pixels: NDArray[np.uint8], how: How) -> NDArray[Any]:
    """[n, side, side, channels] in 0..255 as the model was trained, in its layout; float32."""
    images = pixels[..., ::-1] if how.order == "bgr" else pixels
    channels = pixels.shape[-1]
    mean, std = (np.array(values[:channels], np.float32) for values in (how.mean, how.std))
    found = (images.astype(np.float32) / np.float32(how.scale) - mean) / std
    return np.ascontiguousarray(found.transpose(0, 3, 1, 2) if how.layout == "NCHW" else found)


def matrix(output: Any, images: int) -> NDArray[np.float32]:
    """[n, numbers] of what a model gave for n images; raises ValueError where it is no such thing."""
    found = np.asarray(output)
    if found.dtype.kind != "f" or found.ndim < 1 or found.shape[0] != images:
        raise ValueError("not one row of numbers for every image")
    rest = [length for length in found.shape[1:] if length != 1]
    if len(rest) > 1 or (rest and not 0 < rest[0] <= MOST_CLASSES):
        raise ValueError("not one number for every class")
    return found.reshape(images, -1).astype(np.float32)


# ---------------------------------------------------------------- opening


def open_classifier(
    choice: ClassifierChoice, runtime: Runtime, remembered: Mapping[str, Any] | None = None
) -> Classifier:
    """The classifier that `choice.file` names, tried on a few drawn images.

    `remembered`: what a baseline knows of it (`Classifier.facts`), in place of settings. Raises UsageError for a file that is
    missing, no model, not trusted, or no classifier of images, and where how images become its input is not known; ArtifactError
    for one whose hash is not the one remembered.
    """
    asked, content = read(choice.file or "", runtime)
    if remembered is not None and asked.sha256 != remembered.get("sha256"):
        raise ArtifactError(
            f"the classifier {safe_name(asked.path)} is not the one that the baseline was made with: its SHA-256 begins with "
            f"{asked.sha256[:16]}, that one's with {safe_name(str(remembered.get('sha256')))[:16]}",
            "give the model of before with --model FILE; or make the baseline anew with this one: driftcli baseline ARTIFACT "
            "GOOD_IMAGES --model FILE; --predictions off checks the images without it",
        )
    layout = choice.layout if remembered is None else _remembered(remembered).layout
    model = open_model(asked, content, runtime, layout)
    how = _remembered(remembered) if remembered is not None else _decided(choice, asked, model)
    names = class_names.of(model.metadata, max(2, how.classes))
    return Classifier(model, how, names, asked.path)


def how_of(facts: Mapping[str, Any]) -> How:
    """How the baseline that remembers these facts asked its classifier. Raises ArtifactError where they are none."""
    return _remembered(facts)


def contradiction(choice: ClassifierChoice, keys: Sequence[str], how: How) -> str | None:
    """The first of these settings that asks for another input or output than `how`, in words; None where none does."""
    square = how.square
    known = {
        **{key: getattr(how, key) for key in ("scale", "mean", "std", "order", "layout", "output", "gives")},
        **{key: getattr(square, key) for key in ("side", "resize", "crop", "interpolation")},
    }
    for key in keys:
        value = getattr(choice, key)
        wanted = dict(PRESETS[value]) if key == "preset" and value is not None else {key: value}
        wanted = {name: one for name, one in wanted.items() if name == key or name not in keys}
        if value is not None and any(known[name] != one for name, one in wanted.items()):
            return f"model.{key} = {value}"
    return None


def _remembered(facts: Mapping[str, Any]) -> How:
    try:
        found = _checked(build(How, facts.get("how")))
    except Malformed as error:
        raise ArtifactError(
            f"what the baseline remembers of its classifier is not understood: {error}",
            "make the baseline anew: driftcli baseline ARTIFACT GOOD_IMAGES --model FILE",
        ) from error
    return found


def _checked(how: How) -> How:
    if len(how.mean) != 3 or len(how.std) != 3 or min(how.std) <= 0:  # noqa: PLR2004 - channels
        raise Malformed("expected three numbers as mean, and three above 0 as std")
    return how


def _decided(choice: ClassifierChoice, asked: Asked, model: Model) -> How:
    """How to ask it, from settings, the preset and the file; its output looked at. Raises UsageError."""
    how = _input(choice, asked, model)
    looked = probes(how.square)
    output, first = _output(choice, model, how, looked[:1])
    how = replace(how, output=output, classes=first)
    alone = np.concatenate([_one(model, how, image[None]) for image in looked])
    if not np.isfinite(alone).all():
        raise UsageError(
            f"{asked.name}: its output {safe_name(output)} is not finite on drawn images",
            "look at the export: a number that is no number is no prediction",
        )
    how = replace(how, gives=choice.gives or _gives(alone, asked, output, model.made_by(output)))
    try:
        p = interpreted(alone, how.gives)[0]
    except ValueError as error:
        raise UsageError(
            f"{asked.name}: its output {safe_name(output)} holds no probabilities: they do not sum to 1",
            "--set model.gives=logits, where softmax has to be taken of it",
        ) from error
    _refuse_company(model, how, looked, p, asked)
    return how


def _input(choice: ClassifierChoice, asked: Asked, model: Model) -> How:
    """How an image becomes its input; what is said of the output is found out afterwards."""
    own = model.facts()
    preset = {} if choice.preset is None else dict(PRESETS[choice.preset])
    given = {key: getattr(choice, key) for key in ("crop", "interpolation", "scale", "mean", "std", "order")}
    if model.whole and (preset or any(given[key] is not None for key in ("scale", "mean", "std"))):
        raise UsageError(
            f"the classifier {asked.name} takes whole numbers from 0 to 255: it scales them itself",
            "leave out --model-preset and model.mean, model.std, model.scale; model.crop and model.resize say what it is shown",
        )
    own = {**own, "scale": 1.0, "mean": (0.0,) * 3, "std": (1.0,) * 3} if model.whole else own
    values = {**own, **preset, **{key: value for key, value in given.items() if value is not None}}
    if "mean" not in values or "std" not in values:
        raise UsageError(
            f"how an image becomes the input of the classifier {asked.name} is not known",
            f"--model-preset imagenet, 0-1 or -1-1, {_TRAINED}; or --set model.mean=[...] --set model.std=[...]",
        )
    side = model.side or choice.side or own.get("side")
    if side is None:
        raise UsageError(
            f"the classifier {asked.name} takes images of any size",
            f"say the side of the square that it is shown: --set model.side=224, {_TRAINED}",
        )
    if choice.side is not None and choice.side != side:
        raise UsageError(
            f"model.side is {choice.side}, and the classifier {asked.name} takes squares of {side} px",
            "leave model.side out",
        )
    crop = values.get("crop", "none")
    resize = choice.resize or own.get("resize")
    if resize is None:
        resize = round(side * SHORT_SIDE) if choice.preset == "imagenet" else side
    if crop == "center" and side > resize:
        raise UsageError(
            f"model.resize {resize} is smaller than the square of {side} px that the classifier is shown",
            "crop a square no larger than the resized image",
        )
    channels = model.channels
    mean, std = tuple(map(float, values["mean"])), tuple(map(float, values["std"]))
    if channels == 1 and len({*zip(mean, std, strict=True)}) > 1:
        raise UsageError(
            f"the classifier {asked.name} takes grey images, and mean and deviation are those of three colours",
            "--set model.mean=[.5,.5,.5] --set model.std=[.5,.5,.5]: three times the grey one's",
        )
    square = Square(side, int(resize), crop, values.get("interpolation", "bilinear"), channels)
    scale = float(values.get("scale", 255.0))
    return How(square, scale, mean, std, values.get("order", "rgb"), model.layout, "", "logits", 1)


def probes(square: Square) -> NDArray[np.uint8]:
    """A few drawn images, uint8 [n, side, side, channels]: black, white, a ramp, stripes, a disc, colours, noise."""
    side, channels = square.side, square.channels
    y, x = np.mgrid[0:side, 0:side] / max(side - 1, 1)
    noise = np.random.default_rng(20_261_128).integers(0, 256, (side, side, channels)).astype(float)
    grey = [
        np.zeros_like(x),
        np.ones_like(x),
        x,
        np.sin(20 * x + 9 * y) / 2 + 0.5,
        np.hypot(x - 0.5, y - 0.5) < RADIUS,
    ]
    drawn = [np.repeat(np.asarray(one, float)[..., None] * 255, channels, axis=2) for one in grey]
    colours = [np.broadcast_to(colour, noise.shape) for colour in np.eye(channels) * 255]
    return np.stack([*drawn, *colours, noise]).astype(np.uint8)


def _one(model: Model, how: How, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[1, numbers] of one image [1, ...]."""
    return _Network(model, how)(image)[0] if model.device == "cpu" else _block(model, how, image)[:1]


def _block(model: Model, how: How, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[n, numbers] of images in one call; a fixed batch is filled up with the last of them."""
    full = model.batch or len(images)
    filled = images[np.minimum(np.arange(full), len(images) - 1)]
    return matrix(model.run(scaled(filled, how), how.output), full)


def _output(choice: ClassifierChoice, model: Model, how: How, image: NDArray[np.uint8]) -> tuple[str, int]:
    """The output that holds a number for every class, and how many it holds. Raises UsageError."""
    names = model.outputs
    if choice.output is not None and names and choice.output not in names:
        raise UsageError(
            f"model.output: the classifier has no output {safe_name(choice.output)}",
            f"its outputs are {', '.join(map(safe_name, names))}",
        )
    found: dict[str, int] = {}
    full = model.batch or 1
    for name in [choice.output] if choice.output is not None else names:
        given = model.run(scaled(np.repeat(image, full, axis=0), how), name)
        try:
            found[name] = matrix(given, full).shape[1]
        except ValueError:
            continue
    if len(found) == 1:
        return next(iter(found.items()))
    if found:
        several = ", ".join(f"{safe_name(name)} ({count} numbers an image)" for name, count in found.items())
        raise UsageError(
            f"the classifier has several outputs that may be its classes: {several}",
            f"name the right one: --set model.output={next(iter(found))}",
        )
    what = f"its output {safe_name(choice.output)} holds" if choice.output else "none of its outputs holds"
    raise UsageError(
        f"the model is no classifier of images: {what} one number a class for every image",
        "export a model that gives [n, classes]: logits or probabilities",
    )


def _gives(outputs: NDArray[np.float32], asked: Asked, output: str, made_by: str) -> Gives:
    """What the numbers are: probabilities lie in [0, 1] and, of several classes, sum to 1. Raises UsageError where neither fits.

    A single number may lie there by chance: of it the operation that makes it decides, where it tells.
    """
    if outputs.shape[1] == 1 and made_by in MEANS:
        return MEANS[made_by]
    inside = bool(((outputs >= 0) & (outputs <= 1)).all())
    if not inside:
        return "logits"
    if outputs.shape[1] == 1 or bool((np.abs(outputs.sum(axis=1, dtype=np.float64) - 1) <= SLACK).all()):
        return "probabilities"
    raise UsageError(
        f"{asked.name}: numbers of its output {safe_name(output)} lie between 0 and 1, and do not sum to 1",
        "one yes or no for every class cannot be audited: the classes must exclude each other; where these are logits all the "
        "same: --set model.gives=logits",
    )


def _refuse_company(model: Model, how: How, looked: NDArray[np.uint8], alone: Floats, asked: Asked) -> None:
    """Raise UsageError where what the model says of an image depends on the images beside it."""
    if model.batch == 1:
        return
    try:
        together = _block(model, how, looked[: model.batch or len(looked)])
        p = interpreted(together[: len(looked)], how.gives)[0]
    except (UsageError, ValueError):  # it takes one image at a time, whatever it declares: so it is asked
        return
    away = float(np.abs(p - alone[: len(p)]).max())
    if not away <= SAME:
        raise UsageError(
            f"what the classifier {asked.name} says of an image depends on the images beside it: a probability differs by {away:.2g}",
            "export it as it is used: model.eval() before the export, and no normalisation over the batch",
        )
