"""A graph as the window knows it: its ports as the worker reports them, which of them is the picture, and its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from viewer.state.checked import checked
from viewer.state.formatting import clean
from zoo import card as cards
from zoo.card import Card
from zoo.errors import FileRefused
from zoo.gate import GraphFacts, Port


@dataclass(frozen=True, eq=False)
class GraphInfo:
    """A graph that the gate let through."""

    facts: GraphFacts
    card: Card | None
    error: str  # one clause, of a card that cannot be read

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        return self.facts.image_shape

    @property
    def reconstruction(self) -> str:
        """The output that holds pictures, by its name or else the first of the input's shape; '' for none."""
        fitting = [port.name for port in self.facts.outputs if self._is_picture(port)]
        return "reconstruction" if "reconstruction" in fitting else next(iter(fitting), "")

    @property
    def other_picture(self) -> str:
        """Of a graph that makes no pictures of its input's shape, the first output that is a picture; '' for none."""
        pictures = [port.name for port in self.facts.outputs if port.dtype == "float32" and _may_be_picture(port.shape)]
        return "" if self.reconstruction else next(iter(pictures), "")

    @property
    def bottleneck(self) -> str:
        """The output with the encoder's values, by its name or else the first beside a reconstruction; '' for none.

        A graph that makes no pictures of its images was not made by aezoo: its output may be anything, logits for one.
        """
        if self.card is None and not self.reconstruction:
            return ""
        fitting = [port for port in self.facts.outputs if port.dtype == "float32" and len(port.shape) >= 2]
        names = [port.name for port in fitting if not self._is_picture(port)]
        if "bottleneck" in names:
            return "bottleneck"
        return next(iter(names), "") if self.reconstruction else ""

    @property
    def has_decoder(self) -> bool:
        """Whether its decoder can be cut out of it: its card says where."""
        return self.card is not None and bool(self.card.bottleneck)

    @property
    def view(self) -> tuple[int, int] | None:
        """The card's (rows, columns) for the bottleneck."""
        view = self.card.bottleneck.get("view") if self.card else None
        if isinstance(view, list) and len(view) == 2 and all(isinstance(n, int) and 0 < n <= 4096 for n in view):
            return view[0], view[1]
        return None

    @property
    def noise(self) -> float:
        """The standard deviation of the noise it was trained with, 0 for none."""
        noise = self.card.objective.get("noise") if self.card else None
        return float(noise) if isinstance(noise, int | float) and 0 <= noise <= 1 else 0.0

    @property
    def logits_output(self) -> str:
        """The output that holds a classifier's logits; '' for none."""
        names = [port.name for port in self.facts.outputs if port.dtype == "float32" and len(port.shape) == 2]
        return "logits" if self.card is not None and "logits" in names else ""

    @property
    def vector(self) -> str:
        """Of a graph that makes no pictures and says nothing about itself, the first output of values; '' for none."""
        found = [port.name for port in self.facts.outputs if port.dtype == "float32" and len(port.shape) == 2]
        return "" if self.card or self.reconstruction or self.other_picture else next(iter(found), "")

    @property
    def shown_output(self) -> str:
        """The output that is shown: a reconstruction, logits, a picture of another shape or a row of values."""
        return self.reconstruction or self.logits_output or self.other_picture or self.vector

    @property
    def classes(self) -> tuple[str, ...]:
        """What the card calls the classes; empty where it does not say."""
        ports = self.card.outputs if self.card else []
        names = next((port.get("classes") for port in ports if isinstance(port, dict) and "classes" in port), None)
        return tuple(clean(name, limit=20) for name in names[:1000]) if isinstance(names, list) else ()

    def _is_picture(self, port: Port) -> bool:
        if port.dtype != "float32":
            return False
        if port.name == "reconstruction" and self.card is not None:  # it may colour grey images, or draw letters
            return _may_be_picture(port.shape)
        return port.shape[1:] == self.image_shape


def _may_be_picture(shape: tuple[int | str, ...]) -> bool:
    """Whether a shape is that of grey or colour pictures of one size."""
    return len(shape) == 4 and shape[1] in (1, 3) and all(isinstance(size, int) for size in shape[1:])


def from_header(header: Mapping[str, Any]) -> GraphInfo:
    """Make a GraphInfo of a worker's answer; raise ValueError for a malformed one."""
    facts, text = facts_from_header(header), header.get("card")
    try:
        card = cards.from_json(text) if isinstance(text, str) else None
    except FileRefused as refusal:
        return GraphInfo(facts=facts, card=None, error=clean(refusal))
    return GraphInfo(facts=facts, card=card, error="")


def facts_from_header(header: Mapping[str, Any]) -> GraphFacts:
    """Make the facts of a worker's answer; raise ValueError for a malformed one."""
    facts: GraphFacts = checked(GraphFacts, header.get("facts"))
    return replace(
        facts,
        producer=clean(facts.producer, limit=120),
        operators={clean(name, limit=60): count for name, count in facts.operators.items()},
        notes=tuple(clean(note, limit=200) for note in facts.notes[:8]),
    )
