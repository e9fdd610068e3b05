"""A graph's layers with their output shapes and numbers of parameters, as Keras's summary and the sheets print them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from viewer.state import formatting
from viewer.state.checked import checked
from viewer.state.formatting import clean

MOST_NODES = 400  # nodes of a graph
_ACTIVATIONS = frozenset("Relu PRelu Sigmoid Tanh LeakyRelu Elu Selu Softmax Clip".split())
_HIDDEN = frozenset("Identity Dropout".split())  # which do nothing outside training


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
class SummaryLayer:
    """One layer: the operator that makes it, its activation if any, its output without the batch, its parameters.

    A size that the graph leaves open is 0.
    """

    operator: str
    activation: str
    shape: tuple[int, ...]
    parameters: int


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


def from_header(header: Mapping[str, Any]) -> tuple[SummaryLayer, ...]:
    """Make layers of a worker's answer, each with the activation that follows it.

    Raises ValueError for a malformed answer.
    """
    layers: list[SummaryLayer] = []
    for node in nodes_of(header):
        if node.operator in _ACTIVATIONS and layers and not layers[-1].activation:
            parameters = layers[-1].parameters + node.parameters
            layers[-1] = replace(layers[-1], activation=node.operator, parameters=parameters)
        elif node.operator not in _HIDDEN:
            layers.append(SummaryLayer(node.operator, "", node.shape, node.parameters))
    return tuple(layers)
