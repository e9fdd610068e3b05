"""What other people's tools write is opened, run, described and verified: one graph of each kind."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from export.graph import Graph
from tests import strangers
from tests.strangers import STRANGERS
from tests.zoo.test_cli import aezoo
from zoo import gate, graph_process, image_ports, sessions
from zoo.errors import FileRefused
from zoo.graph_process import GraphProcess
from zoo.image_ports import InputChoice

Capture = pytest.CaptureFixture[str]


@pytest.fixture(params=STRANGERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_strangers_graph_takes_images_and_answers_each_alike_alone_and_among_others(name: str) -> None:
    stranger = STRANGERS[name]
    graph = Graph(stranger.build().SerializeToString(), name)
    assert graph.facts.image_shape == stranger.image
    (port,), (first, *_) = graph.facts.inputs, graph.facts.outputs
    assert first.shape[1:] == stranger.output and first.dtype == "float32"
    size = port.shape[0] if isinstance(port.shape[0], int) else 3
    images = np.random.default_rng(0).random((size, *stranger.image), dtype=np.float32)
    made = graph(images)[first.name]
    assert made.shape == (size, *stranger.output) and made.dtype == np.float32 and np.isfinite(made).all()
    if not isinstance(port.shape[0], int) and not stranger.is_random:
        assert np.allclose(graph(images[:1])[first.name], made[:1], atol=1e-5)
    assert graph.facts.is_random == stranger.is_random


def test_every_verb_opens_a_strangers_file(name: str, tmp_path: Path, capsys: Capture) -> None:
    file, picture = tmp_path / "STRANGER.ONNX", tmp_path / "picture.png"
    file.write_bytes(STRANGERS[name].build().SerializeToString())
    Image.fromarray(np.arange(900, dtype=np.uint8).reshape(30, 30)).save(picture)
    code, out, err = aezoo(capsys, "card", file)
    assert code == 0 and "a stranger's tool" in out, err
    code, out, err = aezoo(capsys, "verify", file)
    assert code == 0 and f"{file}: passed" in out, out + err
    code, out, err = aezoo(capsys, "run", file, picture, "-o", tmp_path / "made", "--json")
    (answer,) = json.loads(out)
    assert code == 0 and (Path(answer["output"]).is_file() if len(STRANGERS[name].output) == 3 else answer["largest"])


@pytest.mark.parametrize("layout", ["NCHW", "NHWC", "bytes"])
@pytest.mark.parametrize("pixels", image_ports.PIXELS)
def test_pixels_go_in_as_the_graph_takes_them_and_come_out_as_they_were(layout: str, pixels: str) -> None:
    shape = ("n", 3, 4, 5) if layout == "NCHW" else ("n", 4, 5, 3)
    kinds = (strangers.BYTE, strangers.BYTE) if layout == "bytes" else (strangers.FLOAT, strangers.FLOAT)
    same = strangers.model([("Identity", "x", "y", {})], {}, shape, shape, kinds=kinds)
    opened = gate.open_onnx(same.SerializeToString(), source="same", choice=InputChoice(pixels))
    image = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5)).astype(np.float32) / 255
    (made,) = sessions.make(opened.data).run(None, {"x": image})
    assert np.allclose(made, image, atol=1e-5)
    inner = onnx.ModelProto.FromString(opened.data)
    inner.graph.output.append(onnx.helper.make_tensor_value_info("aezoo:image", kinds[0], None))
    if layout == "NHWC" and pixels != image_ports.UNIT:
        taken = sessions.make(inner.SerializeToString()).run(["aezoo:image"], {"x": image})[0].transpose(0, 3, 1, 2)
        factor, shift = (np.resize(values, 3)[:, None, None] for values in image_ports.PIXELS[pixels])
        assert np.allclose(taken, image * factor + shift, atol=1e-3)


def with_weights_beside(folder: Path, where: str = "weights.bin") -> Path:
    made = strangers.convolution()
    data = numpy_helper.to_array(made.graph.initializer[0]).tobytes()
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": where, "offset": "8", "length": str(len(data))}.items():
        tensor.external_data.add(key=key, value=value)
    (folder / "weights.bin").write_bytes(b"8 bytes " + data)
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    return folder / "model.onnx"


def test_weights_beside_a_graph_are_read_and_a_link_or_a_short_file_is_not(tmp_path: Path, capsys: Capture) -> None:
    file = with_weights_beside(tmp_path)
    assert Graph.read(file).facts.image_shape == (1, 28, 28)
    assert aezoo(capsys, "verify", file)[0] == 0
    whole = (tmp_path / "weights.bin").read_bytes()
    (tmp_path / "weights.bin").write_bytes(whole[:-1])
    with pytest.raises(FileRefused, match=r"tensor 'w' lies beyond the end of 'weights.bin'; copy that file again"):
        Graph.read(file)
    (tmp_path / "weights.bin").rename(tmp_path / "elsewhere")
    (tmp_path / "weights.bin").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileRefused, match=r"'w' lies in another file, 'weights.bin'; expected it beside the graph"):
        Graph.read(file)


def test_a_folder_of_graphs_is_verified_whole_and_a_bad_one_does_not_end_it(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "a.onnx").write_bytes(strangers.convolution().SerializeToString())
    (tmp_path / "b.ONNX").write_bytes(strangers.classifier().SerializeToString())
    (tmp_path / "c.onnx").write_bytes(b"broken")
    for more in ([], ["--matrix", "--runtimes", "onnxruntime"]):
        code, out, err = aezoo(capsys, "verify", tmp_path, *more)
        assert code == 1 and all(name in out for name in ("a.onnx", "b.ONNX", "c.onnx")), out + err
        assert "is not an ONNX file" in out and "Traceback" not in out + err


def test_a_graph_that_ends_its_process_or_hangs_ends_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    made = strangers.convolution().SerializeToString()
    image = np.zeros((1, 1, 28, 28), np.float32)
    process = GraphProcess(seconds=60)
    assert set(process.run(made, "x", ["y"], image, source="good")) == {"y"}
    with pytest.raises(FileRefused, match=r"odd cannot be run by onnxruntime \(Required inputs .* are missing"):
        process.run(made, "z", ["y"], image, source="odd")
    assert process._process is not None
    process._process.kill()
    process._process.wait()
    assert set(process.run(made, "x", ["y"], image, source="good")) == {"y"}, "a new process takes over"
    monkeypatch.setattr(process, "_seconds", 0.2)
    process._process.send_signal(signal.SIGSTOP)  # as a graph that hangs
    with pytest.raises(FileRefused, match=r"slow cannot be run: it was not done after 0\.2 s"):
        process.run(made, "x", ["y"], image, source="slow")
    process.close()
    assert graph_process.shared() is graph_process.shared()


def any_size(multiple: int) -> onnx.ModelProto:
    """A graph of images of any size whose sides are a multiple of this: it halves them and adds them up again."""
    halve = ("AveragePool", "x", "s", {"kernel_shape": [multiple] * 2, "strides": [multiple] * 2})
    double = ("Upsample", "s scales", "u", {"mode": "nearest"})
    scales, takes = np.array([1, 1, multiple, multiple], np.float32), ("n", 3, "h", "w")
    return strangers.model([halve, double, ("Add", "x u", "y", {})], {"scales": scales}, takes, takes, opset=9)


@pytest.mark.parametrize(("multiple", "size"), [(1, (100, 75)), (2, (96, 64)), (32, (96, 64))])
def test_a_graph_that_takes_any_size_gets_the_pictures_own_or_the_nearest_that_suits_it(
    multiple: int, size: tuple[int, int], tmp_path: Path, capsys: Capture
) -> None:
    file, picture = tmp_path / "any.onnx", tmp_path / "picture.png"
    file.write_bytes(any_size(multiple).SerializeToString())
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (75, 100, 3), np.uint8)).save(picture)
    code, out, err = aezoo(capsys, "run", file, picture, "-o", tmp_path / "made", "--json")
    assert code == 0, err
    with Image.open(json.loads(out)[0]["output"]) as made:
        assert made.size == size
    assert Graph.read(file).at_size(75, 100).facts.image_shape == (3, *reversed(size))
    _, out, _ = aezoo(capsys, "run", file, picture, "-o", tmp_path / "again")
    assert "takes images of any size" in out and "was chosen" not in out


def test_a_picture_that_is_too_much_for_a_graph_of_any_size_is_halved_until_it_fits() -> None:
    graph = Graph(strangers.convolution(("n", 1, "h", "w")).SerializeToString(), "any")
    shape = graph.at_size(24_000, 18_000).facts.image_shape
    assert shape is not None and shape[1] in (12_000, 11_968, 6_000, 5_984) and shape[2] < 18_000, shape
    assert graph.at_size(20, 30).facts.image_shape == (1, 20, 30)
