"""The keywords' types are those of the commands and settings."""

from __future__ import annotations

import os
import typing

import pytest

from driftcli.api import options
from driftcli.config.resolve import OPTIONS
from tests.option_types import COMMANDS, FILE, annotation, generated, settings_of


def test_the_file_is_as_generated():
    """DRIFTCLI_UPDATE_OPTIONS=1 writes it."""
    if os.environ.get("DRIFTCLI_UPDATE_OPTIONS"):
        FILE.write_text(generated(), encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == generated()


def test_every_option_of_the_table_is_a_keyword_somewhere():
    keywords = {name for verb in COMMANDS for name in settings_of(verb)}
    assert keywords == {option.replace("-", "_") for option in OPTIONS}


@pytest.mark.parametrize(
    ("name", "metavar", "written"),
    [
        ("alpha", "P", "float | str | None"),
        ("tolerance", "SHARE|auto", "float | str | None"),
        ("permutations", "N|auto", 'int | Literal["auto"] | None'),
        ("min_images", "N", "int | None"),
        ("allow_overlap", None, "bool | None"),
        ("no_thumbnails", None, "bool | None"),
        ("fail_on", "drift|warn|none", 'Literal["drift", "warn", "none"] | None'),
        ("exclude", "GLOB", "str | Sequence[str] | None"),
        ("history", "FILE", "Name | None"),
        ("crop", "X,Y,W,H", "str | None"),
    ],
)
def test_a_keyword_has_the_type_of_its_setting(name, metavar, written):
    assert annotation(name, metavar) == written


@pytest.mark.parametrize("verb", COMMANDS)
def test_the_types_can_be_evaluated(verb):
    """So that tools can read them when run."""
    hints = typing.get_type_hints(getattr(options, f"{verb.title()}Options"))
    assert {*settings_of(verb), "config", "progress"} <= set(hints)
