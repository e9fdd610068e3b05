"""Text can be read in both themes: its contrast with what it stands on, computed from the palette."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor

from viewer.figures.colours import sequential
from viewer.figures.theme import DARK, LIGHT, Theme
from viewer.qt.settings import COLOUR_MAPS
from viewer.state.selection import RUN_COLOURS

READABLE = 4.5  # WCAG 2, level AA
SEEN = 3.0  # of graphics, the same


def luminance(colour: QColor) -> float:
    """Relative luminance by WCAG 2, from sRGB."""
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: QColor, other: QColor) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_black_and_white_have_the_greatest_contrast() -> None:
    assert contrast(QColor("black"), QColor("white")) == pytest.approx(21)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_text_has_enough_contrast_with_every_ground(theme: Theme) -> None:
    for ground in ("base", "window", "raised", "tint"):
        for text in ("text", "muted", "accent"):
            assert contrast(theme.colour(text), theme.colour(ground)) >= READABLE, (text, ground)
    assert contrast(theme.colour("accent_text"), theme.colour("accent")) >= READABLE
    assert contrast(theme.colour("warning"), theme.colour("warning_ground")) >= READABLE
    assert contrast(theme.colour("warning"), theme.colour("base")) >= READABLE


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_every_run_has_a_colour_of_its_own_that_can_be_seen(theme: Theme) -> None:
    colours = [theme.run_colour(index) for index in range(RUN_COLOURS)]
    assert len({colour.name() for colour in colours}) == RUN_COLOURS == len(theme.series)
    assert all(contrast(colour, theme.colour("base")) >= SEEN for colour in colours)


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_every_colour_map_goes_from_dark_to_bright(name: str) -> None:
    shades = [luminance(QColor(*colour)) for colour in sequential(name).tolist()]
    assert np.diff(shades).min() > -0.0005, "as far as whole levels of 255 allow"
    assert shades[0] < 0.05 and shades[-1] > 0.7
