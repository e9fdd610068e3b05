"""A report as a PDF on A4: text as text, curves as lines, images as their own pixels; no figure is cut by a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QRectF, Qt
from PySide6.QtGui import QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument, QTextOption, QTextTable

from viewer.figures.theme import LIGHT
from viewer.report import page, short
from viewer.report.document import Block, FigureBlock, Heading, Report, TableBlock, TextBlock, note
from viewer.report.pages import Page, Piece, paginate
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
CELL_PADDING = 3
TOGETHER = 3  # rows at a table's ends that stay together

Paint = Callable[[QPainter, float], None]  # paints at the origin, into a piece's height
PaintedPiece = Piece[Paint]

STYLE = f"""
p, blockquote {{ margin: 0; color: {LIGHT.text}; }}
.heading1, .heading2, .heading3 {{ font-weight: bold; }}
.heading1 {{ font-size: 24px; }} .heading2 {{ font-size: 19px; }} .heading3 {{ font-size: 15px; }}
blockquote {{ font-style: italic; color: {LIGHT.muted}; }}
.caption {{ font-size: {SMALL}px; color: {LIGHT.muted}; }}
.answer, .quote {{ border-left: 3px solid {LIGHT.border}; padding-left: 11px; }}
.answer {{ border-color: {LIGHT.accent}; }}
.note {{ background-color: {LIGHT.warning_ground}; padding: 7px 14px; }} .note p {{ color: {LIGHT.warning}; }}
.rows td, .rows th {{ border-bottom: 1px solid {LIGHT.border}; padding: {CELL_PADDING}px 14px {CELL_PADDING}px 0; }}
.rows td, .rows th {{ color: {LIGHT.text}; font-weight: normal; text-align: right; }}
.rows thead th {{ color: {LIGHT.muted}; border-color: {LIGHT.muted}; }}
.rows .words, .rows .name, .rows .code {{ text-align: left; }} .name, .line {{ white-space: nowrap; }}
td.code, code {{ font-family: 'DejaVu Sans Mono'; font-size: {SMALL - 2}px; }}
.level2 {{ font-weight: bold; padding-top: 8px; }} .level3 {{ padding-left: 18px; padding-top: 3px; }}
"""


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
    report, pages, scale = _fitted(report, writer.width(), writer.height())
    whole = QRectF(0, 0, writer.width() / scale, writer.height() / scale)
    painter = QPainter(writer)
    painter.setRenderHint(QPainter.RenderHint.LosslessImageRendering)
    painter.scale(scale, scale)
    for number, placed in enumerate(pages, start=1):
        if number > 1:
            writer.newPage()
        paint_page(painter, placed, whole, f"{number} of {len(pages)}", report)
    painter.end()
    return bytes(buffer.data().data())


def _fitted(report: Report, width: float, height: float) -> tuple[Report, list[Page[Paint]], float]:
    """Return the pages and their scale: of a short report the largest at which it fits, without its last figures if
    none does."""
    sizes = [(scale, figures) for scale in SCALES for figures in FIGURES if scale * figures >= LEAST_LETTERS]
    while True:
        for scale, figures in sizes if report.most_pages else [(1.0, 1.0)]:
            pages = lay_out(report, width / scale, height / scale - FOOTER, figures)
            if report.most_pages is None or len(pages) <= report.most_pages:
                return report, pages, scale
        if not report.pictures:
            return report, pages, scale
        report = short.without_last_figure(report)


def lay_out(report: Report, width: float, height: float, figures: float = 1.0) -> list[Page[Paint]]:
    """Return the pages: the title, the contents with the pages' numbers, and what follows."""
    setter = Setter(width, figures)
    body = list(setter.body(report))
    draft = paginate([*setter.front(report, {}), *body], height)
    numbers: dict[int | None, int] = {}
    for number, placed in enumerate(draft):
        for entry in placed:
            numbers.setdefault(entry.piece.mark, number + 1)
    return paginate([*setter.front(report, numbers), *body], height)


def paint_page(painter: QPainter, placed: Page[Paint], rect: QRectF, number: str, report: Report) -> None:
    """Paint one page with its title and number at the foot."""
    for entry in placed:
        painter.save()
        painter.translate(rect.left(), rect.top() + entry.top)
        entry.piece.content(painter, entry.piece.height)
        painter.restore()
    painter.setFont(font(SMALL - 2))
    painter.setPen(LIGHT.colour("muted"))
    painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, report.title)
    painter.drawText(rect, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, number)


@dataclass(frozen=True)
class Setter:
    """Turns blocks into pieces of a page's width: Qt sets the page's HTML, and tables are cut between their rows."""

    width: float
    figures: float = 1.0  # the scale of figures

    def front(self, report: Report, numbers: Mapping[int | None, int]) -> Iterator[PaintedPiece]:
        """The title, the sheet, and the contents with a page's number for each heading."""
        yield self._text(f'<p class="heading1">{page.text(report.title)}</p>', keep=True)
        yield self._text(f'<p style="color: {LIGHT.muted}">{page.text(report.lead)}</p>', above=6)
        if report.warning:
            yield from self._block(note(report.warning))
        if report.most_pages is None:
            yield from self._rows(self._document(contents(report, numbers), SMALL))

    def body(self, report: Report) -> Iterator[PaintedPiece]:
        around = zip((None, *report.blocks), report.blocks, (*report.blocks[1:], None), strict=False)
        for number, (before, block, after) in enumerate(around):
            begins = isinstance(before, Heading) and before.level == 2
            opens = begins and isinstance(block, TextBlock) and isinstance(after, Heading)
            for piece in self._block(block):
                yield replace(piece, mark=number, keep=piece.keep or opens)

    def _block(self, block: Block) -> Iterator[PaintedPiece]:
        if isinstance(block, FigureBlock):
            yield from self._picture(block)
        elif isinstance(block, TableBlock):
            yield from self._table(block)
        elif isinstance(block, Heading):
            html = f'<p class="heading{block.level}">{page.text(block.text)}</p>'  # of <h2> and <h3> Qt chooses sizes
            yield self._text(html, above=34 if block.level == 2 else 22, keep=True)
        else:
            html = f'<table width="100%" cellspacing="0"><tr><td class="{block.kind}">{page.paragraph(block)}</td></tr>'
            yield self._text(f"{html}</table>", above=9, keep=block.kind == "quote")

    def _document(self, html: str, letters: int = BODY) -> QTextDocument:
        document = QTextDocument()
        document.setDocumentMargin(0)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WordWrap)  # no word is broken, so that a column holds its longest
        document.setDefaultTextOption(option)
        document.setDefaultFont(font(letters))
        document.setDefaultStyleSheet(STYLE)
        document.setHtml(html)
        document.setTextWidth(self.width)
        return document

    def _text(self, html: str, *, above: float = 8, keep: bool = False) -> PaintedPiece:
        document = self._document(html)
        return Piece(partial(_paint_slice, document, 0), document.size().height(), above, keep)

    def _picture(self, picture: FigureBlock) -> Iterator[PaintedPiece]:
        scale = self.figures
        if picture.is_plot and scale < 1:
            wide, tall = picture.size
            picture = replace(picture, size=(round(COMPACT * wide), round((1 + COMPACT) / 2 * tall)))
            scale = min(1.0, scale / COMPACT)
        width, height = outer_size(picture)
        fine = 2.0 if picture.halves else 1.0

        def draw(painter: QPainter, own_height: float) -> None:
            scale = own_height / height
            painter.translate(-MARGIN * scale, 0)  # what is painted begins where text does
            painter.scale(scale / fine, scale / fine)
            paint(picture, LIGHT, painter, fine)

        largest = min(scale, (self.width + 2 * MARGIN) / width)
        least = min(largest, max(LEAST_FIGURE * largest, FIGURES[-1]))  # a short report's are small enough
        yield Piece(draw, largest * height, above=14, keep=True, least=least * height)
        yield self._text(page.caption(picture.caption), above=4)

    def _table(self, table: TableBlock) -> Iterator[PaintedPiece]:
        yield self._text(page.caption(table.caption), above=14, keep=True)
        for letters in range(CELLS, LEAST_CELLS - 1, -1):
            document = self._document(page.rows(table), letters)
            if document.size().width() <= self.width:
                break
        heading, *rows = self._rows(document)
        yield replace(heading, above=4, keep=True)
        for index, row in enumerate(rows):
            lonely = index < TOGETHER - 1 or index >= len(rows) - TOGETHER
            yield replace(row, head=heading, keep=lonely and index < len(rows) - 1)

    @staticmethod
    def _rows(document: QTextDocument) -> list[PaintedPiece]:
        """Return a piece for each row of a document's only table."""
        (table,) = document.rootFrame().childFrames()
        assert isinstance(table, QTextTable)
        layout = document.documentLayout()
        cells = [table.cellAt(row, 0) for row in range(table.rows())]
        tops = [
            layout.blockBoundingRect(cell.firstCursorPosition().block()).top()
            - cell.format().toTableCellFormat().topPadding()
            for cell in cells
        ]
        ends = [*tops[1:], layout.frameBoundingRect(table).bottom()]
        return [Piece(partial(_paint_slice, document, top), end - top) for top, end in zip(tops, ends, strict=True)]


def _paint_slice(document: QTextDocument, top: float, painter: QPainter, height: float) -> None:
    """Paint so much of a document at the origin."""
    painter.translate(0, -top)
    document.drawContents(painter, QRectF(0, top, document.size().width(), height))


def contents(report: Report, numbers: Mapping[int | None, int]) -> str:
    """Return a table of the headings and their pages."""
    entries = "".join(
        f'<tr><td class="level{block.level}">{page.text(block.short)}</td>'
        f'<td class="level{block.level}" align="right">{numbers.get(number, 0)}</td></tr>'
        for number, block in enumerate(report.blocks)
        if isinstance(block, Heading)
    )
    return f'<table width="100%" cellspacing="0">{entries}</table>'
