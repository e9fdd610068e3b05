"""Reads what runs made of their images in every epoch: from the disk, by the worker, and beside their targets."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from viewer.infer.messages import Reply, Request
from viewer.qt.steps import Elsewhere, Steps
from viewer.state import epochs, files, formatting, why
from viewer.state.epochs import EpochFrames
from viewer.state.library import Entry, Stamp
from viewer.state.selection import State
from zoo import gate


class EpochReader(QObject):
    """`frames` holds what is known of each compared run: its frames, or a sentence on why there are none."""

    changed = Signal()

    def __init__(self, elsewhere: Elsewhere, parent: QObject) -> None:
        super().__init__(parent)
        self._elsewhere = elsewhere
        self.frames: dict[Path, EpochFrames | str] = {}
        self.stamps: dict[Path, Stamp | None] = {}  # of the histories that were read, or are being read

    @property
    def busy(self) -> bool:
        """Whether frames are still to come."""
        return not self.stamps.keys() <= self.frames.keys()

    def want(self, state: State) -> None:
        """Read the histories of the compared runs that are new or have changed; forget other runs."""
        compared = set(state.compared)
        for path in set(self.stamps).difference(compared):
            del self.stamps[path]
            self.frames.pop(path, None)
        for entry in state.entries:
            if entry.path in compared and self.stamps.get(entry.path, False) != entry.history_stamp:
                self.stamps[entry.path] = entry.history_stamp
                if entry.history_stamp is None:
                    self.frames[entry.path] = why.no_history(entry, "its epochs")
                else:
                    self._elsewhere.run(self._read(entry))

    def _read(self, entry: Entry) -> Steps[None]:
        frames = yield from self._frames(entry)
        if self.stamps.get(entry.path) == entry.history_stamp:  # still shown, and not replaced once more
            self.frames[entry.path] = frames
            self.changed.emit()

    def _frames(self, entry: Entry) -> Steps[EpochFrames | str]:
        label = formatting.clean(Path(*entry.history.parts[-3:]), limit=120)
        job = partial(files.read, entry.history, limit=gate.MAX_HDF5_BYTES, label=label)
        done = yield f"epochs {entry.path}", job
        if done.error:
            return formatting.sentence(done.error)
        reply = yield Request(f"epochs {entry.path}", "epochs", done.result)
        if reply.error:
            return formatting.sentence(reply.error)
        done = yield f"epoch frames {entry.path}", partial(_made, reply)
        return done.result if done.result is not None else formatting.sentence(done.error)


def _made(reply: Reply) -> EpochFrames | str:
    """Return the frames of what was read, which the window's thread must not wait for."""
    return epochs.epoch_frames_of(epochs.from_parts(reply.facts, reply.arrays), reply.arrays.get("targets"))
