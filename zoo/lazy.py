"""Torch and what is built on it, loaded at first use: naming a recipe costs no torch.

An assignment says `from zoo.lazy import blocks, nn`, and its networks read as if these were the modules themselves.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any


class LazyModule:
    """Stands for a module, which is imported when the first of its names is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


if TYPE_CHECKING:
    from torch import nn as nn

    from zoo import blocks as blocks
else:
    nn, blocks = LazyModule("torch.nn"), LazyModule("zoo.blocks")
