"""A report as a PDF on A4: text as text, curves as lines, images as their own pixels; no figure is cut by a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPageLayout, QPageSize, QPaintDevice, QPainter, QPdfWriter, QPen

from viewer.figures.theme import LIGHT
from viewer.report import short
from viewer.report.document import Block, FigureBlock, Heading, Report, TableBlock, TextBlock, note
from viewer.report.pages import Page, Piece, column_widths, paginate
from viewer.report.painting import MARGIN, font, outer_size, paint
from zoo import __version__

DPI = 108  # so that a point of the figures is a dot of the paper's 178 mm, and a cosmetic pen as wide as on a screen
MARGIN_MM = 16.0
FOOTER = 34.0
BODY, SMALL, CELLS = 14, 12, 12  # dots; 14 are 9.3 points
LEAST_CELLS = 9
SCALES = (1.0, 0.92, 0.85, 0.79)  # of a short report; the last has letters of 7.4 points
FIGURES = (1.0, 0.9, 0.8, 0.7, 0.6)  # of their size, in a short report
LEAST_LETTERS = 0.55  # of both together: letters in figures of 4.4 points
LEAST_FIGURE = 0.72  # of its size, where that brings it to the page before
COMPACT = 0.75  # of its width, at which a plot of a short report is painted: then its letters are not as small
CELL_GAP, CELL_PADDING = 14.0, 3.5
TOGETHER = 3  # rows at a table's ends that stay together
BAR = 14.0  # what the bar beside a paragraph takes

_WRAP = int(Qt.TextFlag.TextWordWrap)
_ANYWHERE = int(Qt.TextFlag.TextWrapAnywhere)
_KEPT = re.compile(r" (?=(?:%|dB|±)(?:\W|$))|(?<=±) ")  # spaces at which no line ends
_LEFT, _RIGHT = int(Qt.AlignmentFlag.AlignLeft), int(Qt.AlignmentFlag.AlignRight)

Paint = Callable[[QPainter], None]
PaintedPiece = Piece[Paint]


def to_pdf(report: Report) -> bytes:
    """Return the report as a PDF with its contents at the front and numbered pages."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(report.title)
    writer.setCreator(f"aezoo {__version__}")
    writer.setResolution(DPI)
    margins = QMarginsF(MARGIN_MM, MARGIN_MM, MARGIN_MM, MARGIN_MM)
    writer.setPageLayout(
        QPageLayout(
            QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait, margins, QPageLayout.Unit.Millimeter
        )
    )
    report, pages, scale = _fitted(report, writer)
    whole = QRectF(0, 0, writer.width() / scale, writer.height() / scale)
    painter = QPainter(writer)
    painter.setRenderHint(QPainter.RenderHint.LosslessImageRendering)
    painter.scale(scale, scale)
    for number, page in enumerate(pages, start=1):
        if number > 1:
            writer.newPage()
        paint_page(painter, page, whole, f"{number} of {len(pages)}", report)
    painter.end()
    return bytes(buffer.data().data())


def _fitted(report: Report, writer: QPdfWriter) -> tuple[Report, list[Page[Paint]], float]:
    """Return the pages and their scale: of a short report the largest at which it fits, without its last figures if
    none does."""
    sizes = [(scale, figures) for scale in SCALES for figures in FIGURES if scale * figures >= LEAST_LETTERS]
    while True:
        for scale, figures in sizes if report.most_pages else [(1.0, 1.0)]:
            pages = lay_out(report, writer, writer.width() / scale, writer.height() / scale - FOOTER, figures)
            if report.most_pages is None or len(pages) <= report.most_pages:
                return report, pages, scale
        if not report.pictures:
            return report, pages, scale
        report = short.without_last_figure(report)


def lay_out(
    report: Report, device: QPaintDevice, width: float, height: float, figures: float = 1.0
) -> list[Page[Paint]]:
    """Return the pages: the title, the contents with the pages' numbers, and what follows."""
    setter = Setter(device, width, figures)
    body = list(setter.body(report))
    draft = paginate([*setter.front(report, {}), *body], height)
    numbers: dict[int | None, int] = {}
    for number, page in enumerate(draft):
        for entry in page:
            numbers.setdefault(entry.piece.mark, number + 1)
    return paginate([*setter.front(report, numbers), *body], height)


def paint_page(painter: QPainter, page: Page[Paint], rect: QRectF, number: str, report: Report) -> None:
    """Paint one page with its title and number at the foot."""
    for entry in page:
        painter.save()
        painter.translate(rect.left(), rect.top() + entry.top)
        entry.piece.content(painter)
        painter.restore()
    painter.setFont(font(SMALL - 2))
    painter.setPen(LIGHT.colour("muted"))
    foot = QRectF(rect.left(), rect.bottom() - FOOTER + 14, rect.width(), FOOTER - 14)
    painter.drawText(foot, _LEFT | int(Qt.AlignmentFlag.AlignBottom), report.title)
    painter.drawText(foot, _RIGHT | int(Qt.AlignmentFlag.AlignBottom), number)


@dataclass(frozen=True, eq=False)
class Setter:
    """Turns blocks into pieces of a page's width."""

    device: QPaintDevice
    width: float
    figures: float = 1.0  # the scale of figures

    # ---- blocks ----

    def front(self, report: Report, numbers: Mapping[int | None, int]) -> Iterator[PaintedPiece]:
        """The title, the sheet, and the contents with a page's number for each heading."""
        yield self._lines(report.title, font(24, bold=True), "text", keep=True)
        yield replace(self._lines(report.lead, font(BODY), "muted"), above=6)
        if report.warning:
            yield self._paragraph(note(report.warning))
        if report.most_pages:
            return
        for number, block in enumerate(report.blocks):
            if isinstance(block, Heading):
                yield self.entry(block, numbers.get(number, 0))

    def body(self, report: Report) -> Iterator[PaintedPiece]:
        around = zip((None, *report.blocks), report.blocks, (*report.blocks[1:], None), strict=False)
        for number, (before, block, after) in enumerate(around):
            begins = isinstance(before, Heading) and before.level == 2
            opens = begins and isinstance(block, TextBlock) and isinstance(after, Heading)
            for piece in self._block(block):
                yield replace(piece, mark=number, keep=piece.keep or opens)

    def _block(self, block: Block) -> Iterator[PaintedPiece]:
        if isinstance(block, Heading):
            yield self._heading(block)
        elif isinstance(block, TextBlock):
            yield self._paragraph(block)
        elif isinstance(block, TableBlock):
            yield from self._table(block)
        else:
            yield from self._picture(block)

    def _heading(self, heading: Heading) -> PaintedPiece:
        size, above = (19, 34) if heading.level == 2 else (15, 22)
        return replace(self._lines(heading.text, font(size, bold=True), "text", keep=True), above=above)

    def entry(self, heading: Heading, number: int) -> PaintedPiece:
        """A line of the contents: a heading and its page."""
        part = heading.level == 2
        letters = font(SMALL + part, bold=part)
        metrics = QFontMetricsF(letters, self.device)
        left, right = 0.0 if part else 18.0, 40.0
        text = metrics.elidedText(heading.short, Qt.TextElideMode.ElideRight, self.width - left - right)
        height = metrics.height()

        def draw(painter: QPainter) -> None:
            painter.setFont(letters)
            painter.setPen(LIGHT.colour("text"))
            painter.drawText(QRectF(left, 0, self.width - left, height), _LEFT, text)
            painter.drawText(QRectF(0, 0, self.width, height), _RIGHT, str(number))

        return Piece(draw, height, above=8 if part else 3)

    def _paragraph(self, text: TextBlock) -> PaintedPiece:
        letters = font(BODY, italic=text.kind == "quote")
        colour = {"quote": "muted", "note": "warning"}.get(text.kind, "text")
        if text.kind == "plain":
            return replace(self._lines(text.text, letters, colour), above=8)
        padding = 7.0 if text.kind == "note" else 1.0
        inner = self._lines(text.text, letters, colour, left=BAR)
        height = inner.height + 2 * padding

        def draw(painter: QPainter) -> None:
            if text.kind == "note":
                painter.fillRect(QRectF(0, 0, self.width, height), LIGHT.colour("warning_ground"))
            else:
                bar = LIGHT.colour("accent" if text.kind == "answer" else "border")
                painter.fillRect(QRectF(0, 0, 3, height), bar)
            painter.translate(0, padding)
            inner.content(painter)

        return Piece(draw, height, above=9, keep=text.kind == "quote")

    def _lines(self, text: str, letters: QFont, colour: str, *, left: float = 0.0, keep: bool = False) -> PaintedPiece:
        text = _plain(text)
        room = self.width - left - (4 if left else 0)
        height = _height(text, letters, room, self.device, _WRAP)

        def draw(painter: QPainter) -> None:
            painter.setFont(letters)
            painter.setPen(LIGHT.colour(colour))
            painter.drawText(QRectF(left, 0, room, height + 2), _LEFT | _WRAP, text)

        return Piece(draw, height, above=8, keep=keep)

    def _picture(self, picture: FigureBlock) -> Iterator[PaintedPiece]:
        scale = self.figures
        if picture.is_plot and scale < 1:
            wide, tall = picture.size
            picture = replace(picture, size=(round(COMPACT * wide), round((1 + COMPACT) / 2 * tall)))
            scale = min(1.0, scale / COMPACT)
        width, height = outer_size(picture)
        fine = 2.0 if picture.halves else 1.0

        def at(scale: float) -> PaintedPiece:
            def draw(painter: QPainter) -> None:
                painter.translate(-MARGIN * scale, 0)  # what is painted begins where text does
                painter.scale(scale / fine, scale / fine)
                paint(picture, LIGHT, painter, fine)

            return Piece(draw, height * scale, above=14, keep=True)

        largest = min(scale, (self.width + 2 * MARGIN) / width)
        smaller = partial(_of_height, at, height)
        least = min(largest, max(LEAST_FIGURE * largest, FIGURES[-1]))  # a short report's are small enough
        yield replace(at(largest), least=least * height, smaller=smaller)
        yield replace(self._lines(picture.caption, font(SMALL), "muted"), above=4)

    # ---- tables ----

    def _table(self, table: TableBlock) -> Iterator[PaintedPiece]:
        table = replace(table, rows=tuple(tuple(map(_plain, row)) for row in table.rows))
        letters, widths = self._fitting(table)
        heading = self._row(table, table.rows[0], letters, widths, first=True)
        yield replace(self._lines(table.caption, font(SMALL), "muted", keep=True), above=14)
        yield replace(heading, above=4, keep=True)
        rows = [self._row(table, row, letters, widths, first=False) for row in table.rows[1:]]
        for index, row in enumerate(rows):
            lonely = index < TOGETHER - 1 or index >= len(rows) - TOGETHER
            yield replace(row, head=heading, keep=lonely and index < len(rows) - 1)

    def _fitting(self, table: TableBlock) -> tuple[QFont, list[float]]:
        """Return the largest font in which no word has to be broken, and the columns' widths."""
        for size in range(CELLS, LEAST_CELLS - 1, -1):
            letters = font(size)
            natural, least = self._widths(table, letters)
            if sum(least) <= self.width:
                break
        return letters, column_widths(natural, least, self.width)

    def _widths(self, table: TableBlock, letters: QFont) -> tuple[list[float], list[float]]:
        natural, least = [], []
        for index, column in enumerate(zip(*table.rows, strict=True)):
            metrics = QFontMetricsF(self._letters(table, index, letters), self.device)
            natural.append(CELL_GAP + max(metrics.horizontalAdvance(cell) for cell in column) + 1)
            if self._is_code(table, index) or (index == 0 and table.text_columns == 1):
                least.append(natural[index])  # a hash and a row's name stay on one line
            else:
                words = [word for cell in column for word in cell.split(" ")]
                least.append(CELL_GAP + max(metrics.horizontalAdvance(word) for word in words) + 1)
        return natural, least

    def _row(
        self, table: TableBlock, cells: Sequence[str], letters: QFont, widths: Sequence[float], *, first: bool
    ) -> PaintedPiece:
        own = [letters if first else self._letters(table, index, letters) for index in range(len(cells))]
        flags = [
            (_ANYWHERE if self._is_code(table, index) and not first else _WRAP)
            | (_LEFT if index < table.text_columns or self._is_code(table, index) else _RIGHT)
            for index in range(len(cells))
        ]
        rooms = [width - CELL_GAP for width in widths]
        heights = [
            _height(cell, face, room, self.device, flag)
            for cell, face, room, flag in zip(cells, own, rooms, flags, strict=True)
        ]
        height = max(heights) + 2 * CELL_PADDING

        def draw(painter: QPainter) -> None:
            left = 0.0
            painter.setPen(LIGHT.colour("muted" if first else "text"))
            for cell, face, room, flag, width in zip(cells, own, rooms, flags, widths, strict=True):
                painter.setFont(face)
                painter.drawText(QRectF(left, CELL_PADDING, room, height - CELL_PADDING), flag, cell)
                left += width
            painter.setPen(QPen(_line(first), 1))
            painter.drawLine(0, round(height), round(left - CELL_GAP), round(height))

        return Piece(draw, height)

    def _letters(self, table: TableBlock, index: int, letters: QFont) -> QFont:
        return font(letters.pixelSize() - 1, mono=True) if self._is_code(table, index) else letters

    @staticmethod
    def _is_code(table: TableBlock, index: int) -> bool:
        return table.code and index == len(table.rows[0]) - 1


def _plain(text: str) -> str:
    """Return a paragraph as it stands on paper: commands without their marks, no number parted from its unit."""
    return _KEPT.sub("\N{NO-BREAK SPACE}", text.replace("`", ""))


def _of_height(at: Callable[[float], PaintedPiece], natural: float, height: float) -> PaintedPiece:
    return at(height / natural)


def _line(first: bool) -> QColor:
    return LIGHT.colour("muted" if first else "border")


def _height(text: str, letters: QFont, room: float, device: QPaintDevice, flags: int) -> float:
    metrics = QFontMetricsF(letters, device)
    return max(metrics.height(), metrics.boundingRect(QRectF(0, 0, room, 1e6), flags, text).height())
