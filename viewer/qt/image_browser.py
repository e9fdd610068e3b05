"""Pages through a run's test split, ranks it by error, and takes pictures that were dropped or pasted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QMimeData, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QImage

from viewer.figures.strokes import pixels
from viewer.infer.messages import Completed, ImageTask
from viewer.qt.chunks import ChunkedRun, ChunkRunner
from viewer.qt.requester import Requester
from viewer.qt.steps import Elsewhere, Steps
from viewer.qt.store import AppState
from viewer.state import numbers, selection
from viewer.state.encoder_decoders import EncodedSet, test_set
from viewer.state.files import read
from viewer.state.formatting import clean, sentence
from viewer.state.library import is_picture
from viewer.state.pages import Order, Pasted, Split, SplitName
from viewer.state.samples import COUNT
from viewer.state.selection import State

CHUNK = 120  # images per request while all are ranked, so that a slider need not wait long for its turn
LARGEST_SIDE = 1_024  # of a picture that is accepted
LARGEST_PICTURE = 64 << 20
PictureCallback = Callable[[np.ndarray, str], None]  # takes a picture, uint8 (H, W, 3), and its name
ENCODED = ("image/png", "image/jpeg", "image/webp", "image/bmp", "image/gif", "image/tiff")  # in a clipboard


class ImageBrowser(QObject):
    """Changes which images are shown; the store holds which they are."""

    notice = Signal(str)
    picture_wanted = Signal()  # of the user's own: a dialog is to ask which
    progressed = Signal(str)  # what is being done, '' when it is over

    def __init__(self, store: AppState, elsewhere: Elsewhere, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._elsewhere = store, elsewhere
        self.data: str | None = None  # where the data sets are, as --data names it
        self.requester = Requester("ranking", elsewhere.workers, self)
        self._runner = ChunkRunner(self.requester, self, low_priority=True)
        self._runner.grown.connect(self._take_errors)
        self._reading: SplitName | None = None
        self._afterwards: list[Any] = []  # what to do once the split is there
        self._ranking: ChunkedRun | None = None  # whose chunks become errors, (n,) each
        self._ranked: EncodedSet | None = None  # its images
        self._ranked_rows: np.ndarray | None = None  # of the data set's
        self._wanted = ""  # which end of the ranking to show, 'worst' or 'best'
        store.changed.connect(self._state_changed)

    # ---- paging ----

    def turn(self, pages_on: int) -> None:
        """Go this many pages forward, or back; the test split is read when it is first needed."""
        state = self._store.state
        if state.pasted is not None:
            self._store.set_pasted(None)
            return
        self._go(lambda last: max(0, min(last, self._store.state.start + pages_on * COUNT)))

    def go_to(self, start: int) -> None:
        """Show the page that begins with this image of the order shown."""
        self._go(lambda last: max(0, min(last, start)))

    def go_to_last(self) -> None:
        """Show the last page of the order shown."""
        self._go(lambda last: last)

    def _go(self, start_of: Callable[[int], int]) -> None:
        """Show the page at `start_of(start of the last page)`; the test split is read first if need be."""
        rows = selection.rows_of(self._store.state)
        if rows is None:
            self.want_split(partial(self._go, start_of))
            return
        self._store.set_start(start_of((len(rows) - 1) // COUNT * COUNT), self._store.state.order)

    def show_in_order(self) -> None:
        """Go back to the beginning of the test split, in its own order."""
        self._store.set_start(0, None)

    def want_split(self, afterwards: Any = None) -> None:
        """Read the current entry's test split, unless it is there or is known not to be."""
        state = self._store.state
        name = state.current_known.split
        if name is None or state.current_known.own_samples is None:
            if afterwards is not None:
                self.notice.emit(
                    "There is no test split to page through: the file does not say which images it was tested on."
                )
            return
        known = state.splits.get(name)
        if known is not None:
            if afterwards is not None:
                self.notice.emit(self._why_not(state, known))
            return
        if afterwards is not None:
            self._afterwards = [*self._afterwards, (state.current, afterwards)][-3:]
        if self._reading != name:
            self._elsewhere.run(self._read_split(name))

    def _why_not(self, state: State, split: Split) -> str:
        if split.error:
            return sentence(f"only the run's own images can be shown: {split.error}")
        name = clean(state.names().get(state.current, ""), limit=60) if state.current else ""
        return f"The images in {split.name.dataset} are not those that {name} was tested on; only its own are shown."

    def _read_split(self, name: SplitName) -> Steps[None]:
        self._reading = name
        self.progressed.emit(f"reading the test split of {clean(name.dataset, limit=40)} …")
        where = {"data": self.data, "images": name.images, "shape": name.shape}
        reply = yield ImageTask("split", {"dataset": name.dataset, "cut": name.cut, **where})
        self._reading = None
        self.progressed.emit("")
        try:
            split = _absent(name, reply) if isinstance(reply, str) else split_of(name, reply)
        except (KeyError, ValueError, TypeError) as error:
            split = _absent(name, f"the process that reads images sent an invalid reply ({error})")
        self._store.set_split(split)
        waiting, self._afterwards = self._afterwards, []
        for current, afterwards in waiting:
            if current == self._store.state.current:
                afterwards()

    # ---- the worst and the best ----

    def show_worst(self) -> None:
        """Show the images on which the current graph errs most."""
        self._rank("worst")

    def show_best(self) -> None:
        """Show the images on which the current graph errs least."""
        self._rank("best")

    def _rank(self, end: str) -> None:
        state = self._store.state
        rows, file = selection.rows_of(state), state.graph_file
        if rows is None:
            self.want_split(partial(self._rank, end))
            return
        graph = state.current_known.graph
        if file is None or graph is None or not (graph.reconstruction or graph.logits_output):
            self.notice.emit("Images are ranked by the output of the graph, and this run has no graph.")
            return
        self._wanted = end
        known = self._ranking
        if known is not None and known.file.sha256 == file.sha256 and self._ranked_rows is rows:
            if known.done:
                self._show(known)
            return
        images = test_set(state, state.current, most=len(rows))
        if isinstance(images, str):
            self.notice.emit(images)
            return
        images = self._ranked = replace(images, sigma=state.current_known.noise)
        self._ranked_rows, output = rows, graph.reconstruction or graph.logits_output
        self._ranking = ChunkedRun(state.current, file, output, None, len(images), CHUNK, images.inputs)
        self._runner.begin([self._ranking])
        self.progressed.emit(f"ranking the test split: 0 of {len(images):,}")

    def _take_errors(self, ranking: ChunkedRun) -> None:
        """Keep the errors of the newest chunk instead of its values."""
        if ranking is not self._ranking or self._ranked is None:
            return
        why = ", ".join(ranking.errors)
        if not why:
            values, done = ranking.chunks.pop(), ranking.rows
            samples = self._ranked.samples(done, done + len(values))
            assert samples is not None, ranking.key
            errors = errors_of(values, samples.targets, self._ranked.labels[done : done + len(values)])
            if errors is None:
                why = "the graph's output cannot be compared with the images"
            else:
                ranking.chunks.append(errors)
        if why:
            self._stop()
            self.notice.emit(sentence(why))
        elif ranking.done:
            self._show(ranking)
        else:
            self.progressed.emit(f"ranking the test split: {ranking.rows:,} of {ranking.count:,}")

    def _show(self, ranking: ChunkedRun) -> None:
        self.progressed.emit("")
        state = self._store.state
        if ranking.key != state.current or not self._wanted:
            return
        errors = np.nan_to_num(np.concatenate(ranking.chunks), nan=np.inf)
        order = np.argsort(-errors if self._wanted == "worst" else errors, kind="stable")
        self._store.set_start(0, Order(order, f"{self._wanted} first"))
        self._wanted = ""

    def _stop(self) -> None:
        self._ranking, self._wanted = None, ""
        self._runner.begin([])
        self.progressed.emit("")

    def _state_changed(self, before: State, after: State) -> None:
        """Stop ranking when another run becomes the current one, and read a split in whose place others stand."""
        if self._ranking is not None and after.current != self._ranking.key and self.requester.waiting:
            self._stop()
        if before.roots != after.roots:
            self._stop()
        own = after.current_known.own_samples
        if self.data and own is not None and own.stand_in:
            self.want_split()

    # ---- pictures from outside ----

    def open_pictures(self, paths: Iterable[Path]) -> None:
        """Read picture files and show them through the networks."""
        for index, path in enumerate(list(paths)[:COUNT]):
            self.read_picture(path, self.add_picture, key=f"picture {index}")

    def read_picture(self, path: Path, callback: PictureCallback, *, key: str) -> None:
        """Read a picture file for `callback`; a newer call with the same key replaces one that has not begun."""
        self._elsewhere.run(self._picture_file(path, callback, key))

    def decode_picture(self, data: bytes, name: str, callback: PictureCallback) -> None:
        """Decode the bytes of a picture in a separate process, for `callback`."""
        self._elsewhere.run(self._picture(data, name, callback))

    def _picture_file(self, path: Path, callback: PictureCallback, key: str) -> Steps[None]:
        done = yield key, partial(read, path, limit=LARGEST_PICTURE, label=clean(path.name, limit=60))
        if done.error:
            self.notice.emit(sentence(done.error))
        else:
            yield from self._picture(done.result.data, done.result.label, callback)

    def _picture(self, data: bytes, name: str, callback: PictureCallback) -> Steps[None]:
        if len(data) > LARGEST_PICTURE:
            self.notice.emit(f"{name} has {len(data):,} bytes; a picture may have at most {LARGEST_PICTURE:,}.")
            return
        reply = yield ImageTask("picture", arrays={"file": np.frombuffer(data, dtype=np.uint8)})
        picture = None if isinstance(reply, str) else reply.arrays.get("picture")
        if picture is None or picture.ndim != 3 or picture.dtype != np.uint8 or picture.shape[2] != 3:
            why = reply if isinstance(reply, str) else "the process that reads images sent no picture"
            self.notice.emit(sentence(f"{name}: {why}"))
        else:
            callback(picture, name)

    def add_picture(self, picture: np.ndarray, name: str) -> None:
        """Show a picture, uint8 (H, W, 3), beside those pasted before; the oldest are dropped."""
        before = self._store.state.pasted or Pasted((), ())
        pictures, names = (*before.pictures, picture)[-COUNT:], (*before.names, clean(name, limit=60))[-COUNT:]
        self._store.set_pasted(replace(before, pictures=pictures, names=names))

    def paste(self) -> None:
        """Show the picture in the clipboard."""
        picture = pixels_of(QGuiApplication.clipboard().image())
        if picture is None:
            self.notice.emit("There is no picture in the clipboard; copy one first, or drop a picture file here.")
        else:
            self.add_picture(picture, "from the clipboard")

    def invert_pictures(self) -> None:
        """Show pasted pictures with dark for light, or as they were."""
        pasted = self._store.state.pasted
        if pasted is not None:
            self._store.set_pasted(replace(pasted, inverted=not pasted.inverted))

    def forget_pictures(self) -> None:
        """Go back to the test split."""
        if self._store.state.pasted is not None:
            self._store.set_pasted(None)


def errors_of(values: np.ndarray, targets: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
    """Return an error for each image: mean squared of pictures, cross-entropy in nats of a classifier's logits."""
    if values.ndim == 2 and labels.max(initial=0) < values.shape[1]:
        likely = values.astype(np.float64) - values.max(axis=1, keepdims=True)
        losses: np.ndarray = np.log(np.exp(likely).sum(axis=1)) - likely[np.arange(len(labels)), labels]
        return losses
    return numbers.mse(targets, values) if values.shape == targets.shape else None


def split_of(name: SplitName, images: Completed) -> Split:
    """Make a Split of what a process sent; raise KeyError or ValueError for arrays that do not fit."""
    pixels, labels = images.arrays["pixels"], images.arrays["labels"]
    training, training_labels = images.arrays["training"], images.arrays["training_labels"]
    for array, names in ((pixels, labels), (training, training_labels)):
        if array.dtype != np.uint8 or array.ndim != 4 or names.shape != array.shape[:1]:
            raise ValueError("its images are not uint8 (N, C, H, W) with one label each")
    classes = tuple(clean(text, limit=20) for text in images.facts["classes"])
    provenance = clean(images.facts["provenance"])
    return Split(name, pixels, labels.astype(np.uint8), training, training_labels.astype(np.uint8), classes, provenance)


def _absent(name: SplitName, error: str) -> Split:
    nothing, none = np.zeros((0, 1, 1, 1), np.uint8), np.zeros(0, np.uint8)
    return Split(name, nothing, none, nothing, none, error=error)


def pixels_of(image: object) -> np.ndarray | None:
    """Return a picture of Qt's as uint8 (H, W, 3), None if there is none."""
    if not isinstance(image, QImage) or image.isNull():
        return None
    if max(image.width(), image.height()) > LARGEST_SIDE:  # every pixel costs time, and no graph takes larger images
        image = image.scaled(LARGEST_SIDE, LARGEST_SIDE, Qt.AspectRatioMode.KeepAspectRatio)
    return pixels(image)


def encoded_picture(mime: QMimeData) -> bytes:
    """Return an encoded picture that another program offers, b'' if it offers none."""
    offered = next((kind for kind in ENCODED if kind in mime.formats()), "")
    return bytes(mime.data(offered).data()) if offered else b""


def picture_files(mime: QMimeData) -> list[Path]:
    """Return the picture files among what is dropped or pasted."""
    paths = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
    return [path for path in paths if is_picture(path)]
