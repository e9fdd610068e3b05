"""What is open, as a table that rail and panel show in one order: sorted, filtered, with what is selected."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QIcon, QImage, QKeyEvent, QPixmap
from PySide6.QtWidgets import QAbstractItemView

from viewer.figures import colours
from viewer.figures.theme import LIGHT, Theme
from viewer.figures.tiles import to_image
from viewer.qt.store import AppState
from viewer.state import rows
from viewer.state.formatting import clean
from viewer.state.rows import COLUMN_INDEX, COLUMNS, Rows, RunRow
from viewer.state.samples import Samples
from viewer.state.selection import State

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
RUN, PICTURE, AGAINST = COLUMN_INDEX["run"], COLUMN_INDEX["picture"], COLUMN_INDEX["against"]
LARGEST_PICTURE = 40  # pixels; a larger one is scaled down


class RunList(QAbstractTableModel):
    """The rows of the store's entries that match the filter, in the order of a column; several views share it."""

    entered = Signal()  # by Enter or a double click on a run
    menu_requested = Signal(object, QPoint)  # Path, and where to show the menu of the run

    def __init__(self, store: AppState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = store
        self.theme: Theme = LIGHT
        self.rows: tuple[RunRow, ...] = ()  # as filtered and sorted
        self.filter = ""
        self.figure = "mse"  # the column that stands in the rail
        self.column, self.order = -1, Qt.SortOrder.AscendingOrder  # sorted by; −1: as the entries come
        self._every: tuple[RunRow, ...] = ()  # in the order of the entries
        self._maker = Rows()
        self._pictures: dict[Path, tuple[Samples, QImage]] = {}
        store.changed.connect(self._state_changed)

    @property
    def paths(self) -> list[Path]:
        """The entries from top to bottom, as filtered and sorted."""
        return [row.path for row in self.rows]

    def row_of(self, path: Path | None) -> RunRow | None:
        return next((row for row in self._every if row.path == path), None)

    def path_of(self, index: QModelIndex) -> Path:
        """Return the entry of an index; Path() for none."""
        return self.rows[index.row()].path if index.isValid() else Path()

    def set_filter(self, text: str) -> None:
        """Show only the rows that match a filter; hidden rows stay selected."""
        self.filter = text
        self._show(self._arranged())

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self.column, self.order = column, order
        self._show(self._arranged())

    def sort_by(self, name: str | None) -> None:
        """Sort by a column, again by the same in the other direction; None: as the entries come."""
        index, orders = -1 if name is None else COLUMN_INDEX[name], Qt.SortOrder
        again = (self.column, self.order) == (index, orders.AscendingOrder)
        if name is not None and COLUMNS[index].numeric:
            self.figure = name
        self.sort(index, orders.DescendingOrder if again else orders.AscendingOrder)

    def _state_changed(self, before: State, after: State) -> None:
        """Take new rows; as long as the same stand in the same order, only those that changed are painted anew."""
        if before.entries is after.entries and before.known is after.known:
            return
        self._every, shown, pictures = self._maker.of(after), self.rows, self._pictures
        self._pictures = {row.path: pictures[row.path] for row in self._every if row.path in pictures}
        arranged = self._arranged()
        if [row.path for row in arranged] != self.paths:
            self._show(arranged)
            return
        self.rows = arranged
        for at, (old, row) in enumerate(zip(shown, arranged, strict=True)):
            if old is not row and old != row:
                self.dataChanged.emit(self.index(at, 0), self.index(at, len(COLUMNS) - 1))

    def _arranged(self) -> tuple[RunRow, ...]:
        terms = rows.terms_of(self.filter)
        found = [row for row in self._every if rows.matches(row, terms)]
        descending = self.order == Qt.SortOrder.DescendingOrder
        return tuple(found if self.column < 0 else rows.sorted_by(found, self.column, descending=descending))

    def _show(self, arranged: tuple[RunRow, ...]) -> None:
        self.beginResetModel()
        self.rows = arranged
        self.endResetModel()

    def picture_of(self, row: RunRow) -> QImage | None:
        """Return what a run makes of its first image, made when first shown and once per history."""
        samples = row.samples
        if samples is None:
            return None
        made = self._pictures.get(row.path)
        if made is None or made[0] is not samples:
            made = self._pictures[row.path] = (samples, _picture(samples))
        return made[1]

    # ---- for views ----

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column, roles = self.rows[index.row()], index.column(), Qt.ItemDataRole
        if role == roles.DisplayRole:
            return row.cells[column]
        if role == roles.DecorationRole and column == PICTURE:
            image = self.picture_of(row)
            return _icon(image) if image is not None else None
        if role == roles.TextAlignmentRole:
            return _alignment(column)
        if role == roles.ForegroundRole and column == AGAINST and row.better is not None:
            return QColor(self.theme.series[2] if row.better else self.theme.series[1])
        if role == roles.ToolTipRole:
            return f"<span>{escape(_tool_tip(row, column))}</span>".replace("\n", "<br>")
        if role == roles.AccessibleTextRole:
            heading = COLUMNS[column].heading or "picture"
            return row.cells[column] if column == RUN else f"{heading}: {row.cells[column]}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].heading
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{COLUMNS[section].hint}. Right-click to choose columns; drag to move them."
        return _alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None


def _picture(samples: Samples) -> QImage:
    images = samples.targets if samples.reconstructions is None else samples.reconstructions
    image = to_image(colours.from_images(images[:1])[0])
    if max(image.width(), image.height()) <= LARGEST_PICTURE:
        return image
    modes = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    return image.scaled(LARGEST_PICTURE, LARGEST_PICTURE, *modes)


def _icon(image: QImage) -> QIcon:
    """Return an icon that looks the same in a selected row, where Qt would tint it."""
    icon, pixmap = QIcon(), QPixmap.fromImage(image)
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        icon.addPixmap(pixmap, mode)
    return icon


def _tool_tip(row: RunRow, column: int) -> str:
    compared = f"mse {row.cell('mse')}: {row.comparison}" if column == AGAINST and row.better is not None else ""
    return f"{row.cell('run')}\n{row.error or compared or clean(row.path, limit=500)}"


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if COLUMNS[column].numeric else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


class RunSelection(QObject):
    """Keeps the selection of a view on a RunList the same as the store's, in both directions; takes the view's keys."""

    def __init__(self, view: QAbstractItemView, runs: RunList) -> None:
        super().__init__(view)
        self._view, self._runs, self._quiet = view, runs, False
        view.setModel(runs)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setAccessibleName("Runs")
        view.installEventFilter(self)
        view.doubleClicked.connect(lambda _: runs.entered.emit())
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._request_menu)
        model = view.selectionModel()
        model.selectionChanged.connect(self._emit)
        model.currentChanged.connect(self._emit)
        runs.store.changed.connect(lambda before, after: self._follow(after))  # after the list has taken it
        runs.modelReset.connect(lambda: self._select(runs.store.state))
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
        """Take Enter and Space; keep Ctrl+Up and Ctrl+Down, which move the cursor here without selecting."""
        if not isinstance(event, QKeyEvent):
            return False
        key, pressed = event.key(), event.type() == QEvent.Type.KeyPress
        if event.type() == QEvent.Type.ShortcutOverride:
            kept = key in (Qt.Key.Key_Up, Qt.Key.Key_Down)
            if kept and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
                event.accept()
                return True
        elif pressed and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._runs.entered.emit()
            return True
        elif pressed and key == Qt.Key.Key_Space:
            self.toggle(self._view.currentIndex())
            return True
        return False

    def _request_menu(self, at: QPoint) -> None:
        index = self._view.indexAt(at)
        if index.isValid():
            self._runs.menu_requested.emit(self._runs.path_of(index), self._view.viewport().mapToGlobal(at))

    def _follow(self, state: State) -> None:
        """Select what the store has selected; the cursor stays where it is, unless the current run has changed."""
        here = self._runs.path_of(self._view.currentIndex())
        moved = here != state.current and here in (*state.selected, Path())
        if moved or set(self.selected()) != set(state.selected):
            self._select(state)

    def _select(self, state: State) -> None:
        self._quiet = True
        selection, last, wanted = QItemSelection(), len(COLUMNS) - 1, set(state.selected)
        model, runs = self._view.selectionModel(), self._runs
        for row, path in enumerate(runs.paths):
            if path in wanted:
                selection.select(runs.index(row, 0), runs.index(row, last))
            if path == state.current:
                model.setCurrentIndex(runs.index(row, RUN), QItemSelectionModel.SelectionFlag.NoUpdate)
        model.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._quiet = False

    def _emit(self) -> None:
        """Pass on what is selected; a cursor on a row that is not selected does not change the current run."""
        selected = self.selected()
        if self._quiet or not selected:
            return
        here = self._runs.path_of(self._view.currentIndex())
        self._runs.store.set_selected(tuple(selected), here if here in selected else self._runs.store.state.current)
