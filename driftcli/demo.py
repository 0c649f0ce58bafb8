"""The whole story on sample images: learn, calibrate, then a week on the line in which the camera goes soft."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftcli.errors import InternalError
from driftcli.sample.days import FOLDERS, generate

if TYPE_CHECKING:
    from driftcli.records import Calibrated, Fitted
    from driftcli.settings import Settings

Out = Callable[[str], None]
Runner = Callable[[list[str]], tuple[int, str]]
"""Runs one command line, without the word `driftcli`: its exit code and what it printed."""

CODES: Mapping[int, str] = {0: "passed", 1: "gate failed", 2: "usage", 3: "not audited", 4: "internal"}


@dataclass(frozen=True)
class Chapter:
    """One day: what happened at the line, and the exit code that the story tells; None: reported as it is."""

    name: str
    truth: str
    code: int | None


WEEK = (
    Chapter("day-01", "good", 0),
    Chapter("day-02", "good", 0),
    Chapter("day-03", "good", 0),
    Chapter("day-04", "lens slightly out of focus", 1),
    Chapter("day-05", "a little more", 1),
    Chapter("day-06", "and the lamp turns yellow", 1),
    Chapter("day-07", "both get worse", 1),
    Chapter("day-mix", "good camera, other mix of parts", None),
)


@dataclass(frozen=True)
class InProcess:
    """Runs the demo's command lines through the Python API, so that torch loads once and not ten times."""

    width: int = 100

    def __call__(self, argv: list[str]) -> tuple[int, str]:
        """As `driftcli ARGV` would. Raises DriftcliError where the command would print `error:`."""
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument("command", choices=("fit", "baseline", "check"))
        parser.add_argument("words", nargs="+")
        parser.add_argument("-o", "--output", default="")
        parser.add_argument("-q", "--quiet", action="store_true")
        parser.add_argument("--force", action="store_true")
        parser.add_argument("--seed", type=int, default=0)
        given = parser.parse_args(argv)
        from driftcli.settings import Settings

        settings = Settings(seed=given.seed)
        if given.command == "check":
            return self._check(given, settings)
        return 0, self._learn(given, settings)

    def _learn(self, given: argparse.Namespace, settings: Settings) -> str:
        """`fit` or `baseline`, and a sentence on what it did."""
        from driftcli import audit

        if given.command == "fit":
            fitted = audit.fit(given.words, Path(given.output), settings, force=given.force)
            return _learnt(fitted)
        artifact, *sources = given.words
        return _calibrated(audit.baseline(Path(artifact), sources, settings))

    def _check(self, given: argparse.Namespace, settings: Settings) -> tuple[int, str]:
        """`check`: the report as text, and as JSON where `-o json=FILE` asks for it."""
        from driftcli import audit, registry

        artifact, *sources = given.words
        report = audit.check(Path(artifact), sources, settings)
        form, _, target = given.output.partition("=")
        if target:
            Path(target).write_text(registry.load("reports", form)().render(report), encoding="utf-8")
        text = registry.load("reports", "text")(width=self.width, color=False, quiet=given.quiet)
        return report.exit_code, text.render(report)


def _learnt(fitted: Fitted) -> str:
    """What `fit` did, in a sentence, and what it was cautious about."""
    said = f"learnt from {fitted.fitted_on} images, kept back {fitted.held_out} ({fitted.seconds:.0f} s)"
    return "\n".join((said, *(f"caution: {caution}" for caution in fitted.cautions)))


def _calibrated(made: Calibrated) -> str:
    """What `baseline` did, in a sentence, and what it was cautious about."""
    said = f"baseline {made.baseline!r}: {made.images} held-out good images ({made.seconds:.0f} s)"
    return "\n".join((said, *(f"caution: {caution}" for caution in made.cautions)))


@dataclass(frozen=True)
class Teller:
    """Says each command before it runs, and its exit code after."""

    runner: Runner
    out: Out
    seed: int

    def do(self, *argv: str) -> int:
        """Run one command, in full view."""
        words = [*argv, *(("--seed", str(self.seed)) if self.seed else ())]
        self.out(f"$ driftcli {shlex.join(words)}")
        code, text = self.runner(words)
        if text.strip():
            self.out(text.rstrip("\n"))
        meaning = CODES.get(code, "unknown") if code or argv[0] == "check" else "done"
        self.out(f"  exit code {code}: {meaning}")
        self.out("")
        return code


def home(folder: Path) -> Path:
    """Where the images go: the folder itself; of a checkout's `sample_data`, its `images`."""
    return folder / "images" if (folder / "generate.py").is_file() else folder


def _images(root: Path, seed: int, out: Out) -> None:
    """Sees to it that the sample images are there."""
    total = sum(folder.images for folder in FOLDERS)
    out(f"Sample images: {total} pictures of machined parts on a belt, in {root}")
    made = generate(root, seed, lambda name: out(f"  making {name}"))
    out(f"  {made} made" if made else "  all there already")
    out("")


def _learn(root: Path, teller: Teller) -> None:
    """fit, then baseline. Raises InternalError when either does not return 0."""
    reference = root / "ref"
    again = ("--force",) if reference.exists() else ()
    teller.out("1. Learn what good images look like, and calibrate on good images that were not learnt from.")
    for argv in (
        ("fit", str(root / "reference"), "-o", str(reference), *again),
        ("baseline", str(reference), str(root / "good")),
    ):
        if code := teller.do(*argv):
            raise _untold([f"`driftcli {argv[0]}` returned {code}, not 0"])


def _week(root: Path, teller: Teller) -> dict[str, int]:
    """One line for each day, its result kept as JSON; exit codes by day."""
    results = root / "results"
    results.mkdir(exist_ok=True)
    teller.out("3. The week as a nightly job sees it: one line and one exit code a day.")
    codes = {}
    for day in WEEK:
        target = results / f"{day.name}.json"
        target.unlink(missing_ok=True)
        source = str(root / day.name)
        codes[day.name] = teller.do("check", str(root / "ref"), source, "-q", "-o", f"json={target}")
    return codes


def _result(root: Path, day: str) -> tuple[str, str]:
    """Verdict and p of a day's JSON result, as words; `-` where there is none."""
    try:
        found: dict[str, Any] = json.loads((root / "results" / f"{day}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "-", "-"
    p = found.get("gate", {}).get("p_value")
    return str(found.get("verdict", "-")), "-" if p is None else f"{p:.4f}"


def _table(root: Path, codes: Mapping[str, int], out: Out) -> None:
    """Days by verdict, p and exit code, beside what was really wrong."""
    out(f"{'day':<9}{'what happened':<34}{'verdict':<14}{'p':>8}{'exit':>6}")
    for day in WEEK:
        verdict, p = _result(root, day.name)
        out(f"{day.name:<9}{day.truth:<34}{verdict:<14}{p:>8}{codes[day.name]:>6}")
    out("")


def _next(root: Path, out: Out) -> None:
    """Commands worth typing next."""
    reference, mix = root / "ref", root / "day-mix" / "manifest.csv"
    steps = (
        ("See the culprits:", ("check", reference, root / "day-06", "-o", f"html={root / 'day-06.html'}")),
        ("What this gate can see:", ("inspect", reference)),
        ("The parts changed, or the pictures? Calibrate with classes, and compare within them:",
         ("baseline", reference, root / "good" / "manifest.csv", "--name", "classes", "--stratify-by", "column:label")),
        ("", ("check", reference, mix, "--baseline", "classes", "--stratify-by", "column:label")),
        ("Your own images:", ("fit", "GOOD_IMAGES", "-o", "ref")),
    )  # fmt: skip
    out("What to do next")
    for purpose, words in steps:
        if purpose:
            out(f"  {purpose}")
        out(f"    driftcli {shlex.join(map(str, words))}")


def _untold(faults: list[str]) -> InternalError:
    """The demo's only failure of its own: never 1, which belongs to the gate."""
    return InternalError(
        f"the story did not come out as told: {'; '.join(faults)}",
        "one good day in a hundred fails a gate at alpha 0.01; anything else is worth a bug report "
        "with this output and that of `driftcli doctor`",
    )


def run(folder: Path, *, seed: int = 0, out: Out, runner: Runner | None = None) -> int:
    """Tell the story in `folder`, making the images if they are absent; 0 when it came out as told.

    Raises InternalError (exit 4) when a command returned another code than the story tells, after all of
    it has been shown; whatever error a command itself raises passes through with its own code.
    """
    root = home(folder)
    teller = Teller(runner or InProcess(), out, seed)
    _images(root, seed, out)
    _learn(root, teller)
    out("2. Audit two days: a good one, and one with a soft lens and a yellow lamp.")
    codes = {day: teller.do("check", str(root / "ref"), str(root / day)) for day in ("day-02", "day-06")}
    told = {day.name: day.code for day in WEEK}
    faults = [f"{day} returned {code}, not {told[day]}" for day, code in codes.items() if code != told[day]]
    codes = _week(root, teller)
    _table(root, codes, out)
    wrong = [day for day in WEEK if day.code is not None and codes[day.name] != day.code]
    faults += [f"{day.name} returned {codes[day.name]}, not {day.code}" for day in wrong]
    if faults:
        raise _untold(list(dict.fromkeys(faults)))
    _next(root, out)
    return 0
