"""Card: what is known of the current run or graph, as text that can be selected and copied."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFrameFormat,
    QTextLength,
    QTextOption,
    QTextTableFormat,
)
from PySide6.QtWidgets import QTextEdit, QWidget

from viewer.figures.mosaic import small_font
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Panel
from viewer.state.about import About, Pairs, about
from viewer.state.selection import State


class CardPanel(Panel):
    """Sections of text; every character from a file is inserted as plain text and none is read as markup."""

    title = "Card"
    hint = "What is known of the current run or graph; the text can be copied."

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self._about: About | None = None
        self.text = QTextEdit()
        self.text.setReadOnly(True)
        self.text.setAcceptRichText(False)
        self.text.setCursorWidth(0)
        self.text.setFrameStyle(0)
        self.text.setAccessibleName("Card of the current run")
        self.text.setFont(small_font(self.text.font()))
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.text.document().setDocumentMargin(0)
        self.text.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.body.addWidget(self.text, 1)

    def redraw(self) -> None:
        self._write()

    def follow(self, before: State, after: State) -> None:
        """Write anew what has changed; a reader's place is kept otherwise."""
        entry = after.entry
        told = about(entry, after.now, after.names()[entry.path]) if entry else None
        if told != self._about:
            self._about = told
            self._write()

    def _write(self) -> None:
        self.text.clear()
        if self._about is None:
            return
        cursor = self.text.textCursor()
        cursor.beginEditBlock()
        self._write_title(cursor, self._about)
        if self._about.table:
            self._write_table(cursor, self._about.table)
        choices = tuple(("choices" if not index else "", text) for index, text in enumerate(self._about.choices))
        self._write_pairs(cursor, (*self._about.facts, *choices, *self._about.files))
        cursor.endEditBlock()
        self.text.moveCursor(QTextCursor.MoveOperation.Start)

    def _write_title(self, cursor: QTextCursor, told: About) -> None:
        heading = self._format("text", bold=True)
        heading.setFontPointSize(self.text.font().pointSizeF() + 3)
        cursor.insertText(told.title, heading)
        if told.summary:
            _paragraph(cursor, space=2)
            cursor.insertText(told.summary, self._format("muted"))

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
            across = not name and self._about is not None and value == self._about.sha256
            if across:  # a hash is longer than its column and should not be torn
                table.mergeCells(row, 0, 1, 2)
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
                place = table.cellAt(row, column).firstCursorPosition()
                if column:
                    place.setBlockFormat(_right())
                place.insertText(cell, self._format("muted" if not row else "text", bold=row == 1))
        cursor.movePosition(QTextCursor.MoveOperation.End)

    def _format(self, colour: str, *, bold: bool = False) -> QTextCharFormat:
        form = QTextCharFormat()
        form.setForeground(QColor(getattr(self.theme, colour)))
        form.setFontWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
        return form


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
