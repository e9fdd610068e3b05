"""The matrix: right numbers pass, wrong ones fail, and a runtime that crashes, hangs or eats memory is table of."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from export.bundle import write_bundle
from export.fp16 import with_fp16_weights
from export.graph import Graph
from export.published import Published
from export.runtimes import browser, catalogue, conformance, job, matrix
from export.runtimes.catalogue import NAMES, Fault, Runtime, find
from export.runtimes.conformance import BATCHES, ConformanceTest, conformance_of
from export.runtimes.job import Case, CaseDone, JobMessage, Loaded
from export.runtimes.matrix import Cell, Row, run_matrix
from export.runtimes.report import as_text, chosen
from export.runtimes.supervise import Ending, Limits, _end, _ended_by, memory_of, output_of, supervise
from export.vectors import Vectors
from export.verify import TOLERANCE, Check, compare, real_images
from tests.conftest import Exported
from tests.zoo.test_cli import aezoo
from tests.zoo.test_gate import model_of
from zoo import json_lines, registry
from zoo.data import sample
from zoo.errors import FileRefused, RunError
from zoo.runs import RunFolder

Capture = pytest.CaptureFixture[str]

LIMITS = Limits(seconds=120, memory=2 << 30)

# A runtime that knows onnxruntime's answers, and then misbehaves.
_FAKE = """
import ctypes, json, os, sys, time
import numpy as np
from pathlib import Path
import export.runtimes.child as child
how, folder = sys.argv[1], Path(sys.argv[2])
def answer(path, job):
    run = child._onnxruntime(path, job)
    if how == "crashes at once":
        os.kill(os.getpid(), 11)
    def misbehave(value):
        if len(value) == 7:
            if how == "crashes":
                ctypes.string_at(0)
            if how == "hangs":
                time.sleep(600)
            if how == "eats memory":
                hoard = np.ones(3 << 27)
                time.sleep(600)
            if how == "raises":
                raise RuntimeError("cannot do seven\\nand more lines")
            if how == "leaves":
                os.write(2, b"warming up\\nno such operator\\n")
                os._exit(3)
            if how == "leaves softly":
                os._exit(0)
            if how == "floods":
                while True:
                    os.write(1, b"x" * 65536)
            if how == "counts wrongly":
                child._send(child.CaseDone(99, []))
        answers = run(value)
        if how == "is wrong" and len(value) == 2:
            answers[0] = answers[0] + 1e-3
        if how == "is not a number":
            answers[0] = answers[0] * np.nan
        if how == "has another shape":
            answers[0] = answers[0][:, :, :-1]
        if how == "chatters":
            print("loading...", "{not json", "[1]", sep="\\n", flush=True)
        return answers
    return misbehave
child._RUNTIMES["fake"] = answer
child.main("fake", folder)
"""


@pytest.fixture(scope="module")
def model_test(conv_run: RunFolder) -> ConformanceTest:
    """The model of a run whose torch network is there to be asked."""
    return next(conformance_of(conv_run))


@pytest.fixture
def fake(tmp_path: Path) -> Any:
    script = tmp_path / "fake.py"
    script.write_text(_FAKE)

    def make(how: str, **more: Any) -> Runtime:
        return Runtime("fake", "1", command=(sys.executable, str(script), how), **more)

    return make


def has_ended(pid: int) -> bool:
    """Return whether a process is gone, or a zombie whose end nobody has asked for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def one(model_test: ConformanceTest, runtime: Runtime, limits: Limits = LIMITS) -> Cell:
    (row,) = run_matrix([model_test], [runtime], limits)
    return row.cells[0]


def test_every_kind_of_input_goes_in_at_every_batch_size(model_test: ConformanceTest, conv_run: RunFolder) -> None:
    cases = model_test.cases()
    assert {(case.kind, len(case.value)) for case in cases} == {
        (kind, batch) for kind in ("noise", "real", "zeros", "ones") for batch in (1, 2, 7, 64)
    }
    assert BATCHES == (1, 2, 7, 64)
    noise = [case.value for case in cases if case.kind == "noise"]
    assert all(value.min() >= 0 and value.max() <= 1 and value.std() > 0.1 for value in noise)
    assert len({value[0].tobytes() for value in noise}) == len(noise), "each time another"
    real = next(case.value for case in cases if case.kind == "real" and len(case.value) == 7)
    assert real.std() > 0.1 and np.array_equal(real, real_images(conv_run.read_history())[:7]), "the run's own"
    for kind, value in (("zeros", 0), ("ones", 1)):
        assert all((case.value == value).all() for case in cases if case.kind == kind)


@pytest.mark.parametrize("name", NAMES)
def test_a_runtime_that_is_installed_computes_what_torch_computes(name: str, model_test: ConformanceTest) -> None:
    runtime = find(name)
    if runtime.version is None:
        pytest.skip(f"{name} is not installed: {runtime.absent}")
    cell = one(model_test, runtime)
    assert cell.why == ""
    assert cell.cases == (16, 16)
    assert cell.worst is not None and cell.worst.passed and cell.worst.allowed >= TOLERANCE
    assert cell.passed


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("crashes at once", "crashed (SIGSEGV), while it loads the graph"),
        ("crashes", "crashed (SIGSEGV), at noise × 7"),
        ("raises", "cannot do seven, at noise × 7"),
        ("leaves", "ended with exit code 3 (no such operator), at noise × 7"),
        ("leaves softly", "ended without a message, at noise × 7"),
        ("counts wrongly", "says that case 99 is done where 8 was due, at noise × 7"),
        pytest.param("floods", "not done after 6 s, at noise × 7", marks=pytest.mark.slow),
        ("hangs", "not done after 6 s, at noise × 7"),
        ("eats memory", "more than 1 GiB of memory, at noise × 7"),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names Linux's signals, and reads its /proc")
def test_what_a_runtime_does_wrong_ends_its_own_process_and_is_reported(
    how: str, why: str, model_test: ConformanceTest, fake: Any
) -> None:
    cell = one(model_test, fake(how), Limits(seconds=6 if how in ("hangs", "floods") else 120, memory=1 << 30))
    assert (cell.why, cell.passed) == (why, False)
    if how != "crashes at once":
        assert cell.cases == (8, 16), "what it answered before counts"
        assert cell.worst is not None and cell.worst.passed


@pytest.mark.parametrize(
    ("how", "word"),
    [("is wrong", "1.0e-03 !"), ("is not a number", "not a number !"), ("has another shape", "not a number !")],
)
def test_wrong_numbers_fail_with_the_case_that_showed_them(
    how: str, word: str, model_test: ConformanceTest, fake: Any
) -> None:
    runtime = fake(how)
    rows = list(run_matrix([model_test], [runtime], LIMITS))
    assert not rows[0].passed
    table = as_text(rows, [runtime], [], LIMITS)
    assert word in table
    assert "1 FAILED: 1 graphs, 1 runs" in table.splitlines()[-1]
    assert "(reconstruction, " in table
    if how == "is wrong":
        assert "× 2)" in table


def test_what_a_runtime_prints_besides_does_no_harm(model_test: ConformanceTest, fake: Any) -> None:
    assert one(model_test, fake("chatters")).passed


def test_a_known_fault_is_reported_with_its_source_and_fails_all_the_same(
    model_test: ConformanceTest, fake: Any
) -> None:
    known = Fault(lambda node: node.op_type == "Conv", "it cannot convolve", "https://example.org/issue/1")
    other = Fault(lambda node: node.op_type == "Loop", "it cannot loop", "https://example.org/issue/2")
    runtime = fake("is wrong", faults=(known, other))
    rows = list(run_matrix([model_test], [runtime], LIMITS))
    table = as_text(rows, [runtime], [], LIMITS)
    assert "known   fake: it cannot convolve (https://example.org/issue/1)" in table
    assert "loop" not in table
    assert not rows[0].passed


@pytest.mark.parametrize(
    ("fault", "node"),
    [
        (catalogue._GROUPED, helper.make_node("ConvTranspose", ["image", "w"], ["out"], group=2)),
        (catalogue._EXACT_GELU, helper.make_node("Erf", ["image"], ["out"])),
        (catalogue._GROUP_NORM, helper.make_node("InstanceNormalization", ["image", "s", "b"], ["out"])),
        (catalogue._BY_SIZE, helper.make_node("Resize", ["image", "", "", "sizes"], ["out"])),
    ],
)
def test_faults_are_known_by_the_operators_that_show_them(fault: Fault, node: onnx.NodeProto) -> None:
    plain = helper.make_node("ConvTranspose", ["image", "w"], ["out"])
    of_one_group = helper.make_node("ConvTranspose", ["image", "w"], ["out"], group=1)
    by_scales = helper.make_node("Resize", ["image", "", "scales"], ["out"])
    assert fault.concerns(model_of([node]).graph)
    assert not fault.concerns(model_of([plain, of_one_group, by_scales]).graph)


# ---- what says what should come out --------------------------------------------------------------------------


def test_of_a_run_torch_says_it_of_a_lone_file_onnxruntime_and_of_a_bundle_the_vectors_too(
    conv_export: Published, conv_run: RunFolder, tmp_path: Path
) -> None:
    bundle = write_bundle(conv_export, tmp_path).path
    assert [each.reference for each in conformance_of(conv_run)] == ["torch"] * 3
    bundled = list(conformance_of(RunFolder(bundle)))
    assert [each.reference for each in bundled] == ["onnxruntime"] * 3
    assert [each.cases()[-1].kind for each in bundled] == ["vectors"] * 3
    shutil.copy(bundle / "model.onnx", tmp_path / "alone.onnx")
    (alone,) = conformance_of(tmp_path / "alone.onnx")
    assert (alone.reference, alone.vectors) == ("onnxruntime", None)
    assert {case.kind for case in alone.cases()} == {"noise", "real", "zeros", "ones"}


def test_a_decoder_gets_what_its_encoder_gives_also_in_a_bundle(
    conv_export: Published, conv_run: RunFolder, tmp_path: Path
) -> None:
    bundle = write_bundle(conv_export, tmp_path).path
    for target in (conv_run, RunFolder(bundle)):
        model, encoder, decoder = conformance_of(target)
        for image, value in zip(encoder.cases(), decoder.cases(), strict=True):
            if image.kind in ("noise", "real"):
                np.testing.assert_allclose(value.value, model.expect(image.value)["bottleneck"], atol=1e-4)


def test_a_bundle_whose_vectors_disagree_fails(conv_export: Published, tmp_path: Path, capsys: Capture) -> None:
    bundle = write_bundle(conv_export, tmp_path).path
    values = np.fromfile(bundle / "test/reconstruction.f32", "<f4")
    (bundle / "test/reconstruction.f32").write_bytes((values + np.float32(0.01)).tobytes())
    code, out, _ = aezoo(capsys, "verify", bundle, "--matrix", "--runtimes", "onnxruntime", "--json")
    report = json.loads(out)
    assert (code, report["passed"]) == (1, False)
    cell = report["graphs"][0]["runtimes"]["onnxruntime"]
    assert cell["where"] == "reconstruction, vectors × 2"
    assert cell["max_difference"] == pytest.approx(0.01, rel=1e-3)


def test_a_foreign_graph_is_fed_what_fits_its_input(tmp_path: Path) -> None:
    shapes: dict[str, tuple[Any, ...]] = {
        "grey": ("batch", 1, 8, 8),
        "colour": ("batch", 3, 40, 30),
        "vector": ("batch", 5),
        "three": ("batch", 3),
        "fixed": (3, 1, 8, 8),
    }
    for name, shape in shapes.items():
        model = model_of([helper.make_node("Relu", ["image"], ["out"])], shape=shape)
        (tmp_path / f"{name}.onnx").write_bytes(model.SerializeToString())
        (found,) = conformance_of(tmp_path / f"{name}.onnx")
        cases = found.cases()
        kinds = {case.kind for case in cases}
        assert kinds == ({"noise", "zeros", "ones"} if len(shape) == 2 else {"noise", "real", "zeros", "ones"})
        assert {case.value.shape[1:] for case in cases} == {shape[1:]}
        assert {len(case.value) for case in cases} == ({3} if name == "fixed" else set(BATCHES))
    colour = next(case.value for case in next(conformance_of(tmp_path / "colour.onnx")).cases() if case.kind == "real")
    assert 0 <= colour.min() < colour.max() <= 1


def test_what_takes_several_inputs_is_refused(tmp_path: Path) -> None:
    model = model_of([helper.make_node("Add", ["image", "other"], ["out"])])
    model.graph.input.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ["batch", 1, 8, 8]))
    (tmp_path / "two.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(FileRefused, match=r"float32 .*, float32 .*; only a graph that takes one batch of float32"):
        list(conformance_of(tmp_path / "two.onnx"))


def test_where_float32_has_fewer_digits_the_gate_knows_and_only_there(tmp_path: Path) -> None:
    """A graph that multiplies by 10,000 inside and subtracts again leaves float32 fewer digits than the gate asks."""
    ten = onnx.numpy_helper.from_array(np.array([1e4], np.float32), "ten")
    nodes = [
        helper.make_node("Mul", ["image", "ten"], ["wide"]),
        helper.make_node("Tanh", ["wide"], ["flat"]),
        helper.make_node("Add", ["wide", "flat"], ["out"]),
    ]
    (tmp_path / "wide.onnx").write_bytes(model_of(nodes, [ten]).SerializeToString())
    (found,) = conformance_of(tmp_path / "wide.onnx")
    ones = np.ones((1, 1, 8, 8), np.float32)
    assert found.rounding(ones)["out"] == pytest.approx(1e4 * 2**-23, rel=0.5)
    assert found.rounding(np.zeros_like(ones))["out"] == 0


# ---- limits --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for the process in Linux's /proc")
def test_a_process_ends_with_all_that_it_started() -> None:
    script = (
        "import subprocess, sys, time; child = subprocess.Popen(['sleep', '300'])\n"
        "import export.runtimes.child as own; own._send(own.CaseDone(child.pid, [])); time.sleep(300)"
    )
    began = time.monotonic()
    ending = supervise([sys.executable, "-c", script], Limits(seconds=10.0))
    assert ending.why == "not done after 10 s"
    assert time.monotonic() - began < 120
    (message,) = ending.messages
    assert isinstance(message, CaseDone) and has_ended(message.case)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read in Linux's /proc")
def test_memory_is_that_of_a_process_and_its_children() -> None:
    child = (
        "import mmap, time; held, unused = b'x' * (200 << 20), mmap.mmap(-1, 1 << 30)\n"
        "print(flush=True); time.sleep(300)"
    )
    parent = (
        f"import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=-1)\n"
        "child.stdout.readline(); print(flush=True); time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline()
            alone = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            assert alone < 200 << 20 < memory_of(process.pid) < 800 << 20, "what is only reserved is not counted"
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_program_that_cannot_be_started_is_reported() -> None:
    assert supervise(["/no/such/program"], LIMITS).why == "cannot be started: no such file or directory"


# ---- the command ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_table_has_a_row_a_graph_and_a_column_a_runtime(conv_run: RunFolder, capsys: Capture) -> None:
    code, out, err = aezoo(capsys, "verify", conv_run.path, "--matrix", "--runtimes", "onnxruntime,reference")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["max", "|difference|", "onnxruntime", "reference"]
    assert [line.split()[0] for line in lines[1:4]] == [
        f"purdue/conv/{graph}.onnx" for graph in ("model", "encoder", "decoder")
    ]
    assert "against torch at batches of 1, 2, 7, 64" in out
    assert f"  reference    {onnx.__version__}" in lines
    assert lines[-1] == "passed: 3 graphs, 6 runs in runtimes"


def test_a_runtime_that_is_not_installed_is_a_dash_with_the_line_that_installs_it(
    conv_run: RunFolder, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path))
    here = importlib.util.find_spec
    absent = ("openvino", "cv2", "tract")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else here(name))
    names = "onnxruntime,openvino,opencv,tract,ort-node,ort-web"
    code, out, _ = aezoo(capsys, "verify", conv_run.graph("model"), "--matrix", "--runtimes", names)
    assert code == 0
    assert out.splitlines()[1].split()[2:] == ["–"] * 5
    assert out.count("– pip install 'aezoo[runtimes]'") == 3
    if shutil.which("node"):
        assert out.count("– npm install --ignore-scripts") == 2
    monkeypatch.setenv("PATH", "")
    assert find("ort-node").absent.startswith("install Node.js")
    assert find("chromium").absent.startswith("install Chromium")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_the_absence_of_cuda_is_reported_with_its_reason() -> None:
    cuda = find("ort-cuda")
    assert cuda.version is None
    assert cuda.absent


@pytest.mark.gpu
def test_cuda_computes_what_torch_computes(model_test: ConformanceTest) -> None:
    cell = one(model_test, find("ort-cuda"))
    assert cell.passed, cell


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--matrix", "--runtimes", "openvine"],
            "no runtime 'openvine'; did you mean 'openvino'? There are",
        ),
        (["--matrix", "--runtimes", ","], "--runtimes names none; there are onnxruntime"),
        (["--runtimes", "openvino"], "--runtimes chooses the columns of the matrix; add --matrix"),
    ],
)
def test_a_wrong_word_is_one_sentence(
    arguments: list[str], sentence: str, conv_run: RunFolder, capsys: Capture
) -> None:
    code, out, err = aezoo(capsys, "verify", conv_run.path, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err and err.count("\n") == 1


def test_a_row_passes_where_every_cell_does() -> None:
    near, far = (Check("model", "x", "torch", difference, 1e-5, 1) for difference in (1e-7, 1e-3))
    absent, good = Cell(Runtime("a", None)), Cell(Runtime("b", "1"), near, "x", (1, 1))
    bad, unfinished = Cell(Runtime("c", "1"), far, "x", (1, 1)), Cell(Runtime("d", "1"), near, "x", (1, 2))
    model_test: Any = None
    assert Row(model_test, (absent, good)).passed
    assert not Row(model_test, (good, bad)).passed
    assert not Row(model_test, (good, unfinished)).passed
    assert not Row(model_test, (good, Cell(Runtime("e", "1")))).passed, "it answered nothing"
    assert not Cell(Runtime("f", "1"), near, "x", (1, 1), "crashed (SIGSEGV)").passed, "it crashed after its answers"


def test_ctrl_c_ends_every_process_of_the_matrix(model_test: ConformanceTest, fake: Any) -> None:
    """The second runtime hangs; the first one's end stands for the key."""

    def interrupt(_: ConformanceTest, cell: Cell) -> None:
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(run_matrix([model_test], [find("onnxruntime"), fake("hangs")], LIMITS, done=interrupt))
    assert time.monotonic() - began < 110


def test_code_in_the_folder_one_stands_in_is_not_run(
    conv_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    for name in ("numpy.py", "export.py", "onnxruntime.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    assert aezoo(capsys, "verify", conv_run.graph("model"), "--matrix", "--runtimes", "onnxruntime")[0] == 0
    assert not (tmp_path / "ran").exists()


TYPES = [TensorProto.INT64, TensorProto.UINT8, TensorProto.DOUBLE, TensorProto.BOOL]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *product(["onnxruntime", "ort-node"], TYPES),
        *product(["ort-web", "chromium"], TYPES[:1]),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in product(["ort-web", "chromium"], TYPES[1:])),
    ],
)
def test_outputs_of_other_types_are_compared_too(name: str, kind: int, tmp_path: Path) -> None:
    runtime = find(name)
    if runtime.version is None:
        pytest.skip(f"{name} is not installed: {runtime.absent}")
    model = model_of([helper.make_node("Cast", ["image"], ["out"], to=kind)])
    model.graph.output[0].type.tensor_type.elem_type = kind
    (tmp_path / "cast.onnx").write_bytes(model.SerializeToString())
    cell = one(next(conformance_of(tmp_path / "cast.onnx")), runtime)
    assert cell.passed, cell.why


def test_an_output_without_a_batch_is_compared(tmp_path: Path, capsys: Capture) -> None:
    model = model_of([helper.make_node("ReduceSum", ["image"], ["out"], keepdims=0)])
    model.graph.output[0].type.tensor_type.ClearField("shape")
    model.graph.output[0].type.tensor_type.shape.SetInParent()
    (tmp_path / "sum.onnx").write_bytes(model.SerializeToString())
    assert aezoo(capsys, "verify", tmp_path / "sum.onnx", "--matrix", "--runtimes", "onnxruntime,reference")[0] == 0
    assert aezoo(capsys, "verify", tmp_path / "sum.onnx")[0] == 0


def test_nothing_run_is_nothing_passed(conv_run: RunFolder, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEZOO_CACHE", "/no/such/folder")
    code, out, _ = aezoo(capsys, "verify", conv_run.graph("model"), "--matrix", "--runtimes", "ort-web")
    assert code == 1
    assert out.splitlines()[-1] == "FAILED, nothing was run: 1 graphs, 0 runs in runtimes"


def test_a_browser_has_an_empty_profile_of_its_own_that_is_gone_afterwards(tmp_path: Path) -> None:
    script = """
import os, pathlib, sys
given = [each for each in sys.argv if each.startswith("--user-data-dir=")]
profile = given[0].partition("=")[2]
pathlib.Path(sys.argv[1]).write_text(f"{len(given)}\\n{len(os.listdir(profile))}\\n{profile}")
"""
    command = [sys.executable, "-c", script, str(tmp_path / "seen")]
    browser.run_served(command, tmp_path, LIMITS, threading.Event())
    given, files, profile = (tmp_path / "seen").read_text().splitlines()
    assert (given, files) == ("1", "0")
    assert not Path(profile).exists()


def test_what_a_process_leaves_behind_holds_nobody_up(tmp_path: Path) -> None:
    """A program's child in a session of its own, which keeps the pipe open."""
    script = "import subprocess, sys; subprocess.Popen(['setsid', 'sleep', '200'])"
    began = time.monotonic()
    assert supervise([sys.executable, "-c", script], LIMITS).why == ""
    assert output_of([sys.executable, "-c", script + "; print('1.2')"], seconds=100.0) == "1.2"
    assert output_of(["sleep", "200"], seconds=0.2) == ""
    assert time.monotonic() - began < 150


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="looks for processes in Linux's /proc")
def test_sigterm_ends_the_matrix_and_every_process_of_it(conv_run: RunFolder, tmp_path: Path) -> None:
    name = "chromium" if find("chromium").version else "reference"
    command = [sys.executable, "-m", "zoo.cli", "verify", str(conv_run.path), "--matrix", "--runtimes", name]
    marked = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, env=marked, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 600
    while not list(tmp_path.glob("aezoo-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (143, "aezoo: stopped\n")
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path).encode() in path.read_bytes()]
    assert left == []
    assert list(tmp_path.glob("aezoo-*")) == []


def test_what_is_infinite_does_not_pass() -> None:
    expected = np.array([[np.inf, 1, 2]], np.float32)
    assert not compare("model", "bottleneck", "torch", np.zeros((1, 3), np.float32), expected).passed
    assert not compare("model", "bottleneck", "torch", expected, expected).passed


@pytest.fixture(scope="module")
def installed() -> list[Runtime]:
    return [runtime for runtime in map(find, NAMES) if runtime.version is not None]


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_every_recipe_of_the_zoo_computes_the_same_in_every_runtime(
    name: str, exported: Exported, installed: list[Runtime]
) -> None:
    published = exported(name)
    rows = list(run_matrix(list(conformance_of(published.run)), installed, Limits()))
    assert {row.test.graph.file for row in rows} == {file for file in published.files if file.endswith(".onnx")}
    found = [
        (row.test.graph.source, cell.runtime.name, cell.why or cell.worst, cell.where)
        for row in rows
        for cell in row.cells
        if not cell.passed
    ]
    assert found == []


def test_runtimes_are_chosen_once_each_in_the_order_asked_for() -> None:
    assert chosen(" tract ,onnxruntime,,tract") == ["tract", "onnxruntime"]
    assert chosen(None) == NAMES
    assert NAMES[0] == "onnxruntime"


def test_how_a_process_ended_is_said_of_codes_and_of_signals() -> None:
    ends = [_ended_by(code) for code in (0, 1, -11, -9, -250)]
    assert ends == ["", "ended with exit code 1", "crashed (SIGSEGV)", "crashed (SIGKILL)", "crashed (signal 250)"]


def test_a_process_is_stopped_when_that_is_asked_for_and_ends_well_once_it_says_that_it_is_done() -> None:
    stop = threading.Event()
    stop.set()
    waiting = [sys.executable, "-c", "import time; time.sleep(300)"]
    assert supervise(waiting, LIMITS, stop=stop).why == "stopped"
    done = supervise(waiting, LIMITS, inbox=[Loaded(), job.Done()])
    assert (done.why, done.messages) == ("", [Loaded(), job.Done()]) and 0 < done.seconds < 60
    failed = supervise(waiting, LIMITS, inbox=[json_lines.ProcessFailed("it cannot")])
    assert failed.why == "it cannot"


@pytest.fixture
def doubling() -> Graph:
    """A graph of two outputs."""
    model = model_of([helper.make_node("Relu", ["image"], ["out"])])
    model.graph.node.append(helper.make_node("Neg", ["image"], ["other"]))
    model.graph.output.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ["batch", 1, 8, 8]))
    return Graph(model.SerializeToString(), "doubling.onnx")


def test_what_a_process_wrote_is_read_as_far_as_it_is_sound(tmp_path: Path, doubling: Graph) -> None:
    cases = [Case(kind, np.ones((2, 1, 8, 8), np.float32)) for kind in ("noise", "zeros")]
    job.write(tmp_path, doubling, cases)
    written = json.loads((tmp_path / "job.json").read_text())
    assert (written["input"], written["outputs"]) == ("image", ["out", "other"])
    assert written["cases"][1] == {"file": "1.f32", "shape": [2, 1, 8, 8]}
    assert (tmp_path / "1.f32").stat().st_size == 4 * 2 * 8 * 8
    shapes = [[2, 1, 8, 8], [1, 2]]
    (tmp_path / "0.0.f32").write_bytes(cases[0].value.tobytes())
    (tmp_path / "0.1.f32").write_bytes(np.array([3, 4], "<f4").tobytes())

    def answers(why: str, *messages: JobMessage) -> tuple[int, str]:
        found, said = matrix._answers(tmp_path, doubling, cases, Ending([*messages], why))
        if found:
            assert found[0]["other"].tolist() == [[3.0, 4.0]]
        return len(found), said

    done = CaseDone(0, shapes)
    assert answers("", Loaded(), done) == (1, "ended without a message, at zeros × 2")
    assert answers("crashed", Loaded(), done) == (1, "crashed, at zeros × 2")
    assert answers("crashed") == (0, "crashed, while it loads the graph")
    assert answers("", Loaded(), done, done) == (1, "says that case 0 is done where 1 was due, at zeros × 2")
    count, why = answers("", Loaded(), done, CaseDone(1, shapes))
    assert count == 1 and why.startswith("wrote no sound outputs for zeros × 2 (")
    assert "1 outputs, expected 2" in answers("", Loaded(), CaseDone(0, shapes[:1]))[1]
    assert answers("", Loaded(), CaseDone(0, [[2, 1, 8, 8], [3]]))[0] == 0, "of another size than it says"
    words: Any = [[2, 1, 8, 8], ["a", "b"]]
    assert "wrote no sound outputs for noise × 2" in answers("", Loaded(), CaseDone(0, words))[1]
    for wrong in (CaseDone(5, shapes), CaseDone(1, shapes)):
        assert answers("crashed", Loaded(), done, wrong) == (1, "crashed, at zeros × 2"), "that is the reason"
    for index in (0, 1):
        (tmp_path / f"1.{index}.f32").write_bytes((tmp_path / f"0.{index}.f32").read_bytes())
    both: list[JobMessage] = [Loaded(), done, CaseDone(1, shapes)]
    assert answers("", *both) == (2, "")
    assert answers("", *both, CaseDone(2, shapes)) == (2, "says that case 2 is done where 2 was due")


def test_a_browser_gets_the_jobs_own_files_and_brings_outputs_and_messages_and_nothing_else(
    tmp_path: Path, doubling: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path / "cache"))
    folder, library = tmp_path / "job", tmp_path / "cache/npm/node_modules/onnxruntime-web/dist"
    folder.mkdir()
    library.mkdir(parents=True)
    (library / "ort.wasm.min.mjs").write_bytes(b"the library")
    (library / "secret.mjs").write_bytes(b"none of ours")
    job.write(folder, doubling, [Case("ones", np.ones((1, 1, 8, 8), np.float32))])
    (folder / "0.0.f32").write_bytes(b"an output")
    inbox: list[JobMessage] = []
    with browser._serving(folder, inbox) as address:
        if sys.platform == "linux":  # where other addresses of this machine are to be had
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.2", int(address.rstrip("/").rpartition(":")[2])), timeout=30)

        def ask(path: str, data: bytes | None = None) -> tuple[int, str, bytes]:
            try:
                with urllib.request.urlopen(address + path, data, timeout=30) as answer:
                    return answer.status, answer.headers["Content-Type"] or "", answer.read()
            except urllib.error.HTTPError as error:
                return error.code, "", b""

        assert ask("")[:2] == (200, "text/html") and b"<script" in ask("")[2]
        assert ask("job.json") == (200, "application/json", (folder / "job.json").read_bytes())
        assert ask("graph.onnx") == (200, "application/octet-stream", doubling.data)
        assert ask("0.f32")[2] == (folder / "0.f32").read_bytes()
        assert ask("ort/ort.wasm.min.mjs") == (200, "text/javascript", b"the library")
        for path in ("0.0.f32", "1.f32", "ort/secret.mjs", "ort/../ort.wasm.min.mjs", "../job/job.json", "favicon.ico"):
            assert ask(path)[0] == 404, path
        assert ask("0.1.f32", b"brought")[0] == 204 and (folder / "0.1.f32").read_bytes() == b"brought"
        for path in ("job.json", "../0.1.f32", "0.f32"):
            before = {each.name: each.read_bytes() for each in folder.iterdir()}
            ask(path, b"harm")
            assert {each.name: each.read_bytes() for each in folder.iterdir()} == before
        ask("message", json_lines.encode(CaseDone(0, [[1]])).encode())
    assert inbox == [CaseDone(0, [[1]])]


def test_a_decoder_is_fed_by_the_encoder_of_its_own_recipe_alone(conv_run: RunFolder, tmp_path: Path) -> None:
    shutil.copy(conv_run.graph("decoder"), tmp_path / "decoder.onnx")
    encoder = onnx.load(conv_run.graph("encoder"))
    (entry,) = [each for each in encoder.metadata_props if each.key == "aezoo.card"]
    for name, kinds in (("purdue/conv", {"noise", "real"}), ("purdue/dense", {"noise"})):
        entry.value = entry.value.replace('"name":"purdue/conv"', f'"name":"{name}"')
        (tmp_path / "encoder.onnx").write_bytes(encoder.SerializeToString())
        (found,) = conformance_of(tmp_path / "decoder.onnx")
        cases = found.cases()
        assert {case.kind for case in cases} == {*kinds, "zeros", "ones"}
        assert {case.value.shape[1:] for case in cases} == {(8, 7, 7)}


def test_vectors_of_other_outputs_than_the_graphs_are_refused(conv_run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no model\.onnx in .*; export it with `aezoo export`"):
        list(conformance_of(RunFolder(tmp_path)))
    shutil.copy(conv_run.graph("model"), tmp_path / "model.onnx")
    image = np.zeros((2, 1, 28, 28), np.float32)
    (tmp_path / "test").mkdir()
    for outputs in (["reconstruction"], ["reconstruction", "bottleneck", "more"]):
        tensors = {"image": image, **dict.fromkeys(outputs, image)}
        made = Vectors(tensors, {"model.onnx": ("image", dict.fromkeys(outputs, 1e-5))})
        for name, data in made.as_files().items():
            (tmp_path / name).write_bytes(data)
        with pytest.raises(FileRefused, match=r"model\.onnx has other outputs than test/vectors\.json lists; export"):
            list(conformance_of(RunFolder(tmp_path)))


def test_a_graph_of_float16_weights_is_asked_for_the_same_everywhere_and_not_for_torchs_digits(
    conv_export: Published, conv_run: RunFolder, tmp_path: Path
) -> None:
    bundle = RunFolder(write_bundle(conv_export, tmp_path / "models").path)
    run = RunFolder(tmp_path / "run")
    shutil.copytree(conv_run.path, run.path)
    for folder in (run, bundle):
        folder.fp16_model.write_bytes(with_fp16_weights(conv_run.graph("model").read_bytes()))
    listing = json.loads((bundle.path / "test/vectors.json").read_text())
    listing["graphs"]["model_fp16.onnx"] = listing["graphs"]["model.onnx"]
    (bundle.path / "test/vectors.json").write_text(json.dumps(listing))
    (*plain, half), (*proved, bundled) = conformance_of(run), conformance_of(bundle)
    assert {each.reference for each in plain} == {"torch"} and half.reference == bundled.reference == "onnxruntime"
    assert all(each.vectors for each in proved) and bundled.vectors is None
    for lost in (run.history, run.checkpoint):
        copy = RunFolder(tmp_path / f"without {lost.name}")
        shutil.copytree(run.path, copy.path)
        (copy.path / lost.name).rename(tmp_path / f"the {lost.name}")
        assert [each.reference for each in conformance_of(copy)] == ["onnxruntime"] * 4
    model = onnx.load(run.graph("model"))
    del model.metadata_props[:]
    run.graph("model").write_bytes(model.SerializeToString())
    with pytest.raises(FileRefused, match=r"model\.onnx has no card inside; export the run again"):
        list(conformance_of(run))


def test_a_latent_is_the_bottleneck_alone_and_rounding_is_the_most_that_any_shaking_moves() -> None:
    real = np.arange(8, dtype=np.float32).reshape(2, 1, 2, 2)
    images = conformance._images((1, 2, 2), real)("real", 3)
    assert images is not None and np.array_equal(images, np.concatenate([real, real[:1]])), "a run's own"
    ones = np.ones((1, 3), np.float32)
    make = conformance._encoded(lambda kind, batch: ones, lambda value: {"bottleneck": value * 2, "logvar": value * 3})
    latent = make("noise", 1)
    assert latent is not None and np.array_equal(latent, ones * 2)

    def above(value: np.ndarray) -> dict[str, np.ndarray]:
        """Move only where the first value shrinks and the others grow, as the second of four shakes has it."""
        return {"out": np.maximum(value.astype(np.float64) @ [-4, 2, 2], 0)}

    assert conformance._shaken(above)(ones) == {"out": 8 * 2**-23}


def test_images_for_a_foreign_graph_are_digits_where_it_is_grey_and_photographs_else() -> None:
    digits, photographs = sample.digits("test").pixels[:8], sample.photos("test").pixels[:8]
    grey = conformance._samples((1, *digits.shape[2:]))
    assert grey is not None and np.array_equal(grey, digits.astype(np.float32) / 255)
    rows, columns = photographs.shape[2:]
    colour = conformance._samples((3, 2 * rows, columns // 2))
    wanted = np.repeat(photographs, 2, axis=2)[..., ::2].astype(np.float32) / 255
    assert colour is not None and np.array_equal(colour, wanted)


def test_a_row_as_json_has_null_for_what_is_not_there_and_the_table_says_how_many_cases_were_answered(
    doubling: Graph,
) -> None:
    far = Check("model", "x", "torch", 2e-3, 1e-5, 1)
    endless = Check("model", "x", "torch", float("nan"), float("inf"), 1)
    cells = (
        Cell(Runtime("a", None, "pip install a")),
        Cell(Runtime("b", "1.5"), far, "x, noise × 2", (3, 4), "", 1.23456, (Fault(bool, "it is wrong", "seen"),)),
        Cell(Runtime("c", "2"), None, "", (0, 4)),
        Cell(Runtime("d", "3"), endless, "x, ones × 1", (4, 4), "", 0.5),
        Cell(Runtime("e", "4"), far, "x", (1, 4), "crashed"),
    )
    own = ConformanceTest(doubling, "torch", doubling, lambda value: {}, lambda kind, batch: None)
    row = Row(own, cells)
    document = matrix.as_json(row)
    assert (document["reference"], document["passed"]) == ("torch", False)
    absent, wrong, silent, nan, crashed = document["runtimes"].values()
    assert (absent["version"], absent["absent"], absent["passed"], absent["why"]) == (None, "pip install a", None, None)
    assert wrong == {
        "version": "1.5",
        "absent": None,
        "passed": False,
        "max_difference": 2e-3,
        "allowed": 1e-5,
        "where": "x, noise × 2",
        "cases": {"answered": 3, "of": 4},
        "why": None,
        "seconds": 1.235,
        "known_faults": [{"fault": "it is wrong", "source": "seen"}],
    }
    assert (silent["max_difference"], silent["where"]) == (None, None)
    assert (nan["max_difference"], nan["allowed"]) == (None, None)
    assert crashed["why"] == "crashed"
    lines = as_text([row], [cell.runtime for cell in cells], ["odd.onnx: no"], Limits(9.5, 3 << 29)).splitlines()
    assert lines[1].split()[1:] == ["–", "2.0e-03", "!", "stopped", "not", "a", "number", "!", "stopped"]
    assert lines[3] == (
        "  against torch at batches of 1, 2, 7, 64: noise, real images, zeros, ones; at most 9.5 s and 1.5 GiB each"
    )
    assert lines[4:6] == ["  a  – pip install a", "  b  1.5"]
    where = "  FAILED  doubling.onnx in "
    assert lines[10:] == [
        f"{where}b: 2.0e-03 of 1.0e-05 (x, noise × 2)",
        f"{where}c: answered 0 of 4 cases",
        f"{where}d: another shape, or not a number (x, ones × 1)",
        f"{where}e: crashed",
        "  FAILED  odd.onnx: no",
        "  known   b: it is wrong (seen)",
        "5 FAILED: 1 graphs, 4 runs in runtimes",
    ]
    assert as_text([], [], ["odd.onnx: no"], LIMITS).splitlines()[-1] == "1 FAILED: 0 graphs, 0 runs in runtimes"


def test_a_runtimes_process_is_told_where_and_how_and_each_output_is_allowed_its_own_rounding(
    doubling: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the process computes the job, each output a little off."""
    off = {"out": 5e-4, "other": 2e-5}
    asked: list[np.ndarray] = []
    told: list[tuple[Any, ...]] = []

    def rounding(value: np.ndarray) -> dict[str, float]:
        asked.append(value)
        return {"out": 1e-3, "other": 1e-9}

    def computed(command: Any, limits: Limits, *, environment: Any, stop: threading.Event, folder: Path) -> Ending:
        told.append((command, environment, stop, folder))
        messages: list[JobMessage] = [Loaded()]
        for number, case in enumerate(json.loads((folder / "job.json").read_text())["cases"]):
            value = np.fromfile(folder / case["file"], "<f4")
            for index, (sign, name) in enumerate(((1, "out"), (-1, "other"))):
                (folder / f"{number}.{index}.f32").write_bytes((sign * value + off[name]).astype("<f4").tobytes())
            messages.append(CaseDone(number, [case["shape"]] * 2))
        return Ending(messages, "", 1.5)

    monkeypatch.setattr(matrix, "supervise", computed)
    own = ConformanceTest(
        doubling, "torch", doubling, rounding, lambda kind, batch: np.full((batch, 1, 8, 8), 0.5, np.float32)
    )
    faults = [Fault(lambda node, kind=kind: node.op_type == kind, kind, "seen") for kind in ("Neg", "Loop")]  # type: ignore[misc]
    runtime = Runtime("own", "1", command=("program",), environment={"WORD": "1"}, faults=tuple(faults))
    done: list[tuple[str, str]] = []

    def run() -> Cell:
        asked.clear()
        runtimes = [runtime, Runtime("absent", None)]
        (row,) = run_matrix(
            [own], runtimes, LIMITS, done=lambda test, cell: done.append((cell.runtime.name, cell.where))
        )
        return row.cells[0]

    cell = run()
    command, environment, stop, folder = told[0]
    assert (command, environment) == (
        ["program", str(folder)],
        {"PYTHONPATH": json_lines.python_path(), "WORD": "1"},
    )
    assert isinstance(stop, threading.Event) and not stop.is_set() and not folder.exists()
    assert cell.worst is not None and cell.worst.output == "other", "twice what is allowed is more than an eighth"
    assert (cell.worst.allowed, cell.worst.passed, cell.cases, cell.seconds) == (1e-5, False, (16, 16), 1.5)
    assert cell.where.startswith("other, ") and done == [("own", cell.where)]
    assert [fault.sentence for fault in cell.faults] == ["Neg"]
    assert len(asked) == 16, "once a case"
    off.update(out=float("nan"), other=0.0)
    assert not run().passed and asked == []
    off.update(out=0.0)
    assert run().passed and asked == []


def test_two_runtimes_work_at_a_time_and_where_one_fails_the_others_are_told_to_stop(
    doubling: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2, timeout=60)
    stops: list[threading.Event] = []

    def waiting(command: Any, limits: Limits, *, stop: threading.Event, **_: Any) -> Ending:
        stops.append(stop)
        both.wait()
        return Ending([], "")

    def interrupt(test: ConformanceTest, cell: Cell) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(matrix, "supervise", waiting)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    own = ConformanceTest(doubling, "torch", doubling, lambda value: {}, lambda kind, batch: None)
    with pytest.raises(KeyboardInterrupt):
        list(run_matrix([own], [Runtime(name, "1") for name in "ab"], LIMITS, done=interrupt))
    assert len(stops) == 2 and all(stop.is_set() for stop in stops)


def test_a_process_has_its_own_folder_and_words_and_all_that_it_said_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORD", "ours")
    monkeypatch.setenv("ANOTHER", "kept")
    script = (
        "import os, sys; print(os.environ['WORD'], os.environ['ANOTHER'], os.getcwd(), file=sys.stderr); sys.exit(3)"
    )
    ending = supervise([sys.executable, "-c", script], LIMITS, environment={"WORD": "its own"}, folder=tmp_path)
    assert ending.why == f"ended with exit code 3 (its own kept {tmp_path.resolve()})"
    lines = "\n".join(json_lines.encode(CaseDone(number, [])) for number in range(5000))
    (tmp_path / "lines").write_text(lines)
    told = supervise([sys.executable, "-c", "print(open('lines').read())"], LIMITS, folder=tmp_path)
    assert [message.case for message in told.messages if isinstance(message, CaseDone)] == [*range(5000)]


def wait_for(happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.01)
    return happened()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in Linux's /proc")
def test_nothing_that_a_process_started_outlives_it_in_its_own_session_or_in_another(tmp_path: Path) -> None:
    ending = supervise(["sh", "-c", "sleep 300 & echo $! >&2; exit 3"], LIMITS)
    left = int(ending.why.partition("(")[2].rstrip(")"))
    assert wait_for(lambda: has_ended(left))
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as process:
        _end(process)
        assert process.returncode == -signal.SIGKILL, "its end was asked for"
    waiting = [sys.executable, "-c", "import time; time.sleep(300)"]
    assert supervise(waiting, Limits(100.0, 3 << 19)).why == "more than 0.00146 GiB of memory"
    late = supervise(waiting, Limits(0.5))
    assert late.why == "not done after 0.5 s" and 0.5 < late.seconds < 25
    printed = int(output_of(["sh", "-c", "sleep 300 & echo $!"]))
    assert wait_for(lambda: has_ended(printed))
    assert output_of([str(tmp_path)]) == "", "a folder cannot be started"
    assert supervise(["sh", "-c", "echo fine so far >&2; kill -9 $$"], LIMITS).why == "crashed (SIGKILL)"
    noted, stop = tmp_path / "pid", threading.Event()
    script = f"sh -c 'setsid sleep 300 & echo $! > {noted}.new; mv {noted}.new {noted}; wait' & wait"

    def stopping() -> None:
        wait_for(noted.exists)
        stop.set()

    thread = threading.Thread(target=stopping)
    thread.start()
    assert supervise(["sh", "-c", script], LIMITS, stop=stop).why == "stopped"
    thread.join()
    assert wait_for(lambda: has_ended(int(noted.read_text())))
