"""What each of the compared runs makes of the images shown: pictures, predictions, or a sentence for why neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from viewer.state import numbers, pages, selection, training
from viewer.state.formatting import sentence
from viewer.state.library import Entry
from viewer.state.samples import COUNT, Samples
from viewer.state.selection import Known, State

COMING = "Being read …"
FIRST_ONLY = "Without a graph only the first ten images have outputs, those of the training; go back with Alt+Home."
UNFIT_IMAGES = "The images shown do not fit this run; put pasted pictures away with Esc, or page back with Alt+Home."
Needed = Literal["picture", "bottleneck", "images"]  # what a panel shows of a graph


@dataclass(frozen=True, eq=False)
class RunOutput:
    """One run's part: `outputs` float32 (N, C, H, W) like the targets, or `logits` (N, classes), or a `sentence`.

    `note` says what is not as usual: pictures of a training that goes on, images that are not those of the others.
    """

    path: Path
    name: str
    task: str = ""
    samples: Samples | None = None
    outputs: np.ndarray | None = None
    logits: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    note: str = ""
    sentence: str = ""
    linked: bool = True  # whether its images are those of the page
    coming: bool = False

    @property
    def count(self) -> int:
        return len(self.samples.inputs) if self.samples is not None else 0

    @cached_property
    def mse(self) -> np.ndarray:
        """The mean squared error of each image, float64 (N,); empty without pictures."""
        if self.samples is None or self.outputs is None:
            return np.zeros(0)
        return numbers.mse(self.samples.targets, self.outputs)

    @cached_property
    def psnr(self) -> np.ndarray:
        """The peak signal-to-noise ratio of each image in dB, float64 (N,); empty without pictures."""
        if self.samples is None or self.outputs is None:
            return np.zeros(0)
        return numbers.psnr(self.samples.targets, self.outputs)

    @cached_property
    def difference(self) -> np.ndarray:
        """Output minus target, the mean over colours, float64 (N, H, W)."""
        assert self.samples is not None and self.outputs is not None, self.name
        return np.asarray((self.outputs.astype(np.float64) - self.samples.targets).mean(axis=1))

    @cached_property
    def likely(self) -> np.ndarray:
        """How likely a classifier holds each class to be (softmax), float64 (N, classes)."""
        assert self.logits is not None, self.name
        return softmax(self.logits)

    def prediction(self, image: int) -> tuple[str, float]:
        """What a classifier calls an image, and how sure it is, in [0, 1]."""
        best = int(self.likely[image].argmax())
        return self.class_name(best), float(self.likely[image, best])

    def class_name(self, label: int) -> str:
        return self.classes[label] if 0 <= label < len(self.classes) else str(label)

    def is_wrong(self, image: int, labels: np.ndarray | None) -> bool:
        """Whether a classifier calls an image something else than its label; not where that is not known."""
        if labels is None or not self.linked or image >= len(labels):
            return False
        return int(self.likely[image].argmax()) != int(labels[image])


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities, float64 (N, classes)."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def output_to_request(state: State, path: Path) -> str:
    """Return the output to request of a run's graph; '' where none can be requested (yet)."""
    samples, graph = state.samples_of(path), state.of(path).graph
    if state.file_of(path) is None or samples is None or graph is None:
        return ""
    return (graph.reconstruction or graph.logits_output) if graph.image_shape == samples.inputs.shape[1:] else ""


def outcome_of(state: State, name: str, path: Path, values: np.ndarray | None = None, error: str = "") -> RunOutput:
    """Return a run's outcome: of what its graph answered, or of what its history keeps, or why there is nothing."""
    known, samples = state.of(path), state.samples_of(path)
    plain = RunOutput(path, name, known.task, samples, linked=is_linked(state, path))
    note = "" if plain.linked else "images of its own"
    if error:
        return replace(plain, sentence=sentence(error))
    if values is not None and samples is not None and known.graph is not None:
        return _answered(replace(plain, note=note), known, values)
    entry, own = state.entry_of(path), known.own_samples
    if entry and entry.graph_stamp is None and samples is not None:
        if samples.reconstructions is not None:
            return replace(plain, outputs=samples.reconstructions, note=_as_of(entry, known))
        if own is not None and own.reconstructions is not None:
            return replace(plain, sentence=FIRST_ONLY)
    why = why_nothing(state, path)
    return replace(plain, sentence=why or COMING, coming=not why)


def _answered(outcome: RunOutput, known: Known, values: np.ndarray) -> RunOutput:
    assert outcome.samples is not None and known.graph is not None
    if broken := not_finite(values):
        return replace(outcome, sentence=broken)
    if not known.graph.reconstruction and values.ndim == 2 and len(values) == outcome.count and values.shape[1]:
        return replace(outcome, logits=values, classes=known.graph.classes)
    if values.shape != outcome.samples.targets.shape:
        return replace(outcome, sentence="The graph's output has another shape than its images.")
    return replace(outcome, outputs=values)


def not_finite(values: np.ndarray) -> str:
    """Return the sentence for values that cannot be shown, '' where all of them can."""
    broken = int(np.count_nonzero(~np.isfinite(values)))
    return f"The output is not finite: {broken:,} of its {values.size:,} values." if broken else ""


def _as_of(entry: Entry, known: Known) -> str:
    history = known.history
    if history is None:
        return ""
    if training.has_stopped(entry, history):
        return training.stopped_at(history)
    how = "in training" if training.is_running(entry, history) else "model.onnx is missing"
    return f"{how}, as of epoch {history.epochs_done}"


def is_linked(state: State, path: Path) -> bool:
    """Whether a run's images are those of the page; one that takes others has its own."""
    known, page, own = state.of(path), state.page, state.of(path).own_samples
    if page is None or own is None or state.samples_of(path) is not own or page.own is own:
        return True
    clean = pages.clean_of(own, known.task)
    return clean.shape == page.clean.shape and bool(np.array_equal(clean, page.clean))


def why_nothing(state: State, path: Path, needed: Needed = "picture") -> str:
    """Return the sentence for a run that has nothing to show; '' while its file and images may still come."""
    known, entry = state.of(path), state.entry_of(path)
    if entry is None:
        return "This run is gone."
    error = known.graph_error or known.samples_error or known.history_error
    if error:
        return sentence(error)
    if entry.graph_stamp is None:
        is_coming = known.history is None and entry.history_stamp is not None
        return "" if is_coming else training.why_no_graph(entry, known.history)
    samples, own = state.samples_of(path), known.own_samples
    if state.file_of(path) is None or (samples is None and own is None):
        return ""
    unfit = _unfit_graph(known, entry.graph.name, samples, needed)
    return unfit or (UNFIT_IMAGES if samples is None else "There is nothing of this run to show here.")


def _unfit_graph(known: Known, name: str, samples: Samples | None, needed: Needed) -> str:
    """Return the sentence for a graph that lacks what is needed, or takes other images; '' for one that fits."""
    graph = known.graph
    assert graph is not None, name  # its file is held once it was read
    if graph.image_shape is None:
        return f"{name} takes no images, so there is nothing to show here."
    if needed == "picture" and not graph.reconstruction and not graph.logits_output:
        return f"{name} has no reconstruction among its outputs."
    if needed == "bottleneck" and not graph.bottleneck:
        return f"{name} has no bottleneck among its outputs."
    if samples is not None and graph.image_shape != samples.inputs.shape[1:]:
        return f"{name} takes images of another shape than the run's own samples."
    return ""


def labels_of(state: State) -> np.ndarray | None:
    """Return the labels of the page's images, int64 (N,), as far as they are known: once the split was read."""
    page = state.page
    if page is None or page.labels is not None or page.indices is None:
        return page.labels if page else None
    rows, split = selection.rows_of(state), state.splits.get(state.now.split) if state.now.split else None
    if rows is None or split is None or max(page.indices, default=0) >= len(rows):
        return None
    return np.asarray(split.labels[rows[list(page.indices)]].astype(np.int64))


def class_names(state: State) -> tuple[str, ...]:
    """Return what the split calls its classes; empty while it was not read."""
    split = state.splits.get(state.now.split) if state.now.split else None
    return split.classes if split else ()


def image_title(state: State, image: int) -> str:
    """Return which image this is: its index in the test split and its label, or what a pasted one is called."""
    page = state.page
    if page is None:
        return ""
    if state.pasted is not None:
        return state.pasted.names[image] if image < len(state.pasted.names) else ""
    if page.indices is None or image >= len(page.indices):
        return ""
    of = f" of {page.of:,}" if page.of else ""
    kind = "test image" if state.now.history is not None else "image"
    labels, names = labels_of(state), class_names(state)
    if labels is None or image >= len(labels):
        return f"{kind} {page.indices[image] + 1:,}{of}"
    label = int(labels[image])
    return f"{kind} {page.indices[image] + 1:,}{of}, labelled {names[label] if label < len(names) else label}"


def page_title(state: State) -> str:
    """Return which images are shown, which page of how many that is, and how pasted pictures were fitted."""
    page = state.page
    if page is None:
        return ""
    if page.fitting:
        return f"{page.title} · {page.fitting}"
    if not page.of or state.pasted is not None:
        return page.title
    return f"{page.title} · page {state.start // COUNT + 1:,} of {-(-page.of // COUNT):,}"


def same_images(outcomes: Sequence[RunOutput]) -> bool:
    """Whether several runs have the same inputs and the same targets."""
    shown = [outcome.samples for outcome in outcomes if outcome.samples is not None]
    first = shown[0] if shown else None
    return first is not None and all(
        one.inputs.shape == first.inputs.shape
        and one.targets.shape == first.targets.shape
        and np.array_equal(one.inputs, first.inputs)
        and np.array_equal(one.targets, first.targets)
        for one in shown[1:]
    )
