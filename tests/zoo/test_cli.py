"""The command: every verb has its help, every mistake its sentence and exit code, `--json` its one document."""

from __future__ import annotations

import errno
import gc
import json
import os
import shlex
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import zoo
from tests.conftest import PRETRAINED, TrainedRuns
from tests.representatives import of_every_task
from zoo import (
    bench_process,
    checkpoints,
    cli,
    demo,
    display,
    doctor,
    errors,
    listing,
    pretrained,
    registry,
    runs,
    sessions,
)
from zoo.data import sets
from zoo.errors import CheckFailed, DataError, Interrupted, RunError, WriteError
from zoo.runs import History, RunFolder, atomic_write, pack_history

ROOT = Path(__file__).parents[2]
Capture = pytest.CaptureFixture[str]


def aezoo(capsys: Capture, *arguments: str | Path) -> tuple[int, str, str]:
    """Run a verb in this process; return exit code, stdout, stderr."""
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in arguments])
    captured = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, captured.out, captured.err


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_help(capsys: Capture, verb: str) -> None:
    code, out, _ = aezoo(capsys, verb, "--help")
    assert code == 0
    assert f"aezoo {verb}" in out


@pytest.mark.parametrize("arguments", [("-V",), ("--version",), ("version",)])
def test_the_version_is_printed(capsys: Capture, arguments: tuple[str, ...]) -> None:
    assert aezoo(capsys, *arguments) == (0, f"aezoo {zoo.__version__}\n", "")


def test_python_m_aezoo_is_the_command(capsys: Capture) -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    assert "aezoo" in packages["include"]
    path = os.pathsep.join(str(ROOT / folder) for folder in packages["where"])  # what an installation makes importable
    command = [sys.executable, "-m", "aezoo", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, cwd="/")
    assert (done.returncode, done.stdout) == aezoo(capsys, "--help")[:2]


# What is typed all day, and the mistakes in it.
LIGHT = (
    *("", "--help", "trian", "list", "list --json", "list purdue/cnov", "doctor", "card {graph}", "data --help"),
    *("train --help", "train purdue/cnov", "train purdue --epochs three", "train purdue --resume --overwrite"),
    *("train purdue --lr 0.1", "train purdue --set foo=1", "export --help", "export purdue/cnov"),
    *("train purdue/conv --data /nowhere", "export purdue/conv --runs /nowhere"),
    *(
        "verify --help",
        "verify absent.onnx",
        "history --help",
        "history absent",
        "view --help",
        "report --help",
        "report perdue",
        "bench train --help",
    ),
)


@pytest.mark.parametrize("arguments", LIGHT)
def test_what_is_typed_all_day_loads_no_torch(arguments: str, trained_runs: TrainedRuns) -> None:
    graph = trained_runs("purdue/conv") / "purdue" / "conv" / "model.onnx" if "{graph}" in arguments else ""
    code = "import sys; from zoo import cli\ntry: cli.main()\nfinally: print('torch loaded:', 'torch' in sys.modules)"
    command = [sys.executable, "-c", code, *arguments.format(graph=graph).split()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.endswith("torch loaded: False\n"), done.stderr


@pytest.mark.parametrize("verb", ["list", "list --json", "--help", "--version", "doctor", "train purdue/conv", "trian"])
def test_a_closed_stdout_is_one_sentence(verb: str) -> None:
    command = f"exec {sys.executable} -m zoo.cli {verb} >&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("aezoo: standard output is closed")
    assert len(done.stderr.splitlines()) == 1


def test_a_closed_stderr_hides_no_exit_code_and_writes_nowhere_else() -> None:
    done = subprocess.run(["bash", "-c", f"{sys.executable} -m zoo.cli trian 2>&-"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")


def test_help_names_every_verb_and_a_bare_call_shows_it(capsys: Capture) -> None:
    code, out, _ = aezoo(capsys, "--help")
    assert code == 0
    assert all(f"  {verb} " in out for verb in cli.VERBS)
    assert aezoo(capsys)[:2] == (2, out)


def test_a_mistyped_verb_gets_the_nearest_named(capsys: Capture) -> None:
    code, out, err = aezoo(capsys, "trian")
    assert (code, out) == (2, "")
    assert err == "aezoo: no verb 'trian'; did you mean 'train'? (`aezoo --help` shows all)\n"


def test_list_shows_every_recipe(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = aezoo(capsys, "list")
    assert code == 0
    headings = [line for line in out.splitlines() if line and not line.startswith((" ", "next:"))]
    assert headings == list(dict.fromkeys(recipe.assignment for recipe in registry.recipes().values()))
    for recipe in registry.recipes().values():
        assert f"  {recipe.name.split('/')[1]} " in out
    assert "829,284" in out
    assert "0.0036" in out
    assert "8×7×7" in out


def test_list_shows_a_runs_figure_beside_the_sheets_and_says_how_far_the_run_is(
    capsys: Capture, trained_runs: TrainedRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (*of_every_task(), "maastricht/base", "maastricht/model-2")
    folder = trained_runs(*names)
    _, out, _ = aezoo(capsys, "list", "--runs", folder, "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    for name in names:
        row = rows[name]
        assert row["measured"] == RunFolder.of(folder, name).read_history().metrics()[row["metric"]]
        assert row["baseline"] is not None
        assert "sample" in row["run"]
    assert rows["maastricht/base"]["published"] == 0.0036
    monkeypatch.setenv("COLUMNS", "160")
    _, out, _ = aezoo(capsys, "list", "--runs", folder)
    line = next(line for line in out.splitlines() if line.startswith("  model-2 "))
    assert "0.00056" in line
    assert "nearest example 0.0165" in line, "PCA with 4,096 values would be exact, so it is not compared with"
    assert "× more" in line or "× less" in line
    assert "  cifar10: sample: 32×32 patches of scikit-image's photographs" in out
    assert "quick, sample" in line
    assert "quick, cifar10-sample" in rows["maastricht/model-2"]["run"]


def write_run(root: Path, name: str, *, state: str = "finished", epochs: int = 150, **figures: float) -> None:
    """Write a history with these figures on the test split, and of two baselines."""
    arrays = {runs.TRAIN_LOSS: np.zeros(epochs), "baselines/pca/mse": np.full(1, 4e-3)}
    arrays |= {f"metrics/{metric}": np.full(1, value) for metric, value in figures.items()}
    history = History(meta={"state": state, "data": "mnist", "provenance": "MNIST, " + "a " * 60}, arrays=arrays)
    atomic_write(RunFolder.of(root, name).history, pack_history(history))


@pytest.mark.parametrize("width", [20, 40, 80, 100, 160, 300])
def test_the_list_fits_the_terminal(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    write_run(tmp_path, "purdue/conv", mse=1e-3)
    write_run(tmp_path, "purdue/dense@learning_rate=0.0123,batch_size=77,seed=3", epochs=9, mse=5e-2)
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = aezoo(capsys, "list", "--runs", tmp_path)
    lines = [line for line in out.splitlines() if not line.startswith("next: ")]
    assert len(lines) > 40
    assert max(map(len, lines)) <= width
    if width >= 80:
        line = next(line for line in lines if line.startswith("  conv ") and "mse" in line)
        assert line.split("  ")[1] == "conv"
        assert all(text in line for text in ("mse 0.001", "PCA 0.004", "finished"))
        assert ("4.0× less" in line and "3,217" in line) == (width >= 160)


def test_the_list_takes_names_and_sorts_by_a_metric(capsys: Capture, tmp_path: Path) -> None:
    write_run(tmp_path, "purdue/conv", mse=3e-3, psnr=25.0)
    write_run(tmp_path, "purdue/dense", mse=1e-3, psnr=30.0)
    write_run(tmp_path, "hesso/conv", mse=2e-3, psnr=27.0)
    write_run(tmp_path, "freiburg/lr-0.1", mse=0.0, psnr=99.0)
    for metric in ("mse", "psnr"):
        code, out, _ = aezoo(capsys, "list", "purdue", "hesso/conv", "--sort", metric, "--runs", tmp_path)
        names = [line.split()[0] for line in out.splitlines() if line.startswith(("  purdue/", "  hesso/"))]
        assert (code, names) == (0, ["purdue/dense", "hesso/conv", "purdue/conv", "purdue/denoise"])
        assert metric in out
    code, out, _ = aezoo(capsys, "list", "purdue", "--json", "--runs", tmp_path)
    assert [row["name"] for row in json.loads(out)] == ["purdue/dense", "purdue/conv", "purdue/denoise"]
    code, _, err = aezoo(capsys, "list", "purdue", "--sort", "sharpness", "--runs", tmp_path)
    assert code == 2
    assert "no run of these recipes has measured 'sharpness'" in err


def test_a_run_whose_trainer_was_killed_is_listed_as_stopped(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    write_run(tmp_path, "purdue/conv", state="training", epochs=9)
    assert "stopped, 9 of 150" in aezoo(capsys, "list", "purdue", "--runs", tmp_path)[1]
    with checkpoints.lock(RunFolder.of(tmp_path, "purdue/conv")):
        assert "training, 9 of 150" in aezoo(capsys, "list", "purdue", "--runs", tmp_path)[1]


def test_a_run_that_diverged_is_listed_with_null(capsys: Capture, tmp_path: Path) -> None:
    arrays = {runs.TRAIN_LOSS: np.full(1, np.nan), "metrics/mse": np.full(1, np.nan), "metrics/bce": np.zeros(0)}
    history = History(meta={"state": "failed", "data": "mnist", "provenance": "p"}, arrays=arrays)
    atomic_write(RunFolder.of(tmp_path, "freiburg/lr-0.1").history, pack_history(history))
    code, out, _ = aezoo(capsys, "list", "--runs", tmp_path, "--json")
    row = next(row for row in json.loads(out) if row["name"] == "freiburg/lr-0.1")
    assert (code, row["measured"], row["run"]) == (0, None, "1 of 20 epochs, mnist, failed")


def test_list_as_json_is_one_list_with_the_promised_keys(capsys: Capture) -> None:
    code, out, err = aezoo(capsys, "list", "--json")
    rows = json.loads(out)
    assert (code, err) == (0, "")
    assert [row["name"] for row in rows] == list(registry.names())
    for row in rows:
        assert list(row) == [
            *("name", "assignment", "task", "dataset", "objective", "parameters", "bottleneck", "epochs"),
            *("metric", "published", "measured", "main_baseline", "baseline", "run", "provenance"),
        ]
        assert all(isinstance(size, int) for size in row["bottleneck"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("train", "purdue/cnov"), "no recipe 'purdue/cnov'; did you mean 'purdue/conv'?"),
        (("train", "purdue/conv", "--data", "/nowhere"), "--data names '/nowhere', which is no folder"),
        (("train", "purdue/conv", "--device", "tpu"), "--device 'tpu' is none of auto, cpu, cuda"),
        (("train", "purdue/conv", "--resume", "--overwrite"), "give one of them"),
        (("export", "purdue/conv", "--runs", "/nowhere"), "nothing was trained there; train it with `aezoo train`"),
        (("verify", "purdue/conv", "--runs", "/nowhere"), "no run of purdue/conv in /nowhere; train it"),
        (("verify", "absent.onnx"), "no file absent.onnx"),
        (("data", "fetch", "cifar"), "no data set 'cifar'; there is mnist"),
        (("data", "fetch", "--data", "sample"), "--data sample is embedded"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(capsys: Capture, arguments: tuple[str, ...], sentence: str) -> None:
    code, out, err = aezoo(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("aezoo: ")
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_cuda_where_there_is_none_is_one_sentence(capsys: Capture) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    code, out, err = aezoo(capsys, "train", "purdue/conv", "--data", "sample", "--device", "cuda")
    assert (code, out) == (2, "")
    assert "--device cuda: torch" in err
    assert "use --device cpu or auto" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("train", "purdue/conv", "--epoks", "3"), "--epoks"),
        (("train",), "NAME"),
        (("train", "purdue/conv", "--epochs", "three"), "--epochs"),
        (("train", "purdue/conv", "--epochs", "0"), "--epochs"),
        (("data", "ftech"), "ftech"),
    ],
)
def test_a_wrong_option_is_one_sentence_that_names_the_help(
    capsys: Capture, arguments: tuple[str, ...], sentence: str
) -> None:
    code, out, err = aezoo(capsys, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert f"(`aezoo {arguments[0]} --help` shows what there is)" in err
    assert len(err.splitlines()) == 1


def test_a_run_in_the_way_of_the_last_recipe_is_reported_before_the_first_is_trained(
    capsys: Capture, tmp_path: Path
) -> None:
    (tmp_path / "purdue" / "dense").mkdir(parents=True)
    (tmp_path / "purdue" / "dense" / "history.h5").write_bytes(b"of somebody")
    code, out, err = aezoo(capsys, "train", "purdue/conv", "purdue/dense", "--data", "sample", "--runs", tmp_path)
    assert (code, out) == (2, "")
    assert "already holds a run" in err
    assert not (tmp_path / "purdue" / "conv").exists()


def test_a_reader_that_leaves_early_ends_us_quietly(tmp_path: Path) -> None:
    command = f"{sys.executable} -m zoo.cli list --json | head -c 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout in ("[0\n", "[141\n")  # 0 where the whole list was in the pipe before it closed


def test_a_file_that_cannot_be_used_is_one_sentence(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/somewhere")

    monkeypatch.setattr(sets, "folder_of", forbidden)
    code, out, err = aezoo(capsys, "data", "status")
    assert (code, out) == (2, "")
    assert err == "aezoo: cannot use /somewhere: permission denied; check it and try again\n"


def test_data_status_knows_the_sample_and_an_empty_folder(capsys: Capture, tmp_path: Path) -> None:
    code, out, _ = aezoo(capsys, "data", "status", "--data", tmp_path)
    assert code == 0
    assert f"in {tmp_path}: not there" in out
    assert f"next: aezoo data fetch mnist cifar10 --data {tmp_path}" in out
    assert "get it from https://github.com/GregVial/CoMNIST" in out
    code, out, _ = aezoo(capsys, "data", "status", "--data", "sample", "--json")
    assert [row["state"] for row in json.loads(out)] == ["sound"] * len(sets.DATA_SETS)


def test_doctor_says_what_is_here_and_which_provider_a_session_gets(capsys: Capture, tmp_path: Path) -> None:
    code, out, _ = aezoo(capsys, "doctor", "--json", "--runs", tmp_path)
    report = json.loads(out)
    found = {finding["what"]: finding["found"] for finding in report["findings"]}
    assert code == 0, report
    assert report["sound"]
    assert found["viewing on"].startswith(("CPU (", "CUDA"))
    assert {
        "python",
        "torch",
        "onnx",
        "h5py",
        "PySide6-Essentials",
        "training on",
        "window",
        "data mnist",
        "runs",
    } <= found.keys()


@pytest.mark.parametrize(
    ("version", "why_no_driver", "found"),
    [
        ("2.13.0+cpu", "", "cpu (this torch is a build without CUDA)"),
        ("2.13.0", "no NVIDIA driver is installed", "cpu (no NVIDIA driver is installed)"),
        ("2.13.0", "", "cuda: a device"),
    ],
)
def test_doctor_asks_torch_itself_only_where_there_is_a_driver(
    monkeypatch: pytest.MonkeyPatch, version: str, why_no_driver: str, found: str
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: version)
    monkeypatch.setattr("zoo.sessions.why_no_driver", lambda: why_no_driver)
    monkeypatch.setattr(doctor, "_cuda_device", lambda: "cuda: a device")
    assert [finding.found.rsplit(",", 1)[0] for finding in doctor._training()] == [found]


# ---- how a command ends --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DataError("no data"), 2, "aezoo: no data\n"),
        (CheckFailed("not alike"), 1, "aezoo: not alike\n"),
        (WriteError("full"), 74, "aezoo: full\n"),
        (Interrupted("stopped", received=15), 143, "aezoo: stopped\n"),
        (KeyboardInterrupt(), 130, "aezoo: stopped\n"),
        (
            OSError(errno.ENOSPC, "No space left", "/f"),
            74,
            "aezoo: cannot use /f: no space left; check it and try again\n",
        ),
        (OSError("odd"), 2, "aezoo: cannot use a file: odd; check it and try again\n"),
        (RunError("two\nlines \x1b[31m"), 2, "aezoo: two\nlines \N{REPLACEMENT CHARACTER}[31m\n"),
        (SystemExit(5), 5, ""),
    ],
)
def test_every_end_has_its_code_and_its_sentence(error: BaseException, code: int, said: str, capsys: Capture) -> None:
    def act() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        cli._end(act, name="aezoo")
    assert (ended.value.code, capsys.readouterr().err) == (code, said)


@pytest.mark.parametrize(("value", "code", "said"), [(None, 0, ""), (3, 3, ""), (130, 130, "aezoo: stopped\n")])
def test_what_an_act_returns_is_the_code(value: object, code: int, said: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        cli._end(lambda: value, name="aezoo")
    assert (ended.value.code, capsys.readouterr().err) == (code, said)


def test_the_first_line_of_a_librarys_error_is_enough() -> None:
    assert errors.first_line(ValueError("  one\ntwo")) == "one"
    assert errors.first_line(ValueError("")) == "ValueError"
    assert errors.first_line(ValueError("x" * 500)) == "x" * 160
    assert errors.reason(OSError(2, "No Such File")) == "no such file" and errors.reason(OSError("Odd")) == "odd"


def test_half_a_verb_of_two_words_gets_both_of_its_whole_ones_named(capsys: Capture) -> None:
    hint = "did you mean 'bench train' or 'bench graphs' or 'bench view'?"
    assert aezoo(capsys, "bench")[2] == f"aezoo: no verb 'bench'; {hint} (`aezoo --help` shows all)\n"
    assert aezoo(capsys, "xyzzy")[2] == "aezoo: no verb 'xyzzy'. (`aezoo --help` shows all)\n"
    assert aezoo(capsys, "help") == aezoo(capsys, "-h") == aezoo(capsys, "--help")


def test_the_next_command_can_be_copied_as_it_is(capsys: Capture) -> None:
    cli.print_next("view", Path("my runs"), "a b")
    cli.print_next_view(Path("runs"))
    cli.print_next_view(Path("other"))
    lines = capsys.readouterr().out.splitlines()
    assert [shlex.split(line.removeprefix("next: ")) for line in lines] == [
        ["aezoo", "view", "my runs", "a b"],
        ["aezoo", "view"],
        ["aezoo", "view", "other"],
    ]


def test_garbage_is_collected_again_after_imports_and_only_where_it_was_before() -> None:
    with cli.uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with cli.uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_names_are_completed_by_how_they_begin(tmp_path: Path) -> None:
    write_run(tmp_path, "purdue/conv", mse=1.0)
    write_run(tmp_path, "hesso/conv", mse=1.0)
    assert cli.complete_recipes("purdue/de") == ["purdue/dense", "purdue/denoise"]
    assert cli.complete_recipes("a") == ["all"] and cli.complete_recipes("purdue")[0] == "purdue"
    context = SimpleNamespace(params={"runs": str(tmp_path)})
    assert cli.complete_runs(context, "") == ["hesso/conv", "purdue/conv"]  # type: ignore[arg-type]
    assert cli.complete_runs(context, "p") == ["purdue/conv"]  # type: ignore[arg-type]


# ---- the list ------------------------------------------------------------------------------------------------


def test_what_is_better_when_larger_is_listed_from_the_largest_and_shares_as_percent(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for name, share in (("letters/class", 0.9712), ("letters/random", 0.5), ("letters/mean", 0.75)):
        write_run(tmp_path, name, accuracy=share, mse=0.1)
    write_run(tmp_path, "hesso/denoise-0.5", bce=0.0966)
    _, out, _ = aezoo(capsys, "list", "letters", "--sort", "accuracy", "--runs", tmp_path)
    names = [line.split()[0] for line in out.splitlines() if line.startswith("  letters/")]
    assert names[:3] == ["letters/class", "letters/mean", "letters/random"]
    line = next(line for line in out.splitlines() if line.startswith("  letters/class "))
    assert "accuracy 97.1 %" in line and "97.0 %" in line, "the run's figure and the sheet's"
    _, out, _ = aezoo(capsys, "list", "hesso/denoise-0.5", "--runs", tmp_path)
    line = next(line for line in out.splitlines() if line.startswith("  denoise-0.5 "))
    assert "bce 0.0966" in line and "mnist (noise 0.5)" in line


def test_how_far_a_run_is_and_on_what_is_said_in_brief_and_in_full(capsys: Capture, tmp_path: Path) -> None:
    for epochs, state, data, run, brief in (
        (150, "finished", "mnist", "150 epochs, mnist", "finished"),
        (9, "finished", "mnist-sample", "9 of 150 epochs, mnist-sample", "finished, 9 of 150, sample"),
        (150, "failed", "mnist", "150 epochs, mnist, failed", "failed"),
        (2, "quick", "mnist-sample", "quick, mnist-sample", "quick, sample"),
        (2, "quick", "mnist", "quick, mnist", "quick"),
    ):
        history = History({"data": data}, {runs.TRAIN_LOSS: np.zeros(epochs)})
        assert listing._progress(history, registry.load("purdue/conv"), state) == {"run": run, "state": brief}
    (tmp_path / "purdue" / "conv").mkdir(parents=True)
    (tmp_path / "purdue" / "conv" / "history.h5").write_bytes(b"of somebody")
    row = listing.facts_of(registry.load("purdue/conv"), tmp_path)
    assert (row["run"], row["state"], row["measured"], row["main_baseline"]) == ("broken", "broken", None, "pca")


def test_runs_of_variants_are_listed_with_their_recipes_and_other_folders_are_not(
    capsys: Capture, tmp_path: Path
) -> None:
    for name in ("purdue/conv@seed=3", "purdue/conv@sed=3", "purdue/other", "hesso/conv@seed=1"):
        write_run(tmp_path, name, mse=0.25)
    _, out, _ = aezoo(capsys, "list", "purdue", "--json", "--runs", tmp_path)
    rows = {row["name"]: row["measured"] for row in json.loads(out)}
    assert rows == {"purdue/dense": None, "purdue/conv": None, "purdue/denoise": None, "purdue/conv@seed=3": 0.25}


# ---- doctor and demo -----------------------------------------------------------------------------------------


def test_the_doctor_names_what_is_missing_or_doubled_and_the_line_that_mends_it(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = dict.fromkeys(doctor.PACKAGES, "1.0")
    lines = {}
    for absent in ((), ("h5py", "onnxruntime"), ("onnxruntime", "onnxruntime-gpu")):
        left = {name: version for name, version in there.items() if name not in absent}
        monkeypatch.setattr(bench_process, "versions", lambda *names, left=left: left)
        lines[absent] = [(each.what, each.found, each.mend) for each in doctor._versions() if each.mend]
    twice = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"
    assert list(lines.values()) == [
        [("onnxruntime", "installed twice, one overwrites the other", twice)],
        [("h5py", "not installed", "pip install h5py")],
        [("onnxruntime", "not installed", "pip install onnxruntime")],
    ]
    monkeypatch.setattr(sessions, "probe", lambda: sessions.Provider("cpu", "no reason"))
    monkeypatch.setattr(doctor, "_training", list)
    code, out, _ = aezoo(capsys, "doctor", "--runs", tmp_path)
    assert code == 1
    assert "  mend it: pip install onnxruntime\n" in out and out.endswith("1 to mend, see above\n")
    assert json.loads(aezoo(capsys, "doctor", "--json", "--runs", tmp_path)[1])["sound"] is False
    assert "viewing on" in out and "CPU (no reason)" in out and f"none yet in {tmp_path}" in out
    monkeypatch.setattr(doctor, "_versions", list)
    assert aezoo(capsys, "doctor", "--runs", tmp_path)[1].endswith("next: aezoo view\n")
    write_run(tmp_path, "purdue/conv", mse=1.0)
    code, out, _ = aezoo(capsys, "doctor", "--runs", tmp_path, "--data", "sample")
    assert (code, out.splitlines()[-1]) == (0, "next: aezoo view")
    assert f"1 in {tmp_path}" in out and "in the embedded sample" in out


def test_the_doctor_counts_cores_and_believes_torch_and_the_data_that_are_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sessions, "why_no_driver", lambda: "no driver")
    for cores, said in (({0}, "cpu (no driver), 1 core"), ({0, 3}, "cpu (no driver), 2 cores")):
        monkeypatch.setattr(bench_process, "versions", lambda *names: {"torch": "2.13.0"})
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: cores, raising=False)
        assert doctor._training() == [doctor.Finding("training on", said)]
    monkeypatch.setattr(bench_process, "versions", lambda *names: {})
    assert doctor._training() == []
    for name, said in (("NVIDIA H200\n", "cuda: NVIDIA H200"), ("\n", "cpu (torch finds no NVIDIA device)")):
        monkeypatch.setattr(subprocess, "run", lambda *_, name=name, **__: subprocess.CompletedProcess([], 0, name))
        assert doctor._cuda_device() == said
    there = replace(sets.get("mnist"), present=lambda folder: folder == tmp_path)
    assert doctor._data(there, str(tmp_path)) == doctor.Finding("data mnist", f"in {tmp_path}")


def test_the_doctor_looks_for_a_display_and_for_qt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "why_no_window", lambda: "no screen")
    assert doctor._window().found == "no screen; `aezoo view --screenshot FILE` works all the same"
    monkeypatch.setattr(display, "why_no_window", lambda: "")
    assert doctor._window() == doctor.Finding("window", "Qt loads and there is a display")
    monkeypatch.setitem(sys.modules, "PySide6.QtWidgets", None)
    assert doctor._window().mend == display.INSTALL_LINE


@pytest.mark.parametrize(
    ("words", "has_display", "view"),
    [
        ([], True, ["view", "runs-demo", str(PRETRAINED)]),
        ([], False, ["view", "runs-demo", str(PRETRAINED), "--screenshot", "demo.png"]),
        (["--runs", "r", "--screenshot", "s.png"], False, ["view", "r", str(PRETRAINED), "--screenshot", "s.png"]),
    ],
)
def test_the_demo_trains_verifies_and_shows_and_stops_where_one_of_them_fails(
    words: list[str], has_display: bool, view: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[list[str]] = []
    codes = [0, 0, 0, 0, 3]

    def run(command: list[str], **_: object) -> SimpleNamespace:
        called.append(command[command.index("zoo.cli") + 1 :])
        return SimpleNamespace(returncode=codes.pop(0))

    monkeypatch.setattr(pretrained, "FOLDER", PRETRAINED)
    monkeypatch.setattr(demo, "has_display", lambda: has_display)
    monkeypatch.setattr(demo, "subprocess", SimpleNamespace(run=run))
    code, _, err = aezoo(capsys, "demo", *words)
    names = ["purdue/dense", "purdue/conv", "purdue/denoise"]
    train = ["train", *names, "--data", "sample", "--epochs", "60", "--runs", view[1], "--overwrite"]
    assert (code, called) == (0, [train, ["verify", *names, "--runs", view[1]], view])
    assert ("there is no display here" in err) == (view[-1] == "demo.png")
    assert aezoo(capsys, "demo", *words)[0] == 3
    assert len(called) == 5


# ---- processes of a benchmark --------------------------------------------------------------------------------


def test_another_contender_begins_each_round_and_ratios_are_those_of_pairs() -> None:
    assert [bench_process.in_turn("abc", turn) for turn in (0, 1, 2, 3)] == [[*"abc"], [*"bca"], [*"cab"], [*"abc"]]
    assert bench_process.ratios([1.0, 9.0, 8.0], [2.0, 3.0, 2.0]) == [0.5, 3.0, 4.0]
    assert bench_process.ratios_text([0.5, 3.0, 4.126]) == "3.00 (0.50 to 4.13)"
    found = bench_process.versions("numpy", "no-such-package")
    assert found.keys() == {"python", "numpy"} and found["numpy"] == np.__version__
    assert bench_process.processor().endswith(f", {os.cpu_count()} cores")
