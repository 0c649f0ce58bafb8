"""A webhook is told what happened, with proof and without secrets in any log; it never changes a verdict by itself."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from driftcli.cli import webhook
from driftcli.core.errors import InternalError, UsageError
from driftcli.reports.content import verdict
from tests.reports import samples


@dataclass
class Hook:
    """A server that answers with these codes, the last one for ever."""

    codes: list[int] = field(default_factory=lambda: [200])
    delay: float = 0.0
    location: str = ""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def hook(monkeypatch):
    monkeypatch.setattr(webhook, "PAUSES", (0.01, 0.01))
    found = Hook()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):  # the library's name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.requests.append((self.path, dict(self.headers), body))
            time.sleep(found.delay)
            code = found.codes.pop(0) if len(found.codes) > 1 else found.codes[0]
            self.send_response(code)
            if found.location:
                self.send_header("Location", found.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    found.url = f"http://127.0.0.1:{server.server_port}/services/T0-secret-path"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def test_what_is_sent(hook):
    """The summary, as JSON, with the token and a signature of the very bytes."""
    target = webhook.webhook(hook.url, {"DRIFTCLI_NOTIFY_TOKEN": "t0ken", "DRIFTCLI_NOTIFY_SECRET": "s3cret"})
    report = samples.drifted()
    webhook.send(target, webhook.summary(report))
    ((path, headers, body),) = hook.requests
    sent = json.loads(body)
    assert path == "/services/T0-secret-path"
    assert headers["Authorization"] == "Bearer t0ken"
    assert headers["Content-Type"] == "application/json"
    expected = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert headers[webhook.SIGNATURE] == f"sha256={expected}"
    assert (sent["verdict"], sent["exit_code"], sent["reasons"]) == ("drift", 1, list(report.reasons))
    assert (sent["p_value"], sent["effect"], sent["created"]) == (0.0002, 0.62, report.created)
    assert sent["reference_digest"] == samples.DIGEST
    assert "images" in sent
    assert (sent["report"], sent["sentence"]) == (None, verdict.sentence(report))
    assert not [key for key, value in sent.items() if isinstance(value, list) and len(value) > 10]


def test_without_secrets_there_are_no_such_headers(hook):
    webhook.send(webhook.webhook(hook.url), {"text": "x"})
    assert not {"Authorization", webhook.SIGNATURE} & set(hook.requests[0][1])


def test_a_server_in_trouble_is_asked_three_times(hook):
    """Twice 500, then well."""
    hook.codes = [500, 503, 204]
    webhook.send(webhook.webhook(hook.url), {})
    assert len(hook.requests) == 3


@pytest.mark.parametrize(("code", "tries"), [(500, 3), (429, 3), (404, 1), (400, 1)])
def test_a_refusal_is_an_error_that_names_no_secret(hook, code, tries):
    """What cannot get better is not tried again."""
    hook.codes = [code]
    target = webhook.webhook(hook.url, {"DRIFTCLI_NOTIFY_TOKEN": "t0ken"})
    with pytest.raises(InternalError, match=str(code)) as caught:
        webhook.send(target, {})
    assert len(hook.requests) == tries
    for said in (caught.value.what, caught.value.hint, repr(target), str(target)):
        assert "secret" not in said
        assert "t0ken" not in said


def test_silence_ends_in_time(hook, monkeypatch):
    monkeypatch.setattr(webhook, "TIMEOUT", 0.1)
    hook.delay = 0.6
    started = time.monotonic()
    with pytest.raises(InternalError, match="timed out"):
        webhook.send(webhook.webhook(hook.url), {})
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://127.0.0.1:9/elsewhere", "ftp://x/y"])
def test_no_redirect_is_followed(hook, location):
    """Neither to another scheme nor to another host: the token would go along."""
    hook.codes, hook.location = [302], location
    with pytest.raises(InternalError, match="redirect"):
        webhook.send(webhook.webhook(hook.url), {})
    assert len(hook.requests) == 1


def test_nobody_there(monkeypatch):
    monkeypatch.setattr(webhook, "PAUSES", ())
    with pytest.raises(InternalError, match=r"http://127\.0\.0\.1:9 was not notified") as caught:
        webhook.send(webhook.webhook("http://127.0.0.1:9/secret"), {})
    assert "secret" not in caught.value.what


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://host/x", "host/x", "http://", "http://h:99999/", "https://u:pw@h/", "http://h/\r\nX: y"],
)  # fmt: skip
def test_what_is_no_web_address_is_a_usage_error(url):
    with pytest.raises(UsageError):
        webhook.webhook(url)


def test_names_call_nobody_in_a_chat():
    """Slack's <!channel>, Mattermost's @all and markup in names arrive as code."""
    from dataclasses import replace

    report = samples.drifted()
    report = replace(
        report, batch=replace(report.batch, source=("<!channel> `@all`\n\x1b[31m",)), reasons=("*bold* <http://x|y>",)
    )  # fmt: skip
    text = webhook.summary(report)["text"]
    assert "<" not in text
    assert "\x1b" not in text
    assert "`‹!channel› '@all'\\x0a\\x1b[31m`" in text
    assert text.count("\n") == 2


# ---------------------------------------------------------------- through the command


@pytest.fixture
def told(monkeypatch):
    """`check --notify` against an audit that returns `report`."""
    from driftcli.audit import check as audit
    from driftcli.cli import app

    for name in ("DRIFTCLI_NOTIFY", webhook.TOKEN, webhook.SECRET):
        monkeypatch.delenv(name, raising=False)

    def run(report, *argv):
        monkeypatch.setattr(audit, "check", lambda *_, **__: report)
        return app.run(["check", "ref", "x", "-q", *argv])

    return run


def test_by_default_failures_are_told_and_exit_zero_tells_too(hook, told):
    """A pass is silent unless asked for; a gate that may not fail is still told of."""
    url = ("--notify", hook.url)
    assert told(samples.passing(), *url) == 0
    assert hook.requests == []
    assert told(samples.passing(), *url, "--notify-on", "always") == 0
    assert told(samples.drifted(), *url) == 1
    assert told(samples.drifted(), *url, "--exit-zero") == 0
    assert told(samples.inconclusive(), *url) == 3
    codes = [json.loads(body)["exit_code"] for _, _, body in hook.requests]
    assert codes == [0, 1, 0, 3]


def test_a_webhook_that_fails_warns_and_changes_nothing(hook, told, capfd, monkeypatch):
    """`--strict-notify` returns 4; the report is out by then."""
    monkeypatch.setenv(webhook.TOKEN, "t0ken")
    hook.codes = [404]
    assert told(samples.drifted(), "--notify", hook.url) == 1
    out, err = capfd.readouterr()
    assert " verdict=drift exit=1 " in out
    assert "warning: http://127.0.0.1" in err
    assert told(samples.drifted(), "--notify", hook.url, "--strict-notify") == 4
    out, err = capfd.readouterr()
    assert " verdict=drift exit=1 " in out
    assert "error: http://127.0.0.1" in err
    assert "secret" not in err
    assert "t0ken" not in err


def test_files_are_written_before_the_webhook_fails(hook, told, tmp_path):
    hook.codes = [404]
    path = tmp_path / "result.json"
    assert told(samples.drifted(), "--notify", hook.url, "--strict-notify", "-o", f"json={path}") == 4
    assert json.loads(path.read_text())["verdict"] == "drift"


def test_the_address_may_come_from_the_environment(hook, told, capfd, monkeypatch):
    """It is a secret with many services: no warning, and never in --show-config."""
    monkeypatch.setenv("DRIFTCLI_NOTIFY", hook.url)
    assert told(samples.drifted()) == 1
    assert len(hook.requests) == 1
    assert "DRIFTCLI_NOTIFY" not in capfd.readouterr().err
    assert told(samples.drifted(), "--show-config") == 0
    assert "secret" not in capfd.readouterr().out


def test_a_wrong_address_is_found_before_the_audit(told):
    assert told(None, "--notify", "file:///tmp/x") == 2
