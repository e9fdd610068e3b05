"""The table of runs: sortable, with several rows selectable, columns to choose from, and small pictures."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QActionGroup, QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QResizeEvent
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

from viewer.figures.paper import small_font
from viewer.figures.theme import Theme
from viewer.qt.run_list import RUN, RunList, RunSelection
from viewer.qt.widgets.run_model import EPOCHS, LARGEST_PICTURE, PICTURE, PICTURE_ROLE, SHARE_ROLE, Index, picture_size
from viewer.state.rows import COLUMN_INDEX, COLUMNS, NAMES, USUAL, RunRow

NARROWEST_NAME = 90
COMFORTABLE_NAME = 120  # before another column is shown
PADDING = 8
PICTURE_GAP = 2
PICTURES = {
    "fitting": "Pictures as large as fits",
    "small": "Small pictures",
    "large": "Large pictures",
}


class RunDelegate(QStyledItemDelegate):
    """Paints pictures at whole device pixels, and a bar below the epochs of a run that is being trained."""

    zoom = 1

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        if index.column() == PICTURE:
            self._paint_pictures(painter, QRectF(option.rect), index)
        share = index.data(SHARE_ROLE) if index.column() == EPOCHS else None
        if share is not None:
            self._paint_bar(painter, option, share)

    def _paint_pictures(self, painter: QPainter, cell: QRectF, index: Index) -> None:
        painter.save()
        x = cell.left() + 4
        for image in index.data(PICTURE_ROLE) or ():
            size = QSize(image.width(), image.height()) * self.zoom
            room = self.zoom * LARGEST_PICTURE
            if max(size.width(), size.height()) > room:
                size = size.scaled(room, room, Qt.AspectRatioMode.KeepAspectRatio)
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
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


class _Header(QHeaderView):
    """Knows whether the mouse is pressed on it: only then are changes of width the user's."""

    held = False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.held = True
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        self.held = False


class RunTable(QTableView):
    """All columns of a RunList; rows are selected as in the store.

    Unless the user has chosen columns, as many are shown as there is room for; the name takes the rest of the width.
    """

    entered = Signal()  # by Enter or a double click
    menu_requested = Signal(object, QPoint)  # Path, and where to show the menu of the run

    def __init__(self, runs: RunList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runs = runs
        self.setModel(runs.proxy)
        self._delegate, self._header = RunDelegate(self), _Header(Qt.Orientation.Horizontal, self)
        self.setItemDelegate(self._delegate)
        self._widest = [0] * len(COLUMNS)  # of every column, what its widest cell takes
        self._hidden: frozenset[str] | None = None  # columns; None: those that do not fit
        self._own_widths: dict[int, int] = {}  # of columns that were dragged wider or narrower
        self._fitting_now = False  # so that automatic widths are not taken for the user's
        self.pictures = "fitting"
        self._set_up()
        self.selection = RunSelection(self, runs)
        self.doubleClicked.connect(lambda _: self.entered.emit())
        runs.changed.connect(self._rows_changed)
        self._rows_changed(None)

    def _set_up(self) -> None:
        self.setAccessibleName("Runs")
        self.setFont(small_font(self.font()))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSortingEnabled(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        header = self._header
        self.setHorizontalHeader(header)
        header.setSectionsClickable(True)
        header.setFont(self.font())
        header.setHighlightSections(False)
        header.setMinimumSectionSize(30)
        header.setStretchLastSection(True)
        header.setSectionsMovable(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(lambda at: self.menu_of_columns().popup(header.mapToGlobal(at)))
        header.sectionResized.connect(self._resized)
        self._order_as_usual()
        self._fit()

    # ---- rows ----

    def set_theme(self, theme: Theme) -> None:
        self.runs.model.theme = theme
        self.viewport().update()

    def _rows_changed(self, changed: list[int] | None) -> None:
        """Make room for what the cells say now."""
        rows, before = self.runs.rows, self._widest
        if changed is None:
            self._widest = self._measured(rows, [0] * len(COLUMNS))
        elif changed:
            self._widest = self._measured([rows[at] for at in changed], before)
        self._fit_pictures()
        if changed is None or self._widest != before:
            self._fit()

    # ---- columns ----

    def _measured(self, rows: list[RunRow] | tuple[RunRow, ...], before: list[int]) -> list[int]:
        """Return the width of the widest cell of each column, in these rows and in those measured before."""
        metrics, header = self.fontMetrics(), self._header.fontMetrics()
        widest = []
        for column, least in enumerate(before):
            heading = header.horizontalAdvance(COLUMNS[column].heading) + 4
            texts = {row.cells[column] for row in rows}
            widest.append(
                max([least, heading + PADDING, *(metrics.horizontalAdvance(text) + PADDING for text in texts)])
            )
        return widest

    def _fit(self) -> None:
        """Choose columns and their widths for the available room."""
        room = self.viewport().width()
        shown = set(self._fitting(room)) if self._hidden is None else set(NAMES) - self._hidden
        quiet, self._fitting_now = self._fitting_now, True
        for column, name in enumerate(NAMES):
            self.setColumnHidden(column, name not in shown)
        for column in range(len(NAMES)):
            if not self.isColumnHidden(column):
                self.setColumnWidth(column, self._own_widths.get(column, self._widest[column]))
        self._fit_names(room)
        self._fitting_now = quiet

    def _fitting(self, room: int) -> list[str]:
        """Return the columns that there is room for, the most important first."""
        name = min(self._widest[RUN], COMFORTABLE_NAME)
        shown, taken = ["run"], max(NARROWEST_NAME, name)
        for column in USUAL[1:]:
            width = self._own_widths.get(COLUMN_INDEX[column], self._widest[COLUMN_INDEX[column]])
            if taken + width > room:
                break
            shown.append(column)
            taken += width
        return shown

    def _fit_names(self, room: int) -> None:
        """Give the names the rest of the width, up to the widest; a tool tip has the whole name."""
        if RUN in self._own_widths:
            return
        others = sum(
            self._own_widths.get(column, self._widest[column])
            for column in range(len(NAMES))
            if column != RUN and not self.isColumnHidden(column)
        )
        self.setColumnWidth(RUN, max(NARROWEST_NAME, min(self._widest[RUN], room - others)))

    def _fit_pictures(self) -> None:
        """Make rows as high as the pictures need: at twice their size if all rows fit, otherwise at their size."""
        sizes = [picture_size(row) for row in self.runs.rows]
        text = self.fontMetrics().height() + 8
        tallest = max((size.height() for size in sizes), default=0)
        widest = max((size.width() for size in sizes), default=0)
        fits = len(sizes) * max(text, 2 * tallest + 4) <= self.viewport().height()
        zoom = 2 if self.pictures == "large" or (self.pictures == "fitting" and fits) else 1
        shown = self._hidden is None or "picture" not in self._hidden
        height = max(text, zoom * tallest + 4) if shown else text
        self._delegate.zoom = zoom
        width = 2 * zoom * widest + PICTURE_GAP + PADDING if widest else 30
        self._widest = [*self._widest[:PICTURE], width, *self._widest[PICTURE + 1 :]]
        if self.verticalHeader().defaultSectionSize() != height:
            self.verticalHeader().setDefaultSectionSize(height)

    def _resized(self, column: int, _before: int, width: int) -> None:
        """Keep a width that was set with the mouse; others change with the available room."""
        if self._header.held and not self._fitting_now and width > 0:
            self._own_widths[column] = max(width, NARROWEST_NAME if column == RUN else 0)

    def _order_as_usual(self) -> None:
        header = self._header
        order = [*USUAL, *(name for name in NAMES if name not in USUAL)]
        for visual, name in enumerate(order):
            header.moveSection(header.visualIndex(COLUMN_INDEX[name]), visual)

    def show_columns(self, hidden: frozenset[str] | None) -> None:
        """Hide these columns; None shows as many as there is room for."""
        self._hidden = None if hidden is None else hidden - {"run"}
        self._fit_pictures()
        self._fit()

    def usual_columns(self) -> None:
        """Show the usual columns in the usual order, as many as there is room for."""
        self._own_widths.clear()
        self._order_as_usual()
        self.set_pictures("fitting")
        self.show_columns(None)

    def set_pictures(self, pictures: str) -> None:
        self.pictures = pictures if pictures in PICTURES else "fitting"
        self._fit_pictures()
        self._fit()

    def columns(self) -> dict[str, list[str]]:
        """Return what is remembered of the columns."""
        header = self._header
        sorted_by = header.sortIndicatorSection()
        descending = header.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder
        return {
            "order": [NAMES[header.logicalIndex(visual)] for visual in range(len(NAMES))],
            "hidden": ["automatic"] if self._hidden is None else sorted(self._hidden),
            "sorted": [NAMES[sorted_by], "descending" if descending else "ascending"] if sorted_by >= 0 else [],
            "pictures": [self.pictures],
        }

    def restore_columns(self, saved: Mapping[str, list[str]]) -> None:
        """Set the columns up as they were; unknown values are ignored."""
        header, order = self._header, saved.get("order", [])
        if sorted(order) == sorted(NAMES):
            for visual, name in enumerate(order):
                header.moveSection(header.visualIndex(COLUMN_INDEX[name]), visual)
        by = saved.get("sorted", [])
        if len(by) == 2 and by[0] in COLUMN_INDEX:
            orders = Qt.SortOrder
            self.sortByColumn(
                COLUMN_INDEX[by[0]], orders.DescendingOrder if by[1] == "descending" else orders.AscendingOrder
            )
        self.set_pictures(next(iter(saved.get("pictures", [])), "fitting"))
        hidden = saved.get("hidden", ["automatic"])
        self.show_columns(None if hidden == ["automatic"] else frozenset(hidden) & frozenset(NAMES))

    def menu_of_columns(self) -> QMenu:
        """Return a menu of the columns, and of how large the pictures are."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for column, about in enumerate(COLUMNS):
            if about.name != "run":
                action = menu.addAction(about.heading or "picture")
                action.setCheckable(True)
                action.setChecked(not self.isColumnHidden(column))
                action.toggled.connect(lambda on, name=about.name: self._toggle_column(name, on))
        menu.addSeparator()
        automatic = menu.addAction("As many as fit")
        automatic.setCheckable(True)
        automatic.setChecked(self._hidden is None)
        automatic.triggered.connect(lambda _: self.show_columns(None))
        menu.addAction("Default columns").triggered.connect(lambda _: self.usual_columns())
        menu.addSeparator()
        group = QActionGroup(menu)
        for name, text in PICTURES.items():
            action = group.addAction(menu.addAction(text))
            action.setCheckable(True)
            action.setChecked(name == self.pictures)
            action.triggered.connect(lambda _=False, name=name: self.set_pictures(name))
        return menu

    def _toggle_column(self, name: str, on: bool) -> None:
        hidden = {NAMES[column] for column in range(len(NAMES)) if self.isColumnHidden(column)}
        self.show_columns(frozenset(hidden - {name} if on else hidden | {name}))

    # ---- events ----

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_pictures()
        self._fit()

    def event(self, event: QEvent) -> bool:
        """Keep Ctrl+Up and Ctrl+Down, which move the cursor here without selecting; Space then selects."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            up_or_down = event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down)
            if up_or_down and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        elif event.key() == Qt.Key.Key_Space:
            self.selection.toggle(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        if index.isValid():
            at = self.visualRect(index).center() if by_key else event.pos()
            self.menu_requested.emit(self.runs.path_of(index), self.viewport().mapToGlobal(at))
