"""The window: makes the parts, lays them out and connects them; it knows no numbers and opens no files."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QPaintEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QSplitter, QVBoxLayout, QWidget

from viewer.figures.theme import Theme
from viewer.infer.questions import Answer
from viewer.qt import menus
from viewer.qt.application import apply_theme, theme_of
from viewer.qt.disk import Disk
from viewer.qt.librarian import Librarian
from viewer.qt.panels.bottleneck import Bottleneck
from viewer.qt.panels.card import CardPanel
from viewer.qt.panels.losses import Losses
from viewer.qt.panels.noise import Noise
from viewer.qt.panels.reconstructions import Reconstructions
from viewer.qt.panels.runs import Runs
from viewer.qt.settings import Settings
from viewer.qt.store import AppState
from viewer.qt.widgets.notices import Notices
from viewer.qt.widgets.status import Status
from viewer.qt.worker import Workers
from viewer.state import library
from viewer.state.selection import State
from zoo.errors import UsageError

SIZE = (1600, 1000)
SMALLEST = (1100, 700)
STRETCH = (2, 3, 1)  # which column takes or gives how much when the window is resized
COLUMNS = (538, 684, 350)  # the middle shows ten 28×28 images at twice their size


class MainWindow(QMainWindow):
    """Runs and card at the left, reconstructions and noise in the middle, bottleneck and losses at the right."""

    shown_first = Signal()  # the window was painted
    pictured_first = Signal()  # and now there is a picture in it

    def __init__(self, workers: Workers, disk: Disk, *, theme: str | None = None) -> None:
        super().__init__()
        self.setWindowTitle("aezoo")
        self.setAcceptDrops(True)
        self.store = AppState(self)
        self.settings = Settings()
        self.workers, self.disk = workers, disk
        self.librarian = Librarian(self.store, disk, workers, self)
        self.window_at: float | None = None  # seconds on the monotonic clock
        self.picture_at: float | None = None
        self._remembers = theme is None
        self._build()
        self._connect()
        menus.build(self)
        self.setMinimumSize(QSize(*SMALLEST).boundedTo(self.screen().availableSize()))
        self.resize(*SIZE)
        self.runs.table.setFocus()
        if self._remembers:
            self.settings.restore_window(self, self.splitters)
        self._apply(theme_of(theme or self.settings.theme))

    def _build(self) -> None:
        self.notices, self.status = Notices(self), Status(self)
        self.runs = Runs(self.store)
        self.card = CardPanel(self.store)
        self.reconstructions = Reconstructions(self.store, self.workers)
        self.noise = Noise(self.store, self.workers)
        self.bottleneck = Bottleneck(self.store, self.workers)
        self.losses = Losses(self.store)
        self.panels: dict[str, Runs | CardPanel | Reconstructions | Noise | Bottleneck | Losses] = {
            "reconstructions": self.reconstructions,
            "noise": self.noise,
            "bottleneck": self.bottleneck,
            "losses": self.losses,
            "card": self.card,
            "runs": self.runs,
        }
        self.splitters = {
            "left": _column(self.runs, self.card, sizes=(250, 690)),
            "middle": _column(self.reconstructions, self.noise, sizes=(470, 470)),
            "right": _column(self.bottleneck, self.losses, sizes=(490, 450)),
        }
        across = QSplitter(Qt.Orientation.Horizontal)
        for splitter in list(self.splitters.values()):
            across.addWidget(splitter)
        across.setSizes(COLUMNS)
        for column, share in enumerate(STRETCH):
            across.setStretchFactor(column, share)
        self.splitters["across"] = across
        for splitter in self.splitters.values():
            splitter.setHandleWidth(6)
            splitter.setChildrenCollapsible(False)
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(8, 8, 8, 2)
        layout.setSpacing(8)
        layout.addWidget(self.notices)
        layout.addWidget(across, 1)
        self.setCentralWidget(centre)
        self.setStatusBar(self.status)

    def _connect(self) -> None:
        self.workers.told.connect(self.notices.tell)
        self.librarian.told.connect(self.notices.tell)
        self.workers.greeted.connect(self.status.greet)
        self.workers.answered.connect(self._clocked)
        self.store.changed.connect(self._follow)
        self.reconstructions.view.pictured.connect(self._pictured)
        QApplication.styleHints().colorSchemeChanged.connect(self._system_changed)
        if self.workers.hello is not None:
            self.status.greet(self.workers.hello)

    # ---- what the user does ----

    def open(self, paths: tuple[Path, ...], *, remember: bool = True) -> None:
        """Show these folders and files in the place of what is shown."""
        try:
            chosen = library.absolute(paths)
        except UsageError as error:
            self.notices.tell(f"{error}.")
            return
        self.notices.clear()
        if remember:
            self.settings.remember(chosen)
        self.librarian.open(chosen)

    def step_run(self, step: int) -> None:
        """Go to the next run in the table's order, or the one before."""
        paths, current = self.runs.table.paths, self.store.state.current
        if paths:
            place = paths.index(current) + step if current in paths else 0
            path = paths[max(0, min(len(paths) - 1, place))]
            self.store.set_selected((path,), path)

    def choose_theme(self, name: str) -> None:
        self.settings.theme = name
        self._apply(theme_of(name))

    # ---- what happens ----

    def _apply(self, theme: Theme) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        apply_theme(application, theme)
        for panel in self.panels.values():
            panel.set_theme(theme)

    def _system_changed(self) -> None:
        if self.settings.theme == "system":
            self._apply(theme_of("system"))

    def _clocked(self, answer: Answer) -> None:
        if answer.question.kind == "run" and not answer.trouble:
            self.status.show_speed(answer.milliseconds)

    def _follow(self, before: State, after: State) -> None:
        samples = after.samples
        self.status.show_provenance(samples.provenance if samples else "")
        name = after.names().get(after.current) if after.current else None
        self.setWindowTitle(f"{name} – aezoo" if name else "aezoo")

    def _pictured(self) -> None:
        if self.picture_at is None:
            self.picture_at = time.monotonic()
            self.pictured_first.emit()

    @property
    def settled(self) -> bool:
        """Whether everything that was opened is shown and nothing is under way."""
        askers = (self.reconstructions.asker, self.noise.asker, self.bottleneck.asker)
        if not self.workers.started:
            return False
        return not self.librarian.busy and not self.workers.busy and not any(asker.waiting for asker in askers)

    # ---- events ----

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.window_at is None:
            self.window_at = time.monotonic()
            self.shown_first.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = _dropped(event)
        if paths:
            event.acceptProposedAction()
            self.open(paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._remembers:
            self.settings.save_window(self, self.splitters)
        self.librarian.close()
        self.workers.close()
        self.disk.close()
        super().closeEvent(event)


def _column(*widgets: QWidget, sizes: tuple[int, ...]) -> QSplitter:
    splitter = QSplitter(Qt.Orientation.Vertical)
    for widget in widgets:
        splitter.addWidget(widget)
    splitter.setSizes(sizes)
    return splitter


def _dropped(event: QDropEvent) -> tuple[Path, ...]:
    """The folders and .onnx files that are being dropped."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return tuple(path for path in paths if path.is_dir() or path.suffix == ".onnx")
