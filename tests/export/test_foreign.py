"""Files from strangers: each gets its sentence from every verb that opens it; none is crashed on, hung on, or read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import pytest

from tests.zoo.test_cli import aezoo
from tests.zoo.test_gate import external, foreign, huge_result, huge_tensor, loop
from zoo.runs import RunFolder

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
SECRET = "secret.bin"


def beside(folder: Path, how: str) -> onnx.ModelProto:
    """A graph whose weights are said to lie in a file that a reader would be caught at: a pipe that nobody fills."""
    pipe = folder / "elsewhere" / SECRET
    if how == "../":
        return external(f"../elsewhere/{SECRET}")
    if how == "absolute":
        return external(str(pipe))
    link = folder / "here" / "weights.bin"
    (link.symlink_to if how == "symlink" else link.hardlink_to)(pipe)
    return external("weights.bin")


def absurd_port() -> onnx.ModelProto:
    model = loop()
    model.graph.node[0].CopyFrom(onnx.helper.make_node("Relu", ["image"], ["out"]))
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 1 << 50
    return model


CRAFTED: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "weights in ../": (lambda folder: beside(folder, "../").SerializeToString(), "lies in another file"),
    "weights at an absolute path": (lambda folder: beside(folder, "absolute").SerializeToString(), "in another file"),
    "weights behind a symlink": (lambda folder: beside(folder, "symlink").SerializeToString(), "in another file"),
    "weights behind a hard link": (lambda folder: beside(folder, "hard link").SerializeToString(), "in another file"),
    "a loop": (lambda folder: loop().SerializeToString(), "operator 'Loop', which is not on the list"),
    "a foreign domain": (lambda folder: foreign().SerializeToString(), "domain 'org.example'; expected ONNX's own"),
    "a tensor of a yottabyte": (lambda folder: huge_tensor().SerializeToString(), "declares the shape"),
    "a result of a terabyte": (lambda folder: huge_result().SerializeToString(), "declares 68,719,476,736 values"),
    "an input as wide as an ocean": (lambda folder: absurd_port().SerializeToString(), "declares the shape"),
    "a truncated file": (lambda folder: loop().SerializeToString()[:-9], "is not an ONNX file, or a damaged one"),
    "text": (lambda folder: b"not an ONNX file at all", "is not an ONNX file"),
    "nothing": (lambda folder: b"", "is not an ONNX file, or an empty one"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a pipe in it: whoever opens that waits for ever, and the test with him."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    os.mkfifo(tmp_path / "elsewhere" / SECRET)
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes, to catch a reader")
@pytest.mark.parametrize("name", CRAFTED)
@pytest.mark.parametrize("verb", [["verify"], ["verify", "--matrix"], ["card"]], ids=" ".join)
def test_a_strangers_file_is_refused_with_a_sentence_and_nothing_else_is_read(
    name: str, verb: list[str], folder: Path, capsys: Capture
) -> None:
    build, sentence = CRAFTED[name]
    file = folder / "here" / "model.onnx"
    file.write_bytes(build(folder))
    code, out, err = aezoo(capsys, verb[0], file, *verb[1:])
    assert code == (2 if verb == ["card"] else 1)
    said = [line for line in (out + err).splitlines() if sentence in line]
    assert len(said) == 1, out + err
    assert str(file) in said[0]
    assert "Traceback" not in out + err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes, to catch a reader")
@pytest.mark.parametrize(
    "name", ["weights behind a hard link", "a loop", "a tensor of a yottabyte", "a truncated file"]
)
def test_the_viewer_outlives_a_strangers_file(name: str, folder: Path) -> None:
    file = folder / "here" / "model.onnx"
    file.write_bytes(CRAFTED[name][0](folder))
    command = [sys.executable, "-m", "viewer", str(file), "--screenshot", str(folder / "shot.png")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "shot.png").read_bytes().startswith(b"\x89PNG")


_MUTATE = """
import os, sys
import numpy as np
from zoo import gate, sessions
from zoo.errors import AezooError

data = sys.stdin.buffer.read()
rng = np.random.default_rng(int(sys.argv[1]))
passed = refused = 0
sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" and watching else None)
opened, watching = [], False
sessions.make(data)  # what onnxruntime opens to be imported
for _ in range(2000):
    mutant = bytearray(data)
    for position in rng.integers(0, len(mutant), rng.integers(1, 9)):
        mutant[position] = rng.integers(0, 256)
    try:
        facts = gate.check_onnx(bytes(mutant), source="g")
        watching = True
        session = sessions.make(bytes(mutant))
        port = facts.inputs[0]
        shape = [size if isinstance(size, int) else 2 for size in port.shape]
        session.run(None, {port.name: np.zeros(shape, np.float32)})
        passed += 1
    except AezooError as error:
        refused += 1
        assert str(error).startswith("g "), error
    except Exception:  # onnxruntime's own refusal
        refused += 1
    watching = False
print(passed, refused, len(opened))
"""


@pytest.mark.parametrize(("graph", "seed"), [("model", 1), ("decoder", 2)])
@pytest.mark.slow
def test_two_thousand_mutants_end_no_process_and_open_no_file(graph: str, seed: int, conv_run: RunFolder) -> None:
    data = conv_run.graph(graph).read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", _MUTATE, str(seed)], input=data, capture_output=True, timeout=600, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    passed, refused, opened = map(int, done.stdout.split())
    assert passed + refused == 2000
    assert passed > 100 and refused > 100
    assert opened == 0
