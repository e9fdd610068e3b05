"""Exercise 2: an encoder-decoder that makes Cyrillic letters Latin, trained by five strategies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from viewer.report import pictures, tables
from viewer.report.document import Block, Heading, TableBlock, note, part, quote
from viewer.report.experiments import NearestLetters, change_of_contrast, nearest_letters, spreads
from viewer.report.notes import answers, missing, standing
from viewer.report.reader import Reader, ReportRun, Runs, figures_of
from viewer.state import metrics
from viewer.state.metrics import percent

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
UNCHANGED = 0.01  # of a pixel's range: what normalisation leaves of another contrast
ALIKE = 0.01  # relative difference below which two errors are called the same
SIMILAR = 0.5  # of the spread that went in: less is "very similar"
FAR = 2.0  # times as far from the mean letter as one picture for all: a single drawing of the letter is nearer


def blocks(reader: Reader, runs: Runs, classifiers: Runs) -> list[Block]:
    """Return what exercise 2 asks for."""
    shown = next((run for run in runs.values() if run.layers), next(iter(runs.values())))
    return [
        part("Exercise 2: Encoder-Decoder"),
        *standing(*runs.values(), *classifiers.values()),
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
        *tables.layer_table(shown, "all five strategies have the same"),
        *answers(architecture(shown)),
        Heading("c) A sensible training method"),
        *tables.compared(
            classifiers,
            "accuracy",
            ("majority", "nearest-mean", "nearest-example"),
            caption="The classifiers of Latin letters, measured on Latin test letters (the one with a noise class also "
            "on noise). The sheet gives no figure for them.",
            more=("accuracy-letters", "accuracy-noise"),
        ),
        *_strategies(reader, runs),
        Heading("Tricks: Mentioned above in (b)"),
        quote(
            "We used parametric ReLU as activation function and applied batch normalization before every "
            "activation. As mentioned above we applied a dropout-layer inbetween encoder and decoder."
        ),
        *(answers(tricks(shown), in_short=False) or missing(shown, what="layers")),
        Heading("d) See (c)."),
        *tables.compared(
            runs,
            "accuracy",
            ("nearest-example", "linear", "pca", "copied-input"),
            caption="The five strategies on the test letters: how often letters/classifier, which taught class and "
            "judges itself there, classifies the output correctly, and the mse to the mean letter of the class.",
            more=("mse", "psnr"),
        ),
        *answers(*best_strategy(runs)),
        *_independent(reader, runs, classifiers["classifier"]),
    ]


def _independent(reader: Reader, runs: Runs, classifier: ReportRun) -> list[Block]:
    """What a classifier says that taught nobody."""
    there = {name: run for name, run in runs.items() if run.file and not run.is_quick}
    if not there or not classifier.is_there:
        return []
    found = {name: nearest_letters(reader, run, classifier) for name, run in there.items()}
    texts = [each for each in found.values() if isinstance(each, str)]
    if texts:
        return [note(f"Letters are needed to say which outputs can be read. {texts[0]}")]
    known = {name: each for name, each in found.items() if isinstance(each, NearestLetters)}
    if not known:
        return []
    one = next(iter(known.values()))
    rows = [
        (name, percent(each.accuracy), f"{each.distance:.2f}", "yes" if each.is_readable else "no")
        for name, each in known.items()
    ]
    real = ("unseen Latin letters", percent(one.real_accuracy), f"{one.real_distance:.2f}", "yes")
    caption = (
        f"An independent classifier: the nearest of the {one.known:,} Latin training letters, whatever the contrast "
        "(the cosine of two pictures without their means), which no network has learned from. Its distance goes from "
        "0, the same picture, to 2."
    )
    heading = ("pictures", "classified correctly", "distance to the nearest letter", "nearly as good as letters")
    return [TableBlock(caption, (heading, *rows, real), 1), *answers(*can_be_read(known))]


def can_be_read(found: Mapping[str, NearestLetters]) -> list[str]:
    """Answer which strategies' outputs can be read, by a classifier that taught none of them."""
    sentences = []
    for name, each in found.items():
        how = "can be read" if each.is_readable else "can hardly be read"
        sentences.append(
            f"{name} {how}: the independent classifier classifies {percent(each.accuracy, 0)} of the outputs "
            f"correctly, of unseen Latin letters {percent(each.real_accuracy, 0)}, and from the nearest letter they "
            f"are {each.distance / each.real_distance:.1f} times as far as those."
        )
    taught = "class" in found and not found["class"].is_readable
    remark = (
        "The accuracy of class above is that of the classifier that taught it, which can be pleased without a letter."
    )
    return [*sentences, *([remark] if taught else [])]


def _normalisation(reader: Reader, run: ReportRun) -> list[Block]:
    samples = run.history.samples
    if samples is None:
        return missing(run, what="letters")
    return answers(normalised(samples.inputs, change_of_contrast(reader, run, samples.inputs)))


def normalised(letters: np.ndarray, change: float | None) -> str:
    """Answer what normalisation does to letters (N, 1, H, W), and whether the graph holds it."""
    means, deviations = letters.mean(axis=(1, 2, 3)), letters.std(axis=(1, 2, 3))
    text = (
        f"The means of the first ten letters go from {means.min():.2f} to {means.max():.2f} and their deviations from "
        f"{deviations.min():.2f} to {deviations.max():.2f}; afterwards all means are 0 and all deviations 1."
    )
    if change is None:
        return text
    if change < UNCHANGED:
        return (
            f"{text} That happens inside the graph: the same letters at half the contrast and another brightness "
            f"change its answer by at most {metrics.error(change)}."
        )
    return (
        f"{text} The graph does not do that: the same letters at half the contrast change its answer by up to "
        f"{change:.2f}."
    )


def architecture(run: ReportRun) -> str:
    """Answer whether the shapes are the sheet's."""
    if not run.layers:
        return ""
    end = "end" if (64, 7, 7) in [layer.shape for layer in run.layers] else "do not end"
    held, learned = sum(layer.parameters for layer in run.layers), run.history.parameters
    sheet = run.size == VALUES
    vector = "a vector of size 512, as the sheet's" if sheet else f"{run.size:,} values, where the sheet has 512"
    text = f"The convolutions {end} at [7, 7, 64], and the bottleneck is {vector}; {learned:,} parameters are learned."
    if held >= learned:
        return text
    return f"{text} The graph holds {held:,}, since batch normalisation is folded into the layers beside it."


def tricks(run: ReportRun) -> str:
    """Answer which of the tricks the graph shows."""
    if not run.layers:
        return ""
    count = sum("PRelu" in (layer.activation, layer.operator) for layer in run.layers)
    if not count:
        return "The graph has no parametric ReLU."
    return (
        f"The graph has {count} parametric ReLU{'s' if count != 1 else ''}; batch normalisation is folded into the "
        "layer before each where that is one, and dropout is there in training only."
    )


# ---- the five strategies -------------------------------------------------------------------------------------


def _strategies(reader: Reader, runs: Runs) -> list[Block]:
    blocks: list[Block] = []
    for title, names in OBJECTIVES.items():
        blocks += pictures.losses(
            f"letters-{names[0]}-loss",
            {name: runs[name] for name in names if runs[name].is_there} or {name: runs[name] for name in names},
            title=f"Training by the {title}",
            caption="Training dashed, test letters solid.",
            log=True,
        )
    for name, text in STRATEGIES.items():
        blocks += [
            Heading(f"Here is a visualization of the results: {name}"),
            quote(text),
            *pictures.letters(
                f"letters-{name}",
                runs[name],
                {"inputs": "Cyrillic", "images": name, "targets": "class mean"},
                caption="The first test letter of each class, what comes out, and the mean Latin letter of the class.",
            ),
            *answers(*readable(name, runs[name])),
            *_spread(reader, name, runs[name]),
            *answers(*(noise_class(runs) if name == "class-noise" else [])),
        ]
    return blocks


def readable(name: str, run: ReportRun) -> list[str]:
    """Answer whether the classifier accepts the outputs, and whether they look like letters."""
    accuracy, own, sheet = run.metric("accuracy"), run.metric("mse"), run.published("accuracy")
    if accuracy is None:
        return []
    classifier = "the classifier that taught it" if name == "class" else "the classifier"
    text = f"{name}: {classifier} classifies {percent(accuracy)} of the outputs correctly"
    text += f" (sheet {percent(sheet, 0)})." if sheet is not None else "."
    same = run.baseline("mean-image", "mse")
    return [text if own is None or same is None else f"{text} {_look(own, same)}"]


def _look(own: float, same: float) -> str:
    """Say how near outputs are to the mean letter, beside one picture for all."""
    to_mean = f"to the mean letter of their class (mse {own:.3f}) than one picture for all ({same:.3f})"
    if own <= same:
        return f"They are nearer {to_mean}."
    if own <= FAR * same:
        return f"They are no nearer {to_mean}, as any single letter may be."
    return (
        f"They look unlike the letters: they are further from the mean letter of their class (mse {own:.3f}) than "
        f"one picture for all is ({same:.3f})."
    )


def noise_class(runs: Runs) -> list[str]:
    """Answer whether the noise class helped."""
    plain, noisy = (runs[name].metric("mse") for name in ("class", "class-noise"))
    if plain is None or noisy is None:
        return []
    outcome = "It helped" if noisy < (1 - ALIKE) * plain else "It did not help"
    return [
        f"{outcome}: the outputs' mse to the mean letter is {noisy:.3f} with the noise class and {plain:.3f} without."
    ]


def _spread(reader: Reader, name: str, run: ReportRun) -> list[Block]:
    found = spreads(reader, run) if run.file else None
    if isinstance(found, str):
        return [note(f"The test letters are needed to say how similar the outputs of a class are. {found}")]
    return answers(within_class(name, *found), in_short=False) if found else []


def within_class(name: str, before: float, after: float) -> str:
    """Answer whether outputs are similar within each class."""
    word = "very similar" if after < SIMILAR * before else "not much more similar than the inputs"
    return (
        f"{name}: within each class the outputs are {word}: they differ by {after:.3f} (root mean "
        f"square), the letters that go in by {before:.3f}."
    )


def best_strategy(runs: Runs) -> list[str]:
    """Answer which strategy is best for the classifier and which for the eye."""
    accuracy, mse = figures_of(runs, "accuracy"), figures_of(runs, "mse")
    if len(accuracy) < 2 or len(mse) < 2:
        return []
    first, nearest = max(accuracy, key=lambda name: accuracy[name]), min(mse, key=lambda name: mse[name])
    same = "So one strategy is best in both."
    different = "What convinces a classifier is not what looks like a letter."
    return [
        f"The classifier classifies most outputs of {first} correctly ({percent(accuracy[first])}); nearest to the "
        f"mean letters are those of {nearest} (mse {mse[nearest]:.3f}). {same if first == nearest else different}"
    ]
