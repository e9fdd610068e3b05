"""Exports of a panel: its figure as PNG, SVG or PDF, painted as on the screen, and its numbers as CSV.

They go to a file or to the clipboard; a figure can also be seen in a window of its own.
"""

from __future__ import annotations

import csv
import io
import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMargins, QMarginsF, QPoint, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import (
    QGuiApplication,
    QImage,
    QImageWriter,
    QKeySequence,
    QPageSize,
    QPaintDevice,
    QPainter,
    QPalette,
    QPdfWriter,
    QShortcut,
)
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog

import zoo
from viewer.figures.paper import Paper
from viewer.qt.disk import JobResult
from viewer.qt.widgets.figure_view import FigureView
from viewer.qt.widgets.panel import Numbers, Panel
from viewer.state.formatting import sentence
from zoo.runs import atomic_write

if TYPE_CHECKING:
    from viewer.qt.main_window import MainWindow

MARGIN, CAPTION_GAP = 12, 6
PIXELS_A_POINT = 3.0  # of a PNG, which may be enlarged in print
FULL = 0.9  # of the screen
KINDS = {"png": "PNG picture", "svg": "SVG drawing", "pdf": "PDF page", "csv": "CSV table of the numbers"}


# ---- as bytes ----


def captions_of(panel: Panel) -> tuple[str, str]:
    """Return what stands above and below an exported picture, and in its metadata: its title, and its provenance."""
    state = panel.store.state
    names = ", ".join(state.names()[path] for path in state.compared)
    data = f"data: {state.page.provenance} · " if state.page and state.page.provenance else ""
    return f"{panel.title}: {names}" if names else panel.title, f"{data}aezoo {zoo.__version__}"


def picture(panel: Panel, kind: str) -> bytes:
    """Return a panel's picture in the size it has on the screen; `kind` is 'png', 'svg' or 'pdf'."""
    line = math.ceil(panel.fontMetrics().height()) + CAPTION_GAP
    size = panel.size().grownBy(QMargins(MARGIN, MARGIN + line, MARGIN, MARGIN + line))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    device = {"png": _image, "svg": _drawing, "pdf": _page}[kind](buffer, size, *captions_of(panel))
    painter = QPainter(device)
    painter.setFont(panel.font())
    _paint(painter, panel, QRectF(0, 0, size.width(), size.height()))
    painter.end()
    if isinstance(device, QImage):
        assert QImageWriter(buffer, QByteArray(b"PNG")).write(device), size
    return bytes(buffer.data().data())


def _paint(painter: QPainter, panel: Panel, everything: QRectF) -> None:
    """Paint a panel between its title and its provenance; one without a figure as it stands."""
    painter.fillRect(everything, panel.theme.colour("base"))
    paper = Paper.of(painter, everything.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN))
    rect, line = paper.rect, paper.line + CAPTION_GAP
    title, provenance = captions_of(panel)
    for text, top, colour in ((title, rect.top(), "text"), (provenance, rect.bottom() - paper.line, "muted")):
        caption = paper.at(QRectF(rect.left(), top, rect.width(), paper.line))
        caption.write(painter, text, panel.theme.colour(colour))
    inner = rect.adjusted(0, line, 0, -line)
    if panel.figure is not None:
        panel.figure.paint(painter, paper.at(inner))
    else:
        painter.translate(inner.topLeft())
        panel.render(painter, QPoint())


def _image(_: QBuffer, size: QSize, title: str, provenance: str) -> QPaintDevice:
    image = QImage(size * PIXELS_A_POINT, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(PIXELS_A_POINT)
    for key, text in (("Title", title), ("Description", provenance), ("Software", "aezoo")):
        image.setText(key, text)
    return image


def _drawing(buffer: QBuffer, size: QSize, title: str, provenance: str) -> QPaintDevice:
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setTitle(title)
    generator.setDescription(provenance)
    generator.setResolution(96)
    return generator


def _page(buffer: QBuffer, size: QSize, title: str, provenance: str) -> QPaintDevice:
    writer = QPdfWriter(buffer)
    writer.setTitle(f"{title} – {provenance}")
    writer.setCreator("aezoo")
    inches = QSizeF(size.width() / 96, size.height() / 96)
    writer.setPageSize(QPageSize(inches, QPageSize.Unit.Inch, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    writer.setResolution(96)
    return writer


def table(numbers: Numbers) -> bytes:
    """Return numbers as CSV (RFC 4180), UTF-8; a cell that looks like a formula is quoted."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[_safe(cell) for cell in row] for row in numbers])
    return text.getvalue().encode()


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") else cell


# ---- what the menus do ----


def choose_file(window: MainWindow, panel: Panel) -> None:
    """Let the user choose a file, and export a panel to it."""
    kinds = ";;".join(f"{description} (*.{kind})" for kind, description in KINDS.items())
    name = f"{panel.title.lower().replace(' ', '-')}.png"
    chosen, _ = QFileDialog.getSaveFileName(window, f"Export {panel.title}", str(Path.cwd() / name), kinds)
    if chosen:
        write(window, panel, Path(chosen))


def write(window: MainWindow, panel: Panel, file: Path) -> None:
    """Write a panel as a picture, or its numbers as CSV; the suffix of the file says which."""
    kind = file.suffix.lower().removeprefix(".")
    if kind not in KINDS:
        window.notices.add(
            f"{file.name}: a panel is exported as PNG, SVG, PDF or CSV; give the name one of these suffixes."
        )
        return
    numbers = panel.numbers() if kind == "csv" else []
    if kind == "csv" and not numbers:
        window.notices.add(
            f"{panel.title} shows no numbers at the moment; export it as a picture, or export another panel."
        )
        return
    data = table(numbers) if kind == "csv" else picture(panel, kind)
    window.disk.do(f"export {file}", partial(atomic_write, file, data), partial(_written, window, file))


def _written(window: MainWindow, file: Path, done: JobResult) -> None:
    if done.error:
        window.notices.add(sentence(done.error))
    else:
        window.status.show_done(f"Wrote {file}", file.parent)


def copy_picture(window: MainWindow, panel: Panel) -> None:
    """Copy a panel's picture to the clipboard."""
    QGuiApplication.clipboard().setImage(QImage.fromData(picture(panel, "png")))
    window.status.show_done(f"Copied the picture of {panel.title}")


def copy_numbers(window: MainWindow, panel: Panel) -> None:
    """Copy a panel's numbers to the clipboard, tab-separated, as spreadsheets take them."""
    numbers = panel.numbers()
    if not numbers:
        window.notices.add(f"{panel.title} shows no numbers at the moment.")
        return
    QGuiApplication.clipboard().setText("\n".join("\t".join(map(str, row)) for row in numbers))
    window.status.show_done(f"Copied {len(numbers) - 1} rows of numbers of {panel.title}")


def open_full(window: MainWindow, panel: Panel) -> FigureView | None:
    """Show a panel's figure as it is now in a window of its own, nearly as large as the screen."""
    figure = panel.figure
    if figure is None:
        window.notices.add(f"{panel.title} shows no figure at the moment.")
        return None
    view = FigureView(panel.title, window)
    view.setWindowFlags(Qt.WindowType.Window)
    view.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    view.setAutoFillBackground(True)
    view.setBackgroundRole(QPalette.ColorRole.Base)
    view.setWindowTitle(f"{panel.title} – aezoo")
    view.set_theme(panel.theme)
    view.show_figure(figure, figure.description)
    view.resize(window.screen().availableSize() * FULL)
    QShortcut(QKeySequence("Esc"), view, view.close)
    view.show()
    return view
