"""Exercise 2 e: the 512 values that give a letter of each class, sought through the frozen decoder."""

from __future__ import annotations

from viewer.report import pictures, tables
from viewer.report.document import Block, Heading, quote
from viewer.report.notes import answers, missing, standing
from viewer.report.reader import ReportRun
from viewer.state.metrics import percent
from zoo.data.comnist import PAIRS

VALUES = 512
NEAR = 1.1  # times the least error that a picture a class can have: about as near


def blocks(run: ReportRun) -> list[Block]:
    """A letter of each class, sought through the frozen decoder."""
    head = [
        Heading("e) The 512-tupel alone is trained. The results are shown below:"),
        *standing(run),
        quote(
            "The encoder part of the network is omitted, it begins with the 512-tupel, which was in the middle "
            "before. All variables are marked as untrainable and only the 512-tupel is trainable. We optimized for "
            "every class, the loss for a single class is the MSE of the output of the encoder and all training "
            "examples of that class."
        ),
    ]
    if run.is_absent:
        return [*head, *missing(run, what="letters")]
    return [
        *head,
        *pictures.letters(
            "letters-latent",
            run,
            {"targets": "class mean", "images": "found"},
            caption="The mean letter of each class, and the one that was found through the frozen decoder.",
        ),
        *pictures.loss(
            "letters-latent-loss",
            run,
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
    sentences = []
    if own:
        rest = "nothing else" if own == every else f"that is not {len(PAIRS)} × {VALUES} = {every:,}"
        sentences.append(f"{own:,} values were trained: {len(PAIRS)} tupels of {VALUES}, and {rest}.")
    if accuracy is not None:
        sentences.append(f"The classifier recognises {percent(accuracy)} of them.")
    if mse is not None and best:
        far = " The frozen decoder cannot draw the mean, or the search ended too early." if mse > NEAR * best else ""
        place = "further from their class than" if far else "about as near to their class as"
        sentences.append(f"They are {place} its mean letter: mse {mse:.4f}, that of the mean {best:.4f}.{far}")
    return sentences
