"""A card as text: for the terminal (`aezoo card`), and as a bundle's README."""

import math
from collections.abc import Sequence
from typing import Any

from export.hub import front_matter
from export.report import aligned
from zoo import tasks
from zoo.card import Card
from zoo.graph_facts import GraphFacts

Rows = list[tuple[str, str]]

_UNITS = {"psnr": "psnr (dB)"}


def sections(card: Card) -> list[tuple[str, Rows]]:
    """Return a card as (heading, rows of label and value), the most important first."""
    found = [
        ("what it is", _identity(card)),
        ("goes in", [_port(port, card.task) for port in card.inputs]),
        ("comes out", [_port(port, card.task) for port in card.outputs]),
        ("learned from", _origin(card)),
        ("made with", list(card.tools.items())),
    ]
    return [(heading, [(_one_line(label), _one_line(value)) for label, value in rows]) for heading, rows in found]


def facts_as_rows(facts: GraphFacts) -> Rows:
    """Return what is known of a graph without a card, as rows of label and value."""
    operators = ", ".join(name if count == 1 else f"{name} {count}" for name, count in facts.operators.items())
    rows = [
        *(("goes in", str(port)) for port in facts.own_inputs),
        *(("comes out", str(port)) for port in facts.own_outputs),
        ("written by", facts.producer or "unknown"),
        ("opset", f"{facts.opset}, IR {facts.ir_version}"),
        ("parameters", f"{facts.parameters:,}"),
        ("operators", f"{facts.nodes:,}: {operators}"),
        *(("is run", note) for note in facts.notes),
    ]
    return [(label, _one_line(value)) for label, value in rows]


def facts_as_text(source: str, facts: GraphFacts) -> str:
    """Return what is known of a graph without a card, for people at a terminal."""
    lines = [
        f"{source} (no card of aezoo inside)",
        *(f"  {label:10}  {value}" for label, value in facts_as_rows(facts)),
    ]
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Return a text from a file as one line, so that it cannot pass for lines of the program."""
    return " ".join(text.split())


def _identity(card: Card) -> Rows:
    rows = [
        ("task", f"{card.task}: {tasks.does(card.task) or 'unknown to this version'}"),
        ("network", card.summary),
        ("parameters", f"{card.parameters:,}"),
    ]
    if card.bottleneck:
        size, compression = card.bottleneck.get("size"), card.bottleneck.get("compression")
        shape = _shape(card.bottleneck.get("shape"))
        whole = f"{shape} = {size}" if "×" in shape else shape
        rows.append(("bottleneck", f"{whole} values, each for {compression} pixels"))
    noise = card.objective.get("noise")
    rows.append(("objective", f"{card.objective.get('name')}{f', inputs with noise of {noise}' if noise else ''}"))
    return rows


def _port(port: dict[str, Any], task: str) -> tuple[str, str]:
    text = f"{port.get('dtype')} {_shape(port.get('shape'))}"
    if task == "recall" and port.get("name") == "image":
        text += ", one value a class: 1 for the letter that is wanted, 0 for the others"
    elif port.get("kind") == "image":
        low, high = port.get("range", [0, 1])
        text += f", {port.get('layout')}, from {low} to {high}: pixels of 8 bits divided by 255"
    if port.get("classes"):
        text += f", of the classes {' '.join(map(str, port['classes']))}"
    return str(port.get("name")), text


def _shape(shape: object) -> str:
    return "×".join(map(str, shape)) if isinstance(shape, list) else "?"


def _origin(card: Card) -> Rows:
    data, training = card.data, card.training
    file = f"{training.get('file')}, sha256 {training.get('file_sha256')}" if "file" in training else ""
    return [
        *([("file of it", file)] if file else []),
        ("data", f"{data.get('name')}: {data.get('provenance')}"),
        ("licence of it", str(data.get("licence"))),
        (
            "images",
            f"{_count(data, 'train')} to learn from, {_count(data, 'validation')} to watch, "
            f"{_count(data, 'test')} to test; split {data.get('split')}",
        ),
        (
            "training",
            f"{training.get('epochs')} epochs of batches of {training.get('batch_size')}, "
            f"{'{}, '.format(training['optimiser']) if 'optimiser' in training else ''}learning rate "
            f"{training.get('learning_rate')}, seed {training.get('seed')}, {training.get('precision')}, "
            f"{training.get('state')}",
        ),
    ]


def _count(data: dict[str, Any], split: str) -> str:
    return f"{data[split]:,}" if isinstance(data.get(split), int) else "?"


def figures(card: Card) -> list[list[str]]:
    """Return the table of test figures: a head, the model, what the sheet published, and the baselines."""
    names = list(dict.fromkeys([*card.metrics, *card.published]))
    lines = [("this model", card.metrics)]
    if card.published:
        lines.append(("the sheet", card.published))
    lines += [(name, card.baselines[name]) for name in tasks.ranked(card.task, card.baselines)]
    return [
        ["on the test images", *(_one_line(_UNITS.get(name, name)) for name in names)],
        *([_one_line(label), *(_figure(values.get(name)) for name in names)] for label, values in lines),
    ]


def _figure(value: object) -> str:
    good = isinstance(value, int | float) and math.isfinite(value)
    return f"{value:.4g}" if good else "–"


def as_text(card: Card) -> str:
    """Return the card for people at a terminal."""
    width = max(len(label) for _, rows in sections(card) for label, _ in rows)
    lines = [_one_line(f"{card.name}, {card.graph}.onnx")]
    for heading, rows in sections(card):
        lines += ["", heading, *(f"  {label:{width}}  {value}" for label, value in rows)]
    head, *body = figures(card)
    lines += ["", *aligned([head, *([f"  {label}", *cells] for label, *cells in body)])]
    if card.choices:
        lines += ["", "what the sheet leaves open and was chosen"]
        lines += [f"  - {_one_line(choice)}" for choice in card.choices]
    return "\n".join(lines)


_README = """\
# {name}

It {task}. {summary}.

Files: {graphs}; `card.json` says the same for programs, with the sha256 of every file.
Opset 18, IR 8, float32, any batch size; no `.onnx` needs another file beside it.

```python
import numpy as np, onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
images = np.fromfile("test/{port}.f32", "<f4").reshape(-1, {shape})
{answers} = session.run(None, {{"{port}": images}})
```

{tables}

## Proving your own program

`test/` holds {images} images and what torch computed for them: raw little-endian float32, NCHW. `vectors.json` gives
the shape of each file and, for the outputs of each graph, the largest difference that rounding explains.
"""


def as_markdown(card: Card, graphs: Sequence[str], images: int) -> str:
    """Return a bundle's README: front matter for the Hub, the card, lines that use it, and how to prove a program."""
    port = card.inputs[0]
    tables = [_markdown([[heading, ""], *map(list, rows)]) for heading, rows in sections(card)]
    tables.append(_markdown(figures(card)))
    if card.choices:
        choices = (f"- {_one_line(choice)}" for choice in card.choices)
        tables.append("\n".join(["What the sheet leaves open and was chosen:", "", *choices]))
    return front_matter(card) + _README.format(
        name=card.name,
        task=tasks.does(card.task) or card.task,
        summary=card.summary,
        graphs=", ".join(f"`{graph}`" for graph in graphs),
        port=port["name"],
        shape=", ".join(map(str, port["shape"][1:])),
        answers=", ".join(output["name"] for output in card.outputs),
        tables="\n\n".join(tables),
        images=images,
    )


def _markdown(table: Sequence[Sequence[str]]) -> str:
    head, *body = ([cell.replace("|", "\\|") for cell in row] for row in table)
    rule = ["---", *("---:" if label else "---" for label in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))
