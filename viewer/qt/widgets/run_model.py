"""The Qt model of the table of runs: cells, sorting keys, tool tips and small pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtGui import QColor, QImage

from viewer.figures import colours
from viewer.figures.theme import LIGHT, Theme
from viewer.figures.tiles import to_image
from viewer.state import rows
from viewer.state.formatting import clean
from viewer.state.rows import COLUMN_INDEX, COLUMNS, RunRow
from viewer.state.samples import Samples

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
LARGEST_PICTURE = 40  # pixels; a larger one is scaled down
PICTURE_ROLE = Qt.ItemDataRole.UserRole + 1
SHARE_ROLE = Qt.ItemDataRole.UserRole + 2
PICTURE, AGAINST, EPOCHS = COLUMN_INDEX["picture"], COLUMN_INDEX["against"], COLUMN_INDEX["epochs"]


class RunTableModel(QAbstractTableModel):
    """Rows of cells; the keys that a column sorts by are under the user role."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[RunRow, ...] = ()
        self.theme: Theme = LIGHT
        self._pictures: dict[Path, tuple[Samples, tuple[QImage, ...]]] = {}

    def set_rows(self, new: tuple[RunRow, ...]) -> list[int] | None:
        """Take new rows; return which have changed, or None if the entries are others. Changes keep the selection."""
        if [row.path for row in new] != [row.path for row in self.rows]:
            self.beginResetModel()
            self.rows = new
            kept = {row.path for row in new}
            self._pictures = {path: made for path, made in self._pictures.items() if path in kept}
            self.endResetModel()
            return None
        before, self.rows = self.rows, new
        changed = [at for at, (old, row) in enumerate(zip(before, new, strict=True)) if old is not row and old != row]
        for at in changed:
            self.dataChanged.emit(self.index(at, 0), self.index(at, len(COLUMNS) - 1))
        return changed

    def _pictures_of(self, row: RunRow) -> tuple[QImage, ...]:
        """Return the first test image and its reconstruction, made when first shown and once per history."""
        if row.samples is None:
            return ()
        made = self._pictures.get(row.path)
        if made is None or made[0] is not row.samples:
            made = self._pictures[row.path] = (row.samples, _pair(row.samples))
        return made[1]

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return row.cells[column]
        if role == Qt.ItemDataRole.UserRole:
            return row.keys[column]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole and column == AGAINST and row.better is not None:
            return QColor(self.theme.series[2] if row.better else self.theme.series[1])
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"<span>{_escape(_tool_tip(row, column))}</span>".replace("\n", "<br>")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return _accessible_text(row, column)
        if role == PICTURE_ROLE:
            return self._pictures_of(row)
        return row.share if role == SHARE_ROLE and column == EPOCHS else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].heading
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{COLUMNS[section].hint}. Right-click to choose columns; drag to move them."
        return _alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None


def picture_size(row: RunRow) -> QSize:
    """Return the size of one of a row's pictures, without making it."""
    if row.samples is None:
        return QSize()
    height, width = row.samples.targets.shape[2:]
    return shown_size(QSize(width, height))


def shown_size(size: QSize) -> QSize:
    """Return the size at which a picture is shown: its own, or a smaller one."""
    most = QSize(LARGEST_PICTURE, LARGEST_PICTURE)
    fits = max(size.width(), size.height()) <= LARGEST_PICTURE
    return size if fits else size.scaled(most, Qt.AspectRatioMode.KeepAspectRatio)


def _pair(samples: Samples) -> tuple[QImage, ...]:
    first = [samples.targets[:1]]
    if samples.reconstructions is not None:
        first.append(samples.reconstructions[:1])
    return tuple(to_image(colours.from_images(images)[0]) for images in first)


def _tool_tip(row: RunRow, column: int) -> str:
    lines = [row.cell("run")]
    if row.error:
        lines.append(row.error)
    elif column == AGAINST and row.better is not None:
        lines.append(f"mse {row.cell('mse')}: {row.comparison}")
    else:
        lines.append(clean(row.path, limit=500))
    return "\n".join(lines)


def _accessible_text(row: RunRow, column: int) -> str:
    return (
        f"{COLUMNS[column].heading or 'picture'}: {row.cells[column]}"
        if column != COLUMN_INDEX["run"]
        else row.cells[column]
    )


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if COLUMNS[column].numeric else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _escape(text: str) -> str:
    """Escape markup, since a tool tip has no plain text format."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class RunFilter(QSortFilterProxyModel):
    """Sorts rows, with missing values last in either direction, and keeps those that match the filter."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._terms: tuple[rows.FilterTerm, ...] = ()
        self.setSortRole(Qt.ItemDataRole.UserRole)

    def set_text(self, text: str) -> None:
        self.beginFilterChange()
        self._terms = rows.terms_of(text)
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def _model(self) -> RunTableModel:
        model = self.sourceModel()
        assert isinstance(model, RunTableModel), model
        return model

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        return rows.matches(self._model().rows[row], self._terms)

    def lessThan(self, left: Index, right: Index) -> bool:
        model = self._model()
        one, other = (model.rows[index.row()].keys[index.column()] for index in (left, right))
        if one is None or other is None:
            return self._missing_last(one, other)
        if isinstance(one, float) and isinstance(other, float):
            return one < other
        return str(one) < str(other)

    def _missing_last(self, one: rows.Key, other: rows.Key) -> bool:
        """Qt reverses a descending order: there a missing value must be the smallest, otherwise the largest."""
        if self.sortOrder() == Qt.SortOrder.AscendingOrder:
            return one is not None and other is None
        return one is None and other is not None
