"""The benchmark compares like with like, and reports what it compared."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from train.bench import CAN, contenders, machine
from train.bench.__main__ import Run, _head, app
from train.engine import devices
from zoo import registry
from zoo.blocks import parameter_count
from zoo.cli import main, run
from zoo.data.splits import Splits

ROOT = Path(__file__).parents[2]
KERAS = importlib.util.find_spec("keras") and importlib.util.find_spec("tensorflow")


def bench(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ending:
        run(app, arguments, name="aezoo bench train")
    said = capsys.readouterr()
    return int(ending.value.code or 0), said.out, said.err


@pytest.fixture
def quick_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's limits are measured on little, and not for long."""
    monkeypatch.setattr(machine, "_SIDE", 256)
    monkeypatch.setattr(machine, "_VALUES", 100_000)
    monkeypatch.setattr(machine, "_SECONDS", 0.01)


@pytest.mark.usefixtures("quick_limits")
def test_a_small_benchmark_reports_speed_losses_memory_and_conditions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "purdue/dense --data sample --images 300 --epochs 2 --device cpu --precision fp32 --json --quiet"
    code, out, _ = bench(capsys, *line.split(), "--out", str(tmp_path / "bench.json"))
    assert code == 0
    report: dict[str, Any] = json.loads(out)
    assert report == json.loads((tmp_path / "bench.json").read_text())
    assert report["machine"]["torch"] == torch.__version__
    assert all(limit > 1e8 for limit in report["limits"].values())
    recipe = report["recipes"]["purdue/dense"]
    assert (recipe["images"], recipe["batch"]) == (300, 256)
    assert "sample" in recipe["provenance"]
    with_keras = [name for name in ("tensorflow", "jax") if KERAS and importlib.util.find_spec(name)]
    assert list(recipe["contenders"]) == ["torch", "plain", *with_keras], "dense networks are not compiled"
    for row in recipe["contenders"].values():
        assert len(row["seconds"]) == len(row["losses"]) == 2
        assert row["images_a_second"] == pytest.approx(300 / row["seconds"][1])
        assert row["memory"] > 50e6
        low, middle, high = row["ours_is_faster"]
        assert 0 < low <= middle <= high
        assert 0 < row["losses"][1] < row["losses"][0] < 1
    ours = recipe["contenders"]["torch"]
    speed = ours["images_a_second"] * ours["operations_an_image"]
    assert ours["share_of_limit"] == pytest.approx(speed / report["limits"]["gemm_fp32"])


@pytest.mark.parametrize("name", CAN)
def test_our_engine_learns_what_a_plain_loop_learns(name: str, splits: Splits) -> None:
    """The same start and other shuffles: after six epochs of the sample digits the losses are within 5 %."""
    recipe = registry.load(name)
    if recipe.data.name != "mnist":
        pytest.skip("the fixture holds digits")
    both = [
        contenders.of(who, recipe, splits.train, splits.test, device="cpu", precision="fp32")
        for who in ("plain", "torch", *(["fused"] if machine.compiled_operations(recipe) else []))
    ]
    for contender in both:
        for number in range(1, 7):
            contender.epoch(number)
    for ours in both[1:]:
        assert ours.loss() == pytest.approx(both[0].loss(), rel=0.05)


@pytest.mark.usefixtures("quick_limits")
@pytest.mark.parametrize("there", [True, False])
def test_bfloat16_is_only_measured_where_the_hardware_has_it(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda device: there)
    limits = machine.rates(torch.device("cpu"))
    assert limits.keys() == {"gemm_fp32", "copy", *(["gemm_bf16"] if there else [])}
    assert ("no bfloat16" in _head({"machine": {"name": "it"}, "load": 0.5, "limits": limits})) == (not there)


def test_a_profile_is_of_one_step_however_few_an_epoch_has(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [SimpleNamespace(key=key, self_cpu_time_total=time) for key, time in (("mul", 3.0), ("mm", 6.0))]
    found = nullcontext(SimpleNamespace(key_averages=lambda: rows))
    monkeypatch.setattr(contenders, "profile", lambda **_: found)
    times = contenders.profile_of(iter(range(contenders.WARM + 3)), torch.device("cpu"))
    assert list(times.items()) == [("all", 3.0), ("mm", 2.0), ("mul", 1.0)]


def test_a_goal_is_reached_after_the_epochs_it_took() -> None:
    run_of_three = Run(None, seconds=[3.0, 2.0, 2.0], losses=[0.3, 0.2, 0.1])  # type: ignore[arg-type]
    assert run_of_three.time_to(0.2) == 5.0
    assert run_of_three.time_to(0.05) is None


def test_the_operations_of_the_dense_network_are_counted() -> None:
    """Forward and both gradients: three products a weight, save the first layer's towards the image."""
    weights = 2 * (784 * 400 + 400 * 200 + 200 * 100)
    assert machine.operations(registry.load("purdue/dense")) == 2 * (3 * weights - 784 * 400)


@pytest.mark.skipif(not KERAS, reason="Keras is not installed: pip install 'aezoo[bench]'")
@pytest.mark.parametrize("name", CAN)
def test_the_networks_in_keras_have_the_recipes_shapes_and_parameters(name: str) -> None:
    from train.bench.keras_networks import network_of

    recipe = registry.load(name)
    model = network_of(name)
    channels, height, width = recipe.image_shape
    assert model.input_shape == (None, *recipe.input_shape[1:], recipe.input_shape[0])
    assert model.output_shape == (None, height, width, channels)
    assert model.count_params() == parameter_count(recipe.network())


def test_what_the_benchmark_cannot_do_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(capsys, "hesso/denoise-0.5", "--data", "sample")[::2] == (
        2,
        f"aezoo: the benchmark has no 'hesso/denoise-0.5' for Keras; it knows {', '.join(CAN)}\n",
    )
    assert bench(capsys, "--precision", "fp8", "--data", "sample")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [("bench", "'bench train' or 'bench graphs' or 'bench view'"), ("bench trian", "'bench train'")],
)
def test_a_verb_of_two_words_has_a_hint(arguments: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(arguments.split())
    assert ending.value.code == 2
    assert f"no verb {arguments!r}; did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.usefixtures("quick_limits")
def test_a_truncated_file_is_one_sentence_of_a_contender(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name in (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"):
        (folder / name).write_bytes(b"\0" * 1000)
    code, _, err = bench(capfd, *f"maastricht/base --data {tmp_path} --epochs 2 --device cpu".split())
    assert code == 2
    assert "is truncated: 1,000 bytes" in err
    assert "Traceback" not in err


@pytest.mark.usefixtures("quick_limits")
def test_data_may_be_named_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here" / "cifar-10-batches-bin").mkdir(parents=True)
    for name in (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"):
        (tmp_path / "here" / "cifar-10-batches-bin" / name).write_bytes(b"\0" * 1000)
    monkeypatch.chdir(tmp_path)
    code, _, err = bench(capfd, *"maastricht/base --data here --epochs 2 --device cpu".split())
    assert (code, "is truncated: 1,000 bytes" in err) == (2, True), "it was found, and read"


def test_the_memory_is_of_the_process_itself() -> None:
    """A child inherits getrusage's maximum; this one holds 300 MB, and its child next to nothing."""
    child = "from zoo import bench_process; print(bench_process.peak_memory())"
    program = (
        f"import numpy, subprocess, sys; held = numpy.ones(40_000_000); command = [sys.executable, '-c', {child!r}]; "
    )
    program += "print(subprocess.check_output(command, text=True))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)
    assert 1e6 < int(done.stdout) < 150e6


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_ends_a_benchmark_at_once_without_a_traceback() -> None:
    command = [sys.executable, "-m", "zoo.cli", *"bench train purdue/dense --data sample --epochs 9999".split()]

    def heeding() -> None:  # these tests may run where Ctrl-C is ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heeding)
    assert process.stdout is not None and process.stderr is not None
    try:
        said = [process.stderr.readline()]
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=300)
    finally:
        process.kill()
    assert "epoch 1 of 9999" in said[0]
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "aezoo: stopped"
    assert "Traceback" not in rest
