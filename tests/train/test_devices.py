"""The device is the one asked for, its settings make runs repeatable, and what is changed for a while returns."""

from __future__ import annotations

import importlib.util
import os
import platform

import pytest
import torch

from train.engine import devices
from zoo.errors import DeviceError, UsageError

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize("there", [True, False])
def test_auto_is_cuda_where_there_is_one_and_cpu_is_always_the_cpu(
    there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert devices.choose("auto") == (CUDA if there else CPU)
    assert devices.choose("cpu") == CPU
    with pytest.raises(UsageError, match="--device 'gpu' is none of auto, cpu, cuda"):
        devices.choose("gpu")


@pytest.mark.parametrize(
    ("built_for", "reason"), [(None, "was built without CUDA"), ("12.8", "torch finds no NVIDIA device")]
)
def test_cuda_that_is_missing_is_refused_with_the_reason(
    built_for: str | None, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", built_for)
    with pytest.raises(DeviceError, match=reason):
        devices.choose("cuda")


def test_a_run_is_made_repeatable_and_what_the_user_set_for_cublas_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    torch.set_deterministic_debug_mode("default")
    torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    can_flush = torch.set_flush_denormal(False)
    devices.make_repeatable(CUDA)
    assert torch.get_deterministic_debug_mode() == 1, "some of CUDA's kernels have no other form: a warning"
    devices.make_repeatable(CPU)
    assert torch.get_deterministic_debug_mode() == 2, "an error"
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert not torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32
    assert not can_flush or float(torch.tensor([1e-38]) / 100) == 0
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    devices.make_repeatable(CPU)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


@pytest.mark.parametrize(
    ("avx512", "amx", "capability", "there"),
    [
        (True, False, "AVX512", True),
        (False, True, "AVX512_BF16", True),
        (False, False, "AVX512", False),
        (True, True, "AVX2", False),
    ],
)
def test_an_x86_has_bf16_where_one_of_its_units_has_and_torch_uses_it(
    avx512: bool, amx: bool, capability: str, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    for name in ("x86_64", "AMD64"):
        monkeypatch.setattr(platform, "machine", lambda name=name: name)
        assert devices.has_bf16(CPU) == there


def test_a_gpu_that_emulates_bf16_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert not devices.has_bf16(CUDA)


def test_tf32_and_compiled_kernels_are_of_gpus_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_tf32_supported", lambda: True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert [devices.has_tf32(device) for device in (CPU, CUDA)] == [False, True]
    assert [devices.has_compiler(device) for device in (CPU, CUDA)] == [False, True]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not devices.has_compiler(CUDA), "without Triton"


def test_what_a_block_changes_returns_where_it_fails() -> None:
    threads = torch.get_num_threads()

    @devices.threads_restored()
    @devices.tf32(allowed=True)
    def fail() -> None:
        torch.set_num_threads(threads + 1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    found = torch.get_num_threads()
    torch.set_num_threads(threads)
    assert found == threads
    assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32


def test_a_machine_is_named_by_its_processor_and_its_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.bench_process.processor", lambda: "a processor")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert devices.machine(CPU) == "a processor, AVX2"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert devices.describe(CPU) == "cpu (1 thread)"
