"""One MMD test of a peer, timed, in the peer's own environment: python _speed_peers.py NAME FEATURES.npz PERMUTATIONS.

FEATURES holds `x` [n, d], `y` [m, d] and `sigma`, the one bandwidth. Prints seconds, CPU seconds, MMD^2 and p as JSON.
A first test of 100 rows with 5 permutations, untimed, loads what is loaded on first use.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
import time
import warnings

import numpy as np
import torch

NAMES = {"alibi-detect": "alibi_detect", "TorchDrift": "torchdrift", "DataEval": "dataeval"}


def alibi(x: np.ndarray, y: np.ndarray, sigma: float, permutations: int) -> tuple[float, float]:
    from alibi_detect.cd.pytorch.mmd import MMDDriftTorch

    detector = MMDDriftTorch(
        x,
        sigma=np.array([sigma], "f"),
        configure_kernel_from_x_ref=False,
        n_permutations=permutations,
        device="cpu",
    )
    found = detector.predict(y)["data"]
    return float(found["distance"]), float(found["p_val"])


def torchdrift(x: np.ndarray, y: np.ndarray, sigma: float, permutations: int) -> tuple[float, float]:
    from torchdrift.detectors.mmd import GaussianKernel, kernel_mmd

    kernel = GaussianKernel(torch.tensor(sigma))
    value, p = kernel_mmd(torch.from_numpy(x), torch.from_numpy(y), permutations, kernel)
    return float(value), float(p)


def dataeval(x: np.ndarray, y: np.ndarray, sigma: float, permutations: int) -> tuple[float, float]:
    from dataeval.shift import DriftMMD

    detector = DriftMMD(sigma=np.array([sigma], "f"), n_permutations=permutations, device="cpu").fit(x)
    found = detector.predict(y)
    return float(found.distance), float(found.details.get("p_val", np.nan))


def main() -> None:
    if sys.argv[1:] == ["--which"]:
        print(json.dumps([name for name, module in NAMES.items() if importlib.util.find_spec(module)]))
        return
    name, path, permutations = sys.argv[1], sys.argv[2], int(sys.argv[3])
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    test = {"alibi-detect": alibi, "TorchDrift": torchdrift, "DataEval": dataeval}[name]
    with np.load(path) as data:
        x, y, sigma = data["x"], data["y"], float(data["sigma"])
    torch.manual_seed(0)
    test(x[:100], y[:50], sigma, 5)
    wall, cpu = time.perf_counter(), time.process_time()
    value, p = test(x, y, sigma, permutations)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"seconds": wall, "cpu": cpu, "value": value, "p": p}))


if __name__ == "__main__":
    main()
