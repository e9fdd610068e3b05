"""A graph's layers with their output shapes and numbers of parameters, as Keras's summary and the sheets print them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from viewer.state import formatting
from viewer.state.formatting import clean
from viewer.state.numbers import LARGEST_WHOLE

MOST_NODES = 400  # nodes of a graph
LONGEST = 300  # characters of a node's line
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
    if not isinstance(listing, list) or len(listing) > MOST_NODES:
        return ()
    try:
        return tuple(
            NetworkLayer(
                clean(entry["type"], limit=40),
                tuple(map(_count, entry["shape"])),
                _count(entry["parameters"]),
                _count(entry.get("frozen", 0)),
            )
            for entry in listing
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return ()


def nodes_of(header: Mapping[str, Any]) -> tuple[GraphNode, ...]:
    """Return every node of a worker's answer; raise ValueError for a malformed one."""
    listing = header.get("nodes")
    if not isinstance(listing, list) or len(listing) > MOST_NODES:
        raise ValueError("no proper list of nodes")
    return tuple(map(_node, listing))


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


def _node(entry: object) -> GraphNode:
    if not isinstance(entry, dict) or not isinstance(entry.get("operator"), str):
        raise ValueError("no proper node")
    shape, tensor, properties = entry.get("shape"), entry.get("tensor", ""), entry.get("properties", "")
    if not isinstance(shape, list) or not isinstance(tensor, str) or not isinstance(properties, str):
        raise ValueError("no proper shape or properties of a node")
    sizes, parameters = tuple(map(_count, shape)), _count(entry.get("parameters"))
    names = clean(entry["operator"], limit=40), clean(tensor, limit=LONGEST)
    return GraphNode(*names, sizes, parameters, clean(properties, limit=LONGEST))


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < LARGEST_WHOLE:
        raise ValueError("no proper count")
    return value
