"""[onnxruntime] A graph that `fit` wrote into a State, at work: one session a process, whole images side by side."""

from __future__ import annotations

import hashlib
import importlib
import math
import os
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from driftcli.core.errors import ArtifactError, UsageError, about_memory, address_space
from driftcli.core.schema import Array
from driftcli.core.text import safe_name
from driftcli.core.threads import cores
from driftcli.extractors.networks import onnx_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from driftcli.core.features import State

MODEL, SHA256 = "onnx", "onnx_sha256"
"""Keys of a State: the serialised model, uint8 [bytes], and its digest, by which a process knows it again."""
ARRAYS = (
    Array(MODEL, "uint8", ("bytes of onnx",), group=MODEL),
    Array(SHA256, "uint8", (32,), group=MODEL),
)
MOST_THREADS = 16
MOST_NUMBERS = 1 << 26
"""Of one input or output."""
MOST_MEMORY = 4 << 30
"""Bytes that all sessions of a process may hold at work; 16 images of 512 px side by side need a fifth of it."""
KEPT = 4
"""Sessions of one process: two of an artifact's extractors, and those of another artifact."""
# fmt: off
OPERATIONS = frozenset((
    "Abs", "Add", "AveragePool", "Cast", "Clip", "Concat", "Conv", "ConvTranspose", "Div", "Flatten",
    "Gather", "Gemm", "GlobalAveragePool", "Log", "MatMul", "MaxPool", "Mul", "Neg", "Pad",
    "ReduceMean", "Relu", "Reshape", "Resize", "Sigmoid", "Slice", "Softmax", "Split", "Sub",
    "Transpose",
))
# fmt: on
"""All that our graphs are made of. No loops, no branches, nothing of another domain: an artifact holds no programs."""


class Session:
    """A model with one input, uint8 [batch, ...] of fixed shape, and named float32 outputs [batch, ...]."""

    def __init__(self, content: bytes) -> None:
        self._session = _session(content)
        given, made = self._session.get_inputs(), self._session.get_outputs()
        fits = len(given) == 1 and given[0].type == "tensor(uint8)" and _fixed(given[0].shape, 4)
        batch = given[0].shape[0] if fits else 0
        if not fits or not all(
            each.type == "tensor(float)" and _fixed(each.shape) and each.shape[0] == batch for each in made
        ):
            raise _unusable("takes or gives something else than fit writes")
        self._input = given[0].name
        self._shape = tuple(given[0].shape)
        self.outputs = {each.name: tuple(each.shape[1:]) for each in made}
        self._step = self._shape[0] if self._shape[0] == 1 or self._places_agree() else 1

    def run(self, images: NDArray[np.uint8], names: Sequence[str]) -> list[NDArray[np.float32]]:
        """The named outputs of all images, each [n, ...]; the same bits in any company and with any number of cores.

        Raises ArtifactError for images of another shape or an output that the model does not have.
        """
        if images.shape[1:] != self._shape[1:] or not set(names) <= set(self.outputs):
            raise ArtifactError(
                f"the artifact's network takes images of {self._shape[1:]} and gives {', '.join(self.outputs)}, "
                f"not {images.shape[1:]} and {', '.join(names)}",
                "check with the artifact's own settings, or run `driftcli fit` again",
            )
        if not len(images):
            return [np.zeros((0, *self.outputs[name]), np.float32) for name in names]
        step, batch = self._step, self._shape[0]
        blocks = (_full(images[start : start + step], batch) for start in range(0, len(images), step))
        asked = list(dict.fromkeys(names))
        parts = self._side_by_side(asked, blocks)
        by_name = {
            name: np.concatenate([found[:step] for found in part])[: len(images)]
            for name, part in zip(asked, zip(*parts, strict=True), strict=True)
        }
        return [by_name[name] for name in names]

    def _places_agree(self) -> bool:
        """Whether images give the same bits at every place of a micro-batch; if not, each is run at the first one.

        Graphs are written so that they do (`_autoencoder_graph.together`); this looks whether this machine's kernels
        keep to it.
        """
        drawn = np.random.default_rng(0)
        for noise in (drawn.integers(0, 256, self._shape, np.uint8) for _ in range(2)):
            here, moved = (self._run(list(self.outputs), each) for each in (noise, np.roll(noise, 1, axis=0)))
            back = (np.roll(each, -1, axis=0) for each in moved)
            if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(here, back, strict=True)):
                return False
        return True

    def _run(self, names: Sequence[str], block: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """The named outputs of one micro-batch. Raises ArtifactError where the graph fails, or gives what it does not say."""
        try:
            found: list[NDArray[np.float32]] = self._session.run(names, {self._input: block})
        except Exception as error:  # onnxruntime's errors share no base class of their own
            raise _unusable(f"fails at work: {shown(error)}") from error
        if any(x.shape != (len(block), *self.outputs[name]) for name, x in zip(names, found, strict=True)):
            raise _unusable("gives numbers of other shapes than it says")
        return found

    def _side_by_side(
        self, names: list[str], blocks: Iterable[NDArray[np.uint8]]
    ) -> list[list[NDArray[np.float32]]]:
        """Each micro-batch on one thread: no thread waits for another inside a layer, and sums keep their order."""
        pool = ThreadPoolExecutor(threads())
        try:
            return list(pool.map(lambda block: self._run(names, block), blocks))
        finally:
            pool.shutdown(cancel_futures=True)


def _fixed(shape: Sequence[object], axes: int | None = None) -> bool:
    """Whether a shape is made of numbers alone, of so many, and of no more than an image or its features may need."""
    sizes = [size for size in shape if isinstance(size, int) and size > 0]
    return len(sizes) == len(shape) > 0 and axes in {None, len(sizes)} and math.prod(sizes) <= MOST_NUMBERS


def _unusable(what: str) -> ArtifactError:
    return ArtifactError(f"the artifact's network {what}", "restore the artifact from a copy, or fit again")


def shown(error: Exception) -> str:
    """A library's words on one line."""
    return safe_name(" ".join(str(error).split()))[:300]


def threads() -> int:
    """How many images are measured side by side: one a usable core, at most 16; fewer if OMP_NUM_THREADS says so."""
    usable = cores()
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(usable, MOST_THREADS, int(asked) if asked.isdecimal() and int(asked) else usable))


def _full(block: NDArray[np.uint8], batch: int) -> NDArray[np.uint8]:
    """A micro-batch, filled up with black where it is not full: another shape could mean other rounding."""
    if len(block) < batch:
        block = np.concatenate([block, np.zeros((batch - len(block), *block.shape[1:]), np.uint8)])
    return np.ascontiguousarray(block)


def packed(content: bytes) -> dict[str, NDArray[Any]]:
    """A model as parts of a State."""
    digest = hashlib.sha256(content).digest()
    return {MODEL: np.frombuffer(content, np.uint8), SHA256: np.frombuffer(digest, np.uint8)}


_kept: OrderedDict[tuple[object, ...], Session] = OrderedDict()
_loading = threading.Lock()


def load(state: State, also: Sequence[str] = ()) -> Session:
    """The session of a State's model, made once in a process.

    `also`: names of its inner tensors that are outputs too. Raises ArtifactError where the model is not what its
    digest says, or nothing that onnxruntime can run.
    """
    digest = bytes(state[SHA256])
    key = (digest, *also)
    with _loading:
        if key not in _kept:
            content = state[MODEL].tobytes()
            if hashlib.sha256(content).digest() != digest:
                raise ArtifactError("the artifact's network is damaged", "restore the artifact or fit again")
            _kept[key] = Session(_with_outputs(content, also) if also else content)
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        return _kept[key]


def _with_outputs(content: bytes, names: Sequence[str]) -> bytes:
    """The model with more outputs."""
    import onnx

    model = onnx.load_model_from_string(content)
    model.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names
    )
    written: bytes = model.SerializeToString()
    return written


def _session(content: bytes) -> Any:
    try:
        foreign = onnx_file.operations(content) - OPERATIONS
    except UsageError as error:
        raise _unusable(f"cannot be read: {error.what}") from error
    if foreign:
        raise _unusable(
            f"has operations that fit never writes: {safe_name(', '.join(sorted(foreign)))[:200]}"
        )
    runtime = library()
    bound_memory()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        return runtime.InferenceSession(
            content,
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # it would try the same again, and print to standard output that it does
        )
    except Exception as error:  # onnxruntime's errors share no base class of their own
        if address_space() is not None and about_memory(
            error
        ):  # without a limit it is the graph that asks for too much
            raise MemoryError from error
        raise _unusable(f"cannot be loaded by onnxruntime: {shown(error)}") from error


@cache
def bound_memory() -> None:
    """One allocator for all such sessions of this process, and a bound for it: a graph of a few nodes may ask for anything."""
    runtime = library()
    info = runtime.OrtMemoryInfo(
        "Cpu", runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, runtime.OrtMemType.DEFAULT
    )
    bounds = {"max_mem": MOST_MEMORY, "arena_extend_strategy": -1}
    bounds |= {"initial_chunk_size_bytes": -1, "max_dead_bytes_per_chunk": -1}
    runtime.create_and_register_allocator(info, runtime.OrtArenaCfg(bounds))


def library() -> Any:
    """The onnxruntime package, which since 1.29 reports to its maker unless told not to. Raises UsageError where it is not installed."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        if about_memory(error):
            raise MemoryError from error
        raise UsageError(
            "networks run by onnxruntime, which is not here", "pip install onnxruntime"
        ) from error
