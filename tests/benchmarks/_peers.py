"""The peers on driftcli's features: one run in each of their environments (peers.txt), started by hand.

python tests/benchmarks/_peers.py --cache FOLDER --rounds 20 [--pilot]

Runs whichever of alibi-detect, TorchDrift, DataEval, msw and driftdep are installed; answers go to FOLDER as JSON lines.
Scores are the peers' own statistics (higher is stranger) by their own code; `default` is the decision that
they take by themselves at p < 0.05, on clean batches only.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import importlib.util
import logging
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from _matches import NULLS, SETS, TESTED, Features, Match, Record, leads, matches
from scipy.stats import ks_2samp, norm

LEVEL = 0.05
Side = np.ndarray
Score = Callable[[Side, Side], float]
Default = Callable[[Side, Side], bool]


@dataclass(frozen=True)
class Method:
    """One peer's detector on one view."""

    name: str
    view: str
    score: Score
    default: Default | None = None
    nulls: int = 3
    """Of the clean batches of a round, how many it decides by itself."""

    @property
    def key(self) -> str:
        return f"{self.name} / {self.view}"


@dataclass
class Views:
    """driftcli's views as a peer's user would feed them, and the peers' own features of the same pixels."""

    features: Features
    made: dict[str, np.ndarray] = field(default_factory=dict)

    def sides(self, match: Match, view: str) -> tuple[Side, Side]:
        state = match.condition.rsplit(":", 1)[0]
        base = self.of("clean", view)
        batch = base[match.clean]
        if len(match.drifted):
            batch = np.concatenate([self.of(state, view)[match.drifted], batch])
        return base[match.held_out], batch

    def of(self, state: str, view: str) -> np.ndarray:
        key = f"{state}/{view}"
        if key not in self.made:
            self.made[key] = np.ascontiguousarray(self._make(state, view), np.float32)
        return self.made[key]

    def _make(self, state: str, view: str) -> np.ndarray:
        if view == "all":
            parts = [self._scaled(state, v) for v in TESTED[:2]]
            return np.concatenate(parts, axis=1)
        if view == "content":
            return self.features.of(state, view)
        if view in TESTED:
            return self._scaled(state, view)
        if view == "flat":  # DataEval's examples flatten 28 x 28 digits: as many numbers
            pixels = small(self.features.of(state, "pixels"), 16)
            return pixels.reshape(len(pixels), -1)
        pixels = small(self.features.of(state, "pixels"))
        return encoded(pixels) if view == "uae" else pixels

    def _scaled(self, state: str, view: str) -> np.ndarray:
        """z-scores by F; a missing property is F's median, a constant one is left out."""
        learnt, x = (self.features.of(s, view).astype(np.float64) for s in ("F", state))
        middle = np.nan_to_num(np.nanmedian(learnt, axis=0))
        learnt, x = np.where(np.isfinite(learnt), learnt, middle), np.where(np.isfinite(x), x, middle)
        sd = learnt.std(axis=0)
        varies = sd > 1e-9
        return (x[:, varies] - learnt.mean(axis=0)[varies]) / sd[varies]


def small(pixels: np.ndarray, side: int = 32) -> np.ndarray:
    """uint8 [n, s, s, c] to [n, c, side, side] in 0..1, by averaging: what the peers' image examples feed."""
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    return torch.nn.functional.interpolate(x, (side, side), mode="area").numpy()


def encoded(pixels: np.ndarray) -> np.ndarray:
    """alibi-detect's default for images: its CIFAR-10 example's untrained encoder, seed 0, 32 outputs."""
    torch.manual_seed(0)
    encoder = torch.nn.Sequential(
        torch.nn.Conv2d(pixels.shape[1], 64, 4, stride=2, padding=0),
        torch.nn.ReLU(),
        torch.nn.Conv2d(64, 128, 4, stride=2, padding=0),
        torch.nn.ReLU(),
        torch.nn.Conv2d(128, 512, 4, stride=2, padding=0),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(2048, 32),
    ).eval()
    with torch.no_grad():
        return torch.cat([encoder(part) for part in torch.from_numpy(pixels).split(64)]).numpy()


# ---------------------------------------------------------------- the detectors


def largest_ks(x: Side, y: Side) -> float:
    """Largest Kolmogorov–Smirnov distance of any column: what all three peers' KS detectors compare."""
    return float(distances(x, y).max())


def distances(x: Side, y: Side) -> np.ndarray:
    """KS distance of each column, ties taken together as scipy does."""
    pooled = np.sort(np.concatenate([x, y]), axis=0)
    both = np.empty((2, *pooled.shape))
    for side, part in enumerate((x, y)):
        ranked = np.sort(part, axis=0)
        for j in range(pooled.shape[1]):
            both[side, :, j] = np.searchsorted(ranked[:, j], pooled[:, j], side="right") / len(part)
    return np.abs(both[0] - both[1]).max(axis=0)


def bonferroni(mode: str) -> Default:
    """Smallest p < 0.05 / columns. All columns have the same two sizes: it is that of the largest distance."""

    def decide(x: Side, y: Side) -> bool:
        j = int(distances(x, y).argmax())
        return bool(ks_2samp(x[:, j], y[:, j], method=mode).pvalue < LEVEL / x.shape[1])

    return decide


def alibi() -> list[Method]:
    from alibi_detect.cd import ClassifierDrift
    from alibi_detect.cd.pytorch.mmd import MMDDriftTorch
    from sklearn.linear_model import LogisticRegression

    def mmd(x: Side, y: Side) -> float:
        return MMDDriftTorch(x, n_permutations=1, device="cpu").score(y)[1]

    def mmd_default(x: Side, y: Side) -> bool:
        return bool(MMDDriftTorch(x, device="cpu").predict(y)["data"]["is_drift"])

    def classifier(x: Side, y: Side) -> dict:
        model = LogisticRegression(max_iter=200)
        found = ClassifierDrift(x, model, backend="sklearn", p_val=LEVEL, preds_type="probs")
        return found.predict(y)["data"]

    return [
        *(
            Method("alibi-detect MMD", v, mmd, mmd_default if v in {"content", "uae"} else None)
            for v in (*TESTED, "all", "uae")
        ),
        *(
            Method(
                "KS", v, largest_ks, bonferroni("asymp") if v in {"content", "uae", "properties"} else None
            )
            for v in (*TESTED, "all", "uae")
        ),
        *(
            Method(
                "alibi-detect Classifier",
                v,
                lambda x, y: float(classifier(x, y)["distance"]),
                lambda x, y: bool(classifier(x, y)["is_drift"]),
            )
            for v in ("content", "properties")
        ),
    ]


def torchdrift() -> list[Method]:
    from torchdrift.detectors import KernelMMDDriftDetector, KSDriftDetector

    def fitted(kind: type, x: Side, **more: object) -> torch.nn.Module:
        detector = kind(**more)
        detector.fit(torch.from_numpy(x))
        return detector

    def mmd(x: Side, y: Side) -> float:
        return float(fitted(KernelMMDDriftDetector, x)(torch.from_numpy(y)))

    def p_below(kind: type) -> Default:
        return lambda x, y: float(fitted(kind, x).compute_p_value(torch.from_numpy(y))) < LEVEL

    mmd_default, ks_default = p_below(KernelMMDDriftDetector), p_below(KSDriftDetector)
    return [
        *(
            Method("TorchDrift MMD", v, mmd, mmd_default if v == "content" else None, 1)
            for v in (*TESTED, "all")
        ),
        Method(
            "TorchDrift KS",
            "content",
            lambda x, y: float(fitted(KSDriftDetector, x)(torch.from_numpy(y))),
            ks_default,
        ),
    ]


def dataeval() -> list[Method]:
    from dataeval.config import set_max_processes
    from dataeval.shift import DriftDomainClassifier, DriftMMD

    def mmd(x: Side, y: Side) -> float:
        return DriftMMD(n_permutations=1, device="cpu").fit(x).score(y)[1]

    def mmd_default(x: Side, y: Side) -> bool:
        return bool(DriftMMD(device="cpu").fit(x).predict(y).drifted)

    set_max_processes(1)

    def auroc(x: Side, y: Side) -> float:
        return float(DriftDomainClassifier().fit(x).predict(y).distance)

    return [
        *(
            Method("DataEval MMD", v, mmd, mmd_default if v in {"content", "flat"} else None)
            for v in (*TESTED, "all", "flat")
        ),
        *(
            Method("DataEval Univariate (KS)", v, largest_ks, bonferroni("exact"))
            for v in ("content", "flat")
        ),
        Method(
            "DataEval DomainClassifier",
            "properties",
            auroc,
            lambda x, y: auroc(x, y) > 0.55,
        ),
    ]


def msw() -> list[Method]:
    """Its portfolio's sign-group test of image sets, n against n: of C it takes the batch's number, and whole blocks of that."""
    from msw import test

    last: list[object] = [None, None, None]

    def answered(x: Side, y: Side) -> object:
        if last[0] is not x or last[1] is not y:  # two seconds: score and decision share it
            last[:] = x, y, test(*(torch.from_numpy(side[: len(y)]) for side in (x, y)))
        return last[2]

    # Its p has 4,096 steps, T none: the statistic decides where thresholds are matched, p where it decides by itself.
    return [
        Method("msw", "pixels", lambda x, y: float(answered(x, y).T), lambda x, y: answered(x, y).p <= LEVEL)
    ]


def driftdep() -> list[Method]:
    """One column at a time, Bonferroni over them: its KS corrected for effective sample size, and its default, block permutation.

    Its default costs half a second a column, so that it only decides by itself. Images have no order here: what it corrects
    for is not there.
    """
    from driftdep import drift_test

    def smallest(x: Side, y: Side, correction: str) -> float:
        columns = zip(x.T, y.T, strict=True)
        return min(drift_test(a, b, correction=correction, rng=0).pvalue for a, b in columns)

    def below(correction: str) -> Default:
        return lambda x, y: smallest(x, y, correction) < LEVEL / x.shape[1]

    return [
        Method(
            "driftdep KS, effective size",
            "properties",
            lambda x, y: -smallest(x, y, "ess_adjust"),
            below("ess_adjust"),
        ),
        Method("driftdep KS, block permutation", "properties", largest_ks, below("block_perm"), 1),
    ]


class Reconstruction:
    """DataEval's DriftReconstruction: mean error against F's own errors, one-sided z, n capped at 75.

    On the first of driftcli's errors (its formula, without its network), and with DataEval's own AE on
    32 x 32 pixels, 20 epochs on F, as its example does. Fitted once a data set, so the errors of every image
    are known before the trials.
    """

    def __init__(self, views: Views, cache: Path, data: str) -> None:
        self.views, self.path = views, cache / f"{data}-reconstruction.npz"
        self.states = [k.rsplit("/", 1)[0] for k in views.features.arrays if k.endswith("/pixels")]
        self.errors = {"error": {s: views.features.of(s, "error")[:, 0] for s in self.states}}
        if self.path.is_file():
            with np.load(self.path) as kept:
                self.errors["own"] = {s: kept[s] for s in self.states}

    def learn(self) -> None:
        """The own network: minutes."""
        from dataeval.shift import DriftReconstruction
        from dataeval.utils.models import AE

        torch.manual_seed(0)
        pixels = self.views.of("F", "pixels")
        detector = DriftReconstruction(AE(input_shape=pixels.shape[1:]), device="cpu").fit(pixels)
        found = {s: detector._scorer.score(self.views.of(s, "pixels"), batch_size=64)[0] for s in self.states}
        np.savez(self.path, **found)
        self.errors["own"] = found

    def answer(self, match: Match) -> dict[str, object]:
        found: dict[str, object] = {}
        for view, errors in self.errors.items():
            batch = errors["clean"][match.clean]
            if len(match.drifted):
                state = match.condition.rsplit(":", 1)[0]
                batch = np.concatenate([errors[state][match.drifted], batch])
            z = (batch.mean() - errors["F"].mean()) / (errors["F"].std() / np.sqrt(min(len(batch), 75)))
            found[f"DataEval Reconstruction / {view}"] = float(batch.mean())
            if match.condition == "clean":
                found[f"default: DataEval Reconstruction / {view}"] = bool(norm.sf(z) < LEVEL)
        return found


# ---------------------------------------------------------------- the run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument(
        "--full", type=int, default=10**6, help="rounds that ask every method, not the leading ones alone"
    )
    parser.add_argument("--sizes", help="only these batch sizes, such as 20,50")
    parser.add_argument("--network", action="store_true", help="train DataEval's own network first")
    parser.add_argument("--pilot", action="store_true", help="seconds of every method after each round")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    makers = {
        "alibi_detect": alibi,
        "torchdrift": torchdrift,
        "dataeval": dataeval,
        "msw": msw,
        "driftdep": driftdep,
    }
    here = {name: make for name, make in makers.items() if importlib.util.find_spec(name)}
    methods = [method for make in here.values() for method in make()]
    for trial in range(given.rounds):
        for name in given.sets.split(","):
            started = time.perf_counter()
            every = trial < given.full
            asked = methods if every else [replace(m, default=None) for m in methods if leads(m.key)]
            one_round(name, trial, asked, given)
            seconds = time.perf_counter() - started
            print(f"round {trial} {name}: {seconds:.0f} s", file=sys.stderr, flush=True)


_OPEN: dict[str, tuple[Views, Record, Reconstruction]] = {}


def one_round(name: str, trial: int, methods: list[Method], given: argparse.Namespace) -> None:
    """Every unanswered question of one round about one data set."""
    ours = any(m.name.startswith("DataEval") for m in methods)
    if name not in _OPEN:
        views = Views(Features.load(given.cache, name))
        own = Reconstruction(views, given.cache, name)
        if given.network and "own" not in own.errors:
            own.learn()
        third = any(m.name == "msw" for m in methods)
        file = "dataeval" if ours else "msw" if third else "peers"
        _OPEN[name] = views, Record(given.cache / f"{name}-{file}.jsonl"), own
    views, record, own = _OPEN[name]
    spent: dict[str, list[float]] = {}
    sizes = None if given.sizes is None else set(map(int, given.sizes.split(",")))
    for match in matches(SETS[name], views.features.in_group, trial, given.seed):
        if sizes is not None and match.n not in sizes:
            continue
        known = record.known.get(match.key, {})
        found = own.answer(match) if ours else {}
        for method in methods:
            if method.key in known:
                continue
            found |= answer(method, match, views, spent)
        if set(found) - set(known):
            record.add(match, found)
    if given.pilot:
        for key, seconds in spent.items():
            print(f"{np.mean(seconds):7.3f} s x {len(seconds):4d} = {np.sum(seconds):6.1f}  {key}")


def answer(method: Method, match: Match, views: Views, spent: dict[str, list[float]]) -> Mapping[str, object]:
    x, y = views.sides(match, method.view)
    torch.manual_seed(match.trial)
    np.random.seed(match.trial)  # noqa: NPY002 - the peers draw from the global generator
    started = time.process_time()
    found: dict[str, object] = {method.key: float(method.score(x, y))}
    spent.setdefault(method.key, []).append(time.process_time() - started)
    if match.condition == "clean" and method.default is not None and match.trial % NULLS < method.nulls:
        started = time.process_time()
        found[f"default: {method.key}"] = method.default(x, y)
        spent.setdefault(f"default: {method.key}", []).append(time.process_time() - started)
    return found


if __name__ == "__main__":
    main()
