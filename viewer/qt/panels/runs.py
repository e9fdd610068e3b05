"""Runs: the table of everything that is open, or what to do when nothing is."""

from __future__ import annotations

import math
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from viewer.figures.mosaic import small_font
from viewer.figures.theme import Theme
from viewer.qt.settings import Settings
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Command, Numbers, Panel
from viewer.qt.widgets.run_table import RunTable
from viewer.state.formatting import clean
from viewer.state.rows import COLUMNS, HOW_TO_FILTER, Key, Rows, RunRow
from viewer.state.selection import State


class RunsPanel(Panel):
    """Selects runs; the store passes the selection on to the other panels."""

    name = "runs"

    entered = Signal()  # by Enter or a double click on a run
    folder_wanted = Signal()
    file_wanted = Signal()
    notice = Signal(str)

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self._rows = Rows()
        self.rows: tuple[RunRow, ...] = ()
        self.table = RunTable(self)
        self.table.chosen.connect(self.store.set_selected)
        self.table.entered.connect(self.entered)
        self.table.menu_requested.connect(self._show_menu)
        self.filter = FilterBox(self)
        self.filter.setEnabled(False)
        self.filter.textChanged.connect(self._filter)
        self.filter.left.connect(self.table.setFocus)
        self.empty = QLabel()
        self.nothing = self._nothing()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.nothing)
        self.stack.addWidget(self.table)
        self.body.addWidget(self.filter)
        self.body.addWidget(self.stack, 1)

    def _nothing(self) -> QWidget:
        """Make what is shown instead of the table while nothing is open."""
        self.empty.setTextFormat(Qt.TextFormat.PlainText)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setFont(small_font(self.empty.font()))
        self.empty.setObjectName("empty")
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for text, tip, signal in (
            ("Open folder…", "Open a folder of runs (Ctrl+Shift+O)", self.folder_wanted),
            ("Open file…", "Open .onnx files (Ctrl+O)", self.file_wanted),
        ):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.clicked.connect(lambda _=False, signal=signal: signal.emit())
            buttons.addWidget(button)
        buttons.addStretch(1)
        nothing = QWidget()
        layout = QVBoxLayout(nothing)
        layout.addStretch(1)
        layout.addWidget(self.empty)
        layout.addLayout(buttons)
        layout.addStretch(1)
        return nothing

    def set_theme(self, theme: Theme) -> None:
        self.table.set_theme(theme)
        super().set_theme(theme)

    def commands(self) -> tuple[Command, ...]:
        return (
            Command("choose columns", self.choose_columns),
            Command("usual columns", self.table.usual_columns),
            Command("copy the current run's path", lambda: self._copy(self.store.state.current)),
            Command("open the current run's folder", lambda: self._open(self.store.state.current)),
            Command("show only the current run's assignment", lambda: self._narrow(self.store.state.current)),
        )

    def numbers(self) -> Numbers:
        """Return the rows as filtered and sorted, with all columns."""
        by_path = {row.path: row for row in self.rows}
        shown = [by_path[path] for path in self.table.paths if path in by_path]
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

    # ---- what is shown ----

    def show_state(self, before: State, after: State) -> None:
        if before.entries is not after.entries or before.known is not after.known:
            self._show(after)
        elif before.selected != after.selected or before.current != after.current:
            self.table.show_rows(self.rows, after.selected, after.current)
            self._count(after)
        if (before.scanned, before.roots, before.gone) != (after.scanned, after.roots, after.gone):
            self._show(after)

    def _show(self, state: State) -> None:
        self.rows = self._rows.of(state)
        self.table.show_rows(self.rows, state.selected, state.current)
        first = bool(state.entries) and self.stack.currentWidget() is self.nothing
        self.stack.setCurrentWidget(self.table if state.entries else self.nothing)
        self.empty.setText(empty_sentence(state.roots, state.gone) if state.scanned else "")
        self._count(state)
        if first:
            self.table.setFocus()  # a hidden table could not take the focus

    def _count(self, state: State) -> None:
        runs, shown = len(state.entries), len(self.table.paths)
        several = f", {len(state.selected)} selected" if len(state.selected) > 1 else ""
        if len(state.selected) > len(state.compared):
            several += f", {len(state.compared)} side by side"
        self.filter.setEnabled(bool(runs))
        self.subtitle.setText(f"{f'{shown} of {runs}' if shown < runs else runs}{several}" if runs else "")

    # ---- the filter ----

    def focus_panel(self) -> None:
        """Focus the table, or the buttons that open something while it is empty."""
        if self.stack.currentWidget() is self.table:
            self.table.setFocus(Qt.FocusReason.ShortcutFocusReason)
        else:
            super().focus_panel()

    def focus_filter(self) -> None:
        """Focus the filter and select its text."""
        self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.selectAll()

    def _filter(self, text: str) -> None:
        self.table.set_filter(text)
        self._count(self.store.state)

    # ---- columns ----

    def choose_columns(self) -> None:
        """Show the menu of columns at the table's header."""
        header = self.table.horizontalHeader()
        self.table.menu_of_columns().popup(header.mapToGlobal(QPoint(0, header.height())))

    def restore(self, settings: Settings) -> None:
        """Set the table up as it was left."""
        self.table.restore_columns(settings.table())

    def save(self, settings: Settings) -> None:
        settings.save_table(self.table.columns())

    # ---- what can be done with a run ----

    def _show_menu(self, path: Path, point: QPoint) -> None:
        self.menu_of(path).popup(point)

    def menu_of(self, path: Path) -> QMenu:
        """Return a menu of what can be done with a run."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Show the reconstructions\tEnter").triggered.connect(lambda _: self._enter(path))
        menu.addAction("Copy the path").triggered.connect(lambda _: self._copy(path))
        menu.addAction("Open the folder").triggered.connect(lambda _: self._open(path))
        assignment = self._assignment(path)
        if assignment:
            text = f"Show only {assignment.replace('&', '&&')}"
            menu.addAction(text).triggered.connect(lambda _: self._narrow(path))
        if self.filter.text():
            menu.addAction("Show all runs").triggered.connect(lambda _: self.filter.clear())
        return menu

    def _enter(self, path: Path) -> None:
        if path not in self.store.state.selected:
            self.store.set_selected((path,), path)
        self.entered.emit()

    def _copy(self, path: Path | None) -> None:
        if path is not None:
            QGuiApplication.clipboard().setText(str(path))

    def _open(self, path: Path | None) -> None:
        folder = path if path is None or path.is_dir() else path.parent
        if folder is not None and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.notice.emit(f"No program opened the folder {clean(folder, limit=200)}; open it in your file manager.")

    def _narrow(self, path: Path | None) -> None:
        assignment = self._assignment(path)
        if assignment:
            self.filter.setText(f"assignment:{assignment}")

    def _assignment(self, path: Path | None) -> str:
        row = next((row for row in self.rows if row.path == path), None)
        return row.cell("assignment") if row is not None and row.key("assignment") is not None else ""


class FilterBox(QLineEdit):
    """The text to filter by; Escape clears it, Down and Enter move to the table."""

    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText("filter (Ctrl+F): text, state:training, mse<0.01")
        self.setToolTip(_plain(HOW_TO_FILTER))
        self.setAccessibleName("Filter of the runs")
        self.setAccessibleDescription(HOW_TO_FILTER)
        self.setClearButtonEnabled(True)
        self.setFont(small_font(self.font()))

    def event(self, event: QEvent) -> bool:
        """Keep Escape, for which the window has a shortcut."""
        overriding = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if overriding and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.left.emit()
        else:
            super().keyPressEvent(event)


def _plain(text: str) -> str:
    """Return text for a tool tip, which would read < as markup."""
    return f"<span style='white-space:pre'>{text.replace('&', '&amp;').replace('<', '&lt;')}</span>"


def _number(key: Key) -> float | str:
    return key if isinstance(key, float) and math.isfinite(key) else ""


def empty_sentence(roots: tuple[Path, ...], gone: tuple[Path, ...]) -> str:
    """Say that nothing is here, and what to do."""
    there = [root for root in roots if root not in gone]
    where = ", ".join(clean(root, limit=120) for root in there) or "here"
    nothing = [f"No runs in {where}."] if there or not gone else []
    return (
        " ".join([*(f"{clean(root, limit=120)} is gone." for root in gone), *nothing])
        + "\n\nTrain one: `aezoo demo`\n\n"
        + "or open a folder of runs (Ctrl+Shift+O), or an .onnx file (Ctrl+O),\nor drop either here."
    )
