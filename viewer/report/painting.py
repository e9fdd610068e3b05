"""Pictures of a report, painted off-screen by the window's painters."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QIODevice, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QImage, QPainter, QPixmap

from viewer.figures.paper import Paper
from viewer.figures.theme import Theme
from viewer.report.document import FigureBlock

FAMILY = "DejaVu Sans"
MARGIN, FOOTER = 10, 16
FOOTER_LETTERS = 10
PIXELS_A_POINT = 2.0  # for displays of twice the usual density


def font(pixels: float, *, bold: bool = False, italic: bool = False, mono: bool = False) -> QFont:
    """Return the report's font; without hints, so that a line is as long on paper as on a screen."""
    made = QFont("DejaVu Sans Mono" if mono else FAMILY)
    made.setPixelSize(round(pixels))
    made.setBold(bold)
    made.setItalic(italic)
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return made


def outer_size(picture: FigureBlock) -> tuple[int, int]:
    """Return a picture's width and height in points with the line below it that names the data."""
    width, height = picture.size
    return width, height + (FOOTER if picture.data else 0)


def paint(picture: FigureBlock, theme: Theme, painter: QPainter, scale: float = 1.0) -> None:
    """Paint a picture at the origin, every measure times `scale`; the data's name stands below it."""
    width, height = (side * scale for side in picture.size)
    margin = MARGIN * scale
    painter.save()
    painter.setFont(font(picture.letters * scale))
    room = QRectF(margin, margin, width - 2 * margin, height - 2 * margin)
    picture.figure(theme).paint(painter, Paper.of(painter, room))
    painter.restore()
    if picture.data:
        small = font(FOOTER_LETTERS * scale)
        painter.setFont(small)
        painter.setPen(theme.colour("muted"))
        room = QRectF(margin, height - 4 * scale, width - 2 * margin, FOOTER * scale)
        metrics = QFontMetricsF(small, painter.device())
        text = metrics.elidedText(f"data: {picture.data}", Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def to_png(picture: FigureBlock, theme: Theme) -> bytes:
    """Return a picture as PNG on the theme's ground, of twice its size in points."""
    width, height = outer_size(picture)
    image = QImage(round(width * PIXELS_A_POINT), round(height * PIXELS_A_POINT), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(PIXELS_A_POINT)
    image.fill(theme.colour("base"))
    painter = QPainter(image)
    paint(picture, theme, painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert QPixmap.fromImage(image).save(buffer, "PNG"), picture.name
    return bytes(buffer.data().data())
