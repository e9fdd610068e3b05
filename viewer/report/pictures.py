"""The pictures that sheets ask for: loss curves, rows of images, bottlenecks, planes, letters, sizes against errors.

What a run does not have becomes a note, with the command for it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from viewer.figures import colours, curves
from viewer.figures.arrange import BesideFigure, TitledFigure
from viewer.figures.comparison import of_one
from viewer.figures.image_grid import PlaneFigure
from viewer.figures.overlap import OverlapCase, OverlapFigure
from viewer.figures.paper import Figure
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow, Scale
from viewer.figures.trade_off import Point, TradeOffFigure
from viewer.report.document import Block, FigureBlock
from viewer.report.notes import missing, sources, without_graph
from viewer.report.reader import ReportRun, Runs
from viewer.state import formatting, metrics, numbers, tiles
from viewer.state.grids import PictureGrid
from viewer.state.letters import latin
from viewer.state.samples import Samples, to_grey
from zoo import transposed
from zoo.transposed import Pair

PLOT, TRADE_OFF, OVERLAPS = (760, 260), (760, 440), (760, 540)
LABELS = 9  # lines wide is what stands left of a mosaic, the rows' names: so that all images begin at one edge
LETTERS, LINE = 12, 14  # points: a mosaic's letters, and how high a line of them is
GAP = 3  # dots between images
COLUMNS = 20  # images that a row shows
LARGEST = 128  # points that an image may be wide or tall
TALL = 8  # rows of a mosaic at twice the images' size
BOTTLENECK = 58  # points that a bottleneck may be wide
CODE_WIDTH = 100  # characters of a line of code in a notebook
PLANE = 480  # points that a plane may be wide
ABOVE, BESIDE = 45, 100  # points that two planes need above and beside their pixels

Make = Callable[[Theme], Figure]


@dataclass(frozen=True, eq=False)
class PictureRow:
    """Images, float32 (N, C, H, W), what stands left of them, and the code that names them in a notebook, if any."""

    label: str
    pixels: np.ndarray
    code: str = ""


def titled(
    name: str, make: Make, size: tuple[int, int], *, title: str, caption: str, data: str = "", cell: str = ""
) -> FigureBlock:
    """A figure below its title."""

    def figure(theme: Theme) -> Figure:
        return TitledFigure(theme, title, make(theme))

    return FigureBlock(name, figure, size, caption, data, cell=cell, is_plot=True)


def run_code(run: ReportRun) -> str:
    """Return what names a run in a notebook."""
    return f'runs["{run.name}"]'


def quoted(text: str) -> str:
    """Return text as a string in code."""
    return json.dumps(text, ensure_ascii=False)


def call_code(function: str, *arguments: str, **keywords: object) -> str:
    """Return a call on one line, or else its arguments on one of their own, or else each on one."""
    parts = [*arguments, *(f"{key}={value!r}" for key, value in keywords.items() if value)]
    line = ", ".join(parts)
    if len(function) + len(line) + 2 <= CODE_WIDTH:
        return f"{function}({line})"
    lines = [line] if len(line) + 4 <= CODE_WIDTH else [f"{part}," for part in parts]
    return "\n".join([f"{function}(", *(f"    {part}" for part in lines), ")"])


def dict_code(entries: Mapping[str, str]) -> str:
    """Return a dict of what names its values in code, an entry a line where one is too long."""
    parts = [f"{quoted(key)}: {value}" for key, value in entries.items()]
    line = "{" + ", ".join(parts) + "}"
    return line if len(line) + 5 <= CODE_WIDTH else "{\n" + "".join(f"        {part},\n" for part in parts) + "    }"


def losses(
    name: str, runs: Runs, *, title: str, caption: str, log: bool = False, only_validation: bool = False
) -> list[Block]:
    """Loss against epochs of several runs by what the legend calls them: training dashed, validation solid."""
    shown = {label: run for label, run in runs.items() if run.history.epochs_done}
    if not shown:
        return missing(*runs.values(), what="plot of the loss")
    objective = next(iter(shown.values())).history.objective
    axis = metrics.OBJECTIVES.get(objective, f"loss ({objective})")
    validation = {label: _validation_losses(run) for label, run in shown.items()}
    means = {label: losses.mean(axis=0) for label, losses in validation.items()}
    spreads = {label: losses.std(axis=0, ddof=1) for label, losses in validation.items() if len(losses) > 1}
    bands = {label: (means[label] - spread, means[label] + spread) for label, spread in spreads.items()}
    if bands:
        seeds = max(map(len, validation.values()))
        caption += f" Validation is the mean of {seeds} seeds, the band one standard deviation."
    series = [
        (label, np.zeros(0) if only_validation else run.history.train_loss, means[label])
        for label, run in shown.items()
    ]

    def curves_of(theme: Theme) -> Figure:
        return curves.of_runs(theme, series, y_label=axis, log=log, bands=bands, names_at_ends=len(series) > 1)

    named = dict_code({label: run_code(run) for label, run in shown.items()})
    cell = call_code("plot_losses", named, quoted(title), quoted(axis), log=log, only_validation=only_validation)
    picture = titled(name, curves_of, PLOT, title=title, caption=caption, data=sources(shown.values()), cell=cell)
    return [picture, *missing(*(run for label, run in runs.items() if label not in shown), what="curve")]


def _validation_losses(run: ReportRun) -> np.ndarray:
    """Return the validation losses of a run and of its other seeds that are as long: float64 (seeds, E)."""
    every = [run.history.val_loss, *(each.val_loss for each in run.seeds)]
    return np.stack([each for each in every if len(each) == len(every[0])])


def images(
    name: str,
    rows: Sequence[PictureRow],
    *,
    caption: str,
    data: str,
    below: Sequence[str] = (),
    below_label: str = "mse",
    errors_of: tuple[PictureRow, PictureRow] | None = None,
    cell: str = "",
) -> FigureBlock:
    """Labelled rows of images, the first `COLUMNS` of each; below the columns stands text.

    That is `below`, or the mean squared errors of a row beside its targets, which `errors_of` names before it.
    """
    height, width = (max(row.pixels.shape[axis] for row in rows) for axis in (2, 3))
    fitted = [colours.fit(colours.from_images(row.pixels[:COLUMNS]), (height, width)) for row in rows]
    count = max(map(len, fitted))
    filled = tuple(ImageRow(row.label, _filled(each, count)) for row, each in zip(rows, fitted, strict=True))
    arguments = [dict_code({row.label: row.code for row in rows}), quoted(caption)]
    if errors_of:
        target, output = errors_of
        below = [formatting.mse(float(value)) for value in numbers.mse(target.pixels, output.pixels)]
        arguments.append(f"errors({target.code}, {output.code})")
    if all(row.code for row in rows) and not cell:
        cell = call_code("show", *arguments)
    label = below_label if below else ""
    zoom = min(2.0 if count <= 10 and len(rows) <= TALL else 1.5, LARGEST / max(height, width))

    def mosaic(theme: Theme) -> Figure:
        return of_one(theme, filled, tuple(below[:COLUMNS]), label, label_lines=LABELS)

    tall = 20 + math.ceil(len(rows) * (zoom * height + GAP)) + (LINE + GAP if below else 0)
    wide = 20 + LABELS * LINE + math.ceil(count * (zoom * width + GAP))
    halves = zoom != round(zoom)
    return FigureBlock(name, mosaic, (wide, tall), caption, data, halves=halves, letters=LETTERS, cell=cell)


def _filled(pixels: np.ndarray, count: int) -> np.ndarray:
    """Bring a row to as many images as the longest, by grey ones."""
    gap = np.full((count - len(pixels), *pixels.shape[1:]), colours.GAP, np.uint8)
    return np.concatenate([pixels, gap])


def samples(name: str, run: ReportRun, row: str, *, caption: str) -> list[Block]:
    """One row of a run's first ten: its 'targets', its 'inputs' or its 'reconstructions' with their errors below."""
    found = run.history.samples
    pixels = getattr(found, row) if found is not None else None
    if found is None or pixels is None:
        return missing(run, what="images")
    label = {"targets": "original", "inputs": "input", "reconstructions": "output"}[row]
    shown = PictureRow(label, pixels, f"{run_code(run)}.{row}")
    errors_of = (_targets(run, found), shown) if row == "reconstructions" else None
    return [images(name, [shown], caption=caption, data=run.samples_provenance, errors_of=errors_of)]


def _targets(run: ReportRun, found: Samples) -> PictureRow:
    return PictureRow("original", found.targets, f"{run_code(run)}.targets")


def reconstructions(
    name: str,
    runs: Runs,
    *,
    caption: str,
    what: str = "reconstructions",
    in_colour: bool = False,
    mse_of: str = "",
    mse_label: str = "mse",
) -> list[Block]:
    """The first ten and what several runs make of them, a row each by its label; below, the errors of `mse_of`.

    With `in_colour` the grey that went in stands below the true colours.
    """
    found = {
        label: (run.history.samples, PictureRow(label, made, f"{run_code(run)}.reconstructions"))
        for label, run in runs.items()
        if run.history.samples and (made := run.reconstructions) is not None
    }
    if not found:
        return missing(*runs.values(), what=what)
    first = mse_of if mse_of in found else next(iter(found))
    samples, measured = found[first]
    target = _targets(runs[first], samples)
    given = [target]
    if in_colour:
        grey = f"np.repeat({run_code(runs[first])}.inputs, 3, axis=1)"
        given = [replace(target, label="true"), PictureRow("grey, copied", grey_copied(samples), grey)]
    rows = [row for _, row in found.values() if row.pixels.shape == target.pixels.shape]
    data = "; ".join(dict.fromkeys(runs[row.label].samples_provenance for row in rows))
    errors_of = (target, measured) if mse_of else None
    return [images(name, [*given, *rows], caption=caption, data=data, errors_of=errors_of, below_label=mse_label)]


def grey_copied(samples: Samples) -> np.ndarray:
    """Return the grey that went in as red, green and blue; that of the targets where the inputs do not fit them."""
    pixels = samples.inputs
    if len(pixels) != len(samples.targets) or pixels.shape[1] != 1 or pixels.shape[2:] != samples.targets.shape[2:]:
        pixels = to_grey(samples.targets) if samples.targets.shape[1] == 3 else samples.targets
    return np.broadcast_to(pixels, samples.targets.shape)


def bottlenecks(name: str, run: ReportRun, values: np.ndarray | None, view: tuple[int, int]) -> list[Block]:
    """The bottlenecks of the first ten in the sheet's shape (rows, columns), with the colours' scale."""
    if values is None:
        return without_graph(run, "bottlenecks")
    grid = tiles.grid_of(values.shape[1:], view)
    low, high = tiles.value_range(values)
    table = colours.sequential()
    pixels = colours.apply_table(tiles.tile(values, grid), low, high, table)
    ends = formatting.number(low, 3), formatting.number(high, 3)

    def mosaic(theme: Theme) -> Figure:
        scale = Scale(theme, *ends, table, "value of a unit")
        return of_one(theme, (ImageRow("bottleneck", pixels),), scale=scale, label_lines=LABELS)

    rows, columns = grid.shape
    zoom = min(max(2, BOTTLENECK // columns), LARGEST / max(rows, columns))
    wide, tall = math.ceil(len(values) * (zoom * columns + GAP)), math.ceil(zoom * rows)
    size = (20 + LABELS * LINE + wide, 20 + tall + 2 * GAP + LINE)
    shape, maps = formatting.shape(run.history.bottleneck), run.history.bottleneck
    tiled = (
        f"its {maps[0]} feature maps of {maps[1]}×{maps[2]} tiled to" if len(maps) == 3 else "its values reshaped to"
    )
    caption = f"The bottleneck ({shape}) of the first ten images in the testing set, {tiled} {rows} × {columns}."
    if (rows, columns) != view:
        caption += f" Its {run.size} values do not make the sheet's {view[0]} × {view[1]}."
    cell = call_code("show_bottlenecks", run_code(run), str(rows), str(columns), quoted(caption))
    return [FigureBlock(name, mosaic, size, caption, run.samples_provenance, letters=LETTERS, cell=cell)]


def planes(name: str, runs: Runs, grid: str, digit: int, where: str) -> list[Block]:
    """Runs' planes of a digit, two side by side; in green what the classifier takes for another."""
    there = [(label, run) for label, run in runs.items() if grid in run.history.grids]
    pairs = [dict(there[start : start + 2]) for start in range(0, len(there), 2)]
    absent = [run for run in runs.values() if grid not in run.history.grids]
    return [*(_pair(name, pair, grid, digit, where) for pair in pairs), *missing(*absent, what="generated digits")]


def _pair(name: str, runs: Runs, grid: str, digit: int, where: str) -> FigureBlock:
    found = {label: run.history.grids[grid] for label, run in runs.items()}

    def figure(theme: Theme) -> Figure:
        return BesideFigure(tuple(_plane(theme, label, each, digit) for label, each in found.items()))

    side = min(PLANE, max(each.side * each.images.shape[-1] for each in found.values()))
    caption = f"The digit {digit} {where}. Framed: taken for the digit in the corner."
    name = "-".join([name, *(run.recipe.rpartition("-")[2] for run in runs.values())])
    named = dict_code({label: run_code(run) for label, run in runs.items()})
    arguments = quoted(grid), str(digit), 'runs.get("hesso/classifier")', quoted(f"{digit}, {where}")
    cell, size = call_code("show_planes", named, *arguments), (2 * side + BESIDE, side + ABOVE)
    return FigureBlock(name, figure, size, caption, sources(runs.values()), halves=True, letters=15, cell=cell)


def _plane(theme: Theme, label: str, found: PictureGrid, digit: int) -> PlaneFigure:
    predictions = found.predictions.tolist() if found.predictions is not None else []
    marks = tuple("" if prediction == digit else str(prediction) for prediction in predictions)
    wrong = f"{sum(map(bool, marks))} of {len(marks)} taken for another" if marks else "not classified"
    return PlaneFigure(theme, f"{label}: {wrong}", colours.from_images(found.images), marks)


def points(runs: Runs) -> tuple[Point, ...]:
    """The runs whose bottleneck's size and error are known, beside the sheet's and PCA's."""
    return tuple(
        Point(name, float(run.size), own, run.published("mse"), run.baseline("pca", "mse"))
        for name, run in runs.items()
        if run.size and (own := run.metric("mse")) is not None
    )


def trade_off(name: str, runs: Runs, *, title: str, caption: str) -> list[Block]:
    """The size of the bottleneck against the error, a point a run."""
    known = points(runs)
    if not known:
        return missing(*runs.values(), what="plot of size against error")
    named = dict_code({point.name: run_code(runs[point.name]) for point in known})
    sheet = dict_code({point.name: str(point.published) for point in known if point.published is not None})
    cell = call_code("plot_sizes", named, sheet, quoted(title))
    make, data = partial(TradeOffFigure, points=known), sources(runs.values())
    return [titled(name, make, TRADE_OFF, title=title, caption=caption, data=data, cell=cell)]


def letters(name: str, run: ReportRun, parts: Mapping[str, str], *, caption: str) -> list[Block]:
    """One letter of each class, a row for each part of the history's grid with what it is called."""
    grid = run.history.grids.get("letters")
    if grid is None:
        return missing(run, what="letters")
    rows = [PictureRow(label, pixels) for key, label in parts.items() if (pixels := getattr(grid, key)) is not None]
    caption += " Below: what the classifier calls it, beside what it should be where it errs."
    shown = dict_code({key: quoted(label) for key, label in parts.items()})
    cell = call_code("show_letters", run_code(run), shown, 'runs.get("letters/classifier")', quoted(caption))
    below, data = called(grid), run.history.provenance
    return [images(name, rows, caption=caption, data=data, below=below, below_label="called", cell=cell)]


def called(grid: PictureGrid) -> list[str]:
    """What the classifier calls each picture, with what it should be where it errs."""
    if grid.predictions is None or grid.labels is None:
        return []
    return [
        latin(label) if label == prediction else f"{latin(prediction)} ({latin(label)})"
        for label, prediction in zip(grid.labels.tolist(), grid.predictions.tolist(), strict=True)
    ]


def overlaps(name: str, settings: Sequence[tuple[Pair, Pair, Pair]], *, title: str, caption: str) -> FigureBlock:
    """How many of 4×4 values a transposed convolution sums at each position, by its kernel, stride and padding."""
    cases = []
    for kernel, stride, padding in settings:
        counts = transposed.overlap(transposed.input_sizes((4, 4), kernel, stride)[0], kernel, stride)
        step = f"{stride[0]}" if stride[0] == stride[1] else f"{stride[0]}, {stride[1]}"
        label = f"{kernel[0]}×{kernel[1]}, stride {step}, padding {padding[0]}"
        cases.append(OverlapCase(label, counts, padding, kernel))
    return titled(name, partial(OverlapFigure, cases=tuple(cases)), OVERLAPS, title=title, caption=caption)
