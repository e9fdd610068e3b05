"""Images of several runs through their encoders, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from viewer.qt.chunks import ChunkedRun, ChunkRunner
from viewer.qt.requester import Requester
from viewer.state.encoder_decoders import EncodedSet, EncoderDecoder
from viewer.state.formatting import sentence
from viewer.state.samples import Samples
from viewer.state.selection import State


class Encoded(QObject):
    """`bottlenecks` holds float32 (N, …) by run, `errors` a sentence by run; `came` says that they changed."""

    came = Signal()

    def __init__(self, requester: Requester, parent: QObject) -> None:
        super().__init__(parent)
        self.bottlenecks: dict[Path, np.ndarray] = {}
        self.errors: dict[Path, str] = {}
        self._runner = ChunkRunner(requester, self)
        self._runner.grown.connect(self._take)

    def encode(self, runs: Iterable[ChunkedRun]) -> None:
        """Encode these images, and forget others."""
        self.bottlenecks, self.errors = {}, {}
        self._runner.begin(list(runs))

    def _take(self, run: ChunkedRun) -> None:
        if run.done:
            self.finish(run)
            self.came.emit()

    def finish(self, run: ChunkedRun) -> None:
        """Keep what came of a run."""
        assert isinstance(run.key, Path), run.key
        if run.errors:
            self.errors[run.key] = sentence(", ".join(run.errors))
        else:
            self.bottlenecks[run.key] = np.concatenate(run.chunks)


class EncodedPage(Encoded):
    """The bottlenecks of the images shown, for every compared run: computed once and shared by all modes."""

    def __init__(self, requester: Requester, parent: QObject) -> None:
        super().__init__(requester, parent)
        self.samples: dict[Path, Samples] = {}
        self._wanted: dict[Path, tuple[EncoderDecoder, Samples]] = {}

    def want(self, state: State, networks: Mapping[Path, EncoderDecoder]) -> None:
        """Request what is new."""
        pairs = {path: (network, state.samples_of(path)) for path, network in networks.items()}
        wanted = {path: (network, samples) for path, (network, samples) in pairs.items() if samples is not None}
        if wanted != self._wanted:
            self._wanted, self.samples = wanted, {path: samples for path, (_, samples) in wanted.items()}
            self.encode(encoding_of(path, network, samples.inputs) for path, (network, samples) in wanted.items())

    def finish(self, run: ChunkedRun) -> None:
        if not run.errors and not all(np.isfinite(chunk).all() for chunk in run.chunks):
            run.errors.append("the bottlenecks of these images are not finite")
        super().finish(run)


def encoding_of(path: Path | None, network: EncoderDecoder, images: EncodedSet | np.ndarray) -> ChunkedRun:
    """Return the run of a set of images through an encoder."""

    def inputs(start: int, stop: int) -> np.ndarray:
        return images.inputs(start, stop) if isinstance(images, EncodedSet) else images[start:stop]

    return ChunkedRun(path, network.model, network.bottleneck, network.shape, len(images), network.chunk_size, inputs)
