"""All columns: every run and graph that is open, with every figure, as a table."""

from __future__ import annotations

import math

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

from viewer.qt.application import make_small
from viewer.qt.run_list import PICTURE, RUN, RunList, RunSelection
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Command, Numbers, Panel
from viewer.state.formatting import clean
from viewer.state.rows import COLUMN_INDEX, COLUMNS, HIDDEN, USUAL, Key
from viewer.state.selection import State

PADDING = 8
SIDE = 32  # of a picture, in pixels


class RunTable(QTableView):
    """All columns of a RunList, each as wide as its widest cell; rows are selected as in the store."""

    def __init__(self, runs: RunList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runs = runs
        self.selection = RunSelection(self, runs)
        make_small(self)
        self.setIconSize(QSize(SIDE, SIDE))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(SIDE + 4)
        header = self.horizontalHeader()
        make_small(header)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(30)
        header.setStretchLastSection(True)
        header.setSectionsMovable(True)
        header.setSortIndicator(runs.column, runs.order)
        header.setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(lambda at: self.menu_of_columns().popup(header.mapToGlobal(at)))
        for visual, name in enumerate((*USUAL, *HIDDEN)):
            header.moveSection(header.visualIndex(COLUMN_INDEX[name]), visual)
            self.setColumnHidden(COLUMN_INDEX[name], name in HIDDEN)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self._usual = header.saveState()

    def sizeHintForColumn(self, column: int) -> int:  # noqa: N802 – a name of Qt
        """Return the width of a column's widest cell; Qt would request each cell's in several calls, which is slow."""
        if column == PICTURE:
            return PADDING + SIDE
        metrics = self.fontMetrics()
        return PADDING + max((metrics.horizontalAdvance(row.cells[column]) for row in self.runs.rows), default=0)

    def usual_columns(self) -> None:
        """Show the usual columns in the usual order."""
        self.horizontalHeader().restoreState(self._usual)

    def menu_of_columns(self) -> QMenu:
        """Return a menu of the columns."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for column, about in enumerate(COLUMNS):
            if column != RUN:
                action = menu.addAction(about.heading or "picture")
                action.setCheckable(True)
                action.setChecked(not self.isColumnHidden(column))
                action.toggled.connect(lambda on, column=column: self.setColumnHidden(column, not on))
        menu.addSeparator()
        menu.addAction("Default columns").triggered.connect(lambda _: self.usual_columns())
        return menu


class RunTablePanel(Panel):
    """The table; rail and table show the same rows in the same order."""

    name = "runs"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.table = RunTable(tools.runs, self)
        self.table.horizontalHeader().restoreState(tools.settings.table())
        self.body.addWidget(self.table, 1)

    def redraw(self) -> None:
        self.tools.runs.theme = self.theme
        self.table.viewport().update()

    def commands(self) -> tuple[Command, ...]:
        return (
            Command("choose columns", self.choose_columns),
            Command("usual columns", self.table.usual_columns),
        )

    def numbers(self) -> Numbers:
        """Return the rows as filtered and sorted, with all columns."""
        columns = [column for column in COLUMNS if column.name != "picture"]
        made: Numbers = [(*(column.name for column in columns), "path")]
        for row in self.tools.runs.rows:
            cells = (_number(row.key(each.name)) if each.numeric else row.cell(each.name) for each in columns)
            made.append((*cells, clean(row.path, limit=500)))
        return made if len(made) > 1 else []

    def show_state(self, before: State, after: State) -> None:
        """The table follows the list of runs by itself."""

    def choose_columns(self) -> None:
        """Show the menu of columns at the table's header."""
        header = self.table.horizontalHeader()
        self.table.menu_of_columns().popup(header.mapToGlobal(QPoint(0, header.height())))


def _number(key: Key) -> float | str:
    return key if isinstance(key, float) and math.isfinite(key) else ""
