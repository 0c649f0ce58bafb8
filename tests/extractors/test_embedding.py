"""The embedding: golden numbers, the same bits in any company, and the right weights or none."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from driftcli.core.errors import ArtifactError, UsageError
from driftcli.core.images import FileFacts
from driftcli.core.progress import Progress
from driftcli.extractors.base import Runtime
from driftcli.extractors.embedding import Embedding, rounded
from driftcli.extractors.networks.weights import LITE0, find
from tests.extractors._pictures import loads_pth, picture

if TYPE_CHECKING:
    from driftcli.core.features import State

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).with_name("lite0_golden.json")
CPU = Runtime()


@pytest.fixture(scope="module")
def prepared() -> np.ndarray:
    return np.stack([Embedding().prepare(picture(seed)) for seed in range(11)])


@pytest.fixture(scope="module")
def state() -> State:
    return Embedding().fit(np.zeros((0, 224, 224, 3), np.uint8), 0, CPU)


@pytest.fixture(scope="module")
def views(prepared: np.ndarray, state: State) -> Any:
    return Embedding().extract(state, prepared, CPU)


# ---------------------------------------------------------------- numbers


def test_golden_vector() -> None:
    """352 numbers pin network, weights, preprocessing and layers: a wrong mean costs accuracy silently."""
    from driftcli.extractors.networks import load
    from driftcli.extractors.networks import network as _network

    settings = Embedding().complete(CPU)
    network = load.load(settings, 0, CPU)
    means = _network.run(network, settings.prepare(picture())[None], CPU)
    assert [mean.shape[1] for mean in means] == [16, 24, 40, 80, 192]
    assert np.abs(np.concatenate(means, 1)[0] - np.array(json.loads(GOLDEN.read_text()))).max() < 1e-3


def test_equal_to_timm(prepared: np.ndarray) -> None:
    """Our trunk is timm's tf_efficientnet_lite0, up to the rounding of folded batch norms."""
    timm = pytest.importorskip("timm")
    import torch

    from driftcli.extractors.networks import load
    from driftcli.extractors.networks import network as _network

    published = torch.load(find(LITE0, CPU).path, weights_only=True)
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    model.load_state_dict(dict(zip(model.state_dict(), published.values(), strict=True)))
    images = (torch.from_numpy(prepared[:4]).permute(0, 3, 1, 2) - 127.5) / 127.5
    theirs = []
    with torch.inference_mode():
        maps = model.bn1(model.conv_stem(images))
        for stage in model.blocks[:6]:
            maps = stage(maps)
            theirs.append(maps.mean((2, 3)).numpy())
    settings = replace(Embedding(), style_layers=tuple(f"stage{i}" for i in range(1, 6))).complete(CPU)
    ours = _network.run(load.load(settings, 0, CPU), prepared[:4], CPU)
    for mine, other in zip(ours, theirs, strict=True):
        assert np.abs(mine - other).max() < 1e-4


def test_blocks_and_shapes(views: Any, state: State) -> None:
    settings = Embedding()
    assert {view: (numbers.shape, numbers.dtype) for view, numbers in views.items()} == {
        "style": ((11, 160), np.float32),
        "content": ((11, 192), np.float32),
        "concepts": ((11, 24), np.float32),
    }
    assert settings.blocks("style", state) == (16, 24, 40, 80)
    assert settings.blocks("content", state) == (192,)
    assert settings.view_names() == ("style", "content", "concepts")


def test_company_does_not_matter(prepared: np.ndarray, state: State, views: Any) -> None:
    """An image has the same bits alone, elsewhere in the batch, or beside others."""
    settings = Embedding()
    order = np.random.default_rng(0).permutation(11)
    shuffled = settings.extract(state, prepared[order], CPU)
    alone = settings.extract(state, prepared[6:7], CPU)
    beside = settings.extract(state, np.concatenate([255 - prepared[:2], prepared[6:7], prepared[:3]]), CPU)
    for view, numbers in views.items():
        assert np.array_equal(shuffled[view], numbers[order])
        assert np.array_equal(alone[view][0], numbers[6])
        assert np.array_equal(beside[view][2], numbers[6])


def test_number_of_threads_does_not_matter(prepared: np.ndarray, state: State, views: Any) -> None:
    """Convolutions sum in another order for each thread count; every micro-batch runs on one thread."""
    import torch

    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            again = Embedding().extract(state, prepared, CPU)
            assert torch.get_num_threads() == threads
            assert all(np.array_equal(again[view], numbers) for view, numbers in views.items())
    finally:
        torch.set_num_threads(before)


def test_no_image_gives_no_rows(state: State) -> None:
    views = Embedding().extract(state, np.zeros((0, 224, 224, 3), np.uint8), CPU)
    assert {view: numbers.shape for view, numbers in views.items()} == {
        "style": (0, 160),
        "content": (0, 192),
        "concepts": (0, 24),
    }


def test_rounding() -> None:
    """float16's precision; a user's own model keeps float32's range."""
    numbers = np.array([1 / 3, 70_000.0, 1e-9, 0, np.nan, -2.0001], np.float32)
    assert np.array_equal(rounded(numbers[[0, 3, 5]]), np.array([0.33325195, 0, -2], np.float32))
    kept = rounded(numbers, keep_range=True)
    assert np.allclose(kept, numbers, rtol=2**-11, atol=0, equal_nan=True)
    assert kept[0] == np.float32(0.33325195)
    assert kept[2] > 0


# ---------------------------------------------------------------- preparation


@pytest.mark.parametrize("size", [(320, 288), (301, 997), (31, 40), (1, 5000), (5000, 1)])
def test_preparation_is_the_center_of_the_resized_image(size: tuple[int, int]) -> None:
    frame = picture(1, *size)
    found = Embedding().prepare(frame)
    assert (found.shape, found.dtype) == ((224, 224, 3), np.uint8)
    if min(size) > 1:
        from PIL import Image

        width, height = (int(256 * side / min(size)) for side in size)
        whole = frame.image.resize((width, height), Image.Resampling.BICUBIC)
        left, top = round((width - 224) / 2), round((height - 224) / 2)
        slow = np.asarray(whole.crop((left, top, left + 224, top + 224))).astype(int)
        assert np.abs(slow - found).max() <= 2


def test_preparing_needs_no_torch() -> None:
    """`prepare` runs in decode workers."""
    code = (
        "import sys; from tests.extractors._pictures import picture; "
        "from driftcli.extractors.embedding import Embedding; "
        "Embedding().prepare(picture()); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_settings_are_yaml_keys() -> None:
    read = TypeAdapter(Embedding).validate_python
    assert read({"network": "resnet18", "style_layers": [], "mean": [0, 0, 0]}).style_layers == ()
    for wrong in ({"networt": "x"}, {"side": 1}, {"std": [0, 1, 1]}, {"network": "../x"}):
        with pytest.raises(ValidationError):
            read(wrong)


def test_a_crop_larger_than_the_image_is_refused() -> None:
    with pytest.raises(UsageError, match="larger than resize"):
        Embedding(side=300).prepare(picture())


# ---------------------------------------------------------------- weights


@loads_pth
def test_other_weights_than_the_artifacts_are_refused(
    prepared: np.ndarray, state: State, tmp_path: Path
) -> None:
    import torch

    published = torch.load(find(LITE0, CPU).path, weights_only=True)
    published["_bn0.bias"] += 1
    other = tmp_path / "tuned.pth"
    torch.save(published, other)
    warnings: list[str] = []

    class Listening(Progress):
        def warn(self, message: str) -> None:
            warnings.append(message)

    runtime = Runtime(weights=str(other), progress=Listening())
    with pytest.raises(ArtifactError, match="not the file the artifact was made with"):
        Embedding().extract(state, prepared[:1], runtime)
    tuned = Embedding().fit(prepared[:0], 0, runtime)
    assert "not the published file" in warnings[0]
    assert bytes(tuned["weights_sha256"]) == hashlib.sha256(other.read_bytes()).digest()


def test_another_network_than_the_artifacts_is_refused(prepared: np.ndarray, state: State) -> None:
    with pytest.raises(ArtifactError, match="network is efficientnet_lite0"):
        Embedding(network="resnet18").extract(state, prepared[:1], CPU)


@loads_pth
@pytest.mark.parametrize("content", [b"", b"no weights", b"\x80\x04cos\nsystem\n(S'true'\ntR."])
def test_files_that_are_no_state_dict_are_refused(content: bytes, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pth"
    wrong.write_bytes(content)
    with pytest.raises(UsageError, match="no plain state dict"):
        Embedding().fit(np.zeros((0, 224, 224, 3), np.uint8), 0, Runtime(weights=str(wrong)))


def test_random_weights_are_seeded(prepared: np.ndarray) -> None:
    settings = Embedding(network="mobilenet_v3_small", weights="random").complete(CPU)
    states = [settings.fit(prepared[:0], seed, CPU) for seed in (1, 1, 2)]
    hashes = [bytes(state["weights_sha256"]) for state in states]
    assert hashes[0] == hashes[1] != hashes[2]
    first, again = (settings.extract(states[0], prepared[:3], CPU) for _ in range(2))
    assert np.array_equal(first["content"], again["content"])
    assert settings.blocks("style", states[0]) == (16, 24, 48)
    with pytest.raises(ArtifactError):
        settings.extract({**states[0], "seed": np.array([5])}, prepared[:1], CPU)


def test_small_images_are_shown_whole_and_small():
    """Digits need no 224 px; photographs, other networks and what somebody set stay as they are."""
    small = [FileFacts(28, 28, 300, "PNG", "L", grey=True)] * 3
    large = [FileFacts(500, 375, 300, "JPEG", "RGB", grey=False)] * 3
    known = Embedding().complete(Runtime())
    shown = known.resolve(small).preparation()
    assert (shown.resize, shown.side, shown.crop) == (64, 64, "none")
    assert known.resolve(large) == known
    assert known.resolve([]) == known
    assert Embedding(small="off").complete(Runtime()).resolve(small).preparation().side == 224
    assert Embedding(side=128, resize=128).complete(Runtime()).resolve(small).preparation().side == 128
