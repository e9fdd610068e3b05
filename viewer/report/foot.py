"""The foot of every report: what the sheet leaves open and was chosen, and where all of it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from viewer.report.document import Block, TableBlock, TextBlock, part
from viewer.report.reader import ReportRun, Runs
from viewer.report.tables import short
from viewer.state import formatting
from zoo import __version__

Key = TypeVar("Key")


def choices(assignment: str, runs: Sequence[ReportRun]) -> list[Block]:
    """What the sheet leaves open and was chosen, by the cards of its own runs."""
    own = [run for run in runs if run.name.startswith(f"{assignment}/") and run.card]
    by_choice = _grouped(
        (formatting.clean(choice, limit=500), run.recipe) for run in own if run.card for choice in run.card.choices[:50]
    )
    if not by_choice:
        return []
    rows = [(choice, together(names, [run.recipe for run in own])) for choice, names in by_choice.items()]
    caption = "What the sheet leaves open, and where it was taken from."
    return [part("Choices"), TableBlock(caption, (("choice", "runs"), *rows), text_columns=2)]


def provenance(assignment: str, runs: Sequence[ReportRun]) -> list[Block]:
    """Data, versions, device, epochs, seed and hashes of every run that is there."""
    there = {run.name.removeprefix(f"{assignment}/"): run for run in runs}
    blocks: list[Block] = [part("Provenance")]
    if not there:
        return [*blocks, TextBlock(f"No run was there to be reported. aezoo {__version__}.")]
    blocks += [_data(there), _trainings(there), *_optimisers(there), *_hashes(there)]
    return [*blocks, TextBlock(f"Made by aezoo {__version__} from the runs named above.")]


def provenance_in_short(runs: Sequence[ReportRun]) -> TextBlock:
    """One line that says where all of it comes from."""
    data = "; ".join(dict.fromkeys(run.history.provenance for run in runs if run.history.provenance))
    versions = ", ".join(dict.fromkeys(f"torch {run.fact('torch')}" for run in runs if run.fact("torch")))
    made = f"Made by aezoo {__version__}{f' and {versions}' if versions else ''}."
    whole = "Layers, choices, more tables and hashes are in the whole report."
    return TextBlock(f"{f'Data: {data}. ' if data else ''}{made} {whole}")


def _grouped(pairs: Iterable[tuple[Key, str]]) -> dict[Key, list[str]]:
    """Return the names that go with each key."""
    groups: dict[Key, list[str]] = {}
    for key, name in pairs:
        groups.setdefault(key, []).append(name)
    return groups


def _data(runs: Runs) -> TableBlock:
    by_data = _grouped(((run.history.dataset, run.history.provenance), label) for label, run in runs.items())
    rows = []
    for key, names in by_data.items():
        licence = next(filter(None, (runs[name].fact("licence") for name in names)), "")
        rows.append((*key, licence, together(names, [*runs])))
    heading = ("data", "where from", "licence", "runs")
    return TableBlock("The data that the runs were trained on.", (heading, *rows), text_columns=4)


def _trainings(runs: Runs) -> TableBlock:
    heading = ("run", "state", "device", "torch", "parameters", "epochs", "batch", "learning rate", "seed", "minutes")
    rows = [
        (
            label,
            short(run.history.state),
            short(run.history.device),
            short(run.fact("torch")),
            f"{run.history.parameters:,}",
            f"{run.history.epochs_done} of {run.history.epochs_planned}",
            short(run.fact("batch_size")),
            short(run.fact("learning_rate")),
            ", ".join(short(each.facts.get("seed", "")) for each in (run.history, *run.seeds)),
            f"{run.history.seconds / 60:.1f}" if run.history.seconds else formatting.MISSING,
        )
        for label, run in runs.items()
    ]
    return TableBlock("How the runs were trained.", (heading, *rows), text_columns=4)


def _optimisers(runs: Runs) -> list[Block]:
    """Optimiser, precision and initialisation, of the runs that record them; runs that have the same share a row."""
    keys = ("optimiser", "precision", "initialisation")
    facts = _grouped(
        (tuple(formatting.clean(run.fact(key), limit=60) or formatting.MISSING for key in keys), label)
        for label, run in runs.items()
        if run.fact("optimiser")
    )
    rows = [(together(names, [*runs]), *own) for own, names in facts.items()]
    heading = ("runs", "optimiser", "precision", "initial weights")
    return [TableBlock("Optimiser, precision and initial weights.", (heading, *rows), text_columns=4)] if rows else []


def _hashes(runs: Runs) -> list[Block]:
    """The sha256 of training pixels and of graphs, one below the other."""
    pixels = _grouped((sha256, label) for label, run in runs.items() if (sha256 := run.fact("data_sha256")))
    rows = [(f"training pixels of {together(names, [*runs])}", "", sha256) for sha256, names in pixels.items()]
    rows += [(f"model.onnx of {label}", _listed(run), run.file.sha256) for label, run in runs.items() if run.file]
    heading = ("what", "as listed in", "sha256")
    caption = "Hashes of the training images and of the exported networks."
    return [TableBlock(caption, (heading, *rows), text_columns=3, code=True)] if rows else []


def together(names: Sequence[str], every: Sequence[str]) -> str:
    """List some names of all: 'all', or 'vae-*' for all that begin so, where several do."""
    if len(names) == len(every):
        return "all"
    families = _grouped((name.partition("-")[0], name) for name in every)
    listed = list[str]()
    for begins, family in families.items():
        own = [name for name in family if name in names]
        listed += [f"{begins}-*"] if len(own) == len(family) > 2 else own
    return ", ".join(listed)


def _listed(run: ReportRun) -> str:
    if run.file and run.listed == run.file.sha256:
        return "card.json"
    return "no: card.json lists another" if run.listed else "no card.json"
