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


def _conv(wide: int, narrow: int) -> Sequence[Any]:
    return [
        *[_convolution(wide), layers.MaxPooling2D(), _convolution(narrow), layers.MaxPooling2D()],
        *[_convolution(narrow), layers.UpSampling2D(), _convolution(wide), layers.UpSampling2D()],
        _convolution(1, activation="sigmoid"),
    ]


def _fully_convolutional() -> Sequence[Any]:
    return [
        *[_convolution(8), layers.MaxPooling2D(), _convolution(4), layers.MaxPooling2D(), _convolution(2)],
        *[layers.Conv2DTranspose(4, 2, strides=2), _convolution(4)],
        *[layers.Conv2DTranspose(8, 2, strides=2), _convolution(8)],
        _convolution(1, size=1, activation=None),
    ]


def _two_pools(first: int, second: int, third: int) -> Sequence[Any]:
    return [
        *[_convolution(first), layers.MaxPooling2D(), _convolution(second), layers.MaxPooling2D()],
        *[_convolution(third), layers.UpSampling2D(), _convolution(second), layers.UpSampling2D()],
        _convolution(3, activation="sigmoid"),
    ]


def _one_pool(first: int, second: int, third: int) -> Sequence[Any]:
    return [
        *[_convolution(first), _convolution(second), layers.MaxPooling2D(), _convolution(third)],
        *[layers.UpSampling2D(), _convolution(3, activation="sigmoid")],
    ]


def _model_1() -> Sequence[Any]:
    return [
        *[_convolution(12), layers.MaxPooling2D(), _convolution(16)],
        *[layers.UpSampling2D(), _convolution(12), _convolution(3, activation="sigmoid")],
    ]


_NETWORKS = {
    "purdue/dense": ((28, 28, 1), _dense),
    "purdue/conv": ((28, 28, 1), lambda: _conv(16, 8)),
    "hesso/conv": ((28, 28, 1), lambda: _conv(16, 16)),
    "freiburg/lr-0.001": ((28, 28, 1), _fully_convolutional),
    "maastricht/base": ((32, 32, 3), lambda: _two_pools(8, 12, 16)),
    "maastricht/model-1": ((32, 32, 3), _model_1),
    "maastricht/model-2": ((32, 32, 3), lambda: _one_pool(8, 12, 16)),
    "maastricht/model-3": ((32, 32, 3), lambda: _two_pools(32, 64, 128)),
    "maastricht/colour-1": ((32, 32, 1), lambda: _one_pool(32, 64, 128)),
}


def network_of(name: str) -> Any:
    """Return a recipe's network as a Keras model, image (B, H, W, C) → image."""
    shape, chain = _NETWORKS[name]
    return keras.Sequential([keras.Input(shape), *chain()])
