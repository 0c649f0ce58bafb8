"""The stories of docs/stories.md on their real data: runs the page's own commands and prints what came out.

    python tests/benchmarks/stories.py digits photos week [--data FOLDER] [--scratch FOLDER] [--drawn]

FOLDER (or DRIFTCLI_DATA) holds mnist, notmnist, hymenoptera and catsdogs. `--drawn` runs the lists on images that
driftcli draws. A row is one `check`: exit code, p of the batch gate, and of an autoencoder the losses. Seed 0, one
run: the spread of such figures is what `notebook_mnist.py`, `hymenoptera.py` and `whylabs_story.py` measure.
Digits train for about ten minutes on two cores; what is there already is fitted and simulated again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shlex
import tempfile
import time
from pathlib import Path

from _lab import data_folder, machine
from markdown_it import MarkdownIt

from driftcli.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "stories.md"
TITLES = {
    "digits": "Digits, noisy digits, letters",
    "photos": "Photos, and the same photos out of focus",
    "week": "A week of daily batches",
}


def lines(title: str, *, drawn: bool) -> list[list[str]]:
    """Words of the first command list under a heading, or of the last."""
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = next(part for part in sections if part.startswith(title))
    blocks = [t.content for t in MarkdownIt().parse(text) if t.type == "fence" and t.info == "sh"]
    block = blocks[0] if drawn else blocks[-1]
    return [shlex.split(line, comments=True)[1:] for line in block.splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stories", nargs="+", choices=TITLES)
    parser.add_argument("--data")
    parser.add_argument("--drawn", action="store_true")
    parser.add_argument("--kept", action="store_true", help="do not fit where the artifact is there")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-stories")
    given = parser.parse_args()
    given.scratch.mkdir(parents=True, exist_ok=True)
    if not given.drawn:
        for data in data_folder(given.data).iterdir():
            link = given.scratch / data.name
            if not link.exists():
                link.symlink_to(data.resolve())
    os.chdir(given.scratch)
    print(machine())
    for story in given.stories:
        tell(story, lines(TITLES[story], drawn=given.drawn), kept=given.kept)


def tell(story: str, told: list[list[str]], *, kept: bool) -> None:
    """Run a list, and a row for every check."""
    print(f"\n{TITLES[story]}\n\n| check | against | n | exit | p | loss | output entropy | s | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for database in {word for words in told for word in words if word.endswith(".db")}:
        for file in (database, f"{database}-wal", f"{database}-shm"):
            Path(file).unlink(missing_ok=True)
    for words in told:
        output = words[words.index("-o") + 1] if "-o" in words else ""
        if kept and words[0] == "fit" and Path(output).exists():
            continue
        again = ["--force"] if words[0] in {"fit", "simulate"} and Path(output).exists() else []
        asked = ["-o", "json=result.json"] if words[0] == "check" else []
        row(words, *command([*words, *again, *asked]))


def command(words: list[str]) -> tuple[int, float, float]:
    """Exit code, seconds and CPU seconds (its workers' too) of one command line in this process."""
    start, before = time.perf_counter(), cpu()
    with Path(os.devnull).open("w") as nothing:
        out = os.dup(1)
        os.dup2(nothing.fileno(), 1)
        try:
            code = app.run(words)
        finally:
            os.dup2(out, 1)
            os.close(out)
    return code, time.perf_counter() - start, cpu() - before


def cpu() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def row(words: list[str], code: int, seconds: float, used: float) -> None:
    """One line of the table."""
    if words[0] != "check":
        print(f"| ({words[0]} {words[1]}) | | | {code} | | | | {seconds:.0f} | {used:.0f} |", flush=True)
        return
    result = json.loads(Path("result.json").read_text(encoding="utf-8"))
    rows = {s["name"]: s for family in result["families"] for s in family["statistics"]}
    losses = [pair(rows.get(f"{name}.mean"), rows.get(against)) for name, against in FIGURES]
    gate = result["gate"]
    print(
        f"| {words[2]} | {result['reference']['baseline']} ({result['reference']['images']}) "
        f"| {result['batch']['images']} | {code} | {gate['p_value']} | {' | '.join(losses)} "
        f"| {seconds:.0f} | {used:.0f} |",
        flush=True,
    )


FIGURES = (("loss", "loss.mean"), ("output_entropy", "validation_loss.mean"))


def pair(measured: dict | None, against: dict | None) -> str:
    """The batch's mean and what it is more than the baseline's mean of `against`."""
    if measured is None or against is None:
        return "–"
    return f"{measured['batch']:.4f} of {against['baseline']:.4f}: {measured['batch'] / against['baseline'] - 1:+.1%}"


if __name__ == "__main__":
    main()
