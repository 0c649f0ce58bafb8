"""Every option once: its spelling, its help, its default in words; groups and commands pick from here.

Options of settings arrive as text (None: not given) and are read by `driftcli.config.resolve`, so that a wrong
value is explained in the same words wherever it was written. The defaults named here are settings.py's;
a test compares them.
"""

from __future__ import annotations

from typing import Annotated

import typer

from driftcli.cli import _complete as complete
from driftcli.cli._common import (
    GATE,
    INPUT,
    LEARN,
    NETWORK,
    OUTPUT,
    option,
)
from driftcli.cli._methods import by_default, methods

# ---------------------------------------------------------------- arguments

Artifact = Annotated[
    str, typer.Argument(metavar="ARTIFACT", help="Folder that `driftcli fit` wrote.", show_default=False)
]
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Folder (recursive), glob, image, manifest (.csv, .jsonl, .txt), .zip, .tar, .parquet, "
        "one of them on a server (s3://, gs://, az://, https://), a profile (check, baseline), or `-` for paths "
        "on standard input.",
        show_default=False,
    ),
]

ExpectSha256 = Annotated[
    str | None,
    option(
        "--expect-sha256",
        metavar="HEX",
        panel=INPUT,
        help="Digest that the artifact must have, as fit, baseline and inspect print it; another one is not audited.",
    ),
]

# ---------------------------------------------------------------- the gate

Alpha = Annotated[
    str | None,
    option("--alpha", metavar="P", panel=GATE, help="False-alarm rate of the gate (default: 0.01)."),
]
Tolerance = Annotated[
    str | None,
    option(
        "--tolerance",
        metavar="SHARE|auto",
        panel=GATE,
        help="Shifted share that is still accepted; auto: what good groups of the baseline differ by (at least 5 groups), "
        "unless the batch lies farther from all of them; 0: any proven change counts (default: 0).",
    ),
]
Permutations = Annotated[
    str | None,
    option(
        "--permutations",
        metavar="N|auto",
        panel=GATE,
        help="Relabellings; auto: enough for alpha and the number of families, and with --gate sequence for two "
        "certain checks to alarm (default: auto).",
    ),
]
MinImages = Annotated[
    str | None,
    option(
        "--min-images", metavar="N", panel=GATE, help="Fewer distinct images are not audited (default: 8)."
    ),
]
MaxUnreadable = Annotated[
    str | None,
    option(
        "--max-unreadable",
        metavar="SHARE",
        panel=GATE,
        help="More unreadable images: not audited; one may always be, unless this is 0 (default: 5%).",
    ),
]
Dependence = Annotated[
    str | None,
    option(
        "--dependence",
        metavar="auto|off",
        panel=GATE,
        help="Images in a row that are near-copies or resemble each other are moved together; off: every image "
        "counts as independent; --group-by goes before it (default: auto).",
    ),
]
MaxTestImages = Annotated[
    str | None,
    option(
        "--max-test-images", metavar="N", panel=GATE, help="The test uses at most so many (default: 5000)."
    ),
]
FailOn = Annotated[
    str | None,
    option(
        "--fail-on", metavar="drift|warn|none", panel=GATE, help="Verdict that returns 1 (default: drift)."
    ),
]
MaxLossIncrease = Annotated[
    str | None,
    option(
        "--max-loss-increase",
        metavar="SHARE",
        panel=GATE,
        help="Also fail when the autoencoder's loss rises by more, such as 20% (default: none).",
    ),
]
MaxAccuracyDrop = Annotated[
    str | None,
    option(
        "--max-accuracy-drop",
        metavar="SHARE",
        panel=GATE,
        help="Also fail when your classifier probably loses more accuracy, such as 5%; needs its predictions (default: none).",
    ),
]
ClassMix = Annotated[
    str | None,
    option(
        "--class-mix",
        metavar="free|fixed",
        panel=GATE,
        help="May the shares of the classes change, when accuracy is estimated without labels (default: free)?",
    ),
]
RequireDetectable = Annotated[
    list[str] | None,
    option(
        "--require-detectable",
        metavar="CORRUPTION:SEVERITY",
        panel=GATE,
        help="Also fail when such a change (gaussian_blur:2, foreign:0.1, or a property's shift in sd: sharpness:1) "
        "would go unseen at this batch size. Repeatable.",
        autocompletion=complete.changes,
    ),
]
Detectable = Annotated[
    str | None,
    option(
        "--detectable",
        panel=LEARN,
        metavar="full|small|none",
        help="Corruptions to simulate, so that checks can say what they would have seen (default: small).",
    ),
]
AllowOverlap = Annotated[
    bool,
    option(
        "--allow-overlap",
        panel=GATE,
        help="Test the reference's own images too, and accept a batch that is half or more of them.",
    ),
]
IgnoreComposition = Annotated[
    bool,
    option(
        "--ignore-composition",
        panel=GATE,
        help="Compare within classes (labels that the baseline has, else clusters): another mix is no drift.",
    ),
]
GateMode = Annotated[
    str | None,
    option(
        "--gate",
        metavar="batch|sequence",
        panel=GATE,
        help="sequence: all checks of --history decide together; --alpha is then the probability of any "
        "false alarm within --horizon checks (default: batch).",
    ),
]
Horizon = Annotated[
    str | None,
    option("--horizon", metavar="N", panel=GATE, help="Checks that --gate sequence is for (default: 365)."),
]
History = Annotated[
    str | None,
    option(
        "--history",
        metavar="FILE",
        panel=OUTPUT,
        help="Remember the check in this SQLite file on a local disk; `driftcli history FILE` looks back "
        "(default: none).",
    ),
]
HistoryGroup = Annotated[
    str | None,
    option(
        "--history-group",
        metavar="NAME",
        panel=OUTPUT,
        help="What is checked, where several cameras or lines share a baseline and a history: each has "
        "a sequence of its own (default: none).",
    ),
]
Date = Annotated[
    str | None,
    option(
        "--date",
        metavar="DATE",
        panel=OUTPUT,
        help="When the images are from, such as 2026-11-03 (UTC), to catch up on past days, the oldest first; "
        "now without it.",
    ),
]
ExitZero = Annotated[
    bool, option("--exit-zero", panel=GATE, help="Return 0 instead of 1; the verdict stays what it is.")
]
Baseline = Annotated[
    str | None,
    option(
        "--baseline",
        metavar="NAME",
        panel=GATE,
        help="Baseline to compare with (default: `default`, the only one, or `holdout`).",
        autocompletion=complete.baselines,
    ),
]

# ---------------------------------------------------------------- learning and weights

Method = Annotated[
    list[str] | None,
    option(
        "--method",
        metavar="METHOD",
        panel=LEARN,
        help=f"{methods()}; repeatable or with commas (default: {by_default()}).",
        autocompletion=complete.methods,
    ),
]
Holdout = Annotated[
    str | None,
    option(
        "--holdout",
        metavar="SHARE|auto",
        panel=LEARN,
        help="Share of the images kept back to calibrate on; auto: 50% with an autoencoder, else 80%, "
        "at most 20,000; 0: none (default: auto).",
    ),
]
NoThumbnails = Annotated[
    bool, option("--no-thumbnails", panel=LEARN, help="Keep no pictures in the artifact.")
]
Weights = Annotated[
    str | None,
    option("--weights", metavar="FILE", panel=NETWORK, help="Weights of the network (default: none)."),
]
TrustWeights = Annotated[
    bool,
    option(
        "--trust-weights",
        panel=NETWORK,
        help="Accept weights of unknown checksum, and models that are programs (.pt, .pt2).",
    ),
]
AllowDownload = Annotated[
    bool,
    option(
        "--allow-download",
        panel=NETWORK,
        help="Fetch weights from the network if they are not on this machine.",
    ),
]

# ---------------------------------------------------------------- output

Format = Annotated[
    str,
    option(
        "-f", "--format", metavar="text|json", panel=OUTPUT, help="Form of standard output (default: text)."
    ),
]
Outputs = Annotated[
    list[str] | None,
    option(
        "-o",
        "--output",
        metavar="[FORMAT=]PATH",
        panel=OUTPUT,
        help="Also write the report to a file; its suffix says the format, or one is named. Folders are made. "
        "Repeatable.",
    ),
]
TopK = Annotated[
    str | None,
    option("--top-k", metavar="N", panel=OUTPUT, help="Most drifted images to name (default: 10)."),
]
MaxImagesInResult = Annotated[
    str | None,
    option(
        "--max-images-in-result", metavar="N", panel=OUTPUT, help="Images listed in JSON (default: 10000)."
    ),
]
