"""All columns: every run and graph that is open, with every figure, as a table."""

from __future__ import annotations

import math

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QWidget

from viewer.figures.theme import Theme
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Command, Numbers, Panel
from viewer.qt.widgets.run_table import RunTable
from viewer.state.formatting import clean
from viewer.state.rows import COLUMNS, Key
from viewer.state.selection import State


class RunTablePanel(Panel):
    """The table; rail and table show the same rows in the same order."""

    name = "runs"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.table = RunTable(tools.runs, self)
        self.table.restore_columns(tools.settings.table())
        self.body.addWidget(self.table, 1)

    def set_theme(self, theme: Theme) -> None:
        self.table.set_theme(theme)
        super().set_theme(theme)

    def commands(self) -> tuple[Command, ...]:
        return (
            Command("choose columns", self.choose_columns),
            Command("usual columns", self.table.usual_columns),
        )

    def numbers(self) -> Numbers:
        """Return the rows as filtered and sorted, with all columns."""
        by_path = {row.path: row for row in self.tools.runs.rows}
        shown = [by_path[path] for path in self.tools.runs.paths]
        if not shown:
            return []
        names = [column.name for column in COLUMNS if column.name != "picture"]
        numeric = {column.name for column in COLUMNS if column.numeric}
        heading = (*names, "path")
        return [
            heading,
            *(
                (*(_number(row.key(n)) if n in numeric else row.cell(n) for n in names), clean(row.path, limit=500))
                for row in shown
            ),
        ]

    def show_state(self, before: State, after: State) -> None:
        """The table follows the list of runs by itself."""

    def choose_columns(self) -> None:
        """Show the menu of columns at the table's header."""
        header = self.table.horizontalHeader()
        self.table.menu_of_columns().popup(header.mapToGlobal(QPoint(0, header.height())))


def _number(key: Key) -> float | str:
    return key if isinstance(key, float) and math.isfinite(key) else ""
