"""A training's result in words, and as JSON."""

from __future__ import annotations

from typing import Any

from train.loop import Result
from zoo.runs import QUICK, finite

_UNITS = {"mse": "mse", "psnr": "psnr dB", "ssim": "ssim", "bce": "bce"}


def as_text(result: Result) -> str:
    """Return the losses and the table of the model beside its baselines."""
    record = result.record
    head = (
        f"{result.recipe.name}: {record.epochs} epochs, {_per_epoch(record.seconds)} s an epoch; "
        f"train {record.train_loss[-1]:.5f}, validation {record.val_loss[-1]:.5f} ({result.recipe.objective})"
    )
    rows = {"model": result.metrics, **result.baselines}
    columns = list(dict.fromkeys(metric for values in rows.values() for metric in values))
    first, widths = max(map(len, rows)), [max(8, len(_UNITS.get(metric, metric))) for metric in columns]
    heads = zip(columns, widths, strict=True)
    lines = [f"  {'':{first}}  " + "  ".join(f"{_UNITS.get(metric, metric):>{width}}" for metric, width in heads)]
    for name, values in rows.items():
        cells = [_number(values[metric]) if metric in values else "–" for metric in columns]
        lines.append(f"  {name:{first}}  " + "  ".join(f"{cell:>{w}}" for cell, w in zip(cells, widths, strict=True)))
    if result.state == QUICK:
        lines.append("  after a few steps only (--quick): these figures tell nothing of the recipe")
    for metric, value in result.recipe.published.items():
        lines.append(f"  the sheet's {_UNITS.get(metric, metric)}: {value:g}")
    if result.state == "failed":
        if not result.is_finite:
            return "\n".join([head, *lines, "  FAILED: it diverged (not a number), so nothing is exported"])
        square = result.baselines.get("black", {}).get("mse")
        told = f" (the data's own mean square is {_number(square)})" if square is not None else ""
        lines.append(f"  FAILED: it answers every image alike{told}")
    return "\n".join([head, *lines])


def _per_epoch(seconds: list[float]) -> str:
    return f"{sorted(seconds)[len(seconds) // 2]:.2f}"


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) >= 10 else f"{value:.5f}"


def as_json(result: Result) -> dict[str, Any]:
    """Return the same as plain values; a figure that is not a number becomes null."""
    record = result.record
    return {
        "name": result.recipe.name,
        "run": str(result.run.path),
        "state": result.state,
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
