"""The harm of a batch in sentences: what is known, and what all of it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.harm.accuracy import SIZES, Estimate

if TYPE_CHECKING:
    from driftcli.harm.finding import Harm

ASSUMED = "Estimated without labels, on the assumption that the right answers for such images are what they were: only labels can tell."
TRAINED_ON = 0.995
"""Accuracy on the good images that makes one ask whether the model has seen them."""
UNSEEN = (
    "How much accuracy a change costs is unknown: the model was not run on corrupted good images. "
    "Give `baseline` the model (--model FILE), or its answers on them (--export-corrupted)."
)


def reasons(harm: Harm) -> tuple[str, ...]:
    """What the verdict rests on, the most important first."""
    good = f"{_percent(harm.baseline_accuracy)} on {harm.baseline_images:,} labelled good images"
    chosen = harm.free if harm.mix == "free" else harm.fixed
    if chosen is None:
        return (UNSEEN, f"The model's accuracy was {good}.", _tested(harm))
    said = f"The model's accuracy on such images is about {_interval(chosen.stream)}, against {good}."
    return (f"{_verdict(harm)} {said}", _tested(harm))


def trained_on(accuracy: float) -> str | None:
    """What an accuracy on the good images that is almost 1 makes one ask; None where it is lower."""
    if accuracy < TRAINED_ON:
        return None
    return (
        f"The model is right on {_percent(accuracy)} of the good images: if it was trained on them, "
        "no estimate here holds. Take a baseline that it has never seen."
    )


def cautions(harm: Harm, *, hard: bool) -> tuple[str, ...]:
    """What to know before one believes the estimate; that the right answers are what they were comes first."""
    found = [ASSUMED]
    if (asked := trained_on(harm.baseline_accuracy)) is not None:
        found.append(asked)
    if hard:
        found.append(
            "Most answers have a probability of exactly 1: without real probabilities estimates are coarse."
        )
    if harm.foreign:
        found.append(
            "These images lie farther from all classes than any simulated corruption: the estimate is a guess."
        )
    if harm.free is not None and harm.images < SIZES[0]:
        found.append(f"{harm.images} images are fewer than the {SIZES[0]} that estimates are calibrated for.")
    if harm.mix == "free" and _torn(harm):
        found.append(
            "Predicted classes shifted. Either the images show other classes, or the model is badly hurt: if the classes' shares are "
            f"what they were, its accuracy is about {_interval(harm.fixed.stream)}."  # type: ignore[union-attr]
        )
    if harm.mix == "fixed" and harm.fixed is not None:
        found.append(
            "The estimate takes the shares of the classes to be those of the good images; if they changed, it is too low."
        )
    return tuple(found)


def _torn(harm: Harm) -> bool:
    """Whether the two readings of the class shares disagree: a model that now says one class of everything looks like a new mix."""
    fixed, free = harm.fixed, harm.free
    return fixed is not None and free is not None and fixed.verdict == "probably hurts" != free.verdict


def _verdict(harm: Harm) -> str:
    limit = f"{harm.tolerance * 100:g} points of accuracy"
    return {
        "probably hurts": f"The change probably costs the model more than {limit}.",
        "probably harmless": f"The change probably costs the model less than {limit}.",
        "cannot say": f"Whether the change costs the model more than {limit} cannot be said without labels.",
    }[harm.verdict]


def _tested(harm: Harm) -> str:
    test = harm.test
    if test.p_harmless is None:
        said = f"How sure one can be of its answers is {'' if test.alarm else 'not clearly '}lower than on good images"
    else:
        clearly = "is larger" if test.alarm else "is not clearly larger"
        said = f"What it seems to lose {clearly} than what harmless changes seem to cost"
    return f"{said} (p = {test.p_value:.4f}, alpha {test.alpha:g})."


def _interval(estimate: Estimate) -> str:
    return f"{_percent(estimate.value)} ({_percent(estimate.low)} to {_percent(estimate.high)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
