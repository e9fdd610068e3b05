"""The two palettes, light and dark: one value holds every colour that the window and its figures use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtGui import QColor, QPalette

# Okabe and Ito's colours, which people with any colour vision can tell apart, in an order for dark and light grounds.
_SERIES_LIGHT = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#8a6d00", "#555555", "#3a8fc7")
_SERIES_DARK = ("#56b4e9", "#ff8c42", "#2fc69b", "#e69ac8", "#f0d060", "#bbbbbb", "#9db8ff")


@dataclass(frozen=True)
class Theme:
    """Colours by what they are for, as #rrggbb."""

    name: str
    window: str
    base: str
    raised: str
    text: str
    muted: str
    border: str
    grid: str
    accent: str
    accent_text: str
    tint: str  # the ground of what is chosen
    warning: str
    warning_ground: str
    neutral: tuple[int, int, int]  # the middle of a diverging scale
    series: tuple[str, ...]
    colour_map: str = "viridis"  # of values without a middle

    def colour(self, name: str) -> QColor:
        return QColor(getattr(self, name))

    def run_colour(self, index: int) -> QColor:
        """Return the colour of a run, by the index that the state gives it."""
        return QColor(self.series[index % len(self.series)])

    def colour_of_run(self, colours: Mapping[Path, int], path: Path) -> str:
        """Return a run's colour, #rrggbb; the first for one that has gone, which a panel behind others may hold."""
        return self.run_colour(colours.get(path, 0)).name()

    def palette(self) -> QPalette:
        """Return the Qt palette of this theme."""
        palette = QPalette()
        roles = QPalette.ColorRole
        for role, name in (
            (roles.Window, "window"),
            (roles.WindowText, "text"),
            (roles.Base, "base"),
            (roles.AlternateBase, "raised"),
            (roles.Text, "text"),
            (roles.PlaceholderText, "muted"),
            (roles.Button, "raised"),
            (roles.ButtonText, "text"),
            (roles.ToolTipBase, "raised"),
            (roles.ToolTipText, "text"),
            (roles.Highlight, "accent"),
            (roles.HighlightedText, "accent_text"),
            (roles.Link, "accent"),
            (roles.Mid, "border"),
            (roles.Midlight, "border"),
            (roles.Light, "raised"),
            (roles.Dark, "border"),
            (roles.BrightText, "accent_text"),
        ):
            palette.setColor(role, self.colour(name))
        for role in (roles.WindowText, roles.Text, roles.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.colour("muted"))
        return palette


LIGHT = Theme(
    name="light",
    window="#eef0f3",
    base="#ffffff",
    raised="#f6f7f9",
    text="#1c2430",
    muted="#5f6b7a",
    border="#d3d8df",
    grid="#e6e9ed",
    accent="#1f6fb2",
    accent_text="#ffffff",
    tint="#eef4fa",
    warning="#8a4b00",
    warning_ground="#fff1d6",
    neutral=(247, 247, 247),
    series=_SERIES_LIGHT,
)

DARK = Theme(
    name="dark",
    window="#16191e",
    base="#1f242b",
    raised="#272d36",
    text="#e6e9ee",
    muted="#9aa5b3",
    border="#39424e",
    grid="#2c343e",
    accent="#4f9fdc",
    accent_text="#0d1117",
    tint="#24313f",
    warning="#ffcf7d",
    warning_ground="#3a2f1a",
    neutral=(24, 27, 32),
    series=_SERIES_DARK,
)
