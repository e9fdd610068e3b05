"""Messages between processes come out as they went in, and anything else is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import zoo
from zoo import bench_process, json_lines
from zoo.json_lines import ProcessFailed


@dataclass(frozen=True)
class Address:
    folder: Path
    floors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parcel:
    to: Address
    weight: float | None = None


def test_a_message_comes_out_as_it_went_in() -> None:
    for message in (
        Parcel(Address(Path("a/b"), ("one", "two")), 1.5),
        Parcel(Address(Path("c"))),
        ProcessFailed("Ä\n"),
    ):
        line = json_lines.encode(message)
        assert line.count("\n") == 1 and line.endswith("\n")
        kinds: tuple[type[Parcel | ProcessFailed], ...] = (Parcel, ProcessFailed)
        assert json_lines.decode(line, *kinds) == message


@pytest.mark.parametrize(
    "line",
    [
        "",
        "loading...",
        "[1]",
        "7",
        "{}",
        '{"message": "Other"}',
        '{"message": []}',
        '{"message": "ProcessFailed"}',
        '{"message": "ProcessFailed", "error": "", "more": 1}',
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_another_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_lines.decode(line, ProcessFailed)


def test_what_a_library_prints_does_not_get_between_the_messages() -> None:
    code = (
        "import os; from zoo import json_lines; send = json_lines.sender(); print('hello'); os.write(1, b'raw')\n"
        "send(json_lines.ProcessFailed('no'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json_lines.decode(done.stdout, ProcessFailed) == ProcessFailed("no")
    assert "hello" in done.stderr and "raw" in done.stderr


def test_a_process_of_ours_starts_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zoo.py").write_text("raise SystemExit('this is not ours')")
    monkeypatch.chdir(tmp_path)
    with json_lines.start("zoo.cli", "--version") as process:
        assert os.getsid(process.pid) == process.pid, "Ctrl-C does not reach it"
        assert process.communicate()[0].startswith("aezoo ")


def test_our_packages_come_first_among_those_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *_, env, **__: started.append(env))
    own = str(Path(zoo.__file__).parents[1])
    for given, path in (("", own), ("/more", f"{own}{os.pathsep}/more")):
        monkeypatch.setenv("PYTHONPATH", given)
        json_lines.start("some.module")
        assert started[-1]["PYTHONPATH"] == json_lines.python_path() == path


def test_a_value_of_proc_is_that_of_the_line_that_begins_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("not the model name: no\nmodel name\t:  Some CPU: 3 GHz \nmodel name: other\n")
    assert bench_process._from_proc(str(tmp_path / "cpuinfo"), "model name") == "Some CPU: 3 GHz"
    assert bench_process._from_proc(str(tmp_path / "absent"), "model name") == ""
