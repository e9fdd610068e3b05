"""The benchmark of the window drives the real one and tells what it measured beside each target."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.viewer.conftest import write_run
from tests.viewer.test_process import python
from viewer.bench import folder, memory, report
from viewer.bench.drive import Driven, OfRun
from viewer.bench.start import Start
from viewer.bench.watch import Gap
from zoo import card, gate
from zoo.errors import RunError
from zoo.runs import RunFolder

TINY = "--count 3 --starts 2 --steps 2 --drag 3 --pages 2".split()


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the benchmark tells of two runs and a copy."""
    place = tmp_path_factory.mktemp("bench")
    for name in ("tests/conv", "tests/other"):
        write_run(place / "runs", name)
    done = python("-m", "viewer.bench", str(place / "runs"), *TINY, "--json", "--out", str(place / "report.json"))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "3 of 3: tests/conv-copy-1" in done.stderr
    message: dict[str, Any] = json.loads(done.stdout)
    assert message == json.loads((place / "report.json").read_text())
    return message


@pytest.mark.slow
def test_every_target_stands_beside_what_was_measured(document: dict[str, Any]) -> None:
    message = {each["name"]: each for each in document["targets"]}
    assert list(message) == list(report.TARGETS)
    for name, each in message.items():
        assert each["limit"] > 0 and each["unit"] in ("ms", "MB") and each["note"]
        if name != "paging" and (name != "memory" or sys.platform.startswith("linux")):
            assert each["measured"] > 0
            assert each["passed"] is (each["measured"] <= each["limit"])


@pytest.mark.slow
def test_starts_and_every_step_of_every_run_were_measured(document: dict[str, Any]) -> None:
    assert len(document["starts"]) == 2 and document["building_ms"] > 0
    assert all(0 < start["window_ms"] <= start["picture_ms"] for start in document["starts"])
    runs = {run["name"]: run for run in document["runs"]}
    assert list(runs) == ["tests/conv", "tests/other", "tests/conv-copy-1"]
    for name in ("tests/conv", "tests/other"):
        for what, count in (("steps", 2), ("drag", 3)):
            message = runs[name][what]
            assert (message["n"], message["never"]) == (count, 0) and 0 < message["median"] <= message["p95"]
    assert runs["tests/other"]["opening"] > 0
    copy = runs["tests/conv-copy-1"]
    assert copy["copy"] and copy["opening"] > 0 and "steps" not in copy


@pytest.mark.slow
def test_conditions_are_told_with_it(document: dict[str, Any]) -> None:
    message = document["conditions"]
    assert (
        "cores" in message["machine"]
        and "PySide6" in message["versions"]
        and message["provider"].startswith(("CPU", "CUDA"))
    )
    assert message["runs"].startswith("2 of ") and message["runs"].endswith("and 1 copies of them")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")
@pytest.mark.slow
def test_memory_was_measured_of_every_process(document: dict[str, Any]) -> None:
    assert len(document["memory_mb"]) == 3 and document["processes"] >= 2
    assert 20 < document["window_mb"] < document["memory_mb"][-1]
    assert memory.held([1 << 30]) is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")
def test_a_family_is_a_process_with_its_children_and_theirs() -> None:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdout.readline()
        found = memory.family(child.pid)
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
    filled = folder.fill(tmp_path / "filled", tmp_path / "runs", 3)
    assert (len(filled.originals), len(filled.copies)) == (1, 2)
    graphs = [RunFolder(place).graph("model").read_bytes() for place in filled.all]
    assert len(set(graphs)) == 3 and graphs[0] == before == run.graph("model").read_bytes()
    for number, (place, data) in enumerate(zip(filled.copies, graphs[1:], strict=True), start=1):
        facts = gate.check_onnx(data, source="copy")
        assert facts.metadata["copy"] == str(number)
        assert card.from_metadata(facts.metadata) == card.from_metadata(gate.check_onnx(before, source="").metadata)
        listed = card.files_of(RunFolder(place).card.read_text())
        assert listed == {"model.onnx": (hashlib.sha256(data).hexdigest(), len(data))}
        assert RunFolder(place).read_history().epochs == 3


def test_runs_of_one_name_stand_beside_each_other_and_more_than_enough_stay(tmp_path: Path) -> None:
    for place in ("a", "b"):
        write_run(tmp_path / "runs" / place)
    filled = folder.fill(tmp_path / "filled", tmp_path / "runs", 1)
    assert [place.relative_to(tmp_path / "filled").as_posix() for place in filled.originals] == [
        "tests/conv",
        "tests/conv-2",
    ]
    assert filled.copies == ()


def test_a_run_without_a_graph_is_none_to_measure(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs")
    run.graph("model").unlink()
    with pytest.raises(RunError, match="no exported run in"):
        folder.fill(tmp_path / "filled", tmp_path / "runs", 3)


# ---- the report ------------------------------------------------------------------------------------------------


def driven() -> Driven:
    slow = OfRun("tests/slow", copy=False, opening=70.0, steps=[10.0] * 9 + [None], drag=[5.0] * 10, pages=[31.0])
    quick = OfRun("tests/quick", copy=False, steps=[1.0], drag=[2.0], left_out={"pages": "there is no test split"})
    gaps = [Gap(25.0, 20.0, "selecting a", "viewer/x.py:1 f"), Gap(45.0, 9.0, "selecting b", "Qt")]
    return Driven([slow, quick], memory_mb=[300.0, 450.0, 400.0], processes=3, longest_gap_ms=45.0, gaps=gaps)


STARTS = [Start(900.0, 2000.0), Start(300.0, 700.0), Start(500.0, None), Start(390.0, 800.0)]


def test_the_slowest_recipe_and_a_wish_that_was_never_shown_decide() -> None:
    message = {each.name: each for each in report.targets(STARTS, driven())}
    assert {name: each.measured for name, each in message.items()} == {
        "window": 390.0,
        "first picture": 750.0,
        "slider, single steps": math.inf,
        "slider, dragged": 5.0,
        "paging": 31.0,
        "memory": 450.0,
        "longest stall": 45.0,
    }
    assert [name for name, each in message.items() if not each.passed] == [
        "slider, single steps",
        "paging",
        "longest stall",
    ]
    assert "the first of all took 900 ms" in message["window"].note and "tests/slow" in message["paging"].note
    assert message["longest stall"].note == "of the GUI thread, 1 above the target; at most 20 ms of one it computed"


def test_what_was_not_measured_did_not_pass() -> None:
    message = {each.name: each for each in report.targets([Start(300.0, None)], Driven())}
    for name in ("first picture", "slider, single steps", "paging", "memory"):
        assert message[name].measured is None and message[name].passed is None


def test_the_table_names_misses_stalls_and_what_was_left_out() -> None:
    text = report.table({"machine": "a machine"}, STARTS, driven())
    lines = text.splitlines()
    assert lines[0] == "machine: a machine"
    assert any(line.startswith("slider, single steps") and " never  MISS" in line for line in lines)
    assert any(line.startswith("window") and "390 ms  pass" in line for line in lines)
    assert any("45 (9)  selecting b, in Qt" in line for line in lines)
    assert "  pages: there is no test split (tests/quick)" in lines


def test_the_document_holds_what_json_can_say() -> None:
    message = report.document({}, STARTS, driven())
    assert json.loads(json.dumps(message, allow_nan=False)) == message
    assert message["runs"][0]["steps"] == {"n": 10, "median": 10.0, "p95": None, "never": 1}
    assert [gap["milliseconds"] for gap in message["stalls"]] == [45.0, 25.0]


@pytest.mark.parametrize(("steps", "code"), [([1.0], 0), ([80.0], 1)])
def test_strict_exits_1_on_a_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], steps: list[float], code: int
) -> None:
    from viewer.bench import __main__ as bench
    from viewer.bench import drive, start
    from zoo.cli import run

    one = OfRun("tests/conv", copy=False, steps=list(steps), drag=[1.0], pages=[1.0])
    monkeypatch.setattr(start, "measure", lambda _: Start(100.0, 200.0))
    monkeypatch.setattr(drive, "drive", lambda *_: Driven([one], memory_mb=[100.0], processes=2))
    monkeypatch.setattr(bench, "_narrow", lambda cores: cores)
    write_run(tmp_path)
    with pytest.raises(SystemExit) as ending:
        run(bench.app, [str(tmp_path), "--count", "1", "--strict", "--quiet"], name="aezoo bench view")
    assert ending.value.code == code
    assert "next: aezoo view" in capsys.readouterr().out
