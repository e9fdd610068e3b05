"""Why there is no picture: the sentences that panels show instead of one, '' or None while there may still be one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from viewer.state import drawing, formatting, letters
from viewer.state.graph import GraphInfo
from viewer.state.history import RunHistory, has_stopped, is_running, stopped_at
from viewer.state.library import Entry
from viewer.state.samples import Samples
from viewer.state.selection import Known, State

NO_RUNS_YET = "All runs with a bottleneck appear here, by its size and their error."
UNFIT_IMAGES = "The images shown do not fit this run; press Esc for the test images, or Alt+Home for the first of them."
MOST_VALUES = 1 << 18  # of one image's bottleneck; more cannot be drawn usefully

Needed = Literal["output", "bottleneck", "layers"]  # output: a reconstruction or logits; layers: any graph of images


def no_output(state: State, path: Path, needed: Needed = "output") -> str:
    """Return the sentence on why a run has nothing to show; '' while its files and images are still being read."""
    known, entry = state.known_of(path), state.entry_of(path)
    if entry is None:
        return "This run is gone."
    error = known.graph_error or known.samples_error or known.history_error
    if error:
        return formatting.sentence(error)
    if entry.graph_stamp is None:
        is_being_read = known.history is None and entry.history_stamp is not None
        return "" if is_being_read else no_graph(entry, known.history)
    samples, own = state.samples_of(path), known.own_samples
    if state.file_of(path) is None or (samples is None and own is None):
        return ""
    unfit = _unfit_graph(known, entry.graph.name, samples, needed)
    return unfit or (UNFIT_IMAGES if samples is None else "There is nothing of this run to show here.")


def _unfit_graph(known: Known, name: str, samples: Samples | None, needed: Needed) -> str:
    """Return the sentence on a graph without the output that is needed, or for other images; '' for one that fits."""
    graph = known.graph
    assert graph is not None, name  # its file is held once it was read
    if graph.image_shape is None:
        return f"{name} takes no images, so there is nothing to show here."
    if needed == "output" and not graph.shown_output:
        return f"{name} has neither a reconstruction nor logits among its outputs."
    if needed == "bottleneck" and not graph.bottleneck:
        return f"{name} has no bottleneck among its outputs."
    if samples is not None and graph.image_shape != samples.inputs.shape[1:]:
        return f"{name} takes images of another shape than the run's own samples."
    return ""


def no_graph(entry: Entry, history: RunHistory | None) -> str:
    """Return the sentence for an entry without a graph."""
    name = entry.graph.name
    if history is None or is_running(entry, history):
        return f"There is no {name} yet: the graphs are exported when the training has ended."
    if has_stopped(entry, history):
        resume = f"`aezoo train {history.recipe or 'NAME'} --resume` resumes it"
        return f"There is no {name}: the training {stopped_at(history)}. {resume}."
    return f"{name} is missing; export it with `aezoo export {history.recipe or 'all'}`."


def not_finite(values: np.ndarray) -> str:
    """Return the sentence for values that cannot be shown, '' where all of them can."""
    broken = int(np.count_nonzero(~np.isfinite(values)))
    return f"The output is not finite: {broken:,} of its {values.size:,} values." if broken else ""


def no_drawing_in(graph: GraphInfo, task: str) -> str:
    """Return the sentence on why a graph cannot take a drawing, '' for one that can."""
    shape = graph.image_shape
    if task == "recall":
        return "It takes a class label, not an image."
    if shape is None:
        return "It takes no images."
    if shape[0] not in (1, 3):
        return f"It takes images of {shape[0]} channels; a drawing has one, or three colours."
    if not drawing.outputs_for(graph):
        return "It outputs neither an image nor class scores."
    return ""


def no_drawing(state: State, path: Path) -> str:
    """Return the sentence for a run that takes no drawing; '' for one that does, or whose graph may still come."""
    known = state.known_of(path)
    if known.graph is not None and state.file_of(path) is not None:
        return no_drawing_in(known.graph, known.task)
    return no_output(state, path)


def no_history(entry: Entry, what: str) -> str:
    """Say that nothing of a training was recorded, for a lone graph."""
    return f"There is no history.h5 beside {entry.graph.name}, so {what} are not known."


def no_bottleneck(values: np.ndarray | None) -> str:
    """Return the sentence for a bottleneck that cannot be shown, '' for one that can, perhaps with gaps."""
    if values is None or values.ndim < 2 or not values.size:
        return "The graph's bottleneck holds no values."
    if values[0].size > MOST_VALUES:
        return (
            f"The graph's bottleneck holds {values[0].size:,} values per image; at most {MOST_VALUES:,} can be shown."
        )
    return "" if np.isfinite(values).any() else not_finite(values)


def no_maps(values: np.ndarray | None) -> str:
    """Return the sentence for feature maps that cannot be shown, '' for those that can, perhaps with gaps."""
    if values is None or values.ndim != 4 or not values.size:
        return "This node's maps are empty."
    return "" if np.isfinite(values).any() else not_finite(values)


def no_pictures(images: np.ndarray | None) -> str:
    """Return the sentence for a decoder's output that cannot be shown, '' for one that can."""
    if images is None or images.ndim != 4 or images.shape[1] not in (1, 3) or not images.size:
        return "The decoder's output is not an image."
    return not_finite(images)


def no_losses(state: State, runs: int, what: str) -> str:
    """Return why `what` of so many runs with a history cannot be plotted; '' where nothing is known yet."""
    entry, known = state.entry, state.current_known
    if runs:
        return f"No {what} was recorded for {'this run' if runs == 1 else 'these runs'}."
    if entry is None:
        return ""
    if known.history_error:
        return formatting.sentence(known.history_error)
    if entry.history_stamp is None:
        return f"There are no losses, because there is no history.h5 beside {entry.graph.name}."
    return "" if known.history is None else "No epoch has ended yet."


def no_trade_off(state: State, without: int, measure: str) -> str:
    """Return why no run has a point of size and error; `without` is how many have a bottleneck and no such figure."""
    if not state.entries:
        return NO_RUNS_YET
    if not without:
        return "No run here has a bottleneck whose size is known."
    which = "This run has no" if without == 1 else f"None of these {without} runs has a"
    return f"{which} {measure} yet; it is measured when a training has ended."


def no_colours(state: State) -> str:
    """Return the sentence for a selection without colourisers; it names the open ones."""
    found, names = colourisers(state), state.names()
    if not found:
        return (
            "None of the open runs colours photographs; train one with `aezoo train maastricht/colour-1` "
            "and open its folder."
        )
    listed = ", ".join(names[path] for path in found[:8]) + (" …" if len(found) > 8 else "")
    return f"None of the selected runs colours photographs. These do: {listed}."


def colourisers(state: State) -> tuple[Path, ...]:
    """Return the open runs whose task is to colour."""
    return tuple(entry.path for entry in state.entries if state.known_of(entry.path).task == "colourise")


def no_letters(state: State) -> str:
    """Return why there is no sheet of letters."""
    if letters.open_runs(state):
        return "There are no letters yet: a run keeps one letter of each class when its training ends."
    return "None of the open runs translates letters; train one with `aezoo train letters/mean` and open its folder."
