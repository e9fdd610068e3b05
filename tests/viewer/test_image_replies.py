"""What the process that reads images replies."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from viewer.infer import images
from viewer.infer.messages import ReadSplit
from zoo.data import sets, splits


def test_a_split_is_the_first_test_images_and_training_images_evenly_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_TEST", 50)
    monkeypatch.setattr(images, "MOST_TRAINING", 4)
    known = splits.load("mnist", sets.SAMPLE)
    found = images.read_split(ReadSplit("mnist-sample", "published", None)).arrays
    np.testing.assert_array_equal(found["pixels"], known.test.pixels[:50])
    np.testing.assert_array_equal(found["labels"], known.test.labels[:50])
    rows = [0, 499, 999, 1499]
    np.testing.assert_array_equal(found["training"], known.train.pixels[rows])
    np.testing.assert_array_equal(found["training_labels"], known.train.labels[rows])


def test_what_is_transparent_in_a_picture_becomes_white() -> None:
    buffer = io.BytesIO()
    picture = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    picture.putpixel((1, 0), (255, 0, 0, 255))
    picture.save(buffer, "PNG")
    assert images._decode(buffer.getvalue()).tolist() == [[[255, 255, 255], [255, 0, 0]]]
