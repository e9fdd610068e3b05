"""A seeded monkey at the window: it clicks, types, drags and drops at random while files come, go and break.

    python -m tests.viewer.monkey --actions 10000 --seed 1

It prints what it did and what the window's process held meanwhile: memory, threads, open files, widgets. An exception
in any slot or event is printed with the action before it and ends it with exit code 1.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QSettings, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QContextMenuEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QWheelEvent,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QInputDialog, QMenu, QWidget

from viewer.qt import exports
from viewer.qt.disk import Disk
from viewer.qt.main_window import MainWindow
from viewer.qt.worker import Workers
from zoo.runs import RunFolder

KEYS = (
    *(Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp),
    *(Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Tab),
    *(Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_0, Qt.Key.Key_7),
    *(Qt.Key.Key_A, Qt.Key.Key_W, Qt.Key.Key_F11, Qt.Key.Key_F1, Qt.Key.Key_F5, Qt.Key.Key_Question, Qt.Key.Key_Comma),
)
MODIFIERS = (
    *[Qt.KeyboardModifier.NoModifier] * 6,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
CLOSE_MILLISECONDS = 200
UNWANTED = ("&Quit",)  # an action that ends the window


@dataclass
class Held:
    """What the process held at one moment."""

    action: int
    megabytes: float
    threads: int
    files: int
    widgets: int


@dataclass
class Monkey:
    """Knows a window and the folder under it; `act` does one thing at random."""

    window: MainWindow
    folder: Path
    store: Path  # runs that are copied into the folder
    random: random.Random
    done: Counter[str] = field(default_factory=Counter)
    last: str = ""

    def act(self) -> None:
        """Do one thing, and let the window work a little."""
        name, deed = self.random.choices(self._deeds(), weights=[weight for _, _, weight in self._weighted()])[0]
        self.last = name
        self.done[name] += 1
        deed()
        QApplication.processEvents()
        self._close_popups()

    def _deeds(self) -> list[tuple[str, Callable[[], None]]]:
        return [(name, deed) for name, deed, _ in self._weighted()]

    def _weighted(self) -> list[tuple[str, Callable[[], None], int]]:
        return [
            ("click", self._click, 24),
            ("key", self._key, 20),
            ("type", self._type, 3),
            ("drag", self._drag, 8),
            ("wheel", self._wheel, 5),
            ("context menu", self._context, 2),
            ("double click", self._double, 3),
            ("menu", self._menu, 10),
            ("select", self._select, 10),
            ("resize", self._resize, 1),
            ("drop", self._drop, 2),
            ("paste", self._paste, 1),
            ("files", self._files, 6),
            ("export", self._export, 1),
            ("tabs", self._tabs, 3),
            ("present", self._present, 1),
            ("text size", self._text_size, 1),
            ("wait", self._wait, 4),
        ]

    # ---- at the window ----

    def _anything(self) -> QWidget:
        visible = [w for w in self.window.findChildren(QWidget) if w.isVisible() and w.width() > 2 and w.height() > 2]
        return self.random.choice(visible or [self.window])

    def _point(self, widget: QWidget) -> QPoint:
        return QPoint(self.random.randrange(max(1, widget.width())), self.random.randrange(max(1, widget.height())))

    def _click(self) -> None:
        widget = self._anything()
        button = self.random.choice(
            [Qt.MouseButton.LeftButton] * 5 + [Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton]
        )
        QTest.mouseClick(widget, button, self.random.choice(MODIFIERS), self._point(widget))

    def _double(self) -> None:
        widget = self._anything()
        QTest.mouseDClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, self._point(widget))

    def _drag(self) -> None:
        widget, gone = self._anything(), []
        widget.destroyed.connect(lambda: gone.append(True))  # a row of tabs goes with its last tab but one
        QTest.mousePress(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, self._point(widget))
        for _ in range(self.random.randrange(1, 6)):
            if not gone:
                QTest.mouseMove(widget, self._point(widget))
                QApplication.processEvents()
        if not gone:
            QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, self._point(widget))

    def _key(self) -> None:
        widget = QApplication.focusWidget() or self.window.focusWidget() or self._anything()
        key, modifier = self.random.choice(KEYS), self.random.choice(MODIFIERS)
        QTest.keyClick(widget, key, modifier)

    def _type(self) -> None:
        widget = self.window.focusWidget() or self._anything()
        QTest.keyClicks(widget, "".join(self.random.choices("conv 7b:-.", k=self.random.randrange(1, 5))))

    def _wheel(self) -> None:
        widget = self._anything()
        point = QPointF(self._point(widget))
        turn = QPoint(0, self.random.choice((-120, 120)))
        keys = self.random.choice(MODIFIERS)
        none, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
        QApplication.sendEvent(
            widget, QWheelEvent(point, widget.mapToGlobal(point), QPoint(), turn, none, keys, phase, False)
        )

    def _context(self) -> None:
        widget = self._anything()
        point = self._point(widget)
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, point, widget.mapToGlobal(point))
        QTimer.singleShot(20, self._close_popups)  # a scroll bar's own menu lets nobody go on until it is closed
        QApplication.sendEvent(widget, event)

    def _menu(self) -> None:
        actions = [
            action
            for top in self.window.menuBar().actions()
            if isinstance(top.menu(), QMenu)
            for action in top.menu().actions()  # type: ignore[attr-defined]
            if action.isEnabled() and not action.menu() and action.text() not in UNWANTED
        ]
        self.random.choice(actions).trigger()

    def _select(self) -> None:
        paths = [entry.path for entry in self.window.store.state.entries]
        if paths:
            chosen = self.random.sample(paths, k=min(len(paths), self.random.choice((1, 1, 1, 2, 3, 8))))
            self.window.store.set_selected(chosen, self.random.choice(chosen))

    def _tabs(self) -> None:
        """Put a tab beside others, float it, close it, go to it, or restore all."""
        workspace = self.window.workspace
        name = self.random.choice(list(workspace.tabs))
        tab = workspace.tabs[name]
        across, down = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        self.random.choice(
            (
                lambda: workspace.split(name, across),
                lambda: workspace.split(name, down),
                lambda: tab.setFloating(not tab.isFloating()),
                tab.close,
                lambda: workspace.join(name),
                lambda: workspace.bring(tab.stack.front),
                self.window.reset_layout,
            )
        )()

    def _present(self) -> None:
        self.window.present()

    def _text_size(self) -> None:
        self.window.choose_text_size(self.random.choice((0.8, 1.0, 1.3)))

    def _resize(self) -> None:
        self.window.resize(self.random.randrange(300, 2200), self.random.randrange(300, 1400))

    def _drop(self) -> None:
        mime = QMimeData()
        candidates = [self.folder, *self.folder.rglob("*")][:400]
        mime.setUrls(
            [QUrl.fromLocalFile(str(self.random.choice(candidates))) for _ in range(self.random.choice((1, 2)))]
        )
        if self.random.random() < 0.3:
            mime.setUrls([QUrl.fromLocalFile(str(self.folder))])
        buttons, keys, move = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
        enter = QDragEnterEvent(QPoint(9, 9), move, mime, buttons, keys)
        QApplication.sendEvent(self.window, enter)
        if enter.isAccepted():
            drop = QDropEvent(QPointF(9, 9), move, mime, buttons, keys, QEvent.Type.Drop)
            QApplication.sendEvent(self.window, drop)

    def _paste(self) -> None:
        image = QImage(self.random.randrange(1, 90), self.random.randrange(1, 90), QImage.Format.Format_RGB32)
        image.fill(self.random.randrange(1 << 24))
        QGuiApplication.clipboard().setImage(image)
        self.window.images.paste()

    def _export(self) -> None:
        panel = self.random.choice(self.window.panels.make_all())
        kind = self.random.choice(("png", "svg", "pdf", "csv", "txt"))
        exports.write(self.window, panel, self.folder.parent / "out" / f"panel.{kind}")

    def _wait(self) -> None:
        end = time.monotonic() + self.random.choice((0.01, 0.05, 0.2))
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.002)

    @staticmethod
    def _close_popups() -> None:
        for _ in range(5):
            popup = QApplication.activePopupWidget() or QApplication.activeModalWidget()
            if popup is None:
                return
            popup.close()
            QApplication.processEvents()

    @staticmethod
    def close_popup() -> None:
        popup = QApplication.activePopupWidget()
        if popup is not None:
            popup.close()

    # ---- at the files ----

    def _files(self) -> None:
        run = RunFolder(self.folder / "monkey" / f"run-{self.random.randrange(8)}")
        deed = self.random.choice(("copy", "copy", "copy", "remove", "truncate", "garble", "swap", "vanish"))
        if deed == "copy":
            source = self.random.choice(sorted(path.parent for path in self.store.rglob("history.h5")))
            shutil.copytree(source, run.path, dirs_exist_ok=True)
        elif deed == "vanish" and self.random.random() < 0.2:
            shutil.rmtree(self.folder / "monkey", ignore_errors=True)
        files = sorted(path for path in run.path.glob("*") if path.is_file())
        if not files or deed in ("copy", "vanish"):
            return
        file = self.random.choice(files)
        data = file.read_bytes()
        if deed == "remove":
            file.unlink()
        elif deed == "truncate":
            file.write_bytes(data[: len(data) // 2])
        elif deed == "garble" and data:
            offset = self.random.randrange(len(data))
            file.write_bytes(data[:offset] + self.random.randbytes(40) + data[offset + 40 :])
        elif deed == "swap":
            file.write_bytes(self.random.choice(files).read_bytes())


def held(window: MainWindow, action: int) -> Held:
    """Measure what the process holds now."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    resident = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)
    return Held(
        action,
        resident / 1024,
        threading.active_count(),
        len(os.listdir("/proc/self/fd")),
        len(window.findChildren(QWidget)),
    )


def silence_dialogs() -> None:
    """What would wait for a person answers that nothing was chosen."""
    QFileDialog.getOpenFileNames = staticmethod(lambda *_, **__: ([], ""))  # type: ignore[method-assign]
    QFileDialog.getSaveFileName = staticmethod(lambda *_, **__: ("", ""))  # type: ignore[method-assign]
    QFileDialog.getExistingDirectory = staticmethod(lambda *_, **__: "")  # type: ignore[method-assign]
    QInputDialog.getInt = staticmethod(lambda *_, **__: (0, False))  # type: ignore[method-assign]
    QDesktopServices.openUrl = staticmethod(lambda *_, **__: True)  # type: ignore[method-assign]
    QMenu.exec = lambda self, *_, **__: None  # type: ignore[assignment, method-assign]


def go(store: Path, *, actions: int, seed: int) -> tuple[Monkey, list[Held], list[str], bool]:
    """Let a monkey loose on a window over copies of the runs in `store`.

    Returns it, what was held, what broke, and whether the window shows a whole run at the end.
    """
    every = max(1, min(1000, actions // 5))
    from viewer.qt.application import make_application

    make_application()
    silence_dialogs()
    broken: list[str] = []
    here = Path(tempfile.mkdtemp(prefix="aezoo-monkey-"))
    folder = here / "runs"
    shutil.copytree(store, folder)
    (here / "out").mkdir()
    for kind in (QSettings.Format.NativeFormat, QSettings.Format.IniFormat):
        QSettings.setPath(kind, QSettings.Scope.UserScope, str(here / "settings"))
    window = MainWindow(Workers(), Disk(), theme=None)
    monkey = Monkey(window, folder, store, random.Random(seed))
    closer = QTimer(window, interval=CLOSE_MILLISECONDS)  # a spin box's menu waits in a loop of its own
    closer.timeout.connect(monkey.close_popup)
    closer.start()

    def record_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        broken.append(f"after {monkey.last}: " + "".join(traceback.format_exception(kind, error, trace)))

    before, sys.excepthook = sys.excepthook, record_error
    measured = []
    try:
        window.show()
        window.open((folder,), remember=False)
        _warm_up(window)
        for action in range(actions):
            if action % every == 0:
                measured.append(held(window, action))
            monkey.act()
            if not window.isVisible():
                window.show()
        measured.append(held(window, actions))
        answers = _answers(window, store)
    finally:
        sys.excepthook = before
        window.close()
        window.deleteLater()
        QApplication.processEvents()
        shutil.rmtree(here, ignore_errors=True)
    return monkey, measured, broken, answers


def _warm_up(window: MainWindow) -> None:
    """Make and show every panel, so that what is counted later does not depend on how fast the machine makes them."""
    _wait(lambda: window.store.state.scanned and window.settled)
    window.panels.make_all()
    for panel in window.panels.make_all():
        window.go_to(panel)
        _wait(lambda: window.settled)
    window.reset_layout()


def _wait(done: Callable[[], bool]) -> bool:
    """Let the window work until something holds; return False if it does not within a minute."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.005)
        if done():
            return True
    return False


def _answers(window: MainWindow, store: Path) -> bool:
    """Whether the window, opened on whole runs after all that, shows the first of them."""
    window.presenter.show(False)
    window.reset_layout()
    window.images.forget_pictures()
    window.open((store,), remember=False)
    window.go_to(window.panels.reconstructions)
    view = window.panels.reconstructions.view
    return _wait(lambda: window.settled and window.store.state.scanned and view.figure is not None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True, help="a folder of runs; it is copied and left alone")
    parser.add_argument("--actions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    chosen = parser.parse_args()
    begun = time.monotonic()
    monkey, measured, broken, answers = go(chosen.runs, actions=chosen.actions, seed=chosen.seed)
    if chosen.json:
        report = {"done": monkey.done, "held": [asdict(moment) for moment in measured], "answers": answers}
        print(json.dumps({**report, "seconds": time.monotonic() - begun}))
        print("".join(broken), file=sys.stderr)
        sys.exit(1 if broken else 0)
    print(f"{sum(monkey.done.values())} actions in {time.monotonic() - begun:.0f} s, seed {chosen.seed}: ", end="")
    print(", ".join(f"{count} {name}" for name, count in monkey.done.most_common()))
    print("actions  MB resident  threads  open files  widgets")
    for moment in measured:
        print(f"{moment.action:7}  {moment.megabytes:11.0f}  {moment.threads:7}  {moment.files:10}  {moment.widgets:7}")
    for text in broken:
        print(text)
    print(f"{len(broken)} exceptions; at the end the window {'shows' if answers else 'does NOT show'} a run")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
