"""What a worker can no longer do once its sandbox is sealed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from viewer.infer import messages, protocol, sandbox
from viewer.infer.messages import Ready
from viewer.qt.worker import ROOT, command

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is of Linux")

_RESTRICTED = """
import sys
sys.path.insert(0, {root!r})
from viewer.infer import sandbox
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
from viewer.infer import sandbox
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
import json, os, socket, sys
sys.path.insert(0, {root!r})
from viewer.infer import sandbox
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
    assert "memory 4 GiB" in tried["details"]


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


def test_a_sealed_process_dies_with_the_one_that_started_it() -> None:
    child = f"import sys, time; sys.path.insert(0, {str(ROOT)!r}); from viewer.infer import sandbox; sandbox.seal()"
    child += "; print('sealed', flush=True); time.sleep(15); print('outlived', flush=True)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-I', '-c', {child!r}])"
    parent = subprocess.Popen([sys.executable, "-I", "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None and parent.stdout.readline() == "sealed\n"
    parent.kill()
    assert parent.communicate(timeout=60)[0] == ""
