"""The kit's programs: each checks a bundle, runs images and refuses what is wrong, alike in every language."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from export.bundle import write_bundle
from export.published import Published
from tests.conftest import Exported
from zoo import sessions
from zoo.data.fetch import cache_folder

KIT = Path(__file__).parents[2] / "export" / "kit"
GREY, COLOUR, CLASSES, LATENT = "purdue/conv", "maastricht/colour-1", "hesso/classifier", "hesso/vae-2-all"
NUMBER = r"\d\.\de[+-]\d\d"

Program = list[str]  # the command, before its arguments
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory, conv_export: Published, exported: Exported) -> Path:
    """Bundles of a model in grey, one that gives colours, a classifier and a variational one; tests copy them."""
    folder = tmp_path_factory.mktemp("bundles")
    for name in (GREY, COLOUR, CLASSES, LATENT):
        write_bundle(conv_export if name == GREY else exported(name), folder)
    return folder


@pytest.fixture
def bundle(bundles: Path, tmp_path: Path) -> Path:
    """A copy of purdue/conv that a test may break."""
    return shutil.copytree(bundles / GREY, tmp_path / "bundle")


def python_program(folder: Path) -> Program:
    return [sys.executable, str(KIT / "python" / "reconstruct.py")]


def cpp_program(folder: Path) -> Program:
    need("cmake", "c++")
    if not (found := configure(folder)).returncode:
        build(["cmake", "--build", folder])
        return [str(folder / "reconstruct")]
    lacks = re.search(r"\S+ is not here", found.stderr)
    assert lacks, found.stderr
    pytest.skip(lacks[0])


def configure(folder: Path) -> Done:
    warnings = "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Werror"
    return call(["cmake", "-S", KIT / "cpp", "-B", folder, f"-DPYTHON={sys.executable}", warnings])


def node_program(folder: Path) -> Program:
    need("node")
    modules = cache_folder() / "npm" / "node_modules"
    for name in ("onnxruntime-node", "pngjs"):
        if not (modules / name).is_dir():
            pytest.skip(f"{name} is not in {modules}")
    shutil.copytree(KIT / "node", folder, dirs_exist_ok=True)
    (folder / "node_modules").symlink_to(modules, target_is_directory=True)
    return ["node", str(folder / "reconstruct.mjs")]


def java_program(folder: Path) -> Program:
    need("javac", "java")
    if not (onnxruntime := os.environ.get("ONNXRUNTIME_JAR")):
        pytest.skip("ONNXRUNTIME_JAR names no onnxruntime.jar")
    debian = [f"/usr/share/java/jackson-{part}.jar" for part in ("core", "databind", "annotations")]
    jackson = os.environ.get("JACKSON_CLASSPATH") or os.pathsep.join(filter(os.path.isfile, debian))
    if not jackson:
        pytest.skip("Jackson is not here: apt-get install libjackson2-databind-java, or name it in JACKSON_CLASSPATH")
    jars = os.pathsep.join([onnxruntime, jackson])
    strict = ["-Xlint:all", "-Werror", "-encoding", "UTF-8"]
    build(["javac", *strict, "-cp", jars, "-d", folder, KIT / "java" / "Reconstruct.java"])
    return ["java", "-cp", os.pathsep.join([str(folder), jars]), "Reconstruct"]


def csharp_program(folder: Path) -> Program:
    need("dotnet")
    shutil.copytree(KIT / "csharp", folder, dirs_exist_ok=True)
    if call(["dotnet", "restore", folder]).returncode:
        pytest.skip("the packages of Reconstruct.csproj are not here and cannot be fetched")
    build(["dotnet", "build", "--no-restore", "-o", folder / "bin", folder])
    return ["dotnet", str(folder / "bin" / "Reconstruct.dll")]


PROGRAMS: dict[str, Callable[[Path], Program]] = {
    "python": python_program,
    "cpp": cpp_program,
    "node": node_program,
    "java": java_program,
    "csharp": csharp_program,
}


SLOW = [pytest.param(language, marks=pytest.mark.slow) for language in PROGRAMS if language != "python"]


@pytest.fixture(scope="module", params=["python", *SLOW])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """One language's program, built once."""
    language: str = request.param
    return PROGRAMS[language](tmp_path_factory.mktemp(language))


def need(*tools: str) -> None:
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not here")


def call(command: list[Any]) -> Done:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, encoding="utf-8")


def build(command: list[Any]) -> None:
    done = call(command)
    assert done.returncode == 0, done.stdout + done.stderr


def with_sum(bundle: Path, name: str) -> None:
    """Give a changed file its right sha256 on the card."""
    change_card(bundle, name, name)


def change_card(bundle: Path, name: str, listed: str) -> None:
    """List a file of the bundle on its card, under the name `listed`, with the right sha256."""
    path = bundle / "card.json"
    card = json.loads(path.read_text())
    data = (bundle / name).read_bytes()
    card["files"][listed] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    path.write_text(json.dumps(card))


def expected_lines(bundle: Path) -> list[str]:
    """Return what every program prints of a sound bundle, as patterns."""
    card = json.loads((bundle / "card.json").read_text())
    vectors = json.loads((bundle / "test" / "vectors.json").read_text())
    lines = [
        rf"{re.escape(graph)} {output}: {NUMBER} of {entry['tolerance']:.1e} ok"
        for graph, ports in vectors["graphs"].items()
        for output, entry in ports["outputs"].items()
    ]
    assert lines
    return [f"sha256 ok: {len(card['files'])} files", *lines]


def assert_printed(done: Done, patterns: list[str]) -> None:
    lines = done.stdout.splitlines()
    assert len(lines) == len(patterns), done.stdout + done.stderr
    assert [line for line, pattern in zip(lines, patterns, strict=True) if not re.fullmatch(pattern, line)] == []
    assert done.stderr == ""


def assert_one_sentence(done: Done, *parts: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert all(word in done.stderr for word in parts), done.stderr
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def fitting(folder: Path, side: int = 28) -> Path:
    """An image that no program needs to crop or resize: grey, `side` × `side`, of many shades."""
    shades = np.random.default_rng(0).integers(0, 256, (side, side), dtype=np.uint8)
    Image.fromarray(shades).save(folder / "fitting.png")
    return folder / "fitting.png"


def photograph(folder: Path) -> Path:
    """An image in colour, larger than any input and of another shape."""
    y, x = np.mgrid[0:200, 0:301]
    colours = np.stack([x * 255 // 300, y * 255 // 199, (x + y) // 2], axis=-1).astype(np.uint8)
    Image.fromarray(colours).save(folder / "photograph.png")
    return folder / "photograph.png"


def in_onnxruntime(bundle: Path, image: Path, output: str) -> np.ndarray:
    """Return what model.onnx gives for an image that fits, (C, H, W) or (classes,)."""
    pixels = np.asarray(Image.open(image), np.float32)[None, None] / 255
    answer: np.ndarray = sessions.make((bundle / "model.onnx").read_bytes()).run([output], {"image": pixels})[0][0]
    return answer


@pytest.mark.parametrize("name", [GREY, COLOUR, CLASSES, LATENT])
def test_every_program_reproduces_every_vector_and_says_so_in_the_same_words(
    program: Program, bundles: Path, name: str
) -> None:
    done = call([*program, bundles / name])
    assert_printed(done, expected_lines(bundles / name))
    assert done.returncode == 0


@pytest.mark.parametrize(("name", "side", "mode"), [(GREY, 28, "L"), (COLOUR, 32, "RGB"), (LATENT, 28, "L")])
def test_a_reconstruction_is_the_one_that_onnxruntime_gives(
    program: Program, bundles: Path, tmp_path: Path, name: str, side: int, mode: str
) -> None:
    image, output = fitting(tmp_path, side), tmp_path / "output.png"
    done = call([*program, bundles / name, image, output])
    wrote = rf"wrote {re.escape(str(output))}: {side}×{side}, \d+\.\d ms"
    assert_printed(done, [*expected_lines(bundles / name), wrote])
    assert done.returncode == 0
    with Image.open(output) as picture:
        assert picture.mode == mode
        levels = np.asarray(picture, np.float32).reshape(side, side, -1).transpose(2, 0, 1)
    expected = in_onnxruntime(bundles / name, image, "reconstruction") * 255
    assert levels.shape == expected.shape
    assert np.abs(levels - expected).max() <= 1


@pytest.mark.parametrize(("name", "side", "mode"), [(GREY, 28, "L"), (COLOUR, 32, "RGB")])
def test_a_photograph_is_cropped_and_resized_to_the_models_input(
    program: Program, bundles: Path, tmp_path: Path, name: str, side: int, mode: str
) -> None:
    output = tmp_path / "output.png"
    assert call([*program, bundles / name, photograph(tmp_path), output]).returncode == 0
    with Image.open(output) as picture:
        assert (picture.size, picture.mode) == ((side, side), mode)
        assert np.ptp(np.asarray(picture)) > 0


def test_a_classifier_names_the_class_and_writes_no_file(program: Program, bundles: Path, tmp_path: Path) -> None:
    output = tmp_path / "output.png"
    done = call([*program, bundles / CLASSES, fitting(tmp_path), output])
    logits = in_onnxruntime(bundles / CLASSES, fitting(tmp_path), "logits").astype(np.float64)
    ports = json.loads((bundles / CLASSES / "card.json").read_text())["outputs"]
    classes = next(port["classes"] for port in ports if port["name"] == "logits")
    assert_printed(done, [*expected_lines(bundles / CLASSES), rf"named: {classes[logits.argmax()]} \((\d\.\d\d)\)"])
    probability = float(done.stdout.split("(")[-1].rstrip(")\n"))
    assert probability == pytest.approx(1 / np.exp(logits - logits.max()).sum(), abs=0.0051)
    assert done.returncode == 0 and not output.exists()


def test_a_flipped_byte_is_found_and_the_file_is_named(program: Program, bundle: Path, tmp_path: Path) -> None:
    data = bytearray((bundle / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / "model.onnx").write_bytes(data)
    done = call([*program, bundle, fitting(tmp_path), tmp_path / "output.png"])
    assert (done.returncode, done.stdout, done.stderr) == (1, "sha256 FAILED: model.onnx\n", "")


@pytest.mark.parametrize("wrong", [0.5, np.nan], ids=["far", "not-a-number"])
def test_a_vector_that_is_not_reproduced_fails(program: Program, bundle: Path, tmp_path: Path, wrong: float) -> None:
    path = bundle / "test" / "reconstruction.f32"
    values = np.frombuffer(path.read_bytes(), "<f4").copy()
    values[100] += wrong
    path.write_bytes(values.tobytes())
    with_sum(bundle, "test/reconstruction.f32")
    output = tmp_path / "output.png"
    done = call([*program, bundle, fitting(tmp_path), output])
    assert done.returncode == 1, done.stderr
    ends = {line.partition(":")[0]: line.rpartition(" ")[2] for line in done.stdout.splitlines()[1:]}
    assert ends == {
        "decoder.onnx reconstruction": "FAILED",
        "encoder.onnx bottleneck": "ok",
        "model.onnx bottleneck": "ok",
        "model.onnx reconstruction": "FAILED",
    }
    assert not output.exists()


@pytest.mark.parametrize("listed", ["../outside.txt", "test/../../outside.txt", "/etc/hostname", "test\\image.f32"])
def test_a_name_that_leads_out_of_the_bundle_is_refused(program: Program, bundle: Path, listed: str) -> None:
    (bundle.parent / "outside.txt").write_bytes((bundle / "README.md").read_bytes())
    change_card(bundle, "README.md", listed)
    assert_one_sentence(call([*program, bundle]), "card.json names", "which is not a file of the bundle")


def test_a_graph_that_the_card_does_not_list_is_not_run(program: Program, bundle: Path) -> None:
    card = json.loads((bundle / "card.json").read_text())
    del card["files"]["decoder.onnx"]
    (bundle / "card.json").write_text(json.dumps(card))
    assert_one_sentence(call([*program, bundle]), "the bundle has no", "decoder.onnx")


def test_a_card_that_lists_no_file_proves_nothing(program: Program, bundle: Path) -> None:
    card = json.loads((bundle / "card.json").read_text())
    (bundle / "card.json").write_text(json.dumps({**card, "files": {}}))
    assert_one_sentence(call([*program, bundle]), "card.json lists no file")


def test_vectors_of_another_size_than_their_shape_are_refused(program: Program, bundle: Path) -> None:
    path = bundle / "test" / "image.f32"
    path.write_bytes(path.read_bytes() * 2)
    with_sum(bundle, "test/image.f32")
    assert_one_sentence(call([*program, bundle]))


def test_a_missing_folder_is_one_sentence(program: Program, tmp_path: Path) -> None:
    assert_one_sentence(call([*program, tmp_path / "nowhere"]), "card.json")


def test_a_card_that_is_not_json_is_one_sentence(program: Program, bundle: Path) -> None:
    (bundle / "card.json").write_text("{ no card")
    assert_one_sentence(call([*program, bundle]), "card.json")


@pytest.mark.parametrize("data", [b"no image", b"\x89PNG\r\n\x1a\n"], ids=["text", "cut"])
def test_a_file_that_is_no_image_is_one_sentence(program: Program, bundles: Path, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "text.png").write_bytes(data)
    output = tmp_path / "output.png"
    assert_one_sentence(call([*program, bundles / GREY, tmp_path / "text.png", output]))
    assert not output.exists()


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_wrong_number_of_arguments_shows_the_usage(program: Program, bundles: Path, count: int) -> None:
    done = call([*program, *[bundles / GREY, "image.png", "output.png", "more"][:count]])
    assert_one_sentence(done, "usage:", "BUNDLE [IMAGE OUTPUT]")


def test_an_output_that_cannot_be_written_is_one_sentence(program: Program, bundles: Path, tmp_path: Path) -> None:
    assert_one_sentence(call([*program, bundles / GREY, fitting(tmp_path), tmp_path / "nowhere" / "output.png"]))


@pytest.mark.parametrize("name", ["purdue/conv", "maastricht/colour-1", "hesso/vae-2-all"])
def test_twenty_lines_of_python_do(name: str, bundles: Path, tmp_path: Path) -> None:
    text = (KIT / "python" / "short.py").read_text()
    tree = ast.parse(text)
    assert sum(not isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body) <= 20, "with its docstring"
    image = fitting(tmp_path, 32 if name.startswith("maastricht") else 28)
    output = tmp_path / "out.png"
    done = call([sys.executable, KIT / "python" / "short.py", bundles / name, image, output])
    assert (done.returncode, done.stderr) == (0, "")
    expected = in_onnxruntime(bundles / name, image, "reconstruction")
    levels = np.rint(expected.clip(0, 1) * 255).transpose(1, 2, 0).squeeze()
    assert np.abs(np.asarray(Image.open(output), np.float32) - levels).max() <= 1


def test_twenty_lines_notice_a_changed_file(bundle: Path, tmp_path: Path) -> None:
    (bundle / "decoder.onnx").write_bytes(b"changed")
    done = call([sys.executable, KIT / "python" / "short.py", bundle, fitting(tmp_path), tmp_path / "out.png"])
    assert done.returncode == 1 and "decoder.onnx was changed" in done.stderr
    assert not (tmp_path / "out.png").exists()


def test_the_python_program_needs_nothing_of_ours(bundles: Path) -> None:
    code = (KIT / "python" / "reconstruct.py").read_text()
    assert not re.search(r"\b(?:from|import) (?:zoo|train|export|viewer|torch)\b", code)


def test_the_readme_of_the_kit_names_every_language() -> None:
    text = (KIT / "README.md").read_text()
    assert all(f"{folder}/" in text for folder in PROGRAMS)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda vectors: vectors["graphs"].pop("encoder.onnx"), "has no vector for encoder.onnx"),
        (lambda vectors: vectors["graphs"]["model.onnx"]["outputs"].clear(), "has no vector for model.onnx"),
        (
            lambda vectors: vectors["tensors"]["reconstruction"].update(shape=[2, 784]),
            "onnx gives reconstruction in another shape than",
        ),
    ],
)
def test_vectors_that_prove_less_than_every_graph_are_refused(
    change: Callable[[dict[str, Any]], None], sentence: str, bundle: Path
) -> None:
    path = bundle / "test" / "vectors.json"
    vectors = json.loads(path.read_text())
    change(vectors)
    path.write_text(json.dumps(vectors))
    files = {name: (bundle / name).read_bytes() for name in json.loads((bundle / "card.json").read_text())["files"]}
    program = runpy.run_path(str(KIT / "python" / "reconstruct.py"))
    with pytest.raises(ValueError, match=sentence):
        program["check"](files)
