"""What is shown while a run is trained: what matters most is there at every width of the terminal."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import pytest
from rich.console import Console

from train.interrupts import Interrupt
from train.one import train_one
from train.options import Options
from train.progress import Progress
from zoo import registry


def shown(width: int, name: str = "maastricht/model-5-as-trained", phase: str = "epochs") -> str:
    """Return the last state of the bar on a terminal of that width, as one line."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    progress = Progress(quiet=False, console=console)
    progress._bars.get_time = itertools.count(step=2.0).__next__  # each look at the clock is 2 s after the last
    progress.begin(name, epochs=150, done=0, steps=100, images=60_000)
    for epoch in range(1, 76):
        progress.step(100)
        progress.epoch(epoch, 0.104321, 0.0987654)
    if phase == "measuring":
        progress.measuring(0, 8)
        progress.measuring(6, 8)
    elif phase == "exporting":
        progress.exporting()
    with console.capture() as capture:
        console.print(progress._bars.get_renderable())
    lines = capture.get().rstrip("\n").split("\n")
    assert len(lines) == 1, "nothing wraps"
    assert len(lines[0]) <= width
    return lines[0]


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_at_80_columns_there_are_percent_losses_speed_and_eta(width: int) -> None:
    line = shown(width)
    assert all(text in line for text in ("75/150", " 50%", "train 0.1043 val 0.09877", " images/s", "ETA "))
    assert line.split("ETA ")[1].count(":") == 2
    assert line.startswith("maastricht/")
    assert ("━" in line) == (width >= 116)


def test_at_40_columns_there_are_percent_and_eta() -> None:
    line = shown(40)
    assert all(text in line for text in ("75/150", " 50%", "ETA "))
    assert line.split("ETA ")[1].count(":") == 2
    assert line.startswith("maastr")
    assert "…" in line


@pytest.mark.parametrize("width", [40, 80, 120])
def test_measuring_has_its_own_bar(width: int) -> None:
    line = shown(width, phase="measuring")
    assert all(text in line for text in ("measuring", "75%", "ETA "))
    assert "75/150" not in line
    assert "exporting" in shown(width, phase="exporting")


def test_without_a_terminal_lines_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(quiet=False) as progress:
        progress.begin("purdue/conv", epochs=2, done=1, steps=10, images=640)
        progress.epoch(2, 0.5, 0.25)
    assert capsys.readouterr().err.splitlines() == [
        "purdue/conv: resumed after epoch 1 of 2",
        "purdue/conv: epoch 2 of 2  train 0.5 val 0.25  ETA 0:00:00",
    ]


def test_a_training_reports_each_part_of_its_measuring(tmp_path: Path) -> None:
    class Kept(Progress):
        parts: list[tuple[int, int | None]]

        def measuring(self, done: int = 0, of: int | None = None) -> None:
            self.parts.append((done, of))

    kept = Kept(quiet=True)
    kept.parts = []
    recipe = registry.load("purdue/conv")
    options = Options(data="sample", runs=tmp_path, device="cpu", quick=True, export=False)
    train_one(recipe, options, Interrupt(), kept)
    parts = 1 + len(recipe.task.baselines)
    assert kept.parts[0] == (0, parts)
    assert kept.parts[-1] == (parts, parts)
    assert kept.parts == sorted(kept.parts)
