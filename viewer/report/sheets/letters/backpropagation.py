"""Exercise 3: how a gradient goes back through a convolution, tried out in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from viewer.report.document import Block, TableBlock, answer
from zoo import transposed
from zoo.transposed import Pair

SEED = 3
STEP = 1e-5  # of the finite differences
CASES: tuple[tuple[Pair, Pair, Pair, Pair], ...] = (  # image, kernel, stride, padding
    ((6, 6), (3, 3), (1, 1), (0, 0)),
    ((7, 7), (3, 3), (2, 2), (1, 1)),
    ((8, 6), (3, 3), (3, 2), (0, 0)),
    ((9, 9), (5, 5), (2, 2), (2, 2)),
)
CHANNELS = (2, 3)  # in and out


class ConvolutionCheck(NamedTuple):
    """The largest differences of one convolution: Aᵀ∇g against finite differences, Aᵀ against what overlaps summed."""

    gradient: float
    transposition: float


def blocks() -> list[Block]:
    """Return both statements in numbers."""
    tried = [check(*case) for case in CASES]
    heading = ("image", "kernel", "stride", "padding", "a) largest difference", "b) largest difference")
    rows = [
        ("{}×{}".format(*size), "{}×{}".format(*kernel), "{}, {}".format(*stride), str(padding[0]), *map(_short, found))
        for (size, kernel, stride, padding), found in zip(CASES, tried, strict=True)
    ]
    caption = (
        "Tried out in float64 on random images of two channels and kernels to three: a) Aᵀ∇g(Ax) beside central "
        "finite differences of g(Ax), with g(y) = Σ log cosh y; b) Aᵀz beside the kernels put down and summed, "
        "without a matrix."
    )
    return [TableBlock(caption, (heading, *rows)), answer(conclusion(tried))]


def check(size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> ConvolutionCheck:
    """Try out both statements on a random image and kernel, with g(y) = Σ log cosh(y), whose gradient is tanh(y)."""
    random = np.random.default_rng(SEED)
    inputs, outputs = CHANNELS
    weights, image = random.standard_normal((outputs, inputs, *kernel)), random.standard_normal((inputs, *size))
    matrix, x = transposed.convolution_matrix(weights, size, stride, padding), image.ravel()
    gradient = matrix.T @ np.tanh(matrix @ x)
    moved = STEP * np.eye(len(x))
    errors = [np.log(np.cosh(matrix @ (x + sign * moved).T)).sum(axis=0) for sign in (1, -1)]
    z = random.standard_normal((outputs, *transposed.output_size(size, kernel, stride, padding)))
    summed = transposed.spread(z, weights, size, stride, padding)
    return ConvolutionCheck(
        gradient=float(np.abs((errors[0] - errors[1]) / (2 * STEP) - gradient).max()),
        transposition=float(np.abs(matrix.T @ z.ravel() - summed.ravel()).max()),
    )


def _short(number: float) -> str:
    """Write a tiny number: 5e-9."""
    return f"{number:.0e}".replace("e-0", "e-")


def conclusion(tried: Sequence[ConvolutionCheck]) -> str:
    """Say how far both statements are from what was computed."""
    gradient, summed = map(max, zip(*tried, strict=True))
    held = "Both hold" if gradient < 1e-6 and summed < 1e-12 else "They do not both hold here"
    return (
        f"{held}: the largest difference is {_short(gradient)} for a), which is the error of finite differences with a "
        f"step of {_short(STEP)}, and {_short(summed)} for b), which is rounding."
    )
