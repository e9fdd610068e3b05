"""Runs made by hand, quick to make and quick to run, and windows that are taken down after each test."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PySide6.QtCore import QEvent, QSettings, Qt, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from viewer.infer import messages
from viewer.infer.messages import Completed, ImageTask
from viewer.qt import main_window
from viewer.qt.child_process import Callback, ImageProcesses
from viewer.qt.disk import Disk
from viewer.qt.main_window import MainWindow
from viewer.qt.screenshot import Settling
from viewer.qt.worker import WorkerProcess, Workers
from viewer.state.pages import Split, SplitName
from zoo import card, runs
from zoo.card import Card
from zoo.runs import History, RunFolder, atomic_write, pack_history

PROVENANCE = "sample: bars, drawn for tests"
TIMEOUT = 60_000  # milliseconds: a core may be shared with much else

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


def graph_bytes(
    model_card: Card | None = CARD, *, picture: str = "reconstruction", batch: int | str = "batch"
) -> bytes:
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
    if model_card is not None:
        entry = model.metadata_props.add()
        entry.key, entry.value = card.METADATA_KEY, model_card.to_json()
    return bytes(model.SerializeToString())


def bars() -> np.ndarray:
    """Ten images, uint8 (10, 1, 28, 28), each with a bar at another position."""
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
    model_card = replace(CARD, name=name, objective={"name": "bce", "noise": noise})
    graph = graph_bytes(model_card)
    atomic_write(run.graph("model"), graph)
    atomic_write(run.card, model_card.to_file({"model.onnx": (hashlib.sha256(graph).hexdigest(), len(graph))}))
    atomic_write(run.history, pack_history(history_of(name=name, noise=noise, **more)))
    return run


def plane_pictures(points: np.ndarray) -> np.ndarray:
    """What the decoder of `write_vae` makes of points (N, 2): light to the right and the bottom, (N, 1, 28, 28)."""
    slope = (np.arange(28, dtype=np.float32) - 13.5) / 5
    across, down = points[:, 0, None, None] * slope[None, None, :], points[:, 1, None, None] * slope[None, :, None]
    made: np.ndarray = (1 / (1 + np.exp(-(across + down))))[:, None]
    return made


def _vae_graph(*, decoder: bool) -> bytes:
    """784 → 2 → 784 by hand: the first value is how far right an image's light is, the second how far down."""
    slope = (np.arange(28, dtype=np.float32) - 13.5) / 5
    ways = np.stack([np.tile(slope, 28), np.repeat(slope, 28)])  # (2, 784)
    weights = [
        numpy_helper.from_array(np.ascontiguousarray(ways.T) / 48, "encode"),
        numpy_helper.from_array(ways, "decode"),
        numpy_helper.from_array(np.array([-1, 1, 28, 28], dtype=np.int64), "shape"),
        numpy_helper.from_array(np.array([-1, 784], dtype=np.int64), "flat"),
    ]
    nodes = [
        helper.make_node("Reshape", ["image", "flat"], ["pixels"]),
        helper.make_node("MatMul", ["pixels", "encode"], ["bottleneck"]),
        helper.make_node("MatMul", ["bottleneck", "decode"], ["sums"]),
        helper.make_node("Sigmoid", ["sums"], ["lit"]),
        helper.make_node("Reshape", ["lit", "shape"], ["reconstruction"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 28, 28])
    values = helper.make_tensor_value_info("bottleneck", TensorProto.FLOAT, ["batch", 2])
    picture = helper.make_tensor_value_info("reconstruction", TensorProto.FLOAT, ["batch", 1, 28, 28])
    if decoder:
        return _model(nodes[2:], [values], [picture], weights[1:3])
    return _model(nodes, [image], [picture, values], weights)


def _pooled_graph(*, decoder: bool, light: float = 1.0) -> bytes:
    """Means of 4×4 pixels as the bottleneck, 1×7×7; the decoder spreads each over its pixels, `light` times."""
    weights = [numpy_helper.from_array(np.full((1, 1, 4, 4), light, dtype=np.float32), "light")]
    nodes = [
        helper.make_node("AveragePool", ["image"], ["bottleneck"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("ConvTranspose", ["bottleneck", "light"], ["reconstruction"], strides=[4, 4]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 28, 28])
    values = helper.make_tensor_value_info("bottleneck", TensorProto.FLOAT, ["batch", 1, 7, 7])
    picture = helper.make_tensor_value_info("reconstruction", TensorProto.FLOAT, ["batch", 1, 28, 28])
    if decoder:
        return _model(nodes[1:], [values], [picture], weights)
    return _model(nodes, [image], [picture, values], weights)


def _model(nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: list[Any]) -> bytes:
    graph = helper.make_graph(nodes, "tests", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return bytes(model.SerializeToString())


def write_vae(root: Path, name: str = "tests/vae", *, wrong: int = 5) -> RunFolder:
    """Write a run of two latent values, a decoder and the sheet's grids, of whose predictions so many are wrong."""
    run = write_run(root, name)
    atomic_write(run.graph("model"), _vae_graph(decoder=False))
    atomic_write(run.graph("decoder"), _vae_graph(decoder=True))
    plain = history_of(name=name)
    arrays = dict(plain.arrays)
    for grid, reach in (("plane", 2.0), ("extreme", 4.0)):
        across, up = np.meshgrid(np.linspace(-reach, reach, 15), np.linspace(reach, -reach, 15))
        points = np.stack([across, up], axis=-1).reshape(-1, 2).astype(np.float32)
        arrays[f"grids/{grid}/images"] = np.round(255 * plane_pictures(points)).astype(np.uint8)
        arrays[f"grids/{grid}/points"] = points
        arrays[f"grids/{grid}/verdicts"] = np.where(np.arange(225) < wrong, 7, 2)
        arrays[f"metrics/wrong-{grid}"] = np.array([wrong / 225])
    meta = {**plain.meta, "bottleneck": [2], "train_images": 100}
    atomic_write(run.history, pack_history(History(meta=meta, arrays=arrays)))
    return run


def write_pooled(root: Path, name: str = "tests/pooled", *, light: float = 1.0) -> RunFolder:
    """Write a run whose bottleneck is 1×7×7 means; its decoder makes them pictures, `light` times as bright."""
    run = write_run(root, name)
    atomic_write(run.graph("model"), _pooled_graph(decoder=False))
    atomic_write(run.graph("decoder"), _pooled_graph(decoder=True, light=light))
    return run


def bars_split(count: int = 60, *, classes: int = 1) -> Split:
    """A split whose test images begin with the bars that every run here is tested on, and training images like them."""
    rng = np.random.default_rng(4)
    more = np.zeros((count, 1, 28, 28), dtype=np.uint8)
    for image in more:
        left, top = rng.integers(0, 22, 2)
        image[0, top : top + 6, left : left + 6] = 255
    pixels = np.concatenate([bars(), more])
    labels = np.resize(np.arange(classes), len(pixels)).astype(np.uint8)
    names = tuple("0123456789")
    return Split(SplitName("mnist", "published"), pixels, labels, more, labels[:count], names, PROVENANCE)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return write_run(tmp_path / "runs")


@pytest.fixture
def trainer() -> Iterator[ExitStack]:
    """Holds the locks that are entered into it, as the trainers of runs do; `close` lets them go."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path) -> None:
    """Settings of a test's own, so that nobody's window is moved by a test."""
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


class ThriftyWorkers(Workers):
    """Workers that leave a process without a request to the next window: to start one takes longer than most tests.

    For the next window it is as new: it has opened no file, and says that it is ready once the window listens.
    """

    left: ClassVar[list[WorkerProcess]] = []

    def _new_process(self) -> WorkerProcess:
        if not self.left:
            return super()._new_process()
        process = self.left.pop()
        process.ended.disconnect()
        ready, process.ready = process.ready, None

        def be_ready() -> None:
            process.ready = ready
            process.became_ready.emit(process)

        process.setParent(self)
        process.became_ready.connect(self._ready)
        process.answered.connect(lambda reply: self._take(process, reply))
        process.ended.connect(lambda why: self._ended(process, why))
        QTimer.singleShot(0, process, be_ready)
        return process

    def await_last_reply(self, qtbot: QtBot) -> None:
        """Drop what waits, and wait for the reply to what was sent, if one comes soon; without it the process ends."""
        self._mailboxes.clear()
        with suppress(qtbot.TimeoutError):
            qtbot.waitUntil(lambda: self._sent is None, timeout=1_000)
        self._mailboxes.clear()

    def close(self) -> None:
        process = self._active
        if process is not None and process.ready is not None and not self.busy and not self.left:
            for signal in (process.became_ready, process.answered, process.ended):
                signal.disconnect()
            process.opened.clear()
            process.ended.connect(lambda _: self.left.clear())
            process.setParent(None)
            self.left.append(process)
            self._active = None
        super().close()


class ThriftyProcesses(ImageProcesses):
    """Processes that read the embedded images of a shape once: each imports scikit-learn, which takes a second."""

    read: ClassVar[dict[bytes, Completed]] = {}
    known = 0  # replies that are on their way and need no process

    @property
    def busy(self) -> bool:
        return super().busy or self.known > 0

    def send(self, task: ImageTask, callback: Callback) -> None:
        if task.task != "samples":
            return super().send(task, callback)
        key = messages.encode(task)

        def keep(reply: Completed | str) -> None:
            if isinstance(reply, Completed):
                self.read[key] = reply
            callback(reply)

        def answer() -> None:
            self.known -= 1
            callback(self.read[key])
            if not self.busy:
                self.idle.emit()

        if key not in self.read:
            return super().send(task, keep)
        self.known += 1
        return QTimer.singleShot(0, self, answer)


@pytest.fixture(scope="session")
def thrifty_workers(qapp: QApplication) -> Iterator[type[Workers]]:
    yield ThriftyWorkers
    for process in ThriftyWorkers.left:
        process.close()
    ThriftyWorkers.left.clear()


@pytest.fixture
def workers_of_windows(thrifty_workers: type[Workers]) -> type[Workers]:
    """What windows are opened with; a module whose tests end workers overrides it."""
    return thrifty_workers


Open = Callable[..., MainWindow]


@pytest.fixture
def open_window(
    qtbot: QtBot, qapp: QApplication, workers_of_windows: type[Workers], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    """Open a window on paths and wait until it has nothing under way."""
    monkeypatch.setattr(main_window, "ImageProcesses", ThriftyProcesses)
    opened: list[MainWindow] = []

    def make(
        *paths: Path, settle: bool = True, theme: str | None = "light", beside: bool = True, **options: Any
    ) -> MainWindow:
        window = MainWindow(workers_of_windows(**{"keep_spare": False, **options}), Disk(), theme=theme)
        opened.append(window)
        window.show()
        window.open(tuple(paths), remember=False)
        if beside:
            put_side_by_side(window)
        if settle:
            settle_window(qtbot, window)
        return window

    yield make
    for window in opened:
        if isinstance(window.workers, ThriftyWorkers):
            window.workers.await_last_reply(qtbot)
        window.close()
        window.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qapp.processEvents()


def put_side_by_side(window: MainWindow) -> None:
    """Put the tabs that most tests look at beside one another, in a window of the usual size with its drawer."""
    window.setWindowState(Qt.WindowState.WindowNoState)
    window.resize(main_window.SIZE)
    window.drawer.show()
    QApplication.processEvents()
    for name, orientation in (
        ("Inside", Qt.Orientation.Horizontal),
        ("Noise", Qt.Orientation.Vertical),
        ("Training", Qt.Orientation.Vertical),
    ):
        window.workspace.split(name, orientation)
        QApplication.processEvents()


def settle_window(qtbot: QtBot, window: MainWindow) -> None:
    """Wait until every request has been answered."""
    settling = Settling(window)
    with qtbot.waitSignal(settling.settled, timeout=TIMEOUT):
        pass
