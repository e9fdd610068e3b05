"""The layers of a graph whose feature maps can be looked at, as the worker lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from viewer.state import formatting

MOST = 512
LONGEST_NAME = 300
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
    listing = header.get("layers")
    if not isinstance(listing, list) or len(listing) > MOST:
        raise ValueError("no proper list of layers")
    layers = tuple(_layer(entry) for entry in listing)
    if len({layer.tensor for layer in layers}) != len(layers):
        raise ValueError("a layer is listed twice")
    return layers


def _layer(entry: object) -> GraphLayer:
    if not isinstance(entry, dict):
        raise ValueError("no proper layer")
    tensor, node, operator = (_name(entry.get(key)) for key in ("tensor", "node", "operator"))
    if not tensor:
        raise ValueError("a layer has no name")
    return GraphLayer(tensor=tensor, node=node, operator=operator, shape=_shape(entry.get("shape")))


def _name(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_NAME:
        raise ValueError("no proper name of a layer")
    return value


def _shape(value: object) -> tuple[int, int, int] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 3 or not all(type(n) is int and 0 < n <= LARGEST for n in value):
        raise ValueError("no proper shape of a layer")
    channels, height, width = value
    return channels, height, width
