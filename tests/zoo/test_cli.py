"""The command: every verb has its help, every mistake its sentence and exit code, `--json` its one document."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import zoo
from tests.conftest import TrainedRuns
from tests.representatives import representatives
from zoo import checkpoints, cli, doctor, registry, runs
from zoo.data import sets
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
    *("verify --help", "verify absent.onnx", "view --help", "report --help", "report perdue", "bench train --help"),
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
    names = (*representatives(), "maastricht/model-2")
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
