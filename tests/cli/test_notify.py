"""Services that apprise speaks to are told what the webhook is told; no secret in any log, and one deadline for all."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from driftcli.cli import _notice, service, webhook
from driftcli.core.errors import InternalError, UsageError
from tests.reports import samples

REPORT = replace(samples.drifted(), link="https://ci.example.org/runs/17")


@dataclass
class Hook:
    """A server on this machine that answers with `code` after `delay` seconds; the bodies that it was sent."""

    code: int = 200
    delay: float = 0.0
    bodies: list[dict] = field(default_factory=list)
    place: str = ""


@pytest.fixture
def hook():
    found = Hook()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):  # the library's name
            found.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            time.sleep(found.delay)
            self.send_response(found.code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    found.place = f"127.0.0.1:{server.server_port}/s3cret-path"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def told(monkeypatch):
    """`check --notify` against an audit that returns REPORT, which went well but for its verdict."""
    from driftcli.audit import check as audit
    from driftcli.cli import app

    monkeypatch.setattr(audit, "check", lambda *_, **__: REPORT)
    return lambda *argv: app.run(["check", "ref", "x", "-q", *argv])


@pytest.fixture
def apprise():
    return pytest.importorskip("apprise", reason="the extra `notify` is not installed")


# ---------------------------------------------------------------- with apprise


@pytest.mark.usefixtures("apprise")
def test_a_service_gets_the_text_of_the_webhook(hook, told):
    """Its first line as title, the reasons and the link below, and the kind of message that a failure is."""
    assert told("--notify", f"json://{hook.place}") == 1
    (body,) = hook.bodies
    title, _, rest = webhook.line(REPORT).partition("\n")
    assert (body["title"], body["message"].strip(), body["type"]) == (title, rest, "failure")
    assert "Report: https://ci.example.org/runs/17" in body["message"]
    assert body["attachments"] == []


@pytest.mark.usefixtures("apprise")
def test_several_are_told_together(hook, told, monkeypatch):
    """The webhook and a service; the environment's list is separated by blanks."""
    assert told("--notify", f"http://{hook.place}", "--notify", f"json://{hook.place}") == 1
    assert sorted("verdict" in body for body in hook.bodies) == [False, True]
    monkeypatch.setenv("DRIFTCLI_NOTIFY", f"json://{hook.place} http://{hook.place}")
    assert told() == 1
    assert len(hook.bodies) == 4


@pytest.mark.usefixtures("apprise")
def test_a_service_that_fails_warns_and_names_no_secret(hook, told, capfd):
    """Nor do apprise's own logs; `--strict-notify` returns 4."""
    hook.code = 404
    address = f"json://user:pa55word@{hook.place}?token=t0ken"
    assert told("--notify", address) == 1
    out, err = capfd.readouterr()
    assert " verdict=drift exit=1 " in out
    assert err.startswith("warning: json://… was not notified")
    assert told("--notify", address, "--strict-notify") == 4
    out, strict = capfd.readouterr()
    assert " verdict=drift exit=1 " in out  # the report comes first
    assert strict.startswith("error: json://… was not notified")
    for secret in ("pa55word", "s3cret", "t0ken", "127.0.0.1"):
        assert secret not in err + strict + repr(service.service(address))


@pytest.mark.usefixtures("apprise")
@pytest.mark.parametrize("url", ["slak://a/b/c", "slack://", "file:///etc/passwd"])
def test_what_apprise_does_not_take_is_a_usage_error(told, capfd, url):
    assert told("--notify", url) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "apprise knows no such service, or the address is incomplete" in err
    assert "/a/b" not in err


# ---------------------------------------------------------------- without


def test_without_apprise_the_hint_says_how_to_get_it(monkeypatch, told, capfd):
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert told("--notify", "slack://s3cret/token") == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "error: --notify slack://…: only http and https without apprise, which is not installed",
        "hint: pip install 'driftcli[notify]'",
    ]


def test_apprise_is_imported_only_for_its_own_addresses():
    """A webhook needs no extra."""
    code = (
        "import sys; from driftcli.cli import _notice, console; "
        "_notice.plan(['http://127.0.0.1:9/x'], 'failure', console.Terminal(), strict=False); "
        "sys.exit('apprise' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [("slack://x", "slack"), ("HTTPS://x", "https"), ("host/x", None), ("://x", None), ("a b://x", None)],
)
def test_schemes(url, expected):
    assert service.scheme(url) == expected


# ---------------------------------------------------------------- one deadline


@dataclass
class Slow:
    """Somebody who takes `seconds`, then fails with words that nobody may read."""

    name: str
    seconds: float

    def tell(self, _report, _end):
        time.sleep(self.seconds)
        raise RuntimeError("s3cret")

    def __str__(self):
        return self.name


def test_all_who_are_told_share_one_deadline(monkeypatch):
    """Whoever is late is named, whoever failed too, in the order of the command line; nobody's words are quoted."""
    monkeypatch.setattr(_notice, "DEADLINE", 0.2)
    targets = [Slow("first", 5), Slow("second", 0), Slow("third", 5)]
    started = time.monotonic()
    found = _notice._tell_all(targets, REPORT)
    assert time.monotonic() - started < 3
    assert [problem.what for problem in found] == [
        "first was not notified: no answer within 0.2 s",
        "second was not notified: RuntimeError",
        "third was not notified: no answer within 0.2 s",
    ]
    assert all(isinstance(problem, InternalError) for problem in found)


def test_an_address_of_the_web_is_the_webhooks():
    from driftcli.cli.console import Terminal

    target = _notice._target("https://host/hook", Terminal(environ={webhook.TOKEN: "t"}))
    assert target == webhook.Webhook("https://host/hook", "t")
    with pytest.raises(UsageError, match="not an http or https address"):
        _notice._target("host/hook", Terminal())
