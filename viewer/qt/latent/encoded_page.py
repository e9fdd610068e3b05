"""The bottlenecks of the images shown, for every compared run: computed once and shared by all modes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import cast

import numpy as np
from PySide6.QtCore import QObject, Signal

from viewer.qt.requester import Query, QueryBatch, Requester
from viewer.state.encoder_decoders import EncoderDecoder
from viewer.state.formatting import sentence
from viewer.state.samples import Samples
from viewer.state.selection import State


class EncodedPage(QObject):
    """`bottlenecks` holds float32 (N, …) by run, `errors` a sentence by run; `came` says that they changed."""

    came = Signal()

    def __init__(self, requester: Requester, parent: QObject) -> None:
        super().__init__(parent)
        self.bottlenecks: dict[Path, np.ndarray] = {}
        self.errors: dict[Path, str] = {}
        self.samples: dict[Path, Samples] = {}
        self._requester = requester
        self._wanted: dict[Path, tuple[EncoderDecoder, Samples]] = {}
        requester.answered.connect(self._take)

    def want(self, state: State, networks: Mapping[Path, EncoderDecoder]) -> None:
        """Request what is missing; forget runs and images that are no longer shown."""
        wanted = {
            path: (network, samples)
            for path, network in networks.items()
            if (samples := state.samples_of(path)) is not None
        }
        if wanted == self._wanted:
            return
        kept = {path for path, pair in wanted.items() if self._wanted.get(path) == pair}
        self._wanted = wanted
        self.samples = {path: samples for path, (_, samples) in wanted.items()}
        self.bottlenecks = {path: bottlenecks for path, bottlenecks in self.bottlenecks.items() if path in kept}
        self.errors = {path: error for path, error in self.errors.items() if path in kept}
        self._requester.forget()
        missing = {
            path: pair for path, pair in wanted.items() if path not in self.bottlenecks and path not in self.errors
        }
        queries: dict[Hashable, Query] = {
            path: Query(network.model, samples.inputs, (network.bottleneck,))
            for path, (network, samples) in missing.items()
        }
        if queries:
            self._requester.send(queries, missing)

    def _take(self, done: QueryBatch) -> None:
        requested = cast("dict[Path, tuple[EncoderDecoder, Samples]]", done.context)
        for path, (network, _) in requested.items():
            reply = done.replies[path]
            values = reply.arrays.get(network.bottleneck)
            if reply.error or values is None:
                self.errors[path] = sentence(reply.error or "the graph gave no answer")
            elif values.shape[1:] != network.shape or not np.isfinite(values).all():
                self.errors[path] = (
                    "The bottlenecks of these images are not finite, or not of the shape that the graph declares."
                )
            else:
                self.bottlenecks[path] = values
        self.came.emit()
