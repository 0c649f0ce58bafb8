"""A command's dataclass becomes Typer's flat signature, and comes back filled."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Annotated

import pytest
import typer

from driftcli.cli import session
from driftcli.cli._common import option
from driftcli.cli._signature import command, filled, parameters
from driftcli.cli.app import app
from driftcli.cli.groups import Common, group


@group
class Inner:
    """A group."""

    size: Annotated[int, option("--size", panel="Inner", help="How large.")] = 3


@group
class Outer:
    """A command's options."""

    name: Annotated[str, typer.Argument(metavar="NAME")]
    inner: Inner
    loud: Annotated[bool, option("--loud", panel="Outer", help="Louder.")] = False
    common: Common


def test_groups_are_flat_in_the_order_of_their_fields():
    """Where the group stands, its options stand."""
    flat = list(parameters(Outer))
    assert [one.name for one in flat][:4] == ["name", "size", "loud", "config"]
    assert (flat[0].default, flat[1].default, flat[2].default) == (inspect.Parameter.empty, 3, False)


def test_the_values_come_back_in_their_groups():
    values = {one.name: one.default for one in parameters(Outer)} | {"name": "x", "size": 7, "seed": "5"}
    asked = filled(Outer, values)
    assert (asked.name, asked.inner.size, asked.loud, asked.common.seed) == ("x", 7, False, "5")
    with pytest.raises(dataclasses.FrozenInstanceError):
        asked.inner.size = 8


def test_a_command_line_reaches_the_body_typed(monkeypatch):
    """Its settings resolved, its exit code returned."""
    monkeypatch.delenv("DRIFTCLI_SEED", raising=False)
    bodies = []

    @command(Outer)
    def shout(asked: Outer, run: session.Session) -> int:
        """Shout."""
        bodies.append((asked.name, asked.inner.size, asked.loud, run.settings.seed))
        return 7

    toy = typer.Typer()
    toy.command()(shout)
    argv = ["x", "--size", "4", "--loud", "--seed", "9"]
    assert typer.main.get_command(toy).main(argv, standalone_mode=False) == 7
    assert bodies == [("x", 4, True, 9)]
    assert (shout.__name__, shout.__doc__) == ("shout", "Shout.")


@pytest.mark.parametrize("info", app.registered_commands, ids=lambda info: info.callback.__name__)
def test_no_option_stands_twice_in_a_command(info):
    """Two groups with one option between them would be two parameters of one name."""
    names = list(inspect.signature(info.callback).parameters)
    assert names[0] == "context"
    assert len(names) == len(set(names))
