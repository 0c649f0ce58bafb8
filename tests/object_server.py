"""A server of objects on loopback (moto), behind a proxy that goes wrong as often as a test asks, always in the same places."""

from __future__ import annotations

import hashlib
import http.client
import logging
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

FAULTS = ("500", "503", "reset", "truncated", "slow")
"""Server errors with and without "slow down", a connection cut and a body that ends too early, a late first byte."""
BUCKET = "bucket"
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


def _nothing(_path: str) -> None:
    """Goes wrong."""


class Proxy(ThreadingHTTPServer):
    """Forwards requests to the server, and spoils some.

    Which, a hash of request and number of the try decides: neither threads nor time.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        self.port = port
        self.rate = 0.0
        self.refuses: Callable[[str], str | None] = _nothing
        """Asked first: a fault, `403`, or None."""
        self.page: int | None = None
        """Keys of a page of a listing; None: as many as the server gives."""
        self.requests: list[str] = []
        self.spoilt: Counter[str] = Counter()
        self._tries: Counter[str] = Counter()
        self._lock = threading.Lock()

    def calm(self) -> None:
        """As at the beginning: nothing goes wrong, nothing was asked."""
        self.rate, self.refuses, self.page = 0.0, _nothing, None
        self.requests.clear()
        self.spoilt.clear()
        self._tries.clear()

    def fault(self, path: str, headers: Mapping[str, str]) -> str | None:
        with self._lock:
            key = f"{path} {headers.get('range', '')}"
            self._tries[key] += 1
            self.requests.append(path)
            found = self.refuses(path)
            draw = hashlib.sha256(f"{key} {self._tries[key]}".encode()).digest()
            if found is None and int.from_bytes(draw[:4], "big") < self.rate * 2**32:
                found = FAULTS[draw[4] % len(FAULTS)]
            if found is not None:
                self.spoilt[found] += 1
            return found

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        fault = self.server.fault(self.path, {k.lower(): v for k, v in self.headers.items()})
        if fault in {"500", "503", "403"}:
            code = {"500": "InternalError", "503": "SlowDown", "403": "AccessDenied"}[fault]
            self._answer(int(fault), {}, f"<Error><Code>{code}</Code></Error>".encode())
            return
        if fault == "slow":
            time.sleep(0.3)
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.port)
        page = f"&max-keys={self.server.page}" if self.server.page and "list-type" in self.path else ""
        upstream.request("GET", self.path + page, headers=dict(self.headers))
        answer = upstream.getresponse()
        body = answer.read()
        upstream.close()
        headers = {
            k: v
            for k, v in answer.getheaders()
            if k.lower() not in {"content-length", "connection", "date", "server"}
        }
        if fault in {"reset", "truncated"}:
            self._answer(answer.status, headers, body, len(body) // 2)
            if fault == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        else:
            self._answer(answer.status, headers, body)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes, sent: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])


@dataclass
class Objects:
    """One bucket behind the proxy; `put` and `delete` go round it."""

    proxy: Proxy
    client: Any
    keys: set[str] = field(default_factory=set)

    def put(self, key: str, data: bytes, **more: Any) -> str:
        """The address of an object that is there now."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=data, **more)
        self.keys.add(key)
        return f"s3://{BUCKET}/{key}"

    def put_folder(self, folder: Path, prefix: str) -> str:
        """The address of a copy of a folder."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.put(f"{prefix}/{file.relative_to(folder).as_posix()}", file.read_bytes())
        return f"s3://{BUCKET}/{prefix}"

    def empty(self) -> None:
        if self.keys:
            gone = [{"Key": key} for key in self.keys]
            self.client.delete_objects(Bucket=BUCKET, Delete={"Objects": gone, "Quiet": True})
        self.keys.clear()

    @property
    def asked(self) -> list[str]:
        """Paths of all requests so far, with their queries."""
        return self.proxy.requests


@pytest.fixture(scope="session")
def object_server() -> Iterator[Objects]:
    """A server and its proxy for all tests; `objects` is what a test takes."""
    pytest.importorskip("obstore", reason="reading from servers needs the extra `remote`")
    moto = pytest.importorskip(
        "moto.server", reason="no server of objects to test against: pip install 'moto[server]'"
    )
    import boto3

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    proxy = Proxy(port)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="key",
        aws_secret_access_key="secret",  # noqa: S106 - of a server that asks for none
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=BUCKET)
    yield Objects(proxy, client)
    proxy.shutdown()
    proxy.server_close()
    server.stop()


@pytest.fixture
def objects(
    object_server: Objects, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Objects]:
    """An empty bucket that the environment leads to, as a user's would: no other credentials are in reach."""
    nowhere = str(tmp_path_factory.getbasetemp() / "no_aws")
    for name, value in {
        **KEYS,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{object_server.proxy.server_port}",
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "AWS_CONFIG_FILE": nowhere,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    object_server.proxy.calm()
    yield object_server
    object_server.proxy.calm()
    object_server.empty()
