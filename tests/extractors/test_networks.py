"""Networks by name, with staged weights; and what happens when a graphics card is too small."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from driftcli.core.errors import UsageError
from driftcli.core.progress import Progress
from driftcli.extractors.base import Runtime
from driftcli.extractors.embedding import Embedding
from driftcli.extractors.networks.weights import FOLDER
from tests.extractors._pictures import loads_pth, picture

ROOT = Path(__file__).parents[2]
CPU = Runtime()


@pytest.fixture(scope="module")
def prepared() -> np.ndarray:
    return np.stack([Embedding().prepare(picture(seed)) for seed in range(11)])


# ---------------------------------------------------------------- networks by name


@pytest.fixture
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ResNet-18 weights (drawn, not trained) under torchvision's name scheme, in $DRIFTCLI_WEIGHTS_DIR."""
    from torchvision.models import resnet18

    from driftcli.extractors.networks import named

    path = tmp_path / "resnet18.pth"
    torch.manual_seed(0)
    torch.save(resnet18().state_dict(), path)
    prefix = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    staged = path.rename(tmp_path / f"resnet18-{prefix}.pth")
    wanted = replace(named.wanted_weights("torchvision", "resnet18"), file=staged.name, sha256=prefix)
    monkeypatch.setattr(named, "wanted_weights", lambda *_: wanted)
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return staged


@loads_pth
def test_torchdrift_preset(staged: Path, prepared: np.ndarray) -> None:
    """The shipped preset: ResNet-18's 512 pooled features, content only, torchvision's preprocessing."""
    import torch
    import yaml
    from torchvision.models import ResNet18_Weights, resnet18

    from driftcli.config.settings import Settings

    preset = Settings.model_validate(yaml.safe_load((ROOT / "configs/torchdrift-resnet18.yaml").read_text()))
    assert preset.gate.permutations == 999
    settings = preset.extractors.embedding.complete(CPU)
    assert (settings.resize, settings.side, settings.interpolation, settings.scale) == (
        256,
        224,
        "bilinear",
        255,
    )
    assert settings.view_names() == ("content", "concepts")
    state = settings.fit(prepared[:0], 0, CPU)
    images = np.stack([settings.prepare(picture(seed)) for seed in range(3)])
    views = settings.extract(state, images, CPU)
    model = resnet18()
    model.load_state_dict(torch.load(staged, weights_only=True))
    whole, model.fc = model.fc, torch.nn.Identity()
    scaled = torch.stack([ResNet18_Weights.DEFAULT.transforms()(picture(seed).image) for seed in range(3)])
    with torch.inference_mode():
        theirs = model.eval()(scaled).numpy()
    assert list(views) == ["content", "concepts"]
    assert np.abs(views["content"] - theirs).max() < 0.02 * np.abs(theirs).max()
    with torch.inference_mode():
        shares = whole(torch.from_numpy(theirs)).softmax(1).numpy()
    assert views["concepts"][:, 0].tolist() == shares.argmax(axis=1).tolist()
    assert np.abs(views["concepts"][:, 1] - shares.max(axis=1)).max() < 0.01


@loads_pth
def test_style_and_content_of_torchvision_networks(staged: Path, prepared: np.ndarray) -> None:
    settings = Embedding(network="resnet18").complete(CPU)
    state = settings.fit(prepared[:0], 0, CPU)
    assert settings.blocks("style", state) == (64, 128, 256)
    assert settings.extract(state, prepared[:2], CPU)["content"].shape == (2, 512)
    staged.write_bytes(staged.read_bytes() + b"\0")
    with pytest.raises(UsageError, match="damaged or not what its name says"):
        settings.fit(prepared[:0], 0, CPU)


@loads_pth
def test_weights_of_another_network_do_not_fit(staged: Path, prepared: np.ndarray) -> None:
    with pytest.raises(UsageError, match="does not fit the network"):
        Embedding(network="resnet34").fit(prepared[:0], 0, Runtime(weights=str(staged)))


def test_unknown_names_are_usage(prepared: np.ndarray) -> None:
    for settings, words in (
        (Embedding(network="resnet19"), "no network 'resnet19'"),
        (Embedding(network="vgg11"), "which layers"),
    ):
        with pytest.raises(UsageError, match=words):
            settings.complete(CPU)
    with pytest.raises(UsageError, match="no layer 'layer9'"):
        Embedding(network="resnet18", weights="random", content_layer="layer9").fit(prepared[:0], 0, CPU)
    with pytest.raises(UsageError, match="no layer 'stage7'"):
        Embedding(content_layer="stage7").fit(prepared[:0], 0, CPU)
    with pytest.raises(UsageError, match=r"is not known: extractors\.embedding\.resize"):
        Embedding(network="resnet18").prepare(picture())


def test_timm_is_optional(prepared: np.ndarray) -> None:
    settings = Embedding(network="timm/resnet18", weights="random")
    if importlib.util.find_spec("timm") is None:
        with pytest.raises(UsageError) as caught:
            settings.complete(CPU)
        assert caught.value.hint == "pip install driftcli[timm]"
        return
    whole = settings.complete(CPU)
    assert (whole.style_layers, whole.content_layer) == (("act1", "layer1", "layer2", "layer3"), "layer4")
    assert whole.blocks("style", whole.fit(prepared[:0], 0, CPU)) == (64, 64, 128, 256)


# ---------------------------------------------------------------- memory


class Cramped:
    """A network whose card holds two images at a time, or none."""

    sha256 = b""

    def __init__(self, room: int) -> None:
        self.device, self.batch, self.room = "cuda", 8, room
        self.shapes: list[int] = []

    def __call__(self, pixels: np.ndarray) -> list[np.ndarray]:
        import torch

        self.shapes.append(len(pixels))
        if self.device != "cpu" and len(pixels) > self.room:
            raise torch.OutOfMemoryError
        return [pixels.reshape(len(pixels), -1)[:, :2].astype(np.float32)]

    def to_cpu(self) -> None:
        self.device, self.batch = "cpu", 4


@pytest.mark.parametrize(("room", "last", "warnings"), [(2, 2, 2), (0, 4, 4)])
def test_out_of_memory_halves_then_leaves_the_card(
    prepared: np.ndarray, room: int, last: int, warnings: int
) -> None:
    """Everything starts again, so that the rows of one call share one shape."""
    from driftcli.extractors.networks import network as _network

    said: list[str] = []

    class Listening(Progress):
        def warn(self, message: str) -> None:
            said.append(message)

    network = Cramped(room)
    (means,) = _network.run(network, prepared[:5], Runtime(device="cuda", progress=Listening()))
    assert np.array_equal(means, prepared[:5].reshape(5, -1)[:, :2])
    assert (network.shapes[-1], len(said)) == (last, warnings)


def test_a_card_without_room_for_the_weights_leaves_them_on_the_processor(
    prepared: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen on a real card whose memory was taken: the answer is the processor's, and the user is told."""
    from driftcli.extractors.networks import load, named, network

    messages: list[str] = []

    class Listening(Progress):
        def warn(self, message: str) -> None:
            messages.append(message)

    moved = nn.Module.to

    def full(module: nn.Module, *places: object, device: str | None = None, **more: object) -> nn.Module:
        if device == "cuda":
            raise torch.OutOfMemoryError
        return moved(module, *places, **({"device": device} if device else {}), **more)

    monkeypatch.setattr(nn.Module, "to", full)
    monkeypatch.setattr(named, "resolve_device", lambda wanted: wanted)
    small = Embedding(resize=64, side=64, crop="none")
    crowded = load.load(small, 0, Runtime(device="cuda", progress=Listening()))
    pixels = prepared[:3, :64, :64]
    ours = network.run(load.load(small, 0, Runtime()), pixels, Runtime())
    assert crowded.device == "cpu"
    assert messages == ["out of memory on cuda with the network alone: using the processor"]
    assert all(
        np.array_equal(a, b) for a, b in zip(network.run(crowded, pixels, Runtime()), ours, strict=True)
    )
