"""A loss that is no number and a graphics card that is full, at any step: 4 with a hint, and the artifact is what it was.

No card is needed: what its allocator raises is raised here at the k-th batch.
"""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.artifact import store
from driftcli.core.progress import Progress
from driftcli.extractors.base import Runtime
from tests.journey import FAST

CONV = [
    word
    for each in ("architecture=conv", "epochs=3", "widths=[4]", "side=16")
    for word in ("--set", f"extractors.autoencoder.{each}")
]


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def at_step(monkeypatch):
    """`at_step(k, harm)`: in the k-th step of training `harm` is done to the loss."""
    from driftcli.extractors import _training

    def arrange(number, harm):
        steps = [0]
        sound = dict(_training._OBJECTIVES)

        def harmed(name):
            def objective(logits, target):
                steps[0] += 1
                loss = sound[name](logits, target)
                return harm(loss) if steps[0] == number else loss

            return objective

        monkeypatch.setattr(_training, "_OBJECTIVES", {name: harmed(name) for name in sound})
        return steps

    return arrange


def full(_loss):
    import torch

    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize("step", [1, 2, 4])
@pytest.mark.parametrize(
    ("harm", "said", "hint"),
    [
        (lambda loss: loss * np.nan, "diverged in epoch", "learning_rate"),
        (lambda loss: loss * np.inf, "diverged in epoch", "learning_rate"),
        (full, "out of memory on the graphics card", "--device cpu"),
    ],
    ids=["NaN", "infinite", "full"],
)
def test_the_artifact_is_what_it_was(drift, world, copied, at_step, step, harm, said, hint):
    before = snapshot(copied)
    steps = at_step(step, harm)
    ran = drift("fit", world.train, "-o", copied, "--force", *FAST, "--method", "autoencoder", *CONV)
    assert steps[0] >= step
    assert (ran.code, ran.out) == (4, "")
    first, second = ran.err.splitlines()[-2:]
    assert (first[:7], said in first, second[:6], hint in second) == ("error: ", True, "hint: ", True)
    assert snapshot(copied) == before
    assert all(file.ok for file in store.read(copied).verify())


class Failing:
    """A network on a card that is full at its k-th call, and at each one after until the batch is small enough."""

    sha256 = b""
    classes = False

    def __init__(self, at: int, room: int) -> None:
        self.device, self.batch, self.at, self.room, self.calls = "cuda", 8, at, room, 0

    def __call__(self, pixels: np.ndarray) -> list[np.ndarray]:
        import torch

        self.calls += 1
        if self.device != "cpu" and self.calls >= self.at and len(pixels) > self.room:
            raise torch.OutOfMemoryError
        return [pixels.reshape(len(pixels), -1)[:, :2].astype(np.float32)]

    def to_cpu(self) -> None:
        self.device, self.batch = "cpu", 4


@pytest.mark.parametrize("at", [1, 2, 3, 5])
@pytest.mark.parametrize("room", [0, 1, 4])
def test_features_do_not_depend_on_when_a_card_was_full(at, room):
    """Every image is measured once, in its place; what was measured before is measured again."""
    from driftcli.extractors.networks import network

    said: list[str] = []

    class Listening(Progress):
        def warn(self, message: str) -> None:
            said.append(message)

    images = np.random.default_rng(0).integers(0, 256, (37, 4, 4, 3), np.uint8)
    failing = Failing(at, room)
    (found,) = network.run(failing, images, Runtime(device="cuda", progress=Listening()))
    assert np.array_equal(found, images.reshape(37, -1)[:, :2])
    assert said
    assert all("out of memory on cuda" in each for each in said)
    assert (failing.device == "cpu") == (room == 0)
