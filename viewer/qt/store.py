"""The store: holds the state's value, replaces it, and says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from viewer.state import selection
from viewer.state.files import FileBytes
from viewer.state.library import Entry
from viewer.state.selection import Known, State


class AppState(QObject):
    """The one state of a window; `changed` carries the old value and the new one, and panels compare what they use."""

    changed = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = State()

    @property
    def state(self) -> State:
        return self._state

    def set_roots(self, roots: Iterable[Path]) -> None:
        """Open these paths instead of those open now."""
        self._replace(State(roots=tuple(roots)))

    def set_entries(self, entries: tuple[Entry, ...], gone: tuple[Path, ...] = ()) -> None:
        """Take what a scan found, and which of the roots it did not find."""
        if not self._state.scanned or (entries, gone) != (self._state.entries, self._state.gone):
            self._replace(replace(selection.with_entries(self._state, entries), gone=gone))

    def learn(self, path: Path, **more: Any) -> None:
        """Add to what is known of one entry."""
        self._replace(selection.with_known(self._state, path, replace(self._state.of(path), **more)))

    def set_known(self, path: Path, known: Known) -> None:
        self._replace(selection.with_known(self._state, path, known))

    def set_selected(self, selected: Iterable[Path], current: Path | None) -> None:
        after = selection.with_selected(self._state, selected, current)
        if (after.selected, after.current) != (self._state.selected, self._state.current):
            self._replace(after)

    def set_file(self, file: FileBytes | None) -> None:
        self._replace(replace(self._state, file=file))

    def set_sample(self, sample: int) -> None:
        """Choose one of the images that the panels show large."""
        if sample != self._state.sample:
            self._replace(replace(self._state, sample=sample))

    def _replace(self, after: State) -> None:
        before, self._state = self._state, after
        self.changed.emit(before, after)
