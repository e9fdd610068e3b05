"""The worker's sandbox: takes away memory, files and network before the first file is read, and says what is left.

It takes two steps, since Landlock binds only the calling thread and those that it starts later:
`restrict_writes_and_network` before anything that starts threads is imported, `seal` the rest after the last import.
Linux only: rlimits, PR_SET_NO_NEW_PRIVS, and Landlock where the kernel has it (5.13 and later). Elsewhere the deadlines
and the separate process remain, and the status says so.
"""

from __future__ import annotations

import ctypes
import os
import signal
import site
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

MEMORY_BYTES = 4 << 30
OPEN_FILES = 64

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_FILE_RIGHTS = {
    1: 0x1FFF,
    2: 0x3FFF,
    3: 0x7FFF,
    4: 0x7FFF,
    5: 0xFFFF,
}  # by ABI; rights that newer ones add are not used
_READ_RIGHTS = 1 << 0 | 1 << 2 | 1 << 3  # execute, read files, read folders
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _IOCTL = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 15
_TRUNCATE = 1 << 14
_DEVICES = Path("/dev")
_NET_RIGHTS = 0b11  # bind and connect, TCP, ABI 4
_SCOPES = 0b11  # abstract sockets and signals, ABI 6


@dataclass(frozen=True)
class SandboxStatus:
    """Which restrictions hold, in short and in full."""

    short: str
    details: str


def restrict_writes_and_network() -> None:
    """Give up writing and the network; reading stays possible for the imports to come."""
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
            _landlock(libc, handled=~_READ_RIGHTS, allowed=_gpu_paths())


def seal(*, cuda: bool = False) -> SandboxStatus:
    """Give up all that reading files' bytes does not need; call it after the last import. Never raises."""
    if not sys.platform.startswith("linux"):
        return SandboxStatus(
            "process only", f"A separate process with deadlines; no sandbox is known for {sys.platform}."
        )
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a worker in a loop would outlive its window
    limits = _limit(memory=not cuda)
    privileges = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    threads = len(os.listdir("/proc/self/task"))
    abi = _landlock(libc, handled=~0, allowed=_cuda_paths() if cuda else ()) if privileges else 0
    return _status(abi, limits, privileges=privileges, threads=threads, cuda=cuda)


def _limit(*, memory: bool) -> list[str]:
    import resource

    wanted = {
        "core files": (resource.RLIMIT_CORE, 0),
        "file writes": (resource.RLIMIT_FSIZE, 0),
        "open files": (resource.RLIMIT_NOFILE, OPEN_FILES),
    }
    if memory:  # CUDA reserves addresses far beyond what it uses
        wanted["memory"] = (resource.RLIMIT_AS, MEMORY_BYTES)
    applied = []
    for name, (kind, value) in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (OSError, ValueError):
            continue
        applied.append(f"{name} {value / 2**30:g} GiB" if name == "memory" else f"{name} {value}")
    return applied


def _landlock(libc: ctypes.CDLL, *, handled: int, allowed: Iterable[tuple[Path, int]]) -> int:
    """Give up the `handled` rights, except those `allowed` for a path, and the network.

    Return the kernel's Landlock ABI, 0 if it could not be applied.
    """
    abi = int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG))
    if abi < 1:
        return 0
    rights = _FILE_RIGHTS[min(abi, 5)] & handled
    attributes = struct.pack("<QQQ", rights, _NET_RIGHTS if abi >= 4 else 0, _SCOPES if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = int(libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0))
    if ruleset < 0:
        return 0
    try:
        for path, kept in allowed:
            _allow(libc, ruleset, path, kept & rights)
        return abi if libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def _cuda_paths() -> Iterator[tuple[Path, int]]:
    """Yield the paths that CUDA opens only when it is used, with the rights it needs there."""
    libraries = _READ_FILE | _READ_DIR | _EXECUTE
    for folder in ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/proc", "/sys", *site.getsitepackages()):
        yield Path(folder), libraries
    yield from _gpu_paths()


def _gpu_paths() -> Iterator[tuple[Path, int]]:
    """The GPU's devices, and where CUDA writes the names of its threads: `cuInit` fails where it may not.

    Seen with driver 580.159 on an H200; what lies below /proc/self/task is this process alone.
    """
    devices = list(_DEVICES.glob("nvidia*"))
    for device in devices:
        yield device, _READ_FILE | _WRITE_FILE | _READ_DIR | _IOCTL
    if devices:
        yield Path("/proc/self/task"), _READ_FILE | _WRITE_FILE | _READ_DIR | _TRUNCATE


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
    except OSError:
        return  # a path that does not exist need not be allowed
    if not path.is_dir():
        rights &= _READ_FILE | _WRITE_FILE | _EXECUTE | _IOCTL
    libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("<Qi", rights, descriptor), 0)
    os.close(descriptor)


def _status(abi: int, limits: list[str], *, privileges: bool, threads: int, cuda: bool) -> SandboxStatus:
    sentences = ["Files are opened in a process of their own, with deadlines."]
    if abi and cuda:
        sentences.append(
            f"Landlock (ABI {abi}): it can write no file; it can read libraries and reach the GPU for CUDA."
        )
    elif abi:
        sentences.append(f"Landlock (ABI {abi}): it can open no file of this machine.")
    else:
        sentences.append("This kernel has no Landlock: it could read what you can read.")
    if abi:
        sentences.append(
            "It can make no TCP connection." if abi >= 4 else "This kernel cannot keep it from the network."
        )
    if abi and threads > 1:
        sentences.append(f"Threads that onnxruntime started before ({threads - 1}) can read, but not write or connect.")
    sentences.append(f"Limits: {', '.join(limits) or 'none'}." + ("" if privileges else " It may gain privileges."))
    short = "no files, no TCP" if abi >= 4 else "no files" if abi else "limits only"
    return SandboxStatus(short if not cuda or not abi else "no writing, no TCP", " ".join(sentences))
