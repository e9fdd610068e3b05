"""The QApplication: style, palette, and the few rules that need a style sheet."""

from __future__ import annotations

import sys

from PySide6.QtCore import QMessageLogContext, Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from viewer.figures.theme import DARK, LIGHT, Theme

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


def apply_theme(application: QApplication, theme: Theme) -> None:
    """Colour every window."""
    application.setPalette(theme.palette())
    application.setStyleSheet(_rules(theme))


def _rules(theme: Theme) -> str:
    return f"""
        QFrame#panel {{ background: {theme.base}; border: 1px solid {theme.border}; border-radius: 6px; }}
        QTabBar#tabs::tab {{
            background: transparent; color: {theme.muted}; border: none; padding: 2px 0 3px 0; margin-right: 14px;
            border-bottom: 2px solid transparent;
        }}
        QTabBar#tabs::tab:hover {{ color: {theme.text}; }}
        QTabBar#tabs::tab:selected {{ color: {theme.text}; font-weight: 600; border-bottom-color: {theme.accent}; }}
        QTabBar#tabs::tab:only-one {{ border-bottom-color: transparent; }}
        QTabBar#tabs:focus::tab:selected {{ color: {theme.accent}; }}
        QToolButton#segment {{ padding: 3px 7px; border: 1px solid {theme.border}; border-right: none; }}
        QToolButton#segment[position="last"] {{ border-right: 1px solid {theme.border}; }}
        QToolButton#segment:hover {{ background: {theme.raised}; }}
        QToolButton#segment:focus {{ border-color: {theme.accent}; }}
        QToolButton#segment:disabled {{ color: {theme.muted}; background: {theme.window}; }}
        QToolButton#segment:checked {{ background: {theme.accent}; color: {theme.accent_text}; }}
        QLabel#subtitle, QLabel#empty {{ color: {theme.muted}; }}
        QFrame#notices {{ background: {theme.warning_ground}; border: 1px solid {theme.border}; border-radius: 6px; }}
        QFrame#notices QLabel {{ color: {theme.warning}; }}
        QTextEdit, QTableView {{ background: {theme.base}; border: none; }}
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
