"""The bottlenecks of the images shown now, of every compared run: asked once, shared by all ways of moving about."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from viewer.qt.asker import Ask, Asker, Round
from viewer.state.encoder_decoders import EncoderDecoder
from viewer.state.formatting import sentence
from viewer.state.samples import Samples
from viewer.state.selection import State


class PageCodes(QObject):
    """`codes` holds float32 (N, …) by run, `troubles` a sentence by run; `came` says that they have changed."""

    came = Signal()

    def __init__(self, asker: Asker, parent: QObject) -> None:
        super().__init__(parent)
        self.codes: dict[Path, np.ndarray] = {}
        self.troubles: dict[Path, str] = {}
        self.samples: dict[Path, Samples] = {}
        self._asker = asker
        self._wanted: dict[Path, tuple[EncoderDecoder, Samples]] = {}
        asker.answered.connect(self._take)

    def want(self, state: State, encoder_decoders: Mapping[Path, EncoderDecoder]) -> None:
        """Ask for what is not known yet; what belongs to runs or images no longer shown is forgotten."""
        pairs = {path: (encoder_decoder, state.samples_of(path)) for path, encoder_decoder in encoder_decoders.items()}
        wanted = {
            path: (encoder_decoder, samples)
            for path, (encoder_decoder, samples) in pairs.items()
            if samples is not None
        }
        if wanted == self._wanted:
            return
        kept = {path for path, pair in wanted.items() if self._wanted.get(path) == pair}
        self._wanted = wanted
        self.samples = {path: samples for path, (_, samples) in wanted.items()}
        self.codes = {path: codes for path, codes in self.codes.items() if path in kept}
        self.troubles = {path: trouble for path, trouble in self.troubles.items() if path in kept}
        self._asker.forget()
        missing = {path: pair for path, pair in wanted.items() if path not in self.codes and path not in self.troubles}
        asks: dict[Hashable, Ask] = {
            path: Ask(encoder_decoder.model, samples.inputs, (encoder_decoder.bottleneck,))
            for path, (encoder_decoder, samples) in missing.items()
        }
        if asks:
            self._asker.ask(asks, missing)

    def _take(self, done: Round) -> None:
        for path, answer in done.answers.items():
            assert isinstance(path, Path) and isinstance(done.context, dict)
            encoder_decoder, _ = done.context[path]
            values = answer.arrays.get(encoder_decoder.bottleneck)
            if answer.trouble or values is None:
                self.troubles[path] = sentence(answer.trouble or "the graph gave no answer")
            elif values.shape[1:] != encoder_decoder.shape or not np.isfinite(values).all():
                self.troubles[path] = "The bottlenecks of these images are not finite, or of another shape than told."
            else:
                self.codes[path] = values
        self.came.emit()
