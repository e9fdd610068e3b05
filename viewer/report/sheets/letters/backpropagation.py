"""Exercise 3: how a gradient goes back through a convolution, derived in a few lines and tried out in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from viewer.report.document import Block, Heading, TableBlock, answer, part
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


@dataclass(frozen=True)
class ConvolutionCheck:
    """The largest differences of one convolution: Aᵀ∇g against finite differences, Aᵀ against what overlaps summed."""

    size: Pair
    kernel: Pair
    stride: Pair
    padding: Pair
    gradient: float
    transposition: float


def blocks() -> list[Block]:
    """Return what exercise 3 asks for."""
    tried = [check(*case) for case in CASES]
    return [
        part("Exercise 3: Backpropagation through a convolution layer"),
        Heading("a) With the convolution as a matrix A, the gradient of E(x) = g(Ax) is Aᵀ∇g(Ax)"),
        answer(
            "A convolution is linear, so that on images of one size it is a matrix: y = Ax, with a row of A for each "
            "output, which holds the kernel's values where that output looks and zeros elsewhere. By the chain rule "
            "∂E/∂xⱼ = Σᵢ ∂g/∂yᵢ · ∂yᵢ/∂xⱼ = Σᵢ Aᵢⱼ (∇g(y))ᵢ, and that is the j-th entry of Aᵀ∇g(Ax). A bias b "
            "changes nothing but the place y = Ax + b at which ∇g is taken."
        ),
        Heading("b) Aᵀ is the transposed convolution"),
        answer(
            "Aᵀ has a column for each output i, and it is the row with which output i looked. So Aᵀz = Σᵢ zᵢ · "
            "(row i): every value zᵢ puts the kernel, times itself, back to where the convolution looked for it, "
            "and what overlaps is summed. The stride, by which the convolution's window moved, is now the step "
            "between two kernels that are put down, and the padding, which was added, is cut off: the transposed "
            "convolution with the same kernel, stride and padding."
        ),
        _table(tried),
        answer(conclusion(tried)),
    ]


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
        *(size, kernel, stride, padding),
        gradient=float(np.abs((errors[0] - errors[1]) / (2 * STEP) - gradient).max()),
        transposition=float(np.abs(matrix.T @ z.ravel() - summed.ravel()).max()),
    )


def _table(tried: list[ConvolutionCheck]) -> TableBlock:
    def pair(sizes: Pair) -> str:
        return f"{sizes[0]}×{sizes[1]}"

    heading = ("image", "kernel", "stride", "padding", "a) largest difference", "b) largest difference")
    rows = [
        (
            *map(pair, (each.size, each.kernel)),
            f"{each.stride[0]}, {each.stride[1]}",
            str(each.padding[0]),
            _short(each.gradient),
            _short(each.transposition),
        )
        for each in tried
    ]
    caption = (
        "Tried out in float64 on random images of two channels and kernels to three: a) Aᵀ∇g(Ax) beside central "
        "finite differences of g(Ax), with g(y) = Σ log cosh y; b) Aᵀz beside the kernels put down and summed, "
        "without a matrix."
    )
    return TableBlock(caption, (heading, *rows))


def _short(number: float) -> str:
    """Write a tiny number: 5e-9."""
    return f"{number:.0e}".replace("e-0", "e-")


def conclusion(tried: list[ConvolutionCheck]) -> str:
    """Say how far both statements are from what was computed."""
    gradient, summed = max(each.gradient for each in tried), max(each.transposition for each in tried)
    held = "Both hold" if gradient < 1e-6 and summed < 1e-12 else "They do not both hold here"
    return (
        f"{held}: the largest difference is {_short(gradient)} for a), which is the error of finite differences with a "
        f"step of {_short(STEP)}, and {_short(summed)} for b), which is rounding."
    )
