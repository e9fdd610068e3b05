"""Transposed convolution as it is meant: the transpose of the matrix that a convolution is. Pure numpy.

A convolution without bias is linear, so on images of one size it is a matrix C: y = C x, for x and y flattened. The
transposed convolution with the same kernel, stride and padding is Cᵀ: it takes y's shape to x's, and it is how a
gradient goes back through the convolution. Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep
learning", chapter 4; the letters sheet's exercise 1. Like torch, "convolution" here does not flip the kernel.
"""

import itertools

import numpy as np

Pair = tuple[int, int]


def output_size(size: Pair, kernel: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> Pair:
    """Return the (height, width) that a convolution makes of `size`. Raises ValueError where it does not fit."""
    sizes = zip(size, kernel, stride, padding, strict=True)
    height, width = ((length + 2 * pad - reach) // step + 1 for length, reach, step, pad in sizes)
    if height < 1 or width < 1:
        raise ValueError(f"a kernel of {kernel} does not fit into {size} with a padding of {padding}")
    return height, width


def input_sizes(size: Pair, kernel: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> list[Pair]:
    """Return every input size from which a convolution makes `size`: stride[0]·stride[1] of them.

    That is why a transposed convolution needs its output's shape as an argument (exercise 1 c).
    """
    least = [
        (length - 1) * step + reach - 2 * pad
        for length, reach, step, pad in zip(size, kernel, stride, padding, strict=True)
    ]
    choices = (range(start, start + step) for start, step in zip(least, stride, strict=True))
    return [(height, width) for height, width in itertools.product(*choices) if height > 0 and width > 0]


def same_output_size(size: Pair, stride: Pair) -> Pair:
    """Return the size under TensorFlow's 'SAME' padding: that divided by the stride, rounded up."""
    height, width = (-(-length // step) for length, step in zip(size, stride, strict=True))
    return height, width


def convolution_matrix(kernel: np.ndarray, size: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> np.ndarray:
    """Return C, float64 (O·h·w, I·H·W), of the convolution with `kernel` (O, I, kh, kw) on images (I, H, W).

    Row (o, i, j) holds the kernel's values where output (i, j) of channel o looks; padding holds nothing to look at.
    """
    outputs, inputs, reach_y, reach_x = kernel.shape
    height, width = output_size(size, (reach_y, reach_x), stride, padding)
    matrix = np.zeros((outputs, height, width, inputs, *size))
    for i, j, u, v in itertools.product(range(height), range(width), range(reach_y), range(reach_x)):
        y, x = i * stride[0] + u - padding[0], j * stride[1] + v - padding[1]
        if 0 <= y < size[0] and 0 <= x < size[1]:
            matrix[:, i, j, :, y, x] = kernel[:, :, u, v]
    return matrix.reshape(outputs * height * width, inputs * size[0] * size[1])


def overlap(size: Pair, kernel: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> np.ndarray:
    """Return how many outputs of the convolution look at each input, int64 (H, W).

    The same number of values are summed there by the transposed convolution: where it varies, a checkerboard shows.
    """
    summed: np.ndarray = convolution_matrix(np.ones((1, 1, *kernel)), size, stride, padding).sum(axis=0)
    return summed.round().astype(np.int64).reshape(size)


def spread(
    values: np.ndarray, kernel: np.ndarray, size: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0)
) -> np.ndarray:
    """Return the transposed convolution of values (O, h, w), float64 (I, H, W) of `size`: no matrix is made.

    Every value puts the kernel (O, I, kh, kw), times itself, where the convolution would have looked for it; what
    overlaps is summed, and the padding is cut off.
    """
    _, inputs, reach_y, reach_x = kernel.shape
    height, width = values.shape[1:]
    wide = np.zeros((inputs, size[0] + 2 * padding[0], size[1] + 2 * padding[1]))
    for i, j in itertools.product(range(height), range(width)):
        y, x = i * stride[0], j * stride[1]
        wide[:, y : y + reach_y, x : x + reach_x] += np.tensordot(values[:, i, j], kernel, axes=1)
    return wide[:, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]]
