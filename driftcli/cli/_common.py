"""Options that all or most commands share: how to speak, which settings, which input."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from driftcli.cli import _complete as complete
from driftcli.cli._complete import words

GATE, INPUT, LEARN, NETWORK, OUTPUT, COMMON = "Gate", "Input", "Learning", "Weights", "Output", "Common"


def option(*names: str, help: str, panel: str, metavar: str | None = None, **more: Any) -> Any:  # noqa: A002
    """An option whose default stands in its help: the value None means "not given".

    A shell completes the words of its metavar that are meant literally, unless `autocompletion` says more.
    """
    more.setdefault("autocompletion", words(metavar))
    return typer.Option(*names, help=help, rich_help_panel=panel, metavar=metavar, show_default=False, **more)


# ---------------------------------------------------------------- input

GroupBy = Annotated[
    str | None,
    option(
        "--group-by",
        metavar="KEY",
        panel=INPUT,
        help="What makes images dependent: folder, hour, column:NAME or a regular expression on the path; "
        "groups become the unit of the test (default: none).",
        autocompletion=complete.ties,
    ),
]
StratifyBy = Annotated[
    str | None,
    option(
        "--stratify-by",
        metavar="KEY",
        panel=INPUT,
        help="Label or class to compare within (default: none).",
        autocompletion=complete.ties,
    ),
]
SliceBy = Annotated[
    str | None,
    option(
        "--slice-by",
        metavar="KEY",
        panel=INPUT,
        help="Rows of the report only (default: none).",
        autocompletion=complete.ties,
    ),
]
Predictions = Annotated[
    list[str] | None,
    option(
        "--predictions",
        metavar="FILE|off",
        panel=INPUT,
        help="What your classifier says of the images: .csv, .jsonl or .parquet with `path` or `sha256`, and p_CLASS for "
        "every class (or logits, or prediction), label where known; without it, columns of these "
        "names in the manifest of the images count; off: not those either. Repeatable.",
    ),
]
LabelsFrom = Annotated[
    str | None,
    option(
        "--labels-from",
        metavar="KEY",
        panel=INPUT,
        help="Where the right answers of your classifier are: folder (its name is the class), column:NAME or a regular expression on "
        "the path; without it the column `label` (default: none).",
        autocompletion=complete.ties,
    ),
]
Classes = Annotated[
    list[str] | None,
    option(
        "--classes",
        metavar="NAMES|FILE",
        panel=INPUT,
        help="Your classifier's classes in the order of its outputs, with commas, or a text file with one a line; without it those that "
        "the model's file names, else the labels in alphabetical order.",
    ),
]
Model = Annotated[
    str | None,
    option(
        "--model",
        metavar="FILE",
        panel=INPUT,
        help="Your classifier itself (.onnx), run on the images in place of --predictions; a check runs the one that the baseline was made "
        "with, where it still is (default: none).",
    ),
]
ModelPreset = Annotated[
    str | None,
    option(
        "--model-preset",
        metavar="imagenet|0-1|-1-1",
        panel=INPUT,
        help="How an image becomes the model's input: as of ImageNet's classifiers (middle square), or stretched to the square with pixels "
        "from 0 to 1 or from -1 to 1; model.* settings say more; without it as its file says (default: none).",
    ),
]
Exclude = Annotated[
    list[str] | None,
    option("--exclude", metavar="GLOB", panel=INPUT, help="Pass over matching paths. Repeatable."),
]
Since = Annotated[
    str | None,
    option(
        "--since", metavar="AGE", panel=INPUT, help="Only files changed within 30m, 24h, 7d (default: none)."
    ),
]
Limit = Annotated[
    str | None, option("--limit", metavar="N", panel=INPUT, help="Read at most N images (default: none).")
]
Follow = Annotated[bool, option("--follow", panel=INPUT, help="Follow symbolic links inside the source.")]
MaxUnreadableFolders = Annotated[
    str | None,
    option(
        "--max-unreadable-folders",
        metavar="N",
        panel=INPUT,
        help="More folders that cannot be listed: not audited, for nobody knows what they hold (default: 0).",
    ),
]
Crop = Annotated[
    str | None,
    option(
        "--crop",
        metavar="X,Y,W,H",
        panel=INPUT,
        help="Part of each image, in pixels or fractions (default: none).",
    ),
]
Mask = Annotated[
    str | None,
    option(
        "--mask", metavar="FILE", panel=INPUT, help="Image whose black parts are ignored (default: none)."
    ),
]
Cache = Annotated[
    str | None,
    option(
        "--cache",
        metavar="DIR",
        panel=INPUT,
        help="Keep what is measured of each image in this folder, and look there before decoding: the same "
        "images are measured once (default: none).",
    ),
]
CacheSize = Annotated[
    str | None,
    option(
        "--cache-size",
        metavar="MB",
        panel=INPUT,
        help="Largest size of the cache; what was not used for longest goes (default: 1024).",
    ),
]
TextJsonCsv = Annotated[
    str,
    option(
        "-f",
        "--format",
        metavar="text|json|csv",
        panel=OUTPUT,
        help="Form of standard output (default: text).",
    ),
]
Null = Annotated[bool, option("-0", "--null", help="Paths on standard input end in NUL.", panel=INPUT)]

# ---------------------------------------------------------------- common

Config = Annotated[
    str | None,
    option(
        "-c",
        "--config",
        metavar="FILE|NAME",
        panel=COMMON,
        help="YAML settings: a file, or the name of a shipped one such as fast or inspection "
        "[env: DRIFTCLI_CONFIG]; none is looked for.",
        autocompletion=complete.configurations,
    ),
]
Sets = Annotated[
    list[str] | None,
    option(
        "--set",
        metavar="KEY=VALUE",
        panel=COMMON,
        help="Any setting, such as families.file.gate=on. Repeatable.",
        autocompletion=complete.keys,
    ),
]
ShowConfig = Annotated[
    bool, option("--show-config", panel=COMMON, help="Print every setting with its origin, and stop.")
]
Seed = Annotated[
    str | None, option("--seed", metavar="N", panel=COMMON, help="Seed of all randomness (default: 0).")
]
Device = Annotated[
    str | None,
    option(
        "--device",
        metavar="NAME",
        panel=COMMON,
        help="auto, cpu, cuda, cuda:N or mps (default: auto).",
        autocompletion=complete.devices,
    ),
]
Workers = Annotated[
    str | None,
    option("--workers", metavar="N|auto", panel=COMMON, help="Decoding processes (default: auto)."),
]
EngineName = Annotated[
    str | None,
    option(
        "--engine",
        metavar="local|ray",
        panel=COMMON,
        help="Who measures images: this process, or actors of Ray, as many as --workers (default: local).",
    ),
]
RayAddress = Annotated[
    str | None,
    option(
        "--ray-address",
        metavar="ADDRESS",
        panel=COMMON,
        help="With --engine ray, the cluster: auto or HOST:PORT; without it Ray runs on this machine (default: none).",
    ),
]
Quiet = Annotated[bool, option("-q", "--quiet", panel=COMMON, help="One line of key=value; no progress.")]
Verbose = Annotated[
    int,
    option(
        "-v",
        "--verbose",
        panel=COMMON,
        count=True,
        help="All of the report, and how long each stage took; -vv adds tracebacks.",
    ),
]
NoProgress = Annotated[bool, option("--no-progress", panel=COMMON, help="No progress.")]
Color = Annotated[
    Literal["auto", "always", "never"],
    option(
        "--color",
        panel=COMMON,
        envvar="DRIFTCLI_COLOR",
        show_envvar=False,
        help="Colour; auto: on a terminal, or as NO_COLOR and FORCE_COLOR say (default: auto).",
    ),
]
LogFormat = Annotated[
    Literal["text", "json"],
    option(
        "--log-format",
        panel=COMMON,
        envvar="DRIFTCLI_LOG_FORMAT",
        show_envvar=False,
        help="Form of standard error; json: every run ends in one event (default: text).",
    ),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        from driftcli.cli.console import Terminal
        from driftcli.core.version import version

        Terminal().put(f"driftcli {version()}\n")
        raise typer.Exit


Version = Annotated[
    bool,
    option(
        "-V",
        "--version",
        panel=COMMON,
        help="Print the version, and stop.",
        is_eager=True,
        callback=_show_version,
    ),
]
"""Of the program and of every command: asked for where one happens to be."""
