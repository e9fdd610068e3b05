"""The benchmark of exported graphs runs both in turn, and reports what it compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from export.bench.__main__ import NAMES, _row, app
from zoo import bench_process
from zoo.cli import run
from zoo.errors import CheckFailed
from zoo.runs import RunFolder


def bench(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ending:
        run(app, arguments, name="aezoo bench graphs")
    said = capsys.readouterr()
    return int(ending.value.code or 0), said.out, said.err


QUICKLY = ("--batches", "1,5", "--rounds", "3", "--seconds", "0.02", "--device", "cpu", "--quiet")


@pytest.mark.slow
def test_a_run_is_computed_by_both_at_every_batch_size(
    conv_run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, file = conv_run.path.parents[1], tmp_path / "bench.json"
    code, out, err = bench(capsys, "--runs", str(runs), *QUICKLY, "--json", "--out", str(file))
    assert (code, err) == (0, "")
    report: dict[str, Any] = json.loads(out)
    assert report == json.loads(file.read_text())
    assert "torch" in report["machine"] and "cores" in report["machine"]["name"]
    found = report["runs"]["purdue/conv"]["cpu"]
    assert found["contenders"]["onnxruntime"]["about"].startswith("CPUExecutionProvider")
    assert found["contenders"]["torch"]["about"].startswith("eager on cpu")
    for each in NAMES:
        assert found["contenders"][each]["memory"] > 20e6
    assert [row["batch"] for row in found["batches"]] == [1, 5]
    for row in found["batches"]:
        low, middle, high = row["onnxruntime_is_faster"]
        assert 0 < low <= middle <= high
        assert all(speed > 0 for speed in row["images_a_second"].values())


def test_the_table_names_both_and_the_next_command(conv_run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    runs = conv_run.path.parents[1]
    code, out, _ = bench(capsys, "purdue/conv", "--runs", str(runs), *QUICKLY)
    assert code == 0
    assert "purdue/conv, cpu: onnxruntime (CPUExecutionProvider" in out
    assert out.splitlines()[-1] == f"next: aezoo view {runs}"


def test_a_ratio_says_how_many_times_as_fast_the_first_is_and_the_first_round_is_not_counted() -> None:
    speeds = {"onnxruntime": [1.0, 100.0, 120.0], "torch": [9e9, 50.0, 60.0], "encoder": [1.0, 300.0, 360.0]}
    row = _row(64, {name: {1: [7.0] * 3, 64: found} for name, found in speeds.items()})
    assert row["images_a_second"] == {"onnxruntime": 110, "torch": 55, "encoder": 330}
    assert list(row["onnxruntime_is_faster"]) == pytest.approx([2, 2, 2])
    assert list(row["encoder_is_faster"]) == pytest.approx([3, 3, 3])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--batches", "1,x"], "--batches '1,x' is not a list of numbers from 1 to 65536"),
        (["--batches", "0"], "--batches '0' is not a list of numbers"),
        (["--device", "tpu"], "--device 'tpu' is none of auto, cpu, cuda"),
        (["purdue/dense"], "purdue/dense has no exported run in"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    arguments: list[str], sentence: str, conv_run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = bench(capsys, *arguments, "--runs", str(conv_run.path.parents[1]))
    assert code == 2
    assert sentence in err and err.count("\n") == 1


def test_where_nothing_was_trained_the_command_that_trains_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = bench(capsys, "--runs", str(tmp_path))
    assert code == 2
    assert "train one first with `aezoo train purdue/conv`" in err


def test_a_contender_that_has_died_is_reported() -> None:
    with (
        pytest.raises(CheckFailed, match="lost ended with exit code 1 in the middle"),
        bench_process.child("lost", "zoo.no_such_module", {}),
    ):
        pass
