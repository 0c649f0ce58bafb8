"""The demo's story: which commands it runs, and when it says that the story did not come out as told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from driftcli.cli import demo_story
from driftcli.cli.app import app
from driftcli.core.errors import InternalError, NotAuditedError
from driftcli.simulation.sample import days, samples

BAD = {"day-04", "day-05", "day-06", "day-07"}


class Fake:
    """A runner that knows the truth, except where it is told otherwise."""

    def __init__(self, **codes):
        self.codes = {name.replace("_", "-"): code for name, code in codes.items()}
        self.lines = []

    def __call__(self, argv):
        self.lines.append(argv)
        if argv[0] != "check":
            return self.codes.get(argv[0], 0), f"{argv[0]} done"
        day = Path(argv[2]).name
        code = self.codes.get(day, int(day in BAD))
        if "-o" in argv:
            result = {"verdict": "drift" if code else "pass", "gate": {"p_value": 0.0002 if code else 0.4}}
            kind = ("mix" if day == "day-mix" else "look") if code else "same"
            result["headline"] = {
                "statement": "as written",
                "kind": kind,
                "words": ["blurrier"] if code else [],
            }
            Path(argv[argv.index("-o") + 1].removeprefix("json=")).write_text(json.dumps(result))
        return code, f"report on {day}"


@pytest.fixture(autouse=True)
def _few_images(monkeypatch):
    few = tuple(days.Folder(f.name, 1, f.first_day, f.mix, f.fault) for f in days.FOLDERS)
    monkeypatch.setattr(days, "FOLDERS", few)
    monkeypatch.setattr(demo_story, "FOLDERS", few)


def tell(root, runner, seed=0, extra=()):
    said = []
    code = demo_story.run(demo_story.Teller(demo_story.home(root), runner, said.append, extra), seed)
    return code, "\n".join(said)


def test_the_story_comes_out(tmp_path):
    """Exit 0; each day is audited once; what is shown is what is typed; the table has the week in it."""
    runner = Fake()
    code, text = tell(tmp_path, runner)
    assert code == 0
    assert [line[0] for line in runner.lines] == ["fit", "baseline", *["check"] * 8]
    assert sorted(Path(line[2]).name for line in runner.lines[2:]) == [day.name for day in demo_story.WEEK]
    assert all(f"$ driftcli {' '.join(line)}" in text for line in runner.lines[:4])
    assert text.count("report on") == 2
    assert "report on day-06\nexit code 1" in text
    rows = [line for line in text.splitlines() if line.startswith("day-") and line[-1].isdigit()]
    assert [row.split()[0] for row in rows] == [day.name for day in demo_story.WEEK]
    assert "drift: blurrier" in rows[3]
    assert rows[3].endswith("0.0002     1")
    assert rows[-1].split()[-3:] == ["pass", "0.4000", "0"]
    assert max(len(row) for row in rows) <= 80
    assert "What to do next" in text


def test_another_mix_is_called_so(tmp_path):
    _, text = tell(tmp_path, Fake(day_mix=1))
    assert "drift: another mix" in next(line for line in text.splitlines() if line.startswith("day-mix"))


@pytest.mark.parametrize("wrong", [{"day_02": 1}, {"day_06": 0}, {"day_04": 0}, {"day_01": 3}])
def test_another_exit_code_is_an_internal_failure_never_1(tmp_path, wrong):
    """The code is 4, and the message names the day."""
    with pytest.raises(InternalError, match="did not come out as told") as raised:
        tell(tmp_path, Fake(**wrong))
    assert raised.value.exit_code == 4
    assert next(iter(wrong)).replace("_", "-") in raised.value.what


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_mix_day_is_reported_as_it_is(tmp_path, code):
    """Whatever the gate says of another class mix, the story stands."""
    assert tell(tmp_path, Fake(day_mix=code))[0] == 0


@pytest.mark.parametrize("command", ["fit", "baseline"])
def test_without_a_reference_nothing_is_checked(tmp_path, command):
    """The story stops where learning fails."""
    runner = Fake(**{command: 3})
    with pytest.raises(InternalError, match=command):
        tell(tmp_path, runner)
    assert runner.lines[-1][0] == command


def test_a_commands_own_error_passes_through(tmp_path):
    """Missing weights stay what they are."""

    def broken(_argv):
        raise NotAuditedError("no", "yes")

    with pytest.raises(NotAuditedError):
        tell(tmp_path, broken)


def test_told_twice_the_reference_is_replaced(tmp_path):
    """An artifact of an earlier demo needs --force; the images are not made again."""
    tell(tmp_path, Fake())
    (tmp_path / "ref").mkdir()
    runner = Fake()
    text = tell(tmp_path, runner)[1]
    assert "--force" in runner.lines[0]
    assert "there already" in text


def test_the_seed_is_in_every_line(tmp_path):
    """The lines shown are the lines to type, seed and other options included."""
    runner = Fake()
    tell(tmp_path, runner, seed=5, extra=("--seed", "5"))
    assert all(line[-2:] == ["--seed", "5"] for line in runner.lines)


def test_a_checkouts_sample_data_keeps_images_in_the_ignored_folder(tmp_path):
    """Beside generate.py, everything goes to images/."""
    (tmp_path / "generate.py").touch()
    tell(tmp_path, Fake())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["generate.py", "images"]


def test_where_the_story_happens_by_default(tmp_path, monkeypatch):
    """In driftcli's own checkout beside the generator, elsewhere in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    assert demo_story.place(Path("driftcli-demo")) == Path("driftcli-demo")
    monkeypatch.chdir(Path(__file__).parents[2])
    assert demo_story.home(demo_story.place(Path("driftcli-demo"))) == Path("sample_data", "images")
    assert demo_story.place(tmp_path) == tmp_path


def test_next_steps_are_command_lines_that_parse(tmp_path):
    """Nothing is recommended that does not exist."""
    text = tell(tmp_path, Fake())[1].partition("What to do next")[2]
    lines = [line.split()[1:] for line in text.splitlines() if line.startswith("  driftcli ")]
    assert len(lines) == 5
    group = typer.main.get_command(app)
    for verb, *words in lines:
        command = group.commands[verb]
        command.make_context(verb, words, resilient_parsing=False)


def test_drawing_is_all_that_draw_does(main, tmp_path, monkeypatch):
    """The folders are named with their sizes; a second time they are there already; no reference is learnt."""
    sample = samples.CHARACTERS
    few = replace(sample, folders=tuple(replace(folder, images=2) for folder in sample.folders))
    monkeypatch.setitem(samples.SAMPLES, "characters", few)
    ran = main("demo", "--draw", "characters", "-o", str(tmp_path / "drawn"))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"8 images in {tmp_path / 'drawn'}, drawn: digits (2), digits-good (2)")
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        "digits", "digits-good", "digits-today", "letters-today", "sample.json",
    ]  # fmt: skip
    assert "there already" in main("demo", "--draw", "characters", "-o", str(tmp_path / "drawn")).out
    assert main("demo", "--draw", "cats").code == 2
