"""A page of sections: figures become pictures, everything becomes one HTML file that needs no other."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from PySide6.QtCore import QBuffer, QIODevice, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QImage, QPainter, QPixmap

from viewer.figures.theme import LIGHT

MARGIN, FOOTER = 12, 16
PIXELS_A_POINT = 2.0  # pictures are made for displays of twice the usual density

Table = tuple[tuple[str, ...], ...]  # the first row is the heading


class Figure(Protocol):
    """Anything that paints itself into a rectangle."""

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Paint inside `rect`."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its file name, its size in points, its caption, and where the images in it come from."""

    name: str
    figure: Figure
    size: tuple[int, int]
    caption: str
    data: str = ""


@dataclass(frozen=True, eq=False)
class Section:
    """A heading, sentences, tables and pictures, shown in this order."""

    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = field(default=())


def paint(picture: Picture) -> bytes:
    """Return a picture as PNG, painted on white at twice its size in points; the data's name stands below it."""
    width, height = picture.size
    below = FOOTER if picture.data else 0
    tall = round((height + below) * PIXELS_A_POINT)
    image = QImage(round(width * PIXELS_A_POINT), tall, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(PIXELS_A_POINT)
    image.fill(LIGHT.colour("base"))
    painter = QPainter(image)
    font = QFont("DejaVu Sans")
    font.setPixelSize(12)
    painter.setFont(font)
    picture.figure.paint(painter, QRectF(MARGIN, MARGIN, width - 2 * MARGIN, height - 2 * MARGIN))
    if picture.data:
        font.setPixelSize(10)
        painter.setFont(font)
        painter.setPen(LIGHT.colour("muted"))
        room = QRectF(MARGIN, height - 4, width - 2 * MARGIN, FOOTER)
        text = QFontMetricsF(font).elidedText(f"data: {picture.data}", Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert QPixmap.fromImage(image).save(buffer, "PNG"), picture.name
    return bytes(buffer.data().data())


def to_html(title: str, sections: Sequence[Section], images: dict[str, bytes]) -> str:
    """Return the page; every text is escaped and every picture is inside."""
    body = "\n".join(_section(section, images) for section in sections)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title><style>{_STYLE}</style></head>
<body><h1>{_text(title)}</h1>
{body}
</body></html>
"""


def _section(section: Section, images: dict[str, bytes]) -> str:
    parts = [f"<h2>{_text(section.title)}</h2>"]
    parts += [f"<p>{_text(sentence)}</p>" for sentence in section.text]
    parts += [_table(table) for table in section.tables]
    for picture in section.pictures:
        data = base64.b64encode(images[picture.name]).decode()
        parts.append(
            f'<figure><img src="data:image/png;base64,{data}" width="{picture.size[0]}" alt="{_text(picture.caption)}">'
            f"<figcaption>{_text(picture.caption)}</figcaption></figure>"
        )
    return "\n".join(parts)


def _table(table: Table) -> str:
    heading, *rows = table
    head = "".join(f"<th>{_text(cell)}</th>" for cell in heading)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _text(text: str) -> str:
    return html.escape(text, quote=True)


_STYLE = """
body { font: 15px/1.5 system-ui, 'DejaVu Sans', sans-serif; color: #1c2430 }
body { max-width: 1000px; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; margin: 1em 0 }
td, th { padding: .2em .8em; border-bottom: 1px solid #d3d8df; text-align: right }
td:first-child, th:first-child { text-align: left } th { color: #5f6b7a; font-weight: 600 }
figure { margin: 1.5em 0 } img { max-width: 100% } figcaption { color: #5f6b7a }
"""
