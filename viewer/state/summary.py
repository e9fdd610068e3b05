"""A graph's layers with their output shapes and numbers of parameters, as Keras's summary and the sheets print them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from viewer.state.formatting import clean
from viewer.state.numbers import LARGEST_WHOLE

MOST = 400  # nodes of a graph
_ACTIVATIONS = frozenset("Relu PRelu Sigmoid Tanh LeakyRelu Elu Selu Softmax Clip".split())
_HIDDEN = frozenset("Identity Dropout".split())  # which do nothing outside training


@dataclass(frozen=True)
class SummaryLayer:
    """One layer: the operator that makes it, its activation if any, its output without the batch, its parameters.

    A size that the graph leaves open is 0.
    """

    operator: str
    activation: str
    shape: tuple[int, ...]
    parameters: int


def from_header(header: Mapping[str, Any]) -> tuple[SummaryLayer, ...]:
    """Make layers of a worker's answer, each with the activation that follows it.

    Raises ValueError for a malformed answer.
    """
    listing = header.get("nodes")
    if not isinstance(listing, list) or len(listing) > MOST:
        raise ValueError("no proper list of nodes")
    layers: list[SummaryLayer] = []
    for node in map(_node, listing):
        if node.operator in _ACTIVATIONS and layers and not layers[-1].activation:
            parameters = layers[-1].parameters + node.parameters
            layers[-1] = replace(layers[-1], activation=node.operator, parameters=parameters)
        elif node.operator not in _HIDDEN:
            layers.append(node)
    return tuple(layers)


def _node(entry: object) -> SummaryLayer:
    if not isinstance(entry, dict) or not isinstance(entry.get("operator"), str):
        raise ValueError("no proper node")
    shape, parameters = entry.get("shape"), entry.get("parameters")
    if not isinstance(shape, list):
        raise ValueError("no proper shape of a node")
    return SummaryLayer(clean(entry["operator"], limit=40), "", tuple(map(_count, shape)), _count(parameters))


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < LARGEST_WHOLE:
        raise ValueError("no proper count")
    return value
