"""What the card panel says of an entry, as sections of plain text: nothing here knows how it is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from viewer.state import numbers, words
from viewer.state.library import Entry
from viewer.state.rows import bottleneck_of
from viewer.state.selection import Known
from zoo.runs import METRICS

COLUMNS = 5
_HEADINGS = {"psnr": "psnr, dB", "cross_entropy": "cross-entropy"}

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class About:
    """A title, a line below it, facts by name, and the metrics beside every baseline."""

    title: str
    summary: str
    facts: Pairs
    table: tuple[tuple[str, ...], ...]  # the first row is the heading; empty without metrics
    choices: tuple[str, ...]
    files: Pairs
    sha256: str  # of the graph; one of the files' values, and too long for their column

    def to_text(self) -> str:
        """Return all of it as text, for who listens instead of looking."""
        lines = [self.title, self.summary, *(f"{name}: {value}" for name, value in (*self.facts, *self.files))]
        lines += ["  ".join(row) for row in self.table]
        return "\n".join(filter(None, (*lines, *self.choices)))


def about(entry: Entry, known: Known, name: str) -> About:
    """Word what is known of an entry."""
    card = known.any_card
    return About(
        title=name,
        summary=words.clean(card.summary) if card else "",
        facts=tuple(_facts(known)),
        table=_table(known),
        choices=tuple(words.clean(choice, limit=500) for choice in card.choices[:50]) if card else (),
        files=tuple(_files(entry, known)),
        sha256=known.graph_sha256,
    )


def _facts(known: Known) -> Iterator[tuple[str, str]]:
    card, history, graph = known.any_card, known.history, known.graph
    if card:
        yield "task", words.clean(card.task)
    objective = (history.objective if history else "") or (_get(card.objective, "name") if card else "")
    sigma = history.noise if history else graph.noise if graph else 0.0
    if objective:
        yield "objective", f"{objective}, on inputs with noise of σ = {sigma:g}" if sigma else objective
    if card and card.data:
        yield "data", _data(card.data)
        yield "provenance", _get(card.data, "provenance") or words.MISSING
        yield "licence", _get(card.data, "licence") or words.MISSING
    elif history:
        yield "data", history.dataset
        yield "provenance", history.provenance or words.MISSING
    bottleneck = bottleneck_of(known)
    if bottleneck:
        compression = numbers.usable(card.bottleneck.get("compression")) if card else None
        more = f", {compression:g} pixels a value" if compression is not None else ""
        yield "bottleneck", bottleneck + more
    yield from _more_figures(known)
    if card and card.published:
        figures = ", ".join(
            f"{words.clean(k, limit=24)} {words.number(numbers.usable(v))}" for k, v in card.published.items()
        )
        yield "the sheet's", figures
    yield from _training(known)
    found = history.parameters if history else graph.facts.parameters if graph else 0
    parameters = numbers.count(card.parameters) if card else found
    if parameters:
        yield "parameters", f"{parameters:,}"
    if card and card.tools:
        yield (
            "tools",
            ", ".join(f"{words.clean(k, limit=40)} {words.clean(v, limit=40)}" for k, v in [*card.tools.items()][:20]),
        )
    if graph:
        yield "graph", f"opset {graph.facts.opset}, IR {graph.facts.ir_version}, {graph.facts.nodes} nodes"
        yield "inputs", _ports(graph.facts.inputs)
        yield "outputs", _ports(graph.facts.outputs)


def _training(known: Known) -> Iterator[tuple[str, str]]:
    card, history = known.any_card, known.history
    if history:
        planned = f" of {history.epochs_planned}" if history.epochs_planned > history.epochs_done else ""
        took = f" in {_duration(history.seconds)}" if history.seconds > 0 else ""
        where = f" on {history.device}" if history.device else ""
        yield "epochs", f"{history.epochs_done}{planned}{took}{where}"
    elif card:
        yield "epochs", _get(card.training, "epochs") or words.MISSING
    told = card.training if card else history.facts if history else {}
    for key, title in (("batch_size", "batch size"), ("learning_rate", "learning rate"), ("seed", "seed")):
        if key in told:
            yield title, words.clean(told[key], limit=40)


def _table(known: Known) -> tuple[tuple[str, ...], ...]:
    card, history = known.any_card, known.history
    metrics = (history.metrics if history else {}) or numbers.table(card.metrics if card else {})
    baselines = (history.baselines if history else {}) or (card.baselines if card else {})
    if not metrics:
        return ()
    rows = {"this model": metrics, **{words.clean(name, limit=30): row for name, row in [*baselines.items()][:20]}}
    columns = _columns(metrics)
    heading = ("test split", *(words.clean(_HEADINGS.get(metric, metric), limit=20) for metric in columns))
    return (heading, *((name, *(_cell(row, metric) for metric in columns)) for name, row in rows.items()))


def _columns(metrics: Mapping[str, float]) -> list[str]:
    """The metrics that have a column of their own; the card's table has room for five."""
    return [*[name for name in METRICS if name in metrics], *[name for name in metrics if name not in METRICS]][
        :COLUMNS
    ]


def _more_figures(known: Known) -> Iterator[tuple[str, str]]:
    """The metrics that have none, each beside the same of real images."""
    card, history = known.any_card, known.history
    metrics = (history.metrics if history else {}) or numbers.table(card.metrics if card else {})
    baselines = (history.baselines if history else {}) or (card.baselines if card else {})
    real = numbers.table(baselines.get("real", {}))
    shown = _columns(metrics)
    for name, value in metrics.items():
        if name not in shown:
            beside = f" (real images {words.number(real[name], 3)})" if name in real else ""
            yield words.clean(name, limit=24), words.number(value, 3) + beside


def _cell(row: object, metric: str) -> str:
    told = row.get(metric) if isinstance(row, Mapping) else None
    value = told if isinstance(told, float) else numbers.usable(told)
    if value is None:
        return words.MISSING
    if metric == "mse":
        return words.error(value)
    return words.decibels(value) if metric == "psnr" else words.number(value, 3)


def _files(entry: Entry, known: Known) -> Iterator[tuple[str, str]]:
    if known.trouble:
        yield "warning", words.sentence(words.clean(known.trouble, limit=500))
    if known.mismatch:
        yield "warning", words.sentence(known.mismatch)
    yield "file", words.clean(entry.graph if known.graph_sha256 else entry.path, limit=500)
    if known.graph_sha256:
        changed = known.changed(entry.graph.name)
        verdict = "another than card.json lists" if changed else "as card.json lists it"
        yield "sha256", verdict if entry.graph.name in known.listed else "not listed in a card.json"
        yield "", known.graph_sha256
        if changed:
            yield "warning", "card.json lists another sha256: this is not the file that was exported"
    if entry.is_run and entry.history_stamp:
        yield "history", words.clean(entry.history, limit=500)


def _data(data: Mapping[str, Any]) -> str:
    counts = [f"{n:,} {split}" for split in ("train", "test") if (n := numbers.count(data.get(split)))]
    return ", ".join((_get(data, "name"), *counts))


def _ports(ports: tuple[Any, ...]) -> str:
    return ", ".join(f"{words.clean(port.name, limit=60)} {words.shape(port.shape)} {port.dtype}" for port in ports)


def _get(values: Mapping[str, Any], key: str) -> str:
    return words.clean(values[key]) if key in values else ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
