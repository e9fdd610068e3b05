"""Uni Konstanz, Deep Learning for Computer Vision 2017/18, sheet 4: transposed convolutions, letters made Latin."""

from __future__ import annotations

from viewer.report import pictures
from viewer.report.document import Block
from viewer.report.reader import Reader
from viewer.report.sheets.letters import backpropagation, encoder_decoders, principal_components

CONVOLUTIONS = (  # kernel, stride, padding
    ((3, 3), (1, 1), (0, 0)),
    ((2, 2), (2, 2), (0, 0)),
    ((3, 3), (2, 2), (0, 0)),
    ((3, 3), (2, 2), (1, 1)),
    ((4, 4), (2, 2), (1, 1)),
    ((3, 3), (3, 2), (0, 0)),
)


def blocks(reader: Reader) -> dict[str, list[Block]]:
    """Return what stands in the sheet's text by its name."""
    runs = {name: reader.run(f"letters/{name}") for name in encoder_decoders.STRATEGIES}
    classifiers = {name: reader.run(f"letters/{name}") for name in ("classifier", "classifier-noise")}
    overlaps = pictures.overlaps(
        "letters-transposed",
        CONVOLUTIONS,
        title="Stride, padding and overlap of transposed convolutions",
        caption="Transposed convolutions of 4×4 values: how many are summed at each place of the output. Red: "
        "where the first value's kernel lies. Crossed: what the padding cuts off. Where the stride divides the "
        "kernel, the inner counts are even; where it does not, a checkerboard shows.",
    )
    return {
        "transposed": [overlaps],
        **encoder_decoders.blocks(reader, runs, classifiers),
        "checks": backpropagation.blocks(),
        **principal_components.blocks(reader, runs, classifiers["classifier"]),
    }
