"""Sentences that several sheets need: how runs stand, what is missing and how to make it, and what was answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from viewer.report.document import Block, answer, note
from viewer.report.reader import ReportRun
from zoo.data.sets import SAMPLE
from zoo.runs import QUICK

NEAR = 0.05  # of each other: figures that are called alike
ALIKE = f"within {NEAR * 100:.0f} % of"


def answers(*texts: str, in_short: bool = True) -> list[Block]:
    """The answers that can be given: texts that are not empty."""
    return [answer(text, in_short=in_short) for text in texts if text]


def standing(*runs: ReportRun) -> list[Block]:
    """Say of runs that are there what must be known before believing their figures, and the command that mends it.

    Of those that are not there `missing` says so, where their figures would stand.
    """
    short = [run.name for run in runs if run.history.state == QUICK]
    sentences = [run.error for run in runs if run.error and not run.is_absent]
    if short:
        sentences.append(
            f"Cut to a few steps (--quick), so that the figures say nothing: {', '.join(short)}. "
            f"`aezoo train {' '.join(short)} --overwrite` trains {'it' if len(short) == 1 else 'them'} whole."
        )
    sentences += [_unfinished(run) for run in runs if run.is_there and run.history.state not in (QUICK, "finished")]
    sentences += [run.graph_error for run in runs if run.graph_error and run.history.state != "training"]
    return [note(text) for text in sentences]


def _unfinished(run: ReportRun) -> str:
    epochs = f"{run.history.epochs_done} of {run.history.epochs_planned} epochs"
    if run.history.state == "failed":
        why = "its error is not a number" if run.measured("mse") is None else "it answers all images alike"
        return f"The training of {run.name} failed ({epochs}): {why}. Its figures stand as they were measured."
    if run.history.state == "training":
        return (
            f"{run.name} is not finished ({epochs}): its test figures come with its end. If nothing trains it now, "
            f"`aezoo train {run.name} --resume` goes on with it."
        )
    return f"{run.name} is {run.history.state or 'in no known state'} ({epochs})."


def embedded(runs: Iterable[ReportRun]) -> str:
    """Say that runs were trained on the data that come with aezoo, '' where none was."""
    on_sample = [run for run in runs if run.is_there and run.history.dataset.endswith(f"-{SAMPLE}")]
    if not on_sample:
        return ""
    return (
        f"Trained on the embedded data ({sources(on_sample)}), not on the sheet's: no figure can be compared with it."
    )


def missing(*runs: ReportRun, what: str) -> list[Block]:
    """The note that stands where these runs have nothing to show, with the command that makes it."""
    absent = [run.name for run in runs if run.is_absent]
    there = [run.name for run in runs if not run.is_absent]
    sentences = []
    if absent:
        sentences.append(f"No {what} of {joined(absent)}, not trained yet: `aezoo train {' '.join(absent)}`.")
    if there:
        sentences.append(
            f"No {what} of {joined(there)}: so far there is none in {'it' if len(there) == 1 else 'them'}."
        )
    return [note(text) for text in sentences]


def without_graph(run: ReportRun, what: str) -> list[Block]:
    """The note on what only a run's graph can give: what is wrong with the graph, or that there is none."""
    return [note(run.graph_error)] if run.graph_error else missing(run, what=what)


def joined(names: Sequence[str]) -> str:
    """List names: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def sources(runs: Iterable[ReportRun]) -> str:
    """Name the data of some runs, each once."""
    return "; ".join(dict.fromkeys(run.history.provenance for run in runs if run.history.provenance))


def beside(own: float, other: float) -> str:
    """Say where a figure stands beside another: 'below', 'above' or 'within 5 % of' it."""
    if abs(own - other) <= NEAR * other:
        return ALIKE
    return "below" if own < other else "above"
