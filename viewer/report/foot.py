"""The foot of every report: what the sheet leaves open and was chosen, and where all of it comes from."""

from __future__ import annotations

from collections.abc import Sequence

from viewer.report.document import Block, TableBlock, TextBlock, part
from viewer.report.reader import ReportRun, Runs
from viewer.report.tables import short
from viewer.state import formatting
from zoo import __version__


def choices(assignment: str, runs: Sequence[ReportRun]) -> list[Block]:
    """What the sheet leaves open and was chosen, by the cards of its own runs."""
    by_choice: dict[str, list[str]] = {}
    own = [run for run in runs if run.name.startswith(f"{assignment}/")]
    for run in own:
        for choice in (run.card.choices if run.card else ())[:50]:
            by_choice.setdefault(formatting.clean(choice, limit=500), []).append(run.recipe)
    if not by_choice:
        return []
    every = [run.recipe for run in own if run.card]
    rows = [(choice, together(names, every)) for choice, names in by_choice.items()]
    caption = "What the sheet leaves open, and where it was taken from."
    return [part("Choices"), TableBlock(caption, (("choice", "runs"), *rows), text_columns=2)]


def provenance(assignment: str, runs: Sequence[ReportRun]) -> list[Block]:
    """Data, versions, device, epochs, seed and hashes of every run."""
    there = {_label(assignment, run): run for run in runs if run.is_there}
    blocks: list[Block] = [part("Provenance")]
    if not there:
        return [*blocks, TextBlock(f"No run was there to be reported. aezoo {__version__}.")]
    data: dict[tuple[str, str], list[str]] = {}
    licences: dict[tuple[str, str], str] = {}
    for label, run in there.items():
        key = (run.history.dataset, run.history.provenance)
        data.setdefault(key, []).append(label)
        licences[key] = licences.get(key) or run.fact("licence")
    rows = [(*key, licences[key], together(names, [*there])) for key, names in data.items()]
    heading = ("data", "where from", "licence", "runs")
    blocks.append(TableBlock("The data that the runs were trained on.", (heading, *rows), text_columns=4))
    blocks += [_trainings(there), *_optimisers(there)]
    blocks += _hashes(there)
    return [*blocks, TextBlock(f"Made by aezoo {__version__} from the runs named above.")]


def _label(assignment: str, run: ReportRun) -> str:
    """Return a run's name, without the assignment where it is the report's own."""
    return run.name.removeprefix(f"{assignment}/")


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
            ", ".join(
                short(facts.get("seed", "")) for facts in (run.history.facts, *(each.facts for each in run.seeds))
            ),
            f"{run.history.seconds / 60:.1f}" if run.history.seconds else formatting.MISSING,
        )
        for label, run in runs.items()
    ]
    return TableBlock("How the runs were trained.", (heading, *rows), text_columns=4)


def _optimisers(runs: Runs) -> list[Block]:
    """Optimiser, precision and initialisation, of the runs that record them; runs that have the same share a row."""
    keys = ("optimiser", "precision", "initialisation")
    of_run = {label: tuple(formatting.clean(run.fact(key), limit=60) for key in keys) for label, run in runs.items()}
    shared: dict[tuple[str, ...], list[str]] = {}
    for label, facts in of_run.items():
        if facts[0]:
            shared.setdefault(facts, []).append(label)
    rows = [
        (together(names, [*runs]), *(fact or formatting.MISSING for fact in facts)) for facts, names in shared.items()
    ]
    heading = ("runs", "optimiser", "precision", "initial weights")
    return [TableBlock("Optimiser, precision and initial weights.", (heading, *rows), text_columns=4)] if rows else []


def _hashes(runs: Runs) -> list[Block]:
    """The sha256 of training pixels and of graphs, one below the other."""
    pixels: dict[str, list[str]] = {}
    for label, run in runs.items():
        if sha256 := run.fact("data_sha256"):
            pixels.setdefault(sha256, []).append(label)
    rows = [(f"training pixels of {_first_of(names, len(runs))}", "", sha256) for sha256, names in pixels.items()]
    rows += [
        (
            f"model.onnx of {label}",
            "card.json" if run.listed == run.file.sha256 else _unlisted(run),
            run.file.sha256,
        )
        for label, run in runs.items()
        if run.file
    ]
    heading = ("what", "as listed in", "sha256")
    caption = "Hashes of the training images and of the exported networks."
    return [TableBlock(caption, (heading, *rows), text_columns=3, code=True)] if rows else []


def together(names: Sequence[str], every: Sequence[str]) -> str:
    """List some names of all: 'all', or 'vae-*' for all that begin so, where several do."""
    if len(names) == len(every):
        return "all"
    families: dict[str, list[str]] = {}
    for name in every:
        families.setdefault(name.partition("-")[0], []).append(name)
    listed = list[str]()
    for begins, family in families.items():
        own = [name for name in family if name in names]
        listed += [f"{begins}-*"] if len(own) == len(family) > 2 else own
    return ", ".join(listed)


def _first_of(names: Sequence[str], count: int) -> str:
    if len(names) == count:
        return "all"
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _unlisted(run: ReportRun) -> str:
    return "no: card.json lists another" if run.listed else "no card.json"
