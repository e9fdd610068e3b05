"""The text of a card: sections, tables and runs side by side, each character inserted as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
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
from PySide6.QtWidgets import QMenu, QTextEdit, QWidget

from viewer.figures.theme import LIGHT, Theme
from viewer.qt.application import make_small
from viewer.state.about import HASH, Difference, EntryDescription, Pairs

COPIES = (("Copy all as text", "text"), ("Copy all as JSON", "json"), ("Copy the sha256", "sha256"))
NARROWEST_COLUMN = 110  # of a run beside others; the table scrolls if they do not fit
MARK = "≠ "  # before what differs, for readers who cannot see bold text


class CardText(QTextEdit):
    """Read-only text; Ctrl+C copies the selection, or requests a copy of the whole card if there is none."""

    copy_requested = Signal(str)  # what is to be copied

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme = LIGHT
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setCursorWidth(0)
        self.setFrameStyle(0)
        self.setAccessibleName("Card of the current run")
        make_small(self)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.document().setDocumentMargin(0)

    # ---- copying ----

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy) and not self.textCursor().hasSelection():
            self.copy_requested.emit("text")
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu().popup(event.globalPos())

    def menu(self) -> QMenu:
        """Return the context menu."""
        menu = self.menu_of_copies()
        first = menu.actions()[0]
        selection = menu.addAction("Copy the selection\tCtrl+C")
        selection.setEnabled(self.textCursor().hasSelection())
        selection.triggered.connect(lambda _: self.copy())
        every = menu.addAction("Select all\tCtrl+A")
        every.triggered.connect(lambda _: self.selectAll())
        menu.insertActions(first, [selection, every])
        menu.insertSeparator(first)
        return menu

    def menu_of_copies(self) -> QMenu:
        """Return the menu of copies. It is popped up: a button's own menu would block in a nested event loop."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, kind in COPIES:
            menu.addAction(text).triggered.connect(lambda _=False, kind=kind: self.copy_requested.emit(kind))
        return menu

    # ---- writing ----

    def write_one(self, theme: Theme, about: EntryDescription | None) -> None:
        """Write the card of one run."""
        cursor = self._begin(theme, scrolls=False)
        if about is not None:
            self._write_title(cursor, about)
            if about.table:
                self._write_table(cursor, about.table)
            self._write_pairs(cursor, about.pairs)
        self._end(cursor)

    def write_several(self, theme: Theme, names: Sequence[str], rows: Sequence[Difference]) -> None:
        """Write one column per run, or where they have no room a line per run; what is the same is pale."""
        cursor = self._begin(theme, scrolls=True)
        first = max([0, *(self.fontMetrics().horizontalAdvance(MARK + row.name) for row in rows)]) + 14
        each = (self.viewport().width() - first - 12) // len(names)
        if each < NARROWEST_COLUMN:
            self._write_lines(cursor, names, rows, first)
            self._end(cursor)
            return
        columns = [
            max(each, self._least_width([name, *(row.values[at] for row in rows)])) for at, name in enumerate(names)
        ]
        layout = _table_format([_fixed(first), *map(_fixed, columns)])
        layout.setHeaderRowCount(1)
        table = cursor.insertTable(len(rows) + 1, len(names) + 1, layout)
        for column, name in enumerate(names, start=1):
            table.cellAt(0, column).firstCursorPosition().insertText(name, self._format("text", bold=True))
        for index, row in enumerate(rows, start=1):
            name = (MARK if row.differs else "") + row.name
            table.cellAt(index, 0).firstCursorPosition().insertText(name, self._format("muted"))
            form = self._format("text" if row.differs else "muted")
            for column, value in enumerate(row.values, start=1):
                table.cellAt(index, column).firstCursorPosition().insertText(_unbroken(value) or "–", form)
        self._end(cursor)

    def _write_lines(self, cursor: QTextCursor, names: Sequence[str], rows: Sequence[Difference], first: int) -> None:
        """Write what is the same once, and a line for each run where it differs."""
        table = cursor.insertTable(len(rows), 2, _table_format([_fixed(first), QTextLength()]))
        for index, row in enumerate(rows):
            fact, values = (table.cellAt(index, column).firstCursorPosition() for column in (0, 1))
            fact.insertText((MARK if row.differs else "") + row.name, self._format("muted"))
            if not row.differs:
                values.insertText(_unbroken(row.values[0]) or "–", self._format("muted"))
                continue
            for at, (name, value) in enumerate(zip(names, row.values, strict=True)):
                values.insertText(f"{chr(10) if at else ''}{name}  ", self._format("muted"))
                values.insertText(_unbroken(value) or "–", self._format("text"))

    def _begin(self, theme: Theme, *, scrolls: bool) -> QTextCursor:
        self._theme = theme
        self.clear()
        policy = Qt.ScrollBarPolicy
        self.setHorizontalScrollBarPolicy(policy.ScrollBarAsNeeded if scrolls else policy.ScrollBarAlwaysOff)
        cursor = self.textCursor()
        cursor.beginEditBlock()
        return cursor

    def _end(self, cursor: QTextCursor) -> None:
        cursor.endEditBlock()
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def _write_title(self, cursor: QTextCursor, about: EntryDescription) -> None:
        heading = self._format("text", bold=True)
        heading.setFontPointSize(self.font().pointSizeF() + 3)
        cursor.insertText(about.title, heading)
        if about.summary:
            _paragraph(cursor, space=2)
            cursor.insertText(about.summary, self._format("muted"))

    def _write_pairs(self, cursor: QTextCursor, pairs: Pairs) -> None:
        if not pairs:
            return
        _paragraph(cursor, space=0)
        names = [name for name, _ in pairs if not name.endswith(".onnx")]  # a file's may be long, and is torn
        widest = max(map(self.fontMetrics().horizontalAdvance, names)) + 14
        table = cursor.insertTable(len(pairs), 2, _table_format([_fixed(widest), QTextLength()]))
        for row, (name, value) in enumerate(pairs):
            colour = "warning" if name == "warning" else "text"
            across = not name and len(value) == HASH
            if across:  # a hash is wider than its column and is not wrapped
                table.mergeCells(row, 0, 1, 2)
                colour = "muted"
            else:
                table.cellAt(row, 0).firstCursorPosition().insertText(name, self._format("muted"))
            table.cellAt(row, 0 if across else 1).firstCursorPosition().insertText(
                _unbroken(value), self._format(colour)
            )
        cursor.movePosition(QTextCursor.MoveOperation.End)

    def _write_table(self, cursor: QTextCursor, rows: tuple[tuple[str, ...], ...]) -> None:
        _paragraph(cursor, space=4)
        layout = _table_format(
            [QTextLength(), *(_fixed(self._least_width(column)) for column in [*zip(*rows, strict=True)][1:])]
        )
        layout.setWidth(_percent(100))
        table = cursor.insertTable(len(rows), len(rows[0]), layout)
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                cell_cursor = table.cellAt(row, column).firstCursorPosition()
                if column:
                    cell_cursor.setBlockFormat(_right())
                cell_cursor.insertText(cell, self._format("muted" if not row else "text", bold=row == 1))
        cursor.movePosition(QTextCursor.MoveOperation.End)

    def _least_width(self, texts: Iterable[str]) -> int:
        """Return the width at which no word of these texts, and no number, is broken in two; some may be bold."""
        words = [word for text in texts for word in _unbroken(text).split(" ")]
        return round(1.1 * max(self.fontMetrics().horizontalAdvance(word) for word in words)) + 8

    def _format(self, colour: str, *, bold: bool = False) -> QTextCharFormat:
        form = QTextCharFormat()
        form.setForeground(QColor(getattr(self._theme, colour)))
        form.setFontWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
        return form


def _unbroken(text: str) -> str:
    """Keep what belongs together on a line: 2 : 1, σ = 0.5."""
    return text.replace(" : ", "\u00a0:\u00a0").replace(" = ", "\u00a0=\u00a0")


def _paragraph(cursor: QTextCursor, *, space: float) -> None:
    form = QTextBlockFormat()
    form.setTopMargin(space)
    cursor.insertBlock(form, QTextCharFormat())


def _right() -> QTextBlockFormat:
    form = QTextBlockFormat()
    form.setAlignment(Qt.AlignmentFlag.AlignRight)
    return form


def _fixed(pixels: float) -> QTextLength:
    return QTextLength(QTextLength.Type.FixedLength, pixels)


def _percent(share: float) -> QTextLength:
    return QTextLength(QTextLength.Type.PercentageLength, share)


def _table_format(widths: Sequence[QTextLength]) -> QTextTableFormat:
    form = QTextTableFormat()
    form.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_None)
    form.setBorder(0)
    form.setCellPadding(2.5)
    form.setCellSpacing(1)
    form.setColumnWidthConstraints(list(widths))
    return form
