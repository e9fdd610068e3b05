"""Card: what is known of the current run or graph, or of several side by side, as text that can be copied."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFrameFormat,
    QTextLength,
    QTextOption,
    QTextTableFormat,
)
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QMenu, QTextEdit, QToolButton, QWidget

from viewer.figures.mosaic import small_font
from viewer.infer.messages import Ready
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Command, Numbers, Panel
from viewer.state.about import HASH, Difference, EntryDescription, Pairs, about, side_by_side
from viewer.state.selection import State

NARROWEST_COLUMN = 110  # of a run beside others; the table scrolls if they do not fit
MARK = "≠ "  # before what differs, for readers who cannot see bold text


class CardPanel(Panel):
    """Sections of text; every character from a file is inserted as plain text and none is read as markup."""

    name = "card"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self._abouts: tuple[EntryDescription, ...] = ()  # of the compared runs
        self._about: EntryDescription | None = None  # of the current one
        self._seen_last: tuple[object, ...] = ()
        self._writing = QTimer(self, singleShot=True, interval=0)  # later: Qt needs 10 ms for the layout
        self._writing.timeout.connect(self._write)
        self._writing.timeout.connect(self.settled)
        self.text = CardText(self)
        self.text.copy_requested.connect(self.copy)
        self.beside_box = _check("side by side", "Show all selected runs side by side instead of only the current one")
        self.beside_box.setChecked(True)
        self.differences_box = _check("only differences", "Hide what is the same for all selected runs")
        for box in (self.beside_box, self.differences_box):
            box.toggled.connect(lambda _: self.redraw())
        self.copy_button = _button("Copy", "Copy the card", "Copy the whole card as text; Ctrl+C copies the selection")
        self.copy_button.clicked.connect(lambda _: self.copy("text"))
        self.more_button = _button(
            "as …", "Copy the card in another form", "Copy the whole card as JSON, or only the sha256"
        )
        self.more_button.clicked.connect(lambda _: self._offer_copies())
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.copy_button)
        row.addWidget(self.more_button)
        row.addWidget(self.beside_box)
        row.addWidget(self.differences_box)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addWidget(self.text, 1)
        tools.workers.worker_ready.connect(self._show_worker)
        self._enable()

    def menu_of_copies(self) -> QMenu:
        """Return the menu of copies. It is popped up: a button's own menu would block in a nested event loop."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, kind in COPIES:
            menu.addAction(text).triggered.connect(lambda _=False, kind=kind: self.copy(kind))
        return menu

    def _offer_copies(self) -> None:
        button = self.more_button
        self.menu_of_copies().popup(button.mapToGlobal(button.rect().bottomLeft()))

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
        self._write()

    # ---- copying ----

    def copy(self, kind: str = "text") -> None:
        """Copy the card: as text (several runs as a tab-separated table), as JSON, or only the sha256."""
        if self._about is None:
            return
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
        table = [(f"{row[0]} {name}", value) for row in self._about.table[1:] for name, value in self._cells(row)]
        return [("fact", "value"), *table, *self._about.pairs]

    def _cells(self, row: Sequence[str]) -> list[tuple[str, str]]:
        assert self._about is not None
        return list(zip(self._about.table[0][1:], row[1:], strict=True))

    # ---- writing ----

    def _write(self) -> None:
        self._enable()
        self.text.clear()
        self.subtitle.setText(f"{len(self._abouts)} runs" if self.compares else "")
        wide = self.compares
        policy = Qt.ScrollBarPolicy
        self.text.setHorizontalScrollBarPolicy(policy.ScrollBarAsNeeded if wide else policy.ScrollBarAlwaysOff)
        if self._about is None:
            return
        cursor = self.text.textCursor()
        cursor.beginEditBlock()
        if self.compares:
            self._write_side_by_side(cursor, self.differences)
        else:
            self._write_title(cursor, self._about)
            if self._about.table:
                self._write_table(cursor, self._about.table)
            self._write_pairs(cursor, self._about.pairs)
        cursor.endEditBlock()
        self.text.moveCursor(QTextCursor.MoveOperation.Start)

    def _write_title(self, cursor: QTextCursor, about_run: EntryDescription) -> None:
        heading = self._format("text", bold=True)
        heading.setFontPointSize(self.text.font().pointSizeF() + 3)
        cursor.insertText(about_run.title, heading)
        if about_run.summary:
            _paragraph(cursor, space=2)
            cursor.insertText(about_run.summary, self._format("muted"))

    def _write_pairs(self, cursor: QTextCursor, pairs: Pairs) -> None:
        if not pairs:
            return
        cursor.movePosition(QTextCursor.MoveOperation.End)
        _paragraph(cursor, space=0)
        layout = _table_format()
        widest = max(self.text.fontMetrics().horizontalAdvance(name) for name, _ in pairs) + 14
        fixed = QTextLength(QTextLength.Type.FixedLength, widest)
        layout.setColumnWidthConstraints([fixed, QTextLength()])
        table = cursor.insertTable(len(pairs), 2, layout)
        for row, (name, value) in enumerate(pairs):
            colour = "warning" if name == "warning" else "text"
            across = not name and len(value) == HASH
            if across:  # a hash is wider than its column and is not wrapped
                table.mergeCells(row, 0, 1, 2)
                colour = "muted"
            else:
                table.cellAt(row, 0).firstCursorPosition().insertText(name, self._format("muted"))
            table.cellAt(row, 0 if across else 1).firstCursorPosition().insertText(value, self._format(colour))
        cursor.movePosition(QTextCursor.MoveOperation.End)

    def _write_table(self, cursor: QTextCursor, rows: tuple[tuple[str, ...], ...]) -> None:
        _paragraph(cursor, space=4)
        layout = _table_format()
        layout.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
        others = len(rows[0]) - 1
        first = 32 if others < 5 else 28
        shares = [first, *([(100 - first) / others] * others)]
        layout.setColumnWidthConstraints([QTextLength(QTextLength.Type.PercentageLength, share) for share in shares])
        table = cursor.insertTable(len(rows), len(rows[0]), layout)
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                cell_cursor = table.cellAt(row, column).firstCursorPosition()
                if column:
                    cell_cursor.setBlockFormat(_right())
                cell_cursor.insertText(cell, self._format("muted" if not row else "text", bold=row == 1))
        cursor.movePosition(QTextCursor.MoveOperation.End)

    def _write_side_by_side(self, cursor: QTextCursor, rows: Sequence[Difference]) -> None:
        """Write one column per run; what differs is bold and marked, what is the same is pale."""
        names = [one.title for one in self._abouts]
        layout = _table_format()
        metrics = self.text.fontMetrics()
        first = max([0, *(metrics.horizontalAdvance(MARK + row.name) for row in rows)]) + 14
        each = max(NARROWEST_COLUMN, (self.text.viewport().width() - first - 12) // len(names))
        fixed = QTextLength.Type.FixedLength
        layout.setColumnWidthConstraints([QTextLength(fixed, first), *[QTextLength(fixed, each)] * len(names)])
        layout.setHeaderRowCount(1)
        table = cursor.insertTable(len(rows) + 1, len(names) + 1, layout)
        for column, name in enumerate(names):
            cell_cursor = table.cellAt(0, column + 1).firstCursorPosition()
            cell_cursor.insertText(name, self._format("text", bold=True))
        for index, row in enumerate(rows):
            mark = MARK if row.differs else ""
            table.cellAt(index + 1, 0).firstCursorPosition().insertText(mark + row.name, self._format("muted"))
            form = self._format("text" if row.differs else "muted")
            for column, value in enumerate(row.values):
                table.cellAt(index + 1, column + 1).firstCursorPosition().insertText(value or "–", form)
        cursor.movePosition(QTextCursor.MoveOperation.End)

    def _format(self, colour: str, *, bold: bool = False) -> QTextCharFormat:
        form = QTextCharFormat()
        form.setForeground(QColor(getattr(self.theme, colour)))
        form.setFontWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
        return form


COPIES = (("Copy all as text", "text"), ("Copy all as JSON", "json"), ("Copy the sha256", "sha256"))


class CardText(QTextEdit):
    """Read-only text; Ctrl+C copies the selection, or requests a copy of the whole card if there is none."""

    copy_requested = Signal(str)  # what is to be copied

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setCursorWidth(0)
        self.setFrameStyle(0)
        self.setAccessibleName("Card of the current run")
        self.setFont(small_font(self.font()))
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.document().setDocumentMargin(0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy) and not self.textCursor().hasSelection():
            self.copy_requested.emit("text")
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu().popup(event.globalPos())

    def menu(self) -> QMenu:
        """Return the context menu."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        selection = menu.addAction("Copy the selection\tCtrl+C")
        selection.setEnabled(self.textCursor().hasSelection())
        selection.triggered.connect(lambda _: self.copy())
        menu.addAction("Select all\tCtrl+A").triggered.connect(lambda _: self.selectAll())
        menu.addSeparator()
        for text, kind in COPIES:
            menu.addAction(text).triggered.connect(lambda _=False, kind=kind: self.copy_requested.emit(kind))
        return menu


def _button(text: str, name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setAccessibleName(name)
    button.setToolTip(tip)
    button.setFont(small_font(button.font()))
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button


def _check(text: str, tip: str) -> QCheckBox:
    box = QCheckBox(text)
    box.setAccessibleName(text)
    box.setToolTip(tip)
    box.setFont(small_font(box.font()))
    return box


def _paragraph(cursor: QTextCursor, *, space: float) -> None:
    form = QTextBlockFormat()
    form.setTopMargin(space)
    cursor.insertBlock(form, QTextCharFormat())


def _right() -> QTextBlockFormat:
    form = QTextBlockFormat()
    form.setAlignment(Qt.AlignmentFlag.AlignRight)
    return form


def _table_format() -> QTextTableFormat:
    form = QTextTableFormat()
    form.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_None)
    form.setBorder(0)
    form.setCellPadding(2.5)
    form.setCellSpacing(1)
    return form
