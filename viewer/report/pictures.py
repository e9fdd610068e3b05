"""The pictures that several sheets ask for: loss curves, rows of images, bottlenecks.

What a run does not have becomes a note, with the command for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from viewer.figures import colours, curves
from viewer.figures.mosaic import ImageRow, MosaicFigure, Scale
from viewer.figures.paintable import Paintable
from viewer.figures.theme import Theme
from viewer.figures.titled import TitledFigure
from viewer.report.document import Block, FigureBlock, note
from viewer.report.notes import missing_note, sources
from viewer.report.reader import ReportRun
from viewer.state import formatting, metrics, numbers, tiles

PLOT = (760, 300)
LABELS = 132  # points left of a mosaic, for the rows' names
TITLE = 26
COLUMNS = 20  # images that a row shows
LARGEST = 128  # points that an image may be wide or tall
TALL = 8  # rows of a mosaic at twice the images' size
BOTTLENECK = 60  # points that a bottleneck may be wide
LINE = 18

Rows = Sequence[tuple[str, np.ndarray]]


def losses(
    name: str,
    runs: Mapping[str, ReportRun],
    *,
    title: str,
    caption: str,
    log: bool = False,
    only_validation: bool = False,
) -> list[Block]:
    """Loss against epochs of one or several runs by what the legend calls them: training dashed, validation solid."""
    shown = {label: run for label, run in runs.items() if run.history.epochs_done}
    if not shown:
        return missing_note(*runs.values(), what="plot of the loss")
    objective = next(iter(shown.values())).history.objective
    axis = metrics.OBJECTIVES.get(objective, f"loss ({objective})")
    nothing = np.zeros(0)
    series = [
        (label, nothing if only_validation else run.history.train_loss, run.history.val_loss)
        for label, run in shown.items()
    ]

    def figure(theme: Theme) -> Paintable:
        return TitledFigure(theme, title, curves.of_runs(theme, series, y_label=axis, log=log))

    rest = [run for label, run in runs.items() if label not in shown]
    picture = FigureBlock(name, figure, PLOT, caption, sources(shown.values()))
    return [picture, *(missing_note(*rest, what="curve") if rest else [])]


def images(
    name: str,
    rows: Rows,
    *,
    title: str,
    caption: str,
    data: str,
    below: Sequence[str] = (),
    below_label: str = "",
    columns: Sequence[str] = (),
) -> FigureBlock:
    """Labelled rows of images, float32 (N, C, H, W) each, with text below the columns; the first `COLUMNS` of them."""
    height, width = (max(pictures.shape[axis] for _, pictures in rows) for axis in (2, 3))
    pictures = [(label, colours.fit(colours.from_images(each[:COLUMNS]), (height, width))) for label, each in rows]
    count = max(len(each) for _, each in pictures)
    filled = tuple(ImageRow(label, _filled(each, count)) for label, each in pictures)
    zoom = min(2.0 if count <= 10 and len(rows) <= TALL else 1.5, LARGEST / max(height, width))

    def figure(theme: Theme) -> Paintable:
        mosaic = MosaicFigure(theme, filled, captions=tuple(below[:COLUMNS]), caption_label=below_label)
        return TitledFigure(theme, title, mosaic)

    tall = 20 + TITLE + len(rows) * math.ceil(zoom * height + 4) + (LINE + 4 if below else 0)
    wide = 20 + LABELS + math.ceil(count * (zoom * width + 4))
    return FigureBlock(name, figure, (wide, tall), caption, data, halves=zoom != round(zoom), letters=12)


def _filled(pictures: np.ndarray, count: int) -> np.ndarray:
    """Bring a row to as many images as the longest, by grey ones."""
    missing = np.full((count - len(pictures), *pictures.shape[1:]), colours.GAP, np.uint8)
    return np.concatenate([pictures, missing])


def errors(targets: np.ndarray, outputs: np.ndarray) -> list[str]:
    """Return what is written below images: the mean squared error of each."""
    return [formatting.mse(float(value)) for value in numbers.mse(targets, outputs)]


def samples(name: str, run: ReportRun, row: str, *, title: str, caption: str) -> list[Block]:
    """One row of a run's first ten: its 'targets', its 'inputs' or its 'reconstructions' with their errors below."""
    found = run.history.samples
    pictures = getattr(found, row) if found is not None else None
    if found is None or pictures is None:
        return missing_note(run, what="images")
    below = errors(found.targets, pictures) if row == "reconstructions" else []
    data = run.history.provenance
    label = {"targets": "original", "inputs": "input", "reconstructions": "output"}[row]
    picture = images(
        name,
        [(label, pictures)],
        title=title,
        caption=caption,
        data=data,
        below=below,
        below_label="mse" if below else "",
    )
    return [picture]


def bottlenecks(
    name: str, run: ReportRun, values: np.ndarray | None, view: tuple[int, int], *, title: str
) -> list[Block]:
    """The bottlenecks of the first ten in the sheet's shape (rows, columns), with the colours' scale."""
    if values is None:
        return missing_note(run, what="bottlenecks") if not run.graph_error else [note(run.graph_error)]
    grid = tiles.grid_of(values.shape[1:], view)
    low, high = tiles.value_range(values)
    table = colours.sequential()
    pixels = colours.apply_table(tiles.tile(values, grid), low, high, table)
    scale = Scale(formatting.number(low, 3), formatting.number(high, 3), table, "value of a unit")

    def figure(theme: Theme) -> Paintable:
        return TitledFigure(theme, title, MosaicFigure(theme, (ImageRow("bottleneck", pixels),), scale=scale))

    rows, columns = grid.shape
    zoom = min(max(2, BOTTLENECK // columns), LARGEST / max(rows, columns))
    wide, tall = math.ceil(len(values) * (zoom * columns + 4)), math.ceil(zoom * rows)
    size = (20 + LABELS + wide, 20 + TITLE + tall + 8 + 2 * LINE)
    shape = formatting.shape(run.history.bottleneck)
    caption = f"The bottleneck ({shape}) of the first ten images in the testing set, reshaped to be {rows} × {columns}."
    if (rows, columns) != view:
        caption += f" Its {run.size} values do not make the sheet's {view[0]} × {view[1]}."
    return [FigureBlock(name, figure, size, caption, run.history.provenance, letters=12)]
