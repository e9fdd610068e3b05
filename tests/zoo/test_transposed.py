"""The convolution's matrix and its transpose do what torch does; the sheet's exercise 1 comes out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from zoo import transposed
from zoo.transposed import Pair

CASES: list[tuple[int, int, Pair, Pair, Pair, Pair]] = [
    # inputs, outputs, size, kernel, stride, padding
    (1, 1, (4, 4), (3, 3), (1, 1), (0, 0)),
    (2, 3, (5, 6), (3, 3), (1, 1), (1, 1)),
    (1, 2, (7, 7), (3, 3), (2, 2), (1, 1)),
    (3, 1, (8, 7), (2, 3), (2, 1), (0, 1)),
    (1, 1, (6, 6), (2, 2), (2, 2), (0, 0)),
    (2, 2, (9, 5), (5, 3), (3, 2), (2, 0)),
    (1, 1, (8, 8), (3, 3), (2, 2), (1, 1)),  # 8 and 7 both give 4: the output's padding decides
]


@pytest.mark.parametrize(("inputs", "outputs", "size", "kernel", "stride", "padding"), CASES)
def test_the_matrix_is_torchs_convolution_and_its_transpose_torchs_transposed_one(
    inputs: int, outputs: int, size: Pair, kernel: Pair, stride: Pair, padding: Pair
) -> None:
    rng = np.random.default_rng(0)
    weight, image = rng.normal(size=(outputs, inputs, *kernel)), rng.normal(size=(inputs, *size))
    torch_weight = torch.from_numpy(weight)
    forward = functional.conv2d(torch.from_numpy(image)[None], torch_weight, stride=stride, padding=padding)[0]
    assert tuple(forward.shape[1:]) == transposed.output_size(size, kernel, stride, padding)
    values = transposed.convolution_matrix(weight, size, stride, padding) @ image.reshape(-1)
    np.testing.assert_allclose(values.reshape(forward.shape), forward.numpy(), atol=1e-12)

    back = rng.normal(size=tuple(forward.shape))
    missing = [
        length - ((small - 1) * step + reach - 2 * pad)
        for length, small, reach, step, pad in zip(size, forward.shape[1:], kernel, stride, padding, strict=True)
    ]
    expected = functional.conv_transpose2d(
        torch.from_numpy(back)[None], torch_weight, stride=stride, padding=padding, output_padding=missing
    )[0]
    assert size in transposed.input_sizes((forward.shape[1], forward.shape[2]), kernel, stride, padding)
    values = transposed.convolution_matrix(weight, size, stride, padding).T @ back.reshape(-1)
    np.testing.assert_allclose(values.reshape(inputs, *size), expected.numpy(), atol=1e-12)
    summed = transposed.spread(back, weight, size, stride, padding)
    np.testing.assert_allclose(summed, expected.numpy(), atol=1e-12)


def test_the_transposed_convolution_is_the_gradient_of_the_convolution() -> None:
    rng = np.random.default_rng(1)
    image = torch.from_numpy(rng.normal(size=(1, 2, 6, 6))).requires_grad_()
    weight = rng.normal(size=(3, 2, 3, 3))
    output = functional.conv2d(image, torch.from_numpy(weight), stride=2, padding=1)
    gradient = rng.normal(size=tuple(output.shape[1:]))
    output.backward(torch.from_numpy(gradient)[None])
    assert image.grad is not None
    values = transposed.convolution_matrix(weight, (6, 6), (2, 2), (1, 1)).T @ gradient.reshape(-1)
    np.testing.assert_allclose(values.reshape(2, 6, 6), image.grad[0].numpy(), atol=1e-12)


def test_exercise_1a_the_blanks_of_the_sheets_two_layers() -> None:
    assert transposed.same_output_size((64, 48), (3, 2)) == (22, 24)
    assert transposed.same_output_size((22, 24), (2, 6)) == (11, 4)


def test_exercise_1c_several_sizes_give_one_so_the_output_shape_must_be_given() -> None:
    sizes = transposed.input_sizes((4, 4), (3, 3), (2, 2), (1, 1))
    assert sizes == [(7, 7), (7, 8), (8, 7), (8, 8)]
    assert {transposed.output_size(size, (3, 3), (2, 2), (1, 1)) for size in sizes} == {(4, 4)}
    for wrong in ((6, 6), (9, 9)):
        assert transposed.output_size(wrong, (3, 3), (2, 2), (1, 1)) != (4, 4)


def test_overlap_counts_the_summed_values_and_is_even_where_the_stride_divides_the_kernel() -> None:
    uneven = transposed.overlap((7, 7), (3, 3), (2, 2))
    assert uneven[2].tolist() == [2, 2, 4, 2, 4, 2, 2]  # a checkerboard
    assert set(transposed.overlap((6, 6), (2, 2), (2, 2)).ravel().tolist()) == {1}
    summed = transposed.convolution_matrix(np.ones((1, 1, 3, 3)), (7, 7), (2, 2)).T @ np.ones(9)
    np.testing.assert_array_equal(summed.reshape(7, 7), uneven)


def test_a_kernel_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit into"):
        transposed.output_size((2, 2), (3, 3))
