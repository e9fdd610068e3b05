"""Check a bundle of aezoo, and run its model on an image: python reconstruct.py BUNDLE [IMAGE OUTPUT].

Needs onnxruntime, numpy and Pillow. Exit code: 0 all good, 1 a check failed, 2 bad usage or an unreadable file.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

INSIDE = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_./-]*")  # the name of a file in the bundle, never one outside it


def load(bundle: Path, card: dict[str, Any]) -> dict[str, bytes]:
    """Return the files that a card lists, by name, or nothing where a sha256 differs."""
    if not card["files"]:
        raise ValueError("card.json lists no file")
    for name in card["files"]:
        if not INSIDE.fullmatch(name):
            raise ValueError(f"card.json names {name!r}, which is not a file of the bundle")
    files = {name: (bundle / name).read_bytes() for name in card["files"]}
    wrong = [name for name in files if hashlib.sha256(files[name]).hexdigest() != card["files"][name]["sha256"]]
    print("\n".join(f"sha256 FAILED: {name}" for name in wrong) or f"sha256 ok: {len(files)} files")
    return {} if wrong else files


def session(graph: bytes) -> onnxruntime.InferenceSession:
    """Return a graph ready to run, on one thread: the graphs are too small to share out."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def check(files: dict[str, bytes]) -> bool:
    """Run the test vectors through every graph, print each largest difference, return whether all are allowed."""
    vectors = json.loads(files["test/vectors.json"])
    tensors = {
        name: np.frombuffer(files[f"test/{entry['file']}"], "<f4").reshape(entry["shape"])
        for name, entry in vectors["tensors"].items()
    }
    for graph in files:
        if graph.endswith(".onnx") and not vectors["graphs"].get(graph, {}).get("outputs"):
            raise ValueError(f"test/vectors.json has no vector for {graph}")
    good = True
    for graph, ports in vectors["graphs"].items():
        outputs, feeds = ports["outputs"], {ports["input"]: tensors[ports["input"]]}
        for name, answer in zip(outputs, session(files[graph]).run(list(outputs), feeds), strict=True):
            if answer.shape != tensors[name].shape:
                raise ValueError(f"{graph} gives {name} in another shape than test/vectors.json")
            difference, tolerance = np.abs(answer - tensors[name]).max(), outputs[name]["tolerance"]
            near = bool(difference <= tolerance)  # false also where the difference is not a number
            print(f"{graph} {name}: {difference:.1e} of {tolerance:.1e} {'ok' if near else 'FAILED'}")
            good &= near
    return good


def run(card: dict[str, Any], model: bytes, image: str, output: str) -> None:
    """Run an image through the model: save the reconstruction, or print what a classifier takes it for."""
    _, channels, height, width = card["inputs"][0]["shape"]
    with Image.open(image) as opened:
        picture = opened.convert({1: "L", 3: "RGB"}[channels])
    picture = ImageOps.fit(picture, (width, height), Image.Resampling.BOX)  # crops around the centre
    pixels = np.asarray(picture, np.float32).reshape(1, height, width, channels).transpose(0, 3, 1, 2) / 255  # NCHW
    ports = {port["name"]: port for port in card["outputs"]}
    wanted, network = "reconstruction" if "reconstruction" in ports else "logits", session(model)
    start = time.perf_counter()
    answer = network.run([wanted], {card["inputs"][0]["name"]: pixels})[0][0]
    milliseconds = 1000 * (time.perf_counter() - start)
    if wanted == "logits":
        odds = np.exp(answer - answer.max())
        print(f"named: {ports[wanted]['classes'][answer.argmax()]} ({odds.max() / odds.sum():.2f})")
        return
    levels = np.rint(answer.clip(0, 1) * 255).astype(np.uint8)  # (1 or 3, H, W)
    Image.fromarray(levels[0] if len(levels) == 1 else levels.transpose(1, 2, 0)).save(output, "PNG")
    print(f"wrote {output}: {answer.shape[2]}×{answer.shape[1]}, {milliseconds:.1f} ms")


def main(bundle: str, *image_and_output: str) -> int:
    """Check the bundle, and run its model on an image where one is given; return the exit code."""
    onnxruntime.set_default_logger_severity(3)
    card = json.loads((Path(bundle) / "card.json").read_bytes())
    files = load(Path(bundle), card)
    if not files or not check(files):
        return 1
    if image_and_output:
        run(card, files["model.onnx"], *image_and_output)
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 4):
        print("usage: python reconstruct.py BUNDLE [IMAGE OUTPUT]", file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(*sys.argv[1:]))
    except Exception as error:  # what onnxruntime raises has no other base
        kinds = {KeyError: "the bundle has no ", json.JSONDecodeError: "card.json or test/vectors.json is not JSON: "}
        message = " ".join(str(error).split())  # onnxruntime's go over several lines
        print(f"reconstruct.py: {kinds.get(type(error), '')}{message}", file=sys.stderr)
        sys.exit(2)
