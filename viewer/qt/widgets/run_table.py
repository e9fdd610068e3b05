"""The table of runs: sortable, with several rows selectable, columns to choose from, and small pictures."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from viewer.figures.theme import Theme
from viewer.qt.application import make_small
from viewer.qt.run_list import RUN, RunList, RunSelection
from viewer.qt.widgets.run_model import EPOCHS, PICTURE, PICTURE_ROLE, SHARE_ROLE, Index, picture_size, shown_size
from viewer.state.rows import COLUMN_INDEX, COLUMNS, NAMES, USUAL

PADDING = 8
PICTURE_GAP = 2
HIDDEN = frozenset({"assignment", "recipe"})  # until they are chosen: they stand in the name already


class RunDelegate(QStyledItemDelegate):
    """Paints pictures at whole device pixels, and a bar below the epochs of a run that is being trained."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        if index.column() == PICTURE:
            self._paint_pictures(painter, QRectF(option.rect), index)
        share = index.data(SHARE_ROLE) if index.column() == EPOCHS else None
        if share is not None:
            self._paint_bar(painter, option, share)

    def _paint_pictures(self, painter: QPainter, cell: QRectF, index: Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        x = cell.left() + PADDING / 2
        for image in index.data(PICTURE_ROLE):
            size = shown_size(image.size())
            y = cell.top() + (cell.height() - size.height()) // 2
            painter.drawImage(QRectF(x, y, size.width(), size.height()), image)
            x += size.width() + PICTURE_GAP
        painter.restore()

    def _paint_bar(self, painter: QPainter, option: QStyleOptionViewItem, share: float) -> None:
        cell, selected = QRectF(option.rect), bool(option.state & QStyle.StateFlag.State_Selected)
        roles = option.palette.ColorRole
        ground, ink = (roles.Highlight, roles.HighlightedText) if selected else (roles.Mid, roles.Highlight)
        bar = QRectF(cell.left() + 4, cell.bottom() - 4, cell.width() - 8, 2.5)
        painter.fillRect(bar, option.palette.color(ground))
        painter.fillRect(QRectF(bar.left(), bar.top(), bar.width() * share, bar.height()), option.palette.color(ink))


class RunTable(QTableView):
    """All columns of a RunList, each as wide as its widest cell; rows are selected as in the store."""

    def __init__(self, runs: RunList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runs = runs
        self.setModel(runs.proxy)
        self.setItemDelegate(RunDelegate(self))
        self._set_up()
        self.usual_columns()
        self.selection = RunSelection(self, runs)
        runs.changed.connect(lambda _: self._fit_rows())

    def _set_up(self) -> None:
        self.setAccessibleName("Runs")
        make_small(self)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSortingEnabled(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        make_small(header)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(30)
        header.setStretchLastSection(True)
        header.setSectionsMovable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(lambda at: self.menu_of_columns().popup(header.mapToGlobal(at)))

    def set_theme(self, theme: Theme) -> None:
        self.runs.model.theme = theme
        self.viewport().update()

    def sizeHintForColumn(self, column: int) -> int:  # noqa: N802 – a name of Qt
        """Return the width of a column's widest cell; Qt would request each cell's in several calls, which is slow."""
        if column == PICTURE:
            widest = max((picture_size(row).width() for row in self.runs.rows), default=0)
            return PADDING + 2 * (widest + PICTURE_GAP)
        metrics = self.fontMetrics()
        return PADDING + max((metrics.horizontalAdvance(row.cells[column]) for row in self.runs.rows), default=0)

    def _fit_rows(self) -> None:
        """Make rows as high as text and pictures need."""
        tallest = max((picture_size(row).height() for row in self.runs.rows), default=0)
        pictures = 0 if self.isColumnHidden(PICTURE) else tallest + 4
        height = max(self.fontMetrics().height() + 8, pictures)
        if self.verticalHeader().defaultSectionSize() != height:  # or else every row is painted anew
            self.verticalHeader().setDefaultSectionSize(height)

    # ---- columns ----

    def usual_columns(self) -> None:
        """Show the usual columns in the usual order."""
        header, modes = self.horizontalHeader(), QHeaderView.ResizeMode
        header.setSectionResizeMode(modes.Fixed)  # or else every move would measure all cells
        for visual, name in enumerate((*USUAL, *HIDDEN)):
            header.moveSection(header.visualIndex(COLUMN_INDEX[name]), visual)
        for column, name in enumerate(NAMES):
            self.setColumnHidden(column, name in HIDDEN)
        header.setSectionResizeMode(modes.ResizeToContents)
        self._fit_rows()

    def columns(self) -> QByteArray:
        """Return what is remembered of the columns: their order, which are hidden, what is sorted by."""
        return self.horizontalHeader().saveState()

    def restore_columns(self, saved: QByteArray) -> None:
        """Set the columns up as they were."""
        self.horizontalHeader().restoreState(saved)
        self._fit_rows()

    def menu_of_columns(self) -> QMenu:
        """Return a menu of the columns."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for column, about in enumerate(COLUMNS):
            if column != RUN:
                action = menu.addAction(about.heading or "picture")
                action.setCheckable(True)
                action.setChecked(not self.isColumnHidden(column))
                action.toggled.connect(lambda on, column=column: self._show_column(column, on))
        menu.addSeparator()
        menu.addAction("Default columns").triggered.connect(lambda _: self.usual_columns())
        return menu

    def _show_column(self, column: int, on: bool) -> None:
        self.setColumnHidden(column, not on)
        self._fit_rows()
