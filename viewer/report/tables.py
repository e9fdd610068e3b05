"""The tables that several sheets ask for: measured figures beside the sheet's and the baselines', a graph's layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from viewer.report.document import Block, TableBlock
from viewer.report.notes import missing
from viewer.report.reader import ReportRun, Runs
from viewer.report.spread import Spread
from viewer.state import formatting, metrics

Column = tuple[str, Callable[[ReportRun], str]]  # its heading, and a run's cell


def measured(run: ReportRun, figures: Sequence[str], baselines: Sequence[str], *, caption: str) -> list[Block]:
    """One run's figures beside the sheet's and the baselines'."""
    known = [metric for metric in figures if run.measured(metric) is not None]
    if not known:
        return missing(run, what="figures of the test split")
    there = [baseline for baseline in baselines if baseline in run.baselines]
    has_sheet = any(metric in run.history.published for metric in known)
    size = {"pca": f", {run.size:,} values"} if run.size else {}
    names = (f"{_name(baseline)}{size.get(baseline, '')}" for baseline in there)
    heading = ("test split", "measured", *(["sheet"] if has_sheet else []), *names)
    rows = [
        (
            metrics.title(metric),
            _figure(run, metric),
            *([metrics.published(metric, run.history.published)] if has_sheet else []),
            *(metrics.figure(metric, run.baseline(baseline, metric)) for baseline in there),
        )
        for metric in known
    ]
    return [TableBlock(caption + seeds_note([run]), (heading, *rows))]


def _figure(run: ReportRun, metric: str) -> str:
    """Write a figure of the test split, the mean and the deviation of several seeds."""
    spread = run.spread(metric)
    if len(spread.values) < 2:
        return metrics.figure(metric, run.measured(metric))
    return spread.percent() if metrics.is_share(metric) else spread.written()


def seeds_note(runs: Iterable[ReportRun]) -> str:
    """Say of how many seeds the figures below are, '' where none has more than one."""
    most = max((1 + len(run.seeds) for run in runs), default=1)
    return f" ± is the standard deviation of {most} seeds." if most > 1 else ""


def _name(baseline: str) -> str:
    return "best linear map" if baseline == "linear" else metrics.baseline(baseline)


def of_runs(runs: Runs, first: str, columns: Sequence[Column], *, caption: str, text_columns: int = 1) -> TableBlock:
    """A row a run by its label, below the heading `first`, and a cell a column."""
    heading = (first, *(title for title, _ in columns))
    rows = ((label, *(cell(run) for _, cell in columns)) for label, run in runs.items())
    return TableBlock(caption + seeds_note(runs.values()), (heading, *rows), text_columns)


def metric(name: str, title: str = "") -> Column:
    """The column of a figure of the test split."""
    return title or metrics.title(name), lambda run: _figure(run, name)


def sheet(name: str) -> Column:
    """The column of the sheet's own figure."""
    return "sheet", lambda run: metrics.published(name, run.history.published)


def baseline(name: str, metric_name: str) -> Column:
    """The column of a baseline's figure."""
    return _name(name), lambda run: metrics.figure(metric_name, run.baseline(name, metric_name))


def count(title: str, of: Callable[[ReportRun], int]) -> Column:
    """The column of a count; a dash for none."""
    return title, lambda run: f"{of(run):,}" if of(run) else formatting.MISSING


def spread(title: str, of: Callable[[ReportRun], Spread], form: str) -> Column:
    """The column of any other number that every seed has."""
    return title, lambda run: found.written(form) if (found := of(run)).values else formatting.MISSING


EPOCHS: Column = ("epochs", lambda run: str(run.history.epochs_done) if run.is_there else formatting.MISSING)
STATE: Column = ("state", lambda run: short(run.history.state))


def compared(runs: Runs, name: str, baselines: Sequence[str], *, caption: str, more: Sequence[str] = ()) -> list[Block]:
    """Several runs' figure in one metric beside the sheet's and the baselines', then more of their metrics.

    Of runs that are not there the notes say so: they have no row.
    """
    known = {label: run for label, run in runs.items() if run.is_there}
    if not known:
        return []
    there = [each for each in baselines if any(each in run.baselines for run in known.values())]
    columns = [
        metric(name, f"measured: {metrics.title(name)}"),
        *([sheet(name)] if any(name in run.history.published for run in known.values()) else []),
        *(baseline(each, name) for each in there),
        *(metric(each) for each in more if any(run.measured(each) is not None for run in known.values())),
        EPOCHS,
        *([STATE] if any(run.history.state != "finished" for run in known.values()) else []),
    ]
    return [of_runs(known, "run", columns, caption=caption)]


def short(text: str) -> str:
    """Return text of a file that fits a cell."""
    return formatting.clean(text, limit=24) or formatting.MISSING


def layer_table(run: ReportRun, others: str = "", *, in_short: bool = False) -> list[Block]:
    """The network's layers as Keras's summary prints them: channels last, the batch as None; and who has the same."""
    layers = run.history.layers
    if not layers:
        return missing(run, what="table of layers")
    image = run.graph.image_shape if run.graph else None
    rows = [("Input", _keras_shape(image), "0")] if image else []
    rows += [(layer.type, _keras_shape(layer.shape), f"{layer.parameters:,}") for layer in layers]
    total, frozen = (sum(getattr(layer, key) for layer in layers) for key in ("parameters", "frozen"))
    sums = {"Total params": total}
    if frozen:
        sums |= {"Trainable params": total - frozen, "Non-trainable params": frozen}
    rows += [(name, "", f"{count:,}") for name, count in sums.items()]
    caption = f"The layers of {run.name} as it was trained{f'; {others}' if others else ''}."
    heading = ("Layer (type)", "Output Shape", "Param #")
    cell = f'print_layers(runs["{run.name}"])'
    return [TableBlock(caption, (heading, *rows), text_columns=2, cell=cell, in_short=in_short)]


def _keras_shape(shape: Sequence[int]) -> str:
    last = (*shape[1:], shape[0]) if len(shape) == 3 else tuple(shape)
    return f"({', '.join(['None', *map(str, last)])})"
