"""A training's result as text and as JSON."""

import statistics
from typing import Any

from rich import filesize

from train.loop import Result
from train.measure.run import Table
from zoo import comparison
from zoo.runs import QUICK, finite

_UNITS = {"psnr": "psnr dB"}


def as_text(result: Result, graphs: dict[str, Any] | None) -> str:
    """Return the losses, the table of the model beside its baselines, and the files that were written."""
    record, recipe = result.record, result.recipe
    head = (
        f"{recipe.name}: {record.epochs} epochs, {statistics.median_high(record.seconds):.2f} s an epoch; "
        f"train {record.train_loss[-1]:.5f}, validation {record.val_loss[-1]:.5f} ({recipe.objective})"
    )
    lines = [head, *_table({"model": result.metrics, **result.baselines})]
    metric, metrics, baselines = recipe.metric, result.metrics, result.baselines
    main = comparison.main_baseline(recipe.task.name, metric, metrics, baselines)
    if main:
        lines.append(f"  {metric}: {comparison.in_words(metrics[metric], baselines[main][metric], metric, main)}")
    if result.status == QUICK:
        lines.append("  after a few steps only (--quick): these figures say nothing about the recipe")
    lines += [f"  the sheet's {_UNITS.get(name, name)}: {value:g}" for name, value in recipe.published.items()]
    lines += [_failure(result)] if result.status == "failed" else []
    return "\n".join([*lines, *_files(result, graphs)])


def _table(rows: Table) -> list[str]:
    columns = list(dict.fromkeys(metric for values in rows.values() for metric in values))
    first, widths = max(map(len, rows)), [max(8, len(_UNITS.get(metric, metric))) for metric in columns]
    heads = zip(columns, widths, strict=True)
    lines = [f"  {'':{first}}  " + "  ".join(f"{_UNITS.get(metric, metric):>{width}}" for metric, width in heads)]
    for name, values in rows.items():
        cells = [_number(values[metric]) if metric in values else "–" for metric in columns]
        lines.append(f"  {name:{first}}  " + "  ".join(f"{cell:>{w}}" for cell, w in zip(cells, widths, strict=True)))
    return lines


def _failure(result: Result) -> str:
    if not result.is_finite:
        smaller = f"--set learning_rate={result.recipe.schedule.learning_rate / 10:g}"
        return f"  FAILED: its loss is not finite, so nothing is exported; try {smaller}"
    square = result.baselines.get("black", {}).get("mse")
    own = f" (the data's own mean square is {_number(square)})" if square is not None else ""
    return f"  FAILED: it gives the same output for every image{own}; another --seed may help"


def _files(result: Result, graphs: dict[str, Any] | None) -> list[str]:
    """Return a line for each file that was written: its path, its size, and whether it was verified."""
    sizes = {str(result.run.history): result.run.history.stat().st_size}
    sizes |= {file["path"]: file["bytes"] for file in (graphs or {}).get("files", {}).values()}
    width = max(map(len, sizes))
    verified = {path: "  verified" if path.endswith(".onnx") else "" for path in sizes}
    return [f"  {path:{width}}  {filesize.decimal(size):>8}{verified[path]}" for path, size in sizes.items()]


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) >= 10 else f"{value:.5f}"


def as_json(result: Result) -> dict[str, Any]:
    """Return the same as plain values; a figure that is not a number becomes null."""
    record = result.record
    return {
        "name": result.recipe.name,
        "run": str(result.run.path),
        "state": result.status,
        "epochs": record.epochs,
        "train_loss": finite(record.train_loss[-1]),
        "val_loss": finite(record.val_loss[-1]),
        "seconds": sum(record.seconds),
        "metrics": {name: finite(value) for name, value in result.metrics.items()},
        "baselines": {
            baseline: {name: finite(value) for name, value in values.items()}
            for baseline, values in result.baselines.items()
        },
    }
