"""The command `aezoo train`: what is wrong is said before torch is loaded, and every stop says what goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.zoo.test_cli import aezoo
from train import command, one
from train.interrupts import watch
from train.measure.run import RunMeasurement
from train.options import Options
from zoo import registry
from zoo.errors import Interrupted
from zoo.runs import RunFolder

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
FRESH = """
import sys
from zoo.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ending:
    print(ending.code, "torch" in sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("train --help", 0, ""),
        ("bench train --help", 0, ""),
        ("bench train hesso/conv", 2, "the benchmark has no 'hesso/conv' for Keras"),
        ("train purdue/cnov", 2, "did you mean 'purdue/conv'?"),
        ("train purdue/conv --sed 1", 2, "No such option"),
        ("train purdue/conv --set rate=1", 2, "no setting 'rate'"),
        ("train purdue/conv --precision fp8", 2, "--precision 'fp8' is none of auto, fp32, bf16"),
        ("train purdue/conv --resume --overwrite", 2, "give one of them"),
        ("train purdue/conv --lr 0.01", 2, "`--set learning_rate=0.01`"),
        ("train purdue/conv --batch-size=64", 2, "`--set batch_size=64`"),
    ],
)
def test_help_and_what_is_wrong_are_said_without_loading_torch(words: str, code: int, sentence: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", FRESH, *words.split()], capture_output=True, text=True, env=environment
    )
    *said, last = done.stderr.splitlines()
    ended, torch = last.split()
    assert (int(ended), torch) == (code, "False"), done.stderr
    assert sentence in "".join(said) and len(said) == (1 if code else 0)


def test_the_options_of_the_command_are_the_fields_of_options(capsys: Capture) -> None:
    code, out, _ = aezoo(capsys, "train", "--help")
    assert code == 0
    for option in ("--data", "--runs", "--seed", "--epochs", "--no-export", "--no-probe", "--jobs", "--set", "--json"):
        assert option in out, option
    assert "launcher" not in out and "sweep" not in out
    assert (Options().precision, Options().export, Options().probe) == ("auto", True, True)


def test_resuming_where_there_is_no_run_is_said(tmp_path: Path, capsys: Capture) -> None:
    words = ("train", "purdue/dense", "--quick", "--data", "sample", "--no-export", "--resume", "--runs", str(tmp_path))
    code, _, err = aezoo(capsys, *words, "--quiet")
    assert code == 0
    assert f"there is nothing to resume in {tmp_path / 'purdue' / 'dense'}; the training begins at the start" in err


def test_resuming_on_other_data_names_both(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("train", "purdue/dense", "--quick", "--data", "sample", "--no-export", "--runs", str(tmp_path))
    assert aezoo(capsys, *words)[0] == 0
    splits = one.splits_of(registry.load("purdue/dense"), "sample")
    fewer = type(splits)(train=splits.train.take(slice(0, 500)), test=splits.test)
    monkeypatch.setattr(command, "splits_of", lambda recipe, data: fewer)
    code, _, err = aezoo(capsys, *words, "--resume")
    assert code == 2
    assert f"another data set: before {len(splits.train):,} images of mnist-sample (" in err
    assert "), now 500 images of mnist-sample (" in err and splits.train.provenance in err


def test_a_loss_that_is_not_finite_fails_even_quickly_and_advises_a_smaller_rate(
    tmp_path: Path, capsys: Capture
) -> None:
    name = "freiburg/lr-0.01@learning_rate=1000000000"
    words = ("train", name, "--quick", "--epochs", "3", "--data", "sample", "--runs", str(tmp_path))
    code, out, _ = aezoo(capsys, *words)
    assert code == 1
    assert "FAILED: its loss is not finite, so nothing is exported; try --set learning_rate=1e+08" in out
    assert RunFolder.of(tmp_path, name).read_history().meta["state"] == "failed"
    assert not list(tmp_path.rglob("*.onnx"))


# ---- signals -------------------------------------------------------------------------------------------------


def interrupted(number: signal.Signals) -> Callable[..., Any]:
    """Return what takes a long function's place: a signal arrives while it works, for half a minute at most."""

    def work(*arguments: object, **_: object) -> None:
        os.kill(os.getpid(), number)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            time.sleep(0.01)
            if arguments and isinstance(arguments[0], RunMeasurement):
                arguments[0].check_stop()
        raise AssertionError("the signal was not acted on")

    return work


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
@pytest.mark.parametrize(
    ("module", "name", "when"),
    [
        ("train.__main__", "_load_torch", "stopped before the first epoch"),
        ("train.command", "checkpoint_to_resume", "stopped before the first epoch"),
        ("train.one", "load_dependencies", "stopped before purdue/dense"),
        ("train.loop", "RunMeasurement.measure", "stopped while it was measured"),
        ("export.publish", "publish", "stopped before its graphs"),
    ],
)
def test_a_signal_in_any_phase_is_acknowledged_acted_on_and_says_what_goes_on(
    module: str,
    name: str,
    when: str,
    number: signal.Signals,
    tmp_path: Path,
    capfd: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{module}.{name}", interrupted(number))
    words = ("train", "purdue/dense", "--quick", "--data", "sample", "--runs", str(tmp_path))
    code, _, err = aezoo(capfd, *words)
    assert code == 128 + number
    assert err.index("aezoo: stopping") < err.index(when)
    assert f"aezoo train purdue/dense --resume --data sample --quick --runs {tmp_path}" in err
    monkeypatch.undo()
    assert aezoo(capfd, *words, "--resume")[0] == 0
    assert (tmp_path / "purdue" / "dense" / "model.onnx").is_file()


def test_the_signal_is_acknowledged_before_the_step_ends(capfd: Capture) -> None:
    with watch() as interrupt:
        os.kill(os.getpid(), signal.SIGTERM)
        assert "aezoo: stopping" in capfd.readouterr().err
        with pytest.raises(Interrupted, match="all was said"), interrupt.at_once("all was said"):
            raise AssertionError("a signal of before ends the block at its beginning")
