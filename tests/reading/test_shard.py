"""Shards: every entry in exactly one, the same on every machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftcli.config.settings import Input
from driftcli.core.errors import UsageError
from driftcli.reading.open_sources import ORIGIN, open_sources
from driftcli.reading.shard import Shard, parse
from tests.journey import pictures


@given(st.text(st.characters(codec=None)), st.integers(1, 1000))
def test_every_path_is_in_exactly_one_shard(path, of):
    """Also names that are no text: half characters of other encodings."""
    assert sum(Shard(number, of).holds(path) for number in range(1, of + 1)) == 1


def test_where_a_path_belongs_never_changes():
    """A profile of last year's shard 2 and one of today's are of the same names."""
    names = [f"day/{i:03d}.jpg" for i in range(12)]
    assert [next(i for i in (1, 2, 3) if Shard(i, 3).holds(name)) for name in names] == PLACES


PLACES = [1, 3, 1, 1, 3, 3, 2, 3, 1, 2, 3, 1]


def test_shards_of_many_paths_are_about_equal():
    counts = [sum(Shard(number, 8).holds(f"{i:06d}.jpg") for i in range(8000)) for number in range(1, 9)]
    assert sum(counts) == 8000
    assert 850 < min(counts) <= max(counts) < 1150  # a standard deviation is 30


@pytest.mark.parametrize(
    "text", ["1", "0/4", "5/4", "-1/4", "1/0", "a/b", "1/4/2", "1.0/2", "", "1/9999999", "¹/²"]
)
def test_what_is_no_shard_is_a_usage_error(text):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert "shard" in caught.value.what
    assert "/" in caught.value.hint


def test_the_whole_is_a_shard_too():
    assert parse(None) == Shard(1, 1)
    assert parse(" 3/8 ") == Shard(3, 8)


def test_sources_are_divided_by_the_path_within_them(tmp_path):
    """The folder may lie elsewhere on another machine; what was passed over is divided as well."""
    places = []
    for place in ("here", "there/deeper"):
        folder = pictures(tmp_path / place, 20, 5)
        (folder / "notes.txt").write_text("no image")
        (folder / ".hidden").write_text("no image")
        parts = [
            [
                item.name.removeprefix(f"{folder}/")
                for item in open_sources([str(folder)], Input(), shard=Shard(i, 4))
            ]
            for i in (1, 2, 3, 4)
        ]
        assert sorted(name for part in parts for name in part) == sorted(
            path.name for path in folder.iterdir()
        )
        places.append(parts)
    assert places[0] == places[1]


def test_a_limit_counts_before_shards_are_taken(tmp_path):
    """All shards together are what one pass with that limit reads."""
    folder = str(pictures(tmp_path / "a", 10, 5))
    chosen = Input(limit=7)
    whole = [item.name for item in open_sources([folder], chosen)]
    parts = [item.name for i in (1, 2) for item in open_sources([folder], chosen, shard=Shard(i, 2))]
    assert len(whole) == 7
    assert sorted(parts) == whole


def test_an_entry_remembers_its_source(tmp_path):
    folders = [str(pictures(tmp_path / name, 3, 5)) for name in "ab"]
    found = list(open_sources(folders, Input(), shard=Shard()))
    assert [item.columns[ORIGIN] for item in found] == ["0"] * 3 + ["1"] * 3
    assert not any(item.columns for item in open_sources(folders, Input()))
