"""What a network says is in an image: the classes of its own classifier, and when their names mean something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from driftcli.core import strict_json
from driftcli.core.features import Vocabulary
from driftcli.core.schema import Array, ContentError
from driftcli.core.strict_json import Limits, NotStrictError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.core.features import State


NAMES, KINDS, KIND_OF = "concepts_names", "concepts_kinds", "concepts_kind_of"
SURE, AGREE = "concepts_sure", "concepts_agree"
CLASSES_KEPT, KINDS_KEPT = 8, 4
"""Of each image, the largest shares; what is left of a mean share is small and scattered."""
LOOKED_AT = 96
"""Held-out images by which it is found whether the words mean something."""
ZOOM = 7 / 6
LEAST = 0.4
"""Mean certainty times agreement from which on words are said: between what the network knows (.55 and more) and
what it does not (.29 and less), of 16 sets of images; tests/benchmarks/concepts.py."""

LIMITS, MOST_BYTES = Limits(levels=4, digits=20), 4 << 20
"""Of the JSON that names classes."""
ARRAYS = (
    Array(NAMES, "uint8", ("bytes of names",), group="concepts"),
    Array(KINDS, "uint8", ("bytes of kinds",), group="concepts"),
    Array(KIND_OF, "int16", ("classes",), least=-1, group="concepts"),
)
"""Of what `learn` returns."""
USUAL_ARRAYS = (
    Array(SURE, "float32", (1,), least=0.0, most=1.0, group="concepts"),
    Array(AGREE, "float32", (1,), least=0.0, most=1.0, group="concepts"),
)
"""Of what `certainty` returns."""


def learn(count: int) -> State:
    """Names of the classes of a network that was trained on ImageNet-1k, and of their kinds; {} for another count.

    Names as torchvision publishes them with its weights.
    """
    from driftcli.extractors.networks import imagenet_kinds, published

    names = list(published.published("efficientnet_b0").meta["categories"])
    if count != len(names):
        return {}
    kinds = [[kind.plural, kind.singular] for kind in imagenet_kinds.KINDS]
    return {NAMES: _packed(names), KINDS: _packed(kinds), KIND_OF: imagenet_kinds.kind_of()}


def agree(state: State) -> None:
    """Raise ContentError unless every class has a name, and every kind that classes belong to has one."""
    names, kinds, kind_of = _texts(state, NAMES), _texts(state, KINDS), state[KIND_OF]
    pairs = all(isinstance(kind, list) and len(kind) == 2 for kind in kinds)  # noqa: PLR2004 - plural, singular
    said = [*names, *(word for kind in kinds for word in kind)] if pairs else [None]
    if not all(isinstance(word, str) for word in said):
        raise ContentError("has names of classes that are no words")
    highest = int(kind_of.max(initial=-1))
    if len(names) != len(kind_of) or len(names) < CLASSES_KEPT or not KINDS_KEPT - 1 <= highest < len(kinds):
        raise ContentError(f"names {len(names)} classes and {len(kinds)} kinds for {len(kind_of)}")


def _texts(state: State, key: str) -> list[Any]:
    try:
        value = strict_json.parse_bytes(state[key].tobytes(), LIMITS, most=MOST_BYTES)
    except NotStrictError as error:
        raise ContentError(f"has no JSON in {key!a}") from error
    if not isinstance(value, list):
        raise ContentError(f"has no list in {key!a}")
    return value


def rows(shares: NDArray[np.float32], state: State) -> NDArray[np.float32]:
    """float32 [n, 24] of the classifier's softmax [n, classes]: pairs (number, share), largest share first.

    Eight classes, then four kinds, whose numbers follow those of the classes. Equal shares: the lower number first.
    """
    of_kinds = _gathered(shares, state)
    return np.concatenate(
        [_largest(shares, CLASSES_KEPT, 0), _largest(of_kinds, KINDS_KEPT, shares.shape[1])], axis=1
    )


def _gathered(shares: NDArray[np.float32], state: State) -> NDArray[np.float32]:
    """[n, kinds]: of all classes of each kind."""
    kind_of = state[KIND_OF].astype(np.int64)
    return np.stack(
        [shares[:, kind_of == kind].sum(axis=1) for kind in range(int(kind_of.max()) + 1)], axis=1
    )


def _largest(shares: NDArray[np.float32], kept: int, first: int) -> NDArray[np.float32]:
    """[n, 2 kept]: place + `first` and value of each row's largest."""
    order = np.argsort(-shares, axis=1, kind="stable")[:, :kept]
    pairs = np.stack([order + first, np.take_along_axis(shares, order, axis=1)], axis=2)
    return pairs.reshape(len(shares), 2 * order.shape[1]).astype(np.float32)


def looked_at_again(prepared: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same images mirrored and a little nearer: uint8 [n, side, side, 3]."""
    side = prepared.shape[1]
    edge = (side - side / ZOOM) / 2
    box = (edge, edge, side - edge, side - edge)
    again = [
        Image.fromarray(image[:, ::-1]).resize((side, side), Image.Resampling.BICUBIC, box=box)
        for image in prepared
    ]
    return np.stack([np.asarray(image, np.uint8) for image in again]) if again else prepared


def certainty(shares: NDArray[np.float32], again: NDArray[np.float32], state: State) -> State:
    """Mean largest share, and in how many images both looks say the same first: kinds, and classes that have none.

    Kinds, because a network that wavers between two breeds is sure that it sees a dog.
    """
    alone = state[KIND_OF] < 0
    first, second = (
        np.concatenate([_gathered(look, state), look[:, alone]], axis=1) for look in (shares, again)
    )
    agree = (first.argmax(axis=1) == second.argmax(axis=1)).mean(dtype=np.float64)
    return {
        SURE: np.array([first.max(axis=1).mean(dtype=np.float64)], np.float32),
        AGREE: np.array([agree], np.float32),
    }


def why_silent(usual: State) -> str | None:
    """Why the network's words mean nothing on images like those; None where they do."""
    if SURE not in usual:
        return "the baseline was made without looking whether its words mean something: run driftcli baseline again"
    if float(usual[SURE][0]) * float(usual[AGREE][0]) >= LEAST:
        return None
    return f"the network has no words for these images: {_basis(usual)}"


def _basis(usual: State) -> str:
    sure, agree = float(usual[SURE][0]), float(usual[AGREE][0])
    return (
        f"it is {sure:.0%} sure of what good images show, and says the same of a mirrored crop in {agree:.0%}"
    )


def vocabulary(network: str, state: State, usual: State) -> Vocabulary:
    """The names that `learn` kept."""
    names, kinds = json.loads(state[NAMES].tobytes()), json.loads(state[KINDS].tobytes())
    kind_of = state[KIND_OF].astype(np.int64)
    return Vocabulary(
        network,
        (*names, *(plural for plural, _ in kinds)),
        (*names, *(singular for _, singular in kinds)),
        np.where(kind_of < 0, -1, kind_of + len(names)),
        _basis(usual),
    )


def _packed(value: object) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)
