"""`aezoo view`: the desktop viewer on folders of runs and ONNX files."""

from __future__ import annotations

import gc
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo import display, pretrained
from zoo.cli import RUNS_DEFAULT, Data, Json, Runs, new_app, print_json, run
from zoo.display import INSTALL_LINE
from zoo.errors import AezooError, CheckFailed, DisplayError, UsageError

if TYPE_CHECKING:
    from viewer.qt.main_window import MainWindow

_IMPORTED_AT = time.monotonic()

app = new_app("Open the desktop viewer on a folder of runs or an .onnx file.")

Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Folders of runs, run folders, .onnx files, names, pictures; --runs by default.", metavar="[PATH…]"
    ),
]
Screenshot = Annotated[
    Path | None,
    typer.Option("--screenshot", metavar="FILE", help="Write a PNG of the window and exit; needs no display."),
]
Timing = Annotated[bool, typer.Option("--timing", help="Print how long the window and its first picture took.")]
ThemeName = Annotated[
    str | None, typer.Option("--theme", metavar="system|light|dark", help="Colours, for this session only.")
]


@app.command()
def main(
    paths: Paths = None,
    runs: Runs = RUNS_DEFAULT,
    data: Data = None,
    screenshot: Screenshot = None,
    timing: Timing = False,
    theme: ThemeName = None,
    as_json: Json = False,
) -> None:
    """Open the desktop viewer on folders of runs, run folders, .onnx files, or the pretrained models."""
    gc.disable()  # until the window is shown: what is imported stays anyway, and collecting again and again takes 50 ms
    chosen = _check(paths, runs, screenshot, theme)
    try:
        from viewer.qt.application import make_application
    except ImportError as error:
        raise DisplayError(f"Qt cannot be loaded ({error}); install what it needs: {INSTALL_LINE}") from error

    application = make_application()
    from viewer.qt.application import Signals
    from viewer.qt.disk import Disk
    from viewer.qt.worker import Workers

    signals = Signals()
    workers = Workers(keep_spare=screenshot is None)  # first: it imports while the window is built
    try:
        from viewer.qt.main_window import MainWindow

        fixed = theme or ("light" if screenshot else None)  # a screenshot does not depend on the theme chosen last
        window = MainWindow(workers, Disk(), theme=fixed)
        if screenshot is not None:
            from viewer.qt.screenshot import prepare

            prepare(window)
        window.images.data = data
        window.open(chosen, remember=screenshot is None and bool(paths))
        window.show()
        # Qt holds its methods only weakly
        end = _End(window, screenshot=screenshot, timing=timing, as_json=as_json)
        gc.freeze()
        gc.enable()
        code = application.exec()
        window.close()
    finally:
        workers.close()
        signals.close()
    if end.failure is not None:
        raise end.failure
    sys.exit(code)


def _check(paths: list[Path] | None, runs: Path, screenshot: Path | None, theme: str | None) -> tuple[Path, ...]:
    """Return the paths to open, or raise an error for what cannot be done; loads no Qt."""
    from viewer.state import library

    if theme not in (None, "system", "light", "dark"):
        raise UsageError(f"no theme {theme!r}; there is system, light, dark")
    if screenshot is not None and screenshot.suffix.lower() != ".png":
        raise UsageError(f"--screenshot {str(screenshot)!r}: the picture is a PNG; name a file that ends in .png")
    if screenshot is not None and not screenshot.resolve().parent.is_dir():
        raise UsageError(f"no folder {str(screenshot.parent)!r} for the screenshot; make it first, or name another")
    if not paths and runs != RUNS_DEFAULT and not runs.is_dir():
        raise UsageError(f"no folder {str(runs)!r}; name a folder of runs, or train one with `aezoo demo`")
    found = library.absolute_paths([each for path in paths or () for each in _named(path, runs)])
    only_pictures = all(map(library.is_picture, found))  # or nothing: they are shown through the runs
    chosen = (*found, Path(os.path.abspath(pretrained.unless_there(runs)))) if only_pictures else found
    if screenshot is not None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    elif reason := display.why_no_window():
        raise DisplayError(f"{reason}; a picture of the window needs no display: `aezoo view --screenshot FILE`")
    return chosen


def _named(path: Path, runs: Path) -> list[Path]:
    """Return a path that is there, or else the folders of the runs of that name."""
    return [path] if path.exists() else [run.path for run in pretrained.named(str(path), runs)] or [path]


class _End:
    """What is printed and written once the window, or everything in it, is there."""

    def __init__(self, window: MainWindow, *, screenshot: Path | None, timing: bool, as_json: bool) -> None:
        self._window, self._screenshot, self._as_json = window, screenshot, as_json
        self._timing = timing
        self.failure: AezooError | None = None
        if screenshot is not None or as_json or timing:
            from viewer.qt.screenshot import Settling

            settling = Settling(window)
            settling.settled.connect(self._settled)
            settling.late.connect(self._late)

    def _settled(self) -> None:
        self._window.repaint()
        try:
            if self._screenshot is not None:
                from viewer.qt import screenshot as window_picture

                window_picture.take(self._window, self._screenshot)
            self._report()
        except AezooError as error:
            self.failure = error
        if self._screenshot is not None:
            self._quit()

    def _report(self) -> None:
        window, picture = _since_start(self._window.window_at), _since_start(self._window.picture_at)
        ready = self._window.workers.ready
        if self._as_json:
            report = {"window_ms": window, "first_picture_ms": picture, "provider": ready.provider if ready else None}
            print_json({"screenshot": str(self._screenshot) if self._screenshot else None, **report})
            sys.stdout.flush()  # a reader need not wait until the window is closed
        elif self._timing:
            print(f"window {window} ms, first picture {picture if picture is not None else '–'} ms", flush=True)
        if self._screenshot is not None and not self._as_json:
            print(f"wrote {self._screenshot}")

    def _late(self) -> None:
        from viewer.qt.screenshot import LIMIT_SECONDS

        if self._screenshot is not None:
            sentence = (
                f"the panels were not complete within {LIMIT_SECONDS:g} s, so no screenshot was written; try again"
            )
            self.failure = CheckFailed(sentence)
            self._quit()

    def _quit(self) -> None:
        from PySide6.QtWidgets import QApplication

        QApplication.exit(0)


def _since_start(moment: float | None) -> int | None:
    """Return the milliseconds from the start of this process to a moment on the monotonic clock."""
    return None if moment is None else round(1000 * (moment - _started_at()))


def _started_at() -> float:
    """Return when this process began, on the monotonic clock; if that is unknown, when this module was imported.

    Linux gives it in hundredths of a second since boot, which includes the time asleep.
    """
    try:
        with open("/proc/self/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        asleep = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK") - asleep
    except (OSError, ValueError, IndexError, AttributeError):
        return _IMPORTED_AT


if __name__ == "__main__":
    run(app, sys.argv[1:], name="python -m viewer")
