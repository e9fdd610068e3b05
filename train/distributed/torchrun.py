"""What torchrun says of this process, in its environment; read without torch."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoo.cli import say
from zoo.errors import AezooError, CheckFailed, DeviceError, UsageError


class TeamLost(CheckFailed):
    """Another process of the training is gone."""


def is_launched() -> bool:
    """Whether torchrun started this process beside others."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def processes_here() -> int:
    """Return how many processes torchrun started on this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"])


@contextmanager
def errors_once_a_machine() -> Iterator[None]:
    """Say what is wrong once on each machine, before torchrun's own signal ends this process.

    What all processes meet alike is the first one's to say; what only one of them meets it says itself.
    """
    try:
        yield
    except AezooError as error:
        if not is_launched():
            raise
        if os.environ["LOCAL_RANK"] == "0" or not isinstance(error, UsageError | DeviceError | TeamLost):
            say(str(error))
        sys.exit(error.exit_code)


def launcher() -> tuple[str, ...]:
    """Return the start of a command like this one; nothing where several machines take part, each with its own."""
    if int(os.environ["WORLD_SIZE"]) > processes_here():
        return ()
    return ("torchrun", f"--nproc-per-node={processes_here()}", "-m", "train")


def name_of_command() -> str:
    """Name this command, alike in each process that torchrun starts that replaces a lost one, and never again."""
    parent = os.getppid()
    began = ""
    with suppress(OSError):  # elsewhere than on Linux the number of the process must do
        began = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        began += "-" + Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[19]
    return f"torchrun-{os.environ.get('TORCHELASTIC_RUN_ID')}-{parent}-{began}"


def is_restarted() -> bool:
    """Whether torchrun started this process to replace a lost one."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
