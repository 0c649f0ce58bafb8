"""What `check` says first of 14 real changes: headline, log line, first reason.

nice python tests/benchmarks/headlines.py --data DIR [--code DIR] [--work DIR] [--only NAME ...]

Every case is a folder or list of good images that `fit` learns from and calibrates on, and a batch of 60 others that no
image of the first is in. All runs are command lines of the package in --code (this one by default), so that two versions
can be compared: their artifacts are kept apart in --work. Prints Markdown, a row a case as soon as it is known.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from _defects import damage
from _lab import data_folder
from PIL import Image

from driftcli.simulation.sample.days import FOLDERS, photo

HERE = Path(__file__).resolve().parents[2]
BATCH, SCRATCHED = 60, 17


@dataclass(frozen=True)
class Case:
    """Good images by the name of their artifact, and the batch."""

    good: str
    batch: Callable[[Work], str]


@dataclass
class Work:
    """Where images, lists and artifacts are put, and whose command line runs."""

    data: Path
    root: Path
    code: Path
    artifacts: dict[str, Path] = field(default_factory=dict)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(self.code), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "driftcli", *words, "--workers", "1", "--no-progress"]
        return subprocess.run(command, cwd=self.code, env=env, capture_output=True, text=True, check=False)

    def listed(self, name: str, paths: Sequence[Path], labels: Sequence[str] = ()) -> str:
        """A manifest of the paths, with labels where there are some."""
        target = self.root / f"{name}.{'csv' if labels else 'txt'}"
        with target.open("w", newline="", encoding="utf-8") as file:
            if labels:
                csv.writer(file).writerows([("path", "label"), *zip(map(str, paths), labels, strict=True)])
            else:
                file.writelines(f"{path}\n" for path in paths)
        return str(target)

    def simulated(self, source: str, corruption: str, severity: int) -> str:
        target = self.root / f"{Path(source).stem}-{corruption}-{severity}"
        if not target.is_dir():
            done = self.run(
                "simulate", source, "-o", str(target), "--corruption", corruption, "--severity", str(severity)
            )
            assert done.returncode == 0, done.stderr
        return str(target)

    def artifact(self, name: str) -> Path:
        version = hashlib.sha256(str(self.code.resolve()).encode()).hexdigest()[:8]
        target = self.root / f"artifact-{version}" / name
        if not (target / "manifest.json").is_file():
            source, options = GOOD[name](self)
            done = self.run("fit", source, "-o", str(target), "--force", *options)
            assert done.returncode == 0, done.stderr
        return target


def shuffled(paths: Sequence[Path]) -> list[Path]:
    ordered = sorted(paths)
    return [ordered[i] for i in np.random.default_rng(0).permutation(len(ordered))]


def unpacked(work: Work, archive: str, folder: str, count: int) -> list[Path]:
    """Images of one folder of an archive ("" for all), as files."""
    target = work.root / f"{archive.replace('/', '-')}-{folder or 'all'}"
    with zipfile.ZipFile(work.data / archive) as found:
        names = sorted(n for n in found.namelist() if n.endswith((".png", ".jpg")))
        names = [n for n in names if not folder or n.split("/")[-2] == folder]
        chosen = [names[i] for i in np.random.default_rng(0).permutation(len(names))[:count]]
        for name in chosen:
            if not (target / name).is_file():
                found.extract(name, target)
    return [target / name for name in chosen]


def cats_and_dogs(work: Work, kind: str) -> list[Path]:
    return shuffled(list((work.data / "catsdogs").glob(f"{kind}.*.jpg")))


def insects(work: Work, part: str, kind: str) -> list[Path]:
    folder = work.data / "hymenoptera" / part / kind
    return shuffled([p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg"}])


def both(work: Work) -> list[Path]:
    """Cats and dogs in turn."""
    pairs = zip(cats_and_dogs(work, "cat"), cats_and_dogs(work, "dog"), strict=True)
    return [path for pair in pairs for path in pair]


@cache
def parts(root: Path, count: int) -> list[Path]:
    """Drawn machine parts of one good camera."""
    target = root / "parts"
    target.mkdir(exist_ok=True)
    paths = [target / f"{i:04d}.jpg" for i in range(count)]
    for i, path in enumerate(paths):
        if not path.is_file():
            path.write_bytes(photo(FOLDERS[0], i, 0).data)
    return paths


def scratched(work: Work) -> str:
    """60 parts, 17 of them with a scratch, a speck, a missing piece or a dent, anywhere."""
    target = work.root / "scratched"
    target.mkdir(exist_ok=True)
    for i, path in enumerate(parts(work.root, 360)[300:]):
        image = Image.open(path).convert("RGB")
        if i < SCRATCHED:
            image = damage(image, "scratch", np.random.default_rng(i)).image
        image.save(target / f"{path.stem}.png")
    return str(target)


def labelled(paths: Sequence[Path]) -> list[str]:
    return [path.name.split(".")[0] for path in paths]


def mixed(work: Work, *, labels: bool) -> str:
    """54 cats and 6 dogs."""
    paths = cats_and_dogs(work, "cat")[300:354] + cats_and_dogs(work, "dog")[300:306]
    return work.listed(f"mix-{labels}", paths, labelled(paths) if labels else ())


def _good_mix(work: Work, *, labels: bool) -> tuple[str, tuple[str, ...]]:
    paths = both(work)[:600]
    options = ("--stratify-by", "column:label") if labels else ()
    return work.listed(f"good-mix-{labels}", paths, labelled(paths) if labels else ()), options


GOOD: dict[str, Callable[[Work], tuple[str, tuple[str, ...]]]] = {
    "cats": lambda w: (w.listed("cats", cats_and_dogs(w, "cat")[:400]), ()),
    "ants": lambda w: (w.listed("ants", insects(w, "train", "ants") + insects(w, "val", "ants")), ()),
    "insects": lambda w: (w.listed("insects", insects(w, "train", "ants") + insects(w, "train", "bees")), ()),
    "digits": lambda w: (w.listed("digits", unpacked(w, "mnist/train.zip", "", 1000)), ()),
    "digits-autoencoder": lambda w: (
        w.listed("digits-3000", unpacked(w, "mnist/train.zip", "", 3000)),
        ("-c", str(HERE / "configs/autoencoder-mnist.yaml"), "--set", "fit.holdout=0.3", "--set", "extractors.autoencoder.epochs=4"),
    ),
    "cifar-cats": lambda w: (w.listed("cifar-cats", unpacked(w, "cifar10/test.zip", "cat", 800)), ()),
    "cifar-cars": lambda w: (w.listed("cifar-cars", unpacked(w, "cifar10/test.zip", "automobile", 800)), ()),
    "photos": lambda w: (w.listed("photos", both(w)[:600]), ()),
    "parts": lambda w: (w.listed("parts", parts(w.root, 360)[:300]), ("-c", str(HERE / "configs/inspection.yaml"))),
    "labelled": lambda w: _good_mix(w, labels=True),
}  # fmt: skip


def _photos(work: Work) -> str:
    return work.listed("other-photos", both(work)[700 : 700 + BATCH])


CASES = {
    "cats → dogs": Case("cats", lambda w: w.listed("dogs", cats_and_dogs(w, "dog")[:BATCH])),
    "ants → bees": Case("ants", lambda w: w.listed("bees", insects(w, "val", "bees")[:BATCH])),
    "digits → letters": Case("digits", lambda w: w.listed("letters", unpacked(w, "notmnist/test.zip", "", BATCH))),
    "digits → letters (autoencoder-mnist.yaml)": Case(
        "digits-autoencoder", lambda w: w.listed("letters", unpacked(w, "notmnist/test.zip", "", BATCH))
    ),
    "CIFAR-10 cats → dogs": Case(
        "cifar-cats", lambda w: w.listed("cifar-dogs", unpacked(w, "cifar10/test.zip", "dog", BATCH))
    ),
    "CIFAR-10 cars → trucks": Case(
        "cifar-cars", lambda w: w.listed("cifar-trucks", unpacked(w, "cifar10/test.zip", "truck", BATCH))
    ),
    "photos → blurred (severity 3)": Case("photos", lambda w: w.simulated(_photos(w), "gaussian_blur", 3)),
    "photos → darker (severity 3)": Case("photos", lambda w: w.simulated(_photos(w), "darken", 3)),
    "photos → JPEG (severity 3)": Case("photos", lambda w: w.simulated(_photos(w), "jpeg", 3)),
    "photos → drawn parts": Case("photos", lambda w: w.listed("some-parts", parts(w.root, 360)[300:])),
    "17 of 60 parts scratched": Case("parts", scratched),
    "mix 50/50 → 90/10, labelled": Case("labelled", lambda w: mixed(w, labels=True)),
    "mix 50/50 → 90/10, no labels": Case("photos", lambda w: mixed(w, labels=False)),
    "ants and bees, train → val (null)": Case(
        "insects",
        lambda w: w.listed("val", insects(w, "val", "ants")[: BATCH // 2] + insects(w, "val", "bees")[: BATCH // 2]),
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--code", type=Path, default=HERE)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-headlines")
    parser.add_argument("--only", nargs="+", default=[])
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    work = Work(data_folder(given.data), given.work, given.code)
    for name, case in CASES.items():
        if given.only and not any(wanted in name for wanted in given.only):
            continue
        artifact, batch = work.artifact(case.good), case.batch(work)
        result = given.work / "result.json"
        quiet = work.run("check", str(artifact), batch, "-q", "-o", f"json={result}")
        assert quiet.returncode in (0, 1), quiet.stderr
        found = json.loads(result.read_text(encoding="utf-8"))
        text = work.run("report", str(result)).stdout.splitlines()
        headline = next((line.strip() for line in text if line.strip()), "")
        families = [
            f"{f['name']} {f['p_adjusted']:.2g}"
            for f in found["families"]
            if f["significant"] and f["gate"] == "on"
        ]
        print(f"\n### {name}\n\n- verdict: {found['verdict']}; {', '.join(families)}")
        print(f"- headline: {found.get('headline', {}).get('statement') or headline}")
        print(f"- first lines: {' / '.join(line.strip() for line in text[:4])}")
        print(f"- log line: `{quiet.stdout.strip()}`\n- first reason: {(found['reasons'] or ['-'])[0]}")
        print(f"- others: {' | '.join(found['reasons'][1:])}", flush=True)
        seen = ["; ".join(image["reasons"]) for image in found["images"][:3]]
        print(f"- images: {' / '.join(seen)}", flush=True)


if __name__ == "__main__":
    main()
