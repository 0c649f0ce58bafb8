"""Which sentence a check is told in: decided by the families that have a say, whatever the others found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.audit import headline
from driftcli.audit.headline import Found
from driftcli.audit.spots import PLACES, name_of
from driftcli.core.findings import (
    CompositionResult,
    ConceptsResult,
    CorruptionMatch,
    Diagnosis,
    ShareResult,
    WordResult,
)
from driftcli.core.report import FamilyResult, StatisticResult
from driftcli.extractors.base import families as declared
from driftcli.extractors.base import kinds
from driftcli.stats.minp import Verdict

TELLS = {name: view.tells for name, (_, view) in declared().items()} | {"composition": "mix"}
BLUR = CorruptionMatch("gaussian_blur", 2.1, 0.93, "blur")
SCRATCH = CorruptionMatch("scratch", 2.1, 0.93, "occlusion")


def family(
    name: str, p: float = 0.001, *, gate: str = "on", significant: bool = True, shares=(0.3, 0.05)
) -> FamilyResult:
    tail = StatisticResult(f"{name}_internal.tail", shares[0], shares[1], None, 0.001, 0.001, None, 0.3)
    return FamilyResult(name, gate, p, p, significant, 0.4, 0.2, (tail,))  # type: ignore[arg-type]


def found(*names: str, outcome: str = "drift", images: int = 60, **more) -> Found:
    """Families that have a say and differ, the leading one first."""
    families = tuple(family(name, 0.001 * (1 + names.index(name))) for name in sorted(names))
    verdict = Verdict(outcome, 0.001, 0.4, 0.2, names[0], families)  # type: ignore[arg-type]
    parts = {"diagnosis": (), "composition": None, "concepts": None, "spots": (), **more}
    return Found(verdict, TELLS, images=images, **parts)


def shift(word: str, sd: float) -> Diagnosis:
    return Diagnosis(f"Images are {word}", kind="shift", family="properties", word=word, shift_sd=sd)


def like(*matches: CorruptionMatch) -> Diagnosis:
    return Diagnosis("Like …", kind="like", corruptions=matches)


def words(*more: tuple[str, float, float], fewer=(), speaks: bool = True) -> ConceptsResult:
    both = [
        tuple(WordResult(word, batch, good, 0.0, 0.0, 0.001) for word, good, batch in side)
        for side in (more, fewer)
    ]
    return ConceptsResult("a network", speaks, None if speaks else "too unsure", *both)


BEES = words(("bee", 0.01, 0.64), fewer=[("ant", 0.63, 0.01)])
MIX = (ShareResult("cat", 0.9, 0.5), ShareResult("dog", 0.1, 0.5))


def composition(reading: str, by: str = "column:label", *, ignored: bool = False) -> CompositionResult:
    return CompositionResult(by, 0.001, 0.4, 0.2, 0.4, reading, ignored, MIX)  # type: ignore[arg-type]


LOOK = (shift("blurrier", -1.9), shift("yellower", 1.1), shift("darker", -0.2))
CASES = {
    "the same": (found("style", outcome="pass"), "These 60 images look like the baseline"),
    "a look": (
        found("style", "properties", diagnosis=(like(BLUR), *LOOK)),
        "These 60 images are blurrier and yellower than the baseline: like Gaussian blur severity 2",
    ),
    "a look without a likeness": (
        found("properties", "content", diagnosis=LOOK),
        "These 60 images are blurrier and yellower than the baseline",
    ),
    "a likeness without words": (
        found("style", diagnosis=(like(BLUR),)),
        "These 60 images differ from the baseline in texture, light or colours: like Gaussian blur severity 2",
    ),
    "a look that nobody can name": (
        found("style"),
        "These 60 images differ from the baseline in texture, light or colours, in no way that has a name",
    ),
    "subjects": (
        found("content", "properties", diagnosis=LOOK, concepts=BEES),
        "These 60 images show other things: more bee (1 % → 64 %); fewer ant (63 % → 1 %)",
    ),
    "subjects although their properties moved farther": (
        found("properties", "content", diagnosis=LOOK, concepts=BEES),
        "These 60 images show other things: more bee (1 % → 64 %); fewer ant (63 % → 1 %)",
    ),
    "a corruption that explains everything goes before the network's words": (
        found("content", "properties", diagnosis=(like(BLUR), *LOOK), concepts=BEES),
        "These 60 images are blurrier and yellower than the baseline: like Gaussian blur severity 2",
    ),
    "a few more of something, as JPEG makes the network see them": (
        found("style", "content", diagnosis=LOOK, concepts=words(("Labrador retriever", 0.01, 0.08))),
        "These 60 images are blurrier and yellower than the baseline",
    ),
    "a few more of something, and nothing that can be measured": (
        found("content", concepts=words(("Labrador retriever", 0.01, 0.08))),
        "These 60 images show other things: more Labrador retriever (1 % → 8 %)",
    ),
    "something is gone": (
        found("style", "content", diagnosis=LOOK, concepts=words(fewer=[("dogs", 0.45, 0.0), ("cats", 0.27, 0.0)])),
        "These 60 images show other things: fewer dogs (45 % → 0 %), cats (27 % → 0 %)",
    ),
    "fewer of something alone, as pixels as large as eyes make the network see them": (
        found("content", "properties", diagnosis=LOOK, concepts=words(fewer=[("cats", 0.5, 0.2)])),
        "These 60 images are blurrier and yellower than the baseline",
    ),
    "texture that nobody can name, and a few more of something": (
        found("style", "content", concepts=words(("Labrador retriever", 0.01, 0.08))),
        "These 60 images differ from the baseline in texture, light or colours, in no way that has a name",
    ),
    "subjects without words": (
        found("content", "properties", diagnosis=LOOK, concepts=words(("bee", 0.0, 0.6), speaks=False)),
        (
            "These 60 images show other things than the baseline (the network has no words for them), "
            "and are blurrier and yellower"
        ),
    ),
    "words that have no say": (
        found("properties", diagnosis=LOOK, concepts=BEES),
        "These 60 images are blurrier and yellower than the baseline",
    ),
    "a mix by labels": (
        found("composition", "content", composition=composition("composition")),
        "These 60 images show the same things in other shares: cat 50 % → 90 %, dog 50 % → 10 %",
    ),
    "a mix that has no say": (
        found("properties", diagnosis=LOOK, composition=composition("composition", ignored=True)),
        "These 60 images are blurrier and yellower than the baseline",
    ),
    "labels before the network's words": (
        found("composition", "content", composition=composition("both"), concepts=BEES),
        "These 60 images show other things: more cat (50 % → 90 %); fewer dog (50 % → 10 %)",
    ),
    "clusters are no words": (
        found("content", composition=composition("both", "clusters"), concepts=BEES),
        "These 60 images show other things: more bee (1 % → 64 %); fewer ant (63 % → 1 %)",
    ),
    "a mark": (
        found("local", "properties", diagnosis=LOOK, spots=["lower left"] * 12 + ["at the top"] * 12),
        "About 16 of these 60 images carry a small mark that good ones do not have, mostly lower left",
    ),
    "a mark like a scratch": (
        found("local", diagnosis=(like(SCRATCH),), spots=["lower left", "at the top"] * 12),
        "About 16 of these 60 images carry a small mark that good ones do not have",
    ),
    "blur that makes places strange": (
        found("local", "properties", diagnosis=(like(BLUR), *LOOK)),
        "These 60 images are blurrier and yellower than the baseline: like Gaussian blur severity 2",
    ),
    "a minority that others see first, and that carries marks": (
        found("properties", "local", diagnosis=LOOK, removed=18),
        "About 16 of these 60 images carry a small mark that good ones do not have",
    ),
    "marks on a minority, and all the others changed too": (
        found("properties", "local", diagnosis=LOOK, removed=None),
        "These 60 images are blurrier and yellower than the baseline",
    ),
    "marks on most images that others see first": (
        found("properties", "local", diagnosis=LOOK, removed=40),
        "These 60 images are blurrier and yellower than the baseline",
    ),
    "a mark that others see first": (
        found("reconstruction", "local"),
        "About 16 of these 60 images carry a small mark that good ones do not have",
    ),
    "nothing that has a name": (
        found("reconstruction"),
        "These 60 images are unlike the good images, in no way that has a name",
    ),
    "what nobody can name, with what is known of it": (
        found("reconstruction", "content", "properties", diagnosis=LOOK),
        "These 60 images are unlike the good images: blurrier and yellower",
    ),
    "one image": (found("content", images=1, concepts=BEES), "This image shows other things: more bee (1 % → 64 %); fewer ant (63 % → 1 %)"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_sentence(name):
    what, sentence = CASES[name]
    assert what.headline().statement == sentence


def test_every_kind_of_sentence_is_told():
    assert {what.headline().kind for what, _ in CASES.values()} == {
        "same", "look", "subjects", "mix", "local", "unlike",
    }  # fmt: skip


def _internal() -> set[str]:
    """Names of all values that are measured."""
    found = {"tail", "mmd", "stands out", "strangest", "log "}
    for extractor in kinds().values():
        settings = extractor()
        names = [column.name for view in extractor.views for column in settings.columns(view.name)]
        found |= {name for name in names if "_" in name}
    return found


NAMES = [name for name in TELLS if name != "composition"]
BATCHES = {
    "diagnosis": st.sampled_from([(), LOOK, (like(BLUR),), (like(SCRATCH), *LOOK)]),
    "composition": st.sampled_from([None, *(composition(r, b) for r in ("none", "composition", "both") for b in ("clusters", "k"))]),
    "concepts": st.sampled_from([None, BEES, words(), words(("bee", 0.0, 0.5), speaks=False)]),
    "spots": st.lists(st.sampled_from([name for row in PLACES for name in row]), max_size=24),
    "images": st.integers(1, 5000),
    "removed": st.none() | st.integers(1, 5000),
}  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.permutations(NAMES),
    st.sets(st.sampled_from(NAMES), min_size=1),
    st.sets(st.sampled_from(NAMES)),
    st.fixed_dictionaries(BATCHES),
    st.sampled_from(["drift", "warn", "pass"]),
)
def test_no_headline_has_an_internal_name_or_comes_from_an_advisory_family(
    order, on, significant, parts, outcome
):
    """Whatever advisory families find changes nothing; the family named has a say and differs."""
    families = tuple(
        family(
            name,
            0.001 * (1 + order.index(name)),
            gate="on" if name in on else "advisory",
            significant=name in significant,
        )
        for name in NAMES
    )
    verdict = Verdict(outcome, 0.001, 0.4, 0.2, None, families)
    told = Found(verdict, TELLS, **parts).headline()
    assert not any(name in told.statement for name in _internal())
    quiet = tuple(replace(f, significant=f.significant and f.gate == "on") for f in families)
    assert Found(replace(verdict, families=quiet), TELLS, **parts).headline() == told
    if told.kind == "same":
        assert outcome == "pass" or not on & significant
    else:
        assert told.family in on & significant


def test_how_many_and_where():
    """Beyond the good ones that are as strange; no place for few marks, or for marks in many places."""
    none = found("local", spots=[])
    assert none.headline().images == 16
    assert headline.place(["lower left"] * 3) is None
    assert headline.place(["lower left"] * 4) == "lower left"
    assert headline.place(["lower left", "at the top", "on the left"] * 4) is None
    few = replace(none, verdict=replace(none.verdict, families=(family("local", shares=(0.06, 0.05)),)))
    assert few.headline().images is None
    assert few.headline().statement.startswith("Some of these 60 images carry a small mark")


def test_places_on_an_image():
    for row in range(3):
        for column in range(3):
            strange = np.zeros((28, 28), np.float32)
            strange[9 * row + 4, 9 * column + 5] = 1
            assert name_of(strange) == PLACES[row][column]


def test_words_that_hardly_moved_are_not_told_beside_one_that_did():
    assert found("properties", diagnosis=(shift("darker", -0.3),)).headline().words == ("darker",)
    four = [shift(word, 1.0) for word in ("a", "b", "c", "d")]
    assert found("properties", diagnosis=four).headline().words == ("a", "b", "c")
    long = found("properties", diagnosis=(shift("a word of more than five words indeed", 2.0),))
    assert long.headline().words == ()


def test_who_leads():
    """The smallest adjusted p; of equal ones the largest effect that is certain; no advisory family."""
    a, b, c = family("a"), replace(family("b"), effect_lower=0.3), replace(family("c"), effect_lower=0.1)
    ahead = replace(family("d", 0.0005), effect_lower=0.0)
    silent = family("e", 0.0001, gate="advisory")
    same = family("f", 0.0001, significant=False)
    order = [one.name for one in headline.leading([a, silent, c, same, b, ahead])]
    assert order == ["d", "b", "a", "c"]
