"""What fifty labels say of a real model's accuracy, what several annotators add, and how soon bad days are noticed.

    python tests/benchmarks/failing_loudly.py --cache DIR --features-only
    python tests/benchmarks/labels_for_accuracy.py --cache DIR [--queues 500] [--seed 0]

Models: logistic regression on the content features of F (MNIST, CIFAR-10). Correctness score: the calibrated probability of the
predicted class (Platt, on C = 500 images; 20 draws of C, each used for its share of the queues). Batches: N images of the target
pool, clean or shifted as in "Failing Loudly", drawn anew for every queue. The uniform share and the strata were set on drawn numbers
(`tests/labelling/worlds.py`); what is done where the score is far off (`estimates.FAR_OFF`) was chosen on queues with even numbers, and
those printed have odd ones.

Width: mean width of the interval over that of a random sample as large with Wilson's interval. Attainable: E sqrt(c(1-c)) /
sqrt(a(1-a)) by the score, which is no promise where the score is wrong; at worst: what the queue's unequal chances cost
where the score is worth nothing. `driftcli queue` prints both. Cover: share of queues whose interval holds the accuracy of the N images. Own confidence: the same with the uncalibrated probability. No score: strata alone. Prints Markdown.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from _failing_loudly_cache import Sets
from _lab import machine

from driftcli.labelling import aggregation, estimates, monitor, sampling

DRAWS, HELD_OUT, LABELS = 20, 500, 50
BATCHES = (
    ("mnist", "clean", 400),
    ("mnist", "noise_small", 400),
    ("mnist", "image_medium", 400),
    ("cifar10", "clean", 400),
    ("cifar10", "clean", 1000),
    ("cifar10", "noise_medium", 1000),
    ("cifar10", "image_large", 1000),
)


class Model:
    """A classifier on cached features, and its probabilities on any of the sets."""

    def __init__(self, folder: Path, dataset: str) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self.sets = Sets(folder, dataset, 64)
        self.model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=2000))
        views, labels, _ = self.sets.stored("fit")
        self.model.fit(views["content"], labels)
        self.known: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def on(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Confidence and whether it is right, of every image of a set."""
        if name not in self.known:
            views, labels, _ = self.sets.stored(name)
            chance = self.model.predict_proba(views["content"])
            right = self.model.classes_[chance.argmax(axis=1)] == labels
            self.known[name] = chance.max(axis=1), right.astype(float)
        return self.known[name]


def logit(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 1e-4, 1 - 1e-4)
    return np.log(share / (1 - share))


def calibrations(model: Model, rng: np.random.Generator) -> list:
    """One a draw of C: confidence -> chance of being right."""
    from sklearn.linear_model import LogisticRegression

    confidence, right = model.on("source")
    made = []
    for _ in range(DRAWS):
        held = rng.choice(len(right), HELD_OUT, replace=False)
        fitted = LogisticRegression(C=10.0).fit(logit(confidence[held])[:, None], right[held])
        made.append(lambda share, fitted=fitted: fitted.predict_proba(logit(share)[:, None])[:, 1])
    return made


def fifty_labels(folder: Path, queues: int, seed: int) -> None:
    print(f"\n{LABELS} labels, {queues} queues a row, {DRAWS} draws of C\n")
    print(
        "| batch | N | accuracy | score's mean | attainable | at worst | width | cover | own confidence | no score |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    models = {name: Model(folder, name) for name in dict.fromkeys(name for name, *_ in BATCHES)}
    for dataset, shift, images in BATCHES:
        model, rng = models[dataset], np.random.default_rng(seed)
        calibrated = calibrations(model, rng)
        confidence, right = model.on(shift)
        rows = [
            one_queue(
                confidence, right, images, calibrated[q % DRAWS], np.random.default_rng((seed, 2 * q + 1))
            )
            for q in range(queues)
        ]
        mean = {name: np.mean([row[name] for row in rows], axis=0) for name in rows[0]}
        width = {each: mean[each][0] / mean["plain"] for each in ("score", "confidence", "none")}
        print(
            f"| {dataset} {shift} | {images} | {mean['accuracy']:.3f} | {mean['expected']:.3f} | {mean['attainable']:.2f} | {mean['worst']:.2f} | "
            f"**{width['score']:.2f}** | {mean['score'][1]:.3f} | {width['confidence']:.2f} ({mean['confidence'][1]:.3f}) | "
            f"{width['none']:.2f} ({mean['none'][1]:.3f}) |"
        )


def one_queue(confidence, right, images, calibrated, rng) -> dict:
    at = rng.choice(len(right), images, replace=False)
    own, y = np.clip(confidence[at], 1e-4, 1 - 1e-4), right[at]
    score, truth = calibrated(own), y.mean()
    low, high = estimates.wilson(y[rng.choice(images, LABELS, replace=False)].mean(), LABELS)
    found = {
        "accuracy": truth,
        "expected": score.mean(),
        "attainable": sampling.attainable(score),
        "plain": high - low,
    }
    day, drift = np.zeros(images, np.int64), -own
    for name, known in (("score", score), ("confidence", own), ("none", None)):
        made = sampling.draw(LABELS, drift, day, rng, correctness=known)
        if name == "score":
            found["worst"] = np.sqrt(LABELS * (1 / made.probability - 1).sum()) / images
        taken, chance = made.taken, made.probability
        if known is None:
            got = estimates.mean(y[taken], 1 / chance[taken], LABELS / images)
        else:
            got = estimates.difference(y[taken], taken, chance, known)
        found[name] = np.array([got.high - got.low, got.low <= truth <= got.high])
    return found


# ---------------------------------------------------------------- annotators


def annotated(rng, truth, errors, classes):
    wrong = (truth[:, None] + rng.integers(1, classes, (len(truth), len(errors)))) % classes
    return np.where(rng.random(wrong.shape) < np.array(errors), wrong, truth[:, None])


def several_annotators(queues: int, seed: int) -> None:
    print(f"\nAnnotators, {queues} queues of {LABELS} images a row; drawn labels, a model of accuracy .93\n")
    print(
        "| errors | K | best | majority | together | beats the best | accuracy: labels taken for right | their posterior | allowed for (cover) |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for errors in ((0.1, 0.15, 0.2), (0.05, 0.15, 0.25), (0.1, 0.1, 0.1), (0.1, 0.2)):
        for classes in (2, 10):
            rng = np.random.default_rng(seed)
            rows = [one_panel(rng, errors, classes) for _ in range(queues)]
            best, vote, both, hard, soft, fair, cover = np.mean(rows, axis=0)
            wins = np.mean([row[2] < row[0] for row in rows])
            spread = np.std(rows, axis=0) / np.sqrt(queues)
            print(
                f"| {errors} | {classes} | {best:.3f} | {vote:.3f} | {both:.3f} ± {spread[2]:.3f} | {wins:.2f} | "
                f"{100 * hard:+.1f} points | {100 * soft:+.1f} | {100 * fair:+.1f} ({cover:.3f}) |"
            )


def one_panel(rng, errors, classes):
    """Errors of the best annotator, the majority and all together; bias of accuracy three ways, and whether the interval holds."""
    n, images = LABELS, 400
    score = np.clip(rng.beta(2.2, 0.16, images), 0.3, 0.9999)
    right = rng.random(images) < score
    truth = rng.integers(0, classes, images)
    said = np.where(right, truth, (truth + rng.integers(1, classes, images)) % classes)
    made = sampling.draw(n, -score, np.zeros(images, np.int64), rng, correctness=score)
    at, chance = made.taken, made.probability
    ratings = annotated(rng, truth[at], errors, classes)
    together = aggregation.dawid_skene(ratings, classes)
    found = aggregation.allowed(together.chance)
    right_ones, noise = found.of(said[at]), found.noise(said[at])
    fair = estimates.difference(right_ones, at, chance, score, noise=noise * chance[at])
    hard = estimates.difference((together.label == said[at]).astype(float), at, chance, score)
    soft = estimates.difference(together.chance[np.arange(n), said[at]], at, chance, score)
    votes = aggregation.majority(ratings, classes)
    mistakes = (ratings != truth[at][:, None]).mean(axis=0).min(), 1 - votes[np.arange(n), truth[at]].mean()
    bias = [each.value - right.mean() for each in (hard, soft, fair)]
    return (*mistakes, (together.label != truth[at]).mean(), *bias, fair.low <= right.mean() <= fair.high)


# ---------------------------------------------------------------- classes


def of_classes(queues: int, seed: int) -> None:
    print(
        f"\nRecall and precision by class from {4 * LABELS} labels of 2,000 images, {queues} queues a row; drawn labels\n"
    )
    print(
        "| shares | recall | errors | labels taken for right | posterior | one certainty for all classes | allowed for (lowest and highest cover) |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for shares, recalls in (
        ((0.5, 0.5), (0.95, 0.85)),
        ((0.8, 0.2), (0.95, 0.8)),
        ((0.6, 0.3, 0.1), (0.95, 0.85, 0.7)),
    ):
        for errors in ((0.1, 0.15, 0.2), (0.1, 0.1, 0.1), (0.05, 0.25)):
            rng = np.random.default_rng(seed)
            rows = [one_table(rng, np.array(shares), np.array(recalls), errors) for _ in range(queues)]
            off = np.nanmean([[row[kind][0] for kind in range(4)] for row in rows], axis=0)
            cover = np.nanmean([row[3][1] for row in rows], axis=0)
            worst = [f"{100 * each[np.abs(each).argmax()]:+.1f}" for each in off.reshape(4, -1)]
            print(
                f"| {shares} | {recalls} | {errors} | {worst[0]} points at worst | {worst[1]} | {worst[2]} | {worst[3]} ({cover.min():.2f}, {cover.max():.2f}) |"
            )


def one_table(rng, shares, recalls, errors):
    """By kind of label: how far recalls and precisions are off, and whether their intervals hold; NaN where too few labels say."""
    images, classes = 2_000, len(shares)
    truth = rng.choice(classes, images, p=shares)
    right = rng.random(images) < recalls[truth]
    said = np.where(right, truth, (truth + rng.integers(1, classes, images)) % classes)
    score = np.clip(np.where(right, rng.beta(6, 1.2, images), rng.beta(3, 2.5, images)), 0.05, 0.99)
    made = sampling.draw(4 * LABELS, -score, np.zeros(images, np.int64), rng, correctness=score)
    at, weight = made.taken, 1 / made.probability[made.taken]
    together = aggregation.dawid_skene(annotated(rng, truth[at], errors, classes), classes)
    sure = (together.chance**2).sum(axis=1).mean()
    left = max(sure - (1 - sure) / (classes - 1), 0.2)
    alike = np.linalg.inv((1 - left) / classes + left * np.eye(classes))
    kinds = (
        np.eye(classes)[together.label],
        together.chance,
        together.chance @ alike,
        aggregation.allowed(together.chance).share,
    )
    return [figures(kind, truth, said, at, weight) for kind in kinds]


def figures(share, truth, said, at, weight):
    off, held = [], []
    for k in range(share.shape[1]):
        found = estimates.of_class(share[:, k], (said[at] == k).astype(float), weight)
        hit = ((truth == k) & (said == k)).sum()
        for one, true in (
            (found.recall, hit / (truth == k).sum()),
            (found.precision, hit / (said == k).sum()),
        ):
            off.append(np.nan if one is None else one.value - true)
            held.append(np.nan if one is None else one.low <= true <= one.high)
    return np.array(off), np.array(held, float)


# ---------------------------------------------------------------- days


def bad_days(runs: int, seed: int) -> None:
    print(
        f"\nMonitor, alpha .05, limit .08, {runs} runs a row, 50 labels of 300 images a day, seen after every day\n"
    )
    print("| error rate by day | score | alarms | before the change | days until the alarm (median) |")
    print("| --- | --- | --- | --- | --- |")
    for errors in (
        [0.08] * 14,
        [0.05] * 14,
        [0.05] * 3 + [0.12] * 11,
        [0.05] * 3 + [0.2] * 11,
        [0.05] * 3 + [0.3] * 11,
    ):
        for scored in (True, False):
            rng = np.random.default_rng(seed)
            found = [one_watch(rng, errors, scored=scored) for _ in range(runs)]
            changed = next((day for day, each in enumerate(errors) if each > 0.08), len(errors))
            alarms = [day for day in found if day is not None]
            late = [day - changed + 1 for day in alarms if day >= changed]
            print(
                f"| {errors[0]} then {errors[-1]} | {'yes' if scored else 'no'} | {len(alarms) / runs:.3f} | "
                f"{np.mean([day is not None and day < changed for day in found]):.3f} | {np.median(late) if late else 'none'} |"
            )


def one_watch(rng, errors, *, scored: bool) -> int | None:
    days = []
    for error in errors:
        score = np.clip(rng.beta(2.2, 0.16, 300), 0.3, 0.9999)
        right, chance = np.ones(300), 1.005 - score
        right[rng.choice(300, round(error * 300), replace=False, p=chance / chance.sum())] = 0
        made = sampling.draw(50, -score, np.zeros(300, np.int64), rng, correctness=score if scored else None)
        known, at = score if scored else np.full(300, 0.5), made.taken
        days.append(monitor.draws(right[at], known[at], made.probability[at], known, made.probability))
    return monitor.watch(days, 0.08).alarm(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--queues", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    start = time.monotonic()
    print(f"{machine()}; seed {asked.seed}")
    fifty_labels(asked.cache, asked.queues, asked.seed)
    several_annotators(asked.queues, asked.seed)
    of_classes(min(asked.queues, 200), asked.seed)
    bad_days(min(asked.queues, 400), asked.seed)
    print(f"\n{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
