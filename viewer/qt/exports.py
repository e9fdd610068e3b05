"""Exports of a panel: its figure as PNG, SVG or PDF, painted as on the screen, and its numbers as CSV."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QPoint, QRectF, QSize, QSizeF
from PySide6.QtGui import QFont, QFontMetricsF, QImage, QImageWriter, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

import zoo
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.qt.widgets.panel import Numbers, Panel

MARGIN, CAPTION_GAP = 12, 6
PIXELS_A_POINT = 3.0  # of a PNG, which may be enlarged in print
KINDS = {"png": "PNG picture", "svg": "SVG drawing", "pdf": "PDF page", "csv": "CSV table of the numbers"}


class _AsItStands(Figure):
    """A widget as a figure: for panels that have no figure of their own."""

    def __init__(self, widget: QWidget) -> None:
        self._widget = widget

    def paint(self, painter: QPainter, paper: Paper) -> None:
        painter.save()
        painter.translate(paper.rect.topLeft())
        self._widget.render(painter, QPoint())
        painter.restore()


@dataclass(frozen=True)
class Caption:
    """What stands above and below an exported picture, and in its metadata."""

    title: str
    provenance: str

    @classmethod
    def of(cls, panel: Panel) -> Caption:
        """Return the caption of a panel: its title with the runs that it shows, and where its images are from."""
        state = panel.store.state
        names = [state.names()[path] for path in state.compared]
        data = state.page.provenance if state.page else ""
        return cls(
            f"{panel.title}: {', '.join(names)}" if names else panel.title,
            " · ".join(part for part in (f"data: {data}" if data else "", f"aezoo {zoo.__version__}") if part),
        )


@dataclass(frozen=True, eq=False)
class _Captioned(Figure):
    """A figure between its title and its provenance."""

    figure: Figure
    caption: Caption
    theme: Theme

    def paint(self, painter: QPainter, paper: Paper) -> None:
        line, rect = paper.line + CAPTION_GAP, paper.rect
        top = paper.at(QRectF(rect.left(), rect.top(), rect.width(), paper.line))
        top.write(painter, self.caption.title, self.theme.colour("text"))
        self.figure.paint(painter, paper.at(rect.adjusted(0, line, 0, -line)))
        foot = paper.at(QRectF(rect.left(), rect.bottom() - paper.line, rect.width(), paper.line))
        foot.write(painter, self.caption.provenance, self.theme.colour("muted"))


def picture(panel: Panel, kind: str) -> bytes:
    """Return a panel's picture in the size it has on the screen; `kind` is 'png', 'svg' or 'pdf'."""
    figure: Figure = panel.figure or _AsItStands(panel)
    return painted(figure, panel.size(), panel.theme, panel.font(), kind, Caption.of(panel))


def painted(figure: Figure, size: QSize, theme: Theme, font: QFont, kind: str, caption: Caption) -> bytes:
    """Return a figure with a margin and its caption, on the theme's background, as the bytes of a file."""
    lines = 2 * (math.ceil(QFontMetricsF(font).height()) + CAPTION_GAP)
    whole = QSize(size.width() + 2 * MARGIN, size.height() + 2 * MARGIN + lines)
    paint = {"png": _png, "svg": _svg, "pdf": _pdf}[kind]
    return paint(_Captioned(figure, caption, theme), whole, theme, font, caption)


def table(numbers: Numbers) -> bytes:
    """Return numbers as CSV (RFC 4180), UTF-8; a cell that looks like a formula is quoted."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[_safe(cell) for cell in row] for row in numbers])
    return text.getvalue().encode()


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") else cell


def _paint(painter: QPainter, figure: Figure, size: QSize, theme: Theme, font: QFont) -> None:
    everything = QRectF(0, 0, size.width(), size.height())
    painter.fillRect(everything, theme.colour("base"))
    painter.setFont(font)
    figure.paint(painter, Paper.of(painter, everything.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)))
    painter.end()


def _png(figure: Figure, size: QSize, theme: Theme, font: QFont, caption: Caption) -> bytes:
    image = QImage(size * PIXELS_A_POINT, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(PIXELS_A_POINT)
    _paint(QPainter(image), figure, size, theme, font)
    buffer = _buffer()
    writer = QImageWriter(buffer, QByteArray(b"PNG"))
    for key, text in (("Title", caption.title), ("Description", caption.provenance), ("Software", "aezoo")):
        writer.setText(key, text)
    assert writer.write(image), size
    return bytes(buffer.data().data())


def _svg(figure: Figure, size: QSize, theme: Theme, font: QFont, caption: Caption) -> bytes:
    buffer, generator = _buffer(), QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setTitle(caption.title)
    generator.setDescription(caption.provenance)
    generator.setResolution(96)
    _paint(QPainter(generator), figure, size, theme, font)
    return bytes(buffer.data().data())


def _pdf(figure: Figure, size: QSize, theme: Theme, font: QFont, caption: Caption) -> bytes:
    buffer = _buffer()
    writer = QPdfWriter(buffer)
    writer.setTitle(f"{caption.title} – {caption.provenance}")
    writer.setCreator("aezoo")
    inches = QSizeF(size.width() / 96, size.height() / 96)
    writer.setPageSize(QPageSize(inches, QPageSize.Unit.Inch, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    writer.setResolution(96)
    _paint(QPainter(writer), figure, size, theme, font)
    return bytes(buffer.data().data())


def _buffer() -> QBuffer:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    return buffer
