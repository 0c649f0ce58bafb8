"""Telling somebody: the result's summary as JSON to a webhook, signed where a secret is given; never an image."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import math
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from driftcli.core.errors import InternalError, UsageError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from driftcli.core.report import Outcome, Report

TIMEOUT = 10.0
"""Seconds without a sign of life from the other end."""
PAUSES = (1.0, 3.0)
"""Seconds before the second and the third try."""
TOKEN, SECRET = "DRIFTCLI_NOTIFY_TOKEN", "DRIFTCLI_NOTIFY_SECRET"
SIGNATURE = "X-Driftcli-Signature-256"
REASONS = 5
_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_MARKS: dict[Outcome, str] = {
    "pass": "✓", "warn": "!", "drift": "✗", "inconclusive": "?", "rule_failed": "✗", "differs": "!", "alarm": "✗",
}  # fmt: skip


@dataclass(frozen=True)
class Webhook:
    """Where to, and with what proof; its text shows scheme and host only, since a path may be a secret."""

    url: str = field(repr=False)
    token: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)

    def __str__(self) -> str:
        return _shown(urlsplit(self.url))

    def tell(self, report: Report, end: float) -> None:
        """The summary, sent. Raises as `send`."""
        send(self, summary(report), end)


def webhook(url: str, environ: Mapping[str, str] = MappingProxyType({})) -> Webhook:
    """The webhook at `url`, its secrets from the environment. Raises UsageError for what is no http(s) address."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[\x00-\x20\x7f]", url):
        raise UsageError("--notify: not an http or https address", "for example --notify https://host/hook")
    if parts.username is not None or parts.password is not None:
        raise UsageError("--notify: a password in the address", f"leave it out, and set {TOKEN}")
    token = environ.get(TOKEN, "").strip()
    if re.search(r"[^\x21-\x7e]", token):
        raise UsageError(
            f"{TOKEN} holds a line break, a blank or another character that no header may have",
            "set it to the token alone, in one line",
        )
    return Webhook(url, token, environ.get(SECRET, ""))


def summary(report: Report) -> dict[str, Any]:
    """What is sent: verdict, code, reasons and figures; `text` is what Slack and Mattermost show."""
    from driftcli.reports.content import verdict
    from driftcli.reports.layout.writing import plain

    gate = report.gate
    found: dict[str, Any] = plain(
        {
            "text": line(report),
            "kind": "driftcli.check",
            "schema_version": 1,
            "tool": report.tool,
            "created": report.created,
            "verdict": report.verdict,
            "outcome": report.outcome,
            "exit_code": report.exit_code,
            "sentence": verdict.told(report),
            "report": report.link,
            "reasons": report.reasons,
            "p_value": gate.p_value,
            "alpha": gate.alpha,
            "effect": gate.effect,
            "effect_lower": gate.effect_lower,
            "images": report.batch.images,
            "source": report.batch.source,
            "batch_digest": report.batch.digest,
            "artifact": report.reference.artifact,
            "baseline": report.reference.baseline,
            "reference_digest": report.reference.digest,
            "sequence": report.sequence,
        }
    )
    return found


def send(hook: Webhook, content: Mapping[str, Any], end: float = math.inf) -> None:
    """POST it, twice more where that may help and there is time until `end`, by the monotonic clock.

    Raises InternalError (4), which names no secret. A server that sends something now and then, for ever, is the
    caller's to leave: each sign of life gives it TIMEOUT more.

    No redirect is followed: an address that moves must not carry the token to another host.
    """
    body = json.dumps(content).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "driftcli"}
    if hook.token:
        headers["Authorization"] = f"Bearer {hook.token}"
    if hook.secret:
        headers[SIGNATURE] = f"sha256={hmac.new(hook.secret.encode(), body, hashlib.sha256).hexdigest()}"
    problem = ""
    for pause in (*PAUSES, None):
        problem, again = _post(hook.url, body, headers, min(TIMEOUT, end - time.monotonic()))
        if not problem:
            return
        if pause is None or not again or time.monotonic() + pause >= end:
            break
        time.sleep(pause)
    raise InternalError(
        f"{hook} was not notified: {problem}", "see that the address answers a POST of JSON with 2xx"
    )


def _post(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> tuple[str, bool]:
    """What went wrong (empty: nothing), and whether it may go better the next time."""
    request = urllib.request.Request(url, body, dict(headers), method="POST")  # noqa: S310  # http and https only: `webhook`
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=max(seconds, 0.1)) as answer:
            return ("" if 200 <= answer.status < 300 else f"it answered {answer.status}"), False  # noqa: PLR2004
    except urllib.error.HTTPError as error:
        error.close()
        moved = 300 <= error.code < 400  # noqa: PLR2004
        return (
            f"it answered {error.code}" + (", a redirect, which is not followed" if moved else ""),
            error.code in _AGAIN,
        )
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _why(error), True


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Not followed: the answer 3xx is the answer."""


def _why(error: BaseException) -> str:
    """In words of ours and of the system: a library's may quote the address, a header, or what the server sent."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "timed out"
    if isinstance(cause, http.client.HTTPException):
        return f"the answer is no HTTP ({type(cause).__name__})"
    verified = getattr(cause, "verify_message", None)  # of a certificate
    return safe_name(str(verified or getattr(cause, "strerror", None) or type(cause).__name__)[:200])


def _shown(parts: SplitResult) -> str:
    return safe_name(f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else ""))


def line(report: Report) -> str:
    """For people in a chat: names as code, so that nobody is called by a file's name."""
    from driftcli.reports.content import numbers, verdict
    from driftcli.reports.layout.address import clickable

    source = ", ".join(report.batch.source[:3]) + (" …" if len(report.batch.source) > 3 else "")  # noqa: PLR2004
    gate = report.gate
    p = "" if gate.p_value is None else f", p = {numbers.p_value(gate.p_value, gate.alpha)}"
    head = (
        f"{_MARKS[report.outcome]} driftcli: {verdict.label(report).lower()} (exit {report.exit_code}{p}), "
        f"{report.batch.images} images of {_code(source)} against {_code(report.reference.artifact)}"
    )
    lines = [
        head,
        _code(verdict.told(report)),
        *(f"• {_code(reason)}" for reason in report.reasons[:REASONS]),
    ]
    if report.link:
        lines.append(f"Report: {clickable(report.link) or _code(report.link)}")
    return "\n".join(lines)


def _code(text: str) -> str:
    """Inline code: one line, no markup, no mention."""
    plain = safe_name(text).translate({ord("`"): "'", ord("<"): "‹", ord(">"): "›"})
    return f"`{plain[:300]}`"
