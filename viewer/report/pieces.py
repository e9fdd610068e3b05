"""What several sheets ask for: loss curves, rows of images, bottlenecks, tables of figures, layers, provenance.

Every piece takes runs as they are: what a run does not have becomes a note, with the command for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from viewer.figures import colours, curves
from viewer.figures.arrange import TitledFigure
from viewer.figures.mosaic import MosaicFigure
from viewer.figures.paper import Figure
from viewer.figures.scale import Scale
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow
from viewer.report.document import Block, FigureBlock, TableBlock, TextBlock, note, part
from viewer.report.reader import ReportRun
from viewer.state import formatting, numbers, tiles
from zoo import __version__
from zoo.runs import QUICK

PLOT = (760, 300)
LABELS = 132  # points left of a mosaic, for the rows' names
TITLE = 26
COLUMNS = 20  # images that a row shows
LARGEST = 128  # points that an image may be wide or tall
TALL = 8  # rows of a mosaic at twice the images' size
BOTTLENECK = 60  # points that a bottleneck may be wide
LINE = 18

METRICS = {
    "mse": "mse, of [0, 1] pixels",
    "psnr": "psnr, dB",
    "ssim": "ssim",
    "bce": "binary cross-entropy, nats a pixel",
    "accuracy": "accuracy",
    "accuracy-letters": "of letters",
    "accuracy-noise": "of noise",
    "cross_entropy": "cross-entropy, nats",
}
BASELINES = {
    "pca": "PCA",
    "linear": "linear map",
    "nearest-example": "nearest training image",
    "black": "all black",
    "mean-image": "mean image",
    "noisy-input": "noisy input",
    "grey-copied": "grey copied",
    "copied-input": "letter copied",
    "class-mean": "class mean",
    "majority": "most frequent class",
    "nearest-mean": "nearest class mean",
}
OBJECTIVES = {  # what the axis of a loss says
    "mse": "mean squared error of [0, 1] pixels",
    "mse-linear": "squared error a pixel, before clamping",
    "mse-normalised": "squared error of normalised pixels",
    "bce": "binary cross-entropy, nats a pixel",
    "elbo": "cross-entropy + divergence, nats an image",
    "cross-entropy": "cross-entropy, nats an image",
    "teacher": "cross-entropy of the classifier, nats an image",
}

Rows = Sequence[tuple[str, np.ndarray]]


# ---- how a run stands ----------------------------------------------------------------------------------------


def standing(*runs: ReportRun) -> list[Block]:
    """Say of runs that are there what must be known before believing their figures, and the command that mends it.

    Of those that are not there `missing_note` says so, where their figures would stand.
    """
    short = [run.name for run in runs if run.history.state == QUICK]
    sentences = [run.error for run in runs if run.error and not run.is_absent]
    if short:
        sentences.append(
            f"Cut to a few steps (--quick), so that the figures say nothing: {', '.join(short)}. "
            f"`aezoo train {' '.join(short)} --overwrite` trains {'it' if len(short) == 1 else 'them'} whole."
        )
    sentences += [_unfinished(run) for run in runs if run.is_there and run.history.state not in (QUICK, "finished")]
    sentences += [run.graph_error for run in runs if run.graph_error and run.history.state != "training"]
    return [note(text) for text in sentences]


def _unfinished(run: ReportRun) -> str:
    epochs = f"{run.history.epochs_done} of {run.history.epochs_planned} epochs"
    if run.history.state == "failed":
        return f"{run.name} failed after {epochs}; its figures stand as they were measured."
    if run.history.state == "training":
        return (
            f"{run.name} is not finished ({epochs}): its test figures come with its end. If nothing trains it now, "
            f"`aezoo train {run.name} --resume` goes on with it."
        )
    return f"{run.name} is {run.history.state or 'in no known state'} ({epochs})."


def missing_note(*runs: ReportRun, what: str) -> list[Block]:
    """The note that stands where these runs have nothing to show, with the command that makes it."""
    absent = [run.name for run in runs if run.is_absent]
    there = [run.name for run in runs if not run.is_absent]
    sentences = []
    if absent:
        sentences.append(f"No {what} of {_and(absent)}, not trained yet: `aezoo train {' '.join(absent)}`.")
    if there:
        sentences.append(f"No {what} of {_and(there)}: so far there is none in {'it' if len(there) == 1 else 'them'}.")
    return [note(text) for text in sentences]


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def sources(runs: Iterable[ReportRun]) -> str:
    """Name the data of some runs, each once."""
    return "; ".join(dict.fromkeys(run.history.provenance for run in runs if run.history.provenance))


# ---- curves --------------------------------------------------------------------------------------------------


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
    axis = OBJECTIVES.get(objective, f"loss ({objective})")
    nothing = np.zeros(0)
    series = [
        (label, nothing if only_validation else run.history.train_loss, run.history.val_loss)
        for label, run in shown.items()
    ]

    def figure(theme: Theme) -> Figure:
        return TitledFigure(theme, title, curves.of_runs(theme, series, y_label=axis, log=log))

    rest = [run for label, run in runs.items() if label not in shown]
    picture = FigureBlock(name, figure, PLOT, caption, sources(shown.values()))
    return [picture, *(missing_note(*rest, what="curve") if rest else [])]


# ---- images --------------------------------------------------------------------------------------------------


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

    def figure(theme: Theme) -> Figure:
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

    def figure(theme: Theme) -> Figure:
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


# ---- tables --------------------------------------------------------------------------------------------------


def error(value: float | None) -> str:
    """Write a mean squared error with three digits that count, as sheets do."""
    return formatting.MISSING if value is None or not math.isfinite(value) else f"{value:.3g}".replace("e-0", "e-")


def figure_cell(metric: str, value: float | None) -> str:
    """Write a figure of the test split."""
    if value is None:
        return formatting.MISSING
    if metric == "mse":
        return f"{value:#.3g}".replace("e-0", "e-") if math.isfinite(value) else formatting.MISSING
    if metric in ("accuracy", "accuracy-letters", "accuracy-noise"):
        return f"{value:.1%}"
    return formatting.decibels(value) if metric == "psnr" else formatting.number(value, 3)


def sheet_cell(metric: str, run: ReportRun) -> str:
    """Write the sheet's own figure as it stands there, without digits that it does not have."""
    value = run.published(metric)
    if value is None:
        return formatting.MISSING
    return f"{value:.0%}" if metric == "accuracy" else f"{value:g}"


def measured(run: ReportRun, metrics: Sequence[str], baselines: Sequence[str], *, caption: str) -> list[Block]:
    """One run's figures beside the sheet's and the baselines'."""
    known = [metric for metric in metrics if run.metric(metric) is not None]
    if not known:
        return missing_note(run, what="figures of the test split")
    there = [baseline for baseline in baselines if baseline in run.baselines]
    heading = ("test split", "measured", "sheet", *(_baseline_heading(baseline, run) for baseline in there))
    rows = [
        (
            METRICS.get(metric, metric),
            figure_cell(metric, run.metric(metric)),
            sheet_cell(metric, run),
            *(figure_cell(metric, run.baseline(baseline, metric)) for baseline in there),
        )
        for metric in known
    ]
    return [TableBlock(caption, (heading, *rows))]


def _baseline_heading(baseline: str, run: ReportRun) -> str:
    name = BASELINES.get(baseline, baseline)
    return f"{name}, {run.size:,} values" if baseline == "pca" and run.size else name


def compared(
    runs: Mapping[str, ReportRun], metric: str, baselines: Sequence[str], *, caption: str, more: Sequence[str] = ()
) -> list[Block]:
    """Several runs' figure in one metric beside the sheet's and the baselines', then more of their metrics."""
    there = [baseline for baseline in baselines if any(baseline in run.baselines for run in runs.values())]
    heading = (
        "run",
        f"measured: {METRICS.get(metric, metric)}",
        "sheet",
        *(BASELINES.get(baseline, baseline) for baseline in there),
        *(METRICS.get(each, each) for each in more),
        "epochs",
        "state",
    )
    rows = []
    for label, run in runs.items():
        rows.append(
            (
                label,
                figure_cell(metric, run.metric(metric)),
                sheet_cell(metric, run),
                *(figure_cell(metric, run.baseline(baseline, metric)) for baseline in there),
                *(figure_cell(each, run.metric(each)) for each in more),
                str(run.history.epochs_done) if run.is_there else formatting.MISSING,
                _short(run.history.state if run.is_there else "not there"),
            )
        )
    return [TableBlock(caption, (heading, *rows))]


def _short(text: str) -> str:
    """Return text of a file that fits a cell."""
    return formatting.clean(text, limit=24) or formatting.MISSING


def layer_table(run: ReportRun, caption: str) -> list[Block]:
    """The graph's layers as Keras's summary prints them: channels last, the batch as None."""
    layers = run.layers
    if not layers:
        return [note(run.graph_error)] if run.graph_error else missing_note(run, what="table of layers")
    rows = [
        (
            f"{layer.operator} + {layer.activation}" if layer.activation else layer.operator,
            _keras_shape(layer.shape),
            f"{layer.parameters:,}",
        )
        for layer in layers
    ]
    image = run.graph.image_shape if run.graph else None
    first = [("Input", _keras_shape(image), "0")] if image else []
    total = ("Total params", "", f"{sum(layer.parameters for layer in layers):,}")
    return [TableBlock(caption, (("Layer (type)", "Output Shape", "Param #"), *first, *rows, total), text_columns=2)]


def _keras_shape(shape: Sequence[int]) -> str:
    last = (*shape[1:], shape[0]) if len(shape) == 3 else tuple(shape)
    return f"({', '.join(['None', *map(str, last)])})"


# ---- the foot ------------------------------------------------------------------------------------------------


def choices(runs: Sequence[ReportRun]) -> list[Block]:
    """What the sheet leaves open and was chosen, by the runs' cards."""
    by_choice: dict[str, list[str]] = {}
    for run in runs:
        for choice in (run.card.choices if run.card else ())[:50]:
            by_choice.setdefault(formatting.clean(choice, limit=500), []).append(run.recipe)
    if not by_choice:
        return []
    everywhere = len([run for run in runs if run.card])
    rows = [(choice, "all" if len(names) == everywhere else ", ".join(names)) for choice, names in by_choice.items()]
    caption = "What the sheet leaves open or leaves to public code, as the cards of the graphs have it."
    return [part("Choices"), TableBlock(caption, (("choice", "runs"), *rows), text_columns=2)]


def provenance(runs: Sequence[ReportRun]) -> list[Block]:
    """Data, versions, device, epochs, seed and hashes of every run."""
    there = [run for run in runs if run.is_there]
    blocks: list[Block] = [part("Provenance")]
    if not there:
        return [*blocks, TextBlock(f"No run was there to be reported. aezoo {__version__}.")]
    data: dict[tuple[str, ...], list[str]] = {}
    for run in there:
        key = (run.history.dataset, run.history.provenance, run.fact("licence"), run.fact("data_sha256"))
        data.setdefault(key, []).append(run.recipe)
    rows = [(name, text, licence, ", ".join(names), sha256) for (name, text, licence, sha256), names in data.items()]
    heading = ("data", "where from", "licence", "runs", "sha256 of the training pixels")
    blocks.append(TableBlock("The data that the runs were trained on.", (heading, *rows), text_columns=5, code=True))
    blocks.append(_trainings(there))
    blocks += _graphs(there)
    return [*blocks, TextBlock(f"Made by aezoo {__version__} from the runs named above.")]


def _trainings(runs: Sequence[ReportRun]) -> TableBlock:
    heading = ("run", "state", "device", "torch", "parameters", "epochs", "batch", "learning rate", "seed", "minutes")
    rows = [
        (
            run.recipe,
            _short(run.history.state),
            _short(run.history.device),
            _short(run.fact("torch")),
            f"{run.history.parameters:,}",
            f"{run.history.epochs_done} of {run.history.epochs_planned}",
            _short(run.fact("batch_size")),
            _short(run.fact("learning_rate")),
            _short(run.fact("seed")),
            f"{run.history.seconds / 60:.1f}",
        )
        for run in runs
    ]
    return TableBlock("How they were trained.", (heading, *rows), text_columns=4)


def _graphs(runs: Sequence[ReportRun]) -> list[Block]:
    rows = [
        (run.recipe, "as card.json lists it" if run.listed == run.file.sha256 else _unlisted(run), run.file.sha256)
        for run in runs
        if run.file
    ]
    heading = ("run", "this file is", "sha256")
    return [TableBlock("Their graphs, model.onnx.", (heading, *rows), text_columns=3, code=True)] if rows else []


def _unlisted(run: ReportRun) -> str:
    return "another than card.json lists" if run.listed else "not listed in a card.json"
