"""The networks of the benchmark in Keras, layer by layer as the recipes have them, NHWC."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers


def _convolution(filters: int, size: int = 3, activation: str | None = "relu") -> Any:
    return layers.Conv2D(filters, size, padding="same", activation=activation)


def _dense() -> Sequence[Any]:
    hidden = [layers.Dense(size, activation="relu") for size in (400, 200, 100, 200, 400)]
    return [layers.Flatten(), *hidden, layers.Dense(784, activation="sigmoid"), layers.Reshape((28, 28, 1))]


def _conv() -> Sequence[Any]:
    return [
        *[_convolution(16), layers.MaxPooling2D(), _convolution(8), layers.MaxPooling2D()],
        *[_convolution(8), layers.UpSampling2D(), _convolution(16), layers.UpSampling2D()],
        _convolution(1, activation="sigmoid"),
    ]


def _fully_convolutional() -> Sequence[Any]:
    return [
        *[_convolution(8), layers.MaxPooling2D(), _convolution(4), layers.MaxPooling2D(), _convolution(2)],
        *[layers.Conv2DTranspose(4, 2, strides=2), _convolution(4)],
        *[layers.Conv2DTranspose(8, 2, strides=2), _convolution(8)],
        _convolution(1, size=1, activation=None),
    ]


def _base() -> Sequence[Any]:
    return [
        *[_convolution(8), layers.MaxPooling2D(), _convolution(12), layers.MaxPooling2D(), _convolution(16)],
        *[layers.UpSampling2D(), _convolution(12), layers.UpSampling2D()],
        _convolution(3, activation="sigmoid"),
    ]


_NETWORKS = {
    "purdue/dense": ((28, 28, 1), _dense),
    "purdue/conv": ((28, 28, 1), _conv),
    "freiburg/lr-0.001": ((28, 28, 1), _fully_convolutional),
    "maastricht/base": ((32, 32, 3), _base),
}


def network_of(name: str) -> Any:
    """Return a recipe's network as a Keras model, image (B, H, W, C) → image."""
    shape, chain = _NETWORKS[name]
    return keras.Sequential([keras.Input(shape), *chain()])
