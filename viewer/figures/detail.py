"""One image, large: what goes in and what every run makes of it, as tiles of one size with names and figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter

from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.figures.tiles import Gaps, Pointed, Tiles, paint_image, pixel_at, to_image

GAP = 14.0


@dataclass(frozen=True, eq=False)
class DetailTile:
    """An image, uint8 (H, W, 3), its name, a line below it, and the block and the band that it is from."""

    title: str
    pixels: np.ndarray
    note: str = ""
    block: int = 0
    band: int = 0


@dataclass(frozen=True, eq=False)
class DetailFigure(Figure):
    """The tiles of one image, in as many columns as make them largest."""

    theme: Theme
    image: int
    tiles: tuple[DetailTile, ...]
    description: str = ""

    def grid(self, paper: Paper) -> Tiles:
        """Return where the tiles stand."""
        height = max(tile.pixels.shape[0] for tile in self.tiles)
        width = max(tile.pixels.shape[1] for tile in self.tiles)
        gaps = Gaps(across=GAP, down=GAP, above=paper.line, below=paper.line)
        grids = [
            Tiles.fitting(paper.rect, (height, width), len(self.tiles), columns, paper.ratio, gaps)
            for columns in range(1, len(self.tiles) + 1)
        ]
        return max(grids, key=lambda grid: grid.zoom)

    def hit(self, point: QPointF, paper: Paper) -> Pointed | None:
        """Return the tile and the pixel under a point."""
        for tile, cell in zip(self.tiles, self.grid(paper).cells, strict=True):
            if cell.contains(point):
                return Pointed(tile.block, tile.band, self.image, *pixel_at(point, cell, tile.pixels.shape[:2]))
        return None

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint every tile between its name and its line."""
        for tile, cell in zip(self.tiles, self.grid(paper).cells, strict=True):
            paint_image(painter, cell, to_image(tile.pixels))
            above, below = cell.adjusted(0, -paper.line, 0, 0), cell.adjusted(0, cell.height(), 0, paper.line)
            paper.at(above).write(painter, tile.title, self.theme.colour("text"), keep_ends=True)
            paper.at(below).write(painter, tile.note, self.theme.colour("muted"))
