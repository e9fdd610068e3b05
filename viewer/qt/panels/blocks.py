"""Builds a comparison block by block, and keeps the values behind its images for the pointer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from viewer.figures import colours
from viewer.figures.comparison import Block, ComparisonFigure
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow, Scale
from viewer.qt.panels.compared import BandValues, ComparisonPicture


class Blocks:
    """`pixels` colours values (N, C, H, W), or of another shape, for the screen."""

    def __init__(self, pixels: Callable[[np.ndarray], np.ndarray] = colours.from_images) -> None:
        self._pixels = pixels
        self.blocks: list[Block] = []
        self.layers: list[tuple[BandValues, ...]] = []

    def add(
        self,
        title: str,
        *of: BandValues,
        captions: Sequence[str] = (),
        note: str = "",
        sentence: str = "",
        marked: frozenset[int] = frozenset(),
        named: bool | None = None,
        colour: str = "",
    ) -> None:
        """Add a block of bands, in the colour of its run; they are named where there are several or `named` says so."""
        named = len(of) > 1 if named is None else named
        bands = tuple(ImageRow(layer.label if named else "", self._pixels(layer.values)) for layer in of)
        self.blocks.append(Block(title, bands, tuple(captions), note, sentence, marked, colour))
        self.layers.append(of)

    def picture(self, theme: Theme, chosen: int, scale: Scale | None = None) -> ComparisonPicture:
        """Return the comparison of all blocks."""
        text = "; ".join(f"{block.title}: {block.sentence or block.note}" for block in self.blocks if block.note)
        figure = ComparisonFigure(theme, tuple(self.blocks), chosen, scale, description=text)
        return ComparisonPicture(figure, tuple(self.layers), tuple(block.title for block in self.blocks))
