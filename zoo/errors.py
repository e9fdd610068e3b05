"""What a user can get wrong, as exceptions whose text is the sentence that the user reads.

AezooError                      anything that a user can put right     exit code 2
├── UsageError                  a name or an option that does not exist
├── DataError                   a data set that is absent, broken or not the published one
├── DeviceError                 a device that is not there
├── DisplayError                a window where there is no display
├── RunError                    a run folder that is absent, busy, unfinished or of a newer format
├── FileRefused                 bytes from a file that must not reach onnxruntime or HDF5
├── WriteError                  a file that could not be written; what stood there is untouched; exit code 74 (EX_IOERR)
├── CheckFailed                 numbers that should agree and do not       exit code 1
└── Interrupted                 a signal; what was done is saved           exit code 128 + signal

Every text says what we met, what we expected and what to do next.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.gate import GraphFacts


def first_line(error: BaseException) -> str:
    """Return what an error of a library says, in one line of at most 160 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def runtime_reason(error: BaseException) -> str:
    """Return what onnxruntime says, to its end and in one line, without its own codes and source files."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = re.sub(
        r"^\[ONNXRuntimeError\] : \d+ : \w+ : |\S+\.(?:cc|h):\d+ |onnxruntime::[^)]*\([^)]*\) (?:const )?", "", text
    )
    return text if len(text) <= 400 else f"{text[:120]} … {text[-270:]}"


def reason(error: OSError) -> str:
    """Return what the operating system says, to stand within a sentence."""
    return (error.strerror or str(error)).lower()


class AezooError(Exception):
    exit_code = 2


class UsageError(AezooError): ...


class DataError(AezooError): ...


class DeviceError(AezooError): ...


class DisplayError(AezooError): ...


class RunError(AezooError): ...


class FileRefused(AezooError):
    """`facts` are what a graph says of itself, where it could be read at all: GraphFacts."""

    def __init__(self, message: str, *, facts: GraphFacts | None = None) -> None:
        super().__init__(message)
        self.facts = facts


class WriteError(AezooError):
    exit_code = 74

    def __init__(self, message: str, *, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno


class CheckFailed(AezooError):
    exit_code = 1


class Interrupted(AezooError):
    def __init__(self, message: str, *, received: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + received  # as a shell reports a program that a signal ended
