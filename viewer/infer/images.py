"""A process that reads images and ends: a data set's test split, the embedded sample, or a picture that was dropped.

Reading a data set imports much and takes memory that is not given back, and a stranger's picture goes through decoders
written in C: the window does neither itself. One request comes on standard input, one reply goes out.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from viewer.infer import messages, protocol, sandbox
from viewer.infer.messages import (
    DecodedPicture,
    DecodePicture,
    Message,
    ReadSamples,
    ReadSplit,
    Refused,
    SampleImages,
    SplitImages,
)
from viewer.state import samples
from zoo.errors import AezooError, DataError, FileRefused

if TYPE_CHECKING:
    from zoo.data.splits import Splits

MOST_TEST = 10_000
MOST_TRAINING = 2_000
MOST_PIXELS = 64_000_000  # of a picture: a small file that unpacks to more is meant to exhaust the machine's memory
LARGEST_SIDE = 1_024  # of what is sent on: no graph of the zoo takes larger images


def read_split(request: ReadSplit) -> SplitImages:
    """Read the test images of a data set, and some of its training images, evenly spread."""
    if request.images:
        return _split_images(_own_splits(request))
    from zoo.data import sets, splits

    name = request.dataset.removesuffix("-sample")
    data = sets.SAMPLE if name != request.dataset else request.data
    return _split_images(splits.load(name, data, split=request.cut))


def _own_splits(request: ReadSplit) -> Splits:
    """Read pictures of the user's own again, where the run says they lay. Raises DataError where they are gone."""
    from zoo.data import own

    path = Path(request.images)
    if not path.exists():
        raise DataError(f"its pictures are no longer in {path}")
    channels, height, width = request.shape
    return own.load(path, (channels, height, width))


def _split_images(loaded: Splits) -> SplitImages:
    test, train = loaded.test.take(slice(None, MOST_TEST)), loaded.train
    spread = np.linspace(0, len(train) - 1, min(MOST_TRAINING, len(train))).astype(int)
    arrays = {
        "pixels": test.pixels,
        "labels": test.labels,
        "training": train.pixels[spread],
        "training_labels": train.labels[spread],
    }
    return SplitImages(test.provenance, tuple(test.classes), arrays=arrays)


def read_samples(request: ReadSamples) -> SampleImages:
    """Return ten embedded images of a shape; no arrays if there are none of that shape."""
    channels, height, width = request.shape
    names = {"dataset": request.dataset, "task": request.task}
    made = samples.embedded_samples((channels, height, width), sigma=request.sigma, **names)
    if made is None:
        return SampleImages("")
    return SampleImages(made.provenance, arrays={"inputs": made.inputs, "targets": made.targets})


def decode_picture(request: DecodePicture) -> DecodedPicture:
    """Decode a picture that was dropped or pasted; a transparent one is put on white. Raises FileRefused."""
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    Image.init()  # its decoders are imported now, since the sandbox takes the files away
    _decode(_smallest_png())
    sandbox.seal()
    try:
        return DecodedPicture(arrays={"picture": _decode(request.arrays["file"].tobytes())})
    except Exception as error:  # Pillow's decoders raise classes of their own
        unknown = isinstance(error, UnidentifiedImageError)
        line = (str(error).splitlines() or [type(error).__name__])[0][:120]
        why = "its format is not known" if unknown else line
        raise FileRefused(f"it is not a picture that can be read ({why}); expected PNG, JPEG or the like") from error


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


def reply(request: Message) -> Message:
    """Return the reply to the one request; errors that a user can mend become a Refused."""
    try:
        if isinstance(request, ReadSplit):
            return read_split(request)
        if isinstance(request, ReadSamples):
            return read_samples(request)
        assert isinstance(request, DecodePicture), request
        return decode_picture(request)
    except AezooError as error:
        return Refused(0, str(error))
    except MemoryError:
        return Refused(0, "there is not enough memory to read the images")


def main() -> None:
    """Answer one request and end."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not print into the reply
    frame = protocol.read(sys.stdin.buffer)
    if frame is not None:
        out.write(messages.encode(reply(messages.decode(frame, ReadSplit, ReadSamples, DecodePicture))))
        out.flush()
    os._exit(0)
