"""Exercise 4: principal components against a linear autoencoder."""

from __future__ import annotations

from collections.abc import Sequence

from viewer.figures.chart.readings import Series
from viewer.figures.curves import CurvesFigure
from viewer.figures.paper import Figure
from viewer.figures.theme import Theme
from viewer.report import linear, pictures, tables
from viewer.report.document import Block, Heading, TableBlock, answer, note, part
from viewer.report.linear import Descent, Discarded, Fit
from viewer.report.notes import answers, missing
from viewer.report.reader import Reader, ReportRun, Runs
from viewer.state.metrics import figure, percent
from viewer.state.samples import COUNT, to_unit
from zoo.data.images import Images

COMPONENTS = (2, 8, 32)  # values of the linear maps
SHOWN = 32  # of them, those whose letters are shown
ALIKE = 0.01  # relative difference below which two errors are called the same
BATCHES, STEPS, RATE, VALUES = (1, 8, 32), 2_000, 0.01, 5  # of stochastic gradient descent
NEAR = 0.02  # of an orthogonal space's distance: as good as arrived


def blocks(reader: Reader, runs: Runs, classifier: ReportRun) -> list[Block]:
    """Return what exercise 4 asks for."""
    head: list[Block] = [part("Exercise 4: Principal component analysis against a linear autoencoder")]
    source = next((run for run in (*runs.values(), classifier) if run.is_there), None)
    if source is None:
        return [*head, *missing(classifier, what="letters to compare them on")]
    train, test = reader.images(source, "train"), reader.images(source, "test")
    return [
        *head,
        Heading("a) The reconstruction by the first k principal components"),
        answer(
            "With x̄ the mean of the examples, C = 1/n Σ (x − x̄)(x − x̄)ᵀ their covariance, and Ṽ the matrix whose "
            "columns are its k eigenvectors with the largest eigenvalues, the encoder is Ṽᵀ and the decoder Ṽ: x "
            "becomes x̄ + ṼṼᵀ(x − x̄), for centred data ṼṼᵀx. A linear autoencoder at its optimum has the same "
            "product ṼṼᵀ, though its encoder and decoder may turn and stretch the k values in between."
        ),
        *_linear_maps(train, test),
        *tables.compared(
            runs,
            "mse",
            ("linear", "pca", "mean-image", "nearest-example"),
            caption="The encoder-decoders beside the best linear map from Cyrillic letters to the mean Latin letter: "
            "no linear encoder-decoder can do better.",
        ),
        *answers(*beside_linear(runs)),
        Heading("b) The mean squared error is the sum of the discarded eigenvalues"),
        *map(answer, PROOF),
        *_discarded(train),
        Heading("c) What the batch size does under stochastic gradient descent"),
        *_descents(train),
    ]


PROOF = (
    "(1) The eigenvectors vᵢ of C, for i = 1 … d, are an orthonormal basis, so x − x̄ = Σᵢ vᵢvᵢᵀ(x − x̄).",
    "(2) ṼṼᵀ keeps the first k terms. What is lost are those with i > k, and since the vᵢ are orthonormal, its squared "
    "length is the sum of (vᵢᵀ(x − x̄))² over i > k.",
    "(3) The mean of (vᵢᵀ(x − x̄))² over the examples is vᵢᵀCvᵢ.",
    "(4) Cvᵢ = λᵢvᵢ, so that it is λᵢ. Hence the mean squared error is the sum of λᵢ over i > k: n times that if "
    "summed over the examples, and divided by d for an error a pixel.",
)


# ---- a) ------------------------------------------------------------------------------------------------------


def _linear_maps(train: Images | str, test: Images | str) -> list[Block]:
    if isinstance(train, str) or isinstance(test, str):
        return [note(next(each for each in (train, test) if isinstance(each, str)))]
    known, new = to_unit(train.pixels), to_unit(test.pixels)
    counts = [count for count in COMPONENTS if count < len(known)]
    if not counts:
        return [note(f"{len(known)} training letters are too few for a linear map.")]
    fits = linear.fits(known, new, counts)
    shown = [fit for fit in fits if fit.values == SHOWN]
    picture = pictures.images(
        "letters-linear",
        [
            ("original", new[:COUNT]),
            *((f"PCA, {SHOWN}", fit.by_components[:COUNT]) for fit in shown),
            *((f"linear, {SHOWN}", fit.by_autoencoder[:COUNT]) for fit in shown),
        ],
        caption=f"The first ten test letters, and what both linear maps with {SHOWN} values make of them.",
        data=test.provenance,
    )
    rows = [(str(fit.values), figure("mse", fit.components), figure("mse", fit.autoencoder)) for fit in fits]
    caption = (
        f"Measured on {len(new):,} test letters; both were fitted to {len(known):,} training letters here, the linear "
        "autoencoder by alternating least squares. The sheet gives no figure."
    )
    table = TableBlock(caption, (("values", "PCA, mse", "linear autoencoder, mse"), *rows))
    return [table, picture, *answers(*same_space(fits))]


def same_space(fits: Sequence[Fit]) -> list[str]:
    """Answer whether a linear autoencoder finds anything else than PCA does."""
    furthest = max(abs(fit.autoencoder - fit.components) / fit.components for fit in fits)
    if furthest <= ALIKE:
        return [
            f"They are the same: the errors differ by at most {percent(furthest, 2)}. Without activation functions the "
            "autoencoder finds the space of the principal components, though not their directions."
        ]
    return [
        f"They are not the same here: the errors differ by up to {percent(furthest)}. At its optimum a linear "
        "autoencoder spans the space of the principal components, so this one has not arrived."
    ]


def beside_linear(runs: Runs) -> list[str]:
    """Answer which encoder-decoders are better than every linear one."""
    better, worse = list[str](), list[str]()
    for name, run in runs.items():
        own, linear_best = run.metric("mse"), run.baseline("linear", "mse") or run.baseline("pca", "mse")
        if own is not None and linear_best is not None:
            (better if own < linear_best else worse).append(name)
    rest = f"; {', '.join(worse)} {_are(worse)} not" if worse else ""
    if better:
        return [
            f"By the mse to the mean letter, {', '.join(better)} {_are(better)} better than every linear map{rest}."
        ]
    none = "By the mse to the mean letter, none of the encoder-decoders is better than the best linear map."
    return [none] if worse else []


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


# ---- b) ------------------------------------------------------------------------------------------------------


def _discarded(train: Images | str) -> list[Block]:
    if isinstance(train, str):
        return [note(train)]
    found = linear.discarded(to_unit(train.pixels), [count for count in COMPONENTS if count < len(train)])
    rows = [(str(each.values), f"{each.predicted:.8f}", f"{each.measured:.8f}") for each in found]
    heading = ("values kept", "discarded eigenvalues / pixels", "measured mse")
    caption = f"The prediction beside the measured error, on the {len(train):,} training letters and unclipped."
    table = TableBlock(caption, (heading, *rows))
    return [table, *answers(*as_predicted(found))] if found else []


def as_predicted(found: Sequence[Discarded]) -> list[str]:
    """Answer whether the errors are those that the eigenvalues predict."""
    if not found:
        return []
    furthest = max(each.difference for each in found)
    word = "are as predicted" if furthest < 1e-9 else "are not as predicted"
    return [f"The measured errors {word}: the largest relative difference is {furthest:.0e}."]


# ---- c) ------------------------------------------------------------------------------------------------------


def _descents(train: Images | str) -> list[Block]:
    if isinstance(train, str):
        return [note(train)]
    images = to_unit(train.pixels)
    tried = [linear.descend(images, VALUES, batch, steps=STEPS, rate=RATE) for batch in BATCHES]

    def curves(theme: Theme) -> Figure:
        series = [
            Series(
                f"batch {each.batch}", "distance", each.distances, theme.run_colour(index).name(), False, x=each.steps
            )
            for index, each in enumerate(tried)
        ]
        return CurvesFigure(
            theme,
            tuple(series),
            "distance to the space of PCA",
            log=True,
            x_label="step",
            x_log=True,
            names_at_ends=True,
        )

    caption = (
        f"A linear autoencoder, {images[0].size}-{VALUES}-{images[0].size}, trained by plain SGD on the squared error "
        f"of centred letters, learning rate {RATE:g} for all: 1 − ‖ṼᵀQ‖²/k over {STEPS:,} steps, with Q an "
        "orthonormal basis of what its decoder spans. 0 is the space of the principal components, 1 one orthogonal "
        "to it; both axes are logarithmic."
    )
    title = "Distance of the linear autoencoder's space from PCA's, by batch size"
    plot = pictures.titled(
        "letters-batch-size", curves, pictures.PLOT, title=title, caption=caption, data=train.provenance
    )
    return [plot, *answers(*batch_size(tried))]


def batch_size(tried: Sequence[Descent]) -> list[str]:
    """Answer what the batch size does, from where each descent ended and how much it still wanders."""
    ends = ", ".join(f"{each.last:.3f} ± {each.wander:.3f} with batch {each.batch}" for each in tried)
    images = ", ".join(f"{each.batch * each.taken:,}" for each in tried)
    text = f"In the last quarter of the steps the distance is {ends}; {images} images were seen."
    lasts, small, large = [each.last for each in tried], tried[0], tried[-1]
    if lasts != sorted(lasts, reverse=True):
        nearest = min(tried, key=lambda each: each.last)
        return [f"{text} Batch {nearest.batch} came nearest here, so that a larger batch did not always help."]
    arrived = "arrives at it" if large.distances[-1] < NEAR else "has not quite arrived"
    return [
        f"{text} All begin alike, for the first steps depend on the learning rate and hardly on the batch. Later the "
        f"noise of the gradient decides: its variance falls with the batch, so batch {large.batch} comes nearest to "
        f"PCA and {arrived}, while batch {small.batch} keeps wandering at a distance from the optimum and would need "
        "a smaller rate. The price of the larger batch is the number of images seen."
    ]
