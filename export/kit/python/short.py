"""All of it in twenty lines: python short.py BUNDLE IMAGE OUTPUT. `reconstruct.py` also explains every mistake."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

bundle, image, output = map(Path, sys.argv[1:])
card, vectors = (json.loads((bundle / name).read_text()) for name in ("card.json", "test/vectors.json"))
for name, listed in card["files"].items():
    same = hashlib.sha256((bundle / name).read_bytes()).hexdigest() == listed["sha256"]
    assert same and ".." not in name, f"{name} was changed"
session = onnxruntime.InferenceSession(bundle / "model.onnx")
port, outputs = (vectors["graphs"]["model.onnx"][key] for key in ("input", "outputs"))
known = {
    name: np.fromfile(bundle / "test" / entry["file"], "<f4").reshape(entry["shape"])
    for name, entry in vectors["tensors"].items()
}
for name, answer in zip(outputs, session.run(list(outputs), {port: known[port]}), strict=True):
    assert np.abs(answer - known[name]).max() <= outputs[name]["tolerance"], f"{name} is not what torch computed"
_, channels, height, width = card["inputs"][0]["shape"]
picture = ImageOps.fit(Image.open(image).convert("L" if channels == 1 else "RGB"), (width, height))
pixels = np.asarray(picture, np.float32).reshape(1, height, width, channels).transpose(0, 3, 1, 2) / 255
(answer,) = session.run(["reconstruction"], {port: pixels})
Image.fromarray((answer[0].clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0).squeeze()).save(output)
