"""The output of each compared run for the images shown: images, logits, or a sentence on why there is neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from viewer.state import formatting, numbers, pages, selection, why
from viewer.state.formatting import sentence
from viewer.state.history import has_stopped, is_running, stopped_at
from viewer.state.library import Entry
from viewer.state.samples import COUNT, Samples
from viewer.state.selection import Known, State

MOST_LARGEST = 5
COMING = "Being read …"
FIRST_ONLY = "Without a graph only the first ten images have outputs, those of the training; go back with Alt+Home."


@dataclass(frozen=True, eq=False)
class RunOutput:
    """One run's `images`, float32 (N, C, H, W), or its `logits` (N, classes), or a `sentence`.

    Images of another shape than the targets, as super-resolution makes them, have no error and no difference.

    `note` says that the images are of a training that goes on, or that the inputs are not those of the other runs.
    """

    path: Path
    name: str
    task: str = ""
    samples: Samples | None = None
    images: np.ndarray | None = None
    logits: np.ndarray | None = None
    is_plain: bool = False  # `logits` are values of which nothing is known, shown as they are
    classes: tuple[str, ...] = ()
    note: str = ""
    sentence: str = ""
    shows_page_images: bool = True  # its inputs are the images of the page
    coming: bool = False

    @property
    def count(self) -> int:
        return len(self.samples.inputs) if self.samples is not None else 0

    @property
    def is_comparable(self) -> bool:
        """Whether there are images of the targets' shape."""
        return self.samples is not None and self.images is not None and self.images.shape == self.samples.targets.shape

    @cached_property
    def mse(self) -> np.ndarray:
        """The mean squared error of each image, float64 (N,); empty where there is none."""
        if not self.is_comparable or self.samples is None or self.images is None:
            return np.zeros(0)
        return numbers.mse(self.samples.targets, self.images)

    @cached_property
    def psnr(self) -> np.ndarray:
        """The peak signal-to-noise ratio of each image in dB, float64 (N,); empty where there is none."""
        if not self.is_comparable or self.samples is None or self.images is None:
            return np.zeros(0)
        return numbers.psnr(self.samples.targets, self.images)

    @cached_property
    def difference(self) -> np.ndarray:
        """Output minus target, the mean over colours, float64 (N, H, W)."""
        assert self.samples is not None and self.images is not None, self.name
        return np.asarray((self.images.astype(np.float64) - self.samples.targets).mean(axis=1))

    @cached_property
    def probabilities(self) -> np.ndarray:
        """A classifier's softmax, or the plain values, float64 (N, classes)."""
        assert self.logits is not None, self.name
        return self.logits.astype(np.float64) if self.is_plain else numbers.softmax(self.logits)

    def prediction(self, image: int) -> tuple[str, float]:
        """Return the likeliest class's name and its probability, or the position of the largest value and the value."""
        best = int(self.probabilities[image].argmax())
        return self.class_name(best), float(self.probabilities[image, best])

    def likeliest(self, image: int) -> str:
        """Format the three likeliest classes of an image and their probabilities, or the five largest values."""
        shares = self.probabilities[image]
        if self.is_plain:
            largest = np.argsort(-shares)[:MOST_LARGEST]
            return "largest: " + ", ".join(f"{formatting.number(shares[at])} at {at}" for at in largest)
        return ", ".join(f"{self.class_name(int(best))} {100 * shares[best]:.1f} %" for best in np.argsort(-shares)[:3])

    def class_name(self, label: int) -> str:
        return self.classes[label] if 0 <= label < len(self.classes) else str(label)

    def is_wrong(self, image: int, labels: np.ndarray | None) -> bool:
        """Whether a classifier's prediction differs from the label; False where the label is not known."""
        if labels is None or self.is_plain or not self.shows_page_images or image >= len(labels):
            return False
        return int(self.probabilities[image].argmax()) != int(labels[image])


def output_to_request(state: State, path: Path) -> str:
    """Return the output to request of a run's graph; '' where none can be requested (yet)."""
    samples, graph = state.samples_of(path), state.known_of(path).graph
    if state.file_of(path) is None or samples is None or graph is None:
        return ""
    wanted = graph.shown_output
    return wanted if graph.image_shape == samples.inputs.shape[1:] else ""


def run_output(state: State, name: str, path: Path, values: np.ndarray | None = None, error: str = "") -> RunOutput:
    """Return a run's output: what its graph computed, what its history recorded, or a sentence on why there is neither.

    `values` is the raw array of the output requested from the graph; `error` says why the request failed.
    """
    known, samples = state.known_of(path), state.samples_of(path)
    plain = RunOutput(path, name, known.task, samples, shows_page_images=shows_page_images(state, path))
    notes = known.graph.facts.notes if known.graph and not known.graph.card else ()
    note = "; ".join([*([] if plain.shows_page_images else ["images of its own"]), *notes])
    if error:
        return replace(plain, sentence=sentence(error))
    if values is not None and samples is not None and known.graph is not None:
        return _from_graph(replace(plain, note=note), known, values)
    entry, own = state.entry_of(path), known.own_samples
    if entry and entry.graph_stamp is None and samples is not None:
        if samples.reconstructions is not None:
            return replace(plain, images=samples.reconstructions, note=_epoch_note(entry, known))
        if own is not None and own.reconstructions is not None:
            return replace(plain, sentence=FIRST_ONLY)
    reason = why.no_output(state, path)
    return replace(plain, sentence=reason or COMING, coming=not reason)


def _from_graph(output: RunOutput, known: Known, values: np.ndarray) -> RunOutput:
    assert output.samples is not None and known.graph is not None
    if broken := why.not_finite(values):
        return replace(output, sentence=broken)
    if not known.graph.reconstruction and values.ndim == 2 and len(values) == output.count and values.shape[1]:
        return replace(output, logits=values, is_plain=bool(known.graph.vector), classes=known.graph.classes)
    other = values.ndim == 4 and values.shape[1] in (1, 3) and len(values) == output.count
    if values.shape != output.samples.targets.shape and not (other and known.graph.other_picture):
        return replace(output, sentence="The graph's output has another shape than its images.")
    return replace(output, images=values)


def _epoch_note(entry: Entry, known: Known) -> str:
    history = known.history
    if history is None:
        return ""
    if has_stopped(entry, history):
        return stopped_at(history)
    how = "in training" if is_running(entry, history) else "model.onnx is missing"
    return f"{how}, as of epoch {history.epochs_done}"


def shows_page_images(state: State, path: Path) -> bool:
    """Whether a run is shown on the images of the page; one trained on other images has its own."""
    known, page, own = state.known_of(path), state.page, state.known_of(path).own_samples
    if page is None or own is None or state.samples_of(path) is not own or page.own is own:
        return True
    clean = pages.clean_of(own, known.task)
    return clean.shape == page.clean.shape and bool(np.array_equal(clean, page.clean))


def labels_of(state: State) -> np.ndarray | None:
    """Return the labels of the page's images, int64 (N,); None until the split has been read."""
    page = state.page
    if page is None or page.labels is not None or page.indices is None:
        return page.labels if page else None
    rows, name = selection.rows_of(state), state.current_known.split
    split = state.splits.get(name) if name else None
    if rows is None or split is None or max(page.indices, default=0) >= len(rows):
        return None
    return np.asarray(split.labels[rows[list(page.indices)]].astype(np.int64))


def class_names(state: State) -> tuple[str, ...]:
    """Return the names of the split's classes; empty until it has been read."""
    split = state.splits.get(state.current_known.split) if state.current_known.split else None
    return split.classes if split else ()


def image_title(state: State, image: int) -> str:
    """Return an image's index in the test split and its label, or the name of a pasted one."""
    page = state.page
    if page is None:
        return ""
    if state.pasted is not None:
        return state.pasted.names[image] if image < len(state.pasted.names) else ""
    if page.indices is None or image >= len(page.indices):
        return ""
    of = f" of {page.of:,}" if page.of else ""
    kind = "test image" if state.current_known.history is not None else "image"
    labels, names = labels_of(state), class_names(state)
    if labels is None or image >= len(labels):
        return f"{kind} {page.indices[image] + 1:,}{of}"
    label = int(labels[image])
    return f"{kind} {page.indices[image] + 1:,}{of}, labelled {names[label] if label < len(names) else label}"


def page_title(state: State) -> str:
    """Return the page's title, its number and the number of pages, or how pasted pictures were fitted."""
    page = state.page
    if page is None:
        return ""
    if page.fitting:
        return f"{page.title} · {page.fitting}"
    if not page.of or state.pasted is not None:
        return page.title
    return f"{page.title} · page {state.start // COUNT + 1:,} of {-(-page.of // COUNT):,}"


def same_images(outputs: Sequence[RunOutput]) -> bool:
    """Whether several runs have the same inputs and the same targets."""
    shown = [output.samples for output in outputs if output.samples is not None]
    first = shown[0] if shown else None
    return first is not None and all(
        one.inputs.shape == first.inputs.shape
        and one.targets.shape == first.targets.shape
        and np.array_equal(one.inputs, first.inputs)
        and np.array_equal(one.targets, first.targets)
        for one in shown[1:]
    )
