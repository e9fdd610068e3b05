"""What is shown while a run is trained: what matters most is there at every width of the terminal."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from train import progress as progress_module
from train import report
from train.interrupts import Interrupt
from train.loop import Result
from train.one import train_one
from train.options import Options
from train.progress import Progress
from train.state import Record
from zoo import registry
from zoo.runs import RunFolder, atomic_write


class SetClock:
    """A clock that a test sets."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


def shown(width: int, name: str = "maastricht/model-5-as-trained", phase: str = "epochs", done: int = 75) -> str:
    """Return the last state of the bar on a terminal of that width, as one line."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    progress = Progress(quiet=False, console=console)
    clock = SetClock()
    progress._bars.get_time = clock.monotonic
    progress.begin(name, epochs=150, done=0, steps=100, images=60_000)
    for epoch in range(1, done + 1):
        clock.now += 4.0
        progress.step(100)
        progress.epoch(epoch, 0.104321, 0.0987654)
    if phase == "measuring":
        progress.measuring(0, 8)
        clock.now += 4.0
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


@pytest.mark.parametrize(
    ("width", "losses", "speed", "bar"),
    [(59, False, False, False), (60, True, False, False), (77, True, False, False), (78, True, True, False),
     (115, True, True, False), (116, True, True, True)],
)  # fmt: skip
def test_each_column_is_there_from_the_width_on_that_has_room_for_it(
    width: int, losses: bool, speed: bool, bar: bool
) -> None:
    line = shown(width)
    assert ("val 0.09877" in line, "15,000 images/s" in line, "━" in line) == (losses, speed, bar)
    elapsed = line.split("ETA ")[0].count(":")
    assert elapsed == (2 if bar else 0)
    assert line.startswith("maastricht/model-5-as-trained ") or not bar, "where there is room names are whole"
    assert shown(200, "a/[bold]b").startswith("a/[bold]b ")


def test_the_time_that_is_left_is_what_the_rest_takes_at_this_speed() -> None:
    line = shown(120, done=50)
    assert all(text in line for text in ("50/150", " 33%", "15,000 images/s"))
    elapsed, left = line.split()[-3], line.split()[-1]
    assert (elapsed, left) == ("0:03:20", "0:06:40")


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


def test_a_line_comes_every_ten_seconds_and_after_the_last_epoch_with_the_time_that_is_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SetClock()
    monkeypatch.setattr(progress_module, "time", clock)
    with Progress(quiet=False) as progress:
        progress.begin("a/b", epochs=100, done=10, steps=4, images=40)
        for epoch in range(11, 101):
            clock.now += 4.0
            if epoch in (11, 12, 13, 14, 15, 16, 100):
                progress.epoch(epoch, 0.123456, 2.0)
    assert capsys.readouterr().err.splitlines() == [
        "a/b: resumed after epoch 10 of 100",
        "a/b: epoch 13 of 100  train 0.1235 val 2  ETA 0:05:48",
        "a/b: epoch 16 of 100  train 0.1235 val 2  ETA 0:05:36",
        "a/b: epoch 100 of 100  train 0.1235 val 2  ETA 0:00:00",
    ]


def test_a_quiet_training_says_only_what_must_be_known(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(quiet=True) as progress:
        progress.begin("a/b", epochs=2, done=1, steps=1, images=1)
        progress.epoch(2, 0.5, 0.25)
        progress.say("nobody hears this")
        progress.warn("[mind] the gap")
        progress.print_result("a result")
    assert tuple(capsys.readouterr()) == ("a result\n", "aezoo: warning: [mind] the gap\n")


def on_a_terminal(*, quiet: bool = False) -> tuple[Progress, io.StringIO]:
    """A progress that is shown on a terminal, and what that terminal was sent."""
    sent = io.StringIO()
    console = Console(file=sent, width=80, force_terminal=True, color_system=None)
    return Progress(quiet=quiet, console=console), sent


def test_on_a_terminal_the_bar_moves_without_lines_and_a_quiet_training_has_none() -> None:
    for quiet in (False, True):
        progress, sent = on_a_terminal(quiet=quiet)
        with progress:
            progress.begin("a/b", epochs=2, done=0, steps=4, images=40)
            assert progress._bars.live.is_started != quiet
            progress.epoch(2, 0.5, 0.25)
        assert not progress._bars.live.is_started, "the cursor is shown again"
        assert ("a/b" in sent.getvalue(), "epoch 2 of 2" in sent.getvalue()) == (not quiet, False)
        assert not (quiet and sent.getvalue())


def test_a_training_that_begins_at_the_start_says_nothing_of_going_on(capsys: pytest.CaptureFixture[str]) -> None:
    Progress(quiet=False).begin("a/b", epochs=2, done=0, steps=1, images=1)
    assert capsys.readouterr().err == ""


def test_a_line_is_printed_as_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    progress, line = Progress(quiet=False), "[bold]12 of 'a'[/bold] " + "x" * 300
    progress.say(line)
    progress.warn(line)
    assert capsys.readouterr().err == f"{line}\naezoo: warning: {line}\n"


def test_what_follows_the_epochs_keeps_one_bar_of_its_own_in_every_training() -> None:
    progress, _ = on_a_terminal()
    for name in ("a/first", "a/second"):
        progress.begin(name, epochs=3, done=0, steps=5, images=5)
        progress.measuring()
        (before,) = progress._bars.tasks
        progress.measuring(3, 8)
        (task,) = progress._bars.tasks
        assert task.id == before.id, "its time goes on"
        assert (task.description, task.fields["phase"], task.completed, task.total) == (name, "measuring", 3, 8)
    progress.exporting()
    (task,) = progress._bars.tasks
    assert (task.fields["phase"], task.total) == ("exporting", None)


def test_a_result_is_printed_at_once_where_a_bar_was(monkeypatch: pytest.MonkeyPatch) -> None:
    class Out(io.StringIO):
        flushed = ""

        def flush(self) -> None:
            self.flushed = self.getvalue()

    progress, _ = on_a_terminal()
    progress.begin("a/b", epochs=2, done=0, steps=1, images=1)
    drawn: list[int] = []
    monkeypatch.setattr(progress._bars, "refresh", lambda: drawn.append(len(progress._bars.tasks)))
    out = Out()
    monkeypatch.setattr("sys.stdout", out)
    progress.print_result("a result")
    assert (drawn[-1:], out.flushed) == ([0], "a result\n")


def test_trainings_beside_one_another_have_a_bar_each_and_one_that_begins_again_has_one_still() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    first = Progress(quiet=False, console=console)
    first.begin("a/first", epochs=3, done=1, steps=5, images=5)
    second = first.beside()
    for _ in range(2):
        second.begin("a/second", epochs=3, done=1, steps=5, images=5)
    tasks = first._bars.tasks
    assert [(task.description, task.fields["phase"], task.completed, task.total) for task in tasks] == [
        ("a/first", "1/3", 5, 15),
        ("a/second", "1/3", 5, 15),
    ]
    second.step()
    second.step(2)
    assert [task.completed for task in tasks] == [5, 8]
    second.epoch(2, 1.0, 1.0)
    assert [task.completed for task in first._bars.tasks] == [5, 10], "an epoch that is done counts whole"
    second.drop()
    second.drop()
    second.step()
    assert [task.description for task in first._bars.tasks] == ["a/first"]


# ---- the report ----------------------------------------------------------------------------------------------


@pytest.fixture
def result(tmp_path: Path) -> Result:
    """What a training of maastricht/base might have measured."""
    run = RunFolder.of(tmp_path, "maastricht/base")
    atomic_write(run.history, bytes(1_500))
    record = Record(train_loss=[0.125, 0.25], val_loss=[0.0625, 0.125], seconds=[1.0, 3.0])
    metrics, baselines = {"mse": 0.002, "psnr": 26.9897}, {"pca": {"mse": 0.008}, "black": {"mse": 0.114, "bce": 12.5}}
    base = registry.load("maastricht/base")
    recipe = replace(base, objective="bce", published={**base.published, "psnr": 24.5})
    return Result(recipe, run, record, metrics, baselines, "finished", True)


def test_a_report_has_the_losses_the_table_the_comparison_the_sheets_figure_and_the_files(result: Result) -> None:
    graph = {"path": f"{result.run.path}/model.onnx", "bytes": 2_000_000}
    card = {"path": f"{result.run.path}/card.json", "bytes": 999}
    text = report.as_text(result, {"files": {"model.onnx": graph, "card.json": card}})
    assert text.splitlines() == [
        "maastricht/base: 2 epochs, 3.00 s an epoch; train 0.25000, validation 0.12500 (bce)",
        "              mse   psnr dB       bce",
        "  model   0.00200     26.99         –",
        "  pca     0.00800         –         –",
        "  black   0.11400         –     12.50",
        "  mse: 4.0× less error than PCA",
        "  the sheet's mse: 0.0036",
        "  the sheet's psnr dB: 24.5",
        f"  {result.run.path}/history.h5    1.5 kB",
        f"  {result.run.path}/model.onnx    2.0 MB  verified",
        f"  {result.run.path}/card.json   999 bytes",
    ]


def test_a_report_says_of_a_quick_or_a_failed_training_that_it_is_one(result: Result) -> None:
    quick = report.as_text(replace(result, status="quick"), None)
    assert "after a few steps only (--quick): these figures say nothing about the recipe" in quick
    failed = report.as_text(replace(result, status="failed"), None)
    same = "  FAILED: it gives the same output for every image (the data's own mean square is 0.11400); another --seed"
    assert f"{same} may help" in failed.splitlines()
    assert "(--quick)" not in failed and "FAILED" not in quick
    unlike = report.as_text(replace(result, status="failed", baselines={}), None)
    assert "  FAILED: it gives the same output for every image; another --seed may help" in unlike.splitlines()
    endless = report.as_text(replace(result, status="failed", is_finite=False), None)
    assert "its loss is not finite, so nothing is exported; try --set learning_rate=0.0001" in endless


def test_a_figure_of_two_digits_before_the_point_has_two_behind_it() -> None:
    assert [report._number(value) for value in (9.5, 10.0, -10.0)] == ["9.50000", "10.00", "-10.00"]


def test_a_report_as_json_has_null_where_a_figure_is_none(result: Result) -> None:
    nan = Record(train_loss=[0.5, math.inf], val_loss=[0.5, float(np.nan)], seconds=[1.0, 3.0])
    odd = replace(result, record=nan, metrics={"mse": math.nan, "psnr": 3.0}, baselines={"pca": {"mse": math.inf}})
    assert report.as_json(odd) == {
        "name": "maastricht/base",
        "run": str(result.run.path),
        "state": "finished",
        "epochs": 2,
        "train_loss": None,
        "val_loss": None,
        "seconds": 4.0,
        "metrics": {"mse": None, "psnr": 3.0},
        "baselines": {"pca": {"mse": None}},
    }
    sound = report.as_json(result)
    assert (sound["train_loss"], sound["val_loss"], sound["baselines"]) == (0.25, 0.125, result.baselines)
