"""Card: what is known of the current run or graph, or of several side by side, as text that can be copied."""

from __future__ import annotations

import json
from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from viewer.infer.messages import Ready
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.card_text import COPIES, CardText
from viewer.qt.widgets.panel import Command, Numbers, Panel
from viewer.state.about import Difference, EntryDescription, about, side_by_side
from viewer.state.formatting import without_common_folder
from viewer.state.selection import State


class CardPanel(Panel):
    """Sections of text; every character from a file is inserted as plain text and none is read as markup."""

    name = "card"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self._abouts: tuple[EntryDescription, ...] = ()  # of the compared runs
        self._about: EntryDescription | None = None  # of the current one
        self._seen_last: tuple[object, ...] = ()
        self._writing = QTimer(self, singleShot=True, interval=0)  # later: Qt needs 10 ms for the layout
        self._writing.timeout.connect(self.redraw)
        self._writing.timeout.connect(self.settled)
        self.text = CardText(self)
        self.text.copy_requested.connect(self.copy)
        self._build()
        tools.workers.worker_ready.connect(self._show_worker)
        self._enable()

    def _build(self) -> None:
        tip = "Show all selected runs side by side instead of only the current one"
        self.beside_box = controls.check("side by side", tip, self.redraw, name="side by side", on=True)
        tip = "Show only what differs between the selected runs, which ≠ marks"
        self.differences_box = controls.check("only differences (≠)", tip, self.redraw, name="only differences")
        tip = "Copy the whole card as text; Ctrl+C copies the selection"
        self.copy_button = controls.tool("Copy", tip, self.copy, name="Copy the card")
        tip = "Copy the whole card as JSON, or only the sha256"
        name = "Copy the card in another form"
        self.more_button = controls.tool("Copy as", tip, self._offer_copies, name=name)
        for parts in ((self.copy_button, self.more_button), (self.beside_box, self.differences_box)):
            self.body.addLayout(controls.row(*parts, None))
        self.body.addWidget(self.text, 1)

    def _offer_copies(self) -> None:
        button = self.more_button
        self.text.menu_of_copies().popup(button.mapToGlobal(button.rect().bottomLeft()))

    def commands(self) -> tuple[Command, ...]:
        return tuple(Command(text.lower(), partial(self.copy, kind)) for text, kind in COPIES)

    def focus_panel(self) -> None:
        self.text.setFocus(Qt.FocusReason.ShortcutFocusReason)

    @property
    def compares(self) -> bool:
        """Whether several runs are shown side by side."""
        return len(self._abouts) > 1 and self.beside_box.isChecked()

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The rows of the side-by-side table."""
        rows = side_by_side(self._abouts)
        return tuple(row for row in rows if row.differs) if self.differences_box.isChecked() else rows

    def _enable(self) -> None:
        for button in (self.copy_button, self.more_button):
            button.setEnabled(self._about is not None)
        for box in (self.beside_box, self.differences_box):
            box.setVisible(len(self._abouts) > 1)
        self.differences_box.setEnabled(self.beside_box.isChecked())

    def _show_worker(self, _ready: Ready) -> None:
        """Show where the worker computes, which the card names."""
        if self.isVisible():
            self.show_state(self.store.state, self.store.state)

    def show_state(self, before: State, after: State) -> None:
        """Rewrite the card if something changed; otherwise keep the scroll position."""
        ready = self.tools.workers.ready
        provider = ready.provider if ready else ""
        compared = after.compared if len(after.compared) > 1 else ((after.current,) if after.entry else ())
        entries, names = {entry.path: entry for entry in after.entries}, after.names()
        paths = [path for path in compared if path is not None and path in entries]
        seen = (provider, after.current, *((entries[path], after.known_of(path), names[path]) for path in paths))
        if seen == self._seen_last:
            return
        self._seen_last = seen
        abouts = tuple(about(entries[path], after.known_of(path), names[path], provider) for path in paths)
        current = next((one for one, path in zip(abouts, paths, strict=True) if path == after.current), None)
        if (abouts, current) != (self._abouts, self._about):
            self._abouts, self._about = abouts, current
            self._writing.start()

    @property
    def waiting(self) -> bool:
        return super().waiting or self._writing.isActive()

    def redraw(self) -> None:
        self._enable()
        self.subtitle.setText(f"{len(self._abouts)} runs" if self.compares else "")
        if self.compares and self._about is not None:
            names = without_common_folder([one.title for one in self._abouts])
            self.text.write_several(self.theme, names, self.differences)
        else:
            self.text.write_one(self.theme, self._about)

    # ---- copying ----

    def copy(self, kind: str = "text") -> None:
        """Copy the card: as text (several runs as a tab-separated table), as JSON, or only the sha256."""
        if self._about is not None:
            QGuiApplication.clipboard().setText(self._copied(self._about, kind))

    def _copied(self, shown: EntryDescription, kind: str) -> str:
        if kind == "sha256":
            return "\n".join(one.sha256 for one in (self._abouts if self.compares else (shown,)))
        if kind == "json":
            whole = [one.as_object() for one in self._abouts] if self.compares else shown.as_object()
            return json.dumps(whole, ensure_ascii=False, indent=2, allow_nan=False)
        if not self.compares:
            return shown.to_text()
        return "\n".join("\t".join(map(str, row)) for row in self.numbers())

    def numbers(self) -> Numbers:
        """Return facts and figures by name, or by name and run."""
        if self._about is None:
            return []
        if self.compares:
            heading = ("fact", *(one.title for one in self._abouts))
            return [heading, *((row.name, *row.values) for row in self.differences)]
        columns = self._about.table[0][1:] if self._about.table else ()
        cells = [(row[0], name, value) for row in self._about.table[1:] for name, value in _named(columns, row[1:])]
        return [("fact", "value"), *((f"{row} {name}", value) for row, name, value in cells), *self._about.pairs]


def _named(names: tuple[str, ...], values: tuple[str, ...]) -> list[tuple[str, str]]:
    return list(zip(names, values, strict=True))
