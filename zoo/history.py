"""`aezoo history`: a run's losses and figures as a table, CSV or JSON; and the same as columns, for Python."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from zoo import pretrained, targets
from zoo.cli import RUNS_DEFAULT, Json, Runs, complete_runs, new_app, plain
from zoo.errors import RunError, UsageError
from zoo.runs import (
    LEARNING_RATE,
    SECONDS,
    STEP_LOSS,
    TRAIN_LOSS,
    VAL_LOSS,
    History,
    RunFolder,
    atomic_write,
    finite,
)

Columns = dict[str, np.ndarray]

app = new_app("Print a run's losses and figures as a table, CSV or JSON.")

_KEYS = {"train_loss": TRAIN_LOSS, "val_loss": VAL_LOSS, "learning_rate": LEARNING_RATE, "seconds": SECONDS}


@dataclass(frozen=True)
class TrainingHistory:
    """What a training wrote down, as columns of equal length: `pandas.DataFrame(history.epochs)` makes a table.

    epochs      epoch (from 1), train_loss, val_loss (the objective's means), learning_rate, seconds, and the
                objective's parts, terms/<name>
    steps       epoch (a fraction of one: where in the training), loss (of one batch; of a pretrained model the mean
                of several)
    metrics     {metric: value} on the test images: mse, psnr (dB), ssim, bce, …; empty while it is trained
    baselines   {baseline: {metric: value}}
    meta        recipe, seed, device, torch, provenance of the data, state and more
    """

    epochs: Columns
    steps: Columns
    metrics: dict[str, float]
    baselines: dict[str, dict[str, float]]
    meta: Mapping[str, Any]

    @classmethod
    def of(cls, history: History) -> TrainingHistory:
        """Return the columns of a history.h5 that was read."""
        arrays, count = history.arrays, history.epochs
        keys = {**_KEYS, **{key: key for key in arrays if key.startswith("terms/")}}
        losses = arrays.get(STEP_LOSS, np.zeros(0, np.float32))
        return cls(
            epochs={
                "epoch": np.arange(1, count + 1),
                **{name: arrays[key] for name, key in keys.items() if key in arrays and len(arrays[key]) == count},
            },
            steps={"epoch": np.arange(1, len(losses) + 1) * (count / max(1, len(losses))), "loss": losses},
            metrics=history.metrics(),
            baselines=history.baselines(),
            meta=history.meta,
        )

    def as_json(self) -> dict[str, Any]:
        """Return what JSON can hold: lists, and None for what is not finite."""
        return {
            "epochs": _lists(self.epochs),
            "steps": _lists(self.steps),
            "metrics": {name: finite(value) for name, value in self.metrics.items()},
            "baselines": {
                name: {metric: finite(value) for metric, value in values.items()}
                for name, values in self.baselines.items()
            },
            "meta": dict(self.meta),
        }


def read(target: RunFolder | Path) -> TrainingHistory:
    """Read the history of a run, or of a file's run. Raises RunError where there is none, FileRefused."""
    folder = target if isinstance(target, RunFolder) else RunFolder(target.parent)
    if not folder.history.is_file():
        raise RunError(f"no history.h5 in {pretrained.title(folder.path)}; bundles have none: name the run itself")
    return TrainingHistory.of(folder.read_history())


def _lists(columns: Columns) -> dict[str, list[Any]]:
    return {name: [finite(value) for value in column.tolist()] for name, column in columns.items()}


def as_csv(columns: Columns) -> str:
    """Return columns as CSV: a head, and a line for each row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *_rows(columns)])
    return text.getvalue()


def as_table(columns: Columns) -> str:
    """Return columns as aligned text, to six digits."""
    rows = [list(columns), *([f"{value:.6g}" for value in row] for row in _rows(columns))]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _rows(columns: Columns) -> list[tuple[Any, ...]]:
    return list(zip(*(column.tolist() for column in columns.values()), strict=True))


@app.command()
def main(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A run or a pretrained model.", autocompletion=complete_runs)
    ],
    comma_separated: Annotated[bool, typer.Option("--csv", help="Print CSV, every digit.")] = False,
    steps: Annotated[bool, typer.Option("--steps", help="The loss of every batch instead of every epoch.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Write CSV or JSON there.")
    ] = None,
    runs: Runs = RUNS_DEFAULT,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Print what a training wrote down, epoch by epoch: `aezoo history purdue/conv --csv -o history.csv`."""
    history = read(targets.one(name, runs))
    columns = history.steps if steps else history.epochs
    if as_json:
        text = json.dumps(history.as_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    else:
        text = as_csv(columns) if comma_separated or output is not None else as_table(columns)
    if output is None:
        print(plain(text), end="")
        return
    if output.exists() and not overwrite:
        raise UsageError(f"{output} is there already; name another file with -o FILE, or add --overwrite")
    atomic_write(output, text.encode())
    if not as_json:
        print(f"wrote {output}")
