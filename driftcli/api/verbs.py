"""Learn, calibrate, check: `fit`, `baseline`, `check`, `refresh` and `profile` with the command line's options as keywords."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from driftcli.api._run import names, resolved

if TYPE_CHECKING:
    from driftcli.api.keywords import Name, Sources
    from driftcli.api.options import (
        BaselineOptions,
        CheckOptions,
        FitOptions,
        ProfileOptions,
        RefreshOptions,
    )
    from driftcli.api.report import Report
    from driftcli.core.outcomes import Calibrated, Fitted, Profiled, Refreshed


def fit(source: Sources, output: Name, *, force: bool = False, **options: Unpack[FitOptions]) -> Fitted:
    """Learn what good images look like and write it to the folder `output`: the artifact.

    A part of the images is held out of learning and calibrated on as the baseline `holdout`, so that `check`
    works at once. The Python twin of `driftcli fit`; the environment is not read.

    Args:
        source: Good images, 40 at least: a folder (recursive), glob, image, manifest (.csv, .jsonl, .txt), .zip
            or .tar; or several of them.
        output: Folder to write. It must not exist, or be an artifact and `force` be true.
        force: Replace an artifact.
        **options: As on the command line, `--max-unreadable 5%` being `max_unreadable="5%"`; None is "not given".
            See `help(driftcli.FitOptions)`.

    Returns:
        Where the artifact is, its digest (SHA-256), how many images were learnt from and held out, what could not
        be read, cautions, and the seconds it took.

    Raises:
        UsageError: An option is wrong, or the artifact exists.
        NotAuditedError: There is no such source, or fewer than 40 usable images in it.
        InternalError: Training diverged, memory ran out, or `output` is not writable.

    Example:
        import driftcli

        fitted = driftcli.fit("images/train", "ref", method=["embedding", "properties"], seed=1)
        print(fitted.fitted_on, "images learnt from,", fitted.held_out, "held out")
    """
    from driftcli.audit import fit as audit

    call = resolved(options)
    return audit.fit(names(source), Path(output), call, force=force)


def baseline(
    artifact: Name,
    source: Sources,
    *,
    name: str = "default",
    drop_seen: bool = False,
    export_corrupted: Name | None = None,
    expect_sha256: str | None = None,
    **options: Unpack[BaselineOptions],
) -> Calibrated:
    """Calibrate an artifact on good images that it was not fitted on, and store them in it as a baseline.

    The Python twin of `driftcli baseline`; the environment is not read.

    Args:
        artifact: Folder that `fit` wrote.
        source: Good images, 20 at least and better twenty times a batch: a folder (recursive), glob, image, manifest
            (.csv, .jsonl, .txt), .zip or .tar. Several of them (days, cameras) are pooled and remembered as groups.
        name: Of the baseline; one of that name is replaced.
        drop_seen: Leave out images that the artifact was fitted on, however many.
        export_corrupted: New folder for 100 of the images as they are and under every simulated corruption, with a
            manifest: for a classifier to answer, and `predictions` to read back. None: nothing is written.
        expect_sha256: Digest that the artifact must have (64 hexadecimal digits). None: any.
        **options: As on the command line; None is "not given". See `help(driftcli.BaselineOptions)`.

    Returns:
        The artifact's new digest, how many images the baseline holds, by group too, and how many were dropped.

    Raises:
        UsageError: An option is wrong, or more than 1 % of the images were learnt from and `drop_seen` is false.
        NotAuditedError: There is no such source, or fewer than 20 usable images in it.
        ArtifactError: The artifact is missing or damaged.
        InternalError: Memory ran out, or the artifact is not writable.

    Example:
        import driftcli

        calibrated = driftcli.baseline("ref", ["good/monday", "good/tuesday"], name="day")
        print(calibrated.images, dict(calibrated.groups))
    """
    from driftcli.audit import baseline as audit

    call = replace(resolved(options), expect_sha256=expect_sha256)
    return audit.baseline(
        Path(artifact),
        names(source),
        call,
        name=name,
        drop_seen=drop_seen,
        export_corrupted=None if export_corrupted is None else Path(export_corrupted),
    )


def check(
    artifact: Name,
    source: Sources,
    *,
    baseline: str | None = None,
    pictures: bool = False,
    expect_sha256: str | None = None,
    **options: Unpack[CheckOptions],
) -> Report:
    """Audit one batch of images: do they look like those of the artifact's baseline?

    The Python twin of `driftcli check`; the environment is not read.

    Args:
        artifact: Folder that `fit` wrote.
        source: The batch, 8 distinct images at least: a folder (recursive), glob, image, manifest (.csv, .jsonl, .txt), .zip or .tar,
            or several of them.
        baseline: Name of the baseline to compare with. None: `default`, the only one, or `holdout`.
        pictures: Read the most drifted images once more, for heat maps and thumbnails in `Report.to_html`.
        expect_sha256: Digest that the artifact must have (64 hexadecimal digits, as `fit` and `baseline` return it).
            None: any.
        **options: As on the command line, `--max-unreadable 5%` being `max_unreadable="5%"`; None is "not given".
            Most used: `alpha` (false-alarm rate, default 0.01), `tolerance` (share of shifted images that is still
            accepted, default 0), `history` (SQLite file that remembers checks). All: `help(driftcli.CheckOptions)`.

    Returns:
        The report. Its `verdict` is "pass", "warn", "drift" or "inconclusive" (not audited: `reasons` say why);
        its `exit_code` is what the command line returns: 0 passed, 1 failed, 3 not audited.

    Raises:
        UsageError: An option is wrong.
        NotAuditedError: There is no such source, or no usable history.
        ArtifactError: The artifact or its baseline is missing, damaged or of another machine's making.
        InternalError: Memory ran out, or the history is not writable.

    Example:
        import driftcli

        report = driftcli.check("ref", "images/today", alpha=0.001, tolerance="5%", pictures=True)
        print(report.verdict, report.gate.p_value, [found.statement for found in report.diagnosis])
        report.to_html("report.html")
        if report.exit_code:
            raise SystemExit(report.to_text())
    """
    from driftcli.api.report import Report
    from driftcli.audit.check import check as checked
    from driftcli.audit.check import check_with_pictures

    call = replace(resolved(options), expect_sha256=expect_sha256)
    audit = check_with_pictures if pictures else checked
    audited = audit(
        Path(artifact),
        names(source),
        call,
        baseline=baseline,
    )
    return Report.of(*audited) if isinstance(audited, tuple) else Report.of(audited)


def refresh(
    artifact: Name,
    source: Sources,
    *,
    baseline: str | None = None,
    output: Name | None = None,
    drop_seen: bool = False,
    accept_drift: bool = False,
    expect_sha256: str | None = None,
    **options: Unpack[RefreshOptions],
) -> Refreshed:
    """Make a batch of good images that somebody has reviewed part of a baseline, and calibrate it anew.

    The new images are judged by the baseline as it was, and the verdict stays in the artifact. Images that the baseline
    holds already are left out. The Python twin of `driftcli refresh`; the environment is not read.

    Args:
        artifact: Folder that `fit` wrote.
        source: The batch: a folder (recursive), glob, image, manifest (.csv, .jsonl, .txt), .zip or .tar, or several of
            them (each is a group of its own). A baseline with a classifier's predictions needs those of these images, too.
        baseline: Name of the baseline. None: `default`, the only one, or `holdout`.
        output: New folder for the artifact with the refreshed baseline. None: the artifact itself is changed.
        drop_seen: Leave out images that the artifact was fitted on, however many.
        accept_drift: Add images that are drift from the baseline, or that it cannot judge, because somebody looked at them.
        expect_sha256: Digest that the artifact must have (64 hexadecimal digits). None: any.
        **options: As on the command line; None is "not given". See `help(driftcli.RefreshOptions)`.

    Returns:
        How many images were added, what the baseline said of them, and what it can do now and could before.

    Raises:
        UsageError: An option is wrong, or the images are drift or cannot be judged and `accept_drift` is false.
        NotAuditedError: There is no such source, or no usable image in it.
        ArtifactError: The artifact or its baseline is missing, damaged, of another machine's making, or changed meanwhile.
        InternalError: Memory ran out, or the artifact is not writable.

    Example:
        import driftcli

        refreshed = driftcli.refresh("ref", "images/monday", output="ref-2")
        print(refreshed.verdict, refreshed.images_before, "->", refreshed.images)
    """
    from driftcli.audit import refresh as audit

    call = replace(resolved(options), expect_sha256=expect_sha256)
    return audit.refresh(
        Path(artifact),
        names(source),
        call,
        baseline=baseline,
        output=None if output is None else Path(output),
        drop_seen=drop_seen,
        accept_drift=accept_drift,
    )


def profile(
    source: Sources,
    output: Name,
    *,
    artifact: Name,
    shard: str | None = None,
    keep: int | None = None,
    expect_sha256: str | None = None,
    **options: Unpack[ProfileOptions],
) -> Profiled:
    """Measure images with an artifact's extractors and write a profile: a file without pixels that stands for them.

    `check` and `baseline` take profiles in place of images, alone or with others; those that are named together count
    as one. The Python twin of `driftcli profile`; the environment is not read.

    Args:
        source: Images: a folder (recursive), glob, image, manifest (.csv, .jsonl, .txt), .zip or .tar, or several of
            them.
        output: File to write (.safetensors); an older profile there is replaced.
        artifact: Folder that `fit` wrote.
        shard: "I/N": only the I-th of N parts, by a hash of the paths within the source. None: all.
        keep: Features of so many images at most, those with the lowest content hashes; of all others hashes alone.
            None: as many as checks and baselines use.
        expect_sha256: Digest that the artifact must have (64 hexadecimal digits). None: any.
        **options: As on the command line; None is "not given". See `help(driftcli.ProfileOptions)`.

    Returns:
        The file with its checksum (SHA-256) and size, how many images it stands for, and what could not be read.

    Raises:
        UsageError: An option is wrong, or `output` is something else than a profile.
        NotAuditedError: There is no such source, or no usable image in it and it is no shard of several.
        ArtifactError: The artifact is missing or damaged.
        InternalError: Memory ran out, or `output` is not writable.

    Example:
        import driftcli

        for number in (1, 2):
            driftcli.profile("images/today", f"part-{number}.safetensors", artifact="ref", shard=f"{number}/2")
        report = driftcli.check("ref", ["part-1.safetensors", "part-2.safetensors"])
        print(report.verdict)
    """
    from driftcli.audit import profile as audit

    call = replace(resolved(options), expect_sha256=expect_sha256)
    return audit.profile(Path(artifact), names(source), Path(output), call, shard=shard, keep=keep)
