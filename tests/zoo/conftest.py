"""A server on this machine that stands in for the mirrors of data sets."""

from __future__ import annotations

import gzip
import http.server
import threading
from collections.abc import Iterator

import pytest

from tests.zoo.tiny_mnist import tiny_files
from zoo.data import fetch, mnist


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` by path; remembers what was requested."""

    files: dict[str, bytes]
    requested: list[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requested.append(self.path)
        data = self.server.files.get(self.path)
        self.send_response(404 if data is None else 200)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        self.wfile.write(data or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class's name
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    files, payloads = tiny_files()
    monkeypatch.setattr(mnist, "FILES", files)
    with Server(("127.0.0.1", 0), Handler) as served:
        served.files = {f"/{file.name}.gz": gzip.compress(payloads[key], mtime=0) for key, file in files.items()}
        served.requested = []
        monkeypatch.setattr(fetch, "MNIST_MIRRORS", (served.url,))
        monkeypatch.setattr(fetch, "CIFAR10_MIRRORS", (served.url,))
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield served
        served.shutdown()
