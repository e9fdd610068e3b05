"""How wrong the colours of a picture are, whatever its brightness: the distance in the plane of a* and b*.

CIE 1976 L*a*b* (ISO/CIE 11664-4) of sRGB pixels (IEC 61966-2-1) under D65, the 2° observer. The chroma error of a pixel
is √(Δa*² + Δb*²): the distance that R. Zhang, P. Isola and A. Efros measure colourings with (Colorful Image
Colorization, ECCV 2016, 3.1); that of an image is its mean. About 2 can just be seen; a strong colour is 50 to 100 from
grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from viewer.state.numbers import Numbers
from viewer.state.run_outputs import RunOutput

# Linear sRGB to XYZ (IEC 61966-2-1), each row divided by the white point's X, Y or Z, so that white becomes (1, 1, 1).
_TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = np.array([0.95047, 1.0, 1.08883])
_FROM_RGB = (_TO_XYZ / _WHITE[:, None]).astype(np.float32)


def ab(images: np.ndarray) -> np.ndarray:
    """Return a* and b* of colour images (N, 3, H, W) in [0, 1], float32 (N, 2, H, W)."""
    assert images.ndim == 4 and images.shape[1] == 3, images.shape
    linear = _linear(np.clip(images, 0, 1).astype(np.float32))
    x, y, z = np.moveaxis(_cube_root(np.einsum("ij,njhw->nihw", _FROM_RGB, linear, optimize=True)), 1, 0)
    return np.stack([500 * (x - y), 200 * (y - z)], axis=1)


def _linear(values: np.ndarray) -> np.ndarray:
    """Undo the curve of sRGB."""
    return np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92).astype(np.float32)


def _cube_root(values: np.ndarray) -> np.ndarray:
    """The f of CIELAB: a cube root, and a line near black."""
    return np.where(values > 0.008856, np.cbrt(values), 7.787 * values + 16 / 116).astype(np.float32)


def error_map(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return the chroma error of every pixel of colour images (N, 3, H, W) in [0, 1], float32 (N, H, W)."""
    return distance(ab(outputs), ab(targets))


def distance(one: np.ndarray, other: np.ndarray | float) -> np.ndarray:
    """Return the distance of a* and b* (N, 2, H, W) from others, or from 0, which is grey, float32 (N, H, W)."""
    return np.asarray(np.sqrt(((one - other) ** 2).sum(axis=1)))


def errors(maps: np.ndarray) -> np.ndarray:
    """Return the chroma error of each image, float64 (N,): the mean over its pixels."""
    return np.asarray(maps.reshape(len(maps), -1).mean(axis=1, dtype=np.float64))


@dataclass(frozen=True, eq=False)
class ColourResult:
    """A run's output, its chroma error at every pixel, and that of the grey input: both float32 (N, H, W)."""

    output: RunOutput
    wrong: np.ndarray
    grey: np.ndarray

    @property
    def name(self) -> str:
        return self.output.name


def results_of(runs: Sequence[RunOutput]) -> tuple[ColourResult, ...]:
    """Return the chroma errors of the runs with images; shared true colours are converted once."""
    truths: dict[int, np.ndarray] = {}
    found = []
    for output in runs:
        if output.images is None or output.samples is None:
            continue
        targets = output.samples.targets
        if id(targets) not in truths:
            truths[id(targets)] = ab(_in_colour(targets))
        truth = truths[id(targets)]
        wrong = distance(ab(_in_colour(output.images)), truth)
        found.append(ColourResult(output, wrong, distance(truth, 0.0)))
    return tuple(found)


def _in_colour(images: np.ndarray) -> np.ndarray:
    """Return images with three channels: a foreign colouriser may make grey ones."""
    return images if images.shape[1] == 3 else np.repeat(images[:, :1], 3, axis=1)


def table(results: Sequence[ColourResult]) -> Numbers:
    """Return a row for each image of each run."""
    rows: Numbers = [("run", "image", "chroma_error", "chroma_error_grey_copied", "mse", "psnr_db")]
    for one in results:
        wrong, grey = errors(one.wrong), errors(one.grey)
        for image in range(len(wrong)):
            mse, psnr = float(one.output.mse[image]), float(one.output.psnr[image])
            rows.append((one.name, image + 1, float(wrong[image]), float(grey[image]), mse, psnr))
    return rows if len(rows) > 1 else []
