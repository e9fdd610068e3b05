"""Part 4: colours from grey images, how good they are and what they lack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from viewer.report import pictures, tables
from viewer.report.document import Block, TableBlock
from viewer.report.notes import ALIKE, answers, beside, missing, standing
from viewer.report.pictures import grey_copied
from viewer.report.reader import ReportRun, Runs, figures_of
from viewer.state import chroma, numbers
from viewer.state.metrics import error, percent
from viewer.state.samples import to_grey
from zoo import comparison

COLOURISERS = ("colour-1", "colour-2")
IDEAS = {  # recipes of plus
    "colour-luma": "keeps the grey values, finds two colours",
    "colour-unet": "the same with a U-Net, which sees the whole image",
    "colour-classes": "the U-Net weighs 49 kinds of colour",
}
BASELINES = ("grey-copied", "linear", "pca", "nearest-example")
PALE = 0.8  # of the true colours' strength: less is pale
ROUNDING = 5e-6  # of a brightness: none
FALLING = 0.02  # of the validation error in the last quarter of the epochs: it is still learning
SHARE = 0.1  # of the whole error: more of it in the brightness is worth a sentence


def blocks(runs: Runs, ideas: Runs) -> dict[str, list[Block]]:
    """Return what stands in the sheet's text of part 4 by its name."""
    first = runs["colour-1"]
    return {
        "colour-1": [
            *standing(first),
            *_images("maastricht-colour-1", {"colour-1": first}),
            *tables.measured(
                first, ("mse", "psnr", "ssim"), BASELINES, caption="The first colouriser on the test split."
            ),
            *answers(beside_grey(first)),
        ],
        "colours": _both(runs),
        "ideas": _ideas(runs, {name: run for name, run in ideas.items() if run.is_there}),
        "ideas-missing": missing(*(run for run in ideas.values() if not run.is_there), what="idea tried out"),
    }


def _both(runs: Runs) -> list[Block]:
    second = runs["colour-2"]
    return [
        *standing(second),
        *pictures.losses(
            "maastricht-colour-loss",
            runs,
            title="Error of both final models with epochs",
            caption="Training dashed, validation solid.",
        ),
        *tables.compared(
            runs,
            "mse",
            BASELINES,
            caption=(
                "Both colourisers on the test split, beside the sheet's figures and no colour at all (grey copied)."
            ),
            more=("psnr", "ssim"),
        ),
        *answers(larger_filters(runs), beside_grey(second), *shortcomings(runs), in_short=False),
        *answers(improvements(runs)),
    ]


def _ideas(runs: Runs, ideas: Runs) -> list[Block]:
    """Three ideas of ours, beside the sheet's two models and no colour at all."""
    every = {**runs, **ideas}
    if not ideas:
        return [*_images("maastricht-colour-both", runs), *_colour_table(runs)]
    columns = [
        ("idea", lambda run: IDEAS.get(run.recipe, "the sheet's")),
        tables.metric("mse", "measured: mse"),
        tables.baseline("grey-copied", "mse"),
        tables.count("parameters", lambda run: run.history.parameters),
        tables.EPOCHS,
    ]
    source = next(iter(ideas.values())).history.provenance
    caption = f"Ideas tried out, on the test split ({source})."
    return [
        tables.of_runs(every, "run", columns, caption=caption, text_columns=2),
        *_images("maastricht-colour-ideas", every),
        *_colour_table(every),
        *answers(*tried(runs, ideas), in_short=False),
        *answers(best_idea(ideas)),
    ]


def tried(runs: Runs, ideas: Runs) -> list[str]:
    """Answer what each idea brings beside the sheet's best model and no colour at all."""
    sheet = min(figures_of(runs, "mse").values(), default=None)
    sentences = []
    for name, run in ideas.items():
        own, grey = run.metric("mse"), run.baseline("grey-copied", "mse")
        if own is None or grey is None:
            continue
        beside = (
            f", and {comparison.in_short(own, sheet, 'mse')} than the sheet's better model" if sheet is not None else ""
        )
        epochs = run.history.epochs_done
        sentences.append(
            f"{name} ({IDEAS[name]}): mse {error(own)} after {epochs} epoch{'s' if epochs != 1 else ''}, "
            f"{comparison.in_short(own, grey, 'mse')} than grey copied{beside}."
        )
    return sentences


def best_idea(ideas: Runs) -> str:
    """Answer which idea is the best by its error beside no colour at all."""
    errors = figures_of(ideas, "mse")
    if len(errors) < 2:
        return ""
    best = min(errors, key=errors.__getitem__)
    beside_none = ideas[best].compared("grey-copied")
    return f"By the error on the test split {best} is the best idea: {beside_none or error(errors[best])}."


def _images(name: str, runs: Runs) -> list[Block]:
    made = [label for label, run in runs.items() if run.reconstructions is not None]
    if not made:
        return missing(*runs.values(), what="coloured images")
    rows = pictures.reconstructions(
        name,
        runs,
        caption=f"{runs[made[0]].first_ten} with their true colours, as the grey that goes in, and as it comes out; "
        f"below: mse of {made[-1]}.",
        in_colour=True,
        mse_of=made[-1],
    )
    return [*rows, *missing(*(run for label, run in runs.items() if label not in made), what="row")]


def beside_grey(run: ReportRun) -> str:
    """Answer whether a colouriser is better than no colour at all, and than the sheet."""
    own, grey, sheet = run.metric("mse"), run.baseline("grey-copied", "mse"), run.published("mse")
    if own is None or grey is None:
        return ""
    text = f"{run.recipe} is {'better' if own < grey else 'no better'} than no colour at all: mse {error(own)}, "
    text += f"{run.compared('grey-copied')} ({error(grey)})"
    return f"{text}; the sheet has {error(sheet)}." if sheet is not None else f"{text}."


def larger_filters(runs: Runs) -> str:
    """Answer whether the second model's larger filters lead to a better performance."""
    one, two = (runs[name].metric("mse") for name in COLOURISERS)
    if one is None or two is None:
        return ""
    word = {ALIKE: "no difference", "below": "it better", "above": "it worse"}[beside(two, one)]
    epochs = " and ".join(str(runs[name].history.epochs_done) for name in COLOURISERS)
    return (
        f"The larger filters of the second model make {word}: mse {error(two)} against {error(one)}, after {epochs} "
        "epochs of the first and the second."
    )


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


def _colour_table(runs: Runs) -> list[Block]:
    found = colourings(runs)
    if not found:
        return []
    first = next(iter(found.values()))
    shown = {"true": first.true, "grey, copied": first.grey, **{name: each.own for name, each in found.items()}}
    rows = [
        (name, f"{each.chroma:.1f}", f"{each.luma:.5f}" if each.luma > ROUNDING else "0", f"{each.strength:.1f}")
        for name, each in shown.items()
    ]
    caption = (
        "Of the ten images above: how far the colours alone are off (the mean distance of a* and b* in CIELAB; 2 "
        "can just be seen), the mean squared error of the brightness alone (luma, which is what goes in), and how "
        "strong the colours are (their mean distance from grey in a* and b*)."
    )
    heading = ("image", "colour error", "brightness error", "strength of the colours")
    return [TableBlock(caption, (heading, *rows))]


PALENESS = (
    "Where a grey value may belong to several colours, the squared error is least at their mean, which is pale; a loss "
    "over classes of colours, or one over the whole image, would not pull them together."
)


def shortcomings(runs: Runs) -> list[str]:
    """Answer what falls short, from the colours of the ten images."""
    sentences = []
    known = colourings(runs)
    for name, found in known.items():
        sentences.append(_shortcoming(name, found))
        if found.own.luma > SHARE * found.own.mse:
            sentences.append(
                f"{name} also errs in what it was given: the mean squared error of its brightness is "
                f"{error(found.own.luma)}, {percent(found.own.luma / found.own.mse, 0)} of its error in all, though "
                "the grey image holds it. Predicting the colours alone and keeping the luma would save that."
            )
    return [*sentences, *([PALENESS] if any(found.strength < PALE for found in known.values()) else [])]


def improvements(runs: Runs) -> str:
    """Answer what could be improved: architecture, hyperparameters and optimisation, in the sheet's order."""
    falls = {name: fall for name, run in runs.items() if (fall := _last_fall(run)) is not None}
    if not falls:
        return ""
    still = [name for name, fall in falls.items() if fall > FALLING]
    optimised = f"{' and '.join(still)} still learned at the end, so that more epochs would help"
    if not still:
        optimised = "the validation error hardly fell in the last quarter of the epochs, so that more would help little"
    return (
        "What could be improved: the architecture, whose small kernels see a part of the image and not what it shows, "
        "so that skip connections and a coarser view should help; among the hyperparameters less the size of the "
        f"kernels than the loss, which asks for the mean colour; as to the optimisation, {optimised}."
    )


def _last_fall(run: ReportRun) -> float | None:
    """Return by what share the validation error fell in the last quarter of the epochs; None of too few."""
    losses = run.history.val_loss
    if run.is_quick or len(losses) < 4 or not np.isfinite(losses).all():
        return None
    before = float(losses[: -(len(losses) // 4)].min())
    return 1 - float(losses.min()) / before if before > 0 else None


def _shortcoming(name: str, found: Colouring) -> str:
    own, none = found.own.chroma, found.grey.chroma
    word = comparison.in_short(own, none, "chroma") or "more"
    off, than = ("as far off", "as") if word == comparison.SAME else (f"{word} off", "than")
    text = (
        f"{name}: the colours of the ten images are {off} ({own:.1f} in CIELAB) {than} no colour is ({none:.1f}), "
        f"and {percent(found.strength, 0)} as strong as the true ones."
    )
    if found.strength < PALE:
        return text
    return (
        f"{text} So they are not pale; what is missing is which colour belongs where, which takes a wider view "
        "than few small kernels have."
    )
