"""What the card panel says of an entry, as sections of plain text: nothing here knows how it is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from viewer.state import formatting, metrics, numbers
from viewer.state.library import Entry
from viewer.state.rows import all_baselines_of, baselines_of, bottleneck_of, metrics_of, parameters_of
from viewer.state.selection import Known
from zoo.card import Card
from zoo.runs import METRICS

COLUMNS = 5

_TRAINING = (
    ("optimiser", "optimiser"),
    ("batch_size", "batch size"),
    ("learning_rate", "learning rate"),
    ("seed", "seed"),
    ("precision", "precision"),
    ("initialisation", "initial weights"),
)

Pairs = tuple[tuple[str, str], ...]


HASH = 64  # hexadecimal digits of a sha256: a line of its own, which should not be torn


@dataclass(frozen=True)
class EntryDescription:
    """A title, a line below it, facts by name, and the metrics beside every baseline.

    files   file by file its size, whether it is what card.json lists, and its sha256 with no name before it
    checks  what was verified, and what was not
    card    the card itself, None without one
    """

    title: str
    summary: str
    facts: Pairs
    table: tuple[tuple[str, ...], ...]  # the first row is the heading; empty without metrics
    choices: tuple[str, ...]
    files: Pairs
    checks: Pairs
    sha256: str  # of the graph
    card: Card | None

    @property
    def pairs(self) -> Pairs:
        """All that stands below one another, in its order; a name is written once for what follows it."""
        choices = tuple(("choices" if not index else "", text) for index, text in enumerate(self.choices))
        return (*self.facts, *choices, *self.checks, *self.files)

    def to_text(self) -> str:
        """Return all of it as text, for the clipboard and for who listens instead of looking."""
        lines = [self.title, self.summary, *("\t".join(row) for row in self.table)]
        lines += [f"{name}: {value}" if name else f"    {value}" for name, value in self.pairs]
        return "\n".join(filter(None, lines))

    def as_object(self) -> dict[str, Any]:
        """Return all of it for JSON, the card as its file has it."""
        heading, *rows = self.table or (("",),)
        return {
            "name": self.title,
            "summary": self.summary,
            "figures": {row[0]: dict(zip(heading[1:], row[1:], strict=True)) for row in rows},
            "facts": [list(pair) for pair in self.facts],
            "checks": [list(pair) for pair in self.checks],
            "files": [list(pair) for pair in self.files],
            "sha256": self.sha256,
            "card": asdict(self.card) if self.card else None,
        }

    @property
    def compared(self) -> dict[str, str]:
        """What is set beside the same of other runs: figures, facts, the sizes of files."""
        heading, *rows = self.table or (("",),)
        figures = dict(zip(heading[1:], rows[0][1:], strict=True)) if rows else {}
        facts = {name: value for name, value in self.facts if name}
        files = {name: value for name, value in self.files if name.endswith(".onnx")}
        return {**figures, **facts, **files}


@dataclass(frozen=True)
class Difference:
    """A fact of several runs side by side; '' for one that has it not."""

    name: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


def side_by_side(abouts: Sequence[EntryDescription]) -> tuple[Difference, ...]:
    """Return every fact that any of these runs has, with what each says of it."""
    every = [about.compared for about in abouts]
    names = dict.fromkeys(name for facts in every for name in facts)
    return tuple(Difference(name, tuple(facts.get(name, "") for facts in every)) for name in names)


def about(entry: Entry, known: Known, name: str, provider: str = "") -> EntryDescription:
    """Describe what is known of an entry; `provider` is where the worker computes graphs."""
    card = known.any_card
    computed = (("computed on", formatting.clean(provider, limit=90)),) if provider and known.graph else ()
    return EntryDescription(
        title=name,
        summary=formatting.clean(card.summary) if card else "",
        facts=(*_facts(known), *computed),
        table=_table(known),
        choices=tuple(formatting.clean(choice, limit=500) for choice in card.choices[:50]) if card else (),
        files=tuple(_files(entry, known)),
        checks=tuple(_checks(entry, known)),
        sha256=known.graph_sha256,
        card=card,
    )


def _facts(known: Known) -> Iterator[tuple[str, str]]:
    card, history, graph = known.any_card, known.history, known.graph
    if card:
        yield "task", formatting.clean(card.task)
    objective = (history.objective if history else "") or (_get(card.objective, "name") if card else "")
    sigma = history.noise if history else graph.noise if graph else 0.0
    if objective:
        objective = metrics.OBJECTIVES.get(objective, objective)
        yield "objective", f"{objective}, on inputs with noise of σ = {sigma:g}" if sigma else objective
    if card and card.data:
        yield "data", _data(card.data)
        yield "provenance", _get(card.data, "provenance") or formatting.MISSING
        yield "licence", _get(card.data, "licence") or formatting.MISSING
    elif history:
        yield "data", history.dataset
        yield "provenance", history.provenance or formatting.MISSING
    bottleneck = bottleneck_of(known)
    if bottleneck:
        compression = numbers.finite_or_none(card.bottleneck.get("compression")) if card else None
        more = f" ({compression:.3g} : 1)" if compression is not None else ""
        yield "bottleneck", f"{bottleneck} values{more}"
    yield from _more_figures(known)
    if card and card.published:
        figures = ", ".join(
            f"{formatting.clean(k, limit=24)} {formatting.number(numbers.finite_or_none(v))}"
            for k, v in card.published.items()
        )
        yield "published", figures
    yield from _training(known)
    parameters = parameters_of(known)
    if parameters:
        yield "parameters", f"{parameters:,}"
    if card and card.tools:
        yield (
            "tools",
            ", ".join(
                f"{formatting.clean(k, limit=40)} {formatting.clean(v, limit=40)}"
                for k, v in [*card.tools.items()][:20]
            ),
        )
    facts = graph.facts if graph else known.refused
    if facts:
        yield "graph", f"opset {facts.opset}, IR {facts.ir_version}, {facts.nodes} nodes"
        yield "inputs", _ports(facts.own_inputs)
        yield "outputs", _ports(facts.own_outputs)
    if facts and not card:
        yield "written by", facts.producer or formatting.MISSING
        yield (
            "operators",
            ", ".join(f"{name} {count}" if count > 1 else name for name, count in facts.operators.items()),
        )
        for note in facts.notes:
            yield "run", note


def _training(known: Known) -> Iterator[tuple[str, str]]:
    card, history = known.any_card, known.history
    if history:
        planned = f" of {history.epochs_planned}" if history.epochs_planned > history.epochs_done else ""
        took = f" in {_duration(history.seconds)}" if history.seconds > 0 else ""
        where = f" on {history.device}" if history.device else ""
        yield "epochs", f"{history.epochs_done}{planned}{took}{where}"
    elif card:
        yield "epochs", _get(card.training, "epochs") or formatting.MISSING
    recorded = {**(history.facts if history else {}), **(card.training if card else {})}
    for key, title in _TRAINING:
        if key in recorded:
            yield title, formatting.clean(recorded[key], limit=40)


def _table(known: Known) -> tuple[tuple[str, ...], ...]:
    figures = metrics_of(known)
    if not figures:
        return ()
    beside = [*baselines_of(known).items()][:20]
    rows = {"this model": figures, **{formatting.clean(metrics.baseline(name), limit=30): row for name, row in beside}}
    columns = _columns(figures)
    heading = ("test split", *(formatting.clean(metrics.heading(metric), limit=20) for metric in columns))
    return (heading, *((name, *(_cell(row, metric) for metric in columns)) for name, row in rows.items()))


def _columns(figures: Mapping[str, float]) -> list[str]:
    """The metrics that have a column of their own; the card's table has room for five."""
    first = [name for name in METRICS if name in figures]
    return [*first, *(name for name in figures if name not in first)][:COLUMNS]


def _more_figures(known: Known) -> Iterator[tuple[str, str]]:
    """The metrics that have none, each beside the same of real images."""
    figures = metrics_of(known)
    real = all_baselines_of(known).get("real", {})
    shown = _columns(figures)
    for name, value in figures.items():
        if name not in shown:
            beside = f" (real images {formatting.number(real[name], 3)})" if name in real else ""
            yield formatting.clean(name, limit=24), formatting.number(value, 3) + beside


def _cell(row: object, metric: str) -> str:
    found = row.get(metric) if isinstance(row, Mapping) else None
    return metrics.written(metric, found if isinstance(found, float) else numbers.finite_or_none(found))


def _checks(entry: Entry, known: Known) -> Iterator[tuple[str, str]]:
    """What was verified when the files were opened, and what the files do not record."""
    if known.error:
        yield "warning", formatting.sentence(formatting.clean(known.error, limit=500))
    if known.mismatch:
        yield "warning", formatting.sentence(known.mismatch)
    if known.changed(entry.graph.name):
        yield "warning", "card.json lists another sha256: this is not the file that was exported"
    if known.graph:
        yield "safety", "checked: its operators are standard ones, and its sizes are plausible"
        target = (known.history.recipe if known.history else "") or formatting.clean(entry.graph, limit=200)
        yield (
            "verified",
            "not recorded: an export is checked before it is written, and its figures are not kept; "
            f"`aezoo verify {formatting.clean(target, limit=200)}` measures them again",
        )


def _files(entry: Entry, known: Known) -> Iterator[tuple[str, str]]:
    """File by file: its size, whether it is the one that was exported, its sha256; and where they lie."""
    hashed = {entry.graph.name: known.graph_sha256}
    if entry.is_run:
        hashed[entry.decoder.name] = known.decoder_sha256
    for name, stamp in entry.stamps.items():
        listed = known.listed.get(name, "")
        if stamp is None and not listed:
            continue
        yield name, _file_check(stamp[2] if stamp else None, hashed.get(name, ""), listed, known.sizes.get(name))
        shown = hashed.get(name) or listed
        if shown:
            yield "", formatting.clean(shown, limit=HASH)
    more = len([name for name in known.listed if name not in entry.stamps])
    if more:
        yield "more files", f"{more} that card.json lists"
    yield "file", formatting.clean(entry.graph if entry.graph_stamp else entry.path, limit=500)
    if entry.is_run and entry.history_stamp:
        yield "history", f"{formatting.clean(entry.history, limit=500)}, {_bytes(entry.history_stamp[2])}"


def _file_check(size: int | None, sha256: str, listed: str, listed_size: int | None) -> str:
    """Say whether a file is the one that card.json lists: by its sha256 where it was read, else by its size."""
    if size is None:
        return "missing; card.json lists it: export the run again"
    if not listed:
        return f"{_bytes(size)}, not listed in a card.json"
    if sha256:
        return f"{_bytes(size)}, {'as card.json lists it' if sha256 == listed else 'another than card.json lists'}"
    if size != listed_size:
        return f"{_bytes(size)}, another size than card.json lists"
    return f"{_bytes(size)}, of the size that card.json lists; not opened here"


def _bytes(size: int) -> str:
    if size < 10_000:
        return f"{size:,} bytes"
    return f"{size / 1000:,.0f} kB" if size < 10_000_000 else f"{size / 1e6:,.1f} MB"


def _data(data: Mapping[str, Any]) -> str:
    counts = [f"{n:,} {split}" for split in ("train", "test") if (n := numbers.count_or_zero(data.get(split)))]
    return ", ".join((_get(data, "name"), *counts))


def _ports(ports: tuple[Any, ...]) -> str:
    return ", ".join(
        f"{formatting.clean(port.name, limit=60)} {formatting.shape(port.shape)} {port.dtype}" for port in ports
    )


def _get(values: Mapping[str, Any], key: str) -> str:
    return formatting.clean(values[key]) if key in values else ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
