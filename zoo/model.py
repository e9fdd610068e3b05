"""A model that is opened from Python: arrays of images in, arrays out. Runs in onnxruntime; torch is never loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import card, gate, graphs, pretrained, sessions, targets
from zoo.cli import RUNS_DEFAULT
from zoo.data.fit import Shape
from zoo.data.layout import Layout, to_images
from zoo.errors import DataError, FileRefused, RunError, UsageError, runtime_reason
from zoo.graphs import BOTTLENECK, RECONSTRUCTION
from zoo.image_ports import UNCHOSEN, InputChoice
from zoo.runs import RunFolder

if TYPE_CHECKING:
    from zoo.history import TrainingHistory

Array = np.ndarray

IMAGE_CHANNELS = (1, 3)


def runs_folder(runs: str | Path | None) -> Path:
    """Return where runs lie: the folder that is named, that of AEZOO_RUNS, or 'runs'; 'pretrained' is the package's."""
    return pretrained.folder_named(Path(runs or os.environ.get("AEZOO_RUNS") or RUNS_DEFAULT).expanduser())


def load(name: str | Path, runs: str | Path | None, choice: InputChoice) -> Model:
    """Open what `zoo.load` names."""
    target = targets.one(str(Path(name).expanduser()), runs_folder(runs))
    if isinstance(target, Path):
        data = gate.read_bytes(target, limit=gate.MAX_ONNX_BYTES)
        return Model(data, target, weights=gate.read_weights(target, data), choice=choice)
    if pretrained.holds(target.path):
        return Model(pretrained.read_model(target), target)
    if not target.graph("model").is_file():
        raise RunError(f"no model.onnx in {target.path}; export it with `aezoo export`")
    return Model(gate.read_bytes(target.graph("model"), limit=gate.MAX_ONNX_BYTES), target)


class Model:
    """A graph and what is known of it; `zoo.load` opens one.

    title           what it is called in messages: 'purdue/conv (pretrained)', or a path
    card            what it is, on what it was trained, how good it is; None of a graph that aezoo did not write
    image_shape     (C, H, W) of the images that it takes

    Images are handed over as `reconstruct` says, codes as float32. Every method raises zoo.errors.AezooError (DataError
    for images that do not fit, UsageError for what this model cannot do), whose text is one sentence.
    """

    def __init__(
        self,
        data: bytes,
        source: RunFolder | Path,
        *,
        weights: Mapping[str, bytes] | None = None,
        choice: InputChoice = UNCHOSEN,
    ) -> None:
        self._source, self._data = source, data
        self.title = pretrained.title(source.path if isinstance(source, RunFolder) else source)
        self._graph = _Graph(data, self.title, weights, choice)
        self.card = card.from_metadata(self._graph.facts.metadata, source=self.title)

    def __repr__(self) -> str:
        return f"<zoo.Model {self.title}: {', '.join(map(_port_text, self._graph.facts.inputs))} -> {self._made}>"

    @property
    def _made(self) -> str:
        return ", ".join(map(_port_text, self._graph.facts.outputs))

    @property
    def image_shape(self) -> Shape:
        """(C, H, W). Raises UsageError for a graph whose input is no batch of grey or colour images."""
        shape = self._graph.facts.image_shape
        if shape is None:
            taken = ", ".join(map(_port_text, self._graph.facts.inputs))
            raise UsageError(f"{self.title} takes {taken}, which is no batch of grey or colour images")
        return shape

    @property
    def bottleneck_shape(self) -> tuple[int, ...]:
        """The shape of one image's bottleneck. Raises UsageError for a model without one, such as a classifier."""
        if self.card is None or not self.card.bottleneck:
            raise UsageError(f"{self.title} has no bottleneck; it gives {self._made}")
        return tuple(self.card.bottleneck["shape"])

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that `classify` gives probabilities of; () where they have none."""
        ports = self.card.outputs if self.card is not None else []
        return next((tuple(port["classes"]) for port in ports if port.get("classes")), ())

    @cached_property
    def history(self) -> TrainingHistory:
        """What the training wrote down: `epochs` and `steps` are columns for pandas.DataFrame.

        Raises RunError for a bundle or a lone file, which have none, and FileRefused for a damaged one.
        """
        from zoo.history import read

        return read(self._source)

    def reconstruct(self, images: Any, *, fit: bool = False) -> Array:
        """Return what the model makes of images: reconstructed, denoised, coloured or translated, as its task is.

        images  uint8 0…255, uint16, or floats in [0, 1]; (H, W), (H, W, C), (N, H, W), (N, H, W, C) or (N, C, H, W),
                C 1 or 3: an array, or what numpy makes one of (a PIL image, a tensor on the CPU)
        fit     take images of any size, grey or colour, and lists of several sizes: the middle is cropped, scaled by
                area, and made grey or colour

        Returns float32 in [0, 1] in the same layout, of the model's own size. Where a model makes colours of grey,
        and the layout has no axis for them, they come last: (N, H, W) → (N, H, W, 3). No noise is added.
        """
        output = self._image_output
        batch, layout = self._batch(images, fit=fit)
        made = self._graph(batch, output)[output]
        return layout.from_batch(made.clip(0, 1) if self.card is not None else made)

    @property
    def _image_output(self) -> str:
        """The output that holds images: 'reconstruction', or the first with 1 or 3 channels. Raises UsageError."""
        ports = self._graph.facts.outputs
        fitting = [port.name for port in ports if len(port.shape) == 4 and port.shape[1] in IMAGE_CHANNELS]
        if not fitting:
            other = "classify" if any(len(port.shape) == 2 for port in ports) else "run"
            raise UsageError(f"{self.title} makes no images; it gives {self._made}: see its method {other}()")
        return RECONSTRUCTION if RECONSTRUCTION in fitting else fitting[0]

    def encode(self, images: Any, *, fit: bool = False) -> Array:
        """Return the bottleneck of images, float32 (N, *bottleneck_shape); of one image without the N.

        Of a variational model it is the mean; `run` has its log-variance. Images and `fit` as for `reconstruct`.
        """
        encoder = self._encoder
        batch, layout = self._batch(images, fit=fit)
        values = encoder(batch, BOTTLENECK)[BOTTLENECK]
        return values if "N" in layout.axes else values[0]

    def decode(self, bottleneck: Any) -> Array:
        """Return the images of bottlenecks (N, *bottleneck_shape), or of one without the N.

        Returns float32 in [0, 1], (N, H, W) of a grey model and (N, H, W, 3) of a colour one.
        """
        decoder = self._decoder
        values, wanted = np.asarray(bottleneck, np.float32), self.bottleneck_shape
        single = values.shape == wanted
        values = values[None] if single else values
        if values.shape[1:] != wanted:
            expected = ", ".join(map(str, ("N", *wanted)))
            raise DataError(f"the bottleneck has the shape {values.shape}, and {self.title} takes ({expected})")
        made = decoder(values, RECONSTRUCTION)[RECONSTRUCTION].clip(0, 1)
        return Layout("HW" if single else "NHW").from_batch(made)

    def classify(self, images: Any, *, fit: bool = False) -> Array:
        """Return the probability of each class, float32 (N, classes); of one image (classes,).

        `classes` has their names: `model.classes[probabilities.argmax()]`. The logits are in `run`. Images and `fit`
        as for `reconstruct`.
        """
        output = self._class_output
        batch, layout = self._batch(images, fit=fit)
        values = probabilities(self._graph(batch, output)[output])
        return values if "N" in layout.axes else values[0]

    @property
    def _class_output(self) -> str:
        names = [port.name for port in self._graph.facts.outputs if len(port.shape) == 2]
        if self.card is not None:
            names = [port["name"] for port in self.card.outputs if port.get("classes")]
        if not names:
            raise UsageError(f"{self.title} names no classes; it gives {self._made}: see reconstruct() and run()")
        return names[0]

    def run(self, images: Any, *, fit: bool = False) -> dict[str, Array]:
        """Return every output of the graph by name, as it is: (N, …), images as (N, C, H, W).

        Images and `fit` as for `reconstruct`; floats may lie outside [0, 1].
        """
        batch, _ = self._batch(images, fit=fit, pixels=False)
        return self._graph(batch)

    def _batch(self, images: Any, *, fit: bool, pixels: bool = True) -> tuple[Array, Layout]:
        return to_images(images, self.image_shape, fit=fit, title=self.title, pixels=pixels)

    @cached_property
    def _encoder(self) -> _Graph:
        return self._half("encoder")

    @cached_property
    def _decoder(self) -> _Graph:
        return self._half("decoder")

    def _half(self, name: str) -> _Graph:
        part = None if self.card is None else self.card.graph
        if part == name:
            return self._graph
        if part != "model" or not {BOTTLENECK, RECONSTRUCTION} <= {port.name for port in self._graph.facts.outputs}:
            raise UsageError(f"{self.title} has no {name}; it gives {self._made}: see run()")
        return _Graph(graphs.halves(self._data, source=self.title)[f"{name}.onnx"], f"{self.title}, its {name}")


class _Graph:
    """A graph that passed the gate, run in batches that the gate counted with."""

    def __init__(
        self,
        data: bytes,
        title: str,
        weights: Mapping[str, bytes] | None = None,
        choice: InputChoice = UNCHOSEN,
    ) -> None:
        self.title = title
        opened = gate.open_onnx(data, source=title, weights=weights, choice=choice)
        self._data, self.facts = opened.data, opened.facts

    @cached_property
    def _session(self) -> Any:
        return sessions.make(self._data)

    def __call__(self, batch: Array, *names: str) -> dict[str, Array]:
        """Return outputs by name; all where none is named. Raises FileRefused for what onnxruntime cannot run."""
        names = names or tuple(port.name for port in self.facts.outputs)
        port = self.facts.inputs[0]
        fixed = port.shape[0] if isinstance(port.shape[0], int) else 0
        parts = []
        try:
            at_once = fixed or self.facts.images_at_once
            for start in range(0, max(1, len(batch)), at_once):
                part = batch[start : start + at_once]
                padding = np.zeros((max(0, fixed - len(part)), *part.shape[1:]), part.dtype)
                results = self._session.run(list(names), {port.name: np.concatenate([part, padding])})
                parts.append([np.asarray(result)[: len(part)] for result in results])
        except Exception as error:  # onnxruntime raises kinds of its own, and UnicodeDecodeError
            raise FileRefused(f"{self.title} cannot be run by onnxruntime ({runtime_reason(error)})") from error
        return {name: np.concatenate(made) for name, made in zip(names, zip(*parts, strict=True), strict=True)}


def probabilities(logits: Array) -> Array:
    """Return the softmax of logits (N, classes) as float32; what are probabilities already stays as it is."""
    values = logits.astype(np.float64)
    if values.size and values.min() >= 0 and np.allclose(values.sum(axis=1), 1, atol=1e-3):
        return logits.astype(np.float32)
    shares = np.exp(values - values.max(axis=1, keepdims=True))
    normed: Array = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return normed


def _port_text(port: gate.Port) -> str:
    return f"{port.name} ({', '.join(map(str, port.shape))})"
