"""The benchmark of the window drives the real one and tells what it measured beside each target."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest

from tests.viewer.conftest import write_run
from tests.viewer.test_process import python
from viewer.bench import drive, folder, report
from viewer.bench.drive import Driven, OfRun, Start
from zoo import card, gate
from zoo.errors import RunError
from zoo.runs import RunFolder

TINY = "--count 3 --starts 2 --steps 2 --pages 2".split()


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the benchmark tells of two runs and a copy."""
    place = tmp_path_factory.mktemp("bench")
    for name in ("tests/conv", "tests/other"):
        write_run(place / "runs", name)
    done = python("-m", "viewer.bench", str(place / "runs"), *TINY, "--json")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "3 of 3: tests/conv" in done.stderr
    message: dict[str, Any] = json.loads(done.stdout)
    return message


@pytest.mark.slow
def test_every_target_stands_beside_what_was_measured(document: dict[str, Any]) -> None:
    message = {each["name"]: each for each in document["targets"]}
    assert list(message) == list(report.TARGETS)
    for name, each in message.items():
        assert each["limit"] > 0 and each["unit"] in ("ms", "MB") and each["note"]
        if name != "paging" and (name != "memory" or sys.platform.startswith("linux")):
            assert each["measured"] >= 0
            assert each["passed"] is (each["measured"] <= each["limit"])


@pytest.mark.slow
def test_starts_and_every_step_of_every_run_were_measured(document: dict[str, Any]) -> None:
    assert len(document["starts"]) == 2
    assert all(0 < start["window_ms"] <= start["picture_ms"] for start in document["starts"])
    first, second, copy = document["runs"]
    assert (first["name"], second["name"], copy["name"]) == ("tests/conv", "tests/other", "tests/conv")
    for run in (first, second):
        assert run["steps"]["n"] == 2 and 0 < run["steps"]["median"] <= run["steps"]["p95"]
    assert second["opening"] > 0
    assert copy["copy"] and copy["opening"] > 0 and "steps" not in copy


@pytest.mark.slow
def test_conditions_are_told_with_it(document: dict[str, Any]) -> None:
    message = document["conditions"]
    assert "cores" in message["machine"] and "PySide6" in message["versions"]
    assert message["provider"].startswith(("CPU", "CUDA")) and " before, " in message["load"]
    assert message["runs"].startswith("2 of ") and "and 1 copies of them" in message["runs"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")
@pytest.mark.slow
def test_memory_was_measured_after_every_run(document: dict[str, Any]) -> None:
    assert len(document["memory_mb"]) == 3 and min(document["memory_mb"]) > 20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")
def test_a_family_is_a_process_with_its_children_and_theirs() -> None:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with Popen([sys.executable, "-c", script], stdin=PIPE, stdout=PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdout.readline()
        found = drive.family(child.pid)
        child.stdin.close()
    assert len(found) == 2 and found[0] == child.pid


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "no folder 'nowhere'; name a folder of runs"),
        (["."], "no exported run in .; train one first with `aezoo train purdue/conv`"),
        ([".", "--steps", "0"], "--steps"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], sentence: str, tmp_path: Path) -> None:
    words = [str(tmp_path) if word == "." else word for word in words]
    done = python("-m", "viewer.bench", *words)
    assert done.returncode == 2 and done.stdout == ""
    assert sentence.replace(" .;", f" {tmp_path};") in done.stderr and len(done.stderr.splitlines()) == 1


# ---- the folder ------------------------------------------------------------------------------------------------


def test_a_folder_is_filled_with_copies_that_are_other_graphs_and_pass_the_gate(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs")
    before = run.graph("model").read_bytes()
    originals, copies = folder.fill(tmp_path / "filled", tmp_path / "runs", 3)
    assert (len(originals), len(copies)) == (1, 2)
    graphs = [RunFolder(place).graph("model").read_bytes() for place in (*originals, *copies)]
    assert len(set(graphs)) == 3 and graphs[0] == before == run.graph("model").read_bytes()
    for number, (place, data) in enumerate(zip(copies, graphs[1:], strict=True), start=1):
        facts = gate.check_onnx(data, source="copy")
        assert facts.metadata["copy"] == str(number)
        assert card.from_metadata(facts.metadata) == card.from_metadata(gate.check_onnx(before, source="").metadata)
        assert RunFolder(place).read_history().epochs == 3


def test_runs_of_one_name_stand_beside_each_other_and_more_than_enough_stay(tmp_path: Path) -> None:
    for place in ("a", "b"):
        write_run(tmp_path / "runs" / place)
    originals, copies = folder.fill(tmp_path / "filled", tmp_path / "runs", 1)
    assert len(set(originals)) == 2 and copies == []


def test_a_run_without_a_graph_is_none_to_measure(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs")
    run.graph("model").unlink()
    with pytest.raises(RunError, match="no exported run in"):
        folder.fill(tmp_path / "filled", tmp_path / "runs", 3)


# ---- the report ------------------------------------------------------------------------------------------------


def driven() -> Driven:
    slow = OfRun("tests/slow", copy=False, opening=70.0, steps=[10.0] * 9 + [None], pages=[31.0])
    quick = OfRun("tests/quick", copy=False, steps=[1.0], left_out={"pages": "there is no test split"})
    return Driven([slow, quick], memory_mb=[300.0, 450.0, 400.0], stalls=[(25.0, "selecting a"), (45.0, "selecting b")])


STARTS: list[Start] = [(900.0, 2000.0), (300.0, 700.0), (500.0, None), (390.0, 800.0)]


def test_the_slowest_recipe_and_a_wish_that_was_never_shown_decide() -> None:
    message = {each["name"]: each for each in report.document({}, STARTS, driven())["targets"]}
    assert {name: each["measured"] for name, each in message.items()} == {
        "window": 390.0,
        "first picture": 750.0,
        "slider": None,
        "paging": 31.0,
        "memory": 450.0,
        "longest stall": 45.0,
    }
    assert [name for name, each in message.items() if not each["passed"]] == ["slider", "paging", "longest stall"]
    assert "the first of all took 900 ms" in message["window"]["note"] and "tests/slow" in message["paging"]["note"]
    assert message["longest stall"]["note"] == "of the GUI thread, 1 above the target"


def test_what_was_not_measured_did_not_pass() -> None:
    message = {each["name"]: each for each in report.document({}, [(300.0, None)], Driven())["targets"]}
    for name in ("first picture", "slider", "paging", "memory", "longest stall"):
        assert message[name]["measured"] is None and message[name]["passed"] is None


def test_the_table_names_misses_stalls_and_what_was_left_out() -> None:
    lines = report.table(report.document({"machine": "a machine"}, STARTS, driven())).splitlines()
    assert lines[0] == "machine: a machine"
    assert any(line.startswith("slider") and " never  MISS" in line for line in lines)
    assert any(line.startswith("window") and "390 ms  pass" in line for line in lines)
    assert "  45 ms, selecting b" in lines and "  pages: there is no test split (tests/quick)" in lines
    assert lines.index("  tests/slow: –") < lines.index("  tests/quick: 1 ms")


def test_the_document_holds_what_json_can_say() -> None:
    message = report.document({}, STARTS, driven())
    assert json.loads(json.dumps(message, allow_nan=False)) == message
    assert message["runs"][0]["steps"] == {"n": 10, "median": 10.0, "p95": None}
    assert message["stalls"] == [[45.0, "selecting b"], [25.0, "selecting a"]]


@pytest.mark.parametrize(("steps", "code"), [([1.0], 0), ([80.0], 1)])
def test_strict_exits_1_on_a_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], steps: list[float], code: int
) -> None:
    from viewer.bench import __main__ as bench
    from zoo.cli import run

    one = OfRun("tests/conv", copy=False, steps=list(steps), pages=[1.0])
    monkeypatch.setattr(drive, "start", lambda *_: (100.0, 200.0))
    monkeypatch.setattr(drive, "drive", lambda *_: Driven([one], memory_mb=[100.0]))
    monkeypatch.setattr(bench, "_narrow", lambda cores: cores)
    write_run(tmp_path)
    with pytest.raises(SystemExit) as ending:
        run(bench.app, [str(tmp_path), "--count", "1", "--strict", "--quiet"], name="aezoo bench view")
    assert ending.value.code == code
    assert "next: aezoo view" in capsys.readouterr().out
