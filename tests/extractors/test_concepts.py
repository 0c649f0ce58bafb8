"""The classifier's head: golden shares, names, kinds, and where its words mean something."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.extractors.base import Runtime, Silence
from driftcli.extractors.embedding import Embedding
from driftcli.extractors.networks import concepts, imagenet_kinds, load, network
from driftcli.extractors.networks.weights import LITE0, find
from tests.extractors._pictures import picture

CPU = Runtime()
GOLDEN = {
    906: 0.09719,
    417: 0.086,
    807: 0.03556,
    616: 0.03392,
    782: 0.03355,
    727: 0.02786,
    854: 0.02743,
    701: 0.02648,
    418: 0.01835,
    446: 0.01432,
}
"""The ten largest shares of the generated picture, by class; equal to timm's `tf_efficientnet_lite0`."""


@pytest.fixture(scope="module")
def prepared():
    return np.stack([Embedding().prepare(picture(seed)) for seed in range(5)])


@pytest.fixture(scope="module")
def state():
    return Embedding().fit(np.zeros((0, 224, 224, 3), np.uint8), 0, CPU)


@pytest.fixture(scope="module")
def shares(prepared):
    return network.run(load.load(Embedding().complete(CPU), 0, CPU, classifier=True), prepared, CPU)[-1]


def test_golden_shares(shares):
    """Stage 7, head, pooling and classifier: a wrong batch norm or a forgotten ReLU6 changes them all."""
    assert shares.shape == (5, 1000)
    assert np.abs(shares.sum(axis=1) - 1).max() < 1e-4
    assert {
        int(k): pytest.approx(float(shares[0, k]), abs=1e-3) for k in np.argsort(-shares[0])[:10]
    } == GOLDEN


def test_equal_to_timm(prepared, shares):
    timm = pytest.importorskip("timm")
    import torch

    model = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    published = torch.load(find(LITE0, CPU).path, weights_only=True)
    model.load_state_dict(dict(zip(model.state_dict(), published.values(), strict=True)))
    with torch.inference_mode():
        images = (torch.from_numpy(prepared).permute(0, 3, 1, 2) - 127.5) / 127.5
        theirs = model(images).softmax(1).numpy()
    assert np.abs(shares - theirs).max() < 1e-4


def test_the_head_changes_no_other_view(prepared, state):
    """Not by a bit: artifacts of before are still compared with."""
    without = Embedding(words="off")
    old = without.extract(without.fit(np.zeros(0), 0, CPU), prepared, CPU)
    new = Embedding().extract(state, prepared, CPU)
    assert set(new) - set(old) == {"concepts"}
    assert all(np.array_equal(new[view], numbers) for view, numbers in old.items())


def test_rows_are_the_largest_classes_and_kinds(shares, state):
    rows = concepts.rows(shares, state)
    kind_of = imagenet_kinds.kind_of()
    for row, share in zip(rows, shares, strict=True):
        assert row[0:16:2].tolist() == sorted(range(1000), key=lambda k: (-share[k], k))[:8]
        assert row[1:16:2] == pytest.approx(np.sort(share)[::-1][:8])
        for number, of_kind in zip(row[16::2].astype(int) - 1000, row[17::2], strict=True):
            assert of_kind == pytest.approx(share[kind_of == number].sum(), abs=1e-6)


def test_names_and_kinds(state):
    words = concepts.vocabulary("n", state, {concepts.SURE: np.ones(1), concepts.AGREE: np.ones(1)})
    assert len(words.words) == len(words.singular) == 1000 + len(imagenet_kinds.KINDS)
    assert (words.words[0], words.words[207], words.words[310]) == ("tench", "golden retriever", "ant")
    kinds = {
        word: words.words[kind] for word, kind in zip(words.words, words.kind_of, strict=False) if kind >= 0
    }
    expected = {
        "beagle": "dogs", "tabby": "cats", "tiger": "big cats", "bee": "insects", "robin": "birds", "flamingo": "birds",
        "great white shark": "fish", "airliner": "aircraft", "speedboat": "ships and boats", "minivan": "cars",
        "school bus": "trucks and buses", "seashore": "landscapes", "banana": "fruit", "comic book": "printed matter",
    }  # fmt: skip
    assert {word: kinds.get(word) for word in expected} == expected
    assert "umbrella" not in kinds


def test_no_class_has_two_kinds():
    listed: list[int] = []
    for kind in imagenet_kinds.KINDS:
        for part in kind.classes.split():
            first, _, last = part.partition("-")
            listed += range(int(first), int(last or first) + 1)
    assert len(set(listed)) == len(listed)
    assert set(listed) == set(np.flatnonzero(imagenet_kinds.kind_of() >= 0).tolist())


def test_certainty_is_that_of_kinds(state):
    """Two breeds at a half each are one dog, and both looks agree on it."""
    first, second = np.zeros((2, 4, 1000), np.float32)
    first[:, [162, 207]] = 0.45, 0.55
    second[:, [162, 207]] = 0.55, 0.45
    first[3, :] = 0
    first[3, [879, 162]] = 0.6, 0.4
    found = concepts.certainty(first, second, state)
    assert float(found[concepts.SURE][0]) == pytest.approx((1 + 1 + 1 + 0.6) / 4)
    assert float(found[concepts.AGREE][0]) == pytest.approx(3 / 4)


@pytest.mark.parametrize(
    ("sure", "agree", "speaks"), [(0.7, 0.9, True), (0.38, 0.77, False), (0.9, 0.3, False)]
)
def test_words_are_said_where_the_network_is_sure_twice(state, sure, agree, speaks):
    usual = {concepts.SURE: np.array([sure], "f"), concepts.AGREE: np.array([agree], "f")}
    found = Embedding().vocabulary(state, usual)
    assert isinstance(found, Silence) is not speaks
    if not speaks:
        assert found.reason.startswith("the network has no words for these images")


def test_what_usual_measures(prepared, state):
    """Of generated pictures, on which no network is at home."""
    found = Embedding().usual(state, prepared, CPU)
    assert set(found) == {concepts.SURE, concepts.AGREE}
    assert all(0 <= float(x[0]) <= 1 for x in found.values())
    assert Embedding().usual({}, prepared, CPU) == {}


def test_looked_at_again_is_mirrored_and_nearer():
    image = np.zeros((1, 224, 224, 3), np.uint8)
    image[0, 100:124, 30:40] = 255
    again = concepts.looked_at_again(image)[0, 112, :, 0]
    lit = np.flatnonzero(again > 128)
    centre = 112 + (112 - 35) * concepts.ZOOM
    assert again.shape == (224,)
    assert abs(lit.mean() + 0.5 - centre) < 1
    assert abs(len(lit) - 10 * concepts.ZOOM) <= 2


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (Embedding(words="off"), "keeps no words"),
        (Embedding(weights="random"), "have no names"),
        (Embedding(network="timm/resnet18"), "have no names"),
        (Embedding(resize=64, side=64, crop="none"), "at 64 px"),
        (Embedding(network="resnet18", side=96), "at 96 px"),
    ],
)
def test_silent_for_a_reason(settings, reason):
    assert "concepts" not in settings.view_names()
    found = settings.vocabulary({}, {})
    assert isinstance(found, Silence)
    assert reason in found.reason


def test_a_state_of_before_has_no_words(state, prepared):
    """Artifacts of 0.1.0: their settings know no `words`, their states no names."""
    old = {key: value for key, value in state.items() if not key.startswith("concepts")}
    assert Embedding().fitted(state).view_names() == ("style", "content", "concepts")
    fitted = Embedding().fitted(old)
    assert fitted.view_names() == ("style", "content")
    assert set(fitted.extract(old, prepared, CPU)) == {"style", "content"}
    small = replace(Embedding(), resize=64, side=64, crop="none")
    assert small.fitted(old) is small
