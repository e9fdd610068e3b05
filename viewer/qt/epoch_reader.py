"""Reads what runs made of their images in every epoch: from the disk, by the worker, and beside their targets."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from viewer.infer.messages import Reply
from viewer.qt.disk import Disk, JobResult
from viewer.qt.requester import Query
from viewer.qt.store import AppState
from viewer.state import epochs, files, formatting, why
from viewer.state.epochs import EpochFrames, Epochs, epoch_frames_of
from viewer.state.files import FileBytes
from viewer.state.library import Entry, Stamp
from viewer.state.selection import State
from zoo import gate
from zoo.errors import FileRefused


class EpochReader(QObject):
    """`frames` holds what is known of each compared run: its frames, or a sentence on why there are none."""

    files_read = Signal()  # their epochs are to be requested: `queries`, whose replies go to `take`
    changed = Signal()

    def __init__(self, store: AppState, disk: Disk, parent: QObject) -> None:
        super().__init__(parent)
        self._store, self._disk = store, disk
        self.frames: dict[Path, EpochFrames | str] = {}
        self.stamps: dict[Path, Stamp | None] = {}  # of the histories that were read, or are being read
        self._requested: dict[Path, FileBytes] = {}  # read, with no reply yet
        self._epochs: dict[Path, Epochs] = {}  # replied; their targets may still come

    def want(self, state: State) -> None:
        """Read the histories of the compared runs that are new or have changed; forget other runs."""
        compared = set(state.compared)
        for kept in (self.stamps, self._requested, self._epochs, self.frames):
            for path in set(kept).difference(compared):
                del kept[path]
        entries = [entry for entry in state.entries if entry.path in compared]
        new = [entry for entry in entries if self.stamps.get(entry.path, False) != entry.history_stamp]
        for entry in new:
            self.stamps[entry.path] = entry.history_stamp
            if entry.history_stamp is None:
                self.frames[entry.path] = why.no_history(entry, "its epochs")
        self._read([entry for entry in new if entry.history_stamp is not None])
        self._combine(state)

    def _read(self, entries: list[Entry]) -> None:
        if entries:
            stamps = {entry.path: entry.history_stamp for entry in entries}
            self._disk.do(f"epochs {entries[0].path}", partial(_read, entries), partial(self._take_files, stamps))

    def _take_files(self, stamps: Mapping[Path, Stamp | None], done: JobResult) -> None:
        for path, file in (done.result or {}).items():
            if self.stamps.get(path) != stamps[path]:
                continue  # no longer shown, or replaced once more
            if isinstance(file, FileBytes):
                self._requested[path] = file
            else:
                self.frames[path] = formatting.sentence(file)
        self.files_read.emit()
        self.changed.emit()

    def queries(self) -> dict[Hashable, Query]:
        """Return the queries for all files with no reply yet: a newer request replaces one that waits."""
        return {path: Query(file, kind="epochs") for path, file in self._requested.items()}

    def take(self, replies: Mapping[Path, Reply]) -> None:
        """Take the replies to `queries`."""
        for path, reply in replies.items():
            if self._requested.get(path) is reply.request.file:
                del self._requested[path]
                self._take_epochs(path, reply)
        self._combine(self._store.state)
        self.changed.emit()

    def _take_epochs(self, path: Path, reply: Reply) -> None:
        if reply.error:
            self.frames[path] = formatting.sentence(reply.error)
            return
        try:
            self._epochs[path] = epochs.from_parts(reply.facts, reply.arrays)
        except ValueError as error:
            self.frames[path] = f"The worker's answer cannot be used ({error})."

    def _combine(self, state: State) -> None:
        """Combine pictures with their targets once both are there."""
        for path in list(self._epochs):
            known = state.known_of(path)
            if known.history is not None:
                targets = known.history.samples.targets if known.history.samples is not None else None
                job = partial(epoch_frames_of, self._epochs.pop(path), targets)
                self._disk.do(f"epoch frames {path}", job, partial(self._take_frames, path))
            elif known.history_error:
                del self._epochs[path]
                self.frames[path] = formatting.sentence(known.history_error)

    def _take_frames(self, path: Path, done: JobResult) -> None:
        if path in self.stamps:
            self.frames[path] = done.result if done.result is not None else formatting.sentence(done.error)
            self.changed.emit()


def _read(entries: Iterable[Entry]) -> dict[Path, FileBytes | str]:
    """Read histories; return an error message for one that cannot be read."""
    found: dict[Path, FileBytes | str] = {}
    for entry in entries:
        label = formatting.clean(Path(*entry.history.parts[-3:]), limit=120)
        try:
            found[entry.path] = files.read(entry.history, limit=gate.MAX_HDF5_BYTES, label=label)
        except FileRefused as refusal:
            found[entry.path] = formatting.clean(refusal)
    return found
