"""The real window on a real X server, Xvfb: keys and mouse arrive, and what is on its screen is what was painted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.viewer.conftest import write_run
from viewer.qt.child_process import ROOT

pytestmark = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")

_DRIVE = """
import json, sys, time
from pathlib import Path
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from viewer.qt.application import make_application
application = make_application()
from viewer.qt.disk import Disk
from viewer.qt.main_window import MainWindow
from viewer.qt.worker import Workers

def wait(done):
    end = time.monotonic() + 300
    while not done():
        assert time.monotonic() < end, "nothing came"
        application.processEvents()
        time.sleep(0.005)

window = MainWindow(Workers(keep_spare=False), Disk(), theme="light")
window.show()
QTest.qWaitForWindowExposed(window)
window.activateWindow()
window.open((Path(sys.argv[1]),), remember=False)
wait(lambda: window.store.state.scanned and window.settled)
report = {"platform": application.platformName(), "runs": len(window.store.state.entries)}
first = window.store.state.current
QTest.keyClick(window, Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
wait(lambda: window.store.state.current != first and window.settled)
report["went on"] = str(window.store.state.current)
view = window.panels.reconstructions.view
cell = view.figure.layout(view.paper).cells[0][3]
QTest.mouseClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, cell.center().toPoint())
wait(lambda: window.store.state.sample == 3 and window.settled)
window.repaint()
application.processEvents()
QTest.qWait(200)
screen = application.primaryScreen().grabWindow(0).toImage()
own = window.grab().toImage()
corner = window.frameGeometry().topLeft()
same = total = 0
colours = set()
for x in range(5, min(own.width(), screen.width() - corner.x()), 7):
    for y in range(5, min(own.height(), screen.height() - corner.y()), 7):
        total += 1
        colours.add(own.pixel(x, y))
        same += own.pixel(x, y) == screen.pixel(x + corner.x(), y + corner.y())
report |= {"compared": total, "same": same, "colours": len(colours)}
window.close()
print(json.dumps(report))
"""


@pytest.fixture
def display(tmp_path: Path) -> Iterator[str]:
    """An X server of this test's own; it chooses its number and prints it."""
    reading, writing = os.pipe()
    with open(tmp_path / "xvfb.log", "wb") as log:
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1700x1050x24", "-nolisten", "tcp"]
        server = subprocess.Popen(command, pass_fds=[writing], stdout=log, stderr=log)
    os.close(writing)
    with open(reading, encoding="ascii") as printed:
        number = printed.readline().strip()
    assert number, (tmp_path / "xvfb.log").read_text()
    yield f":{number}"
    server.terminate()
    server.wait(20)


def test_the_window_works_on_an_x_server(tmp_path: Path, display: str) -> None:
    write_run(tmp_path / "runs", "tests/a")
    second = write_run(tmp_path / "runs", "tests/b")
    kept = {key: value for key, value in os.environ.items() if key != "WAYLAND_DISPLAY"}
    environment = {**kept, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    command = [sys.executable, "-c", _DRIVE, str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["platform"] == "xcb" and report["runs"] == 2
    assert report["went on"] == str(second.path)
    assert report["compared"] > 10_000 and report["same"] >= 0.99 * report["compared"], report
    assert report["colours"] > 20, report
