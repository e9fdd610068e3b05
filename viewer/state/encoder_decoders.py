"""From images to bottlenecks and back with a run's graphs: which outputs, and which images may go in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from viewer.state import pages, selection, why
from viewer.state.files import FileBytes
from viewer.state.formatting import sentence, shape
from viewer.state.graph import GraphInfo
from viewer.state.grids import PictureGrid
from viewer.state.pages import Page, Shape
from viewer.state.samples import Samples, to_unit
from viewer.state.selection import Known, State
from zoo.gate import Port

MOST_VALUES = 1 << 18  # of one bottleneck: what a slider moves must be computed and sent in a frame or two
CHUNK_VALUES = 1 << 19  # of bottlenecks in one answer, 2 MiB
MOST_IN_A_CHUNK = 128
PLANE = (2,)


@dataclass(frozen=True)
class EncoderDecoder:
    """A run's encoder and decoder: `bottleneck` and `picture` are the names of the outputs."""

    model: FileBytes
    bottleneck: str
    decoder: FileBytes
    picture: str
    shape: tuple[int, ...]  # of one bottleneck
    picture_shape: Shape

    @property
    def size(self) -> int:
        """How many values a bottleneck has."""
        return int(np.prod(self.shape))

    @property
    def is_plane(self) -> bool:
        """Whether a bottleneck is a point of a plane."""
        return self.shape == PLANE

    @property
    def chunk_size(self) -> int:
        """How many images one request encodes: few enough that a slider does not wait long for its turn."""
        return max(1, min(MOST_IN_A_CHUNK, CHUNK_VALUES // self.size))


def encoder_decoder_of(state: State, path: Path | None) -> EncoderDecoder | str:
    """Return a run's EncoderDecoder, the sentence for why it has none, or '' while its files may still come."""
    entry = state.entry_of(path)
    known = state.known_of(path)
    if entry is None:
        return ""
    if known.graph_error or known.decoder_error:
        return sentence(known.graph_error or known.decoder_error)
    if entry.graph_stamp is None:
        return why.no_graph(entry, known.history)
    if entry.decoder_stamp is None and known.graph is not None and not known.graph.has_decoder:
        return f"There is no decoder.onnx beside {entry.graph.name}, so bottlenecks cannot be decoded."
    model, decoder = state.file_of(path, "model"), state.file_of(path, "decoder")
    if known.graph is None or known.decoder is None or model is None or decoder is None:
        return ""
    if not known.graph.bottleneck:
        return f"{entry.graph.name} has no bottleneck among its outputs."
    sizes, picture = _input_shape(known.decoder), picture_of(known.decoder)
    if sizes is None or picture is None:
        return "decoder.onnx does not decode one bottleneck into one image, so it cannot be used here."
    if not _fits(known.graph, sizes):
        return f"decoder.onnx takes {shape(sizes)} values, which {entry.graph.name} does not output."
    if int(np.prod(sizes)) > MOST_VALUES:
        return f"The bottleneck has {int(np.prod(sizes)):,} values; at most {MOST_VALUES:,} can be decoded live."
    return EncoderDecoder(model, known.graph.bottleneck, decoder, picture[0], sizes, picture[1])


def unit_decoder(state: State, made: tuple[int, ...]) -> EncoderDecoder | str:
    """Return the current run's EncoderDecoder for bottlenecks of this shape, as its graph made them; or why not."""
    if state.entry is None or not state.entry.is_run:
        return "A single graph has no decoder.onnx beside it, so its values can be viewed but not changed."
    found = encoder_decoder_of(state, state.current)
    if isinstance(found, str) or found.shape == made:
        return found
    return f"Nothing can be decoded: decoder.onnx takes {shape(found.shape)} values, the bottleneck has {shape(made)}."


def picture_of(decoder: GraphInfo) -> tuple[str, Shape] | None:
    """Return the name and shape (C, H, W) of a decoder's picture: 'reconstruction', or else the first there is."""
    fitting = [port for port in decoder.facts.outputs if _is_picture(port)]
    chosen = next((port for port in fitting if port.name == "reconstruction"), next(iter(fitting), None))
    if chosen is None:
        return None
    channels, height, width = (int(size) for size in chosen.shape[1:])
    return chosen.name, (channels, height, width)


def _is_picture(port: Port) -> bool:
    sizes = port.shape[1:]
    known = len(sizes) == 3 and all(isinstance(size, int) and 0 < size <= 4096 for size in sizes)
    return known and port.dtype == "float32" and sizes[0] in (1, 3)


def _input_shape(decoder: GraphInfo) -> tuple[int, ...] | None:
    """The shape of one bottleneck that a decoder takes; None unless its one input is float32 with fixed sizes."""
    inputs = decoder.facts.inputs
    if len(inputs) != 1 or inputs[0].dtype != "float32" or len(inputs[0].shape) < 2:
        return None
    sizes = inputs[0].shape[1:]
    return tuple(int(n) for n in sizes) if all(isinstance(n, int) and n > 0 for n in sizes) else None


def _fits(graph: GraphInfo, sizes: tuple[int, ...]) -> bool:
    port = next(port for port in graph.facts.outputs if port.name == graph.bottleneck)
    made = port.shape[1:]
    return len(made) == len(sizes) and all(
        isinstance(one, str) or one == other for one, other in zip(made, sizes, strict=True)
    )


# ---- images that are encoded ----


@dataclass(frozen=True, eq=False)
class EncodedSet:
    """Many images that can go through a run's graph, uint8 (N, C, H, W), and their labels, uint8 (N,).

    `sigma` is the standard deviation of the noise that the images of a denoiser get.
    """

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    task: str
    shape: Shape
    letters: PictureGrid | None
    sigma: float = 0.0

    def __len__(self) -> int:
        return len(self.pixels)

    def samples(self, start: int, stop: int) -> Samples | None:
        """Return what goes into the graph for some of them, and what should come out; None where they do not fit it."""
        labels = self.labels[start:stop].astype(np.int64)
        page = Page(clean=to_unit(self.pixels[start:stop]), title="", provenance="", labels=labels)
        return pages.make_samples(page, None, self.task, self.sigma, self.shape, self.letters)

    def inputs(self, start: int, stop: int) -> np.ndarray:
        """Return what goes into the graph for some of them: float32 (n, C, H, W)."""
        made = self.samples(start, stop)
        assert made is not None, (self.task, self.shape)
        return made.inputs

    def name_of(self, label: int) -> str:
        """What a class is called."""
        return self.classes[label] if label < len(self.classes) else str(label)


def training_set(state: State, path: Path | None) -> EncodedSet | str:
    """Return images of a run's training split, of its label alone where it has one; or why there are none."""
    split, rows = _split_of(state, path)
    if isinstance(split, str):
        return split
    assert rows is not None
    labels = np.unique(split.labels[rows])
    kept = np.flatnonzero(np.isin(split.training_labels, labels))
    return _encoded_set(state.known_of(path), split.training[kept], split.training_labels[kept], split.classes)


def test_set(state: State, path: Path | None, *, most: int) -> EncodedSet | str:
    """Return at most `most` images of a run's test split, evenly spread; or why there are none."""
    split, rows = _split_of(state, path)
    if isinstance(split, str):
        return split
    assert rows is not None
    spread = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]
    return _encoded_set(state.known_of(path), split.pixels[spread], split.labels[spread], split.classes)


def label_of(state: State, path: Path | None) -> int | None:
    """Return the label that a run was trained on alone; None where it has several, or that is not known."""
    split, rows = _split_of(state, path)
    if isinstance(split, str) or rows is None:
        return None
    labels = np.unique(split.labels[rows])
    return int(labels[0]) if len(labels) == 1 else None


def _split_of(state: State, path: Path | None) -> tuple[pages.Split | str, np.ndarray | None]:
    """A run's split and its rows of the test images; or the sentence, '' while the split may still come."""
    known = state.known_of(path)
    if known.split is None or known.own_samples is None or known.history is None:
        return "It is not recorded which images the run was trained on.", None
    split = state.splits.get(known.split)
    if split is None:
        return "", None
    if split.error:
        what, _, way_out = split.error.partition("; ")  # which comes first: there may be no room for all of it
        return sentence(f"{split.name.dataset} is missing: {way_out} ({what})" if way_out else split.error), None
    rows = selection.rows_of(state, known)
    if rows is None:
        return f"The images in {split.name.dataset} are not those that the run was tested on.", None
    return split, rows


def _encoded_set(known: Known, pixels: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> EncodedSet | str:
    """An EncodedSet, once it is certain that such images can go into the graph."""
    shape_in = known.graph.image_shape if known.graph else None
    letters = known.history.grids.get("letters") if known.history else None
    if shape_in is None or not len(pixels):
        return "There are no images that the graph takes."
    encoded_set = EncodedSet(pixels, labels, classes, known.task, shape_in, letters)
    unfit = "The images of the split have another shape than the graph takes."
    return unfit if encoded_set.samples(0, 1) is None else encoded_set
