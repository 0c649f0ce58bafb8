"""The report comes first, whoever is told; whoever is slow is left; no secret is ever said, whatever is wrong with it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from driftcli.audit import check as audit
from driftcli.cli import _notice, app, webhook
from driftcli.cli.console import Terminal
from tests.reports import samples

ROOT = Path(__file__).parents[2]


def _drip(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X")
        time.sleep(0.05)


def _continue(connection):
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.001)


def _body(connection):
    connection.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connection.sendall(b"X")
        time.sleep(0.05)


def _silence(_connection):
    time.sleep(60)


@pytest.fixture
def server(request):
    """A server that does this with every connection, for ever."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(connection):
        try:
            connection.recv(1 << 16)
            request.param(connection)
        except OSError:
            pass

    def accept():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/s3cret"
    listening.close()


@pytest.fixture(autouse=True)
def _drifted(monkeypatch):
    for name in ("DRIFTCLI_NOTIFY", webhook.TOKEN, webhook.SECRET):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(audit, "check", lambda *_, **__: samples.drifted())


PROGRAM = """
import sys, time
from driftcli.audit import check
from driftcli.cli import _notice, start
from tests.reports import samples
check.check = lambda *a, **k: samples.drifted()
_notice.DEADLINE = 1.0
sys.argv = ["driftcli", "check", "ref", "x", "-q", "--notify", {url!r}]
start.main()
"""


@pytest.mark.parametrize("server", [_drip, _continue, _body, _silence], indirect=True)
def test_a_server_that_never_ends_holds_neither_report_nor_process(server):
    """Without a deadline over all that it does, each sign of life gives it ten seconds more."""
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(url=server)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert "verdict=drift" in process.stdout.readline()
        assert process.poll() is None  # still telling: the report did not wait
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert time.monotonic() - began < 30
    assert "was not notified" in err
    assert "s3cret" not in err


def test_the_report_is_out_before_anybody_is_told(monkeypatch, tmp_path):
    """Files, standard output, notices."""
    order: list[str] = []
    put, tell_all = Terminal.put, _notice._tell_all
    path = tmp_path / "r.json"
    monkeypatch.setattr(Terminal, "put", lambda *a, **k: (order.append("report"), put(*a, **k)))

    def told(*_):
        order.append(f"notice, file {path.exists()}")
        return []

    monkeypatch.setattr(_notice, "_tell_all", told)
    assert app.run(["check", "ref", "x", "--notify", "http://h/x", "-o", str(path)]) == 1
    assert order == ["report", "notice, file True"]
    assert tell_all is not told


def test_no_try_begins_that_could_not_end(monkeypatch):
    """One deadline for all tries of one address, their pauses included."""
    tried: list[float] = []

    def post(_url, _body, _headers, seconds):
        tried.append(seconds)
        return "it answered 503", True

    monkeypatch.setattr(webhook, "_post", post)
    monkeypatch.setattr(webhook, "PAUSES", (0.01, 5.0))
    with pytest.raises(Exception, match="503"):
        webhook.send(webhook.webhook("http://h/x"), {}, time.monotonic() + 3)
    assert len(tried) == 2
    assert all(0 < seconds <= 3 for seconds in tried)


# ---------------------------------------------------------------- secrets


LOUD = ["-vv", "--log-format", "json"]


@pytest.mark.parametrize("token", ["s3cr\net", "s3cr\ret", "s3cr et", "s3crét", "s3cr\x00et"])
@pytest.mark.parametrize("loud", [[], LOUD])
def test_a_token_that_no_header_may_hold_is_2_and_is_not_said(monkeypatch, capfd, token, loud):
    """http.client's own error quotes it."""
    if "\0" in token:
        monkeypatch.setattr(Terminal, "environ", {webhook.TOKEN: token}, raising=False)
        with pytest.raises(Exception, match="holds a line break") as caught:
            webhook.webhook("http://h/x", {webhook.TOKEN: token})
        assert "s3cr" not in str(caught.value)
        return
    monkeypatch.setenv(webhook.TOKEN, token)
    assert app.run(["check", "ref", "x", "--notify", "http://127.0.0.1:9/x", *loud]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "DRIFTCLI_NOTIFY_TOKEN holds a line break" in err
    assert "s3cr" not in err


@pytest.mark.parametrize("url", ["http://h/s3cr\net", "http://h:9/\ts3cret", "http://user:s3cret@h/", "http://[s3cret/", "http://h:s3cret/"])  # fmt: skip
def test_an_address_that_is_none_is_not_said(capfd, url):
    assert app.run(["check", "ref", "x", "--notify", url, *LOUD]) == 2
    assert "s3cr" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Invalid header value b'Bearer s3cret'"),
        OSError("s3cret is not there"),
        UnicodeEncodeError("latin-1", "s3cret", 0, 1, "no"),
        webhook.http.client.BadStatusLine("s3cret"),
        webhook.urllib.error.URLError("s3cret"),
        webhook.urllib.error.URLError(OSError(111, "Connection refused", "s3cret")),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("strict", [[], ["--strict-notify"]])
def test_what_a_library_says_is_not_repeated(monkeypatch, capfd, error, strict):
    """It may quote a header, the address, or what the server sent."""

    class Opener:
        def open(self, *_, **__):
            raise error

    monkeypatch.setattr(webhook.urllib.request, "build_opener", lambda *_: Opener())
    monkeypatch.setattr(webhook, "PAUSES", ())
    code = app.run(["check", "ref", "x", "-q", "--notify", "http://h/path-s3cret", *strict, *LOUD])
    assert code == (4 if strict else 1)
    out, err = capfd.readouterr()
    assert "http://h was not notified" in err
    assert "verdict=drift" in out
    assert "s3cret" not in out + err
