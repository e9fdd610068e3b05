"""The window: makes the parts, lays them out and connects them; it computes nothing and opens no files."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QPaintEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMainWindow, QVBoxLayout, QWidget

from viewer.figures.theme import Theme
from viewer.infer.requests import Reply
from viewer.qt import menus
from viewer.qt.application import apply_theme, theme_of
from viewer.qt.disk import Disk, JobResult
from viewer.qt.image_browser import PICTURES, ImageBrowser, pixels_of
from viewer.qt.image_processes import ImageProcesses
from viewer.qt.layout import Layout
from viewer.qt.panels.all import Panels
from viewer.qt.run_loader import RunLoader
from viewer.qt.settings import Settings
from viewer.qt.store import AppState
from viewer.qt.tools import Tools
from viewer.qt.widgets.notices import Notices
from viewer.qt.widgets.panel import Panel
from viewer.qt.widgets.status import Status
from viewer.qt.worker import Workers
from viewer.state import library
from viewer.state.formatting import sentence
from viewer.state.selection import State
from zoo.errors import UsageError
from zoo.runs import atomic_write

SIZE = (1600, 1000)
SMALLEST = (1100, 700)
TURN_MILLISECONDS = 1  # between two steps of making visible panels: with none, no other timer would get its turn
REST_MILLISECONDS = 100  # between two panels that are made behind their tabs once everything visible is shown


class MainWindow(QMainWindow):
    """Runs and card on the left; in the middle and on the right, in tabs, what the networks make of images."""

    shown_first = Signal()  # the window was painted
    pictured_first = Signal()  # the first picture was painted in it
    settling = Signal()  # something that was under way may have ended

    def __init__(self, workers: Workers, disk: Disk, *, theme: str | None = None) -> None:
        super().__init__()
        self.setWindowTitle("aezoo")
        self.setAcceptDrops(True)
        self.store = AppState(self)
        self.settings = Settings()
        self.workers, self.disk = workers, disk
        self.processes = ImageProcesses(self)
        self.run_loader = RunLoader(self.store, disk, workers, self.processes, self)
        self.images = ImageBrowser(self.store, workers, self.processes, disk, self)
        self._making = QTimer(self, interval=TURN_MILLISECONDS)
        self._making.timeout.connect(self._make_next)
        self.window_at: float | None = None  # seconds on the monotonic clock
        self.picture_at: float | None = None
        self._remembers = theme is None
        self.panels = Panels(Tools(self.store, self.workers, self.images, self.disk))
        self._apply(theme_of(theme or self.settings.theme))  # before there are widgets to style again
        self._build()
        self._connect()
        menus.build(self)
        self.setMinimumSize(QSize(*SMALLEST).boundedTo(self.screen().availableSize()))
        self.resize(*SIZE)
        if self._remembers:
            self.settings.restore_window(self, self.splitters)
        self.layout_of_panels.bring_tab("runs")

    def _build(self) -> None:
        self.notices, self.status = Notices(self), Status(self)
        self.layout_of_panels = Layout(self.panels, self.settings, self)
        self.layout_of_panels.restore() if self._remembers else self.layout_of_panels.usual()
        self.splitters = self.layout_of_panels.splitters
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(8, 8, 8, 2)
        layout.setSpacing(8)
        layout.addWidget(self.notices)
        layout.addWidget(self.layout_of_panels.across, 1)
        self.setCentralWidget(centre)
        self.setStatusBar(self.status)

    def _connect(self) -> None:
        for part in (self.workers, self.run_loader, self.images):
            part.notice.connect(self.notices.add)
        self.images.progressed.connect(self.status.show_progress)
        self.workers.worker_ready.connect(self.status.show_worker)
        self.workers.answered.connect(self._show_speed)
        self.store.changed.connect(self._state_changed)
        self.panels.when_made(self._connect_panel)
        for signal in (self.store.changed, self.workers.answered, self.workers.idle, self.workers.notice):
            signal.connect(self._emit_settling)
        for signal in (self.disk.idle, self.processes.idle):
            signal.connect(self._emit_settling)
        QApplication.styleHints().colorSchemeChanged.connect(self._system_changed)
        if self.workers.ready is not None:
            self.status.show_worker(self.workers.ready)

    def _connect_panel(self, panel: Panel) -> None:
        """Connect the signals of a panel that has just been made."""
        if panel.name == "reconstructions":
            self.panels.reconstructions.view.pictured.connect(self._pictured)
        if panel.name == "card":
            self.panels.card.written.connect(self.settling)
        if panel.name != "runs":
            return
        runs = self.panels.runs
        runs.notice.connect(self.notices.add)
        runs.entered.connect(lambda: self.go_to(self.panels.reconstructions))
        runs.folder_wanted.connect(lambda: menus.open_folder(self))
        runs.file_wanted.connect(lambda: menus.open_file(self))
        if self._remembers:
            runs.restore(self.settings)
        if self._panel_with_the_keyboard() is None:
            self.go_to(runs)

    # ---- what the user does ----

    def open(self, paths: tuple[Path, ...], *, remember: bool = True) -> None:
        """Show these folders and files instead of what is open; pictures are run through the networks shown."""
        pictures = [path for path in paths if path.suffix.lower() in PICTURES and path.is_file()]
        if pictures:
            self.images.open_pictures(pictures)
        rest = tuple(path for path in paths if path not in pictures)
        if not rest:
            return
        try:
            chosen = library.absolute_paths(rest)
        except UsageError as error:
            self.notices.add(f"{error}.")
            return
        self.notices.clear()
        if remember:
            self.settings.remember(chosen)
        self.run_loader.open(chosen)

    def step_run(self, step: int) -> None:
        """Go to the next run in the table's order, or the one before."""
        paths, current = self.panels.runs.table.paths, self.store.state.current
        if paths:
            row = paths.index(current) + step if current in paths else 0
            path = paths[max(0, min(len(paths) - 1, row))]
            self.store.set_selected((path,), path)

    def find_runs(self) -> None:
        """Move the keyboard focus to the filter of the runs."""
        self.layout_of_panels.bring(self.panels.runs)
        self.panels.runs.focus_filter()

    def go_to(self, panel: Panel) -> None:
        """Bring a panel to the front and move the keyboard focus to it."""
        self.layout_of_panels.bring(panel)
        panel.focus_panel()

    def fill_or_give_back(self) -> None:
        """Let the panel used last fill the window, or restore the layout."""
        layout = self.layout_of_panels
        panel = self._panel_in_use()
        layout.give_back() if layout.filled else layout.fill(layout.area_of(panel))

    def usual_layout(self) -> None:
        self.layout_of_panels.usual()
        self.panels.runs.table.usual_columns()

    def choose_theme(self, name: str) -> None:
        self.settings.theme = name
        self._apply(theme_of(name))

    def paste(self) -> None:
        """Show the picture in the clipboard."""
        mime = QGuiApplication.clipboard().mimeData()
        if mime is not None and mime.hasImage():
            picture = pixels_of(QGuiApplication.clipboard().image())
            if picture is not None:
                self.images.add_picture(picture, "from the clipboard")
                return
        self.notices.add("There is no picture in the clipboard; copy one first, or drop a picture file here.")

    def export_panel(self) -> None:
        """Let the user choose a file, and export the panel used last to it."""
        from viewer.qt import exports  # SVG, PDF and CSV are not needed for a window

        panel = self._panel_in_use()
        kinds = ";;".join(f"{description} (*.{kind})" for kind, description in exports.KINDS.items())
        name = f"{panel.title.lower().replace(' ', '-')}.png"
        chosen, _ = QFileDialog.getSaveFileName(self, f"Export {panel.title}", str(Path.cwd() / name), kinds)
        if chosen:
            self.export_to(panel, Path(chosen))

    def export_to(self, panel: Panel, file: Path) -> None:
        """Write a panel as a picture, or its numbers as CSV; the suffix of the file says which."""
        from viewer.qt import exports

        kind = file.suffix.lower().removeprefix(".")
        if kind not in exports.KINDS:
            self.notices.add(
                f"{file.name}: a panel is exported as PNG, SVG, PDF or CSV; give the name one of these suffixes."
            )
            return
        numbers = panel.numbers() if kind == "csv" else []
        if kind == "csv" and not numbers:
            self.notices.add(
                f"{panel.title} shows no numbers at the moment; export it as a picture, or export another panel."
            )
            return
        data = exports.table(numbers) if kind == "csv" else exports.picture(panel, kind)
        self.disk.do(f"export {file}", partial(atomic_write, file, data), partial(self._exported, file))

    # ---- what happens ----

    def _exported(self, file: Path, done: JobResult) -> None:
        self.notices.add(sentence(done.error) if done.error else f"Wrote {file}.")

    def _panel_in_use(self) -> Panel:
        """The panel that has the keyboard focus, or else the one used last."""
        return self._panel_with_the_keyboard() or self.layout_of_panels.front or self.panels.reconstructions

    def _panel_with_the_keyboard(self) -> Panel | None:
        widget: QWidget | None = self.focusWidget()
        while widget is not None and not isinstance(widget, Panel):
            widget = widget.parentWidget()
        return widget

    def _apply(self, theme: Theme) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        apply_theme(application, theme)
        self.panels.set_theme(theme)

    def _system_changed(self) -> None:
        if self.settings.theme == "system":
            self._apply(theme_of("system"))

    def _show_speed(self, reply: Reply) -> None:
        if reply.request.kind == "run" and not reply.error:
            self.status.show_speed(reply.milliseconds)

    def _state_changed(self, before: State, after: State) -> None:
        self.status.show_provenance(after.page.provenance if after.page else "")
        name = after.names().get(after.current) if after.current else None
        self.setWindowTitle(f"{name} – aezoo" if name else "aezoo")

    def _pictured(self) -> None:
        if self.picture_at is None:
            self.picture_at = time.monotonic()
            self.pictured_first.emit()

    def _make_next(self) -> None:
        """Make the visible panels, one step per turn of the event loop; then, while nothing else is under way,
        those behind tabs: their commands have shortcuts, and a tab whose panel is made opens at once.
        """
        if self.layout_of_panels.open_next():
            self.settling.emit()
            return
        self._making.setInterval(REST_MILLISECONDS)
        if self.settled and not self.panels.make_next():
            self._making.stop()

    def _emit_settling(self, *_: object) -> None:
        self.settling.emit()

    @property
    def settled(self) -> bool:
        """Whether everything that was opened is shown and nothing is under way."""
        if not self.workers.started or any(area.waits for area in self.layout_of_panels.areas.values()):
            return False
        working = self.run_loader.busy or self.workers.busy or self.processes.busy or self.images.busy
        return not working and not any(panel.waiting for panel in self.panels.made.values())

    # ---- events ----

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.window_at is None:
            self.window_at = time.monotonic()
            self._making.start()
            self.shown_first.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped_paths(event) or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = _dropped_paths(event)
        picture = pixels_of(event.mimeData().imageData()) if not paths and event.mimeData().hasImage() else None
        if paths:
            event.acceptProposedAction()
            self.open(paths)
        elif picture is not None:
            event.acceptProposedAction()
            self.images.add_picture(picture, "dropped")

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._remembers:
            self.layout_of_panels.save()
            self.panels.runs.save(self.settings)
            self.settings.save_window(self, self.splitters)
        self._making.stop()
        self.run_loader.close()
        self.processes.close()
        self.workers.close()
        self.disk.close()
        super().closeEvent(event)


def _dropped_paths(event: QDropEvent) -> tuple[Path, ...]:
    """The folders, .onnx files and pictures that are being dropped."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return tuple(path for path in paths if path.is_dir() or path.suffix.lower() in (".onnx", *PICTURES))
