"""The nodes of a graph and the layers of a network, with their output shapes and numbers of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from viewer.state import formatting
from viewer.state.checked import checked
from viewer.state.formatting import clean

MOST_NODES = 400  # nodes of a graph


@dataclass(frozen=True)
class GraphNode:
    """One node: its operator, the tensor that it makes, its shape without the batch, what it learned, its properties.

    `properties` is one line of attributes and weights; a size that the graph leaves open is 0.
    """

    operator: str
    tensor: str
    shape: tuple[int, ...]
    parameters: int
    properties: str

    @property
    def tip(self) -> str:
        """What is known of it, a line each."""
        learned = f"{self.parameters:,} parameters" if self.parameters else ""
        made = f"{self.operator}: {self.tensor} {formatting.shape(self.shape)}".strip()
        return "\n".join(line for line in (made, self.properties, learned) if line)


@dataclass(frozen=True)
class NetworkLayer:
    """One layer of a network as it was trained: its output without the batch, its values, those not learned."""

    type: str
    shape: tuple[int, ...]
    parameters: int
    frozen: int


def from_history(listing: object) -> tuple[NetworkLayer, ...]:
    """Return the layers that a history records; none where it records none, or no proper ones."""
    try:
        layers = [checked(NetworkLayer, {"frozen": 0, **entry}) for entry in listing]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return ()
    return tuple(replace(layer, type=clean(layer.type, limit=40)) for layer in layers[:MOST_NODES])


def nodes_of(header: Mapping[str, Any]) -> tuple[GraphNode, ...]:
    """Return every node of a worker's answer; raise ValueError for a malformed one."""
    return tuple(map(_harmless, checked(tuple[GraphNode, ...], header.get("nodes"))))


def _harmless(node: GraphNode) -> GraphNode:
    operator, tensor, properties = clean(node.operator, limit=40), clean(node.tensor), clean(node.properties)
    return replace(node, operator=operator, tensor=tensor, properties=properties)
