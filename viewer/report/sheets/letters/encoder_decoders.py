"""Exercise 2: an encoder-decoder that makes Cyrillic letters Latin, by five strategies, and letters from 512 values."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from viewer.report import pictures, tables
from viewer.report.document import Block, TableBlock, note
from viewer.report.notes import answers, missing, standing
from viewer.report.reader import Reader, ReportRun, Runs, figures_of
from viewer.state import metrics, numbers
from viewer.state.metrics import percent
from viewer.state.samples import to_unit
from zoo.data.comnist import PAIRS
from zoo.data.images import Images

VALUES = 512
STRATEGIES = ("class", "class-noise", "random", "representative", "mean")
OBJECTIVES = {"classifier's prediction": STRATEGIES[:2], "wanted letters": STRATEGIES[2:]}
UNCHANGED = 0.01  # of a pixel's range: what normalisation leaves of another contrast
ALIKE = 0.01  # relative difference below which two errors are called the same
READABLE = 0.8  # of what real letters have: as good as they
SIMILAR = 0.5  # of the spread that went in: less is "very similar"
FAR = 2.0  # times as far from the mean letter as one picture for all: a single drawing of the letter is nearer
NEAR = 1.1  # times the least error that a picture a class can have: about as near


def blocks(reader: Reader, runs: Runs, classifiers: Runs) -> dict[str, list[Block]]:
    """Return what stands in the sheet's text of exercise 2 by its name."""
    shown = next((run for run in runs.values() if run.history.layers), next(iter(runs.values())))
    return {
        "standing": standing(*runs.values(), *classifiers.values()),
        "normalisation": _normalisation(reader, shown),
        "architecture": [
            *tables.layer_table(shown, "all five strategies have the same"),
            *answers(architecture(shown)),
        ],
        "training": _training(runs, classifiers),
        **{name: _strategy(reader, name, run) for name, run in runs.items()},
        "noise-class": answers(noise_class(runs)),
        "tricks": answers(tricks(shown), in_short=False) or missing(shown, what="layers"),
        "strategies": _strategies(reader, runs, classifiers["classifier"]),
        "latent": _single_values(reader.run("letters/latent")),
    }


def _training(runs: Runs, classifiers: Runs) -> list[Block]:
    blocks = tables.compared(
        classifiers,
        "accuracy",
        ("majority", "nearest-mean", "nearest-example"),
        caption="The classifiers of Latin letters, measured on Latin test letters (the one with a noise class also "
        "on noise). The sheet gives no figure for them.",
        more=("accuracy-letters", "accuracy-noise"),
    )
    for title, names in OBJECTIVES.items():
        blocks += pictures.losses(
            f"letters-{names[0]}-loss",
            {name: runs[name] for name in names if runs[name].is_there} or {name: runs[name] for name in names},
            title=f"Training by the {title}",
            caption="Training dashed, test letters solid.",
            log=True,
        )
    return blocks


def _strategies(reader: Reader, runs: Runs, classifier: ReportRun) -> list[Block]:
    return [
        *tables.compared(
            runs,
            "accuracy",
            ("nearest-example", "linear", "pca", "copied-input"),
            caption="The five strategies on the test letters: how often letters/classifier, which taught class and "
            "judges itself there, classifies the output correctly, and the mse to the mean letter of the class.",
            more=("mse", "psnr"),
        ),
        *answers(best_strategy(runs)),
        *_independent(reader, runs, classifier),
    ]


@dataclass(frozen=True)
class NearestLetters:
    """What the nearest of the Latin training letters says: a classifier that no network has learned from.

    accuracy, distance              of outputs: the share that it names correctly, and how far off it is, from 0 to 2
    real_accuracy, real_distance    of Latin letters that it has not seen
    """

    accuracy: float
    distance: float
    real_accuracy: float
    real_distance: float

    @property
    def is_readable(self) -> bool:
        """Whether outputs are named nearly as well as real letters, and lie hardly further from one."""
        return self.accuracy > READABLE * self.real_accuracy and self.distance < self.real_distance / READABLE


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


def _independent(reader: Reader, runs: Runs, classifier: ReportRun) -> list[Block]:
    """What a classifier says that taught nobody."""
    there = {name: run for name, run in runs.items() if run.file and not run.is_quick}
    if not there or not classifier.is_there:
        return []
    letters, known, real = (
        reader.images(run, split)
        for run, split in ((next(iter(there.values())), "test"), (classifier, "train"), (classifier, "test"))
    )
    if isinstance(letters, str) or isinstance(known, str) or isinstance(real, str):
        lack = next(each for each in (letters, known, real) if isinstance(each, str))
        return [note(f"Letters are needed to say which outputs can be read. {lack}")]
    found, of_real = {}, nearest(real.pixels, real.labels, known)
    for name, run in there.items():
        outputs = _outputs(reader, run, letters)
        if outputs is not None:
            found[name] = NearestLetters(*nearest(outputs, letters.labels, known), *of_real)
    rows = [
        (name, percent(each.accuracy), f"{each.distance:.2f}", "yes" if each.is_readable else "no")
        for name, each in found.items()
    ]
    accuracy, distance = of_real
    rows.append(("unseen Latin letters", percent(accuracy), f"{distance:.2f}", "yes"))
    caption = (
        f"An independent classifier: the nearest of the {len(known):,} Latin training letters, whatever the contrast "
        "(the cosine of two pictures without their means), which no network has learned from. Its distance goes from "
        "0, the same picture, to 2."
    )
    heading = ("pictures", "classified correctly", "distance to the nearest letter", "nearly as good as letters")
    return [TableBlock(caption, (heading, *rows), 1), *answers(*can_be_read(found))]


def _outputs(reader: Reader, run: ReportRun, letters: Images) -> np.ndarray | None:
    """Return what a run makes of letters; None where its graph cannot be run, or gives no numbers."""
    outputs = reader.outputs(run, to_unit(letters.pixels), "reconstruction")
    return outputs if outputs is not None and np.isfinite(outputs).all() else None


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
    letters = samples.inputs
    outputs = reader.outputs(run, np.concatenate([letters, 0.5 * letters + 0.25]), "reconstruction")
    change = None if outputs is None else float(np.abs(outputs[: len(letters)] - outputs[len(letters) :]).max())
    return answers(normalised(letters, numbers.finite_or_none(change)))


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
    if not run.history.layers:
        return ""
    end = "end" if (64, 7, 7) in [layer.shape for layer in run.history.layers] else "do not end"
    vector = f"{run.size:,} values, where the sheet has {VALUES}"
    if run.size == VALUES:
        vector = f"a vector of size {VALUES}, as the sheet's"
    learned = f"{run.history.parameters:,} parameters are learned"
    return f"The convolutions {end} at [7, 7, 64], and the bottleneck is {vector}; {learned}."


def tricks(run: ReportRun) -> str:
    """Answer which of the tricks the network has."""
    types = [layer.type for layer in run.history.layers]
    if not types:
        return ""
    normalised = sum(one.startswith("BatchNorm") and two == "PReLU" for one, two in itertools.pairwise(types))
    return (
        f"The network has {types.count('PReLU')} parametric ReLUs, {normalised} of them after batch normalisation, and "
        f"{types.count('Dropout') or 'no'} layer of dropout, which is there in training only."
    )


# ---- the five strategies -------------------------------------------------------------------------------------


def _strategy(reader: Reader, name: str, run: ReportRun) -> list[Block]:
    letters = pictures.letters(
        f"letters-{name}",
        run,
        {"inputs": "Cyrillic", "images": name, "targets": "class mean"},
        caption="The first test letter of each class, what comes out, and the mean Latin letter of the class.",
    )
    return [*letters, *answers(readable(name, run)), *_spread(reader, name, run)]


def readable(name: str, run: ReportRun) -> str:
    """Answer whether the classifier accepts the outputs, and whether they look like letters."""
    accuracy, own, sheet = run.metric("accuracy"), run.metric("mse"), run.published("accuracy")
    if accuracy is None:
        return ""
    classifier = "the classifier that taught it" if name == "class" else "the classifier"
    text = f"{name}: {classifier} classifies {percent(accuracy)} of the outputs correctly"
    text += f" (sheet {percent(sheet, 0)})." if sheet is not None else "."
    same = run.baseline("mean-image", "mse")
    return text if own is None or same is None else f"{text} {_look(own, same)}"


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


def noise_class(runs: Runs) -> str:
    """Answer whether the noise class helped."""
    plain, noisy = (runs[name].metric("mse") for name in ("class", "class-noise"))
    if plain is None or noisy is None:
        return ""
    outcome = "It helped" if noisy < (1 - ALIKE) * plain else "It did not help"
    return (
        f"{outcome}: the outputs' mse to the mean letter is {noisy:.3f} with the noise class and {plain:.3f} without."
    )


def spread(images: np.ndarray, labels: np.ndarray) -> float:
    """Return how much images (N, …) of one class differ: the root mean square of what parts them from its mean."""
    squares = 0.0
    for label in np.unique(labels):
        own = images[labels == label].astype(np.float64)
        squares += float(((own - own.mean(axis=0)) ** 2).sum())
    return float(np.sqrt(squares / images.size))


def _spread(reader: Reader, name: str, run: ReportRun) -> list[Block]:
    if not run.file:
        return []
    split = reader.images(run, "test")
    if isinstance(split, str):
        return [note(f"The test letters are needed to say how similar the outputs of a class are. {split}")]
    outputs = _outputs(reader, run, split)
    if outputs is None:
        return []
    before, after = spread(to_unit(split.pixels), split.labels), spread(outputs, split.labels)
    return answers(within_class(name, before, after), in_short=False)


def within_class(name: str, before: float, after: float) -> str:
    """Answer whether outputs are similar within each class."""
    word = "very similar" if after < SIMILAR * before else "not much more similar than the inputs"
    return (
        f"{name}: within each class the outputs are {word}: they differ by {after:.3f} (root mean "
        f"square), the letters that go in by {before:.3f}."
    )


def best_strategy(runs: Runs) -> str:
    """Answer which strategy is best for the classifier and which for the eye."""
    accuracy, mse = figures_of(runs, "accuracy"), figures_of(runs, "mse")
    if len(accuracy) < 2 or len(mse) < 2:
        return ""
    first, nearest = max(accuracy, key=accuracy.__getitem__), min(mse, key=mse.__getitem__)
    same = "So one strategy is best in both."
    different = "What convinces a classifier is not what looks like a letter."
    return (
        f"The classifier classifies most outputs of {first} correctly ({percent(accuracy[first])}); nearest to the "
        f"mean letters are those of {nearest} (mse {mse[nearest]:.3f}). {same if first == nearest else different}"
    )


# ---- e) the 512-tupels -----------------------------------------------------------------------------------------


def _single_values(run: ReportRun) -> list[Block]:
    """A letter of each class, sought through the frozen decoder."""
    if run.is_absent:
        return missing(run, what="letters")
    return [
        *standing(run),
        *pictures.letters(
            "letters-latent",
            run,
            {"targets": "class mean", "images": "found"},
            caption="The mean letter of each class, and the one that was found through the frozen decoder.",
        ),
        *pictures.losses(
            "letters-latent-loss",
            {run.name: run},
            title="The search for the 512-tupels",
            caption="Training letters dashed, test letters solid.",
        ),
        *tables.measured(
            run,
            ("accuracy", "mse", "psnr"),
            ("class-mean", "mean-image"),
            caption="The letters found, measured against every test letter of their class. The sheet gives no figure; "
            "no single picture a class can have a smaller mse on the training letters than their mean.",
        ),
        *answers(*found_letters(run)),
    ]


def found_letters(run: ReportRun) -> list[str]:
    """Answer what was trained, whether the letters are recognised, and how near they come to the best that can be."""
    own, every = run.history.parameters, len(PAIRS) * VALUES
    accuracy, mse, best = run.metric("accuracy"), run.metric("mse"), run.baseline("class-mean", "mse")
    rest = "nothing else" if own == every else f"that is not {len(PAIRS)} × {VALUES} = {every:,}"
    sentences = [f"{own:,} values were trained: {len(PAIRS)} tupels of {VALUES}, and {rest}."]
    if accuracy is not None:
        sentences.append(f"The classifier recognises {percent(accuracy)} of them.")
    if mse is not None and best:
        far = " The frozen decoder cannot draw the mean, or the search ended too early." if mse > NEAR * best else ""
        place = "further from their class than" if far else "about as near to their class as"
        sentences.append(f"They are {place} its mean letter: mse {mse:.4f}, that of the mean {best:.4f}.{far}")
    return sentences
