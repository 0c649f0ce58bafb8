"""Which words say what moved: gathered where several classes of a kind did, alone where one did, silent where unsure."""

from dataclasses import replace

import numpy as np

from driftcli.core.features import Vocabulary
from driftcli.explain.concepts import KNOWN, MOST, SURE, VISIBLE, Moved, chosen, subjects

WORDS = ("ant", "bee", "beagle", "pug", "collie", "tabby", "cup", "insects", "dogs", "cats")
SINGULAR = (*WORDS[:7], "insect", "dog", "cat")
KIND_OF = np.array([7, 7, 8, 8, 8, 9, -1])
VOCABULARY = Vocabulary("a network", WORDS, SINGULAR, KIND_OF)


def moved(**change):
    """Classes and kinds that moved by so much from .3 on, without a doubt; the others stayed."""
    after = np.full(len(WORDS), 0.3)
    for word, by in change.items():
        after[WORDS.index(word)] += by
    before, sure = np.full(len(WORDS), 0.3), np.full(len(WORDS), 0.9)
    p = np.where(after == before, 1.0, 0.001)
    return Moved(before, after, p, after - before - 0.1, after - before + 0.1, sure, sure)


def told(found, alpha=0.01):
    more, fewer = chosen(found, VOCABULARY, alpha)
    return [w.word for w in more], [w.word for w in fewer]


def test_breeds_are_gathered_and_named():
    found = moved(beagle=0.2, pug=0.1, collie=0.15, dogs=0.45, cats=-0.25, tabby=-0.25)
    more, fewer = chosen(found, VOCABULARY, 0.01)
    assert [(w.word, w.gathers) for w in more] == [("dogs", ("beagle", "collie", "pug"))]
    assert [(w.word, w.gathers) for w in fewer] == [("tabby", ())]
    assert (more[0].baseline, more[0].batch) == (0.3, 0.75)
    assert (more[0].low, more[0].high) == (found.low[8], found.high[8])


def test_classes_of_a_kind_that_stayed_speak_for_themselves():
    assert told(moved(ant=-0.3, bee=0.3)) == (["bee"], ["ant"])


def test_a_class_that_is_most_of_its_kinds_change_speaks_in_its_place():
    """And beside it the others of its kind that moved, either way."""
    assert told(moved(beagle=0.3, pug=0.25, collie=-0.1, dogs=0.45)) == (["beagle", "pug"], ["collie"])
    assert told(moved(beagle=0.25, pug=0.3, collie=-0.06, dogs=0.51)) == (["dogs"], ["collie"])


def test_no_word_without_significance_visibility_and_conviction():
    found = moved(cup=0.2)
    assert told(found) == (["cup"], [])
    assert told(replace(found, p=np.where(found.p < 1, 0.02, 1.0))) == ([], [])
    assert told(moved(cup=VISIBLE * 0.99)) == ([], [])
    unsure = np.full(len(WORDS), SURE - 0.01)
    assert told(replace(found, sure_after=unsure)) == ([], [])
    assert told(replace(found, sure_before=unsure)) == (["cup"], [])
    fell = moved(cup=-0.2)
    assert told(replace(fell, sure_after=unsure)) == ([], ["cup"])
    assert told(replace(fell, sure_before=np.full(len(WORDS), KNOWN - 0.01))) == ([], [])


def test_at_most_three_a_side_the_largest_first():
    found = moved(ant=0.1, bee=0.2, beagle=0.3, tabby=0.25, cup=0.15)
    more, _ = told(found)
    assert more == ["beagle", "tabby", "bee"]
    assert len(more) == MOST


def test_what_an_image_shows():
    pairs = np.array(
        [
            [1, 0.93, 0, 0.02, 7, 0.95, 8, 0.01],  # a class is sure
            [2, 0.4, 3, 0.3, 8, 0.9, 7, 0.02],  # only its kind is
            [6, 0.2, 5, 0.1, 9, 0.15, 8, 0.1],  # nothing is
        ],
        np.float32,
    )
    assert subjects(pairs, VOCABULARY) == ["bee (0.93)", "dog (0.90)", None]
