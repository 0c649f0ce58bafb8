"""README and the manual say what the code does: their commands parse, their tables are the code's, their links lead.

What is checked of README is checked of every page in docs/.
"""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer
from markdown_it import MarkdownIt

from driftcli.cli.app import app
from driftcli.config.resolve import resolve
from driftcli.core.shipped import configurations
from tests.readme_blocks import BLOCKS, ROOT, pages, updated

README, INDEX = ROOT / "README.md", ROOT / "docs" / "README.md"
PAGES = pages()
MANUAL = [page for page in PAGES if page not in {README, INDEX}]
PROSE = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]
COMMANDS = typer.main.get_command(app).commands
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
PICTURES = f"{REPOSITORY}/raw/main/"
"""Where README's pictures are asked for, so that an index of packages shows them too."""


def _id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=_id)
every_text = pytest.mark.parametrize("page", PROSE, ids=_id)


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _blocks(text: str, language: str) -> list[str]:
    """Fenced blocks of one language."""
    tokens = MarkdownIt().parse(text)
    return [token.content for token in tokens if token.type == "fence" and token.info == language]


def _inline(text: str):
    """Everything inside paragraphs, headings, lists and tables."""
    for token in MarkdownIt().enable("table").parse(text):
        yield from token.children or ()


def _links(text: str) -> list[str]:
    """Targets of links and pictures."""
    names = {"link_open": "href", "image": "src"}
    return [str(token.attrs[names[token.type]]) for token in _inline(text) if token.type in names]


def _spans(text: str) -> list[str]:
    """Code in running text."""
    return [" ".join(token.content.split()) for token in _inline(text) if token.type == "code_inline"]


def _anchors(text: str) -> set[str]:
    """Names of headings as hosts of Markdown make them: lower case, blanks to hyphens, punctuation left out."""
    tokens = MarkdownIt().parse(text)
    titles = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


# ---------------------------------------------------------------- generated parts


@every_page
def test_the_generated_blocks_are_the_codes(page):
    """If this fails, run `python -m tests.readme_blocks` and read the difference."""
    assert updated(_read(page)) == _read(page)


def test_every_block_stands_in_one_page():
    """And every mark belongs to a block."""
    marks = [name for page in PAGES for name in re.findall(r"<!-- (\w+):begin -->", _read(page))]
    assert sorted(marks) == sorted(BLOCKS)


# ---------------------------------------------------------------- the landing page


def test_readme_is_a_landing_page():
    assert len(_read(README).splitlines()) <= 200


def test_ci_runs_readmes_test_command_and_nothing_else_decides():
    """`.ci/run` is README's line between a `cd` and the end."""
    lines = [
        line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert lines[:2] == ["set -euo pipefail", 'cd "$(dirname "$0")/.."']
    assert lines[2:] == ["python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest"]
    assert f"{lines[2]}\n" in _blocks(_read(README), "sh")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    steps = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert "- run: .ci/run\n" in steps


def test_the_main_command_is_there():
    demo = "python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/driftcli demo"
    assert f"{demo}\n" in _blocks(_read(README), "sh")


def test_the_picture_of_a_report_is_on_the_first_screen():
    """By an address that also works away from the repository."""
    head = "\n".join(_read(README).splitlines()[:20])
    pictures = [token.attrs["src"] for token in _inline(head) if token.type == "image"]
    assert len(pictures) == 1
    assert pictures[0].startswith(PICTURES)


def test_the_exit_codes_are_the_same_everywhere():
    """README's table, the manual's and the program's help name the same numbers."""
    listed = [
        set(re.findall(r"^\| ([0-4]) \| ", _read(page), re.MULTILINE))
        for page in (README, ROOT / "docs" / "exit-codes.md")
    ]
    assert listed == [set("01234"), set("01234")]


# ---------------------------------------------------------------- the manual


@pytest.mark.parametrize("page", MANUAL, ids=_id)
def test_a_page_starts_with_one_sentence_that_says_what_it_is_for(page):
    title, purpose, *_ = _read(page).split("\n\n")
    assert re.fullmatch(r"# .+", title)
    assert re.fullmatch(r"[^\n]+[^.\n]\.", purpose)
    assert ". " not in purpose


def test_the_contents_name_every_page_with_its_sentence():
    """`driftcli help` reads this list; README links to each page, too."""
    listed = dict(re.findall(r"^- \[[\w-]+\]\(([\w-]+\.md)\): (.*)$", _read(INDEX), re.MULTILINE))
    assert listed == {page.name: _read(page).split("\n\n")[1] for page in MANUAL}
    assert {f"docs/{page.name}" for page in MANUAL} <= set(_links(_read(README)))


def test_no_page_has_the_name_of_a_command():
    """`driftcli help check` is the command's own help."""
    assert not {page.stem for page in MANUAL} & set(COMMANDS)


# ---------------------------------------------------------------- command lines


def _whole(text: str) -> list[list[str]]:
    """Words of every command line of driftcli in blocks of shell, YAML and cron, and in recorded sessions."""
    lines = [line.strip() for block in _blocks(text, "sh") for line in block.splitlines()]
    lines += re.findall(r"^\$ (driftcli .*)$", "".join(_blocks(text, "text")), re.MULTILINE)
    for block in [*_blocks(text, "yaml"), *_blocks(text, "cron")]:
        lines += re.findall(r"\bdriftcli (?:fit|baseline|check|report) .*", block)
    return _words(lines)


def _words(lines: list[str]) -> list[list[str]]:
    """What follows `driftcli`, without what the shell does with it."""
    calls = [line.split("&& .venv/bin/")[-1].split("print0 | ")[-1] for line in lines]
    calls = [re.split(r" \|| >>| <", call)[0] for call in calls if call.startswith("driftcli ")]
    return [shlex.split(call, comments=True)[1:] for call in calls]


@every_text
def test_every_command_line_parses(page):
    """By the command line itself: arguments, options and their values."""
    for verb, *words in _whole(_read(page)):
        COMMANDS[verb].make_context(verb, list(words))


@every_text
def test_commands_in_running_text_have_the_options_that_are_named(page):
    """Their arguments may be left out."""
    for verb, *words in _words(_spans(_read(page))):
        if verb.startswith("-"):
            assert verb in {"--version", "--help", "--install-completion"}
            continue
        assert verb in COMMANDS, (verb, words)
        known = {name for param in COMMANDS[verb].params for name in (*param.opts, *param.secondary_opts)}
        for word in words:
            if re.match(r"--?[a-zA-Z]", word):
                assert word.partition("=")[0] in known | {"--help"}, (verb, words)


def test_command_lines_are_found():
    """So that the tests above do not pass for having looked at none."""
    assert len(_whole(_read(README))) >= 5
    assert sum(len(_whole(_read(page))) for page in MANUAL) >= 18
    assert sum(len(_words(_spans(_read(page)))) for page in MANUAL) >= 18


@every_text
def test_every_option_in_running_text_exists(page):
    """`--tolerance 5%` by itself, without its command; a few are pip's and the benchmarks'."""
    known = {name for command in COMMANDS.values() for param in command.params for name in param.opts}
    foreign = {"--help", "--version", "--install-completion", "--find-links", "--design", "--cli"}
    for span in _spans(_read(page)):
        if span.startswith("--"):
            assert re.split(r"[ =]", span)[0] in known | foreign, span


@every_text
def test_shipped_configurations_that_are_named_exist(page):
    named = re.findall(r"(?:-c |config=\")([\w-]+)(?![\w./-])", _read(page))
    assert set(named) <= {*configurations(), "NAME"}


# ---------------------------------------------------------------- links and names


@every_text
def test_links_lead_somewhere(page):
    """Files, pictures and headings; other places by https only."""
    for target in _links(_read(page)):
        if re.match(r"\w+:", target) and not target.startswith(PICTURES):
            assert target.startswith("https://"), target
            continue
        name, _, anchor = target.partition("#")
        beside = ROOT / name.removeprefix(PICTURES) if name.startswith(PICTURES) else page.parent / name
        there = beside.resolve() if name else page
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        assert not anchor or anchor in _anchors(_read(there)), target


@every_page
def test_named_files_exist(page):
    """Configurations, recipes, benchmarks and pictures in running text."""
    for span in _spans(_read(page)):
        for target in re.findall(r"^(?:configs|tests|sample_data|driftcli|docs)/[\w./-]*", span):
            assert (ROOT / target).exists() or target.startswith("sample_data/images"), target


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "measured.md"], ids=_id)
def test_every_table_of_figures_names_its_script(page):
    """In the section that it stands in."""
    sections = _read(page).split("\n## ")[1:]
    for section in sections:
        tables = re.findall(r"^\|.*(?:\.\d\d|\d %).*\|$", section, re.MULTILINE)
        assert not tables or "tests/benchmarks/" in section, section.splitlines()[0]


@every_page
def test_yaml_examples_resolve(page, tmp_path):
    """YAML that is said to be a configuration."""
    for number, block in enumerate(_blocks(_read(page), "yaml")):
        if block.startswith("# driftcli"):
            path = tmp_path / f"{number}.yaml"
            path.write_text(block)
            assert resolve(path).settings


@every_page
def test_python_examples_compile_and_name_what_exists(page):
    import driftcli

    for block in _blocks(_read(page), "python"):
        compile(block, str(page), "exec")
        assert set(re.findall(r"\bdriftcli\.(\w+)", block)) <= set(dir(driftcli))


@every_text
def test_no_machine_or_place_of_ours_is_in_it(page):
    """Paths of whoever wrote it."""
    assert not re.search(r"/(root|home|tmp/docs|work)/", _read(page))
