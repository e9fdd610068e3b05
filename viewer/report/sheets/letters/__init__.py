"""Uni Konstanz, Deep Learning for Computer Vision 2017/18, sheet 4: transposed convolutions, letters made Latin."""

from __future__ import annotations

from viewer.report import pictures
from viewer.report.document import Block, Heading, part
from viewer.report.notes import answers
from viewer.report.reader import Reader
from viewer.report.sheets.letters import backpropagation, encoder_decoders, principal_components, single_values
from zoo import transposed

TITLE = "4. Assignment: Transposed convolutions and an encoder-decoder for letters"
LEAD = "Universität Konstanz, Deep Learning for Computer Vision, 2017/18, on CoMNIST. aezoo's runs: letters/*."
SHORT = ("letters-class", "letters-random", "letters-linear", "letters-batch-size")


def blocks(reader: Reader) -> list[Block]:
    """Return what the sheet asks for, in its order."""
    runs = {name: reader.run(f"letters/{name}") for name in encoder_decoders.STRATEGIES}
    classifiers = {name: reader.run(f"letters/{name}") for name in ("classifier", "classifier-noise")}
    latent = reader.run("letters/latent")
    return [
        *_exercise_1(),
        *encoder_decoders.blocks(reader, runs, classifiers),
        *single_values.blocks(latent),
        *backpropagation.blocks(),
        *principal_components.blocks(reader, runs, classifiers["classifier"]),
    ]


def _exercise_1() -> list[Block]:
    one = transposed.same_output_size((64, 48), (3, 2))
    two = transposed.same_output_size(one, (2, 6))
    sizes = transposed.input_sizes((4, 4), (3, 3), (2, 2), (1, 1))
    return [
        part("Exercise 1: Transposed Convolutions"),
        Heading("a) Two layers of convolution, whose kernels, strides or shapes are to be filled in"),
        *answers(
            f"Kernels [3, 3, 17, 15] with stride (3, 2) bring 64×48×17 to {one[0]}×{one[1]}×15, and kernels [3, 3, "
            f"15, 13] with stride (2, 6) bring that to {two[0]}×{two[1]}×13: with 'same' padding the size is divided "
            "by the stride and rounded up."
        ),
        Heading("b) The mirrored transposed convolutions"),
        *answers(
            f"The same kernels and strides in the other order: {two[0]}×{two[1]}×13 → {one[0]}×{one[1]}×15 → "
            "64×48×17. The matrix of each is the transpose of the convolution's, so that the shapes change places."
        ),
        Heading("c) Why the output's shape has to be given"),
        *answers(
            "Because a convolution brings several sizes to one: with a 3×3 kernel, stride 2 and padding 1, 4×4 "
            f"comes from {', '.join(f'{height}×{width}' for height, width in sizes)}. The transposed one cannot know "
            "which it was."
        ),
        pictures.overlaps(
            "letters-transposed",
            (  # kernel, stride, padding
                ((3, 3), (1, 1), (0, 0)),
                ((2, 2), (2, 2), (0, 0)),
                ((3, 3), (2, 2), (0, 0)),
                ((3, 3), (2, 2), (1, 1)),
                ((4, 4), (2, 2), (1, 1)),
                ((3, 3), (3, 2), (0, 0)),
            ),
            title="Stride, padding and overlap of transposed convolutions",
            caption="Transposed convolutions of 4×4 values: how many are summed at each place of the output. Red: "
            "where the first value's kernel lies. Crossed: what the padding cuts off. Where the stride divides the "
            "kernel, the inner counts are even; where it does not, a checkerboard shows.",
        ),
    ]
