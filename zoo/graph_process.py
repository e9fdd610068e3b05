"""A process with limits in which graphs from files are run: one that crashes, hangs or eats memory ends it alone.

The limits are those of the window's worker: 4 GiB of memory, no file, no network. Graphs and batches go in as frames,
outputs come back; one that does not answer in time is ended, and the next graph gets a new process.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo import protocol, sandbox, sessions
from zoo.errors import FileRefused, runtime_reason
from zoo.protocol import ProtocolError

if TYPE_CHECKING:
    import onnxruntime

SECONDS = 60.0  # for a graph to be opened and run once
MAX_GRAPHS = 8  # in one process
MAX_REPLY = 1 << 30
ROOT = Path(__file__).resolve().parents[1]


class GraphProcess:
    """Runs graphs that passed the gate; the process is started when the first one comes."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._sent: set[str] = set()

    def run(
        self, model: bytes, port: str, outputs: list[str], value: np.ndarray, *, source: str
    ) -> dict[str, np.ndarray]:
        """Return the outputs for a batch. Raises FileRefused, also where the graph ended the process."""
        key = hashlib.sha256(model).hexdigest()
        if key not in self._sent and len(self._sent) == MAX_GRAPHS:
            self.close()
        process = self._running()
        arrays = {"value": value} if key in self._sent else {"value": value, "graph": np.frombuffer(model, np.uint8)}
        header = {"graph": key, "port": port, "outputs": outputs}
        timer = threading.Timer(self._seconds, process.kill)
        timer.start()
        assert process.stdin is not None and process.stdout is not None
        try:
            for part in protocol.parts(header, arrays):
                process.stdin.write(part)
            process.stdin.flush()
            reply = protocol.read(process.stdout, limit=MAX_REPLY)  # type: ignore[arg-type]
        except (OSError, ProtocolError):
            reply = None
        finally:
            late = not timer.is_alive()
            timer.cancel()
        if reply is None:
            raise FileRefused(f"{source} cannot be run: {self._end(late=late)}")
        self._sent.add(key)
        if "error" in reply.header:
            raise FileRefused(f"{source} cannot be run by onnxruntime ({reply.header['error']})")
        return {name: reply.arrays[name] for name in outputs}

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    if pipe is not None:
                        pipe.close()
            self._process.wait()
        self._process = None
        self._sent.clear()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from zoo.graph_process import main; main()"
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", start],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C is for the one who waits
            )
        return self._process

    def _end(self, *, late: bool) -> str:
        """End the process and say why it gave no answer."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2.0)
        code = self._process.poll()
        self.close()
        if late:
            return f"it was not done after {self._seconds:g} s"
        if code is not None and code < 0:
            return f"it ended the process that ran it ({signal.Signals(-code).name})"
        return f"it ended the process that ran it (exit code {code})"


@cache
def shared() -> GraphProcess:
    """Return the process for all graphs of a command."""
    process = GraphProcess()
    atexit.register(process.close)
    return process


def main() -> None:
    """Answer frames until they end; the first file's byte is read behind the sandbox."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not print into a reply
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    sandbox.restrict_writes_and_network()
    sessions.make(sessions.probe_graph()).run(
        None, {"image": np.zeros((1, 1, 4, 4), np.float32)}
    )  # imports all it needs
    sandbox.seal()
    opened: dict[str, onnxruntime.InferenceSession] = {}
    while (frame := protocol.read(requests)) is not None:
        header, arrays = frame.header, frame.arrays
        try:
            if "graph" in arrays:
                opened[header["graph"]] = sessions.make(arrays["graph"].tobytes())
            results = opened[header["graph"]].run(header["outputs"], {header["port"]: arrays["value"]})
            made = dict(zip(header["outputs"], map(np.asarray, results), strict=True))
            parts = protocol.parts({}, {name: _real(name, array) for name, array in made.items()})
        except Exception as error:  # onnxruntime raises kinds of its own
            parts = protocol.parts({"error": runtime_reason(error)}, {})
        for part in parts:
            out.write(part)
        out.flush()
    os._exit(0)


def _real(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiub":
        raise TypeError(f"its output {name[:60]!r} is no tensor of numbers")
    return array
