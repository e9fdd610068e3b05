"""What a worker can no longer do once its sandbox is sealed."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from viewer.infer import messages
from viewer.infer.messages import Ready
from viewer.qt.child_process import ROOT
from viewer.qt.worker import _environment, command
from zoo import protocol, sandbox

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is of Linux")

_RESTRICTED = """
import sys
sys.path.insert(0, {root!r})
from zoo import sandbox
sandbox.restrict_writes_and_network()
import threading

def try_it():
    try:
        open({new!r}, "w").write("x")
    except PermissionError:
        print("refused", len(open("/etc/passwd", "rb").read()) >= 0)

thread = threading.Thread(target=try_it)
thread.start()
thread.join()
"""
_THREAD_NAMES = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from zoo import sandbox
sandbox._DEVICES = Path({devices!r})
sandbox.restrict_writes_and_network()
print(sandbox.seal(cuda=True).details)
for path in ("/proc/self/task/" + __import__("os").listdir("/proc/self/task")[0] + "/comm", {new!r}):
    try:
        open(path, "w").write("x")
        print("written")
    except PermissionError:
        print("refused")
"""

_TRY = """
import json, os, resource, socket, sys
sys.path.insert(0, {root!r})
from zoo import sandbox
status = sandbox.seal()

def fails(what):
    try:
        what()
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return ""

print(json.dumps({{
    "details": status.details,
    "read": fails(lambda: open("/etc/passwd").read()),
    "list": fails(lambda: os.listdir("/")),
    "write": fails(lambda: open({new!r}, "w").write("x")),
    "connect": fails(lambda: socket.socket().connect(("127.0.0.1", {port}))),
    "listen": fails(lambda: socket.socket().bind(("127.0.0.1", 0))),
    "memory": fails(lambda: bytearray(8 << 30)),
    "limits": [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE)],
    "open": resource.getrlimit(resource.RLIMIT_NOFILE),
    "kill": fails(lambda: os.kill(os.getppid(), 0)),
}}))
"""


@pytest.fixture
def tried(tmp_path: Path) -> dict[str, Any]:
    """Which errors a process met that sealed its sandbox and then tried everything."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        script = _TRY.format(root=str(ROOT), new=str(tmp_path / "new"), port=server.getsockname()[1])
        done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_it_can_open_no_file_and_no_connection(tried: dict[str, Any], tmp_path: Path) -> None:
    if "Landlock (ABI" not in tried["details"]:
        pytest.skip(f"this kernel has no Landlock: {tried['details']}")
    assert tried["read"] == tried["list"] == tried["write"] == "PermissionError"
    assert not (tmp_path / "new").exists()
    if "no TCP connection" in tried["details"]:
        assert tried["connect"] == tried["listen"] == "PermissionError"


def test_it_can_take_no_more_memory_than_its_limit(tried: dict[str, Any]) -> None:
    assert tried["memory"] == "MemoryError"
    assert "Limits: core files 0, file writes 0, open files 64, memory 4 GiB." in tried["details"]
    assert (tried["limits"], tried["open"]) == ([0, 0], [64, 64])


def test_a_thread_started_between_the_two_steps_can_read_but_not_write(tmp_path: Path, tried: dict[str, Any]) -> None:
    if "Landlock (ABI" not in tried["details"]:
        pytest.skip(f"this kernel has no Landlock: {tried['details']}")
    script = _RESTRICTED.format(root=str(ROOT), new=str(tmp_path / "other"))
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=300)
    assert done.stdout == "refused True\n", done.stderr


def test_the_status_does_not_claim_what_the_kernel_lacks() -> None:
    status = sandbox._status(0, [], privileges=False, threads=1, cuda=False)
    assert status.short == "limits only" and "no Landlock" in status.details
    old = sandbox._status(3, ["memory 4 GiB"], privileges=True, threads=3, cuda=False)
    assert old.short == "no files"
    assert "cannot keep it from the network" in old.details and "before (2) can read" in old.details
    cuda = sandbox._status(7, [], privileges=True, threads=1, cuda=True)
    assert cuda.short == "no writing, no TCP" and "reach the GPU" in cuda.details


def test_cuda_may_name_its_threads_and_write_nothing_else(tmp_path: Path) -> None:
    """Without the names `cuInit` fails, and the window would compute on the CPU for ever."""
    (tmp_path / "nvidia0").touch()
    script = _THREAD_NAMES.format(root=str(ROOT), devices=str(tmp_path), new=str(tmp_path / "new"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, cwd=ROOT)
    lines = done.stdout.split("\n")
    if "Landlock (ABI" not in lines[0]:
        pytest.skip(f"this kernel has no Landlock: {lines[0]}")
    assert lines[1:3] == ["written", "refused"], done.stderr


@pytest.mark.gpu
def test_a_worker_computes_on_the_gpu_where_there_is_one() -> None:
    from zoo import sessions

    if sessions.probe().name != "cuda":
        pytest.skip(sessions.probe().why_not_cuda)
    worker = subprocess.Popen(command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdin is not None and worker.stdout is not None
    frame = protocol.read(cast(BinaryIO, worker.stdout))
    worker.stdin.close()
    worker.wait(60)
    assert frame is not None
    ready = messages.decode(frame, Ready)
    assert ready.provider == "CUDA", ready


def test_the_threads_that_onnxruntime_starts_are_restricted_as_the_worker_is() -> None:
    """What a thread may do is settled when it is started: writing and the network are given up before the imports."""
    environment = dict(item.split("=", 1) for item in _environment().toStringList())
    worker = subprocess.Popen(command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    try:
        assert worker.stdout is not None
        frame = protocol.read(cast(BinaryIO, worker.stdout))
        assert frame is not None and isinstance(messages.decode(frame, Ready), Ready)
        statuses = [path.read_text() for path in Path(f"/proc/{worker.pid}/task").glob("*/status")]
        assert len(statuses) > 1, "it has threads of its own"
        assert all("NoNewPrivs:\t1" in status for status in statuses)
    finally:
        worker.kill()
        worker.wait()


def test_a_sealed_process_dies_with_the_one_that_started_it() -> None:
    child = f"import sys, time; sys.path.insert(0, {str(ROOT)!r}); from zoo import sandbox; sandbox.seal()"
    child += "; print('sealed', flush=True); time.sleep(15); print('outlived', flush=True)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-I', '-c', {child!r}])"
    parent = subprocess.Popen([sys.executable, "-I", "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None and parent.stdout.readline() == "sealed\n"
    parent.kill()
    assert parent.communicate(timeout=60)[0] == ""


# ---- what the kernel is asked for ----


class FakeKernel:
    """A libc whose kernel has this Landlock ABI; it notes what it is asked for and restricts nothing."""

    def __init__(self, abi: int, *, privileges: int = 0, restrict: int = 0) -> None:
        self.abi, self.privileges, self.restrict = abi, privileges, restrict
        self.controls: list[tuple[int, ...]] = []
        self.ruleset: tuple[int, ...] = ()
        self.rules: list[int] = []

    def prctl(self, *arguments: int) -> int:
        self.controls.append(arguments)
        return self.privileges if arguments[0] == 38 else 0

    def syscall(self, number: int, *arguments: Any) -> int:
        if number == 446:
            return self.restrict
        if number == 445:
            self.rules.append(struct.unpack("<Qi", arguments[2])[0])
            return 0
        if arguments[0] is None:
            return self.abi
        self.ruleset = struct.unpack("<QQQ", arguments[0])[: arguments[1].value // 8]
        return os.open(os.devnull, os.O_RDONLY)


def sealed(monkeypatch: pytest.MonkeyPatch, kernel: FakeKernel, *, cuda: bool = False) -> sandbox.SandboxStatus:
    with monkeypatch.context() as patched:
        patched.setattr("ctypes.CDLL", lambda *_, **__: kernel)
        patched.setattr(sandbox, "_limit", lambda *, memory: ["memory 4 GiB"] if memory else [])
        patched.setattr("os.listdir", lambda _: ["1"])
        return sandbox.seal(cuda=cuda)


FILES = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF, 6: 0xFFFF, 9: 0xFFFF}


@pytest.mark.parametrize("abi", FILES)
def test_all_that_a_kernel_can_take_away_is_taken_away(monkeypatch: pytest.MonkeyPatch, abi: int) -> None:
    kernel = FakeKernel(abi)
    before = len(os.listdir("/proc/self/fd"))
    status = sealed(monkeypatch, kernel)
    assert kernel.ruleset == (FILES[abi], *[0b11] * (abi >= 4), *[0b11] * (abi >= 6))
    assert kernel.rules == [] and kernel.controls == [(1, 9, 0, 0, 0), (38, 1, 0, 0, 0)]
    assert status.short == ("no files, no TCP" if abi >= 4 else "no files")
    assert ("It can make no TCP connection." in status.details) is (abi >= 4)
    assert status.details.endswith("Limits: memory 4 GiB.") and "Threads" not in status.details
    assert len(os.listdir("/proc/self/fd")) == before, "nothing is left open"


def test_without_landlock_or_with_privileges_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    for kernel in (FakeKernel(-1), FakeKernel(0), FakeKernel(7, privileges=-1), FakeKernel(7, restrict=-1)):
        status = sealed(monkeypatch, kernel)
        assert status.short == "limits only" and "This kernel has no Landlock" in status.details
        assert status.details.endswith(" It may gain privileges.") is bool(kernel.privileges)
    assert sealed(monkeypatch, FakeKernel(0), cuda=True).short == "limits only"
    monkeypatch.setattr(sys, "platform", "plan9")
    status = sealed(monkeypatch, FakeKernel(7))
    assert status.short == "process only" and "no sandbox is known for plan9" in status.details


def test_cuda_keeps_libraries_and_its_memory_and_nothing_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sandbox, "_DEVICES", tmp_path)
    assert list(sandbox._gpu_paths()) == []
    device = tmp_path / "nvidia0"
    device.touch()
    paths = dict(sandbox._gpu_paths())
    assert list(paths) == [device, Path("/proc/self/task")]
    kernel, before = FakeKernel(5), len(os.listdir("/proc/self/fd"))
    for path in (device, tmp_path, tmp_path / "nowhere"):
        sandbox._allow(kernel, 3, path, 0xFFFF)  # type: ignore[arg-type]
    of_files = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 15  # execute, write, read, ioctl: the others are of folders
    assert kernel.rules == [of_files, 0xFFFF] and len(os.listdir("/proc/self/fd")) == before
    kernel = FakeKernel(7)
    status = sealed(monkeypatch, kernel, cuda=True)
    assert status.short == "no writing, no TCP" and status.details.endswith("Limits: none.")
    assert kernel.rules and kernel.ruleset == (0xFFFF, 0b11, 0b11)


def test_before_the_imports_only_writing_and_the_network_are_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sandbox, "_DEVICES", tmp_path)
    for privileges, ruleset in ((0, (0xFFFF & ~0b1101, 0b11, 0b11)), (-1, ())):
        kernel = FakeKernel(7, privileges=privileges)
        monkeypatch.setattr("ctypes.CDLL", lambda *_, kernel=kernel, **__: kernel)
        sandbox.restrict_writes_and_network()
        assert kernel.ruleset == ruleset


def test_threads_that_were_there_before_are_told_only_where_they_escape_something() -> None:
    one, three = (sandbox._status(4, [], privileges=True, threads=threads, cuda=False) for threads in (1, 3))
    assert "Threads" not in one.details and "before (2) can read" in three.details and one.short == "no files, no TCP"
    assert "Threads" not in sandbox._status(0, [], privileges=True, threads=3, cuda=False).details


def test_a_limit_is_no_higher_than_the_system_allows_and_one_that_cannot_be_set_is_not_claimed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import resource

    given: dict[int, tuple[int, int]] = {}

    def put(kind: int, limits: tuple[int, int]) -> None:
        if kind == resource.RLIMIT_FSIZE:
            raise ValueError("not allowed to raise maximum limit")
        given[kind] = limits

    hard = {resource.RLIMIT_NOFILE: 32, resource.RLIMIT_AS: resource.RLIM_INFINITY}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1, hard.get(kind, 1 << 20)))
    monkeypatch.setattr(resource, "setrlimit", put)
    assert sandbox._limit(memory=False) == ["core files 0", "open files 32"]
    assert sandbox._limit(memory=True) == ["core files 0", "open files 32", "memory 4 GiB"]
    assert given == {
        resource.RLIMIT_CORE: (0, 0), resource.RLIMIT_NOFILE: (32, 32), resource.RLIMIT_AS: (4 << 30, 4 << 30),
    }  # fmt: skip
