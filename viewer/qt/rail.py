"""The rail at the left: a row for each run with its colour, whether it is shown, a picture, its name and one figure."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QMouseEvent, QPainter, QPainterPath, QPen, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer.figures.theme import LIGHT, Theme
from viewer.qt.run_list import RUN, Index, RunList, RunSelection
from viewer.qt.widgets import controls
from viewer.qt.widgets.controls import ElidedLabel
from viewer.state.formatting import counted, tool_tip
from viewer.state.rows import COLUMNS, HOW_TO_FILTER, RunRow
from viewer.state.selection import State

NARROWEST, USUAL = 240, 280  # pixels
ROW, PICTURE_SIDE, BAR, EYE = 48, 36, 5, 30
TESTED = ("mse", "psnr", "accuracy")  # on the test split
FIGURES = (*TESTED, "against", "bottleneck", "parameters", "epochs")  # columns to sort by, besides the name


class Rail(QFrame):
    """Filter, rows, and what the selection hides; the rows that are selected are shown in the workspace."""

    def __init__(self, runs: RunList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setMinimumWidth(NARROWEST)
        self.runs = runs
        self.list = RunView(runs, self)
        self.filter = self._filter()
        self.nothing = QLabel()
        self.nothing.setObjectName("empty")
        self.nothing.setTextFormat(Qt.TextFormat.PlainText)
        self.nothing.setWordWrap(True)
        self.everything = QPushButton("Show all runs")
        self.everything.setToolTip("Clear the filter (Esc)")
        self.everything.clicked.connect(self.filter.clear)
        self.line = ElidedLabel()  # its tool tip has all of it
        self.line.setObjectName("subtitle")
        self.sort_button = controls.tool("Sort", "Choose what the runs are sorted by, and which figure stands here")
        self.sort_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.sort_button.setMenu(self._sorting())
        tip = "Show every run with every figure in a table"
        self.columns_button = controls.tool("All columns", f"{tip} (Ctrl+8)", name=tip)
        for button in (self.sort_button, self.columns_button):
            button.setAutoRaise(True)
        self._lay_out()
        runs.modelReset.connect(self._count)
        runs.store.changed.connect(self._state_changed)
        self._count()

    def _filter(self) -> QLineEdit:
        """Return the text to filter by; Down and Enter move to the runs."""
        box = QLineEdit()
        box.setPlaceholderText("Filter runs   Ctrl+F")
        box.setToolTip(tool_tip(HOW_TO_FILTER))
        box.setAccessibleName("Filter of the runs")
        box.setAccessibleDescription(HOW_TO_FILTER)
        box.setClearButtonEnabled(True)
        box.textChanged.connect(self.runs.set_filter)
        box.returnPressed.connect(self.list.setFocus)
        down = QShortcut(Qt.Key.Key_Down, box)
        down.setContext(Qt.ShortcutContext.WidgetShortcut)
        down.activated.connect(self.list.setFocus)
        return box

    def _lay_out(self) -> None:
        foot = QHBoxLayout()
        foot.setSpacing(4)
        foot.addWidget(self.line, 1)
        foot.addWidget(self.sort_button)
        foot.addWidget(self.columns_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 8)
        layout.setSpacing(6)
        for widget in (self.filter, self.nothing, self.everything):
            layout.addWidget(widget)
        layout.addWidget(self.list, 1)
        layout.addLayout(foot)

    def _sorting(self) -> QMenu:
        menu = QMenu(self)
        headings = {column.name: column.heading for column in COLUMNS}
        for text, column in (("As opened", None), ("Name", "run"), *((headings[name], name) for name in FIGURES)):
            menu.addAction(text).triggered.connect(partial(self.runs.sort_by, column))
        return menu

    def set_theme(self, theme: Theme) -> None:
        self.list.set_theme(theme)

    def focus_filter(self) -> None:
        """Focus the filter and select its text."""
        self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.selectAll()

    def _state_changed(self, before: State, after: State) -> None:
        if (before.selected, before.current, before.entries) != (after.selected, after.current, after.entries):
            self._count()

    def _count(self) -> None:
        """Say how many runs there are, are shown, and are hidden."""
        state, found = self.runs.store.state, self.runs.paths
        runs = len(state.entries)
        for widget in (self.filter, self.sort_button, self.columns_button):
            widget.setEnabled(bool(runs))
        self.nothing.setText(f"No run matches “{self.runs.filter}”.")
        self.nothing.setVisible(bool(runs) and not found)
        self.everything.setVisible(bool(runs) and not found)
        self.line.setText(count_text(state, found) if runs else "")


def count_text(state: State, found: list[Path]) -> str:
    """Say how many runs are open, and how many of the selected ones are not shown or not in the list."""
    runs, selected, shown = len(state.entries), len(state.selected), len(state.compared)
    text = f"{len(found)} of {counted(runs, 'run')}" if len(found) < runs else counted(runs, "run")
    if selected > shown:
        text += f", {shown} of {selected} shown"
    elif 1 < selected < runs:
        text += f", {selected} shown"
    hidden = len(set(state.selected) - set(found))
    return f"{text}, {hidden} hidden by the filter" if hidden and found else text


class RunView(QListView):
    """The rows; a click selects a run alone, with Ctrl or on its eye besides the others."""

    def __init__(self, runs: RunList, parent: QWidget) -> None:
        super().__init__(parent)
        self.runs = runs
        self.selection = RunSelection(self, runs)
        self.setModelColumn(RUN)
        self.setToolTip("Click: show this run alone. Ctrl+click or the eye at the right: show it beside others.")
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.delegate = RailDelegate(runs, self)
        self.setItemDelegate(self.delegate)
        runs.store.changed.connect(lambda *_: self.viewport().update())

    def set_theme(self, theme: Theme) -> None:
        self.delegate.theme = theme
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        index = self.indexAt(point)
        on_eye = index.isValid() and point.x() >= self.visualRect(index).right() - EYE
        if event.button() == Qt.MouseButton.LeftButton and on_eye:
            self.selection.toggle(index)
        else:
            super().mousePressEvent(event)


class RailDelegate(QStyledItemDelegate):
    """Paints a row: colour, picture, name above figure and state, and at the right an eye, open if shown."""

    def __init__(self, runs: RunList, parent: QWidget) -> None:
        super().__init__(parent)
        self._runs = runs
        self.theme: Theme = LIGHT

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(NARROWEST - 20, max(ROW, round(2.6 * QFontMetricsF(option.font).height())))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row, state = self._runs.rows[index.row()], self._runs.store.state
        shown, current = row.path in state.compared, row.path == state.current
        cell = QRectF(option.rect).adjusted(1, 1, -1, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter, cell, shown=shown, current=current)
        colour = state.colour_of(row.path)
        swatch = self.theme.run_colour(colour) if colour is not None else None
        self._paint_swatch(painter, cell, swatch)
        if image := self._runs.picture_of(row):
            self._paint_picture(painter, cell, image)
        self._paint_texts(painter, option.font, cell, row, shown=shown)
        self._paint_eye(painter, cell, shown=shown)
        painter.restore()

    def _paint_ground(self, painter: QPainter, cell: QRectF, *, shown: bool, current: bool) -> None:
        painter.setPen(QPen(self.theme.colour("accent"), 1.2) if current else Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour("tint") if shown else Qt.BrushStyle.NoBrush)
        if shown or current:
            painter.drawRoundedRect(cell, 5, 5)

    def _paint_swatch(self, painter: QPainter, cell: QRectF, colour: QColor | None) -> None:
        """Paint a run's colour as a bar along its picture; a run that was never shown has none."""
        if colour is not None:
            painter.fillRect(QRectF(cell.left() + 12, cell.center().y() - PICTURE_SIDE / 2, BAR, PICTURE_SIDE), colour)

    def _paint_picture(self, painter: QPainter, cell: QRectF, image: QImage) -> None:
        scale = PICTURE_SIDE / max(image.width(), image.height())
        size = QSize(round(image.width() * scale), round(image.height() * scale))
        left = cell.left() + 24 + (PICTURE_SIDE - size.width()) / 2
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(left, cell.center().y() - size.height() / 2, size.width(), size.height()), image)

    def _paint_texts(self, painter: QPainter, font: QFont, cell: QRectF, row: RunRow, *, shown: bool) -> None:
        box = cell.adjusted(24 + PICTURE_SIDE + 8, 4, -EYE, -4)
        bold = QFont(font)
        bold.setBold(shown)
        lines = ((row.cell("run"), bold, "text" if shown else "muted"), (self._below(row), font, "muted"))
        for part, (text, of, colour) in enumerate(lines):
            half = QRectF(box.left(), box.top() + part * box.height() / 2, box.width(), box.height() / 2)
            painter.setFont(of)
            painter.setPen(self.theme.colour("warning" if part and row.error else colour))
            metrics = QFontMetricsF(of)
            if not part and metrics.horizontalAdvance(text) > half.width():
                text = text.rpartition("/")[2]  # folders are what names have in common
            side = Qt.TextElideMode.ElideRight if part else Qt.TextElideMode.ElideMiddle
            painter.drawText(half, Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(text, side, half.width()))

    def _below(self, row: RunRow) -> str:
        """The figure on the test split, a classifier's accuracy, and the state of a run that is not just finished."""
        name = self._runs.figure
        if row.key(name) is None and row.key("accuracy") is not None:
            name = "accuracy"
        heading = next(column.heading for column in COLUMNS if column.name == name)
        of = "test " if name in TESTED else ""
        figure = f"{of}{heading} {row.cell(name)}" if row.key(name) is not None else ""
        state = row.cell("state") if row.cell("state") != "finished" else ""
        return " · ".join(part for part in (figure, state) if part)

    def _paint_eye(self, painter: QPainter, cell: QRectF, *, shown: bool) -> None:
        """Paint an eye: open in colour for a run that is shown, pale for another."""
        middle, colour = QPointF(cell.right() - EYE / 2, cell.center().y()), "accent" if shown else "muted"
        left, right, lid = middle - QPointF(8, 0), middle + QPointF(8, 0), QPointF(0, 10)
        outline = QPainterPath(left)
        outline.quadTo(middle - lid, right)
        outline.quadTo(middle + lid, left)
        painter.setPen(QPen(self.theme.colour(colour), 1.5 if shown else 0.8))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(outline)
        if shown:
            painter.setBrush(self.theme.colour(colour))
            painter.drawEllipse(middle, 2.2, 2.2)
