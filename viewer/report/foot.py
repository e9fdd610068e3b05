"""The foot of every report: what the sheet leaves open and was chosen, and where all of it comes from."""

from __future__ import annotations

from collections.abc import Sequence

from viewer.report.document import Block, TableBlock, TextBlock, part
from viewer.report.reader import ReportRun
from viewer.report.tables import short
from viewer.state import formatting
from zoo import __version__


def choices(runs: Sequence[ReportRun]) -> list[Block]:
    """What the sheet leaves open and was chosen, by the runs' cards."""
    by_choice: dict[str, list[str]] = {}
    for run in runs:
        for choice in (run.card.choices if run.card else ())[:50]:
            by_choice.setdefault(formatting.clean(choice, limit=500), []).append(run.recipe)
    if not by_choice:
        return []
    everywhere = len([run for run in runs if run.card])
    rows = [(choice, "all" if len(names) == everywhere else ", ".join(names)) for choice, names in by_choice.items()]
    caption = "What the sheet leaves open or leaves to public code, as the cards of the graphs have it."
    return [part("Choices"), TableBlock(caption, (("choice", "runs"), *rows), text_columns=2)]


def provenance(runs: Sequence[ReportRun]) -> list[Block]:
    """Data, versions, device, epochs, seed and hashes of every run."""
    there = [run for run in runs if run.is_there]
    blocks: list[Block] = [part("Provenance")]
    if not there:
        return [*blocks, TextBlock(f"No run was there to be reported. aezoo {__version__}.")]
    data: dict[tuple[str, ...], list[str]] = {}
    for run in there:
        key = (run.history.dataset, run.history.provenance, run.fact("licence"))
        data.setdefault(key, []).append(run.recipe)
    rows = [(*key, "all" if len(names) == len(there) else ", ".join(names)) for key, names in data.items()]
    heading = ("data", "where from", "licence", "runs")
    blocks.append(TableBlock("The data that the runs were trained on.", (heading, *rows), text_columns=4))
    blocks += [_trainings(there), *_optimisers(there)]
    blocks += _hashes(there)
    return [*blocks, TextBlock(f"Made by aezoo {__version__} from the runs named above.")]


def _trainings(runs: Sequence[ReportRun]) -> TableBlock:
    heading = ("run", "state", "device", "torch", "parameters", "epochs", "batch", "learning rate", "seed", "minutes")
    rows = [
        (
            run.recipe,
            short(run.history.state),
            short(run.history.device),
            short(run.fact("torch")),
            f"{run.history.parameters:,}",
            f"{run.history.epochs_done} of {run.history.epochs_planned}",
            short(run.fact("batch_size")),
            short(run.fact("learning_rate")),
            short(run.fact("seed")),
            f"{run.history.seconds / 60:.1f}",
        )
        for run in runs
    ]
    return TableBlock("How they were trained.", (heading, *rows), text_columns=4)


def _optimisers(runs: Sequence[ReportRun]) -> list[Block]:
    """Optimiser, precision and initialisation, of the runs that record them; runs that have the same share a row."""
    keys = ("optimiser", "precision", "initialisation")
    of_run = {run.recipe: tuple(formatting.clean(run.fact(key), limit=60) for key in keys) for run in runs}
    shared: dict[tuple[str, ...], list[str]] = {}
    for recipe, facts in of_run.items():
        if any(facts):
            shared.setdefault(facts, []).append(recipe)
    rows = [
        ("all" if len(names) == len(runs) else ", ".join(names), *(fact or formatting.MISSING for fact in facts))
        for facts, names in shared.items()
    ]
    heading = ("runs", "optimiser", "precision", "initial weights")
    return [TableBlock("With what they were trained.", (heading, *rows), text_columns=4)] if rows else []


def _hashes(runs: Sequence[ReportRun]) -> list[Block]:
    """The sha256 of training pixels and of graphs, one below the other."""
    pixels: dict[str, list[str]] = {}
    for run in runs:
        if sha256 := run.fact("data_sha256"):
            pixels.setdefault(sha256, []).append(run.recipe)
    rows = [(f"training pixels of {_first_of(names, len(runs))}", "", sha256) for sha256, names in pixels.items()]
    rows += [
        (
            f"model.onnx of {run.recipe}",
            "card.json" if run.listed == run.file.sha256 else _unlisted(run),
            run.file.sha256,
        )
        for run in runs
        if run.file
    ]
    heading = ("what", "as listed in", "sha256")
    return [TableBlock("Hashes.", (heading, *rows), text_columns=3, code=True)] if rows else []


def _first_of(names: Sequence[str], count: int) -> str:
    if len(names) == count:
        return "all"
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _unlisted(run: ReportRun) -> str:
    return "no: card.json lists another" if run.listed else "no card.json"
