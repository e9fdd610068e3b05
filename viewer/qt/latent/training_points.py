"""The training images of several runs as points of their planes: encoded in chunks, at most so many together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from viewer.figures.latent_plane import Cloud
from viewer.qt.chunks import ChunkedRun, ChunkRunner
from viewer.qt.latent.directions import encoding_of
from viewer.qt.requester import Requester
from viewer.state.encoder_decoders import EncodedSet, EncoderDecoder, training_set
from viewer.state.selection import State

MOST_POINTS = 3000  # of all planes together: more take longer than a frame to repaint


class TrainingPoints(QObject):
    """`clouds` holds the points by run, `encoded_sets` what they are encoded from, or why there are none."""

    came = Signal()

    def __init__(self, requester: Requester, parent: QObject) -> None:
        super().__init__(parent)
        self.clouds: dict[Path, Cloud] = {}
        self.encoded_sets: dict[Path, EncodedSet | str] = {}
        self._cloud_of: tuple[object, ...] = ()
        self._jobs: dict[Path, ChunkedRun] = {}
        self._encoder = ChunkRunner(requester, self)
        self._encoder.grown.connect(self._take)

    def want(self, state: State, planes: Mapping[Path, EncoderDecoder]) -> None:
        """Encode training images, as many as all planes together can show."""
        cloud_of = (*planes.items(), *state.splits.items())
        if cloud_of == self._cloud_of:
            return
        self._cloud_of = cloud_of
        self.clouds, self._jobs = {}, {}
        most = MOST_POINTS // max(1, len(planes))
        self.encoded_sets = {path: _thin(training_set(state, path), most) for path in planes}
        for path, images in self.encoded_sets.items():
            if isinstance(images, EncodedSet):
                self._jobs[path] = encoding_of(path, planes[path], images)
        self._encoder.begin(list(self._jobs.values()))

    def name_of(self, label: int) -> str:
        """What a class is called."""
        found = (images for images in self.encoded_sets.values() if isinstance(images, EncodedSet))
        return next((images.name_of(label) for images in found), str(label))

    def note(self, path: Path, state: State) -> str:
        """Say what the points of a run are, or why there are none."""
        images, cloud = self.encoded_sets.get(path, ""), self.clouds.get(path)
        if isinstance(images, str):
            return images and f"No points: {images[0].lower()}{images[1:]}"
        if cloud is None:
            return f"encoding {len(images):,} training images …"
        history = state.known_of(path).history
        count = history.facts.get("train_images", "") if history else ""
        seen = f"; trained on {int(count):,}" if count.isdecimal() else ""
        labels = np.unique(cloud.classes)
        single = len(labels) == 1 and len(images.classes) > 1
        what = f" of the class {images.name_of(int(labels[0]))}" if single else ""
        return f"{len(cloud.points):,} training images{what}{seen}"

    def _take(self, job: ChunkedRun) -> None:
        path = job.key
        if not isinstance(path, Path) or self._jobs.get(path) is not job:
            return
        images = self.encoded_sets[path]
        if job.errors or not isinstance(images, EncodedSet):
            self.encoded_sets[path] = f"The training images could not be encoded: {', '.join(job.errors)}."
        elif job.done:
            points = np.concatenate(job.chunks).astype(np.float32)
            finite = np.isfinite(points).all(axis=1)
            self.clouds[path] = Cloud(points[finite], images.labels[: len(points)][finite])
        if job.done:
            self.came.emit()


def _thin(images: EncodedSet | str, most: int) -> EncodedSet | str:
    """Return at most `most` images of a set, evenly spread."""
    if isinstance(images, str) or len(images) <= most:
        return images
    rows = np.linspace(0, len(images) - 1, most).astype(int)
    return replace(images, pixels=images.pixels[rows], labels=images.labels[rows])
