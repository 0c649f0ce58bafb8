"""Where the report of this check will be found: `--report-url`, else what the CI system says, else the page's path."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlsplit

from driftcli.cli._common import OUTPUT, option
from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Mapping

ReportUrl = Annotated[
    str | None,
    option(
        "--report-url",
        metavar="URL",
        panel=OUTPUT,
        envvar="DRIFTCLI_REPORT_URL",
        show_envvar=False,
        help="Where people find this check's reports, for notifications, the history, JUnit and summaries; without it the "
        "run's page on GitHub, GitLab or Jenkins, else the path of the HTML page "
        "[env: DRIFTCLI_REPORT_URL].",
    ),
]


def link(given: str | None, page: Path | None, environ: Mapping[str, str]) -> str | None:
    """An address that can be clicked, else the path of `page`, the HTML report that will be written; None without any.

    Raises UsageError for an address that is given and is none.
    """
    if given:
        if not _usable(given):
            raise UsageError(
                f"--report-url {safe_name(given)}: not an http or https address, or one with a password",
                "for example --report-url https://ci.example.org/runs/17",
            )
        return given
    found = _github(environ) or _gitlab(environ, page) or _jenkins(environ, page)
    return found if found and _usable(found) else None if page is None else str(page)


def _github(environ: Mapping[str, str]) -> str | None:
    """The run's page, which lists its artifacts: the address of one is known only after it was uploaded."""
    server, repository, run = (
        environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None


def _gitlab(environ: Mapping[str, str], page: Path | None) -> str | None:
    """The page among the job's artifacts, else the job."""
    job, inside = environ.get("CI_JOB_URL"), _inside(page, environ.get("CI_PROJECT_DIR"))
    return f"{job}/artifacts/file/{inside}" if job and inside else job


def _jenkins(environ: Mapping[str, str], page: Path | None) -> str | None:
    """The page among what the build archived, else the build."""
    build, inside = environ.get("BUILD_URL"), _inside(page, environ.get("WORKSPACE"))
    if not build or not environ.get("JENKINS_URL"):
        return None
    build = f"{build.removesuffix('/')}/"
    return f"{build}artifact/{inside}" if inside else build


def _inside(page: Path | None, folder: str | None) -> str | None:
    """The page's path as part of an address, relative to the folder that the CI system keeps artifacts of."""
    if page is None or not folder:
        return None
    path = os.path.relpath(page.resolve(), Path(folder).resolve())
    return None if path.startswith("..") else quote(Path(path).as_posix())


def _usable(url: str) -> bool:
    """It is http(s), it is one word, and it holds no password."""
    try:
        parts = urlsplit(url)
        host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = parts.username is None and parts.password is None
    return (
        parts.scheme in {"http", "https"} and host and plain and not re.search(r"[\x00-\x20\x7f<>\"`|]", url)
    )
