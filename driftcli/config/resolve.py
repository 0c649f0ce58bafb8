"""From a file, the environment and options to settings, each value with its origin; nothing is discovered."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from driftcli.core.errors import UsageError
from driftcli.core.platform import require_posix
from driftcli.core.shipped import configuration
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from driftcli.config.settings import Settings

PREFIX = "DRIFTCLI_"
DEFAULT = "default"

OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "method": "extractors.methods",
        "holdout": "fit.holdout",
        "no-thumbnails": "fit.thumbnails",
        "detectable": "calibrate.detectable",
        "alpha": "gate.alpha",
        "tolerance": "gate.tolerance",
        "permutations": "gate.permutations",
        "min-images": "gate.min_images",
        "max-unreadable": "gate.max_unreadable",
        "max-unreadable-folders": "gate.max_unreadable_folders",
        "dependence": "gate.dependence",
        "max-test-images": "gate.max_test_images",
        "fail-on": "gate.fail_on",
        "max-loss-increase": "gate.max_loss_increase",
        "max-accuracy-drop": "harm.max_accuracy_drop",
        "class-mix": "harm.class_mix",
        "require-detectable": "gate.require_detectable",
        "allow-overlap": "gate.allow_overlap",
        "ignore-composition": "gate.ignore_composition",
        "gate": "gate.mode",
        "horizon": "gate.horizon",
        "history": "history.file",
        "history-group": "history.group",
        "date": "history.date",
        "group-by": "input.group_by",
        "stratify-by": "input.stratify_by",
        "slice-by": "input.slice_by",
        "predictions": "predictions.files",
        "labels-from": "predictions.labels_from",
        "classes": "predictions.classes",
        "model": "model.file",
        "model-preset": "model.preset",
        "exclude": "input.exclude",
        "since": "input.since",
        "limit": "input.limit",
        "follow": "input.follow",
        "crop": "decode.crop",
        "mask": "decode.mask",
        "weights": "weights.file",
        "trust-weights": "weights.trust",
        "allow-download": "weights.allow_download",
        "top-k": "report.top_k",
        "max-images-in-result": "report.max_images_in_result",
        "cache": "cache.folder",
        "cache-size": "cache.megabytes",
        "seed": "seed",
        "device": "device",
        "workers": "workers",
        "engine": "engine",
        "ray-address": "ray_address",
    }
)
"""Option -> dotted key. The variable of `--min-images` is `DRIFTCLI_MIN_IMAGES`; Python says `min_images=`."""

LISTS = frozenset({"method", "classes"})
"""Options whose value may be several with commas."""

SWITCHED = MappingProxyType({"no-thumbnails": 0})
"""Flags that stand for a value."""

VARIABLES = frozenset(
    {"DRIFTCLI_CONFIG", "DRIFTCLI_COLOR", "DRIFTCLI_LOG_FORMAT", "DRIFTCLI_WEIGHTS_DIR"}
    | {"DRIFTCLI_NOTIFY", "DRIFTCLI_NOTIFY_TOKEN", "DRIFTCLI_NOTIFY_SECRET", "DRIFTCLI_REPORT_URL"}
)
"""What else the environment may say: which file, how the terminal looks, where weights lie, whom to notify,
where the report will be."""


@dataclass(frozen=True)
class Resolved:
    """Settings, and for every dotted key where its value came from.

    An origin is `--alpha`, `DRIFTCLI_ALPHA`, `--set`, `drift.yaml:5`, `artifact` or `default`.
    """

    settings: Settings
    origins: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def given(resolved: Resolved) -> frozenset[str]:
    """Dotted keys that somebody set: not defaults, not taken from the artifact."""
    return frozenset(key for key, origin in resolved.origins.items() if origin not in {DEFAULT, "artifact"})


def resolve(
    file: str | Path | None = None,
    sets: Iterable[str] = (),
    options: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Resolved:
    """Options over `--set` over the environment over the file over defaults. Raises UsageError.

    `file` is a path or the name of a shipped configuration. `options` are named as in OPTIONS, with `-` or `_`;
    None is "not given"; `environ` None reads nothing. On a system that driftcli does not run on, nothing is resolved.
    """
    require_posix()
    layers, environ = _Layers(), environ or {}
    if file is None:
        file = environ.get(f"{PREFIX}CONFIG") or None
    if file is not None:
        layers.file(configuration(file))
    warnings = layers.environment(environ)
    for text in sets:
        layers.set(text)
    layers.options(options or {})
    return layers.result(warnings)


def with_stored(resolved: Resolved, stored: Mapping[str, Any], origin: str = "artifact") -> Resolved:
    """The same, with what an artifact remembers (nested, or dotted) in place of defaults."""
    from driftcli.config.layers import leaves, nest
    from driftcli.config.layers import remembered as whole

    remembered = dict(leaves(whole(stored)))
    values = dict(leaves(resolved.settings))
    origins = dict(resolved.origins)
    for key in origins.keys() & remembered.keys():
        if origins[key] == DEFAULT:
            values[key] = remembered[key]
            origins[key] = origin
    settings = type(resolved.settings).model_validate(nest(values))
    return Resolved(settings, origins, resolved.warnings)


def show_config(resolved: Resolved) -> str:
    """Every key as `--set` takes it, and its origin."""
    from driftcli.config.layers import RISE, leaves

    values = dict(leaves(resolved.settings))
    if values[RISE] is not None and values[RISE] > 1:
        values[RISE] = f"{100 * values[RISE]:g}%"
    rows = [(f"{key}={_shown(value)}", resolved.origins[key]) for key, value in values.items()]
    width = max(len(left) for left, _ in rows)
    return "".join(f"{safe_name(left):<{width}}  # {safe_name(origin)}\n" for left, origin in rows)


def _shown(value: Any) -> str:
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w-]*", value, re.ASCII)
    if plain and value.lower() not in {"null", "true", "false"}:
        return str(value)
    return json.dumps(value, ensure_ascii=False)


class _Layers:
    """Collects dotted values in rising precedence; every layer is checked by itself, so that it is blamed rightly."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[str, str] = {}

    def file(self, path: Path) -> None:
        """A YAML file: every mistake with its line and column."""
        from driftcli.config import _yaml
        from driftcli.config import layers as _layers

        name = safe_name(str(path))
        document = _yaml.parse(_bytes(path, name), name)
        if document.value is None:
            return
        if not isinstance(document.value, dict):
            raise UsageError(f"{document.at(())}: not a mapping of keys to values", _yaml.PLAIN)

        def where(place: tuple[str | int, ...], key: bool) -> str:
            return f"{document.at(place, key=key)}: {safe_name('.'.join(map(str, place)))}"

        checked = _layers.check(document.value, where)
        for dotted, value in _layers.leaves(checked):
            self._keep(dotted, value, f"{name}:{document.values[tuple(dotted.split('.'))][0]}")

    def environment(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """`DRIFTCLI_<OPTION>`; an empty one is not set, an unknown one is a warning."""
        from driftcli.config import layers as _layers

        names = {PREFIX + option.replace("-", "_").upper(): option for option in OPTIONS}
        warnings = []
        for variable, text in sorted(environ.items()):
            if not variable.startswith(PREFIX) or variable in VARIABLES or not text:
                continue
            option = names.get(variable)
            if option is None:
                close = get_close_matches(variable, [*names, *VARIABLES], 1)
                meant = f"; did you mean {close[0]}?" if close else ""
                warnings.append(f"{safe_name(variable)} is no variable of driftcli: ignored{meant}")
            elif option in SWITCHED:
                if _layers.read("weights.trust", text, variable):  # read as any flag is
                    self._single(OPTIONS[option], SWITCHED[option], variable)
            else:
                value = _layers.read(OPTIONS[option], text, variable, split=True)
                self._single(OPTIONS[option], value, variable)
        return tuple(warnings)

    def set(self, text: str) -> None:
        """`--set key.path=VALUE`, VALUE as YAML reads it."""
        from driftcli.config import _yaml
        from driftcli.config import layers as _layers

        key, equals, written = text.partition("=")
        key = key.strip()
        shown = safe_name(key)
        if not equals or not key or any(not part for part in key.split(".")):
            raise UsageError(f"--set {safe_name(text)}: not KEY=VALUE", "for example --set gate.alpha=0.05")
        value = _yaml.value(written, f"--set {shown}")
        tree = _layers.check(_layers.nest({key: value}), lambda *_: f"--set {shown}")
        for dotted, checked in _layers.leaves(tree):
            self._keep(dotted, checked, "--set")

    def options(self, options: Mapping[str, Any]) -> None:
        """Options as a command or a Python caller names them."""
        from driftcli.config import layers as _layers

        for name, value in options.items():
            option = name.replace("_", "-")
            if option not in OPTIONS:
                close = get_close_matches(option, OPTIONS, 1)
                hint = (
                    f"did you mean {close[0].replace('-', '_')!r}?"
                    if close
                    else "see driftcli.config.resolve.OPTIONS"
                )
                raise UsageError(f"unknown option {safe_name(name)!r}", hint)
            if value is None or (option in SWITCHED and not value):
                continue
            key = OPTIONS[option]
            if option in SWITCHED:
                self._single(key, SWITCHED[option], f"--{option}")
            else:
                found = _layers.read(key, value, f"--{option}", split=option in LISTS)
                self._single(key, found, f"--{option}")

    def result(self, warnings: tuple[str, ...]) -> Resolved:
        from driftcli.config import layers as _layers
        from driftcli.config.settings import Settings

        checked = _layers.check(_layers.nest(self.values), lambda *_: "settings", as_written=False)
        settings = Settings.model_validate(checked)
        origins = {key: self.origins.get(key, DEFAULT) for key in _layers.known()}
        return Resolved(settings, MappingProxyType(origins), warnings)

    def _single(self, key: str, value: Any, origin: str) -> None:
        from driftcli.config import layers as _layers

        for dotted, checked in _layers.leaves(_layers.check(_layers.nest({key: value}), lambda *_: origin)):
            self._keep(dotted, checked, origin)

    def _keep(self, key: str, value: Any, origin: str) -> None:
        self.values[key] = value
        self.origins[key] = origin


def _bytes(path: Path, name: str) -> bytes:
    from driftcli.config._yaml import MAX_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{name}: {safe_name(reason)}", "name a readable YAML file with --config") from error
