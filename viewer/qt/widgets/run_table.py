"""The table of runs: a model over the store's rows, sortable, with several rows selectable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from viewer.figures.mosaic import small_font
from viewer.state.rows import HEADINGS, HINTS, NUMERIC, Row
from viewer.state.words import clean

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
NARROWEST_NAME = 60


class RunTableModel(QAbstractTableModel):
    """Rows of cells; what a column sorts by is under the user role."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[Row, ...] = ()

    def set_rows(self, rows: tuple[Row, ...]) -> None:
        """Take new rows; a selection outlives it unless they are of other entries."""
        if [row.path for row in rows] != [row.path for row in self.rows]:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return
        before, self.rows = self.rows, rows
        for index, (old, new) in enumerate(zip(before, rows, strict=True)):
            if old != new:
                self.dataChanged.emit(self.index(index, 0), self.index(index, len(HEADINGS) - 1))

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(HEADINGS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.cells[index.column()]
        if role == Qt.ItemDataRole.UserRole:
            return row.keys[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            told = "\n".join(filter(None, (row.cells[0], row.trouble or clean(row.path, limit=500))))
            return f"<span>{_escaped(told)}</span>".replace("\n", "<br>")
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return HINTS[section]
        return _alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in NUMERIC else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _escaped(text: str) -> str:
    """A tool tip has no plain text format: what could be markup is escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class RunFilter(QSortFilterProxyModel):
    """Sorts rows, and keeps those in whose cells every word of the filter occurs, in any case."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words: list[str] = []
        self.setSortRole(Qt.ItemDataRole.UserRole)

    def set_text(self, text: str) -> None:
        self._words = text.casefold().split()
        self.invalidateFilter()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        model = self.sourceModel()
        assert isinstance(model, RunTableModel)
        cells = " ".join(model.rows[row].cells).casefold()
        return all(word in cells for word in self._words)


class RunTable(QTableView):
    """Tells which rows are selected and which of them is current, by their paths."""

    chosen = Signal(tuple, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = RunTableModel(self)
        self._proxy = RunFilter(self)
        self._proxy.setSourceModel(self._model)
        self.setModel(self._proxy)
        self.setAccessibleName("Runs")
        self.setFont(small_font(self.font()))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSortingEnabled(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        header = self.horizontalHeader()
        header.setFont(self.font())
        header.setHighlightSections(False)
        header.setMinimumSectionSize(30)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self._quiet = False
        self._shown: tuple[tuple[Path, ...], Path | None] = ((), None)  # what the store has selected
        self._widest: list[int] = []  # of every column, what its widest cell takes
        self.selectionModel().selectionChanged.connect(self._tell)
        self.selectionModel().currentChanged.connect(self._tell)

    @property
    def paths(self) -> list[Path]:
        """The entries from top to bottom, as sorted."""
        return [self._path(self._proxy.index(row, 0)) for row in range(self._proxy.rowCount())]

    def set_filter(self, text: str) -> None:
        """Show only the rows in which every word occurs; what is selected stays so, also where it is hidden."""
        self._quiet = True
        self._proxy.set_text(text)
        self._select(*self._shown)
        self._quiet = False

    def show_rows(self, rows: tuple[Row, ...], selected: tuple[Path, ...], current: Path | None) -> None:
        """Show rows with these selected."""
        self._quiet, self._shown = True, (selected, current)
        if self._model.rows != rows:
            self._model.set_rows(rows)
            self._fit_columns()
        if set(self._selected()) != set(selected) or self._path(self.currentIndex()) != current:
            self._select(selected, current)
        self._quiet = False

    def _fit_columns(self) -> None:
        """Make every column as wide as its widest cell."""
        metrics = self.fontMetrics()
        cells = [[heading, *(row.cells[column] for row in self._model.rows)] for column, heading in enumerate(HEADINGS)]
        self._widest = [max(metrics.horizontalAdvance(text) for text in texts) + 8 for texts in cells]
        for column, width in enumerate(self._widest):
            self.setColumnWidth(column, width)
        self._fit_names()

    def _fit_names(self) -> None:
        """Let the first column take what the others leave, up to its widest name; its tool tip has the whole name."""
        if not self._widest:
            return
        last = len(HEADINGS) - 1  # stretched, so that its width says nothing
        others = sum(self.columnWidth(column) for column in range(1, last)) + self._widest[last]
        room = max(NARROWEST_NAME, self.viewport().width() - others)
        self.setColumnWidth(0, min(self._widest[0], room))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_names()

    def _select(self, selected: tuple[Path, ...], current: Path | None) -> None:
        selection, last = QItemSelection(), len(HEADINGS) - 1
        model = self.selectionModel()
        for row, path in enumerate(self.paths):
            if path in selected:
                selection.select(self._proxy.index(row, 0), self._proxy.index(row, last))
            if path == current:
                model.setCurrentIndex(self._proxy.index(row, 0), QItemSelectionModel.SelectionFlag.NoUpdate)
        model.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _path(self, index: QModelIndex) -> Path:
        return self._model.rows[self._proxy.mapToSource(index).row()].path if index.isValid() else Path()

    def _selected(self) -> list[Path]:
        return [self._path(index) for index in self.selectionModel().selectedRows()]

    def _tell(self) -> None:
        if self._quiet:
            return
        selected = self._selected()
        current = self._path(self.currentIndex()) if self.currentIndex().isValid() else None
        if selected:
            self.chosen.emit(tuple(selected), current)
