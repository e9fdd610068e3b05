"""The curves below the noisy images: PSNR against the strength of the noise, computed point by point while it rests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, QTimer, Signal
from PySide6.QtWidgets import QWidget

from viewer.figures.curves import CurvesFigure
from viewer.figures.theme import Theme
from viewer.qt.panels import noise_pictures as pictures
from viewer.qt.requester import Query, QueryBatch, Requester
from viewer.qt.widgets.figure_view import FigureView
from viewer.state import noise, noise_lab
from viewer.state.noise_lab import CurveKey, Curves, NoiseFrame, NoiseInput
from viewer.state.selection import State

REST_MILLISECONDS = 150  # the slider rests this long before the curves continue


@dataclass(frozen=True, eq=False)
class CurvePoint:
    """One point of one curve."""

    key: CurveKey
    index: int
    noise_input: NoiseInput
    noisy: np.ndarray


class NoiseCurve(FigureView):
    """Shows the curves of a frame and requests what is missing of them, one point at a time."""

    strength_chosen = Signal(float)  # by a click or a drag

    def __init__(self, requester: Requester, is_busy: Callable[[], bool], parent: QWidget) -> None:
        super().__init__("Curve of PSNR against the noise", parent, height=100)
        self.requester, self._is_busy = requester, is_busy
        self.curves = Curves()
        self._frame: NoiseFrame | None = None
        self.keys: dict[CurveKey, Path | None] = {}
        self._state = State()
        self._rest = QTimer(self, singleShot=True)
        self._rest.timeout.connect(self._next_point)
        requester.answered.connect(self._take_point)
        for signal in (self.clicked, self.dragged):
            signal.connect(self._point_chosen)
        self.hide()

    @property
    def waiting(self) -> bool:
        """Whether a point is still to come."""
        return self._rest.isActive()

    def pause(self) -> None:
        """Let the pictures go first."""
        self._rest.stop()

    def show_frame(self, frame: NoiseFrame | None, state: State) -> None:
        """Take what is shown above; None for nothing."""
        self._frame, self._state = frame, state
        self.keys = noise_lab.frame_keys(frame, state.current) if frame is not None else {}

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.redraw()

    def redraw(self) -> None:
        """Paint the curves as far as they are known."""
        if self.isHidden():
            return
        if self._frame is None or not self.keys:
            self.show_sentence("There is no curve: a classifier outputs no images." if self._frame else "")
            return
        figure = pictures.curves_of(self._theme, self._frame, self.curves, self.keys, self._state)
        described = "; ".join(f"{curve.run} {curve.note}" for curve in figure.series)
        self.show_figure(figure, f"at {noise_lab.strength_text(self._frame.kind, self._frame.strength)}: {described}")

    def _point_chosen(self, point: QPointF) -> None:
        if isinstance(self.figure, CurvesFigure):
            x = self.figure.hit(point, self.paper)
            if x is not None:
                self.strength_chosen.emit(x)

    # ---- point by point ----

    @property
    def missing(self) -> tuple[CurveKey, int] | None:
        """What is to be computed next."""
        return self.curves.missing(self.keys)

    def go_on(self, milliseconds: int = REST_MILLISECONDS) -> None:
        """Compute the next point of the curves after a pause, so that the slider comes first."""
        if not self.isHidden() and not self.requester.waiting and self.missing is not None:
            self._rest.start(milliseconds)

    def _next_point(self) -> None:
        missing, frame = self.missing, self._frame
        if missing is None or frame is None or self.isHidden():
            return
        if self._is_busy():
            self._rest.start(REST_MILLISECONDS)
            return
        key, index = missing
        path, noise_input = self.keys[key], noise_lab.curve_input(frame, key, self.keys[key])
        noisy = noise.apply(noise_input.clean, key.kind, float(noise_lab.STRENGTHS[index]))
        if path is None:
            self.curves.put(key, index, noise_lab.reference_score(noise_input, noisy, key.who))
            self._point_found()
        else:
            point = CurvePoint(key, index, noise_input, noisy)
            query = Query(noise_input.file, noisy, (noise_input.output,))
            self.requester.send({path: query}, point, low_priority=True)

    def _take_point(self, done: QueryBatch) -> None:
        point = done.context
        assert isinstance(point, CurvePoint), point
        (reply,) = done.replies.values()
        scores = None
        if not reply.error:
            scores = noise_lab.result_of(point.noise_input, point.noisy, next(iter(reply.arrays.values()))).scores
        self.curves.put(point.key, point.index, scores)
        self._point_found()

    def _point_found(self) -> None:
        self.redraw()
        self.go_on(REST_MILLISECONDS if self._is_busy() else 0)
