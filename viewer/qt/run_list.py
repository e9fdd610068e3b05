"""What is open, as rows that rail and table show in one order: sorted, filtered, with what is selected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QModelIndex, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView

from viewer.qt.store import AppState
from viewer.qt.widgets.run_model import RunFilter, RunTableModel
from viewer.state.rows import COLUMN_INDEX, COLUMNS, Rows, RunRow
from viewer.state.selection import State

RUN = COLUMN_INDEX["run"]


class RunList(QObject):
    """The rows of the store's entries, in a model that several views share."""

    changed = Signal(object)  # indices of the rows that changed, None if the entries are others
    arranged = Signal()  # filter or order changed

    def __init__(self, store: AppState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = store
        self._rows = Rows()
        self.model = RunTableModel(self)
        self.proxy = RunFilter(self)
        self.proxy.setSourceModel(self.model)
        self.filter = ""
        self.figure = "mse"  # the column that stands in the rail
        self.is_arranging = False  # while rows come, go and move, a view's selection is not the user's
        store.changed.connect(self._state_changed)

    @property
    def rows(self) -> tuple[RunRow, ...]:
        """One row for each entry, in the order of the entries."""
        return self.model.rows

    @property
    def paths(self) -> list[Path]:
        """The entries from top to bottom, as filtered and sorted."""
        return [self.path_of(self.proxy.index(row, 0)) for row in range(self.proxy.rowCount())]

    def row_of(self, path: Path | None) -> RunRow | None:
        return next((row for row in self.rows if row.path == path), None)

    def path_of(self, index: QModelIndex) -> Path:
        """Return the entry of an index of the proxy; Path() for none."""
        return self.rows[self.proxy.mapToSource(index).row()].path if index.isValid() else Path()

    def set_filter(self, text: str) -> None:
        """Show only the rows that match a filter; hidden rows stay selected."""
        self.filter = text
        with self._arranging():
            self.proxy.set_text(text)
        self.arranged.emit()

    def sort(self, column: str | None) -> None:
        """Sort by a column, again by the same in the other direction; None: as the entries come."""
        index = -1 if column is None else COLUMN_INDEX[column]
        ascending = Qt.SortOrder.AscendingOrder
        again = self.proxy.sortColumn() == index and self.proxy.sortOrder() == ascending
        self.proxy.sort(index, Qt.SortOrder.DescendingOrder if again else ascending)
        if column is not None and COLUMNS[index].numeric:
            self.figure = column
        self.arranged.emit()

    def _state_changed(self, before: State, after: State) -> None:
        if before.entries is not after.entries or before.known is not after.known:
            with self._arranging():
                changed = self.model.set_rows(self._rows.of(after))
            self.changed.emit(changed)

    @contextmanager
    def _arranging(self) -> Iterator[None]:
        self.is_arranging = True
        yield
        self.is_arranging = False


class RunSelection(QObject):
    """Keeps the selection of a view on a RunList the same as the store's, in both directions; takes the view's keys."""

    entered = Signal()  # by Enter or a double click
    menu_requested = Signal(object, QPoint)  # Path, and where to show the menu of the run

    def __init__(self, view: QAbstractItemView, runs: RunList) -> None:
        super().__init__(view)
        self._view, self._runs, self._quiet = view, runs, False
        view.installEventFilter(self)
        view.viewport().installEventFilter(self)
        view.doubleClicked.connect(lambda _: self.entered.emit())
        model = view.selectionModel()
        model.selectionChanged.connect(self._emit)
        model.currentChanged.connect(self._emit)
        runs.store.changed.connect(lambda before, after: self._follow(after))  # after the list has taken it
        runs.arranged.connect(lambda: self._select(runs.store.state))
        self._select(runs.store.state)

    def selected(self) -> list[Path]:
        """The selected entries, by their rows."""
        return [self._runs.path_of(index) for index in self._view.selectionModel().selectedRows(RUN)]

    def toggle(self, index: QModelIndex) -> None:
        """Toggle the selection of a row; at least one row stays selected."""
        flags = QItemSelectionModel.SelectionFlag
        if index.isValid() and self.selected() != [self._runs.path_of(index)]:
            self._view.selectionModel().select(index, flags.Toggle | flags.Rows)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent):
            return self._take_key(event)
        if isinstance(event, QContextMenuEvent):
            self._request_menu(event)
            return True
        return False

    def _take_key(self, event: QKeyEvent) -> bool:
        """Take Enter and Space; keep Ctrl+Up and Ctrl+Down, which move the cursor here without selecting."""
        key, pressed = event.key(), event.type() == QEvent.Type.KeyPress
        if event.type() == QEvent.Type.ShortcutOverride:
            kept = key in (Qt.Key.Key_Up, Qt.Key.Key_Down)
            if kept and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
                event.accept()
                return True
        elif pressed and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
            return True
        elif pressed and key == Qt.Key.Key_Space:
            self.toggle(self._view.currentIndex())
            return True
        return False

    def _request_menu(self, event: QContextMenuEvent) -> None:
        view, by_key = self._view, event.reason() == QContextMenuEvent.Reason.Keyboard
        index = view.currentIndex() if by_key else view.indexAt(event.pos())
        if index.isValid():
            at = view.visualRect(index).center() if by_key else event.pos()
            self.menu_requested.emit(self._runs.path_of(index), view.viewport().mapToGlobal(at))

    def _follow(self, state: State) -> None:
        """Select what the store has selected; the cursor stays where it is, unless the current run has changed."""
        here = self._runs.path_of(self._view.currentIndex())
        moved = here != state.current and here in (*state.selected, Path())
        if moved or set(self.selected()) != set(state.selected):
            self._select(state)

    def _select(self, state: State) -> None:
        self._quiet = True
        selection, last, wanted = QItemSelection(), len(COLUMNS) - 1, set(state.selected)
        model, proxy = self._view.selectionModel(), self._runs.proxy
        for row, path in enumerate(self._runs.paths):
            if path in wanted:
                selection.select(proxy.index(row, 0), proxy.index(row, last))
            if path == state.current:
                model.setCurrentIndex(proxy.index(row, RUN), QItemSelectionModel.SelectionFlag.NoUpdate)
        model.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._quiet = False

    def _emit(self) -> None:
        """Pass on what is selected; a cursor on a row that is not selected does not change the current run."""
        selected = self.selected()
        if self._quiet or self._runs.is_arranging or not selected:
            return
        here = self._runs.path_of(self._view.currentIndex())
        self._runs.store.set_selected(tuple(selected), here if here in selected else self._runs.store.state.current)
