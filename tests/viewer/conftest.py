"""Runs made by hand, quick to make and quick to run, and windows that are taken down after each test."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PySide6.QtCore import QEvent, QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from viewer.qt.disk import Disk
from viewer.qt.main_window import MainWindow
from viewer.qt.shot import Settling
from viewer.qt.worker import Workers
from zoo import card, runs
from zoo.card import Card
from zoo.runs import History, RunFolder, atomic_write, pack_history

PROVENANCE = "sample: bars, drawn for tests"
TIMEOUT = 15_000

CARD = Card(
    name="tests/conv",
    assignment="tests",
    graph="model",
    task="reconstruct",
    summary="a blur by hand",
    inputs=[{"name": "image", "kind": "image", "shape": ["batch", 1, 28, 28]}],
    outputs=[{"name": "reconstruction", "kind": "image"}, {"name": "bottleneck", "kind": "bottleneck"}],
    bottleneck={"shape": [8, 7, 7], "size": 392, "view": [28, 14], "compression": 2.0},
    objective={"name": "bce", "noise": 0.0},
    data={
        "name": "mnist",
        "train": 1500,
        "test": 297,
        "provenance": PROVENANCE,
        "sha256": "0" * 64,
        "licence": "CC0",
    },
    training={"epochs": 3, "batch_size": 64, "learning_rate": 0.001, "seed": 0, "state": "finished"},
    metrics={"mse": 0.0123, "psnr": 19.2, "ssim": 0.8, "bce": 0.11},
    baselines={"pca": {"mse": 0.0045, "psnr": 23.5, "ssim": 0.9, "bce": 0.09}},
    parameters=89,
    tools={"aezoo": "0.1.0"},
    choices=["all of it"],
    published={},
)


def graph_bytes(told: Card | None = CARD, *, picture: str = "reconstruction", batch: int | str = "batch") -> bytes:
    """A blur of 3×3 as reconstruction, and eight 7×7 maps as bottleneck; with a card or without."""
    blur = np.full((1, 1, 3, 3), 1 / 9, dtype=np.float32)
    maps = np.arange(8 * 16, dtype=np.float32).reshape(8, 1, 4, 4) / 128
    nodes = [
        helper.make_node("Conv", ["image", "blur"], [picture], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["image", "maps"], ["bottleneck"], strides=[4, 4]),
    ]
    graph = helper.make_graph(
        nodes,
        "tests",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 1, 28, 28])],
        [
            helper.make_tensor_value_info("bottleneck", TensorProto.FLOAT, [batch, 8, 7, 7]),
            helper.make_tensor_value_info(picture, TensorProto.FLOAT, [batch, 1, 28, 28]),
        ],
        [numpy_helper.from_array(blur, "blur"), numpy_helper.from_array(maps, "maps")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if told is not None:
        entry = model.metadata_props.add()
        entry.key, entry.value = card.METADATA_KEY, told.to_json()
    return bytes(model.SerializeToString())


def bars() -> np.ndarray:
    """Ten images, uint8 (10, 1, 28, 28), each with a bar at another place."""
    images = np.zeros((10, 1, 28, 28), dtype=np.uint8)
    for index, image in enumerate(images):
        image[0, 6:22, 2 * index + 4 : 2 * index + 7] = 255
    return images


def history_of(
    *, name: str = "tests/conv", epochs: int = 3, planned: int = 3, state: str = "finished", noise: float = 0.0
) -> History:
    """A history whose losses fall; its metrics come with its end."""
    falling = 0.5 / np.arange(1, epochs + 1)
    images = bars()
    rng = np.random.default_rng(1)
    noisy = np.clip(images + 255 * noise * rng.standard_normal(images.shape), 0, 255).astype(np.uint8)
    arrays: dict[str, np.ndarray] = {
        runs.TRAIN_LOSS: falling,
        runs.VAL_LOSS: falling * 1.1,
        runs.SECONDS: np.full(epochs, 2.0),
        runs.STEP_LOSS: np.linspace(0.5, 0.1, 30, dtype=np.float32),
        runs.SAMPLE_INPUTS: noisy if noise else images,
        runs.SAMPLE_TARGETS: images,
        runs.EPOCH_RECONSTRUCTIONS: np.stack([images // 2] * epochs),
    }
    if state == "finished":
        arrays[runs.SAMPLE_RECONSTRUCTIONS] = images // 2
        arrays |= {f"metrics/{metric}": np.array([value]) for metric, value in CARD.metrics.items()}
        arrays |= {f"baselines/pca/{metric}": np.array([value]) for metric, value in CARD.baselines["pca"].items()}
    meta: dict[str, Any] = {
        "recipe": name,
        "data": "mnist",
        "provenance": PROVENANCE,
        "objective": "bce",
        "noise": noise,
        "bottleneck": [8, 7, 7],
        "parameters": 89,
        "epochs": planned,
        "state": state,
        "device": "cpu",
        "seed": 0,
    }
    return History(meta=meta, arrays=arrays)


def write_run(root: Path, name: str = "tests/conv", *, noise: float = 0.0, **more: Any) -> RunFolder:
    """Write a finished run with all its files."""
    run = RunFolder.of(root, name)
    told = replace(CARD, name=name, objective={"name": "bce", "noise": noise})
    graph = graph_bytes(told)
    atomic_write(run.graph("model"), graph)
    atomic_write(run.card, told.to_file({"model.onnx": (hashlib.sha256(graph).hexdigest(), len(graph))}))
    atomic_write(run.history, pack_history(history_of(name=name, noise=noise, **more)))
    return run


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return write_run(tmp_path / "runs")


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path) -> None:
    """Settings of a test's own, so that nobody's window is moved by a test."""
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


Open = Callable[..., MainWindow]


@pytest.fixture
def open_window(qtbot: QtBot, qapp: QApplication) -> Iterator[Open]:
    """Open a window on paths and wait until it has nothing under way."""
    opened: list[MainWindow] = []

    def make(*paths: Path, settle: bool = True, theme: str | None = "light", **options: Any) -> MainWindow:
        window = MainWindow(Workers(**{"keep_spare": False, **options}), Disk(), theme=theme)
        opened.append(window)
        window.show()
        window.open(tuple(paths), remember=False)
        if settle:
            settle_window(qtbot, window)
        return window

    yield make
    for window in opened:
        window.close()
        window.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qapp.processEvents()


def settle_window(qtbot: QtBot, window: MainWindow) -> None:
    """Wait until everything that was asked has been answered."""
    settling = Settling(window)
    with qtbot.waitSignal(settling.settled, timeout=TIMEOUT):
        pass
