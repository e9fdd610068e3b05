"""`zoo.load`: images of every layout through runs, bundles, files and pretrained models, without torch."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.conftest import PRETRAINED, Exported
from tests.viewer.graphs import graph, node, port
from zoo import pretrained
from zoo.data import sets
from zoo.data.images import LUMA
from zoo.errors import AezooError, DataError, FileRefused, RunError, UsageError
from zoo.model import Model, probabilities
from zoo.runs import RunFolder

PUBLIC = ("load", "list_models", "network", "train")


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """The first five digits of the sample, uint8 (5, 28, 28)."""
    pixels: np.ndarray = sets.load("mnist", "test", "sample").pixels[:5, 0]
    return pixels


@pytest.fixture
def conv(pretrained_folder: Path) -> Model:
    return zoo.load("purdue/conv", runs="pretrained")


def test_the_same_images_give_the_same_answer_in_every_layout(conv: Model, digits: np.ndarray) -> None:
    made = conv.reconstruct(digits)
    assert made.shape == digits.shape and made.dtype == np.float32
    assert np.mean((made - digits / 255) ** 2) < 2 * conv.history.metrics["mse"]
    layouts: list[Any] = [
        digits[:, None],
        digits[..., None],
        digits / 255,
        (digits / 255).astype(np.float16),
        list(digits),
    ]
    for images in layouts:
        answer = conv.reconstruct(images)
        assert answer.shape == np.shape(images) and answer.dtype == np.float32
        np.testing.assert_allclose(answer.reshape(made.shape), made, atol=1e-3)  # float16 has three digits
    np.testing.assert_allclose(conv.reconstruct(digits[0]), made[0], atol=1e-6)


def test_encoding_and_decoding_are_reconstructing(conv: Model, digits: np.ndarray) -> None:
    codes = conv.encode(digits)
    assert codes.shape == (5, *conv.bottleneck_shape) == (5, 8, 7, 7)
    np.testing.assert_allclose(conv.decode(codes), conv.reconstruct(digits), atol=1e-6)
    np.testing.assert_allclose(conv.encode(digits[0]), codes[0], atol=1e-5)
    np.testing.assert_allclose(conv.decode(codes[0].tolist()), conv.reconstruct(digits[0]), atol=1e-6)
    with pytest.raises(DataError, match=r"shape \(5, 392\), and purdue/conv \(pretrained\) takes \(N, 8, 7, 7\)"):
        conv.decode(codes.reshape(5, -1))


def test_many_images_go_through_in_batches_and_none_at_all_too(conv: Model, digits: np.ndarray) -> None:
    many = np.resize(digits, (131, 28, 28))
    np.testing.assert_allclose(conv.reconstruct(many)[130], conv.reconstruct(many[130]), atol=1e-6)
    assert conv.reconstruct(many[:0]).shape == (0, 28, 28)


def test_pictures_of_any_size_are_fitted_only_where_one_asks(conv: Model) -> None:
    photograph = np.zeros((64, 48, 3), np.uint8)
    with pytest.raises(DataError, match=r"\(64, 48, 3\), and purdue/conv .* takes \(28, 28, 1\); add fit=True"):
        conv.reconstruct(photograph)
    assert conv.reconstruct(photograph, fit=True).shape == (28, 28, 1)
    assert conv.encode([photograph, photograph[:30]], fit=True).shape == (2, 8, 7, 7)


def test_a_classifier_gives_probabilities_of_classes_that_have_names(
    pretrained_folder: Path, digits: np.ndarray
) -> None:
    model = zoo.load("hesso/classifier")
    shares = model.classify(digits)
    assert shares.shape == (5, 10) and shares.dtype == np.float32
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    labels = sets.load("mnist", "test", "sample").labels[:5]
    assert [model.classes[index] for index in shares.argmax(axis=1)] == [str(label) for label in labels]
    assert model.run(digits)["logits"].argmax(axis=1).tolist() == labels.tolist()
    assert model.classify(digits[0]).shape == (10,)
    with pytest.raises(UsageError, match=r"makes no images; it gives logits .*: see its method classify\(\)"):
        model.reconstruct(digits)
    with pytest.raises(UsageError, match="has no encoder; it gives logits"):
        model.encode(digits)


def test_a_coloriser_takes_grey_and_gives_colours_last(pretrained_folder: Path) -> None:
    model, photographs = zoo.load("maastricht/colour-1"), sets.load("cifar10", "test", "sample").pixels[:4]
    grey = np.einsum("c,nchw->nhw", LUMA, photographs) / 255
    made = model.reconstruct(grey)
    assert made.shape == (4, 32, 32, 3) and model.reconstruct(grey[0]).shape == (32, 32, 3)
    assert model.reconstruct(grey[:, None]).shape == (4, 3, 32, 32)
    assert np.mean((made - photographs.transpose(0, 2, 3, 1) / 255) ** 2) < 0.02
    assert model.reconstruct(photographs, fit=True).shape == (4, 3, 32, 32), "greyed by their luma"


def test_a_variational_model_s_code_is_the_mean(pretrained_folder: Path, digits: np.ndarray) -> None:
    model = zoo.load("hesso/vae-2-all")
    outputs = model.run(digits)
    assert model.encode(digits).shape == (5, 2) and outputs.keys() == {"reconstruction", "bottleneck", "logvar"}
    np.testing.assert_allclose(model.encode(digits), outputs["bottleneck"], atol=1e-5)
    assert model.decode([0, 0]).shape == (28, 28)


def test_the_first_image_of_every_pretrained_model_goes_through(pretrained_folder: Path) -> None:
    names = zoo.list_models(pretrained=True)
    assert len(names) >= 39
    for name in names:
        model = zoo.load(name, runs="pretrained")
        assert model.card is not None and model.card.name == name and name in repr(model)
        image = np.zeros(model.image_shape, np.float32)[None]
        if model.classes:
            assert model.classify(image).shape == (1, len(model.classes))
        else:
            assert model.reconstruct(image).shape[0] == len(model.encode(image)) == 1
            assert model.decode(model.encode(image)).shape[:1] == (1,)
        history = model.history
        assert {len(column) for column in history.epochs.values()} == {model.card.training["epochs"]}
        assert history.metrics and set(history.metrics) == set(model.card.metrics)


def test_a_run_a_bundle_a_folder_and_a_file_are_opened_alike(
    conv_run: RunFolder, digits: np.ndarray, tmp_path: Path
) -> None:
    runs = conv_run.path.parents[1]
    models = [
        zoo.load("purdue/conv", runs=runs),
        zoo.load(conv_run.path),
        zoo.load(str(conv_run.graph("model"))),
    ]
    answers = [model.reconstruct(digits) for model in models]
    assert all(np.array_equal(answer, answers[0]) for answer in answers)
    assert np.array_equal(zoo.load(conv_run.graph("encoder")).encode(digits), models[0].encode(digits))
    decoder = zoo.load(conv_run.graph("decoder"))
    assert np.array_equal(decoder.decode(models[0].encode(digits)), models[0].decode(models[0].encode(digits)))
    with pytest.raises(UsageError, match=r"takes bottleneck \(batch, 8, 7, 7\), which is no batch of grey or colour"):
        decoder.reconstruct(digits)
    with pytest.raises(UsageError, match="has no decoder"):
        zoo.load(conv_run.graph("encoder")).decode(models[0].encode(digits))
    lone = tmp_path / "model.onnx"
    lone.write_bytes(conv_run.graph("model").read_bytes())
    with pytest.raises(RunError, match=r"no history.h5 in .*; bundles have none: name the run itself"):
        _ = zoo.load(lone).history


def test_the_folder_of_runs_is_that_of_the_environment(conv_run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEZOO_RUNS", str(conv_run.path.parents[1]))
    assert zoo.load("purdue/conv").title == str(conv_run.path)


def test_a_recall_model_takes_a_row_with_one_pixel_a_class(exported: Exported) -> None:
    model = zoo.load(exported("letters/latent").run.path)
    assert model.reconstruct(np.eye(14)[:, None]).shape == (14, 28, 28)


def test_a_stranger_s_graph_works_with_what_it_has(tmp_path: Path) -> None:
    inverter = graph(
        [port("x", 2, 3, 8, 8)], [port("y", 2, 3, 8, 8)], node("Sub", "one x", "y"), one=np.array([255], np.float32)
    )
    path = tmp_path / "inverter.onnx"
    path.write_bytes(inverter)
    model = zoo.load(path, pixels="0..255")
    assert model.card is None and model.image_shape == (3, 8, 8) and model.classes == ()
    images = np.full((5, 8, 8, 3), 0.75)
    made = model.reconstruct(images)
    assert made.shape == (5, 8, 8, 3) and np.allclose(made, 0.25), "its own range, its fixed batch of two"
    for method in (model.encode, model.classify):
        with pytest.raises(UsageError, match=r"; it gives y \(2, 3, 8, 8\)"):
            method(images)
    with pytest.raises(UsageError, match="has no bottleneck"):
        _ = model.bottleneck_shape
    with pytest.raises(UsageError, match=r"no pixels '0-255'; there are 0\.\.1, 0\.\.255"):
        zoo.load(path, pixels="0-255")
    path.write_bytes(graph([port("x", "n", 1, "h", "w")], [port("y", "n", 1, "h", "w")], node("Relu", "x", "y")))
    assert zoo.load(path).image_shape == (1, 64, 64) and zoo.load(path, size=(40, 56)).image_shape == (1, 40, 56)
    pooled = graph(
        [port("x", "n", 3, 8, 8)],
        [port("y", "n", 3)],
        node("GlobalAveragePool", "x", "p"),
        node("Flatten", "p", "f"),
        node("Softmax", "f", "y"),
    )
    path.write_bytes(pooled)
    np.testing.assert_allclose(zoo.load(path).classify(images), 1 / 3, atol=1e-6)


def test_probabilities_are_not_put_through_softmax_again() -> None:
    shares = np.array([[0.25, 0.75], [1, 0]], np.float32)
    assert np.array_equal(probabilities(shares), shares)
    np.testing.assert_allclose(probabilities(np.array([[1000, 1000]], np.float32)), 0.5)


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        ("purdue/cnov", UsageError, "no recipe 'purdue/cnov'; did you mean 'purdue/conv'"),
        ("purdue/*", UsageError, r"purdue/\* names 3 models; name one of them"),
        ("hesso/vae-2-10", RunError, "no run of hesso/vae-2-10 in .*; train it with `aezoo train hesso/vae-2-10`"),
        ("absent.onnx", UsageError, "no file absent.onnx"),
        (__file__, FileRefused, "is not an ONNX file, or a damaged one"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(
    name: str, error: type[AezooError], sentence: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if "*" in name:
        request.getfixturevalue("pretrained_folder")
        pytest.MonkeyPatch().setattr(pretrained, "FOLDER", PRETRAINED)
    with pytest.raises(error, match=sentence):
        zoo.load(name, runs=tmp_path)


def test_models_are_listed_by_pattern(pretrained_folder: Path) -> None:
    assert zoo.list_models("*denoise*") == [
        "hesso/denoise-0.5",
        "hesso/denoise-0.7",
        "hesso/denoise-0.9",
        "purdue/denoise",
    ]
    assert zoo.list_models("purdue", pretrained=True) == ["purdue/dense", "purdue/conv", "purdue/denoise"]
    assert "letters/latent" in zoo.list_models() and "letters/latent" not in zoo.list_models(pretrained=True)
    assert zoo.list_models("nothing") == []


def test_importing_is_light_and_using_a_model_loads_no_torch_and_no_window(pretrained_folder: Path) -> None:
    code = """
import sys, zoo
heavy = {"torch", "onnx", "onnxruntime", "h5py", "PySide6", "numpy", "typer"}
print(sorted(heavy & set(sys.modules)))
import numpy as np
model = zoo.load("purdue/conv", runs="pretrained")
model.reconstruct(np.zeros((28, 28), np.uint8)), model.encode(np.zeros((28, 28))), model.history, zoo.list_models()
print(sorted({"torch", "PySide6", "train", "export", "viewer"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\n"


@pytest.mark.parametrize("name", PUBLIC)
def test_the_public_functions_are_typed_and_say_what_they_raise(name: str) -> None:
    function = getattr(zoo, name)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(each.annotation is not inspect.Parameter.empty for each in signature.parameters.values())
    assert "Return" in function.__doc__ or "return" in function.__doc__ or "Open" in function.__doc__
    assert name == "list_models" or "Raises" in function.__doc__
