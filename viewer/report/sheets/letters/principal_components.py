"""Exercise 4: principal components against a linear autoencoder.

An autoencoder without activation functions that minimises the squared error finds the space of the first principal
components (Baldi and Hornik 1989). Here it is trained without knowing of them: encoder and decoder take turns to be
what is best for the other. Images are float32 (N, 1, H, W), and (N, D) float64 where they are centred.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from viewer.figures.chart.readings import Series
from viewer.figures.curves import CurvesFigure
from viewer.figures.paper import Figure
from viewer.figures.theme import Theme
from viewer.report import pictures, tables
from viewer.report.document import Block, TableBlock, note
from viewer.report.notes import answers, missing
from viewer.report.pictures import PictureRow
from viewer.report.reader import Reader, ReportRun, Runs
from viewer.state.metrics import figure, percent
from viewer.state.samples import COUNT, to_unit
from zoo.data.images import Images

COMPONENTS = (2, 8, 32)  # values of the linear maps
SHOWN = 32  # of them, those whose letters are shown
SEED = 0
ROUNDS = 30  # after which the errors of the two agree to about three digits, on the letters
ALIKE = 0.01  # relative difference below which two errors are called the same
BATCHES, STEPS, RATE, VALUES = (1, 8, 32), 2_000, 0.01, 5  # of stochastic gradient descent
LOOKS = 60  # at the space on the way, and half as many more in the last quarter
NEAR = 0.02  # of an orthogonal space's distance: as good as arrived


def blocks(reader: Reader, runs: Runs, classifier: ReportRun) -> dict[str, list[Block]]:
    """Return what stands in the sheet's text of exercise 4 by its name."""
    names = "linear-maps", "eigenvalues", "batch-sizes"
    source = next((run for run in (*runs.values(), classifier) if run.is_there), None)
    if source is None:
        return dict.fromkeys(names, missing(classifier, what="letters to compare them on"))
    train, test = reader.images(source, "train"), reader.images(source, "test")
    if isinstance(train, str) or isinstance(test, str):
        lack: list[Block] = [note(next(each for each in (train, test) if isinstance(each, str)))]
        return {**dict.fromkeys(names, lack), "linear-maps": [*lack, *_encoder_decoders(runs)]}
    found = [*_linear_maps(train, test), *_encoder_decoders(runs)], _discarded(train), _descents(train)
    return dict(zip(names, found, strict=True))


def _centred(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat = images.reshape(len(images), -1).astype(np.float64)
    mean = flat.mean(axis=0)
    return mean, flat - mean


# ---- a) both linear maps -------------------------------------------------------------------------------------


class LinearMap(NamedTuple):
    """Image → values → image: `mean` (D,), `down` (D, k), `up` (k, D), all float64."""

    mean: np.ndarray
    down: np.ndarray
    up: np.ndarray

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return what images become; not clipped, since clipping is not linear."""
        flat = images.reshape(len(images), -1) - self.mean
        made: np.ndarray = ((flat @ self.down) @ self.up + self.mean).astype(np.float32)
        return made.reshape(images.shape)


def principal_components(images: np.ndarray, values: int) -> LinearMap:
    """Return the projection on so many first principal components of images, at most N - 1 of them."""
    mean, centred = _centred(images)
    axes = np.linalg.eigh(centred.T @ centred).eigenvectors[:, -values:]  # the largest last
    return LinearMap(mean, axes, axes.T)


def linear_autoencoder(images: np.ndarray, values: int) -> LinearMap:
    """Return a linear autoencoder with this bottleneck, trained on images by alternating least squares."""
    mean, centred = _centred(images)
    up = np.random.default_rng(SEED).standard_normal((values, centred.shape[1]))
    for _ in range(ROUNDS):
        inner = centred @ np.linalg.pinv(up)  # by the encoder that is best for this decoder
        up = np.linalg.pinv(inner) @ centred  # the decoder that is best for this encoder
        up /= np.linalg.norm(up, axis=1, keepdims=True) + 1e-300  # changes nothing, but keeps the numbers near 1
    return LinearMap(mean, np.linalg.pinv(up), up)


class Fit(NamedTuple):
    """What both linear maps with so many values make of images that were not fitted: outputs and their errors."""

    values: int
    components: float
    autoencoder: float
    outputs: tuple[np.ndarray, ...] = ()


def fit(known: np.ndarray, new: np.ndarray, values: int) -> Fit:
    """Fit both maps to images, and try them on others."""
    outputs = principal_components(known, values)(new), linear_autoencoder(known, values)(new)
    components, autoencoder = (float(np.mean((output - new) ** 2)) for output in outputs)
    return Fit(values, components, autoencoder, outputs)


def _linear_maps(train: Images, test: Images) -> list[Block]:
    known, new = to_unit(train.pixels), to_unit(test.pixels)
    fits = [fit(known, new, count) for count in COMPONENTS if count < len(known)]
    if not fits:
        return [note(f"{len(known)} training letters are too few for a linear map.")]
    names = f"PCA, {SHOWN}", f"linear, {SHOWN}"
    shown = [each.outputs for each in fits if each.values == SHOWN]
    picture = pictures.images(
        "letters-linear",
        [
            PictureRow("original", new[:COUNT]),
            *(PictureRow(name, made[:COUNT]) for outputs in shown for name, made in zip(names, outputs, strict=True)),
        ],
        caption=f"The first ten test letters, and what both linear maps with {SHOWN} values make of them.",
        data=test.provenance,
    )
    rows = [(str(each.values), figure("mse", each.components), figure("mse", each.autoencoder)) for each in fits]
    caption = (
        f"Measured on {len(new):,} test letters; both were fitted to {len(known):,} training letters here, the linear "
        "autoencoder by alternating least squares. The sheet gives no figure."
    )
    table = TableBlock(caption, (("values", "PCA, mse", "linear autoencoder, mse"), *rows))
    return [table, picture, *answers(same_space(fits))]


def same_space(fits: Sequence[Fit]) -> str:
    """Answer whether a linear autoencoder finds anything else than PCA does."""
    furthest = max(abs(each.autoencoder - each.components) / each.components for each in fits)
    if furthest <= ALIKE:
        return (
            f"They are the same: the errors differ by at most {percent(furthest, 2)}. Without activation functions the "
            "autoencoder finds the space of the principal components, though not their directions."
        )
    return (
        f"They are not the same here: the errors differ by up to {percent(furthest)}. At its optimum a linear "
        "autoencoder spans the space of the principal components, so this one has not arrived."
    )


def _encoder_decoders(runs: Runs) -> list[Block]:
    caption = (
        "The encoder-decoders beside the best linear map from Cyrillic letters to the mean Latin letter: "
        "no linear encoder-decoder can do better."
    )
    baselines = ("linear", "pca", "mean-image", "nearest-example")
    return [*tables.compared(runs, "mse", baselines, caption=caption), *answers(beside_linear(runs))]


def beside_linear(runs: Runs) -> str:
    """Answer which encoder-decoders are better than every linear one."""
    better, worse = list[str](), list[str]()
    for name, run in runs.items():
        own, linear_best = run.metric("mse"), run.baseline("linear", "mse") or run.baseline("pca", "mse")
        if own is not None and linear_best is not None:
            (better if own < linear_best else worse).append(name)
    rest = f"; {', '.join(worse)} {_are(worse)} not" if worse else ""
    if better:
        return f"By the mse to the mean letter, {', '.join(better)} {_are(better)} better than every linear map{rest}."
    none = "By the mse to the mean letter, none of the encoder-decoders is better than the best linear map."
    return none if worse else ""


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


# ---- b) the error is the sum of the discarded eigenvalues ------------------------------------------------------


class Discarded(NamedTuple):
    """A mean squared error a pixel, as the discarded eigenvalues predict it and as it was measured."""

    values: int
    predicted: float
    measured: float


def discarded(images: np.ndarray, counts: Sequence[int]) -> list[Discarded]:
    """Return both errors of images, on which the components are fitted, for each count of values."""
    mean, centred = _centred(images)
    eigenvalues, axes = np.linalg.eigh(centred.T @ centred / len(centred))  # the largest last
    found = []
    for count in counts:
        kept = axes[:, -count:]
        measured = np.mean((centred - centred @ kept @ kept.T) ** 2)
        found.append(Discarded(count, float(eigenvalues[:-count].sum()) / len(mean), float(measured)))
    return found


def _discarded(train: Images) -> list[Block]:
    found = discarded(to_unit(train.pixels), [count for count in COMPONENTS if count < len(train)])
    rows = [(str(each.values), f"{each.predicted:.8f}", f"{each.measured:.8f}") for each in found]
    heading = ("values kept", "discarded eigenvalues / pixels", "measured mse")
    caption = f"The prediction beside the measured error, on the {len(train):,} training letters and unclipped."
    return [TableBlock(caption, (heading, *rows)), *answers(as_predicted(found))] if found else []


def as_predicted(found: Sequence[Discarded]) -> str:
    """Answer whether the errors are those that the eigenvalues predict."""
    furthest = max(abs(each.measured - each.predicted) / each.predicted for each in found)
    word = "are as predicted" if furthest < 1e-9 else "are not as predicted"
    return f"The measured errors {word}: the largest relative difference is {furthest:.0e}."


# ---- c) the batch size under stochastic gradient descent -------------------------------------------------------


class Descent(NamedTuple):
    """How far the space of a linear autoencoder is from the principal components' after so many steps of SGD.

    distances are from 0, the same space, to 1, orthogonal to it
    """

    batch: int
    steps: np.ndarray
    distances: np.ndarray

    @property
    def late(self) -> np.ndarray:
        """The distances in the last quarter of the steps."""
        late: np.ndarray = self.distances[self.steps > 0.75 * self.steps[-1]]
        return late


def descend(images: np.ndarray, values: int, batch: int, *, steps: int, rate: float) -> Descent:
    """Train a linear autoencoder by plain SGD on the summed squared error of an image, and look at its space."""
    wanted, random = principal_components(images, values).up, np.random.default_rng(SEED)
    centred = _centred(images)[1].astype(np.float32)
    down = random.standard_normal((centred.shape[1], values), np.float32) / np.float32(np.sqrt(centred.shape[1]))
    up = down.T.copy()
    when = np.unique(np.r_[np.geomspace(1, steps, LOOKS), np.linspace(0.75 * steps, steps, LOOKS // 2)].astype(int))
    distances = []
    for step in range(1, steps + 1):
        rows = centred[random.integers(len(centred), size=batch)]
        inner = rows @ down
        error = (inner @ up - rows) * np.float32(rate / batch)
        down, up = down - rows.T @ (error @ up.T), up - inner.T @ error
        if step in when:
            space, _ = np.linalg.qr(up.T)
            distances.append(1 - float(np.square(wanted @ space).sum()) / values)
    return Descent(batch, when.astype(np.float64), np.array(distances))


def _descents(train: Images) -> list[Block]:
    images = to_unit(train.pixels)
    tried = [descend(images, VALUES, batch, steps=STEPS, rate=RATE) for batch in BATCHES]

    def curves(theme: Theme) -> Figure:
        series = tuple(
            Series(f"batch {batch}", "distance", distances, theme.run_colour(index).name(), False, x=steps)
            for index, (batch, steps, distances) in enumerate(tried)
        )
        label = "distance to the space of PCA"
        return CurvesFigure(theme, series, label, log=True, x_label="step", x_log=True, names_at_ends=True)

    caption = (
        f"A linear autoencoder, {images[0].size}-{VALUES}-{images[0].size}, trained by plain SGD on the squared error "
        f"of centred letters, learning rate {RATE:g} for all: 1 − ‖ṼᵀQ‖²/k over {STEPS:,} steps, with Q an "
        "orthonormal basis of what its decoder spans. 0 is the space of the principal components, 1 one orthogonal "
        "to it; both axes are logarithmic."
    )
    title = "Distance of the linear autoencoder's space from PCA's, by batch size"
    size, data = pictures.PLOT, train.provenance
    plot = pictures.titled("letters-batch-size", curves, size, title=title, caption=caption, data=data)
    return [plot, *answers(batch_size(tried))]


def batch_size(tried: Sequence[Descent]) -> str:
    """Answer what the batch size does, from where each descent ended and how much it still wanders."""
    lasts = [float(each.late.mean()) for each in tried]
    ends = ", ".join(
        f"{last:.3f} ± {each.late.std():.3f} with batch {each.batch}" for last, each in zip(lasts, tried, strict=True)
    )
    images = ", ".join(f"{each.batch * int(each.steps[-1]):,}" for each in tried)
    text = f"In the last quarter of the steps the distance is {ends}; {images} images were seen."
    if lasts != sorted(lasts, reverse=True):
        nearest = tried[lasts.index(min(lasts))]
        return f"{text} Batch {nearest.batch} came nearest here, so that a larger batch did not always help."
    small, large = tried[0], tried[-1]
    arrived = "arrives at it" if large.distances[-1] < NEAR else "has not quite arrived"
    return (
        f"{text} All begin alike, for the first steps depend on the learning rate and hardly on the batch. Later the "
        f"noise of the gradient decides: its variance falls with the batch, so batch {large.batch} comes nearest to "
        f"PCA and {arrived}, while batch {small.batch} keeps wandering at a distance from the optimum and would need "
        "a smaller rate. The price of the larger batch is the number of images seen."
    )
