"""Contenders of a benchmark, each in a process of its own, measured in turn.

A contender's module calls `serve` with a function that makes it; the benchmark starts it with `child` and asks.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo import json_lines
from zoo.errors import AezooError, CheckFailed, DataError
from zoo.json_lines import ProcessFailed

Values = dict[str, Any]
Measure = Callable[[Any], Values]


@dataclass(frozen=True)
class ContenderRequest:
    """What a contender is to measure, in the terms of its benchmark."""

    what: Any


@dataclass(frozen=True)
class ContenderReply:
    """What a contender is, or what it measured; and the most memory that its process has held, in bytes."""

    values: Values
    memory: int


def serve(make: Callable[[], tuple[Values, Measure]]) -> None:
    """In the contender's process: make it, say what it is, and measure what is requested until stdin ends.

    An error that the user can mend is sent as one sentence.
    """
    send = json_lines.sender()
    try:
        about, measure = make()
        send(ContenderReply(about, peak_memory()))
        for line in sys.stdin:
            values = measure(json_lines.decode(line, ContenderRequest).what)
            send(ContenderReply(values, peak_memory()))
    except AezooError as error:
        send(ProcessFailed(str(error)))


def peak_memory() -> int:
    """Return the most memory that this process has held, in bytes; 0 where the system does not say.

    Not getrusage's maximum on Linux: it starts with that of the process that started this one.
    """
    peak = _from_proc("self/status", "VmHWM")
    if peak:
        return int(peak.split()[0]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@dataclass
class Child:
    """A contender: what it is, and the seconds until it was ready."""

    name: str
    process: subprocess.Popen[str]
    setup: float = 0.0
    about: Values = field(default_factory=dict)
    memory: int = 0

    def ask(self, what: Any) -> Values:
        """Ask for a measurement and wait. Raises DataError with the contender's sentence, CheckFailed if it ended."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # noticed below
            self.process.stdin.write(json_lines.encode(ContenderRequest(what)))
            self.process.stdin.flush()
        return self.receive()

    def receive(self) -> Values:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            raise CheckFailed(f"{self.name} ended with exit code {code} in the middle of the benchmark; see above")
        kinds: tuple[type[ContenderReply | ProcessFailed], ...] = (ContenderReply, ProcessFailed)
        message = json_lines.decode(line, *kinds)
        if isinstance(message, ProcessFailed):
            raise DataError(message.error)
        self.memory = message.memory
        return message.values


@contextmanager
def child(name: str, module: str, arguments: Values) -> Iterator[Child]:
    """Start `python -m module` with the arguments as JSON, and wait until it is ready."""
    start = time.perf_counter()
    process = json_lines.start(module, json.dumps(arguments))
    contender = Child(name, process)
    try:
        contender.about = contender.receive()
        contender.setup = time.perf_counter() - start
        yield contender
    except BaseException:
        process.kill()  # without waiting for what it is doing
        raise
    finally:
        assert process.stdin is not None and process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()
        process.stdout.close()


def in_turn(names: Sequence[str], round_: int) -> list[str]:
    """Return the contenders in the order of a round: another one begins each."""
    first = round_ % len(names)
    return [*names[first:], *names[:first]]


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Return the lowest, the median and the highest ratio of the pairs."""
    found = [over / under for over, under in zip(numerators, denominators, strict=True)]
    return [min(found), statistics.median(found), max(found)]


def ratios_text(spread: Sequence[float]) -> str:
    low, middle, high = spread
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of those packages that are installed."""
    found = {"python": platform.python_version()}
    for name in packages:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def load_average() -> float:
    """Return how many processes wanted a core in the last minute; 0 where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def processor() -> str:
    """Name the processor and count its cores."""
    name = _from_proc("cpuinfo", "model name") or platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"


def _from_proc(file: str, key: str) -> str:
    """Return the first value of a key in a file of /proc; '' where there is none."""
    with suppress(OSError):
        for line in Path("/proc", file).read_text().splitlines():
            if line.startswith(key):
                return line.partition(":")[2].strip()
    return ""
