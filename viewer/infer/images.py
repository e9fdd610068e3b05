"""A process that reads images and ends: a data set's test split, the embedded sample, or pictures that were dropped.

Reading a data set imports much and takes memory that is not given back, and a picture from a stranger goes through
decoders written in C: the window does neither itself. One question comes on standard input, one answer goes out.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from viewer.infer import protocol, sandbox
from viewer.infer.protocol import Message
from viewer.state import samples
from zoo.errors import AezooError

MOST_TEST = 10_000
MOST_TRAINING = 2_000
MOST_PICTURES = 10
MOST_PIXELS = 64_000_000  # of a picture; beyond that a small file is meant to take the machine's memory
LARGEST_SIDE = 1_024  # what is handed on: nothing of ours takes larger images

Reply = tuple[dict[str, Any], Mapping[str, np.ndarray]]


def split(header: Mapping[str, Any]) -> Reply:
    """Read the test images of a data set, and some of those for training, evenly spread."""
    from zoo.data import sets, splits

    dataset, cut = str(header["dataset"]), str(header["cut"])
    name = dataset.removesuffix("-sample")
    data = sets.SAMPLE if name != dataset else header.get("data")
    loaded = splits.load(name, data, split=cut)
    test, train = loaded.test.take(slice(None, MOST_TEST)), loaded.train
    spread = np.linspace(0, len(train) - 1, min(MOST_TRAINING, len(train))).astype(int)
    arrays = {
        "pixels": test.pixels,
        "labels": test.labels,
        "training": train.pixels[spread],
        "training_labels": train.labels[spread],
    }
    return {"kind": "done", "provenance": test.provenance, "classes": list(test.classes)}, arrays


def embedded(header: Mapping[str, Any]) -> Reply:
    """Make ten embedded images of a shape; no arrays where none has it."""
    channels, height, width = (int(size) for size in header["shape"])
    made = samples.embedded(
        (channels, height, width),
        dataset=str(header["dataset"]),
        sigma=float(header["sigma"]),
        task=str(header["task"]),
    )
    if made is None:
        return {"kind": "done"}, {}
    return {"kind": "done", "provenance": made.provenance}, {"inputs": made.inputs, "targets": made.targets}


def pictures(arrays: Mapping[str, np.ndarray]) -> Reply:
    """Decode dropped pictures, uint8 (H, W, 3) each; what cannot be read is told and the others are taken.

    Transparent ones lie on white, as on paper.
    """
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    Image.init()  # its decoders are imported now, since the sandbox takes the files away
    _decode(_smallest_png())
    sandbox.close()
    made: dict[str, np.ndarray] = {}
    errors: dict[str, str] = {}
    for name, data in list(arrays.items())[:MOST_PICTURES]:
        try:
            made[name] = _decode(data.tobytes())
        except Exception as error:  # Pillow's decoders raise kinds of their own
            unknown = isinstance(error, UnidentifiedImageError)
            said = (str(error).splitlines() or [type(error).__name__])[0][:120]
            errors[name] = "of no format that is known" if unknown else said
    return {"kind": "done", "errors": errors}, made


def _decode(data: bytes) -> np.ndarray:
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(data)) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise ValueError(f"it has {opened.width}×{opened.height} pixels, more than {MOST_PIXELS:,}")
        turned = ImageOps.exif_transpose(opened)
        picture = turned.convert("RGBA")
        picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.BOX)
    paper = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(paper, picture).convert("RGB"), dtype=np.uint8)


def _smallest_png() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, "PNG")
    return buffer.getvalue()


def reply(message: Message) -> Reply:
    """Return the reply to the one question; what a user can mend becomes a sentence."""
    try:
        kind = message.header.get("kind")
        if kind == "split":
            return split(message.header)
        if kind == "embedded":
            return embedded(message.header)
        assert kind == "pictures", kind
        return pictures(message.arrays)
    except AezooError as error:
        return {"kind": "refused", "sentence": str(error)}, {}
    except MemoryError:
        return {"kind": "refused", "sentence": "there is not enough memory to read the images"}, {}


def main() -> None:
    """Answer one question and end."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not print into the answer
    message = protocol.read(sys.stdin.buffer)
    if message is not None:
        header, arrays = reply(message)
        out.write(protocol.encode(header, arrays))
        out.flush()
    os._exit(0)
