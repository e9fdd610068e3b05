"""Card: what is known of the current run or graph, or of several side by side, as text that can be copied.

Every character from a file is escaped, and none is read as markup.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from html import escape

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence, QTextOption
from PySide6.QtWidgets import QMenu, QTextEdit, QWidget

from viewer.figures.theme import Theme
from viewer.infer.messages import Ready
from viewer.qt.application import make_small
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.panel import Command, Numbers, Panel
from viewer.state.about import HASH, Difference, EntryDescription, about, side_by_side
from viewer.state.formatting import without_common_folder
from viewer.state.selection import State

COPIES = (("Copy all as text", "text"), ("Copy all as JSON", "json"), ("Copy the sha256", "sha256"))
NARROWEST_COLUMN = 110  # of a run beside others
MARK = "≠ "  # before what differs, for readers who cannot see colours
TABLE = "<table cellspacing='1' cellpadding='2' {}>{}</table>"
NARROW = "width='1'"  # as its widest cell, which is not wrapped


class CardPanel(Panel):
    """Sections of text, and the buttons that copy them."""

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
            in_columns = self.text.viewport().width() > NARROWEST_COLUMN * (len(names) + 1)
            self.text.setHtml((_columns_of if in_columns else _lines_of)(self.theme, names, self.differences))
        else:
            size = self.text.font().pointSizeF() + 3
            self.text.setHtml(_card_of(self.theme, self._about, size) if self._about is not None else "")

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


class CardText(QTextEdit):
    """Read-only text; Ctrl+C copies the selection, or requests a copy of the whole card if there is none."""

    copy_requested = Signal(str)  # what is to be copied

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setCursorWidth(0)
        self.setFrameStyle(0)
        self.setAccessibleName("Card of the current run")
        make_small(self)
        flags = Qt.TextInteractionFlag
        self.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)
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
        """Return the context menu: Qt's own, and the copies of the whole card."""
        menu = self.createStandardContextMenu()
        menu.addSeparator()
        return self._with_copies(menu)

    def menu_of_copies(self) -> QMenu:
        """Return the menu of copies. It is popped up: a button's own menu would block in a nested event loop."""
        return self._with_copies(QMenu(self))

    def _with_copies(self, menu: QMenu) -> QMenu:
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, kind in COPIES:
            menu.addAction(text).triggered.connect(partial(self.copy_requested.emit, kind))
        return menu


def _card_of(theme: Theme, shown: EntryDescription, size: float) -> str:
    """Return the card of one run as HTML; `size` is that of its title in points."""
    title = f"<span style='font-size:{size}pt; font-weight:600'>{escape(shown.title)}</span>"
    summary = f"<br><span style='color:{theme.muted}'>{escape(shown.summary)}</span>" if shown.summary else ""
    return (
        f"<p style='color:{theme.text}'>{title}{summary}</p>{_figures_of(theme, shown.table)}{_pairs_of(theme, shown)}"
    )


def _figures_of(theme: Theme, table: Sequence[Sequence[str]]) -> str:
    rows = ""
    for number, (name, *cells) in enumerate(table):
        style = f"color:{theme.text if number else theme.muted}; font-weight:{600 if number == 1 else 400}"
        figures = (_cell(text, f"{style}; white-space:nowrap", f"align='right' {NARROW}") for text in cells)
        rows += f"<tr>{_cell(name, style)}{''.join(figures)}</tr>"
    return TABLE.format("width='100%'", rows) if rows else ""


def _pairs_of(theme: Theme, shown: EntryDescription) -> str:
    rows = ""
    for name, value in shown.pairs:
        if not name and len(value) == HASH:  # a hash is wider than its column and is not wrapped
            rows += f"<tr>{_cell(value, f'color:{theme.muted}', 'colspan=2')}</tr>"
            continue
        colour = theme.warning if name == "warning" else theme.text
        rows += f"<tr>{_name_cell(theme, name)}{_cell(value, f'color:{colour}')}</tr>"
    return TABLE.format("", rows)


def _columns_of(theme: Theme, names: Sequence[str], facts: Sequence[Difference]) -> str:
    """Return one column per run; what is the same is pale."""
    heads = "".join(_cell(name, f"color:{theme.text}; font-weight:600") for name in names)
    rows = f"<tr><td></td>{heads}</tr>"
    for fact in facts:
        colour = theme.text if fact.differs else theme.muted
        values = "".join(_cell(value or "–", f"color:{colour}") for value in fact.values)
        rows += f"<tr>{_name_cell(theme, fact.name, fact.differs)}{values}</tr>"
    return TABLE.format("", rows)


def _lines_of(theme: Theme, names: Sequence[str], facts: Sequence[Difference]) -> str:
    """Return what is the same once, and a line for each run where it differs."""
    rows = ""
    for fact in facts:
        muted = f"<span style='color:{theme.muted}'>{{}}</span>"
        lines = [
            f"{muted.format(escape(name))}&nbsp; {_text(value or '–')}"
            for name, value in zip(names, fact.values, strict=True)
        ]
        shown = lines if fact.differs else [muted.format(_text(fact.values[0] or "–"))]
        value = f"<td style='color:{theme.text}'>{'<br>'.join(shown)}</td>"
        rows += f"<tr>{_name_cell(theme, fact.name, fact.differs)}{value}</tr>"
    return TABLE.format("", rows)


def _name_cell(theme: Theme, name: str, differs: bool = False) -> str:
    wraps = "" if name.endswith(".onnx") else "; white-space:nowrap"  # a file's may be long, and is torn
    return _cell((MARK if differs else "") + name, f"color:{theme.muted}{wraps}", NARROW)


def _cell(text: str, style: str, attributes: str = "") -> str:
    return f"<td {attributes} style='{style}'>{_text(text)}</td>"


def _text(text: str) -> str:
    """Escape a text, and keep what belongs together on a line: 2 : 1, σ = 0.5."""
    return escape(text).replace(" : ", "&nbsp;:&nbsp;").replace(" = ", "&nbsp;=&nbsp;")
