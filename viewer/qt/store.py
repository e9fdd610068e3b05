"""The store: holds the current state, replaces it, and emits a signal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from viewer.state import selection
from viewer.state.files import FileBytes
from viewer.state.library import Entry
from viewer.state.pages import Order, Pasted, Split
from viewer.state.selection import Known, State
from zoo.image_ports import InputChoice

MOST_UNDONE = 100
EMIT_DELAY_MILLISECONDS = 16  # sixty runs may change in one frame: each signal costs the panels 5 ms
Choice = tuple[tuple[Path, ...], Path | None]


class AppState(QObject):
    """The state of a window; `changed` carries the old and the new one, so that panels can compare what they use."""

    changed = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = State()
        self._emitted: State | None = None  # the state that panels know, while a newer one waits to be emitted
        self._emit_timer = QTimer(self, singleShot=True, interval=EMIT_DELAY_MILLISECONDS)
        self._emit_timer.timeout.connect(self._emit)
        self._undone: list[Choice] = []
        self._done: list[Choice] = []

    @property
    def state(self) -> State:
        return self._state

    def open(self, roots: Iterable[Path]) -> None:
        """Open these paths besides those that are open; runs and graphs among them are selected."""
        opened, state = tuple(roots), self._state
        self._done, self._undone = [], []
        kept = tuple(root for root in state.roots if root not in opened)
        self._replace(replace(state, roots=(*kept, *opened), closed=frozenset(), selected=opened, scanned=False))

    def close(self, path: Path) -> None:
        """Close one entry."""
        self._done, self._undone = [], []
        self._replace(selection.without(self._state, path))

    def set_entries(self, entries: tuple[Entry, ...], gone: tuple[Path, ...] = ()) -> None:
        """Replace the entries by those of a newer scan; `gone` are the roots that do not exist any more."""
        entries = tuple(entry for entry in entries if entry.path not in self._state.closed)
        if not self._state.scanned or (entries, gone) != (self._state.entries, self._state.gone):
            self._replace(replace(selection.with_entries(self._state, entries), gone=gone))

    @property
    def emit_pending(self) -> bool:
        """Whether changes wait to be emitted."""
        return self._emitted is not None

    def update_known(self, path: Path, **more: Any) -> None:
        """Replace fields of an entry's Known; `changed` is emitted a frame later, once for all updates until then."""
        self.set_known(path, replace(self._state.known_of(path), **more))

    def set_known(self, path: Path, known: Known) -> None:
        self._emitted = self._emitted or self._state
        self._state = selection.with_derived_fields(self._state, selection.with_known(self._state, path, known))
        if not self._emit_timer.isActive():
            self._emit_timer.start()

    def set_selected(self, selected: Iterable[Path], current: Path | None) -> None:
        after = selection.with_selected(self._state, selected, current)
        if (after.selected, after.current) != (self._state.selected, self._state.current):
            self._done = [*self._done, (self._state.selected, self._state.current)][-MOST_UNDONE:]
            self._undone = []
            self._replace(after)

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    def undo_selection(self) -> None:
        """Go back to what was selected before."""
        self._step(self._done, self._undone)

    def redo_selection(self) -> None:
        """Redo what was undone."""
        self._step(self._undone, self._done)

    def _step(self, out: list[Choice], back: list[Choice]) -> None:
        """Restore the newest selection of `out` that still exists; the present one goes to `back`."""
        state, there = self._state, {entry.path for entry in self._state.entries}
        while out:
            selected, current = out.pop()
            kept = tuple(path for path in selected if path in there)
            if kept and (kept, current) != (state.selected, state.current):
                back.append((state.selected, state.current))
                self._replace(selection.with_selected(state, kept, current))
                return

    def set_file(self, path: Path, graph: str, file: FileBytes) -> None:
        """Hold the bytes of a compared entry's graph."""
        file = replace(file, choice=self._state.choice_of(path)) if graph == "model" else file
        self._replace(replace(self._state, files={**self._state.files, (path, graph): file}))

    def set_choice(self, path: Path, choice: InputChoice) -> None:
        """Give a graph images in another way; one that is to take another size is forgotten, to be opened anew."""
        state, key = self._state, (path, "model")
        if state.choice_of(path) == choice:
            return
        if state.choice_of(path).size != choice.size:
            state = selection.with_known(state, path, replace(state.known_of(path), graph=None, samples=None))
        held = {key: replace(state.files[key], choice=choice)} if key in state.files else {}
        self._replace(replace(state, choices={**state.choices, path: choice}, files={**state.files, **held}))

    def set_split(self, split: Split) -> None:
        """Hold the test images of a data set; those of other data sets are dropped, since they may be large."""
        self._replace(replace(self._state, splits={split.name: split}))

    def set_start(self, start: int, order: Order | None) -> None:
        """Show the images from this one on, in this order."""
        if (start, order) != (self._state.start, self._state.order) or self._state.pasted:
            self._replace(replace(self._state, start=start, order=order, pasted=None))

    def set_pasted(self, pasted: Pasted | None) -> None:
        """Show pasted pictures, or again those of the test split."""
        self._replace(replace(self._state, pasted=pasted, sample=0))

    def set_sample(self, sample: int) -> None:
        """Choose one of the images that the panels show large."""
        if sample != self._state.sample:
            self._replace(replace(self._state, sample=sample))

    def _replace(self, after: State) -> None:
        self._emitted = self._emitted or self._state
        self._state = selection.with_derived_fields(self._state, after)
        self._emit()

    def _emit(self) -> None:
        self._emit_timer.stop()
        before, self._emitted = self._emitted, None
        if before is not None:
            self.changed.emit(before, self._state)
