"""The user's own model: one ONNX file, nothing outside of it, and no program unless trusted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from driftcli.core.errors import UsageError
from driftcli.extractors.base import Runtime
from driftcli.extractors.embedding import Embedding
from driftcli.extractors.networks import onnx_file
from tests.extractors._pictures import picture

if TYPE_CHECKING:
    from pathlib import Path

SAID: dict[str, Any] = {
    "resize": 40,
    "side": 32,
    "crop": "center",
    "interpolation": "bilinear",
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.25, 0.5),
    "scale": 255.0,
    "order": "bgr",
}
NONE = np.zeros((0, 32, 32, 3), np.uint8)


def field(number: int, value: int | str | bytes) -> bytes:
    """One protobuf field: enough of an encoder to write ONNX without the onnx package."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def tensor_info(name: str, *shape: int | str) -> bytes:
    dims = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def model(*extra: bytes, batch: int | str = "n", metadata: str | None = None) -> bytes:
    """Input `pixels` -> Relu -> `maps` [n, 3, 32, 32], and -> GlobalAveragePool -> `means`."""
    relu = field(1, "pixels") + field(2, "maps") + field(4, "Relu")
    pool = field(1, "maps") + field(2, "means") + field(4, "GlobalAveragePool")
    graph = field(1, relu) + field(1, pool) + field(2, "g") + b"".join(extra)
    graph += field(11, tensor_info("pixels", batch, 3, 32, 32))
    graph += field(12, tensor_info("maps", batch, 3, 32, 32)) + field(
        12, tensor_info("means", batch, 3, 1, 1)
    )
    props = field(14, field(1, "driftcli") + field(2, metadata)) if metadata else b""
    return field(1, 8) + field(8, field(2, 13)) + field(7, graph) + props


def write(folder: Path, content: bytes, name: str = "model.onnx") -> Runtime:
    (folder / name).write_bytes(content)
    return Runtime(weights=str(folder / name))


def outside(where: int) -> bytes:
    tensor = field(1, 1) + field(2, 1) + field(8, "w")
    return tensor + (
        field(13, field(1, "location") + field(2, "/etc/passwd")) if where == 13 else field(14, 1)
    )


EXTRAS = {
    "initializer": field(5, outside(13)),
    "location alone": field(5, outside(14)),
    "sparse": field(15, field(1, outside(13))),
    "constant": field(1, field(4, "Constant") + field(5, field(5, outside(14)))),
    "subgraph": field(1, field(4, "If") + field(5, field(6, field(5, outside(13))))),
}


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
def test_outside_data_is_refused_wherever_it_hides(extra: bytes, tmp_path: Path) -> None:
    """A path in a model may name any file on the machine."""
    runtime = write(tmp_path, model(extra))
    with pytest.raises(UsageError, match="keeps tensors in other files"):
        Embedding(network="file", **SAID).fit(NONE, 0, runtime)


def test_outside_data_in_functions_is_refused() -> None:
    function = field(25, field(7, field(5, field(5, outside(13)))))
    with pytest.raises(UsageError, match="keeps tensors in other files"):
        onnx_file.metadata(model() + function)


def test_damaged_files_are_usage() -> None:
    """Every truncation and many bit flips: an answer or a UsageError, nothing else."""
    whole = model(EXTRAS["constant"], metadata="{}")
    generator = np.random.default_rng(0)
    for length in range(len(whole)):
        for content in (whole[:length], flipped(whole, length, int(generator.integers(8)))):
            try:
                onnx_file.metadata(content)
            except UsageError:
                continue


def flipped(content: bytes, place: int, bit: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def test_preprocessing_is_never_guessed(tmp_path: Path) -> None:
    runtime = write(tmp_path, model())
    with pytest.raises(UsageError) as caught:
        Embedding(network="file", **{**SAID, "mean": None, "order": None}).complete(runtime)
    assert "extractors.embedding.mean, extractors.embedding.order" in caught.value.what


def test_preprocessing_from_metadata(tmp_path: Path) -> None:
    runtime = write(tmp_path, model(metadata=json.dumps(SAID)))
    whole = Embedding(network="file", side=24).complete(runtime)
    assert (whole.side, whole.std, whole.order, whole.view_names()) == (
        24,
        (0.5, 0.25, 0.5),
        "bgr",
        ("content",),
    )
    broken = write(tmp_path, model(metadata="[1"))
    with pytest.raises(UsageError, match="metadata"):
        Embedding(network="file").complete(broken)


@pytest.mark.parametrize(("output", "batch"), [(None, "n"), ("means", "n"), ("maps", 1), ("means", 3)])
def test_onnx_means(output: str | None, batch: int | str, tmp_path: Path) -> None:
    """Spatial means of the named output, with the preprocessing as said; any batch size of the export."""
    pytest.importorskip("onnxruntime")
    runtime = write(tmp_path, model(batch=batch))
    settings = Embedding(network="file", content_layer=output, **SAID).complete(runtime)
    state = settings.fit(NONE, 0, runtime)
    images = np.stack([settings.prepare(picture(seed)) for seed in range(7)])
    views = settings.extract(state, images, runtime)
    scaled = (images[..., ::-1] / 255 - np.array(SAID["mean"])) / np.array(SAID["std"])
    assert list(views) == ["content"]
    assert settings.blocks("content", state) == (3,)
    assert np.allclose(views["content"], np.maximum(scaled, 0).mean((1, 2)), rtol=1e-3)


def test_onnx_usage_errors(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    runtime = write(tmp_path, model())
    for change, words in (
        ({"content_layer": "nowhere"}, "no output 'nowhere'"),
        ({"side": 24}, "the model wants"),
        ({"style_layers": ("maps",)}, "`content` only"),
    ):
        with pytest.raises(UsageError, match=words):
            Embedding(network="file", **{**SAID, **change}).fit(NONE, 0, runtime)


def test_a_state_dict_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="parameters, not a model"):
        Embedding(network="file", **SAID).fit(NONE, 0, write(tmp_path, b"", "model.pth"))
    with pytest.raises(UsageError, match="needs the model"):
        Embedding(network="file", **SAID).fit(NONE, 0, Runtime())


@pytest.mark.parametrize("kind", ["model.pt", "model.pt2"])
def test_programs_run_only_when_trusted(kind: str, tmp_path: Path) -> None:
    import torch

    path = tmp_path / kind
    module = torch.nn.ReLU()
    if kind == "model.pt":
        torch.jit.script(module).save(path)
    else:
        torch.export.save(torch.export.export(module, (torch.zeros(2, 3, 32, 32),)), path)
    settings = Embedding(network="file", **SAID)
    with pytest.raises(UsageError, match="can run any code"):
        settings.fit(NONE, 0, Runtime(weights=str(path)))
    runtime = Runtime(weights=str(path), trust_weights=True)
    state = settings.fit(NONE, 0, runtime)
    images = np.stack([settings.prepare(picture(seed)) for seed in range(5)])
    scaled = (images[..., ::-1] / 255 - np.array(SAID["mean"])) / np.array(SAID["std"])
    assert np.allclose(
        settings.extract(state, images, runtime)["content"], np.maximum(scaled, 0).mean((1, 2)), rtol=1e-3
    )
