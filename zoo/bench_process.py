"""Contenders of a benchmark, each in a process of its own, asked in turn over a pipe.

A contender's module calls `serve` with what makes it; the benchmark opens it with `child` and asks. Standard output of
the process is the pipe, one JSON document a line; what a library prints goes to stderr.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import zoo
from zoo.errors import AezooError, CheckFailed, DataError

Answer = dict[str, Any]
Asked = Callable[[Any], Answer]


# ---- in the contender's process ------------------------------------------------------------------------------


def serve(make: Callable[[], tuple[Answer, Asked]]) -> None:
    """Make the contender, tell what it is, and answer what is asked until stdin ends.

    What the user can mend goes through the pipe as one sentence. Every answer holds the peak memory so far, in bytes.
    """
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        about, asked = make()
        print(json.dumps({**about, "memory": peak_memory()}), file=pipe, flush=True)
        for line in sys.stdin:
            print(json.dumps({**asked(json.loads(line)), "memory": peak_memory()}), file=pipe, flush=True)
    except AezooError as error:
        print(json.dumps({"error": str(error)}), file=pipe, flush=True)


def peak_memory() -> int:
    """Return the most memory that this process ever held, in bytes; 0 where the system does not tell.

    Linux hands getrusage's maximum on from the process that started this one, so it is asked otherwise.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# ---- in the benchmark ----------------------------------------------------------------------------------------


@dataclass
class Child:
    """A contender: what it told of itself, and the seconds until it did."""

    name: str
    process: subprocess.Popen[str]
    setup: float = 0.0
    about: Answer | None = None
    memory: int = 0

    def ask(self, question: Any) -> Answer:
        """Ask and wait. Raises DataError with the contender's own sentence, CheckFailed where it is gone."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # heard of below
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
        return self.hear()

    def hear(self) -> Answer:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            raise CheckFailed(f"{self.name} ended with exit code {code} in the middle of the benchmark; see above")
        told: Answer = json.loads(line)
        if "error" in told:
            raise DataError(told["error"])
        self.memory = told["memory"]
        return told


@contextmanager
def child(name: str, module: str, arguments: Answer) -> Iterator[Child]:
    """Start `python -m module` with the arguments as JSON, and wait until it is ready."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", module, json.dumps(arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(zoo.__file__).parents[1],
        start_new_session=True,  # Ctrl-C is ours to answer
    )
    contender = Child(name, process)
    try:
        contender.about = contender.hear()
        contender.setup = time.perf_counter() - start
        yield contender
    except BaseException:
        process.kill()  # and do not wait for what it is doing
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


def spread(ratios: Sequence[float]) -> list[float]:
    """Return the lowest, the median and the highest."""
    return [min(ratios), statistics.median(ratios), max(ratios)]


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of those packages that are installed."""
    found = {"python": platform.python_version()}
    for name in packages:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def processor() -> str:
    """Name the processor and count its cores."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} cores"
