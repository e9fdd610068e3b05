"""Runs: the table of everything that was opened, or what to do when there is nothing."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QStackedWidget, QWidget

from viewer.figures.mosaic import small_font
from viewer.figures.theme import Theme
from viewer.qt.store import AppState
from viewer.qt.widgets.panel import PanelFrame
from viewer.qt.widgets.run_table import RunTable
from viewer.state.rows import rows_of
from viewer.state.selection import State
from viewer.state.words import clean


class Runs(PanelFrame):
    """Tells the store what is selected."""

    def __init__(self, store: AppState, parent: QWidget | None = None) -> None:
        super().__init__("Runs", parent)
        self.store = store
        self.table = RunTable(self)
        self.table.chosen.connect(store.set_selected)
        self.empty = QLabel()
        self.empty.setTextFormat(Qt.TextFormat.PlainText)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setFont(small_font(self.empty.font()))
        self.empty.setObjectName("empty")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.table)
        self.body.addWidget(self.stack, 1)
        store.changed.connect(self.follow)

    def set_theme(self, theme: Theme) -> None:
        """The palette does it all."""

    def follow(self, before: State, after: State) -> None:
        if before.entries is not after.entries or before.known is not after.known:
            self._show(after)
        elif before.selected != after.selected or before.current != after.current:
            self.table.show_rows(rows_of(after), after.selected, after.current)
        if (before.scanned, before.roots, before.gone) != (after.scanned, after.roots, after.gone):
            self._show(after)

    def _show(self, state: State) -> None:
        self.table.show_rows(rows_of(state), state.selected, state.current)
        self.stack.setCurrentWidget(self.table if state.entries else self.empty)
        self.empty.setText(empty_sentence(state.roots, state.gone) if state.scanned else "")
        runs = len(state.entries)
        several = f", {len(state.selected)} selected" if len(state.selected) > 1 else ""
        self.subtitle.setText(f"{runs}{several}" if runs else "")


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
