"""Exports of the panel used last: as a picture or as numbers, to a file or to the clipboard."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage, QKeySequence, QPalette, QShortcut
from PySide6.QtWidgets import QFileDialog

from viewer.qt import exports
from viewer.qt.disk import JobResult
from viewer.qt.main_window import MainWindow
from viewer.qt.widgets.figure_view import FigureView
from viewer.qt.widgets.panel import Panel
from viewer.state.formatting import sentence
from zoo.runs import atomic_write

FULL = 0.9  # of the screen


def choose_file(window: MainWindow, panel: Panel) -> None:
    """Let the user choose a file, and export a panel to it."""
    kinds = ";;".join(f"{description} (*.{kind})" for kind, description in exports.KINDS.items())
    name = f"{panel.title.lower().replace(' ', '-')}.png"
    chosen, _ = QFileDialog.getSaveFileName(window, f"Export {panel.title}", str(Path.cwd() / name), kinds)
    if chosen:
        write(window, panel, Path(chosen))


def write(window: MainWindow, panel: Panel, file: Path) -> None:
    """Write a panel as a picture, or its numbers as CSV; the suffix of the file says which."""
    kind = file.suffix.lower().removeprefix(".")
    if kind not in exports.KINDS:
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
    data = exports.table(numbers) if kind == "csv" else exports.picture(panel, kind)
    window.disk.do(f"export {file}", partial(atomic_write, file, data), partial(_written, window, file))


def _written(window: MainWindow, file: Path, done: JobResult) -> None:
    if done.error:
        window.notices.add(sentence(done.error))
    else:
        window.status.show_done(f"Wrote {file}", file.parent)


def copy_picture(window: MainWindow, panel: Panel) -> None:
    """Copy a panel's picture to the clipboard."""
    QGuiApplication.clipboard().setImage(QImage.fromData(exports.picture(panel, "png")))
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
