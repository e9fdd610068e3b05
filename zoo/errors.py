"""What a user can get wrong, as exceptions whose text is the sentence that the user reads.

AezooError                      exit code 2
├── UsageError                  a name or an option that does not exist
├── DataError                   a data set that is absent, broken or not the published one
├── DeviceError                 a device that is not there
├── DisplayError                a window where there is no display
├── RunError                    a run folder that is absent, busy, unfinished or of a newer format
├── FileRefused                 bytes from a file that must not reach onnxruntime or HDF5
├── WriteError                  a file that could not be written           exit code 74 (EX_IOERR)
├── CheckFailed                 numbers that should agree and do not       exit code 1
└── Interrupted                 a signal; what was done is saved           exit code 128 + signal

Every text says what we met, what we expected and what to do next.
"""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """Return what an error of a library says, in one line of at most 160 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def reason(error: OSError) -> str:
    """Return what the operating system says, to stand within a sentence."""
    return (error.strerror or str(error)).lower()


class AezooError(Exception):
    """The root: anything that a user can put right."""

    exit_code = 2


class UsageError(AezooError):
    """A name or an option that does not exist."""


class DataError(AezooError):
    """A data set that is absent, broken or not the published one."""


class DeviceError(AezooError):
    """A device that was asked for and is not there."""


class DisplayError(AezooError):
    """A window was asked for where there is no display."""


class RunError(AezooError):
    """A run folder that is absent, busy, unfinished or of a newer format."""


class FileRefused(AezooError):
    """Bytes from a file that must not reach onnxruntime or HDF5."""


class WriteError(AezooError):
    """A file that could not be written; what stood there before is untouched."""

    exit_code = 74

    def __init__(self, message: str, *, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno


class CheckFailed(AezooError):
    """Numbers that should agree and do not."""

    exit_code = 1


class Interrupted(AezooError):
    """The user, or the system, asked to stop; what was done is saved."""

    def __init__(self, message: str, *, received: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + received  # as a shell reports a program that a signal ended
