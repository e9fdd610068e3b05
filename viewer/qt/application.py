"""The QApplication: style, palette, and the few rules that need a style sheet."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path
from string import Template
from types import FrameType

from PySide6.QtCore import QMessageLogContext, QObject, QSocketNotifier, Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QFont, QFontMetrics, QIcon
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from viewer.figures.paper import small_font
from viewer.figures.theme import DARK, LIGHT, Theme

ROOT = Path(__file__).parents[1]
SMALL = "small"  # the property of widgets with the font of captions
LONGEST = "longest"  # the property of widgets of a fixed width: their longest text, and pixels more
_CHATTER = ("This plugin does not support", "propagateSizeHints")


def make_application() -> QApplication:
    """Return the one QApplication; it is made if there is none yet."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    qInstallMessageHandler(_print_qt_message)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("aezoo")
    application.setApplicationDisplayName("aezoo")
    application.setDesktopFileName("aezoo")
    application.setStyle("Fusion")
    return application


def _print_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    """Print Qt's messages, except those that its off-screen plugin has for every window."""
    if not message.startswith(_CHATTER) and kind != QtMsgType.QtDebugMsg:
        print(f"Qt: {message}", file=sys.stderr)


def theme_of(choice: str) -> Theme:
    """Return the theme for 'light', 'dark' or 'system'; a system that does not say is light."""
    if choice == "system":
        hints = QApplication.styleHints()
        return DARK if hints.colorScheme() == Qt.ColorScheme.Dark else LIGHT
    return DARK if choice == "dark" else LIGHT


def apply_text_size(factor: float) -> None:
    """Make all text larger or smaller than the system's; texts of captions stay a little smaller than others."""
    application = make_application()
    system = application.property("system font") or application.font()
    application.setProperty("system font", system)
    font = QFont(system)
    font.setPointSizeF(system.pointSizeF() * factor)
    if font != application.font():
        application.setFont(font)
        if isinstance(theme := application.property("theme"), Theme):
            apply_theme(application, theme)
        for widget in application.allWidgets():
            _hold_width(widget)


def make_small(widget: QWidget) -> None:
    """Give a widget the font of captions, also when the size of text changes."""
    widget.setProperty(SMALL, True)
    widget.setFont(small_font(QApplication.font()))


def hold_width(widget: QWidget, longest: str, more: int = 4) -> None:
    """Keep a widget as wide as its longest text, so that it moves nothing when its text changes."""
    widget.setProperty(LONGEST, (longest, more))
    _hold_width(widget)


def _hold_width(widget: QWidget) -> None:
    if held := widget.property(LONGEST):
        font = QApplication.font()
        metrics = QFontMetrics(small_font(font) if widget.property(SMALL) else font)
        widget.setFixedWidth(metrics.horizontalAdvance(held[0]) + held[1])
        if isinstance(widget, QLabel):  # or else the window is laid out anew with every text, which takes 1 to 3 ms
            widget.setFixedHeight(metrics.height() + 2)


def icon() -> QIcon:
    """Return the program's icon: an hourglass of pixels, wide where images go in and come out."""
    return QIcon(str(ROOT / "aezoo.svg"))


def apply_theme(application: QApplication, theme: Theme) -> None:
    """Colour every window."""
    application.setProperty("theme", theme)
    application.setPalette(theme.palette())
    application.setStyleSheet(_rules(theme, application.font()))


def _rules(theme: Theme, font: QFont) -> str:
    """Return the style sheet; it sets the size of text, as widgets that it styles don't follow the application's."""
    sizes = {"size": font.pointSizeF(), "small": small_font(font).pointSizeF(), "heading": 2.4 * font.pointSizeF()}
    return Template((ROOT / "style.qss").read_text(encoding="utf-8")).substitute({**vars(theme), **sizes})


class Signals(QObject):
    """Ctrl-C and SIGTERM, which Qt does not notice, close the window as its close button would.

    They end the event loop with 128 + the signal's number, as a shell reports it.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._received = 0
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._before = signal.set_wakeup_fd(self._writer.fileno())
        self._handlers = {number: signal.signal(number, self._receive) for number in (signal.SIGINT, signal.SIGTERM)}
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._wake)

    def close(self) -> None:
        """Leave signals as they were."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._before)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()

    def _receive(self, number: int, _: FrameType | None) -> None:
        self._received = number

    def _wake(self) -> None:
        self._reader.recv(64)
        QApplication.exit(128 + self._received)
