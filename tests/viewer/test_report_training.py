"""What a report says of how its runs were trained: their layers, optimiser, precision and initial weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import history_of, write_run
from viewer.report import write
from viewer.report.document import Report, TableBlock, note
from zoo.runs import History, atomic_write, pack_history


def report_of(assignment: str, folder: Path) -> Report:
    return write.make(assignment, folder, None, say=lambda _: None)


LAYERS = [
    {"type": "Normalise", "shape": [1, 28, 28], "parameters": 0},
    {"type": "Conv2d + ReLU", "shape": [8, 14, 14], "parameters": 80},
    {"type": "Linear", "shape": [512], "parameters": 1_000, "frozen": 900},
]


def test_layers_are_those_of_the_network_where_its_run_records_them(tmp_path: Path, qtbot: QtBot) -> None:
    history = history_of(name="hesso/conv")
    run = write_run(tmp_path, "hesso/conv")
    atomic_write(run.history, pack_history(History({**history.meta, "layers": LAYERS}, history.arrays)))
    table = next(block for block in report_of("hesso", tmp_path).blocks if isinstance(block, TableBlock))
    assert table.rows == (
        ("Layer (type)", "Output Shape", "Param #"),
        ("Input", "(None, 28, 28, 1)", "0"),
        ("Normalise", "(None, 28, 28, 1)", "0"),
        ("Conv2d + ReLU", "(None, 14, 14, 8)", "80"),
        ("Linear", "(None, 512)", "1,000"),
        ("Total params", "", "1,080"),
        ("Trainable params", "", "180"),
        ("Non-trainable params", "", "900"),
    )
    assert table.caption == "The layers of hesso/conv as it was trained."


@pytest.mark.parametrize("listing", [None, "x", [1], [{"type": "Linear"}], [{**LAYERS[0], "parameters": 0.5}]])
def test_layers_that_are_not_proper_are_not_believed(listing: object, tmp_path: Path, qtbot: QtBot) -> None:
    history = history_of(name="hesso/conv")
    run = write_run(tmp_path, "hesso/conv")
    atomic_write(run.history, pack_history(History({**history.meta, "layers": listing}, history.arrays)))
    assert note("No table of layers of hesso/conv: so far there is none in it.") in report_of("hesso", tmp_path).blocks


def test_how_a_run_was_trained_is_said_where_it_is_recorded(tmp_path: Path, qtbot: QtBot) -> None:
    for name, more in {
        "dense": {"optimiser": "Adam", "precision": "bf16", "initialisation": "Glorot"},
        "conv": {},
    }.items():
        history = history_of(name=f"purdue/{name}")
        run = write_run(tmp_path, f"purdue/{name}")
        atomic_write(run.history, pack_history(History({**history.meta, **more}, history.arrays)))
    tables = {block.caption: block for block in report_of("purdue", tmp_path).blocks if isinstance(block, TableBlock)}
    assert tables["Optimiser, precision and initial weights."].rows == (
        ("runs", "optimiser", "precision", "initial weights"),
        ("dense", "Adam", "bf16", "Glorot"),
    )
