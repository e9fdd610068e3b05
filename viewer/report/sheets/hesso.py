"""HES-SO, machine learning, practical work 12: denoising digits at three levels, and new digits from few examples."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from viewer.figures import colours
from viewer.figures.paintable import Paintable
from viewer.figures.plane import PlaneFigure
from viewer.figures.theme import Theme
from viewer.figures.titled import BesideFigure
from viewer.report import notes, pictures, tables
from viewer.report.document import Block, FigureBlock, Heading, TableBlock, answer, note, part, quote
from viewer.report.reader import Reader, ReportRun
from viewer.state import formatting, metrics
from viewer.state.grids import PictureGrid
from viewer.state.samples import to_unit

TITLE = "ML-PW-12: Autoencoders for denoising and data augmentation"
LEAD = "HES-SO, Master of Science in Engineering, Machine Learning, on MNIST. aezoo's runs: hesso/*."

PARAMETERS = 7_265  # "Total params: 7,265"
FACTORS = ("0.5", "0.7", "0.9")
DIGITS = (2, 8, 3)  # in the sheet's order
COUNTS = ("10", "100", "1000", "all")
SEED = 0  # of the noise that the classifier sees
CLASSIFIED = 1_000  # test digits that the classifier looks at before and after denoising
FAR = 4  # the extreme grid goes out to ± this
REPEATED = 0.6  # nearer to the training images than real digits by this factor: what it shows is what it saw
LARGEST = 480  # points that a plane may be wide
ABOVE, BESIDE = 45, 100  # points that two planes need above and beside their pixels
ALMOST = 0.9  # of the digits: "globally well decoded"

Runs = Mapping[str, ReportRun]


def blocks(reader: Reader) -> list[Block]:
    """Return what the sheet asks for, in its order."""
    classifier = reader.run("hesso/classifier")
    noisy = {factor: reader.run(f"hesso/denoise-{factor}") for factor in FACTORS}
    generators = {digit: {count: reader.run(f"hesso/vae-{digit}-{count}") for count in COUNTS} for digit in DIGITS}
    return [
        *_task_1(reader.run("hesso/conv")),
        *_task_2(reader, noisy, classifier),
        *_task_3(noisy),
        *_task_4(generators, classifier),
        *_task_5(generators, classifier),
    ]


# ---- task 1 --------------------------------------------------------------------------------------------------


def _task_1(run: ReportRun) -> list[Block]:
    return [
        part("Task 1"),
        Heading(
            "Provide the notebook your setup for training a convolutional autoencoder and for denoising the digits "
            "of the MNIST database."
        ),
        *notes.standing(run),
        quote(
            "We used 2 convolutional layers to encode the input data (28x28 pixels image) to a 7x7 data (divided by "
            "16). And we rebuilt the image from that. […] We configured our model to use a per-pixel binary "
            "crossentropy loss, and the Adam optimizer."
        ),
        *tables.layer_table(run, f"The layers of {run.name}, read from its graph."),
        *map(answer, setup(run)),
        *pictures.losses(
            "hesso-conv-loss",
            {run.name: run},
            title="Model loss of the autoencoder without noise",
            caption="Loss versus epochs: training dashed, testing solid.",
        ),
        *tables.measured(
            run,
            ("bce", "mse", "psnr", "ssim"),
            ("pca", "nearest-example", "mean-image"),
            caption="The autoencoder without noise, measured on the test split. The sheet gives no figure for it.",
        ),
    ]


def setup(run: ReportRun) -> list[str]:
    """Answer how the network compares with the sheet's, and how it was trained."""
    if not run.is_there:
        return []
    own = run.history.parameters
    prediction = "as the sheet has" if own == PARAMETERS else f"where the sheet has {PARAMETERS:,}"
    sentences = [f"Total params: {own:,}, {prediction}."]
    shape = run.graph.image_shape if run.graph else None
    if shape is not None and run.size:
        pixels = int(np.prod(shape))
        less = "fewer than" if run.size < pixels else "as many as" if run.size == pixels else "more than"
        sentences.append(
            f"The bottleneck is {formatting.shape(run.history.bottleneck)} = {run.size:,} values, {less} the image "
            "has pixels "
            f"({pixels:,}){'' if run.size < pixels else ': it is divided by 16 in its area but not in its values'}."
        )
    sentences.append(
        f"Trained with {run.history.objective} and batches of {run.fact('batch_size') or '?'} at a learning rate of "
        f"{run.fact('learning_rate') or '?'}, {run.history.epochs_done} epochs on {run.count('train_images'):,} images."
    )
    return sentences


# ---- task 2 --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Denoised:
    """Digits before and after denoising, and what the classifier calls them; labels are None where none are known.

    clean, noisy, output    float32 (N, 1, 28, 28)
    before, after           the classifier's predictions, int64 (N,), None without a classifier
    """

    clean: np.ndarray
    noisy: np.ndarray
    output: np.ndarray
    labels: np.ndarray | None = None
    before: np.ndarray | None = None
    after: np.ndarray | None = None


def _task_2(reader: Reader, runs: Runs, classifier: ReportRun) -> list[Block]:
    blocks: list[Block] = [
        part("Task 2"),
        Heading(
            "Provide results showing some examples of the ten digits of the MNIST database before and after "
            "denoising for the three different levels of noise: noise factor = 0.5, 0.7, and 0.9"
        ),
    ]
    for factor, run in runs.items():
        blocks += [Heading(f"Noise = {factor}"), *notes.standing(run), *_level(reader, factor, run, classifier)]
    return blocks


def _level(reader: Reader, factor: str, run: ReportRun, classifier: ReportRun) -> list[Block]:
    if run.history.samples is None or run.graph_error:
        return [note(run.graph_error)] if run.graph_error else notes.missing(run, what="denoised digits")
    split = reader.images(run, "test")
    if isinstance(split, str):
        found = _own_samples(reader, run, classifier)
        why = [note(f"Of the test split only the first ten are at hand, which are not one of each digit. {split}")]
    else:
        clean, labels = to_unit(split.pixels[:CLASSIFIED]), split.labels[:CLASSIFIED].astype(int)
        found, why = _denoise(reader, run, classifier, clean, labels), []
    if found is None:
        return notes.missing(run, what="denoised digits")
    shown = _one_of_each(found)
    rows = [("original", found.clean[shown]), ("noisy", found.noisy[shown]), ("denoised", found.output[shown])]
    predictions = [str(prediction) for prediction in found.after[shown]] if found.after is not None else []
    picture = pictures.images(
        f"hesso-denoise-{factor}",
        rows,
        title=f"Before and after denoising, noise factor {factor}",
        caption=f"The digits, with noise of factor {factor}, and denoised"
        f"{'; below: what the classifier calls the denoised digit.' if predictions else '.'}",
        data=run.history.provenance,
        below=predictions or pictures.errors(found.clean[shown], found.output[shown]),
        below_label="called" if predictions else "mse",
    )
    return [*why, picture, *map(answer, decoded(factor, found))]


def _own_samples(reader: Reader, run: ReportRun, classifier: ReportRun) -> Denoised | None:
    samples = run.history.samples
    if samples is None or samples.reconstructions is None:
        return None
    return Denoised(
        samples.targets,
        samples.inputs,
        samples.reconstructions,
        labels=_predictions(reader, classifier, samples.targets),
        before=_predictions(reader, classifier, samples.inputs),
        after=_predictions(reader, classifier, samples.reconstructions),
    )


def _denoise(
    reader: Reader, run: ReportRun, classifier: ReportRun, clean: np.ndarray, labels: np.ndarray
) -> Denoised | None:
    noisy = with_noise(clean, run.history.noise)
    output = reader.outputs(run, noisy, "reconstruction")
    if output is None or output.shape != clean.shape:
        return None
    before, after = (_predictions(reader, classifier, pictures) for pictures in (noisy, output))
    return Denoised(clean, noisy, output, labels, before, after)


def with_noise(images: np.ndarray, factor: float) -> np.ndarray:
    """Return images with noise by the recipe's formula, drawn for each of them, clipped to [0, 1]."""
    drawn = np.random.default_rng(SEED).standard_normal(images.shape, dtype=np.float32)
    noisy: np.ndarray = np.clip(images + np.float32(factor) * drawn, 0, 1)
    return noisy


def _predictions(reader: Reader, classifier: ReportRun, pictures: np.ndarray) -> np.ndarray | None:
    logits = reader.outputs(classifier, pictures, "logits")
    return logits.argmax(axis=1) if logits is not None and logits.ndim == 2 else None


def _one_of_each(found: Denoised) -> np.ndarray:
    """The first image of every digit in their order; the first ten where no labels are known, or some are missing."""
    if found.labels is None or set(found.labels.tolist()) != set(range(10)):
        return np.arange(min(10, len(found.clean)))
    return np.array([int(np.flatnonzero(found.labels == digit)[0]) for digit in range(10)])


def decoded(factor: str, found: Denoised) -> list[str]:
    """Answer how well digits are decoded after denoising, and which are taken for which."""
    labels, before, after = found.labels, found.before, found.after
    if labels is None or before is None or after is None:
        return []
    right, was = float((after == labels).mean()), float((before == labels).mean())
    wrong = Counter(
        (int(label), int(prediction)) for label, prediction in zip(labels, after, strict=True) if label != prediction
    )
    much = (
        "All the digits are" if not wrong else "Digits are globally well" if right >= ALMOST else "Not all digits are"
    )
    text = (
        f"{much} decoded at {factor}: of {len(labels):,} test digits the classifier names {right:.1%} rightly after "
        f"denoising and {was:.1%} before."
    )
    if wrong:
        most = ", ".join(f"{label} for {prediction} ({count})" for (label, prediction), count in wrong.most_common(3))
        text += f" It most often takes {most}."
    if right < was:
        text += " So denoising does not help this classifier."
    return [text]


# ---- task 3 --------------------------------------------------------------------------------------------------


def _task_3(runs: Runs) -> list[Block]:
    labelled = {f"noise {factor}": run for factor, run in runs.items()}
    curves: list[Block] = []
    for factor in (FACTORS[0], FACTORS[-1]):
        curves += pictures.losses(
            f"hesso-loss-{factor}",
            {runs[factor].name: runs[factor]},
            title=f"Noise factor = {factor}",
            caption=f"Loss versus epochs at noise factor = {factor}: training dashed, testing solid.",
        )
    return [
        part("Task 3"),
        Heading("Conclude based on the obtained results"),
        *tables.compared(
            labelled,
            "bce",
            ("linear", "noisy-input", "nearest-example"),
            caption="The loss rate on the test split beside the sheet's, the noisy input's own, and baselines.",
            more=("mse", "psnr"),
        ),
        *map(answer, cost_of_noise(runs)),
        *curves,
    ]


def cost_of_noise(runs: Runs) -> list[str]:
    """Answer whether more noise means more loss, and how that compares with the sheet."""
    losses = {factor: loss for factor, run in runs.items() if (loss := run.metric("bce")) is not None}
    if len(losses) < 2:
        return []
    figures = ", ".join(f"{loss:.3f} at {factor}" for factor, loss in losses.items())
    rising = all(one < two for one, two in itertools.pairwise(losses.values()))
    sentences = [
        f"{'The more noise, the higher is the loss rate' if rising else 'The loss rate does not rise with the noise'}: "
        f"{figures}."
    ]
    for factor, loss in losses.items():
        sheet = runs[factor].published("bce")
        if sheet is not None:
            word = "below" if loss < 0.95 * sheet else "above" if loss > 1.05 * sheet else "within 5 % of"
            sentences.append(f"At {factor} our loss is {word} the sheet's ({loss:.3f}, sheet {sheet:.2f}).")
    return sentences


# ---- task 4 --------------------------------------------------------------------------------------------------


def _task_4(generators: Mapping[int, Runs], classifier: ReportRun) -> list[Block]:
    blocks: list[Block] = [
        part("Task 4"),
        Heading(
            "Regarding the data augmentation exercise, generate different synthetic digits (e.g., twos, "
            "threes and eights)."
        ),
        *_about(classifier),
    ]
    for digit, runs in generators.items():
        blocks += [Heading(f"Test with {digit} :"), *notes.standing(*runs.values())]
        blocks += _planes(digit, runs, "plane", "the middle of the latent plane")
        blocks += map(answer, recognised(digit, runs, "wrong-plane", "In the middle of the plane"))
    blocks += [
        *_wrong_table(generators, "wrong-plane", "in the middle of the plane"),
        Heading(
            "Comment about the diversity of the synthetic objects the autoencoder is generating. Is it possible to "
            "measure that diversity?"
        ),
        *_diversity_table(generators),
        *map(answer, diversity(generators)),
    ]
    return blocks


def _about(classifier: ReportRun) -> list[Block]:
    accuracy, baseline = classifier.metric("accuracy"), classifier.baseline("nearest-example", "accuracy")
    if accuracy is None:
        return [
            *notes.standing(classifier),
            *notes.missing(classifier, what="accuracy of the classifier"),
        ][:1]
    beside = f" (the nearest training image {baseline:.1%})" if baseline is not None else ""
    text = f"The classifier that scores the digits below names {accuracy:.1%} of the test digits rightly{beside}."
    if accuracy < 0.99:
        text += " That is below 99 %, so its predictions are to be taken with care."
    return [*notes.standing(classifier), answer(text)]


def _planes(digit: int, runs: Runs, grid: str, where: str) -> list[Block]:
    """The planes of the four sizes, two side by side; in green what the classifier takes for another digit."""
    there = [(count, run, run.history.grids[grid]) for count, run in runs.items() if grid in run.history.grids]
    if not there:
        return notes.missing(*runs.values(), what="generated digits")
    blocks: list[Block] = [
        _plane_pair(digit, grid, where, there[start : start + 2]) for start in range(0, len(there), 2)
    ]
    absent = [run for run in runs.values() if grid not in run.history.grids]
    return [*blocks, *(notes.missing(*absent, what="generated digits") if absent else [])]


def _plane_pair(digit: int, grid: str, where: str, pair: Sequence[tuple[str, ReportRun, PictureGrid]]) -> FigureBlock:
    drawn = [
        (f"{samples_of(count)}: {_wrong_of(found, digit)}", colours.from_images(found.images), _marks(found, digit))
        for count, _, found in pair
    ]

    def figure(theme: Theme) -> Paintable:
        return BesideFigure(tuple(PlaneFigure(theme, title, pixels, marks) for title, pixels, marks in drawn))

    side = min(LARGEST, max(found.side * found.images.shape[-1] for _, _, found in pair))
    name = f"hesso-{grid}-{digit}-{'-'.join(count for count, _, _ in pair)}"
    sizes = " and ".join([samples_of(pair[0][0]), *(samples_of(count).lower() for count, _, _ in pair[1:])])
    caption = f"{sizes} of {digit}, {where}. Green: what the classifier calls those that it mistakes."
    size = (2 * side + BESIDE, side + ABOVE)
    data = notes.sources(run for _, run, _ in pair)
    return FigureBlock(name, figure, size, caption, data, halves=True, letters=15)


def samples_of(count: str) -> str:
    return "The whole dataset" if count == "all" else f"{int(count):,} samples"


def _marks(found: PictureGrid, digit: int) -> tuple[str, ...]:
    predictions = found.predictions.tolist() if found.predictions is not None else []
    return tuple("" if prediction == digit else str(prediction) for prediction in predictions)


def _wrong_of(found: PictureGrid, digit: int) -> str:
    marks = _marks(found, digit)
    return f"{sum(map(bool, marks))} of {len(marks)} taken for another" if marks else "not classified"


def recognised(digit: int, runs: Runs, metric: str, where: str) -> list[str]:
    """Answer how many of the generated digits the classifier takes for another, by the number of samples."""
    shares = {count: share for count, run in runs.items() if (share := run.metric(metric)) is not None}
    if not shares:
        return []
    figures = ", ".join(f"{share:.1%} from {samples_of(count).lower()}" for count, share in shares.items())
    some = [count for count, share in shares.items() if share > 0]
    if not some:
        sizes = ", whatever the number of samples" if len(shares) > 1 else ""
        return [f"{where} every generated {digit} is recognised{sizes} ({figures})."]
    text = f"{where} the classifier takes for another digit: {figures}."
    if some == [next(iter(COUNTS))] and len(shares) > 1:
        text += " That happens only when the input samples are not enough (10 samples)."
    elif len(shares) > 1:
        fewest, *_, most = shares.values()
        word = "rarer" if most < fewest else "not rarer"
        text += f" It is {word} with the most samples than with the fewest."
    return [text]


def _wrong_table(generators: Mapping[int, Runs], metric: str, where: str) -> list[Block]:
    rows = []
    for digit, runs in generators.items():
        cells = [run.metric(metric) for run in runs.values()]
        real = next((r for run in runs.values() if (r := run.baseline("real", "wrong-plane")) is not None), None)
        rows.append((str(digit), *(formatting.MISSING if cell is None else f"{cell:.1%}" for cell in cells)))
        rows[-1] = (*rows[-1], formatting.MISSING if real is None else f"{real:.1%}")
    heading = ("digit", *(samples_of(count).lower() for count in COUNTS), "real test digits")
    caption = f"Generated digits that the classifier takes for another, {where}, by digit and number of samples."
    return [TableBlock(caption, (heading, *rows))]


def _diversity_table(generators: Mapping[int, Runs]) -> list[Block]:
    measures = ("pairwise", "distinct", "nearest")
    rows = []
    for digit, runs in generators.items():
        for count, run in runs.items():
            cells = (_measure(measure, run.metric(measure)) for measure in measures)
            reals = (_measure(measure, run.baseline("real", measure)) for measure in measures)
            mixed = itertools.chain.from_iterable(zip(cells, reals, strict=True))
            rows.append((f"{digit}, {samples_of(count).lower()}", *mixed))
    heading = (
        "generated",
        "distance between two",
        "real",
        "distinct patterns",
        "real",
        "to the nearest training image",
        "real",
    )
    caption = (
        "Diversity: the mean distance of two generated digits and the distance to the nearest training image "
        "(Euclidean, pixels in [0, 1]), and how many are distinct; beside each the same of as many real test digits."
    )
    return [TableBlock(caption, (heading, *rows))]


def _measure(name: str, value: float | None) -> str:
    return formatting.number(value, 3) if value is None or name != "distinct" else f"{value:.0f}"


@dataclass(frozen=True)
class Diversity:
    """What was measured of the digits that one run generates, beside as many real ones; distances in pixels' units."""

    count: str
    pairwise: float
    distinct: float
    nearest: float
    real_distinct: float
    real_nearest: float

    @property
    def repeats(self) -> bool:
        """Whether the generated digits lie much nearer to the training images than unseen real ones do."""
        return self.nearest < REPEATED * self.real_nearest


def diversities(runs: Runs) -> list[Diversity]:
    """Return what is measured of each size."""
    found = []
    for count, run in runs.items():
        own = [run.metric(measure) for measure in ("pairwise", "distinct", "nearest")]
        values = [*own, run.baseline("real", "distinct"), run.baseline("real", "nearest")]
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            found.append(Diversity(count, *known))
    return found


def diversity(generators: Mapping[int, Runs]) -> list[str]:
    """Answer whether diversity can be measured, and whether it grows with the samples seen."""
    sentences = [_diversity(digit, measured) for digit, runs in generators.items() if (measured := diversities(runs))]
    if not sentences:
        return []
    return [
        "It is possible to measure it, by comparing the images pixel by pixel, as the table above does.",
        *sentences,
    ]


def _diversity(digit: int, measured: Sequence[Diversity]) -> str:
    """Word what was measured of one digit: how many patterns, whether more data make more, whether they are copies."""
    least, most = measured[0], measured[-1]
    patterns = ", ".join(f"{one.distinct:.0f} from {samples_of(one.count).lower()}" for one in measured)
    far = ", far more" if max(one.distinct for one in measured) < most.real_distinct / 2 else ""
    text = f"{digit}, distinct patterns: {patterns}. As many real test digits have {most.real_distinct:.0f}{far}."
    if len(measured) > 1:
        word = "more" if most.pairwise > least.pairwise else "not more"
        text += f" With more data they are {word} diverse: {least.pairwise:.2f} between two from "
        text += f"{samples_of(least.count).lower()}, {most.pairwise:.2f} from {samples_of(most.count).lower()}."
    copies = [samples_of(one.count).lower() for one in measured if one.repeats]
    if copies:
        return text + f" From {', '.join(copies)} they repeat what was shown: real new digits lie much further from it."
    return text + " They do not merely repeat what was shown: real new digits lie no further from it by much."


# ---- task 5 --------------------------------------------------------------------------------------------------


def _task_5(generators: Mapping[int, Runs], classifier: ReportRun) -> list[Block]:
    blocks: list[Block] = [
        part("Task 5"),
        Heading(
            "Provide a summary of your experiments using the autoencoder for data augmentation and comment your "
            "results (e.g., modify the latent variables of an autoencoder that was trained with only 10 examples "
            "such that it generates digits that are no longer recognized by the pre-trained classifier)."
        ),
    ]
    for digit, runs in generators.items():
        blocks += pictures.losses(
            f"hesso-vae-{digit}-loss",
            {samples_of(count): run for count, run in reversed(list(runs.items()))},
            title=f"Model loss for the digit {digit}",
            caption="Model loss in function of epochs for the whole dataset, 1000 samples, 100 samples and 10 samples: "
            "training dashed, test digits solid.",
        )
    blocks += [*_loss_table(generators), *map(answer, loss_by_size(generators))]
    for digit, runs in generators.items():
        blocks += [Heading(f"Extreme latent variables, {digit}")]
        blocks += _planes(digit, runs, "extreme", f"latent variables out to ±{FAR}")
        blocks += map(answer, recognised(digit, runs, "wrong-extreme", f"Out to ±{FAR}"))
    blocks += _wrong_table(generators, "wrong-extreme", f"out to ±{FAR}")
    return [*blocks, *map(answer, broken(generators))]


def _loss_table(generators: Mapping[int, Runs]) -> list[Block]:
    rows = []
    for digit, runs in generators.items():
        for count, run in runs.items():
            losses = run.history.train_loss, run.history.val_loss
            ends = [formatting.number(float(loss[-1]) if len(loss) else None, 4) for loss in losses]
            cells = [
                run.metric("mse"),
                *(run.baseline(name, "mse") for name in ("pca", "mean-image", "nearest-example")),
            ]
            rows.append(
                (f"{digit}, {samples_of(count).lower()}", *ends, *(metrics.figure("mse", cell) for cell in cells))
            )
    heading = ("run", "training loss", "test loss", "mse, measured", "PCA", "mean image", "nearest training image")
    caption = (
        "The last loss of each size (nats an image), and the mse on test digits of that kind beside baselines from "
        "the same samples; PCA has two values, as the network. The sheet gives no figures."
    )
    return [TableBlock(caption, (heading, *rows))]


def loss_by_size(generators: Mapping[int, Runs]) -> list[str]:
    """Answer whether a bigger dataset gives a lower loss on unseen digits."""
    sentences = []
    for digit, runs in generators.items():
        ends = {
            count: float(run.history.val_loss[-1])
            for count, run in runs.items()
            if len(run.history.val_loss) and np.isfinite(run.history.val_loss[-1])
        }
        if len(ends) < 2:
            continue
        falling = all(one > two for one, two in itertools.pairwise(ends.values()))
        figures = ", ".join(f"{loss:.0f} from {samples_of(count).lower()}" for count, loss in ends.items())
        prediction = (
            "When the dataset is bigger, the loss is lower" if falling else "The loss does not fall with every step"
        )
        sentences.append(f"{prediction} ({digit}, test digits, nats an image): {figures}.")
    return sentences


def broken(generators: Mapping[int, Runs]) -> list[str]:
    """Answer where extreme latent variables make digits that are no longer recognised."""
    shares = {
        (digit, count): share
        for digit, runs in generators.items()
        for count, run in runs.items()
        if (share := run.metric("wrong-extreme")) is not None
    }
    if not shares:
        return []
    bad = {key: share for key, share in shares.items() if share > 0}
    if not bad:
        return [f"However extreme the latent variables are, up to ±{FAR}, every generated digit is still recognised."]
    counts = dict.fromkeys(count for _, count in bad)
    worst = max(bad, key=lambda key: bad[key])
    text = (
        "When the latent variables are too extreme, generated digits can be recognised as another number: most "
        f"often the {worst[0]} from {samples_of(worst[1]).lower()} ({bad[worst]:.1%})."
    )
    if list(counts) == [COUNTS[0]]:
        return [text + " This case appeared only with the autoencoders trained with only 10 samples."]
    named = ", ".join(samples_of(count).lower() for count in counts)
    return [text + f" It is not only with 10 samples that this happens: it does with {named}."]
