"""What extractors look at once more: as many images as each wants, chosen by content, by nobody else prepared."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from driftcli.config.settings import Settings
from driftcli.extractors.autoencoder import Autoencoder
from driftcli.extractors.base import EMPTY, Runtime
from driftcli.extractors.properties import Properties
from driftcli.reading.reader import Reader
from driftcli.reference.pixel_errors import PREFIX, of_baseline, usual

SETTINGS = Settings(workers=1)


class Looking(Autoencoder):
    """Keeps what it is given."""

    wanted = 0

    def looks(self, state):  # noqa: ARG002
        return self.wanted

    def usual(self, state, prepared, runtime):  # noqa: ARG002
        return {f"error_{self.side}": prepared}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("noise"), np.random.default_rng(0)
    for i in range(9):
        Image.fromarray(rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)).save(root / f"{i}.png")
    return root


def test_each_sees_the_first_by_content_whatever_the_order_of_the_sources(folder, tmp_path):
    """Nine files named against their hashes: as many as are wanted, those that lie lowest, in that order."""
    reader, features, expected = opened(folder)
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(sorted((str(p) for p in folder.iterdir()), reverse=True)))
    with reader:
        for source in (str(folder), str(listed)):
            found = of_baseline(usual(reader, [source], features, {}))
            assert list(found) == ["error_16"]
            assert np.array_equal(found["error_16"], expected[:4])


def test_what_is_at_hand_is_not_read_again(folder):
    reader, features, expected = opened(folder)
    with reader:
        found = usual(reader, ["nowhere"], features, {"autoencoder": expected})
    assert np.array_equal(found[f"{PREFIX}error_16"], expected[:4])


def opened(folder):
    """A reader, the features of all files, and the autoencoder's prepared images by content hash."""
    looking = type("Four", (Looking,), {"wanted": 4})(side=16, channels=3)
    extractors = {"autoencoder": looking, "properties": Properties()}
    with Reader(SETTINGS, extractors, {"properties": EMPTY}, Runtime(device="cpu")) as reader:
        found = reader.read([str(folder)], 100, "")
    states = {"properties": EMPTY, "autoencoder": EMPTY}
    reader = Reader(SETTINGS, extractors, states, Runtime(device="cpu"))
    return reader, found.features, found.prepared["autoencoder"]
