"""What every extractor promises, found by the registry; a new one is held to it without an edit here."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
import pytest
from PIL import Image

from driftcli.artifact import store
from driftcli.core import registry
from driftcli.core.features import Features
from driftcli.core.images import Frame
from driftcli.core.schema import check
from driftcli.core.text import label
from driftcli.extractors.base import Extractor, Runtime, Shown, families, kinds, views
from driftcli.reading.reader import extract_views
from driftcli.reference.packed import pack_features, unpack_features
from driftcli.sources.decoding.decode import decode
from driftcli.sources.decoding.settings import Decode

SECTIONS = ("What it sees:", "What it misses:", "Statistic:", "Cost:", "Reference:")
CPU = Runtime(device="cpu")
COUNT = 7
"""Images; no multiple of any micro-batch."""


def picture(number: int) -> bytes:
    """Waves with grain, of several shapes, forms and lamps; the last one is grey."""
    rng = np.random.default_rng([8, number])
    height, width = 70 + 9 * (number % 3), 64 + 13 * (number % 4)
    y, x = np.mgrid[0:height, 0:width] / 64
    waves = np.stack([np.sin(rng.uniform(2, 9) * x + rng.uniform(2, 9) * y) for _ in range(3)], -1)
    pixels = np.clip(110 + 4 * number + 60 * waves + rng.normal(0, 8, waves.shape), 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels).convert("L" if number == COUNT - 1 else "RGB")
    out = io.BytesIO()
    image.save(out, "PNG" if number % 2 else "JPEG")
    return out.getvalue()


@dataclass(frozen=True)
class Fitted:
    """One kind as `fit` leaves it, and what it makes of the pictures."""

    kind: str
    extractor: Extractor
    prepared: np.ndarray
    state: dict
    views: dict

    def again(self, prepared: np.ndarray) -> dict:
        return extract_views(self.extractor, self.state, prepared, CPU)


@pytest.fixture(scope="module", params=list(kinds()))
def fitted(request) -> Fitted:
    decoded = [decode(picture(i), Decode()) for i in range(COUNT)]
    extractor = kinds()[request.param]().complete(CPU).resolve([found.facts for found in decoded])
    prepared = np.stack([extractor.prepare(Frame(found.image, found.facts)) for found in decoded])
    state = extractor.fit(prepared if extractor.learns else prepared[:0], 0, CPU)
    return Fitted(
        request.param, extractor, prepared, dict(state), extract_views(extractor, state, prepared, CPU)
    )


def same_bits(one: dict, two: dict) -> bool:
    return one.keys() == two.keys() and all(one[name].tobytes() == two[name].tobytes() for name in one)


def test_its_documentation_has_every_section(fitted):
    missing = [s for s in SECTIONS if s not in (type(fitted.extractor).__doc__ or "")]
    assert not missing


def test_it_is_settings_and_nothing_else(fitted):
    assert is_dataclass(fitted.extractor)
    with pytest.raises(AttributeError):
        setattr(fitted.extractor, fields(fitted.extractor)[0].name, None)


def test_it_gives_the_views_that_it_declares(fitted):
    """float32 [n, d], for no image at all too."""
    assert set(fitted.views) == set(fitted.extractor.view_names())
    assert set(fitted.views) <= {view.name for view in fitted.extractor.views}
    nothing = fitted.again(fitted.prepared[:0])
    for name, numbers in fitted.views.items():
        assert (numbers.dtype, numbers.ndim, len(numbers)) == (np.float32, 2, COUNT)
        assert nothing[name].shape == (0, numbers.shape[1])


def test_columns_match_widths(fitted):
    for name, numbers in fitted.views.items():
        columns = fitted.extractor.columns(name)
        assert len(columns) in {0, numbers.shape[1]}, name
        assert len({column.name for column in columns}) == len(columns)
        if views()[name].named:
            assert columns, f"{name} is declared to be named measurements"
            unsaid = [c.name for c in columns if c.kind == "linear" and not (c.more and c.less)]
            assert not unsaid, "words for rise and fall"
            assert all(label(c.name) for c in columns)
        blocks = fitted.extractor.blocks(name, fitted.state)
        assert not blocks or sum(blocks) == numbers.shape[1]


def test_what_is_declared_finite_is(fitted):
    for name, numbers in fitted.views.items():
        if views()[name].finite:
            assert np.isfinite(numbers).all(), name


def test_what_is_declared_rounded_holds_in_half_precision(fitted):
    """Nothing overflows, and the artifact keeps every bit; what is not rounded is kept as it is."""
    for name, numbers in fitted.views.items():
        if views()[name].rounded:
            assert np.array_equal(numbers.astype(np.float16).astype(np.float32), numbers)
    digests = np.array([b"%064d" % i for i in range(COUNT)], "S64")
    hashes = np.arange(COUNT, dtype=np.uint64)
    names = tuple(map(str, range(COUNT)))
    kept = unpack_features(pack_features(Features(names, digests, hashes, hashes, fitted.views)))
    assert same_bits(dict(kept.views), fitted.views)


def test_all_that_it_learns_is_declared(fitted):
    """What it does not declare is not handed on when an artifact is read."""
    widths = {name: numbers.shape[1] for name, numbers in fitted.views.items()}
    sizes = {f"columns of {name}": width for name, width in widths.items()}
    declared = fitted.extractor.arrays(fitted.state)
    assert set(check(fitted.state, declared, sizes)) == set(fitted.state)
    fitted.extractor.agree(fitted.state, widths)
    if fitted.extractor.overrides("usual"):
        usual = fitted.extractor.usual(fitted.state, fitted.prepared, CPU)
        assert set(check(usual, fitted.extractor.usual_arrays(), sizes)) == set(usual)


def test_its_state_survives_the_artifact(fitted, tmp_path):
    with store.writing(tmp_path / "ref", create=True) as draft:
        draft.put(fitted.kind, fitted.state)
        draft.document.update({"settings": {}})
    kept = store.read(tmp_path / "ref").state(fitted.kind)
    assert set(kept) == set(fitted.state)
    assert same_bits(extract_views(fitted.extractor, kept, fitted.prepared, CPU), fitted.views)


def test_company_and_order_do_not_change_a_bit(fitted):
    backwards = fitted.again(np.ascontiguousarray(fitted.prepared[::-1]))
    assert same_bits({name: x[::-1].copy() for name, x in backwards.items()}, fitted.views)
    parts = [fitted.again(fitted.prepared[start:end]) for start, end in ((0, 1), (1, 3), (3, COUNT))]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in fitted.views}
    assert same_bits(joined, fitted.views)


def test_scoring_twice_agrees_and_mutates_nothing(fitted):
    before = {key: np.array(value) for key, value in fitted.state.items()}
    given = fitted.prepared.copy()
    assert same_bits(fitted.again(fitted.prepared), fitted.views)
    assert given.tobytes() == fitted.prepared.tobytes()
    assert all(before[key].tobytes() == np.asarray(fitted.state[key]).tobytes() for key in before)


def test_fitting_twice_agrees(fitted):
    prepared = fitted.prepared if fitted.extractor.learns else fitted.prepared[:0]
    again = fitted.extractor.fit(prepared, 0, CPU)
    assert same_bits(extract_views(fitted.extractor, again, fitted.prepared, CPU), fitted.views)


def test_it_looks_inside_the_image(fitted):
    for width, height in ((640, 480), (30, 900), (7, 5)):
        left, top, right, bottom = fitted.extractor.seen(width, height)
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height


def test_what_it_draws(fitted):
    """Reconstructions within [0, 1]; maps for all images, finite; keys of `usual` that are its own."""
    extractor, state, prepared = fitted.extractor, fitted.state, fitted.prepared
    rebuilt = extractor.reconstruct(state, prepared, CPU)
    assert rebuilt is None or (rebuilt.shape == prepared.shape and 0 <= rebuilt.min() <= rebuilt.max() <= 1)
    usual = extractor.usual(state, prepared, CPU)
    names = tuple(view.name for view in extractor.views)
    assert all(key.startswith(names) for key in usual)
    for name in names:
        for learnt in (usual, {}):
            maps = extractor.heat(name, Shown(state, prepared, CPU, rebuilt, learnt))
            if maps is not None:
                assert (maps.values.ndim, len(maps.values)) == (3, COUNT)
                assert np.isfinite(maps.values).all()
                assert maps.unit


def test_what_help_reads_without_importing_is_what_the_class_says(fitted):
    written, kind = registry.literals("extractors", fitted.kind), kinds()[fitted.kind]
    for name in ("place", "by_default", "alias", "good_for"):
        assert written.get(name, getattr(Extractor, name)) == getattr(kind, name), (
            f"write {name} as a literal"
        )


def test_every_view_has_its_own_family_a_detector_and_one_meaning():
    assert len(families()) == len(views()) == sum(len(kind.views) for kind in kinds().values())
    for view in views().values():
        assert view.detector in registry.kinds("detectors"), view
        assert not (view.clustered and view.portrait is None), "clusters are learnt in a portrait"
    ranks = [view.portrait for view in views().values() if view.portrait is not None]
    assert len(set(ranks)) == len(ranks), "two views are equally good portraits"


def test_other_names_are_nobody_elses():
    aliases = [kind.alias for kind in kinds().values() if kind.alias]
    assert len(set(aliases)) == len(aliases)
    assert not set(aliases) & set(kinds())


def test_the_contracts_table():
    """Extractor, view, detector, family, default; the order of gate and reports."""
    declared = [(k, v.name, v.detector, f, v.gate) for f, (k, v) in families().items()]
    assert [row for row in declared if row[0] in {"embedding", "autoencoder", "properties", "patches"}] == [
        ("embedding", "style", "mmd", "style", "on"),
        ("embedding", "content", "mmd", "content", "on"),
        ("embedding", "concepts", "shares", "concepts", "advisory"),
        ("autoencoder", "error", "reconstruction", "reconstruction", "on"),
        ("autoencoder", "latent", "mmd", "latent", "advisory"),
        ("properties", "properties", "univariate", "properties", "on"),
        ("patches", "local", "outliers", "local", "on"),
        ("properties", "file", "univariate", "file", "advisory"),
    ]


def test_preparing_needs_no_torch():
    """Workers import the kinds and must stay light (law 2)."""
    code = (
        "import sys; from driftcli.extractors.base import kinds; from PIL import Image; "
        "from driftcli.core.images import FileFacts, Frame; "
        "facts = FileFacts(width=80, height=60, bytes=1, format='PNG', mode='RGB', grey=True); "
        "[kind().prepare(Frame(Image.new('RGB', (80, 60)), facts)) for kind in kinds().values()]; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
