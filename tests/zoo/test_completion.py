"""The Tab key: the scripts that shells get, called as the shells call them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PRETRAINED
from zoo import cli, registry
from zoo.runs import find_runs


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """A folder with a program `aezoo`, as an installation puts one on the PATH."""
    program = tmp_path / "bin" / "aezoo"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m zoo.cli "$@"\n')
    program.chmod(0o755)
    return program.parent


def run(command: Path, shell: str, script: str, **variables: str) -> str:
    """Run a script in a shell that has `aezoo` and its completion; return what it prints."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    environment = {**os.environ, "PATH": f"{command}:{os.environ['PATH']}", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([shell, "-c", script], capture_output=True, text=True, env={**environment, **variables})
    assert done.returncode == 0, done.stderr
    return done.stdout


def complete(command: Path, *arguments: str, **variables: str) -> list[str]:
    """Return what bash proposes for the last argument."""
    script = f"""
        eval "$(aezoo --show-completion bash)"
        COMP_WORDS=(aezoo {" ".join(f"'{word}'" for word in arguments)}); COMP_CWORD={len(arguments)}
        _aezoo_completion aezoo; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return run(command, "bash", script, **variables).split()


def test_verbs_are_completed(command: Path) -> None:
    assert complete(command, "") == list(dict.fromkeys(verb.split()[0] for verb in cli.VERBS))
    assert complete(command, "tr") == ["train"]
    assert complete(command, "bench", "") == ["train", "graphs", "view"]
    assert complete(command, "data", "") == ["status", "show", "fetch"]


def test_recipes_and_assignments_are_completed(command: Path) -> None:
    named = complete(command, "train", "")
    assert set(named) >= {"purdue", "all", *registry.names()}
    assert complete(command, "train", "purdue/d") == ["purdue/dense", "purdue/denoise"]
    assert complete(command, "report", "m") == ["maastricht"]
    assert complete(command, "train", "--prec") == ["--precision"]


@pytest.mark.slow
def test_runs_are_completed_where_a_run_is_wanted(command: Path, tmp_path: Path) -> None:
    for name in ("purdue/conv", "hesso/conv"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "history.h5").write_bytes(b"")
    root = str(tmp_path / "runs")
    shipped = {run.path.relative_to(PRETRAINED).as_posix() for run in find_runs(PRETRAINED)}
    assert complete(command, "export", "", AEZOO_RUNS=root) == sorted({"hesso/conv", "purdue/conv", *shipped})
    assert complete(command, "verify", "--runs", root, "purdue/co") == ["purdue/conv"]
    assert complete(command, "card", "/tm", AEZOO_RUNS=root) == []  # a path is the shell's own to complete


def test_zsh_gets_recipes(command: Path) -> None:
    answer = run(command, "zsh", "aezoo", _AEZOO_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="aezoo train purdue/d")
    assert "purdue/dense" in answer
    assert "purdue/denoise" in answer


def test_fish_completes_recipes(command: Path) -> None:
    script = "aezoo --show-completion fish | source; complete -C 'aezoo train purdue/d'"
    assert [line.split("\t")[0] for line in run(command, "fish", script).splitlines()] == [
        "purdue/denoise",
        "purdue/dense",
    ]


def test_installing_writes_the_script_of_a_shell_into_the_home(command: Path, tmp_path: Path) -> None:
    said = run(command, "bash", "aezoo --install-completion && true", HOME=str(tmp_path))  # bash waits: it is found
    assert "installed" in said
    assert str(tmp_path / ".bash_completions" / "aezoo.sh") in (tmp_path / ".bashrc").read_text()
    assert "_AEZOO_COMPLETE=complete_bash" in (tmp_path / ".bash_completions" / "aezoo.sh").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("",),
        ("list", "pur"),
        ("card", ""),
        ("doctor", "--"),
    ],
)
def test_completing_loads_no_torch(arguments: tuple[str, ...]) -> None:
    code = "import sys; from zoo import cli\ntry: cli.main([])\nfinally: print('torch' in sys.modules, file=sys.stderr)"
    variables = {
        "_AEZOO_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(("aezoo", *arguments)),
        "COMP_CWORD": f"{len(arguments)}",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **variables}, check=True
    )
    assert done.stderr.strip() == "False"
