"""Where to compute, and the settings that make a run repeatable there."""

import contextlib
import importlib.util
import os
import platform
from collections.abc import Iterator

import torch

from zoo import bench_process
from zoo.errors import DeviceError, UsageError


def choose(wanted: str) -> torch.device:
    """Return the device for 'auto', 'cpu' or 'cuda'; raise DeviceError where CUDA was asked for and is not there."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device {wanted!r} is none of auto, cpu, cuda")
    if wanted == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if wanted == "auto":
        return torch.device("cpu")
    reason = (
        f"torch {torch.__version__} was built without CUDA"
        if torch.version.cuda is None
        else "torch finds no NVIDIA device"
    )
    raise DeviceError(f"--device cuda: {reason}; use --device cpu or auto. (`aezoo doctor` says more)")


def make_repeatable(device: torch.device) -> None:
    """Make equal seeds give equal runs: same machine, same device, same number of threads."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS wants it for repeatable sums
    # Not use_deterministic_algorithms, which sets the same and first loads torch's compiler, 1.4 s.
    torch.set_deterministic_debug_mode("warn" if device.type == "cuda" else "error")
    # Filling new memory with NaN cost letters/random a fifth of each step on a CPU; nothing reads before it writes.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    _allow_tf32(False)  # torch's own start allows it to convolutions
    torch.set_flush_denormal(True)  # denormals in dying ReLUs cost the CPU a hundredfold


def describe(device: torch.device) -> str:
    """Name the device for people and for the history."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({threads_text(torch.get_num_threads())})"


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; where a CPU emulates it, it is many times slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # on x86 it says yes to emulation too
    in_hardware = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return bool(in_hardware and torch.backends.cpu.get_cpu_capability().startswith("AVX512"))


def has_tf32(device: torch.device) -> bool:
    """Whether the device multiplies float32 with 10 bits of fraction, several times faster, where that is allowed."""
    return device.type == "cuda" and torch.cuda.is_tf32_supported()


def has_compiler(device: torch.device) -> bool:
    """Whether torch.compile fuses kernels there; on a CPU it is slower than torch's own operators."""
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None


@contextlib.contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Let matrix products and convolutions take TF32 in the block, where that is `allowed`."""
    if not allowed:
        yield
        return
    _allow_tf32(True)
    try:
        yield
    finally:
        _allow_tf32(False)


def _allow_tf32(allowed: bool) -> None:
    # WORKAROUND: by the older flags, which set the newer fp32_precision too. Where that alone is set, inductor, which
    # reads both, raises: https://github.com/pytorch/pytorch/issues/166387
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed


def threads_text(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


@contextlib.contextmanager
def threads_restored() -> Iterator[None]:
    """Leave torch's number of threads as it was, however the block ends."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def machine(device: torch.device) -> str:
    """Name what computes, as far as its speed depends on it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{bench_process.processor()}, {torch.backends.cpu.get_cpu_capability()}"


def wait(device: torch.device) -> None:
    """Wait until a device has done what it was given; a CPU has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
