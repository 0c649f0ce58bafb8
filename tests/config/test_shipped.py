"""The shipped configurations are right: complete, parsed, and equal to the code's defaults."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from driftcli.config.layers import known
from driftcli.config.resolve import given, resolve
from driftcli.config.settings import Settings

CONFIGS = Path(__file__).parents[2] / "configs"


def _generated() -> str:
    spec = importlib.util.spec_from_file_location("config_file", Path(__file__).parent / "config_file.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.default_yaml()


def test_default_yaml_is_the_defaults_and_names_every_key():
    """If this fails, run `python -m tests.readme_blocks`."""
    resolved = resolve(CONFIGS / "default.yaml")
    assert resolved.settings == Settings()
    assert given(resolved) == set(known())


def test_default_yaml_is_as_generated():
    """If this fails, run `python -m tests.readme_blocks`."""
    assert (CONFIGS / "default.yaml").read_text(encoding="utf-8") == _generated()


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_parses(path):
    assert resolve(path).settings
