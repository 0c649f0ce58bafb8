"""What a classifier says of images: its probabilities class by class and together, the predicted class, how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from driftcli.core.evidence import Statistic
from driftcli.core.features import Column, State
from driftcli.core.schema import Array
from driftcli.detectors import _scalars, _tails, _whitened
from driftcli.detectors.base import Detector, Floats, Matrix
from driftcli.detectors.mmd import TINY, Mmd
from driftcli.detectors.univariate import indicator_distances
from driftcli.stats.relabelling import Relabellings

MOST = 64
"""Classes whose probabilities are compared one by one, those with the largest share of all images together."""
FLOOR = 1e-6
"""Probabilities are compared on a logarithmic scale from here on: below, a classifier's digits mean little."""
OWN = (
    Column("predicted_class", "category"),
    Column("confidence", more="surer", less="less sure"),
    Column("uncertainty", "linear", "nat", more="less sure", less="surer"),
    Column("no_prediction", "category"),
)
"""What is made of an image's probabilities: the most probable class, its probability, the entropy; whether there are none."""
_KERNEL, _LOG = "mmd_", "log_"


@final
@dataclass(frozen=True)
class Softmax(Detector):
    """Distribution of a classifier's outputs.

    What it sees: every change that the classifier reacts to: other classes, other shares of them, images that it is less sure of.
    What it misses: whatever leaves the outputs as they were; and it cannot tell a harmless new mix of classes from a loss
    of accuracy.
    Statistic: of each class' probability, of the largest one and of the entropy the Anderson-Darling distance (black-box
    shift detection, soft), of the predicted class the total variation (hard), of all log probabilities together kernel
    and mean discrepancy as `mmd` has them. The family is as extreme as the largest of them.
    Cost: B m e for e indicator columns, at most 64 for each of 67 values; one kernel matrix of 64 columns.
    Reference: Lipton, Wang & Smola 2018 (BBSD); Rabanser, Günnemann & Lipton 2019 (BBSDs and BBSDh, univariate tests).
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
    names_of_classes: tuple[str, ...] = ()
    """In the order of the view's columns, where those have no names of their own: a thousand classes are no thousand measurements."""

    def fit(self, reference: Matrix, columns: Sequence[Column], seed: int) -> State:
        """Which classes are compared, `classes` [k], ascending; quantile edges of what is compared; `mmd_...` of log probabilities.

        A classifier whose outputs on F nobody has gives C and Y together, in an order that does not tell them apart: then
        the state is the same whoever is called batch, and the test stays exact.
        """
        mass = np.nan_to_num(reference.astype(np.float64)).sum(axis=0)
        chosen = np.sort(np.argsort(-mass, kind="stable")[:MOST]).astype(np.int64)
        state = {"classes": chosen}
        table, compared = _table(state, reference), self._columns(state, columns)
        kernel = Mmd().fit(_logs(state, table), (), seed)
        return {
            **state,
            **_scalars.learn(table, compared),
            **{_KERNEL + name: values for name, values in kernel.items()},
        }

    def arrays(self) -> tuple[Array, ...]:
        """As `fit` learns them."""
        size = {"columns": "classes compared"}
        rows = f"classes compared + {len(OWN)}"
        return (
            Array("classes", "int64", ("classes compared",), least=0),
            Array("edges", "float64", (rows, _scalars.EDGES)),
            Array("median", "float64", (rows,)),
            Array(f"{_KERNEL}shift", "float32", ("classes compared",)),
            Array(f"{_KERNEL}scale", "float32", ("classes compared",), least=TINY, infinite=True),
            Array(f"{_KERNEL}sigma", "float64", (len(Mmd().bandwidths),), least=TINY),
            *(array.under(f"{_KERNEL}white_", size) for array in _whitened.ARRAYS),
        )

    def values(
        self, state: State, pooled: Matrix, relabellings: Relabellings, columns: Sequence[Column]
    ) -> Floats:
        """Of all that varies the distance of batch and rest, then `mmd`'s: [rows, k]; [rows, 0] where nothing varies."""
        table, compared = _table(state, pooled), self._columns(state, columns)
        varying = _scalars.scalars(state, table, compared)
        if not varying:
            return np.zeros((relabellings.rows, 0))
        kernel = Mmd().values(_kernel(state), _logs(state, table), relabellings, ())
        return np.concatenate([indicator_distances(varying, relabellings), kernel], axis=1)

    def names(self, state: State, pooled: Matrix, columns: Sequence[Column]) -> tuple[str, ...]:
        """The classes and measures that vary, then `log_mmd_4`, ... of all probabilities together."""
        table = _table(state, pooled)
        varying = tuple(s.name for s in _scalars.scalars(state, table, self._columns(state, columns)))
        return (*varying, *_kernels(state)) if varying else ()

    def describe(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Statistic, ...]:
        """Medians, sd shifts and shifted shares of the values; of all probabilities together the p-value says enough."""
        pooled = _table(state, np.concatenate([held_out, batch]))
        x, y = pooled[: len(held_out)], pooled[len(held_out) :]
        varying = _scalars.scalars(state, pooled, self._columns(state, columns))
        if not varying:
            return ()
        told = _scalars.describe(varying, x, y)
        means = (_of_unanswered(s, x, y) if s.name == OWN[3].name else s for s in told)
        return (*means, *(Statistic(name) for name in _kernels(state)))

    def scores(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Floats, Floats]:
        """The most unusual probability, predicted class or uncertainty of each image, as rare as among good images (nats)."""
        pooled = _table(state, np.concatenate([held_out, batch]))
        x, y = pooled[: len(held_out)], pooled[len(held_out) :]
        return _tails.strangest(*_tails.columns(x, y, self._columns(state, columns)))

    def _columns(self, state: State, columns: Sequence[Column]) -> tuple[Column, ...]:
        """The classes that are compared, then `OWN`."""
        named = columns or tuple(Column(f"p_{name}") for name in self.names_of_classes)
        return (*(named[k] for k in state["classes"].tolist()), *OWN)


def _table(state: State, probabilities: Matrix) -> Matrix:
    """[n, k + 4]: the probabilities of the classes that are compared, then `OWN`.

    An image without a prediction counts as the mean of those with one, whoever they belong to, and as one without.
    """
    p = probabilities.astype(np.float64)
    none = np.asarray(np.isnan(p).any(axis=1))
    if none.any():
        mean = p[~none].mean(axis=0) if not none.all() else np.full(p.shape[1], 1 / p.shape[1])
        p = np.where(none[:, None], mean, p)
    logs = np.log(np.maximum(p, FLOOR))
    own = [
        np.where(none, -1, p.argmax(axis=1)),
        p.max(axis=1),
        -(np.maximum(p, 0.0) * logs).sum(axis=1),
        none,
    ]
    return np.concatenate([p[:, state["classes"]], np.stack(own, axis=1)], axis=1).astype(np.float32)


def _logs(state: State, table: Matrix) -> Matrix:
    """[n, k]: log probabilities of the classes that are compared."""
    found: Matrix = np.log(np.clip(table[:, : len(state["classes"])], FLOOR, None)).astype(np.float32)
    return found


def _kernel(state: State) -> Mapping[str, Any]:
    return {name.removeprefix(_KERNEL): x for name, x in state.items() if name.startswith(_KERNEL)}


def _kernels(state: State) -> tuple[str, ...]:
    return tuple(_LOG + name for name in Mmd().names(_kernel(state), np.empty((0, 0), np.float32), ()))


def _of_unanswered(statistic: Statistic, held_out: Matrix, batch: Matrix) -> Statistic:
    """With the shares of images that have no prediction, which is what its two levels are."""
    return replace(statistic, batch=float(batch[:, -1].mean()), baseline=float(held_out[:, -1].mean()))
