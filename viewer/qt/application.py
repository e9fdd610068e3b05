"""The QApplication: style, palette, and the few rules that need a style sheet."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QMessageLogContext, Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QFont, QFontMetrics, QIcon
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from viewer.figures.paper import small_font
from viewer.figures.theme import DARK, LIGHT, Theme

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
    return QIcon(str(Path(__file__).parents[1] / "aezoo.svg"))


def apply_theme(application: QApplication, theme: Theme) -> None:
    """Colour every window."""
    application.setProperty("theme", theme)
    application.setPalette(theme.palette())
    application.setStyleSheet(_rules(theme, application.font()))


def _rules(theme: Theme, font: QFont) -> str:
    """Return the style sheet; it sets the size of text, as widgets that it styles don't follow the application's."""
    size, small = font.pointSizeF(), small_font(font).pointSizeF()
    return f"""
        QWidget {{ font-size: {size}pt; }}
        QWidget[{SMALL}="true"], QAbstractSpinBox QLineEdit {{ font-size: {small}pt; }}
        QFrame#panel {{ background: {theme.base}; border: 1px solid {theme.border}; border-radius: 6px; }}
        QMainWindow#workspace QTabBar {{ qproperty-drawBase: 0; background: transparent; }}
        QMainWindow#workspace QTabBar::tab {{
            background: transparent; color: {theme.muted}; border: none; border-bottom: 2px solid transparent;
            padding: 4px 7px 4px 7px; margin: 0 2px 3px 2px;
        }}
        QMainWindow#workspace QTabBar::tab:hover {{ color: {theme.text}; }}
        QMainWindow#workspace QTabBar::tab:selected {{
            color: {theme.text}; font-weight: 600; border-bottom-color: {theme.accent};
        }}
        QMainWindow#workspace {{ background: {theme.window}; }}
        QMainWindow#workspace::separator {{ background: transparent; width: 6px; height: 6px; }}
        QDockWidget {{ color: {theme.text}; font-weight: 600; }}
        QDockWidget::title {{ background: {theme.window}; padding: 3px 8px; }}
        QLabel#title {{ font-weight: 600; padding-right: 8px; }}
        QLabel#heading {{ font-size: {2.4 * size}pt; font-weight: 600; }}
        QMainWindow#workspace QTabBar:focus::tab:selected {{ color: {theme.accent}; }}
        QToolButton#segment {{ padding: 3px 7px; border: 1px solid {theme.border}; border-right: none; }}
        QToolButton#segment[position="last"] {{ border-right: 1px solid {theme.border}; }}
        QToolButton#segment:hover {{ background: {theme.raised}; }}
        QToolButton#segment:focus {{ border-color: {theme.accent}; }}
        QToolButton#segment:disabled {{ color: {theme.muted}; background: {theme.window}; }}
        QToolButton#segment:checked {{ background: {theme.accent}; color: {theme.accent_text}; }}
        QToolButton[popupMode="2"] {{ padding-right: 14px; }}
        QToolButton::menu-indicator {{ subcontrol-origin: padding; subcontrol-position: right center; }}
        QLabel#subtitle, QLabel#empty {{ color: {theme.muted}; }}
        QFrame#notices {{ background: {theme.warning_ground}; border: 1px solid {theme.border}; border-radius: 6px; }}
        QFrame#notices QLabel {{ color: {theme.warning}; }}
        QTextEdit, QTableView, QListView {{ background: {theme.base}; border: none; }}
        QListWidget#chain::item {{
            border: 1px solid {theme.border}; border-radius: 4px; padding: 2px 8px; color: {theme.text};
        }}
        QListWidget#chain::item:selected {{ background: {theme.tint}; border-color: {theme.accent}; }}
        QTableView::item:selected {{ background: {theme.tint}; color: {theme.text}; }}
        QLineEdit {{
            background: {theme.base}; border: 1px solid {theme.border}; border-radius: 4px; padding: 3px 6px;
        }}
        QLineEdit:focus {{ border-color: {theme.accent}; }}
        QHeaderView {{ background: {theme.base}; }}
        QHeaderView::section {{
            background: {theme.base}; color: {theme.muted}; border: none;
            border-bottom: 1px solid {theme.border}; padding: 3px 3px;
        }}
        QCheckBox::indicator {{
            width: 12px; height: 12px; border: 1px solid {theme.muted}; border-radius: 3px; background: {theme.base};
        }}
        QCheckBox::indicator:checked {{ background: {theme.accent}; border-color: {theme.accent}; }}
        QCheckBox:focus {{ color: {theme.accent}; }}
        QSplitter::handle {{ background: transparent; }}
        QStatusBar {{ color: {theme.muted}; }}
        QStatusBar::item {{ border: none; }}
        QStatusBar QLabel {{ color: {theme.muted}; padding: 0 8px; }}
        QToolTip {{ color: {theme.text}; background: {theme.raised}; border: 1px solid {theme.border}; }}
    """
