"""Runs: the table of everything that was opened, or what to do when there is nothing."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QStackedWidget, QWidget

from viewer.figures.mosaic import small_font
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Panel
from viewer.qt.widgets.run_table import RunTable
from viewer.state.rows import rows_of
from viewer.state.selection import State
from viewer.state.words import clean


class Runs(Panel):
    """Tells the store what is selected."""

    title = "Runs"
    hint = "Everything that was opened; what is selected here is shown in the other panels."

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.table = RunTable(self)
        self.table.chosen.connect(self.store.set_selected)
        self.filter = FilterBox(self)
        self.filter.setEnabled(False)
        self.filter.textChanged.connect(self._filter)
        self.filter.left.connect(self.table.setFocus)
        self.empty = QLabel()
        self.empty.setTextFormat(Qt.TextFormat.PlainText)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setFont(small_font(self.empty.font()))
        self.empty.setObjectName("empty")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.table)
        self.body.addWidget(self.filter)
        self.body.addWidget(self.stack, 1)

    def follow(self, before: State, after: State) -> None:
        if before.entries is not after.entries or before.known is not after.known:
            self._show(after)
        elif before.selected != after.selected or before.current != after.current:
            self.table.show_rows(rows_of(after), after.selected, after.current)
            self._count(after)
        if (before.scanned, before.roots, before.gone) != (after.scanned, after.roots, after.gone):
            self._show(after)

    def _show(self, state: State) -> None:
        self.table.show_rows(rows_of(state), state.selected, state.current)
        first = bool(state.entries) and self.stack.currentWidget() is self.empty
        self.stack.setCurrentWidget(self.table if state.entries else self.empty)
        self.empty.setText(empty_sentence(state.roots, state.gone) if state.scanned else "")
        self._count(state)
        if first:
            self.table.setFocus()  # where it was meant to be while the table was still hidden

    def focus_filter(self) -> None:
        """Give the keyboard to the filter, with what stands there ready to be typed over."""
        self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.selectAll()

    def _filter(self, text: str) -> None:
        self.table.set_filter(text)
        self._count(self.store.state)

    def _count(self, state: State) -> None:
        runs, shown = len(state.entries), len(self.table.paths)
        several = f", {len(state.selected)} selected" if len(state.selected) > 1 else ""
        self.filter.setEnabled(bool(runs))
        self.subtitle.setText(f"{f'{shown} of {runs}' if shown < runs else runs}{several}" if runs else "")


class FilterBox(QLineEdit):
    """Words to look for; Escape takes them away, and with Down or Enter one goes on to what was found."""

    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText("filter (Ctrl+F)")
        self.setToolTip("Shows the runs in which every word occurs: mnist conv, 2×7×7, finished")
        self.setAccessibleName("Filter of the runs")
        self.setClearButtonEnabled(True)
        self.setFont(small_font(self.font()))

    def event(self, event: QEvent) -> bool:
        """Keep Escape, which the window has another use for."""
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
