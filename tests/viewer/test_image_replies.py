"""What the process that reads images replies."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from viewer.infer import images
from viewer.infer.messages import Completed, ImageTask, Refused
from viewer.state.samples import Samples
from zoo.data import pictures, sets, splits
from zoo.errors import DataError, FileRefused, UsageError

SAMPLES = ImageTask("samples", {"shape": [1, 2, 2], "dataset": "mnist", "sigma": 0.25, "task": "denoise"})


def test_a_split_is_the_first_test_images_and_training_images_evenly_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_TEST", 50)
    monkeypatch.setattr(images, "MOST_TRAINING", 4)
    known = splits.load("mnist", sets.SAMPLE)
    reply = images.reply(ImageTask("split", {"dataset": "mnist-sample", "cut": "published", "data": None}))
    assert isinstance(reply, Completed)
    assert reply.facts == {"provenance": known.test.provenance, "classes": list(known.test.classes)}
    found = reply.arrays
    np.testing.assert_array_equal(found["pixels"], known.test.pixels[:50])
    np.testing.assert_array_equal(found["labels"], known.test.labels[:50])
    rows = [0, 666, 1332, 1999]
    np.testing.assert_array_equal(found["training"], known.train.pixels[rows])
    np.testing.assert_array_equal(found["training_labels"], known.train.labels[rows])


@pytest.mark.parametrize(("ink", "paper"), [((255, 0, 0), 255), ((250, 250, 200), 0)])
def test_what_is_transparent_in_a_picture_becomes_the_side_that_keeps_the_drawing_visible(
    ink: tuple[int, int, int], paper: int
) -> None:
    buffer = io.BytesIO()
    picture = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    picture.putpixel((1, 0), (*ink, 255))
    picture.save(buffer, "PNG")
    assert images._decode(buffer.getvalue()).tolist() == [[[paper] * 3, list(ink)]]


@pytest.mark.parametrize(
    ("dataset", "data", "read"),
    [("mnist", "/data", ("mnist", "/data")), ("mnist-sample", "/data", ("mnist", sets.SAMPLE))],
)
def test_a_split_is_read_from_where_it_was_asked_for_and_cut_alike(
    monkeypatch: pytest.MonkeyPatch, dataset: str, data: str, read: tuple[str, str]
) -> None:
    def refuse(*arguments: object, split: str) -> None:
        raise UsageError(f"{arguments} {split}")

    monkeypatch.setattr(splits, "load", refuse)
    reply = images.reply(ImageTask("split", {"dataset": dataset, "cut": "own", "data": data}))
    assert isinstance(reply, Refused) and (reply.number, reply.sentence) == (0, f"{read} own")


def test_samples_are_made_for_the_task_and_the_noise_and_none_is_no_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    made: Samples | None = Samples(np.zeros((1, 1, 2, 2)), np.ones((1, 3, 2, 2)), provenance="drawn")

    def make(shape: tuple[int, int, int], **more: object) -> Samples | None:
        asked.append((shape, more))
        return made

    monkeypatch.setattr("viewer.state.samples.embedded_samples", make)
    reply = images.read_samples(SAMPLES)
    assert asked == [((1, 2, 2), {"dataset": "mnist", "sigma": 0.25, "task": "denoise"})]
    assert reply.facts == {"provenance": "drawn"} and not reply.arrays["inputs"].any() and reply.arrays["targets"].all()
    made = None
    reply = images.read_samples(SAMPLES)
    assert (reply.facts, dict(reply.arrays)) == ({}, {})


def test_too_little_memory_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> Completed:
        raise MemoryError

    monkeypatch.setitem(images.TASKS, "samples", fail)
    reply = images.reply(SAMPLES)
    assert isinstance(reply, Refused) and reply.sentence == "there is not enough memory to read the images"


def png(width: int, height: int, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(buffer, "PNG", **options)
    return buffer.getvalue()


def test_a_picture_is_turned_upright_made_smaller_and_refused_if_it_has_too_many_pixels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned a quarter
    assert images._decode(png(6, 2, exif=turned)).shape == (6, 2, 3)
    assert images._decode(png(1200, 600)).shape == (512, 1024, 3)
    monkeypatch.setattr(pictures, "MOST_PIXELS", 6)
    assert images._decode(png(3, 2)).tolist() == [[[255, 0, 0]] * 3] * 2
    monkeypatch.setattr(pictures, "MOST_PIXELS", 5)
    with pytest.raises(DataError, match="it has 3×2 pixels, more than 5"):
        images._decode(png(3, 2))


def test_a_picture_is_decoded_in_the_sandbox_and_one_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    seen: list[object] = []
    decode = images._decode
    monkeypatch.setattr("zoo.sandbox.seal", lambda: seen.append("sealed"))

    def note(data: bytes) -> np.ndarray:
        seen.append(len(data))
        return decode(data)

    def request(data: bytes) -> ImageTask:
        return ImageTask("picture", arrays={"file": np.frombuffer(data, np.uint8)})

    monkeypatch.setattr(images, "_decode", note)
    good = png(2, 1)
    assert images.decode_picture(request(good)).arrays["picture"].shape == (1, 2, 3)
    assert seen[1:3] == ["sealed", len(good)], "one picture is decoded before, so that all is imported"
    assert Image.MAX_IMAGE_PIXELS == pictures.MOST_PIXELS == 64_000_000
    with pytest.raises(DataError, match=r"cannot be read as a picture \(its format is not known\); expected PNG"):
        images.decode_picture(request(b"no picture"))

    def fail(data: bytes) -> np.ndarray:
        if data == good:
            raise RuntimeError("x" * 500 + "\nand more")
        return decode(data)

    monkeypatch.setattr(images, "_decode", fail)
    with pytest.raises(FileRefused, match=rf"\({'x' * 160}\)"):
        images.decode_picture(request(good))
