"""A job in headless Chromium: a server on 127.0.0.1 hands it out, and takes the outputs and messages of the page."""

import os
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from export.npm import web_folder
from export.runtimes.job import MESSAGES, JobMessage
from export.runtimes.supervise import Ending, Limits, supervise
from zoo import json_lines

PAGE = Path(__file__).with_name("child.html")
_OUTPUT = re.compile(r"/\d+\.\d+\.f32")
_INPUT = re.compile(r"/(job\.json|graph\.onnx|\d+\.f32)")
_ORT = re.compile(r"/ort/(ort[A-Za-z0-9.-]*\.(?:mjs|wasm))")
_KINDS = {".html": "text/html", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json"}

# Headless, and without any connection to the outside.
_OPTIONS = (
    "--headless=new --disable-gpu --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --disable-quic --disable-default-apps --disable-extensions --mute-audio"
).split()


def run_served(command: Sequence[str], folder: Path, limits: Limits, stop: threading.Event) -> Ending:
    """Do the job of a folder in a browser with an empty profile; `command` starts it."""
    inbox: list[JobMessage] = []
    with (
        _serving(folder, inbox) as address,
        tempfile.TemporaryDirectory(prefix="aezoo-", ignore_cleanup_errors=True) as profile,
    ):
        as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # it has none as root
        options = [*_OPTIONS, f"--user-data-dir={profile}", *as_root]
        return supervise([*command, *options, address], limits, inbox=inbox, stop=stop)


@contextmanager
def _serving(folder: Path, inbox: list[JobMessage]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(folder, inbox))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(folder: Path, inbox: list[JobMessage]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Hands out the job's own files and onnxruntime-web's, and nothing else."""

        def do_GET(self) -> None:
            path = self._requested()
            if path is None or not path.is_file():
                self._respond(404)
            else:
                self._respond(200, path.read_bytes(), _KINDS.get(path.suffix, "application/octet-stream"))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.path == "/message":
                inbox.append(json_lines.decode(body, *MESSAGES))
            elif _OUTPUT.fullmatch(self.path):
                (folder / self.path[1:]).write_bytes(body)
            self._respond(204)

        def _requested(self) -> Path | None:
            if self.path == "/":
                return PAGE
            if _INPUT.fullmatch(self.path):
                return folder / self.path[1:]
            library = _ORT.fullmatch(self.path)
            return web_folder() / library[1] if library else None

        def _respond(self, code: int, body: bytes = b"", kind: str = "text/plain") -> None:
            self.send_response(code)
            if body:
                self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
