"""Exports of a panel: its figure as PNG, SVG or PDF, painted as on the screen, and its numbers as CSV."""

from __future__ import annotations

import csv
import io

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QPoint, QRectF, QSize, QSizeF
from PySide6.QtGui import QFont, QImage, QPageSize, QPainter, QPdfWriter, QPixmap
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.qt.widgets.panel import Numbers, Panel

MARGIN = 12
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


def picture(panel: Panel, kind: str) -> bytes:
    """Return a panel's picture in the size it has on the screen; `kind` is 'png', 'svg' or 'pdf'."""
    figure: Figure = panel.figure or _AsItStands(panel)
    return painted(figure, panel.size(), panel.theme, panel.font(), kind)


def painted(figure: Figure, size: QSize, theme: Theme, font: QFont, kind: str) -> bytes:
    """Return a figure with a margin, on the theme's background, as the bytes of a file."""
    whole = QSize(size.width() + 2 * MARGIN, size.height() + 2 * MARGIN)
    return {"png": _png, "svg": _svg, "pdf": _pdf}[kind](figure, whole, theme, font)


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


def _png(figure: Figure, size: QSize, theme: Theme, font: QFont) -> bytes:
    image = QImage(size * PIXELS_A_POINT, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(PIXELS_A_POINT)
    _paint(QPainter(image), figure, size, theme, font)
    buffer = _buffer()
    assert QPixmap.fromImage(image).save(buffer, "PNG"), size
    return bytes(buffer.data().data())


def _svg(figure: Figure, size: QSize, theme: Theme, font: QFont) -> bytes:
    buffer, generator = _buffer(), QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setTitle("aezoo")
    generator.setResolution(96)
    _paint(QPainter(generator), figure, size, theme, font)
    return bytes(buffer.data().data())


def _pdf(figure: Figure, size: QSize, theme: Theme, font: QFont) -> bytes:
    buffer = _buffer()
    writer = QPdfWriter(buffer)
    writer.setTitle("aezoo")
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
