"""What the sheets try out on runs, in numbers: noise, a classifier's predictions, other contrasts, colours."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from viewer.report.reader import Reader, ReportRun, Runs
from viewer.report.spread import Spread
from viewer.state import chroma, noise, numbers
from viewer.state.samples import Samples, to_grey, to_unit
from zoo.data.images import Images

CLASSIFIED = 1_000  # test digits that the classifier looks at before and after denoising
READABLE = 0.8  # of what real letters have: as good as they
REPEATED = 0.6  # nearer to the training images than real digits by this factor: what it shows is what it saw

# ---- noise ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gain:
    """What a network does to noise of one strength, as means over the images: PSNR in dB before and after.

    clean       what it makes of images without noise
    passed      the share of the noise's energy that comes out again
    trained     PSNR after a network that was trained on noise, None where there is none
    """

    sigma: float
    before: float
    after: float
    clean: float
    passed: float
    trained: float | None = None


@dataclass(frozen=True, eq=False)
class NoisyImages:
    """Noisy images, what a network makes of them and what one does that was trained on noise; (N, C, H, W) each."""

    noisy: np.ndarray
    output: np.ndarray
    trained: np.ndarray | None
    gain: Gain


def feed_noise(
    reader: Reader, run: ReportRun, denoiser: ReportRun, clean: np.ndarray, sigma: float
) -> NoisyImages | None:
    """Feed images with noise of one strength to two networks; None where the first gives no images of their shape."""
    noisy = noise.add(clean, sigma)
    both = reader.outputs(run, np.concatenate([noisy, clean]), "reconstruction")
    if both is None or both.shape[1:] != clean.shape[1:]:
        return None
    output, untouched = both[: len(noisy)], both[len(noisy) :]
    trained = reader.outputs(denoiser, noisy, "reconstruction")
    trained = trained if trained is not None and trained.shape == clean.shape else None
    gain = Gain(
        sigma=sigma,
        before=numbers.mean_psnr(clean, noisy),
        after=numbers.mean_psnr(clean, output),
        clean=numbers.mean_psnr(clean, untouched),
        passed=float(np.mean((output - untouched) ** 2) / np.mean((noisy - clean) ** 2)),
        trained=numbers.mean_psnr(clean, trained) if trained is not None else None,
    )
    return NoisyImages(noisy, output, trained, gain)


@dataclass(frozen=True, eq=False)
class Denoised:
    """Digits before and after denoising, and what the classifier calls them; labels are None where none are known.

    clean, noisy, output    float32 (N, 1, 28, 28)
    before, after           the classifier's predictions, int64 (N,), None without a classifier
    is_of_split             whether they are the test split's, and not the run's own first ten

    Of runs that were cut to a few steps `before` is None, so that nothing can be concluded.
    """

    clean: np.ndarray
    noisy: np.ndarray
    output: np.ndarray
    labels: np.ndarray | None = None
    before: np.ndarray | None = None
    after: np.ndarray | None = None
    is_of_split: bool = False

    @property
    def one_of_each(self) -> np.ndarray:
        """The first image of every digit in their order; the first ten where labels are not known, or some missing."""
        if self.labels is None or set(self.labels.tolist()) != set(range(10)):
            return np.arange(min(10, len(self.clean)))
        return np.array([int(np.flatnonzero(self.labels == digit)[0]) for digit in range(10)])


def denoise(reader: Reader, run: ReportRun, classifier: ReportRun, split: Images | str) -> Denoised | None:
    """Denoise digits of the test split; without one take the run's own first ten, labelled by the classifier."""

    def predictions(images: np.ndarray) -> np.ndarray | None:
        logits = reader.outputs(classifier, images, "logits")
        return logits.argmax(axis=1) if logits is not None and logits.ndim == 2 else None

    if isinstance(split, str):
        assert run.history.samples is not None, run.name
        clean, noisy, output = (getattr(run.history.samples, key) for key in ("targets", "inputs", "reconstructions"))
        labels = predictions(clean)
    else:
        clean, labels = to_unit(split.pixels[:CLASSIFIED]), split.labels[:CLASSIFIED].astype(int)
        noisy = with_noise(clean, run.history.noise)
        output = reader.outputs(run, noisy, "reconstruction")
    if output is None or output.shape != clean.shape:
        return None
    before = None if run.is_quick or classifier.is_quick else predictions(noisy)
    return Denoised(clean, noisy, output, labels, before, predictions(output), not isinstance(split, str))


def with_noise(images: np.ndarray, factor: float) -> np.ndarray:
    """Return images with noise by the recipe's formula, drawn for each of them, clipped to [0, 1]."""
    noisy: np.ndarray = np.clip(images + np.float32(factor) * noise.tensor(images.shape), 0, 1)
    return noisy


# ---- generated digits ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Diversity:
    """What was measured of the digits that one run generates, beside as many real ones; distances in pixels' units."""

    pairwise: float
    distinct: float
    nearest: float
    real_distinct: float
    real_nearest: float
    spread: Spread = field(default_factory=lambda: Spread(()))  # of the seeds' distances between two

    @property
    def repeats(self) -> bool:
        """Whether the generated digits lie much nearer to the training images than unseen real ones do."""
        return self.nearest < REPEATED * self.real_nearest


def diversities(runs: Runs) -> dict[str, Diversity]:
    """Return what is measured of each run."""
    found = {}
    for name, run in runs.items():
        own = [
            run.spread(measure).mean if run.metric(measure) is not None else None
            for measure in ("pairwise", "distinct", "nearest")
        ]
        known = [*own, run.baseline("real", "distinct"), run.baseline("real", "nearest")]
        values = [value for value in known if value is not None]
        if len(values) == len(known):
            pairwise, distinct, nearest, real_distinct, real_nearest = values
            spread = run.spread("pairwise")
            found[name] = Diversity(pairwise, distinct, nearest, real_distinct, real_nearest, spread)
    return found


# ---- letters -------------------------------------------------------------------------------------------------


def change_of_contrast(reader: Reader, run: ReportRun, letters: np.ndarray) -> float | None:
    """Return how much outputs change, at most, with the contrast halved and the brightness raised; None if unknown."""
    outputs = reader.outputs(run, np.concatenate([letters, 0.5 * letters + 0.25]), "reconstruction")
    if outputs is None:
        return None
    return numbers.finite_or_none(float(np.abs(outputs[: len(letters)] - outputs[len(letters) :]).max()))


def spreads(reader: Reader, run: ReportRun) -> tuple[float, float] | str | None:
    """Return how much test letters of one class differ, and what a run makes of them; or what is missing for it."""
    split = reader.images(run, "test")
    if isinstance(split, str):
        return split
    letters = to_unit(split.pixels)
    outputs = reader.outputs(run, letters, "reconstruction")
    if outputs is None or not np.isfinite(outputs).all():
        return None
    return spread(letters, split.labels), spread(outputs, split.labels)


def spread(images: np.ndarray, labels: np.ndarray) -> float:
    """Return how much images (N, …) of one class differ: the root mean square of what parts them from its mean."""
    squares = 0.0
    for label in np.unique(labels):
        own = images[labels == label].astype(np.float64)
        squares += float(((own - own.mean(axis=0)) ** 2).sum())
    return float(np.sqrt(squares / images.size))


@dataclass(frozen=True)
class NearestLetters:
    """What the nearest of the Latin training letters says: a classifier that no network has learned from.

    accuracy, distance              of outputs: the share that it names correctly, and how far off it is, from 0 to 2
    real_accuracy, real_distance    of Latin letters that it has not seen
    known                           how many letters it knows
    """

    accuracy: float
    distance: float
    real_accuracy: float
    real_distance: float
    known: int

    @property
    def is_readable(self) -> bool:
        """Whether outputs are named nearly as well as real letters, and lie hardly further from one."""
        return self.accuracy > READABLE * self.real_accuracy and self.distance < self.real_distance / READABLE


def nearest_letters(reader: Reader, run: ReportRun, classifier: ReportRun) -> NearestLetters | str | None:
    """Compare what a run makes of the test letters with Latin training letters; or return what is missing for it."""
    splits = [reader.images(run, "test"), reader.images(classifier, "train"), reader.images(classifier, "test")]
    texts = [split for split in splits if isinstance(split, str)]
    if texts:
        return texts[0]
    letters, known, real = (split for split in splits if not isinstance(split, str))
    outputs = reader.outputs(run, to_unit(letters.pixels), "reconstruction")
    if outputs is None or not np.isfinite(outputs).all():
        return None
    found = [
        nearest(images, labels, known) for images, labels in ((outputs, letters.labels), (real.pixels, real.labels))
    ]
    return NearestLetters(*found[0], *found[1], len(known))


def nearest(images: np.ndarray, labels: np.ndarray, known: Images) -> tuple[float, float]:
    """Return how many images the nearest of known ones names correctly, and its mean distance."""
    likeness = _directions(images) @ _directions(known.pixels).T  # cosines
    best = likeness.argmax(axis=1)
    distance = np.sqrt(np.maximum(2 - 2 * likeness.max(axis=1), 0))
    return float((known.labels[best] == labels).mean()), float(distance.mean())


def _directions(images: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat = flat - flat.mean(axis=1, keepdims=True)
    directions: np.ndarray = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return directions


# ---- colours -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ColourFigures:
    """How far colours are off, as means: a* and b*, luma alone (mse), all pixels (mse); and their strength."""

    chroma: float
    luma: float
    mse: float
    strength: float


@dataclass(frozen=True)
class Colouring:
    """The figures of the true images, of the grey that went in, and of what a run made of it."""

    true: ColourFigures
    grey: ColourFigures
    own: ColourFigures

    @property
    def strength(self) -> float:
        """How strong the colours are, as a share of the true ones'."""
        return self.own.strength / self.true.strength if self.true.strength else float("nan")


def colourings(runs: Runs) -> dict[str, Colouring]:
    """Measure the colours that runs give to their first ten."""
    found = {}
    for name, run in runs.items():
        samples = run.history.samples
        if samples is not None and samples.reconstructions is not None and samples.targets.shape[1] == 3:
            shown = samples.targets, grey_copied(samples), samples.reconstructions
            found[name] = Colouring(*(_colour_figures(samples.targets, images) for images in shown))
    return found


def _colour_figures(targets: np.ndarray, outputs: np.ndarray) -> ColourFigures:
    return ColourFigures(
        chroma=float(chroma.errors(chroma.error_map(targets, outputs)).mean()),
        luma=float(numbers.mse(to_grey(targets), to_grey(outputs)).mean()),
        mse=float(numbers.mse(targets, outputs).mean()),
        strength=float(chroma.distance(chroma.ab(outputs), 0.0).mean()),
    )


def grey_copied(samples: Samples) -> np.ndarray:
    """Return the grey that went in as red, green and blue; that of the targets where the inputs do not fit them."""
    pixels = samples.inputs
    if len(pixels) != len(samples.targets) or pixels.shape[1] != 1 or pixels.shape[2:] != samples.targets.shape[2:]:
        pixels = to_grey(samples.targets) if samples.targets.shape[1] == 3 else samples.targets
    return np.broadcast_to(pixels, samples.targets.shape)
