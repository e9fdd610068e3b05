"""A job's process under limits: its messages, and how it ended. Foreign runtimes crash, hang and eat memory."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from export.runtimes.job import MESSAGES, Done, JobMessage
from zoo import json_lines
from zoo.errors import reason
from zoo.json_lines import ProcessFailed

_MAX_LINE = 1 << 20
_POLL = 0.05  # seconds between two looks at time and memory


@dataclass(frozen=True)
class Limits:
    """What a process may take: seconds of wall clock, and bytes of resident memory with all its children.

    Memory is looked at where the system has /proc; elsewhere only time is limited.
    """

    seconds: float = 300.0
    memory: int = 4 << 30


@dataclass(frozen=True)
class Ending:
    """How a process ended: its messages, and the reason why it was stopped or failed, '' where it ended well."""

    messages: list[JobMessage]
    why: str
    seconds: float = 0.0


def supervise(
    command: Sequence[str],
    limits: Limits,
    *,
    environment: Mapping[str, str] | None = None,
    inbox: list[JobMessage] | None = None,
    stop: threading.Event | None = None,
    folder: Path | None = None,
) -> Ending:
    """Run a command until it ends, or says that it is done or has failed, or goes beyond a limit, or `stop` is set.

    Its messages are lines on its standard output, unless `inbox` brings them from elsewhere.
    """
    messages: list[JobMessage] = [] if inbox is None else inbox
    began = time.monotonic()
    with tempfile.TemporaryFile() as log:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if inbox is None else log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                cwd=folder,
                start_new_session=True,
            )
        except OSError as error:
            return Ending([], f"cannot be started: {reason(error)}")
        reader = _listen(process, messages) if inbox is None else None
        try:
            why = _watch(process, limits, messages, stop or threading.Event())
        finally:
            _end(process)
            if reader is not None:
                reader.join(timeout=2.0)  # what it started may still hold the pipe
        failed = next((each.error for each in messages if isinstance(each, ProcessFailed)), "")
        return Ending(list(messages), failed or (why and _with_last_line(why, log)), time.monotonic() - began)


def _listen(process: subprocess.Popen[bytes], messages: list[JobMessage]) -> threading.Thread:
    """Add each message as it comes; runtimes print other lines too."""
    assert process.stdout is not None
    stream = process.stdout

    def listen() -> None:
        with suppress(ValueError):  # the stream is closed while it is read
            while line := stream.readline(_MAX_LINE):
                with suppress(ValueError):
                    messages.append(json_lines.decode(line, *MESSAGES))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    return thread


def _watch(
    process: subprocess.Popen[bytes], limits: Limits, messages: Sequence[JobMessage], stop: threading.Event
) -> str:
    """Wait; return the reason why the process was stopped or failed, '' where it ended well or said that it is done."""
    began = time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            return _ended_by(process.wait(_POLL))
        if any(isinstance(each, Done | ProcessFailed) for each in messages):
            return ""
        if stop.is_set():
            return "stopped"
        if time.monotonic() - began > limits.seconds:
            return f"not done after {limits.seconds:g} s"
        if memory_of(process.pid) > limits.memory:
            return f"more than {limits.memory / 2**30:.3g} GiB of memory"


def _ended_by(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}" if code else ""
    with suppress(ValueError):
        return f"crashed ({signal.Signals(-code).name})"
    return f"crashed (signal {-code})"


def _with_last_line(why: str, log: IO[bytes]) -> str:
    """Add the last line that a process wrote on its standard error, which says more than its exit code."""
    log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
    lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return f"{why} ({lines[-1][:160]})" if lines and why.startswith("ended") else why


def output_of(command: Sequence[str], *, seconds: float = 20.0) -> str:
    """Return what a program prints within that time, '' where it prints nothing; nothing that it started is left."""
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL, start_new_session=True
            )
        except OSError:
            return ""
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        _end(process)
        output.seek(0)
        return output.read(4096).decode(errors="replace").strip()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    family = [*_descendants(process.pid), process.pid]
    for pid in family:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    if os.name != "nt":
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def memory_of(pid: int) -> int:
    """Return the resident bytes of a process and its descendants; 0 where the system does not say."""
    page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
    total = 0
    for each in (pid, *_descendants(pid)):
        with suppress(OSError, ValueError, IndexError):
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * page
    return total


def _descendants(pid: int) -> Iterator[int]:
    with suppress(OSError, ValueError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield child
                yield from _descendants(child)
