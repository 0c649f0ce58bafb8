"""The user's own classifier: what its file says, how it is shown an image, what its output means."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto
from PIL import Image

from driftcli.core.errors import UsageError
from driftcli.core.images import FileFacts, Frame
from driftcli.extractors.base import Runtime
from driftcli.extractors.networks import class_names
from driftcli.extractors.networks.classifier import Classifier, interpreted, open_classifier, scaled
from driftcli.extractors.networks.classifier_choice import ClassifierChoice
from driftcli.extractors.networks.square import Square
from tests.small_classifier import WEIGHT, classifier, node

HERE = Runtime()
FACTS = FileFacts(90, 60, 1, "PNG", "RGB", False)


def photo(seed: int = 0, size: tuple[int, int] = (90, 60)) -> Image.Image:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 9, 3), np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


def opened(file, **choice) -> Classifier:
    wanted = {"preset": "0-1", **choice}
    return open_classifier(ClassifierChoice(file=str(file), **wanted), HERE)


def said(asked: Classifier, image: Image.Image) -> np.ndarray:
    """[numbers] of one image, through what a worker does."""
    prepared = asked.how.square.prepare(Frame(image, FACTS))
    return asked.outputs(prepared[None], HERE)[0]


def small(image: Image.Image, side: int = 32) -> np.ndarray:
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR), np.float64)


# ---------------------------------------------------------------- the input


def test_the_presets_are_what_their_names_say(tmp_path):
    """Against pixels scaled by hand; imagenet looks at the middle square alone."""
    file = classifier(tmp_path / "m.onnx")
    image = photo()
    for preset, pixels in (("0-1", small(image) / 255), ("-1-1", small(image) / 127.5 - 1)):
        expected = WEIGHT @ pixels.mean(axis=(0, 1))
        assert said(opened(file, preset=preset), image) == pytest.approx(expected, abs=1e-3)
    short = image.resize((round(90 * 37 / 60 - 0.5), 37), Image.Resampling.BILINEAR)
    left, top = (round((side - 32) / 2) for side in short.size)
    middle = np.asarray(short.crop((left, top, left + 32, top + 32)), np.float64) / 255
    expected = WEIGHT @ ((middle - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).mean(axis=(0, 1))
    asked = opened(file, preset="imagenet")
    assert (asked.how.square.resize, asked.how.square.crop) == (37, "center")
    assert said(asked, image) == pytest.approx(expected, abs=0.15)  # of 12: rounded twice there, once here


def test_keys_go_before_the_preset_and_the_preset_before_the_file(tmp_path):
    own = json.dumps(
        {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5], "order": "bgr", "crop": "center", "resize": 40}
    )
    file = classifier(tmp_path / "m.onnx", metadata={"driftcli": own})
    how = opened(file, preset=None).how
    assert (how.mean, how.order, how.square.crop, how.square.resize) == ((0.1, 0.2, 0.3), "bgr", "center", 40)
    how = opened(file, preset="-1-1", order="rgb").how
    assert (how.mean, how.scale, how.order, how.square.crop) == ((1.0,) * 3, 127.5, "rgb", "none")


@pytest.mark.parametrize(
    ("shape", "weight", "kind"),
    [
        (("n", 3, 32, 32), WEIGHT, TensorProto.FLOAT),
        (("n", 32, 32, 3), WEIGHT, TensorProto.FLOAT),
        (("n", 3, 32, 32), WEIGHT, TensorProto.FLOAT16),
        (("n", 3, 32, 32), WEIGHT, TensorProto.DOUBLE),
        ((1, 3, 32, 32), WEIGHT, TensorProto.FLOAT),
        ((4, 3, 32, 32), WEIGHT, TensorProto.FLOAT),
    ],
    ids=["NCHW", "NHWC", "half", "double", "batch of 1", "batch of 4"],
)
def test_order_type_and_batch_are_the_files(shape, weight, kind, tmp_path):
    count = shape[0] if isinstance(shape[0], int) else "n"
    file = classifier(
        tmp_path / "m.onnx", weight=weight, shape=shape, kind=kind, outputs={"logits": (count, 2)}
    )
    asked = opened(file)
    expected = WEIGHT @ (small(photo()) / 255).mean(axis=(0, 1))
    assert said(asked, photo()) == pytest.approx(expected, abs=2e-2 if kind == TensorProto.FLOAT16 else 1e-3)
    three = np.stack([asked.how.square.prepare(Frame(photo(k), FACTS)) for k in range(3)])
    together = asked.outputs(three, HERE)
    alone = np.concatenate([asked.outputs(one[None], HERE) for one in three])
    assert np.array_equal(together, alone), "no bit depends on the company"


def test_grey_and_whole_numbers(tmp_path):
    grey = classifier(tmp_path / "g.onnx", weight=np.array([[-9.0], [9.0]]), shape=("n", 1, 28, 28))
    asked = opened(grey)
    luma = np.asarray(photo().convert("L").resize((28, 28), Image.Resampling.BILINEAR), np.float64) / 255
    assert said(asked, photo()) == pytest.approx([-9 * luma.mean(), 9 * luma.mean()], abs=1e-3)
    whole = classifier(tmp_path / "w.onnx", weight=WEIGHT / 255, kind=TensorProto.UINT8)
    expected = WEIGHT @ (small(photo()) / 255).mean(axis=(0, 1))
    assert said(opened(whole, preset=None), photo()) == pytest.approx(expected, abs=1e-3)


def test_open_sizes_need_a_side(tmp_path):
    file = classifier(tmp_path / "m.onnx", shape=("n", 3, "h", "w"))
    with pytest.raises(UsageError, match="any size") as caught:
        opened(file)
    assert "model.side=224" in caught.value.hint
    assert opened(file, side=48).how.square.side == 48
    channels = classifier(tmp_path / "c.onnx", shape=("n", "c", 32, 32))
    with pytest.raises(UsageError, match="cannot be told"):
        opened(channels)
    assert opened(channels, layout="NCHW").how.layout == "NCHW"


def test_a_square_is_the_same_whatever_the_image_is_stored_as():
    stored = photo()
    rgbx = Image.frombytes("RGBX", stored.size, stored.convert("RGBX").tobytes())
    square = Square(24, 32, "center", "bilinear")
    assert np.array_equal(square.prepare(Frame(stored, FACTS)), square.prepare(Frame(rgbx, FACTS)))


# ---------------------------------------------------------------- the output


def test_softmax_and_logits_are_told_apart(tmp_path):
    logits = opened(classifier(tmp_path / "l.onnx"))
    soft = classifier(tmp_path / "s.onnx", node("Softmax", "logits", "p", axis=1), outputs={"p": ("n", 2)})
    assert (logits.how.gives, opened(soft).how.gives) == ("logits", "probabilities")
    rows = np.stack([said(asked, photo(k)) for k in range(4) for asked in (logits,)])
    p, kept = logits.read(rows)
    powers = np.exp(rows.astype(float))
    assert p == pytest.approx(powers / powers.sum(axis=1, keepdims=True))
    assert np.array_equal(kept, rows)
    q, none = opened(soft).read(np.stack([said(opened(soft), photo(k)) for k in range(4)]))
    assert q == pytest.approx(p, abs=1e-6)
    assert none is None


def test_one_number_is_two_classes(tmp_path):
    one = WEIGHT[1:] - WEIGHT[:1]
    logit = opened(classifier(tmp_path / "l.onnx", weight=one))
    sigmoid = classifier(
        tmp_path / "s.onnx", node("Sigmoid", "logits", "p"), weight=one, outputs={"p": ("n", 1)}
    )
    assert (logit.how.gives, logit.count, opened(sigmoid).how.gives) == ("logits", 2, "probabilities")
    both = opened(classifier(tmp_path / "b.onnx"))
    for asked in (logit, opened(sigmoid)):
        p, _ = asked.read(said(asked, photo())[None])
        assert p == pytest.approx(both.read(said(both, photo())[None])[0], abs=1e-5)


def test_interpreted_keeps_what_is_no_number_apart():
    rows = np.array([[1.0, 2.0], [np.nan, 0.0], [np.inf, 0.0]], np.float32)
    p, logits = interpreted(rows, "logits")
    assert np.isnan(p).any(axis=1).tolist() == [False, True, True]
    assert p[0].sum() == pytest.approx(1)
    assert logits is not None
    with pytest.raises(ValueError, match="1"):
        interpreted(np.array([[0.5, 0.5], [0.9, 0.9]], np.float32), "probabilities")


def test_one_of_several_outputs(tmp_path):
    soft = node("Softmax", "logits", "p", axis=1)
    both = classifier(tmp_path / "m.onnx", soft, outputs={"p": ("n", 2), "logits": ("n", 2)})
    assert opened(both, output="logits").how.gives == "logits"
    assert opened(both, output="p").how.gives == "probabilities"
    with pytest.raises(UsageError, match="no output q"):
        opened(both, output="q")
    maps = classifier(tmp_path / "f.onnx", outputs={"pooled": ("n", 3, 1, 1), "pixels": ("n", 3, 32, 32)})
    assert opened(maps, gives="logits").how.output == "pooled", "numbers with sides of 1 are numbers"


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("names", "{0: 'cat', 1: 'dog'}"),
        ("names", '{"0": "cat", "1": "dog"}'),
        ("classes", '["cat", "dog"]'),
        ("labels", '{"cat": 0, "dog": 1}'),
        ("class_names", "('cat', 'dog')"),
    ],
)
def test_names_as_exporters_write_them(key, text):
    assert class_names.of({key: text}, 2) == ("cat", "dog")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cat, dog",
        "{0: 'cat'}",
        "['cat', 'cat']",
        "['cat', ['dog']]",
        "{0: 'cat', 2: 'dog'}",
        "[" * 5000,
        "7",
        "__import__('os')",
    ],
)
def test_what_names_no_two_classes_names_none(text):
    assert class_names.of({"names": text}, 2) is None


def test_the_first_list_that_fits():
    many = json.dumps([str(k) for k in range(1000)])
    assert class_names.of({"names": many, "labels": '["a", "b"]'}, 2) == ("a", "b")


# ---------------------------------------------------------------- programs, and other machines


def test_programs_run_only_when_trusted(tmp_path):
    torch = pytest.importorskip("torch")

    class Mean(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor(WEIGHT.T.copy()))

        def forward(self, images):
            return images.mean((2, 3)) @ self.weight

    file = tmp_path / "m.pt"
    torch.jit.script(Mean()).save(str(file))
    choice = ClassifierChoice(file=str(file), preset="0-1", side=32)
    with pytest.raises(UsageError, match="is a program"):
        open_classifier(choice, HERE)
    asked = open_classifier(choice, replace(HERE, trust_weights=True))
    expected = WEIGHT @ (small(photo()) / 255).mean(axis=(0, 1))
    assert said(asked, photo()) == pytest.approx(expected, abs=1e-3)
    assert asked.engine.startswith("torch ")


def test_scaled_is_plain_arithmetic(tmp_path):
    how = replace(
        opened(classifier(tmp_path / "m.onnx")).how, order="bgr", mean=(0.5, 0.25, 0.0), std=(0.5, 2.0, 1.0)
    )
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    expected = (pixels[..., ::-1] / 255 - [0.5, 0.25, 0.0]) / [0.5, 2.0, 1.0]
    assert scaled(pixels, how) == pytest.approx(expected.transpose(0, 3, 1, 2), abs=1e-6)


def test_a_large_photograph_is_scaled_for_extractors_and_not_for_the_classifier():
    """Extractors that need few pixels decide how far a JPEG is scaled down; the classifier sees enough pixels all the same."""
    from driftcli.core.images import Corrupted, Decoded, Entry
    from driftcli.extractors.autoencoder import Autoencoder
    from driftcli.sources.decoding.pool import DecodePool, Extras
    from driftcli.sources.decoding.settings import Decode

    image, stream = photo(size=(1200, 800)), io.BytesIO()
    image.save(stream, "JPEG", quality=95)
    entries = [
        Entry("a.jpg", data=stream.getvalue()),
        Entry("b.jpg", data=stream.getvalue(), corruption=Corrupted("darken", 3), only=("classifier",)),
    ]
    extractors = {"autoencoder": Autoencoder()}
    square = Square(200, 256, "center", "bilinear")
    with DecodePool(Decode(), extractors, 1, Extras(square=square)) as pool:
        clean, dark = (item for item in pool.map(entries) if isinstance(item, Decoded))
    with DecodePool(Decode(), extractors, 1) as pool:
        (alone,) = (item for item in pool.map(entries[:1]) if isinstance(item, Decoded))
    assert np.array_equal(clean.arrays["autoencoder"], alone.arrays["autoencoder"])
    assert (clean.pixels, clean.near) == (alone.pixels, alone.near)
    whole = square.prepare(Frame(Image.open(io.BytesIO(stream.getvalue())).convert("RGB"), FACTS))
    assert np.abs(clean.arrays["classifier"].astype(int) - whole).mean() < 1
    assert list(dark.arrays) == ["classifier"]
    assert dark.arrays["classifier"].mean() < 0.8 * clean.arrays["classifier"].mean()
