"""A process that reads images and ends: a data set's test split, the embedded sample, or a picture that was dropped.

Reading a data set imports much and takes memory that is not given back, and a stranger's picture goes through decoders
written in C: the window does neither itself. One task comes on standard input, one reply goes out.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from viewer.infer import messages
from viewer.infer.messages import Completed, ImageTask, Refused
from viewer.state import samples
from zoo import protocol, sandbox
from zoo.data import pictures
from zoo.errors import AezooError, DataError, FileRefused, first_line

if TYPE_CHECKING:
    from zoo.data.splits import Splits

MOST_TEST = 10_000
MOST_TRAINING = 2_000
LARGEST_SIDE = 1_024  # of what is sent on: no graph of the zoo takes larger images


def _splits(task: ImageTask) -> Splits:
    from zoo.data import sets, splits

    name = task.facts["dataset"].removesuffix("-sample")
    data = sets.SAMPLE if name != task.facts["dataset"] else task.facts["data"]
    return splits.load(name, data, split=task.facts["cut"])


def _own_splits(task: ImageTask) -> Splits:
    """Read pictures of the user's own again, where the run says they lay. Raises DataError where they are gone."""
    from zoo.data import own

    path = Path(task.facts["images"])
    if not path.exists():
        raise DataError(f"its pictures are no longer in {path}")
    channels, height, width = task.facts["shape"]
    return own.load(path, (channels, height, width))


def read_split(task: ImageTask) -> Completed:
    """Read the test images of a data set, and some of its training images, evenly spread.

    `data` is where they are, as --data names it; `images` where pictures of the user's own lay, '' for a data set.
    """
    loaded = _own_splits(task) if task.facts.get("images") else _splits(task)
    test, train = loaded.test.take(slice(None, MOST_TEST)), loaded.train
    spread = np.linspace(0, len(train) - 1, min(MOST_TRAINING, len(train))).astype(int)
    arrays = {
        "pixels": test.pixels,
        "labels": test.labels,
        "training": train.pixels[spread],
        "training_labels": train.labels[spread],
    }
    return Completed(0, {"provenance": test.provenance, "classes": list(test.classes)}, arrays=arrays)


def read_samples(task: ImageTask) -> Completed:
    """Return ten embedded images of a `shape` (C, H, W), as the task needs them; no arrays if there are none."""
    channels, height, width = task.facts["shape"]
    named = {key: task.facts[key] for key in ("dataset", "sigma", "task")}
    made = samples.embedded_samples((channels, height, width), **named)
    if made is None:
        return Completed(0, {})
    return Completed(0, {"provenance": made.provenance}, arrays={"inputs": made.inputs, "targets": made.targets})


def decode_picture(task: ImageTask) -> Completed:
    """Decode the file of a picture that was dropped or pasted, uint8; a transparent one is put on white or black.

    Raises DataError.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = pictures.MOST_PIXELS
    Image.init()  # its decoders are imported now, since the sandbox takes the files away
    _decode(_smallest_png())
    sandbox.seal()
    try:
        return Completed(0, {}, arrays={"picture": _decode(task.arrays["file"].tobytes())})
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders raise classes of their own
        raise FileRefused(f"it cannot be read as a picture ({first_line(error)})") from error


TASKS = {"split": read_split, "samples": read_samples, "picture": decode_picture}


def _decode(data: bytes) -> np.ndarray:
    values = pictures.read(Path("it"), file=io.BytesIO(data), most=LARGEST_SIDE, paper="visible")
    return np.round(values * 255).astype(np.uint8)


def _smallest_png() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, "PNG")
    return buffer.getvalue()


def reply(task: ImageTask) -> Completed | Refused:
    """Return the reply to the one task; errors that a user can mend become a Refused."""
    try:
        return TASKS[task.task](task)
    except AezooError as error:
        return Refused(0, str(error))
    except MemoryError:
        return Refused(0, "there is not enough memory to read the images")


def main() -> None:
    """Do one task and end."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not print into the reply
    frame = protocol.read(sys.stdin.buffer)
    if frame is not None:
        out.write(messages.encode(reply(messages.decode(frame, ImageTask))))
        out.flush()
    os._exit(0)
