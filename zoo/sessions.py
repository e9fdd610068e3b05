"""How an onnxruntime session is made: from bytes that passed the gate, on the provider that really works.

`get_available_providers()` lists CUDA on machines that have none and a session falls back to the CPU without a warning.
`probe()` therefore opens a tiny session, looks which provider it got, and compares its answer with the CPU's.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnxruntime

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"


@dataclass(frozen=True)
class Provider:
    """The provider that a session really gets, 'cuda' or 'cpu', and the reason why it is not CUDA."""

    name: str
    why_not_cuda: str = ""


def make(data: bytes, *, provider: str = "cpu", threads: int = 1) -> onnxruntime.InferenceSession:
    """Return a session on bytes that passed the gate; `provider` is 'cpu' or 'cuda'."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)  # WORKAROUND only this silences a provider that cannot load
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    cuda = (CUDA, {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"})
    providers = [cuda, CPU] if provider == "cuda" else [CPU]
    session = onnxruntime.InferenceSession(data, options, providers=providers, enable_fallback=False)
    session._model_bytes = None  # WORKAROUND it keeps the whole file for the fallback that is off: 9 of 39 MB
    return session


@cache
def probe(wanted: str = "auto") -> Provider:
    """Return the provider that a session really gets; `wanted` is 'auto', 'cpu' or 'cuda'. Done once a process."""
    if wanted == "cpu":
        return Provider("cpu", "the CPU was asked for")
    reason = _why_no_cuda()
    return Provider("cpu", reason) if reason else Provider("cuda")


def _why_no_cuda() -> str:
    """Return one clause that says why CUDA cannot be used, or '' when a session on it answered correctly."""
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers():
        return "this onnxruntime has no CUDA provider"
    driver = why_no_driver()
    if driver:
        return driver
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its errors there
        onnxruntime.preload_dlls(directory="")  # finds the CUDA libraries beside torch without importing torch
    graph = probe_graph()
    image = np.linspace(0, 1, 16, dtype=np.float32).reshape(1, 1, 4, 4)
    try:
        session = make(graph, provider="cuda")
        if session.get_providers()[0] != CUDA:
            return "CUDA's libraries could not be loaded"
        answer = np.asarray(session.run(None, {"image": image})[0])
    except Exception as error:  # a provider that half works raises whatever its libraries raise
        return f"CUDA failed on a first graph ({type(error).__name__})"
    expected = np.asarray(make(graph).run(None, {"image": image})[0])
    if not np.allclose(answer, expected, atol=1e-2):  # TF32 keeps about three digits of values up to 9
        return "CUDA computed something else than the CPU"
    return ""


def why_no_driver() -> str:
    """Return why the driver finds no device, '' when it counts at least one; nothing is printed."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return "no NVIDIA driver is installed"
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value < 1:
        return "the NVIDIA driver finds no device"
    return ""


def probe_graph() -> bytes:
    """A 3×3 convolution of ones: the smallest graph that needs cuDNN."""
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "weight"], ["result"])],
        "probe",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 4, 4])],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, ["batch", 1, 2, 2])],
        [numpy_helper.from_array(np.ones((1, 1, 3, 3), dtype=np.float32), "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return bytes(model.SerializeToString())
