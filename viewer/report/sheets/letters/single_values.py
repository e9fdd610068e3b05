"""Exercises 3 and 4: the 512 values that give a letter of each class, and linear maps through few values."""

from __future__ import annotations

from collections.abc import Sequence

from viewer.report import linear, pictures, tables
from viewer.report.document import Block, Heading, TableBlock, note, part, quote
from viewer.report.linear import Fit
from viewer.report.notes import answers, missing, standing
from viewer.report.reader import Reader, ReportRun, Runs
from viewer.state.metrics import error
from viewer.state.samples import COUNT, to_unit
from zoo.data.comnist import PAIRS
from zoo.data.images import Images

VALUES = 512
NEAR = 1.1  # times the least error that a picture a class can have: about as near
COMPONENTS = (2, 8, 32)  # values of the linear maps of exercise 4
SHOWN = 32  # of them, those whose letters are shown
ALIKE = 0.01  # relative difference below which two errors are called the same


def exercise_3(run: ReportRun) -> list[Block]:
    """A letter of each class, sought through the frozen decoder."""
    return [
        part("Exercise 3"),
        *standing(run),
        quote(
            "The encoder part of the network is omitted, it begins with the 512-tupel, which was in the middle "
            "before. All variables are marked as untrainable and only the 512-tupel is trainable. We optimized for "
            "every class, the loss for a single class is the MSE of the output of the encoder and all training "
            "examples of that class."
        ),
        Heading("The results are shown below:"),
        *pictures.letters(
            "letters-latent",
            run,
            {"targets": "class mean", "images": "found"},
            title="The letter that 512 values give, sought for each class through the frozen decoder",
            caption="The mean letter of each class and the one that was found.",
        ),
        *pictures.loss(
            "letters-latent-loss",
            run,
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
        *answers(*found_letters(run)),
    ]


def found_letters(run: ReportRun) -> list[str]:
    """Answer what was trained, whether the letters are recognised, and how near they come to the best that can be."""
    own, every = run.history.parameters, len(PAIRS) * VALUES
    accuracy, mse, best = run.metric("accuracy"), run.metric("mse"), run.baseline("class-mean", "mse")
    sentences = []
    if own:
        rest = "nothing else" if own == every else f"that is not {len(PAIRS)} × {VALUES} = {every:,}"
        sentences.append(f"{own:,} values were trained: {len(PAIRS)} tupels of {VALUES}, and {rest}.")
    if accuracy is not None:
        sentences.append(f"The classifier recognises {accuracy:.1%} of them.")
    if mse is not None and best:
        far = " The frozen decoder cannot draw the mean, or the search ended too early." if mse > NEAR * best else ""
        place = "further from their class than" if far else "about as near to their class as"
        sentences.append(f"They are {place} its mean letter: mse {mse:.4f}, that of the mean {best:.4f}.{far}")
    return sentences


# ---- exercise 4 ----------------------------------------------------------------------------------------------


def exercise_4(reader: Reader, runs: Runs, classifier: ReportRun) -> list[Block]:
    """Linear maps, beside each other and beside the encoder-decoders."""
    head: list[Block] = [part("Exercise 4"), Heading("Principal component analysis and a linear autoencoder")]
    source = next((run for run in (classifier, *runs.values()) if run.is_there), None)
    if source is None:
        return [*head, *missing(classifier, what="letters to compare them on")]
    return [
        *head,
        *_linear_maps(reader.images(source, "train"), reader.images(source, "test")),
        *tables.compared(
            runs,
            "mse",
            ("linear", "pca", "mean-image", "nearest-example"),
            caption="The encoder-decoders beside the best linear map from Cyrillic letters to the mean Latin letter: "
            "no linear encoder-decoder can do better.",
        ),
        *answers(*beside_linear(runs)),
    ]


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
        title=f"Letters through {SHOWN} values, by PCA and by a linear autoencoder",
        caption="The first ten test letters and what both linear maps make of them.",
        data=test.provenance,
    )
    rows = [(str(fit.values), error(fit.components), error(fit.autoencoder)) for fit in fits]
    caption = (
        f"Measured on {len(new):,} test letters; both were fitted to {len(known):,} training letters here. The sheet "
        "gives no figure."
    )
    table = TableBlock(caption, (("values", "PCA, mse", "linear autoencoder, mse"), *rows))
    return [table, picture, *answers(*same_space(fits))]


def same_space(fits: Sequence[Fit]) -> list[str]:
    """Answer whether a linear autoencoder finds anything else than PCA does."""
    furthest = max(abs(fit.autoencoder - fit.components) / fit.components for fit in fits)
    if furthest <= ALIKE:
        return [
            f"They are the same: the errors differ by at most {furthest:.2%}. Without activation functions the "
            "autoencoder finds the space of the principal components, though not their directions."
        ]
    return [
        f"They are not the same here: the errors differ by up to {furthest:.1%}. At its optimum a linear autoencoder "
        "spans the space of the principal components, so this one has not arrived."
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
