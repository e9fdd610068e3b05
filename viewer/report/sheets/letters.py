"""Uni Konstanz, Deep Learning for Computer Vision 2017/18, sheet 4: transposed convolutions, letters made Latin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from viewer.figures.overlap import OverlapCase, OverlapFigure
from viewer.figures.paintable import Paintable
from viewer.figures.theme import Theme
from viewer.figures.titled import TitledFigure
from viewer.report import linear, notes, pictures, tables
from viewer.report.document import Block, FigureBlock, Heading, TableBlock, answer, note, part, quote
from viewer.report.reader import Reader, ReportRun, Runs
from viewer.state import metrics
from viewer.state.grids import PictureGrid
from viewer.state.samples import COUNT, to_unit
from zoo import transposed
from zoo.data.comnist import PAIRS
from zoo.data.images import Images

TITLE = "4. Assignment: Transposed convolutions and an encoder-decoder for letters"
LEAD = "Universität Konstanz, Deep Learning for Computer Vision, 2017/18, on CoMNIST. aezoo's runs: letters/*."

LATIN = tuple(PAIRS.values())
VALUES = 512
STRATEGIES = {
    "class": (
        "At first we believed, that classifying (pretrained on the latin training dataset) the output of the "
        "encoder-decoder and applying cross entropy to the result, would be the best idea."
    ),
    "class-noise": (
        "We tried to fix this, by introducing a noise class, with randomly generated training examples labeled as "
        "noise, but it did not help."
    ),
    "random": (
        "Another approach for the loss function, is to take the L2-loss of the output of the encoder-decoder with "
        "random examples of latin letters of the same class. […] However the outputs are always very similar within "
        "each class."
    ),
    "representative": (
        "One could also choose a representative for each class of the latin letters and always compute the L2-loss "
        "of the difference of the output of the encoder-decoder and the respective representative."
    ),
    "mean": (
        "Also one could always compare with the mean of the respective class, which does not really make sense, "
        "because the network is then trained to basically classify the image and return the mean of the resulting "
        "class."
    ),
}
OBJECTIVES = {
    "classifier's prediction": ("class", "class-noise"),
    "wanted letters": ("random", "representative", "mean"),
}
COMPONENTS = (2, 8, 32)  # values of the linear maps of exercise 4
SHOWN = 32  # of them, those whose letters are shown
ALIKE = 0.01  # relative difference below which two errors are called the same
SIMILAR = 0.5  # of the spread that went in: less is "very similar"


def blocks(reader: Reader) -> list[Block]:
    """Return what the sheet asks for, in its order."""
    runs = {name: reader.run(f"letters/{name}") for name in STRATEGIES}
    classifiers = {name: reader.run(f"letters/{name}") for name in ("classifier", "classifier-noise")}
    latent = reader.run("letters/latent")
    return [
        *_exercise_1(),
        *_exercise_2(reader, runs, classifiers),
        *_exercise_3(latent),
        *_exercise_4(reader, runs, classifiers["classifier"]),
    ]


# ---- exercise 1 ----------------------------------------------------------------------------------------------

_SETTINGS: tuple[tuple[transposed.Pair, transposed.Pair, transposed.Pair], ...] = (  # kernel, stride, padding
    ((3, 3), (1, 1), (0, 0)),
    ((2, 2), (2, 2), (0, 0)),
    ((3, 3), (2, 2), (0, 0)),
    ((3, 3), (2, 2), (1, 1)),
    ((4, 4), (2, 2), (1, 1)),
    ((3, 3), (3, 2), (0, 0)),
)


def _exercise_1() -> list[Block]:
    one = transposed.same_output_size((64, 48), (3, 2))
    two = transposed.same_output_size(one, (2, 6))
    sizes = transposed.input_sizes((4, 4), (3, 3), (2, 2), (1, 1))
    return [
        part("Exercise 1: Transposed Convolutions"),
        Heading("a) Two layers of convolution, whose kernels, strides or shapes are to be filled in"),
        answer(
            f"Kernels [3, 3, 17, 15] with stride (3, 2) bring 64×48×17 to {one[0]}×{one[1]}×15, and kernels [3, 3, "
            f"15, 13] with stride (2, 6) bring that to {two[0]}×{two[1]}×13: with 'same' padding the size is divided "
            "by the stride and rounded up."
        ),
        Heading("b) The mirrored transposed convolutions"),
        answer(
            f"The same kernels and strides in the other order: {two[0]}×{two[1]}×13 → {one[0]}×{one[1]}×15 → "
            "64×48×17. The matrix of each is the transpose of the convolution's, so that the shapes change places."
        ),
        Heading("c) Why the output's shape has to be given"),
        answer(
            "Because a convolution brings several sizes to one: with a 3×3 kernel, stride 2 and padding 1, 4×4 "
            f"comes from {', '.join(f'{height}×{width}' for height, width in sizes)}. The transposed one cannot know "
            "which it was."
        ),
        _overlap_picture(),
    ]


def _overlap_picture() -> FigureBlock:
    cases = []
    for kernel, stride, padding in _SETTINGS:
        full = transposed.input_sizes((4, 4), kernel, stride)[0]
        counts = transposed.overlap(full, kernel, stride)
        step = f"{stride[0]}" if stride[0] == stride[1] else f"{stride[0]}, {stride[1]}"
        title = f"{kernel[0]}×{kernel[1]}, stride {step}, padding {padding[0]}"
        cases.append(OverlapCase(title, counts, padding, kernel))

    def figure(theme: Theme) -> Paintable:
        return TitledFigure(
            theme, "Stride, padding and overlap of transposed convolutions", OverlapFigure(theme, tuple(cases))
        )

    caption = (
        "Transposed convolutions of 4×4 values: how many are summed at each place of the output. Red: where the "
        "first value's kernel lies. Crossed: what the padding cuts off. Where the stride divides the kernel, the "
        "inner counts are even; where it does not, a checkerboard shows."
    )
    return FigureBlock("letters-transposed", figure, (760, 540), caption)


# ---- exercise 2 ----------------------------------------------------------------------------------------------


def _exercise_2(reader: Reader, runs: Runs, classifiers: Runs) -> list[Block]:
    shown = next((run for run in runs.values() if run.layers), next(iter(runs.values())))
    return [
        part("Exercise 2: Encoder-Decoder"),
        *notes.standing(*runs.values(), *classifiers.values()),
        Heading("a) normalize_mean() and normalize_stddev()"),
        quote(
            "The method normalize_mean() and normalize_stddev() normalize the mean and standard deviation of the "
            "input data respectively."
        ),
        *_normalisation(reader, shown),
        Heading("b) The architecture of our encoder-decoder"),
        quote(
            "Encoder: The inputs are images of size [28, 28, 1]. […] This yields an output of the following shape "
            "[7, 7, 64]. The last step of the encoder is a fully connected layer, which reduces the data to a "
            "vector of size 512. Decoder: […] we apply transposed convolutions mirroring the convolutions of the "
            "encoder, such that we come from shape [7,7,64] to [28,28,1] per image. An additional fully connected "
            "layer, which maintains shape, follows the convolutions."
        ),
        *tables.layer_table(
            shown, f"The layers of {shown.name}, read from its graph; all five strategies have the same."
        ),
        *map(answer, architecture(shown)),
        Heading("c) A sensible training method"),
        *_classifiers(classifiers),
        *_strategies(reader, runs),
        Heading("Tricks: Mentioned above in (b)"),
        quote(
            "We used parametric ReLU as activation function and applied batch normalization before every "
            "activation. As mentioned above we applied a dropout-layer inbetween encoder and decoder."
        ),
        *([answer(text)] if (text := tricks(shown)) else notes.missing(shown, what="layers")),
        Heading("d) See (c)."),
        *_comparison(runs),
        *map(answer, best_strategy(runs)),
    ]


def _normalisation(reader: Reader, run: ReportRun) -> list[Block]:
    samples = run.history.samples
    if samples is None:
        return notes.missing(run, what="letters")
    letters = samples.inputs
    both = reader.outputs(run, np.concatenate([letters, 0.5 * letters + 0.25]), "reconstruction")
    change = float(np.abs(both[: len(letters)] - both[len(letters) :]).max()) if both is not None else None
    return [answer(normalised(letters, change if change is not None and np.isfinite(change) else None))]


def normalised(letters: np.ndarray, change: float | None) -> str:
    """Answer what normalisation does to letters (N, 1, H, W), and whether the graph holds it."""
    means, deviations = letters.mean(axis=(1, 2, 3)), letters.std(axis=(1, 2, 3))
    text = (
        f"The means of the first ten letters go from {means.min():.2f} to {means.max():.2f} and their deviations from "
        f"{deviations.min():.2f} to {deviations.max():.2f}; afterwards all means are 0 and all deviations 1."
    )
    if change is None:
        return text
    if change < 0.01:
        return text + (
            " That happens inside the graph: the same letters at half the contrast and another brightness "
            f"change its answer by at most {metrics.error(change)}."
        )
    return (
        text
        + f" The graph does not do that: the same letters at half the contrast change its answer by up to {change:.2f}."
    )


def architecture(run: ReportRun) -> list[str]:
    """Answer whether the shapes are the sheet's."""
    if not run.layers:
        return []
    shapes = [layer.shape for layer in run.layers]
    end = "end" if (64, 7, 7) in shapes else "do not end"
    held = sum(layer.parameters for layer in run.layers)
    vector = (
        "a vector of size 512, as the sheet's"
        if run.size == VALUES
        else f"{run.size:,} values, where the sheet has 512"
    )
    text = (
        f"The convolutions {end} at [7, 7, 64], and the bottleneck is {vector}; "
        f"{run.history.parameters:,} parameters are learned."
    )
    if held < run.history.parameters:
        text += f" The graph holds {held:,}, since batch normalisation is folded into the layers beside it."
    return [text]


def tricks(run: ReportRun) -> str:
    """Answer which of the tricks the graph shows."""
    if not run.layers:
        return ""
    count = sum("PRelu" in (layer.activation, layer.operator) for layer in run.layers)
    return (
        f"The graph has {count} parametric ReLU{'s' if count != 1 else ''}; batch normalisation is folded into the "
        "layer before each where that is one, and dropout is there in training only."
        if count
        else "The graph has no parametric ReLU."
    )


def _classifiers(classifiers: Runs) -> list[Block]:
    baselines = ("majority", "nearest-mean", "nearest-example")
    caption = (
        "The classifiers of Latin letters, measured on Latin test letters (the one with a noise class also on "
        "noise). The sheet gives no figure for them."
    )
    more = ("accuracy-letters", "accuracy-noise")
    return tables.compared(classifiers, "accuracy", baselines, caption=caption, more=more)


def _strategies(reader: Reader, runs: Runs) -> list[Block]:
    blocks: list[Block] = []
    for title, names in OBJECTIVES.items():
        blocks += pictures.losses(
            f"letters-{names[0]}-loss",
            {name: runs[name] for name in names},
            title=f"Training by the {title}",
            caption="Loss versus epochs: training dashed, test letters solid.",
            log=True,
        )
    for name, text in STRATEGIES.items():
        run = runs[name]
        blocks += [Heading(f"Here is a visualization of the results: {name}"), quote(text)]
        blocks += _visualisation(name, run)
        blocks += [*map(answer, readable(name, run)), *_spread(reader, name, run)]
        if name == "class-noise":
            blocks += map(answer, noise_class(runs))
    return blocks


def _visualisation(name: str, run: ReportRun) -> list[Block]:
    grid = run.history.grids.get("letters")
    if grid is None:
        return notes.missing(run, what="letters")
    rows = [("Cyrillic", grid.inputs), (name, grid.images), ("class mean", grid.targets)]
    known = [(label, pictures) for label, pictures in rows if pictures is not None]
    return [
        pictures.images(
            f"letters-{name}",
            known,
            title=f"Cyrillic in, Latin out: {name}",
            caption="The first test letter of each class, what comes out, and the mean Latin letter of the class. "
            "Below: what the classifier calls it, beside what it should be where it errs.",
            data=run.history.provenance,
            below=called(grid),
            below_label="called",
        )
    ]


def called(grid: PictureGrid) -> list[str]:
    """What the classifier calls each picture, with what it should be where it errs."""
    if grid.predictions is None or grid.labels is None:
        return []
    return [
        _latin(label) if label == prediction else f"{_latin(prediction)} ({_latin(label)})"
        for label, prediction in zip(grid.labels.tolist(), grid.predictions.tolist(), strict=True)
    ]


def _latin(number: int) -> str:
    return LATIN[number] if 0 <= number < len(LATIN) else "?"


FAR = 2.0  # times as far from the mean letter as one picture for all: a single drawing of the letter is nearer


def readable(name: str, run: ReportRun) -> list[str]:
    """Answer whether the classifier accepts the outputs, and whether they look like letters."""
    accuracy, error, sheet = run.metric("accuracy"), run.metric("mse"), run.published("accuracy")
    if accuracy is None:
        return []
    text = f"{name}: the classifier names {accuracy:.1%} of the outputs rightly"
    text += f" (sheet {sheet:.0%})." if sheet is not None else "."
    baseline = run.baseline("mean-image", "mse")
    if error is not None and baseline is not None:
        if baseline < error <= FAR * baseline:
            text += (
                f" They are no nearer to the mean letter of their class (mse {error:.3f}) than one picture for all "
                f"({baseline:.3f}), as any single letter may be: the pictures show whether they can be read."
            )
        elif error > baseline:
            text += (
                " To the eye they are no letters: they are further from the mean letter of their class (mse "
                f"{error:.3f})"
            )
            text += f" than one picture for all is ({baseline:.3f})."
        else:
            text += (
                f" They are nearer to the mean letter of their class (mse {error:.3f}) than one picture for all "
                f"({baseline:.3f})."
            )
    return [text]


def noise_class(runs: Runs) -> list[str]:
    """Answer whether the noise class helped."""
    plain, noisy = (runs[name].metric("mse") for name in ("class", "class-noise"))
    if plain is None or noisy is None:
        return []
    outcome = "It helped" if noisy < (1 - ALIKE) * plain else "It did not help"
    return [
        f"{outcome}: the outputs' mse to the mean letter is {noisy:.3f} with the noise class and {plain:.3f} without."
    ]


def spread(pictures: np.ndarray, labels: np.ndarray) -> float:
    """Return how much pictures (N, …) of one class differ: the root mean square of what parts them from its mean."""
    squares = 0.0
    for label in np.unique(labels):
        own = pictures[labels == label].astype(np.float64)
        squares += float(((own - own.mean(axis=0)) ** 2).sum())
    return float(np.sqrt(squares / pictures.size))


def _spread(reader: Reader, name: str, run: ReportRun) -> list[Block]:
    if run.file is None:
        return []
    split = reader.images(run, "test")
    if isinstance(split, str):
        return [note(f"The test letters are needed to say how similar the outputs of a class are. {split}")]
    letters = to_unit(split.pixels)
    outputs = reader.outputs(run, letters, "reconstruction")
    if outputs is None or not np.isfinite(outputs).all():
        return []
    return [answer(within_class(name, spread(letters, split.labels), spread(outputs, split.labels)))]


def within_class(name: str, before: float, after: float) -> str:
    """Answer whether outputs are similar within each class."""
    word = "very similar" if after < SIMILAR * before else "not much more similar than the inputs"
    return (
        f"{name}: within each class the outputs are {word}: they differ by {after:.3f} (root mean "
        f"square), the letters that go in by {before:.3f}."
    )


def _comparison(runs: Runs) -> list[Block]:
    caption = (
        "The five strategies on the test letters: how often the classifier names the output rightly, and "
        "the mse to the mean letter of the class."
    )
    return tables.compared(
        runs, "accuracy", ("nearest-example", "linear", "pca", "copied-input"), caption=caption, more=("mse", "psnr")
    )


def best_strategy(runs: Runs) -> list[str]:
    """Answer which strategy is best for the classifier and which for the eye."""
    accuracy = {name: value for name, run in runs.items() if (value := run.metric("accuracy")) is not None}
    error = {name: value for name, run in runs.items() if (value := run.metric("mse")) is not None}
    if len(accuracy) < 2 or len(error) < 2:
        return []
    first, nearest = max(accuracy, key=lambda name: accuracy[name]), min(error, key=lambda name: error[name])
    text = (
        f"The classifier names most outputs of {first} rightly ({accuracy[first]:.1%}); nearest to the "
        f"mean letters are those of {nearest} (mse {error[nearest]:.3f})."
    )
    if first == nearest:
        return [text + " So one strategy is best in both."]
    return [text + " What convinces a classifier is not what looks like a letter."]


# ---- exercise 3 ----------------------------------------------------------------------------------------------


def _exercise_3(run: ReportRun) -> list[Block]:
    return [
        part("Exercise 3"),
        *notes.standing(run),
        quote(
            "The encoder part of the network is omitted, it begins with the 512-tupel, which was in the middle "
            "before. All variables are marked as untrainable and only the 512-tupel is trainable. We optimized for "
            "every class, the loss for a single class is the MSE of the output of the encoder and all training "
            "examples of that class."
        ),
        Heading("The results are shown below:"),
        *_latent_letters(run),
        *pictures.losses(
            "letters-latent-loss",
            {run.name: run},
            title="The search for the 512-tupels",
            caption="Loss versus epochs: training letters dashed, test letters solid.",
        ),
        *tables.measured(
            run,
            ("accuracy", "mse", "psnr"),
            ("class-mean", "mean-image"),
            caption="The letters found, measured against every test letter of their class. The sheet gives no figure; "
            "no single picture a class can have a smaller mse on the training letters than their mean.",
        ),
        *map(answer, found_letters(run)),
    ]


def _latent_letters(run: ReportRun) -> list[Block]:
    grid = run.history.grids.get("letters")
    if grid is None:
        return notes.missing(run, what="letters")
    rows = [("class mean", grid.targets), ("found", grid.images)]
    known = [(label, pictures) for label, pictures in rows if pictures is not None]
    return [
        pictures.images(
            "letters-latent",
            known,
            title="The letter that 512 values give, sought for each class through the frozen decoder",
            caption="The mean letter of each class and the one that was found. Below: what the classifier calls it, "
            "beside what it should be where it errs.",
            data=run.history.provenance,
            below=called(grid),
            below_label="called",
        )
    ]


def found_letters(run: ReportRun) -> list[str]:
    """Answer what was trained, whether the letters are recognised, and how near they come to the best that can be."""
    sentences = []
    if run.history.parameters:
        own, all_of_them = run.history.parameters, len(PAIRS) * VALUES
        same = "nothing else" if own == all_of_them else f"that is not {len(PAIRS)} × {VALUES} = {all_of_them:,}"
        sentences.append(f"{own:,} values were trained: {len(PAIRS)} tupels of {VALUES}, and {same}.")
    accuracy, error, best = run.metric("accuracy"), run.metric("mse"), run.baseline("class-mean", "mse")
    if accuracy is not None:
        sentences.append(f"The classifier recognises {accuracy:.1%} of them.")
    if error is not None and best is not None and best > 0:
        if error <= 1.1 * best:
            sentences.append(
                f"They are about as near to their class as its mean letter: mse {error:.4f}, that of the mean "
                f"{best:.4f}."
            )
        else:
            sentences.append(
                f"They are further from their class than its mean letter: mse {error:.4f}, that of the mean "
                f"{best:.4f}. The frozen "
                f"decoder cannot draw the mean, or the search ended too early."
            )
    return sentences


# ---- exercise 4 ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """Mean squared errors on letters that were not fitted, of both linear maps with so many values."""

    values: int
    components: float
    autoencoder: float


def _exercise_4(reader: Reader, runs: Runs, classifier: ReportRun) -> list[Block]:
    blocks: list[Block] = [part("Exercise 4"), Heading("Principal component analysis and a linear autoencoder")]
    source = classifier if classifier.is_there else next((run for run in runs.values() if run.is_there), classifier)
    if not source.is_there:
        return [*blocks, *notes.missing(source, what="letters to compare them on")]
    train, test = (reader.images(source, split) for split in ("train", "test"))
    if isinstance(train, str) or isinstance(test, str):
        blocks += [note(train if isinstance(train, str) else str(test))]
    else:
        blocks += _linear_maps(train, test)
    return [
        *blocks,
        *tables.compared(
            runs,
            "mse",
            ("linear", "pca", "mean-image", "nearest-example"),
            caption="The encoder-decoders beside the best linear map from Cyrillic letters to the mean Latin letter: "
            "no linear encoder-decoder can do better.",
        ),
        *map(answer, beside_linear(runs)),
    ]


def _linear_maps(train: Images, test: Images) -> list[Block]:
    known, new = to_unit(train.pixels), to_unit(test.pixels)
    fits, shown = [], [("original", new[:COUNT])]
    counts = [count for count in COMPONENTS if count < len(known)]
    if not counts:
        return [note(f"{len(known)} training letters are too few for a linear map.")]
    for values, components in zip(counts, linear.principal_components(known, counts), strict=True):
        made = [each(new) for each in (components, linear.linear_autoencoder(known, values))]
        fits.append(Fit(values, *(float(np.mean((output - new) ** 2)) for output in made)))
        if values == SHOWN:
            shown += [(f"PCA, {values}", made[0][:COUNT]), (f"linear, {values}", made[1][:COUNT])]
    heading = ("values", "PCA, mse", "linear autoencoder, mse")
    rows = [(str(fit.values), metrics.error(fit.components), metrics.error(fit.autoencoder)) for fit in fits]
    caption = (
        f"Measured on {len(new):,} test letters; both were fitted to {len(known):,} training letters "
        "here. The sheet gives no figure."
    )
    picture = pictures.images(
        "letters-linear",
        shown,
        title=f"Letters through {SHOWN} values, by PCA and by a linear autoencoder",
        caption="The first ten test letters and what both linear maps make of them.",
        data=test.provenance,
    )
    return [TableBlock(caption, (heading, *rows)), picture, *map(answer, same_space(fits))]


def same_space(fits: Sequence[Fit]) -> list[str]:
    """Answer whether a linear autoencoder finds anything else than PCA does."""
    if not fits:
        return []
    furthest = max(abs(fit.autoencoder - fit.components) / fit.components for fit in fits)
    if furthest <= ALIKE:
        return [
            f"They are the same: the errors differ by at most {furthest:.2%}. Without activation functions "
            "the autoencoder finds "
            f"the space of the principal components, though not their directions."
        ]
    return [
        f"They are not the same here: the errors differ by up to {furthest:.1%}. At its optimum a linear "
        "autoencoder spans the "
        f"space of the principal components, so this one has not arrived."
    ]


def beside_linear(runs: Runs) -> list[str]:
    """Answer which encoder-decoders are better than every linear one."""
    rated = {
        name: (own, linear_best)
        for name, run in runs.items()
        if (own := run.metric("mse")) is not None
        and (linear_best := run.baseline("linear", "mse") or run.baseline("pca", "mse")) is not None
    }
    if not rated:
        return []
    better = [name for name, (own, best) in rated.items() if own < best]
    if better:
        worse = [name for name in rated if name not in better]
        rest = f"; {', '.join(worse)} {'is' if len(worse) == 1 else 'are'} not" if worse else ""
        return [
            f"By the mse to the mean letter, {', '.join(better)} {'is' if len(better) == 1 else 'are'} better "
            f"than every linear map{rest}."
        ]
    return ["By the mse to the mean letter, none of the encoder-decoders is better than the best linear map."]
