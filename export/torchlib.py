"""WORKAROUND torch.onnx rebuilds its table of 500 translations for every export, and reads the source of each.

Half of a warm export went into it. Here the table is made once a process, and the functions' sources, which serve only
for a domain that nobody uses, are not read. What is exported is the same, byte for byte; a test compares.
Seen in torch 2.13.0 (`ONNXRegistry.from_torchlib`) and onnxscript 0.7.2 (`get_torchlib_ops`).
"""

import contextlib
import functools
from collections.abc import Iterator
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any
from unittest import mock


@contextlib.contextmanager
def quick_tables() -> Iterator[None]:
    """Let all exports inside share one table; in a torch without such a table, do nothing."""
    with contextlib.ExitStack() as stack:
        for patch in _patches():
            stack.enter_context(patch)
        yield


@functools.cache
def _patches() -> list[AbstractContextManager[Any]]:
    try:
        from onnxscript._internal.values import TracedOnnxFunction
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        table = staticmethod(functools.cache(ONNXRegistry.from_torchlib))
        light = property(lambda function: SimpleNamespace(domain=function.opset.domain))
        return [
            mock.patch.object(ONNXRegistry, "from_torchlib", table),
            mock.patch.object(TracedOnnxFunction, "function_ir", light),
        ]
    except (ImportError, AttributeError):
        return []
