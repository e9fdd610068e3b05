"""The layers of a graph whose feature maps can be looked at, as the worker lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from viewer.state import formatting
from viewer.state.checked import checked

LARGEST = 1 << 20


@dataclass(frozen=True)
class GraphLayer:
    """One feature map: `tensor` is its name in requests; its shape (C, H, W) is None where it is not known yet."""

    tensor: str
    node: str
    operator: str
    shape: tuple[int, int, int] | None

    @property
    def title(self) -> str:
        """One harmless line: the operator, the tensor's name and its shape."""
        sizes = f", {formatting.shape(self.shape)}" if self.shape else ""
        return f"{formatting.clean(self.operator, limit=40)} · {formatting.clean(self.tensor, limit=60)}{sizes}"

    @property
    def is_convolution(self) -> bool:
        return self.operator in ("Conv", "ConvTranspose")


def from_header(header: Mapping[str, Any]) -> tuple[GraphLayer, ...]:
    """Make layers of a worker's answer; raise ValueError for a malformed one."""
    layers: tuple[GraphLayer, ...] = checked(tuple[GraphLayer, ...], header.get("layers"))
    if len({layer.tensor for layer in layers}) != len(layers):
        raise ValueError("a layer is listed twice")
    if not all(layer.tensor and all(0 < size <= LARGEST for size in layer.shape or ()) for layer in layers):
        raise ValueError("no proper name or shape of a layer")
    return layers
