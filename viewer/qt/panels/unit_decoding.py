"""What the decoder makes of a bottleneck: of its values, of the changed ones, and of a unit's sweep."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QObject, Signal

from viewer.figures.bottleneck import Tilings
from viewer.qt.requester import Query, QueryBatch, Requester
from viewer.state import formatting, why
from viewer.state.encoder_decoders import unit_decoder
from viewer.state.selection import State
from viewer.state.units import Sweep, UnitEdits


class Decoding(NamedTuple):
    """What is shown decoded: a sample of a run's bottlenecks and the changes made to it."""

    of: Tilings
    sample: int
    session: UnitEdits


class UnitDecoding(QObject):
    """Decodes what `want` was told last; `changed` says that there are other pictures, or a sentence instead."""

    changed = Signal()

    def __init__(self, decoder: Requester, sweeper: Requester, parent: QObject) -> None:
        super().__init__(parent)
        self.decoder, self.sweeper = decoder, sweeper
        self.pictures: tuple[np.ndarray, np.ndarray | None] | None = None  # of the values, and of the changed ones
        self.swept: tuple[np.ndarray, np.ndarray] | None = None  # steps and pictures
        self.sentence = ""  # why there are none
        self._wanted: Decoding | None = None
        self._sweep_of: tuple[object, ...] = ()  # what the last sweep depends on
        decoder.answered.connect(self._take_pictures)
        sweeper.answered.connect(self._take_sweep)

    def forget(self) -> None:
        """Forget everything."""
        self._wanted, self.pictures = None, None
        self.decoder.forget()
        self.forget_sweep()

    def forget_sweep(self) -> None:
        self.sweeper.forget()
        self.swept, self._sweep_of = None, ()

    def want(self, state: State, wanted: Decoding, *, low_priority: bool) -> None:
        """Decode the current run's sample with its changes, and sweep a unit if that is wanted."""
        network = unit_decoder(state, wanted.of.shape)
        if isinstance(network, str):
            self.forget()
            self.sentence = network
            return
        self._wanted = wanted
        file, output = network.decoder, (network.picture,)
        query = Query(file, wanted.session.to_decode(wanted.of.values[wanted.sample]), output)
        self.decoder.send({"decoder": query}, wanted, low_priority=low_priority)
        if wanted.session.sweeping and wanted.session.unit is not None:
            sweep_of = (wanted.of, wanted.sample, *wanted.session.sweep_key)
            if sweep_of != self._sweep_of:
                self._sweep_of = sweep_of
                sweep = wanted.session.sweep(wanted.of.values, wanted.sample)
                query = Query(file, sweep.inputs, output)
                self.sweeper.send({"sweep": query}, (wanted, sweep), low_priority=low_priority)

    def _take_pictures(self, done: QueryBatch) -> None:
        assert isinstance(done.context, Decoding), done.context
        images = self._images_of(done, done.context)
        if images is not None:
            self.pictures = (images[0], images[1] if len(images) > 1 else None)
            self.changed.emit()

    def _take_sweep(self, done: QueryBatch) -> None:
        assert isinstance(done.context, tuple), done.context
        of, sweep = done.context
        assert isinstance(of, Decoding) and isinstance(sweep, Sweep)
        images, wanted = self._images_of(done, of), self._wanted
        if images is not None and wanted is not None and wanted.session.sweeping and wanted.session.unit == sweep.unit:
            self.swept = (sweep.steps, images)
            self.changed.emit()

    def _images_of(self, done: QueryBatch, of: Decoding) -> np.ndarray | None:
        """Return the decoder's images (N, C, H, W) of the sample shown; None, and a sentence, if there are none."""
        wanted = self._wanted
        if wanted is None or of.of is not wanted.of or of.sample != wanted.sample:
            return None
        (reply,) = done.replies.values()
        images = next(iter(reply.arrays.values()), None)
        self.sentence = formatting.sentence(reply.error) or why.no_pictures(images)
        if self.sentence:
            self.pictures = None
            self.forget_sweep()
            self.changed.emit()
            return None
        return images
