"""NannyML's own CBPE on the answers that label_free_accuracy.py left in its folder; run it with a Python that has nannyml.

python tests/benchmarks/label_free_nannyml.py FOLDER
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd


def estimated(file: Path) -> list[float]:
    """Accuracy of every batch as CBPE has it, C being its reference and each batch a chunk."""
    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # it would send something out
    import nannyml

    with np.load(file) as kept:
        p, label, batch = kept["p"], kept["label"], kept["batch"]
    two = p.shape[1] == 2
    columns = {"pred": p.argmax(axis=1).astype(str), "label": label.astype(str)}
    if two:
        columns = {"pred": p.argmax(axis=1), "label": label, "p1": p[:, 1]}
    else:
        columns |= {f"p{k}": p[:, k] for k in range(p.shape[1])}
    frame = pd.DataFrame(columns)
    found = []
    for number in np.unique(batch[batch >= 0]):
        rows = frame[batch == number].drop(columns="label")
        found.append((number, len(rows)))
    result: dict[int, float] = {}
    for size in sorted({m for _, m in found}):
        # One model a chunk size: chunks are cut anew, and NannyML reads them in order.
        estimator = nannyml.CBPE(
            y_pred="pred",
            y_true="label",
            y_pred_proba="p1" if two else {str(k): f"p{k}" for k in range(p.shape[1])},
            problem_type="classification_binary" if two else "classification_multiclass",
            metrics=["accuracy"],
            chunk_size=size,
        )
        estimator.fit(frame[batch == -1])
        numbers = [n for n, m in found if m == size]
        rows = pd.concat([frame[batch == n] for n in numbers]).drop(columns="label")
        values = estimator.estimate(rows).filter(period="analysis").to_df()[("accuracy", "value")]
        result |= dict(zip(numbers, (float(v) for v in values), strict=True))
    return [result[n] for n, _ in found]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for answers in sorted(Path(sys.argv[1]).glob("*-draw-*.npz")):
        kept = answers.with_suffix(".nannyml.json")
        if not kept.is_file():
            kept.write_text(json.dumps(estimated(answers)))
            print(answers.stem, flush=True)
