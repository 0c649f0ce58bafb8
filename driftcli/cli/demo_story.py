"""The whole story on sample images: learn, calibrate, then a week on the line in which the camera goes soft."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from driftcli.core.errors import InternalError
from driftcli.simulation.sample.days import FOLDERS, generate

Out = Callable[[str], None]
Runner = Callable[[list[str]], tuple[int, str]]
"""Runs one command line, without the word `driftcli`: its exit code and what it printed."""

TITLE = "driftcli demo: a camera above a conveyor belt, and a week in which it goes out of focus."
GOOD_DAY, BAD_DAY = "day-02", "day-06"
"""Shown on their own before the week."""
BOLD, GREEN, RED = "1", "32", "31"


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
    Chapter("day-04", "lens slightly soft", 1),
    Chapter("day-05", "softer", 1),
    Chapter("day-06", "and the lamp turns yellow", 1),
    Chapter("day-07", "both grow worse", 1),
    Chapter("day-mix", "good camera, other parts", None),
)


@dataclass(frozen=True)
class Teller:
    """Says each command before it runs; remembers the exit code of each day."""

    root: Path
    runner: Runner
    say: Out
    extra: tuple[str, ...] = ()
    """Options that every line gets."""
    color: bool = False
    codes: dict[str, int] = field(default_factory=dict)

    def heading(self, number: int, text: str) -> None:
        """A chapter's title."""
        self.say(f"\n{self.paint(f'{number}. {text}', BOLD)}")

    def paint(self, text: str, code: str) -> str:
        """The text in one of the terminal's own colours, where colour is wanted."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text

    def do(self, *argv: str) -> int:
        """Run one command in full view."""
        words = [*argv, *self.extra]
        self.say(self.paint(f"$ driftcli {shlex.join(words)}", BOLD))
        code, text = self.runner(words)
        self.say(text.rstrip("\n"))
        return code

    def check(self, day: str, *options: str, show: bool) -> None:
        """Audit a day, once; its JSON result stays in `results`."""
        kept = self.root / "results" / f"{day}.json"
        kept.unlink(missing_ok=True)
        argv = ["check", str(self.root / "ref"), str(self.root / day), *options, "-o", f"json={kept}"]
        if show:
            self.codes[day] = self.do(*argv)
            if "-q" not in options:  # that line ends with the code
                self.say(self.paint(f"exit code {self.codes[day]}", BOLD))
        else:
            self.codes[day] = self.runner([*argv, *self.extra])[0]


DEFAULT = Path("driftcli-demo")


def place(wanted: Path) -> Path:
    """The wanted folder; for the default one `sample_data` when the current directory is driftcli's checkout."""
    ours = (
        Path("sample_data", "generate.py").is_file()
        and Path("driftcli", "simulation", "sample", "days.py").is_file()
    )
    return Path("sample_data") if ours and wanted == DEFAULT else wanted


def home(folder: Path) -> Path:
    """Where the images go: the folder itself; of a checkout's `sample_data`, its `images`."""
    return folder / "images" if (folder / "generate.py").is_file() else folder


def _images(teller: Teller, seed: int) -> None:
    """Sees to it that the sample images are there."""
    teller.heading(1, "Sample images")
    started = time.monotonic()
    made = generate(teller.root, seed)
    total = sum(folder.images for folder in FOLDERS)
    when = f"made in {time.monotonic() - started:.0f} s" if made else "there already"
    teller.say(f"{total:,} pictures of machined parts in {teller.root}, {when}")


def _learn(teller: Teller) -> None:
    """fit, then baseline. Raises InternalError when either does not return 0."""
    root, reference = teller.root, teller.root / "ref"
    again = ("--force",) if reference.exists() else ()
    teller.heading(2, "Learn from good images, then calibrate on good images that were not learnt from")
    for argv in (
        ("fit", str(root / "reference"), "-o", str(reference), *again),
        ("baseline", str(reference), str(root / "good")),
    ):
        if code := teller.do(*argv):
            raise _untold([f"`driftcli {argv[0]}` returned {code}, not 0"])


def _two_days(teller: Teller) -> None:
    """A good day in one line, a bad one in full."""
    (teller.root / "results").mkdir(exist_ok=True)
    teller.heading(3, "A good day: with -q one line for the log")
    teller.check(GOOD_DAY, "-q", show=True)
    teller.heading(4, "A bad day: the whole report")
    teller.check(BAD_DAY, show=True)


def _week(teller: Teller) -> None:
    """Every day in a row of a table, as far as it was not audited above."""
    teller.heading(5, "The whole week, as a nightly job sees it: exit code 1 is the alarm")
    teller.say(f"{'day':<9}{'what happened':<26}{'driftcli says':<32}{'p':>7}{'exit':>6}")
    for day in WEEK:
        if day.name not in teller.codes:
            teller.check(day.name, "-q", show=False)
        said, p = _result(teller.root, day.name)
        code = teller.codes[day.name]
        shown = teller.paint(f"{said:<32}", RED if code else GREEN)
        teller.say(f"{day.name:<9}{day.truth:<26}{shown}{p:>7}{code:>6}")


def _result(root: Path, day: str) -> tuple[str, str]:
    """Verdict with its words, and p, of a day's JSON result; `-` where there is none."""
    try:
        found: dict[str, Any] = json.loads((root / "results" / f"{day}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "-", "-"
    p = found.get("gate", {}).get("p_value")
    headline = found.get("headline") or {}
    words = (
        ["another mix"]
        if headline.get("kind") == "mix"
        else [str(word) for word in headline.get("words", ())]
    )
    verdict = str(found.get("verdict", "-"))
    said = f"{verdict}: {', '.join(words[:2])}" if words and verdict != "pass" else verdict
    return said, "-" if p is None else f"{p:.4f}"


def _next(teller: Teller) -> None:
    """Commands worth typing next."""
    reference, classes = teller.root / "ref", ("--stratify-by", "column:label")
    good, mix = (teller.root / folder / "manifest.csv" for folder in ("good", "day-mix"))
    steps: tuple[tuple[str, tuple[tuple[Any, ...], ...]], ...] = (
        ("What this reference is made from:", (("inspect", reference),)),
        ("Did the pictures change on day-mix, or only the parts? Compare within each kind of part:",
         (("baseline", reference, good, "--name", "parts", *classes),
          ("check", reference, mix, "--baseline", "parts", *classes))),
        ("Your own images:", (("fit", "GOOD_IMAGES", "-o", "ref"), ("check", "ref", "NEW_IMAGES"))),
    )  # fmt: skip
    teller.say(f"\n{teller.paint('What to do next', BOLD)}")
    for purpose, lines in steps:
        teller.say(purpose)
        for words in lines:
            teller.say(f"  driftcli {shlex.join(map(str, words))}")


def _untold(faults: list[str]) -> InternalError:
    """The demo's only failure of its own: never 1, which belongs to the gate."""
    return InternalError(
        f"the story did not come out as told: {'; '.join(faults)}",
        "one good day in a hundred fails a gate at alpha 0.01; anything else is worth a bug report "
        "with this output and that of `driftcli doctor`",
    )


def _faults(codes: Mapping[str, int]) -> list[str]:
    """Days that returned another code than the story tells."""
    return [
        f"{day.name} returned {codes[day.name]}, not {day.code}"
        for day in WEEK
        if day.code is not None and codes[day.name] != day.code
    ]


def run(teller: Teller, seed: int = 0) -> int:
    """Tell the story in the teller's folder, making the images if they are absent; 0 when it came out as told.

    Raises InternalError (exit 4) when a command returned another code than the story tells, after all of
    it has been shown; whatever error a command itself raises passes through with its own code.
    """
    teller.say(TITLE)
    _images(teller, seed)
    _learn(teller)
    _two_days(teller)
    _week(teller)
    if faults := _faults(teller.codes):
        raise _untold(faults)
    _next(teller)
    return 0
