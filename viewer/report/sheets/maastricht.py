"""Maastricht ACML, assignment 2, 2020: reconstruction, the latent space's size against the error, colourisation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from viewer.figures.paintable import Paintable
from viewer.figures.theme import Theme
from viewer.figures.titled import TitledFigure
from viewer.figures.trade_off import Point, TradeOffFigure, rank_correlation
from viewer.report import notes, pictures, tables
from viewer.report.document import Block, FigureBlock, Heading, TableBlock, answer, part, quote
from viewer.report.reader import Reader, ReportRun
from viewer.state import chroma, formatting, metrics, numbers
from viewer.state.samples import Samples, to_grey
from zoo import comparison

TITLE = "ACML, Assignment 2: Convolutional Autoencoders"
LEAD = "Maastricht University, Advanced Concepts of Machine Learning, 2020, on CIFAR-10. aezoo's runs: maastricht/*."

LATENT = 1_024  # what the sheet gives for the base network
LATENTS = {  # the sheet's table
    "model-1": 4_096,
    "model-2": 4_096,
    "model-3": 8_192,
    "model-4": 576,
    "model-5": 256,
    "model-6": 16,
    "model-7": 400,
}
AS_TRAINED = ("model-1-as-trained", "model-4-as-trained", "model-5-as-trained")
SHARES = (0.8, 0.1, 0.1)
LEAST_EPOCHS, SHEET_EPOCHS = 10, 20
CHANGES = {
    "Removing layers from the network (model 1 and 2)": ("model-1", "model-1-as-trained", "model-2"),
    "Increasing the number of channels (model 3)": ("model-3",),
    "Changing the kernel sizes (filters) (model 4 and 5)": (
        "model-4",
        "model-4-as-trained",
        "model-5",
        "model-5-as-trained",
    ),
    "Changing the stride to 3 (model 6)": ("model-6",),
    "Changing the padding (model 7)": ("model-7",),
}
CURVES = (
    ("model-1", "model-1-as-trained", "model-2", "model-3"),
    ("model-4", "model-4-as-trained", "model-5", "model-5-as-trained", "model-6", "model-7"),
)
CORRELATED = 0.5  # Spearman's rank correlation from which on we speak of one
FEWEST = 4  # networks for a correlation
COLOURISERS = ("colour-1", "colour-2")
NEAR = 0.05  # of each other: figures that are called alike

Runs = Mapping[str, ReportRun]


def blocks(reader: Reader) -> list[Block]:
    """Return what the sheet asks for, in its order."""
    base = reader.run("maastricht/base")
    names = (*LATENTS, *AS_TRAINED)
    models = {name: reader.run(f"maastricht/{name}") for name in sorted(names)}
    colours = {name: reader.run(f"maastricht/{name}") for name in COLOURISERS}
    return [*_reconstruction(base), *_latent_space(base, models), *_colourisation(colours)]


# ---- 2 -------------------------------------------------------------------------------------------------------


def _reconstruction(base: ReportRun) -> list[Block]:
    return [
        part("2 Image Reconstruction"),
        *notes.standing(base),
        Heading("2.1 Divide your dataset into training (80%), validation (10%) and test (10%). Normalize the data."),
        *(list(map(answer, division(base))) or notes.missing(base, what="division of the data")),
        Heading(
            "2.2 Implement the autoencoder network specified above. Run the training for at least 10 epochs, and "
            "plot the evolution of the error with epochs. Report also the test error."
        ),
        *tables.layer_table(base, f"The layers of {base.name}, read from its graph."),
        *pictures.losses(
            "maastricht-base-loss",
            {base.name: base},
            title="Evolution of the error with epochs",
            caption="Loss and validation loss for each one of the epochs: training dashed, validation solid.",
        ),
        *tables.measured(
            base,
            ("mse", "psnr", "ssim"),
            ("pca", "nearest-example", "mean-image"),
            caption="The test error of the base network.",
        ),
        *map(answer, test_error(base)),
        *_base_images(base),
    ]


def division(base: ReportRun) -> list[str]:
    """Answer how the data were divided and normalised, by the history's own counts and pixels."""
    counts = [base.count(key) for key in ("train_images", "val_images", "test_images")]
    total = sum(counts)
    if not base.is_there or not total:
        return []
    parts = zip(("training", "validation", "test"), counts, strict=True)
    text = ", ".join(f"{count:,} for {name} ({count / total:.1%})" for name, count in parts)
    as_asked = all(abs(count / total - share) < 0.005 for count, share in zip(counts, SHARES, strict=True))
    remark = "as the sheet asks" if as_asked else "which is not what the sheet asks"
    answers = [f"All {total:,} images were shuffled with a fixed seed and divided: {text}, {remark}."]
    samples = base.history.samples
    if samples is not None:
        low, high = float(samples.targets.min()), float(samples.targets.max())
        answers.append(f"Pixels are divided by 255: those of the test images below go from {low:.2f} to {high:.2f}.")
    return answers


def test_error(base: ReportRun) -> list[str]:
    """Answer the test error beside the sheet's and PCA's, and whether it was trained for long enough."""
    error, sheet, pca = base.metric("mse"), base.published("mse"), base.baseline("pca", "mse")
    if error is None:
        return []
    done = base.history.epochs_done
    enough = "at least the 10 asked for" if done >= LEAST_EPOCHS else "fewer than the 10 asked for"
    text = (
        f"After {done} epochs ({enough}; the sheet's solution has {SHEET_EPOCHS}) the test error is "
        f"{metrics.error(error)}"
    )
    text += f", {_beside(error, sheet)} the sheet's {metrics.error(sheet)}." if sheet is not None else "."
    if compared := base.compared("pca"):
        text += f" That is {compared} with {base.size:,} values ({metrics.error(pca)})."
    return [text]


def _beside(own: float, other: float) -> str:
    if abs(own - other) <= NEAR * other:
        return "about"
    return "below" if own < other else "above"


def _base_images(base: ReportRun) -> list[Block]:
    samples = base.history.samples
    if samples is None or samples.reconstructions is None:
        return notes.missing(base, what="reconstructions")
    return [
        pictures.images(
            "maastricht-base-samples",
            [("original", samples.targets), ("reconstruction", samples.reconstructions)],
            title="The first ten test images and their reconstructions",
            caption="The first ten test images and what the base network makes of them; below: mse.",
            data=base.history.provenance,
            below=pictures.errors(samples.targets, samples.reconstructions),
            below_label="mse",
        )
    ]


# ---- 3 -------------------------------------------------------------------------------------------------------


def _latent_space(base: ReportRun, models: Runs) -> list[Block]:
    everything = {"base": base, **models}
    return [
        part("3 Latent Space Representation"),
        Heading("3.1 What is the size of the latent space representation of the above network?"),
        *([answer(text)] if (text := latent_size(base)) else notes.missing(base, what="size")),
        Heading(
            "3.2 Try other architectures (e.g. fewer intermediate layers, different number of channels, filter "
            "sizes or stride and padding configurations) to answer questions such as: What is the impact of those "
            "in the reconstruction error after training? Is there a correlation between the size of the latent "
            "space representation and the error?"
        ),
        *notes.standing(*models.values()),
        *_changes(base, models),
        Heading("The size of the latent space and the reconstruction error for each model"),
        _model_table(everything),
        *_trade_off(everything),
        *map(answer, correlation(everything)),
        *map(answer, best_model(everything)),
        *_model_curves(everything),
        *_model_images(everything),
    ]


def _model_curves(runs: Runs) -> list[Block]:
    """Validation curves of all models, in two plots of no more than a palette holds colours."""
    blocks: list[Block] = []
    for number, group in enumerate(CURVES, start=1):
        blocks += pictures.losses(
            f"maastricht-models-loss-{number}",
            {name: runs[name] for name in ("base", *group)},
            title=f"Validation error: base, {', '.join(group)}",
            caption="Validation loss for each one of the epochs.",
            log=True,
            only_validation=True,
        )
    return blocks


def latent_size(base: ReportRun) -> str:
    """Answer the size of the base network's latent space."""
    if not base.size:
        return ""
    remark = "as the sheet says" if base.size == LATENT else f"where the sheet says {LATENT:,}"
    shape = formatting.shape(base.history.bottleneck)
    return f"The size of the latent space representation of the above network is {shape} = {base.size:,}, {remark}."


def _changes(base: ReportRun, models: Runs) -> list[Block]:
    blocks: list[Block] = []
    for title, names in CHANGES.items():
        blocks.append(Heading(title))
        sentences = [text for name in names if (text := impact(name, base, models[name]))]
        blocks += map(answer, sentences)
        if not sentences:
            blocks += notes.missing(*(models[name] for name in names), what="error to compare")
    return blocks


def impact(name: str, base: ReportRun, run: ReportRun) -> str:
    """Answer what a change did to the error, beside the base network, the sheet and PCA."""
    error, before, sheet = run.metric("mse"), base.metric("mse"), run.published("mse")
    if error is None:
        return ""
    text = f"{name}: the latent space size is {run.size:,} and the reconstruction error {metrics.error(error)}"
    text += f" (sheet {metrics.error(sheet)})" if sheet is not None else ""
    if before is not None and before > 0:
        ratio = error / before
        if abs(ratio - 1) <= NEAR:
            text += f"; about that of the base network ({metrics.error(before)})"
        else:
            text += f"; {comparison.in_short(error, before, 'mse')} than the base network ({metrics.error(before)})"
    pixels = 3 * 32 * 32
    text += "." if run.size < pixels else f". Its {run.size:,} values are more than the image has ({pixels:,})."
    return text


def _model_table(runs: Runs) -> TableBlock:
    heading = (
        "model",
        "shape",
        "latent space size",
        "sheet",
        "reconstruction error",
        "sheet",
        "PCA",
        "parameters",
        "epochs",
    )
    rows = []
    for name, run in runs.items():
        sheet = LATENT if name == "base" else LATENTS.get(name.removesuffix("-as-trained"))
        rows.append(
            (
                name,
                formatting.shape(run.history.bottleneck) or formatting.MISSING,
                f"{run.size:,}" if run.size else formatting.MISSING,
                f"{sheet:,}" if sheet else formatting.MISSING,
                metrics.figure("mse", run.metric("mse")),
                metrics.published("mse", run.history.published),
                metrics.figure("mse", run.baseline("pca", "mse")),
                f"{run.history.parameters:,}" if run.is_there else formatting.MISSING,
                str(run.history.epochs_done) if run.is_there else formatting.MISSING,
            )
        )
    caption = (
        "Size of the latent space and reconstruction error (mse on the test split) of each model, beside the "
        "sheet's and PCA's with as many values. “as-trained” is the network that the sheet's error speaks for, "
        "where its size is another than the sheet's."
    )
    return TableBlock(caption, (heading, *rows), text_columns=2)


def points(runs: Runs) -> tuple[Point, ...]:
    """The models whose size and error are known."""
    return tuple(
        Point(name, float(run.size), error, _positive(run.published("mse")), _positive(run.baseline("pca", "mse")))
        for name, run in runs.items()
        if run.size and (error := _positive(run.metric("mse"))) is not None
    )


def _positive(value: float | None) -> float | None:
    return value if value is not None and value >= 0 else None


def _trade_off(runs: Runs) -> list[Block]:
    known = points(runs)
    if not known:
        return notes.missing(*runs.values(), what="plot of size against error")

    def figure(theme: Theme) -> Paintable:
        return TitledFigure(theme, "Latent space size against reconstruction error", TradeOffFigure(theme, known))

    caption = (
        "Size of the latent space against the error, both axes logarithmic: measured, the sheet's, and PCA's curve."
    )
    return [FigureBlock("maastricht-trade-off", figure, (760, 480), caption, notes.sources(runs.values()))]


def correlation(runs: Runs) -> list[str]:
    """Answer whether size and error are correlated, and whether size or weights hold the networks back."""
    known = points(runs)
    if len(known) < FEWEST:
        return []
    sizes, errors = (np.array([getattr(point, key) for point in known]) for key in ("size", "error"))
    if len(set(sizes)) < 2 or len(set(errors)) < 2:
        return [f"All {len(known)} networks have the same size or the same error, so that nothing can correlate."]
    rank = rank_correlation(sizes, errors)
    if rank <= -CORRELATED:
        remark = "there is one: a larger latent space goes with a smaller error"
    elif rank >= CORRELATED:
        remark = "there is one, the other way round: a larger latent space goes with a larger error"
    else:
        remark = "there is no clear one: the size alone does not predict the error"
    sentences = [
        f"Spearman's rank correlation between latent space size and error is {rank:+.2f} over "
        f"{len(known)} networks; {remark}."
    ]
    rated = [point for point in known if point.pca is not None]
    beaten = [point.name for point in rated if point.pca is not None and point.error < point.pca]
    if beaten:
        sentences.append(f"PCA with as many values is beaten by {', '.join(beaten)}.")
    elif rated:
        sentences.append(
            "PCA with as many values beats every one of them: not the size of the latent space holds them back, but "
            "the few weights that fill it."
        )
    return sentences


def best_model(runs: Runs) -> list[str]:
    """Answer which model is best, and whether its latent space is smaller than the image at all."""
    known = points(runs)
    if len(known) < 2:
        return []
    best = min(known, key=lambda point: point.error)
    text = f"{best.name} has the least reconstruction error ({metrics.error(best.error)})."
    if best.size >= 3 * 32 * 32:
        text += (
            f" Its {best.size:,.0f} values are no fewer than the image's {3 * 32 * 32:,}: it need not "
            "compress anything."
        )
    return [text]


def _model_images(runs: Runs) -> list[Block]:
    shown = {
        name: made
        for name, run in runs.items()
        if (samples := run.history.samples) and (made := samples.reconstructions) is not None
    }
    first = next((run.history.samples for name, run in runs.items() if name in shown), None)
    if first is None:
        return notes.missing(*runs.values(), what="reconstructions")
    rows = [("original", first.targets), *((name, made) for name, made in shown.items())]
    return [
        pictures.images(
            "maastricht-models-samples",
            [(name, made) for name, made in rows if made.shape == first.targets.shape],
            title="The first ten test images and their reconstructions",
            caption="The first ten test images and what every model makes of them.",
            data=notes.sources(runs.values()),
        )
    ]


# ---- 4 -------------------------------------------------------------------------------------------------------


def _colourisation(runs: Runs) -> list[Block]:
    first, second = (runs[name] for name in COLOURISERS)
    baselines = ("grey-copied", "linear", "pca", "nearest-example")
    return [
        part("4 Colorization"),
        Heading(
            "4.1 Adapting the network from the previous part such that it learns to reconstruct colors by feeding in "
            "grayscale images but predicting all RGB channels."
        ),
        *notes.standing(first),
        *_colour_images("maastricht-colour-1", {"colour-1": first}, "True colors - Reconstruction"),
        *tables.measured(first, ("mse", "psnr", "ssim"), baselines, caption="The first colouriser on the test split."),
        *map(answer, beside_grey({"colour-1": first})),
        Heading(
            "4.2 Report on your results and reason about potential shortcomings of your network. What aspects of the "
            "architecture/hyperparameters/optimization could be improved upon to fit the model more adequately to this "
            "application? Try out some ideas."
        ),
        quote(
            "From the experiments done in the previous sections, we saw that also increasing the filter sizes leads "
            "to a better model performance. For that reason, we can create a new model to combine both of our "
            "previously best ones."
        ),
        *notes.standing(second),
        *pictures.losses(
            "maastricht-colour-loss",
            dict(runs),
            title="Error of both final models with epochs",
            caption="Loss and validation loss for each one of the epochs: training dashed, validation solid.",
        ),
        *_colour_images(
            "maastricht-colour-both", runs, "True image, final model 1 reconstruction, final model 2 reconstruction"
        ),
        *tables.compared(
            runs,
            "mse",
            baselines,
            caption=(
                "Both colourisers on the test split, beside the sheet's figures and no colour at all (grey copied)."
            ),
            more=("psnr", "ssim"),
        ),
        *_chroma_table(runs),
        *map(answer, larger_filters(runs)),
        *map(answer, beside_grey({"colour-2": second})),
        *map(answer, shortcomings(runs)),
    ]


def _colour_images(name: str, runs: Runs, title: str) -> list[Block]:
    shown = {
        label: (samples, made)
        for label, run in runs.items()
        if (samples := run.history.samples) and (made := samples.reconstructions) is not None
    }
    if not shown:
        return notes.missing(*runs.values(), what="coloured images")
    first, _ = next(iter(shown.values()))
    rows = [("true", first.targets), ("grey, copied", grey_copied(first))]
    rows += [(label, made) for label, (_, made) in shown.items() if made.shape == first.targets.shape]
    label, (_, made) = next(reversed(shown.items()))
    picture = pictures.images(
        name,
        rows,
        title=title,
        caption=f"True colours, the grey that goes in, and what comes out; below: mse of {label}.",
        data=notes.sources(runs.values()),
        below=pictures.errors(first.targets, made),
        below_label="mse",
    )
    absent = [run for label, run in runs.items() if label not in shown]
    return [picture, *(notes.missing(*absent, what="row") if absent else [])]


def grey_copied(samples: Samples) -> np.ndarray:
    """Return the grey that went in as red, green and blue; that of the targets where the inputs do not fit them."""
    pixels = samples.inputs
    if len(pixels) != len(samples.targets) or pixels.shape[1] != 1 or pixels.shape[2:] != samples.targets.shape[2:]:
        pixels = to_grey(samples.targets) if samples.targets.shape[1] == 3 else samples.targets
    return np.broadcast_to(pixels, samples.targets.shape)


def beside_grey(runs: Runs) -> list[str]:
    """Answer whether a colouriser is better than no colour at all, and than the sheet."""
    sentences = []
    for name, run in runs.items():
        own, grey, sheet = run.metric("mse"), run.baseline("grey-copied", "mse"), run.published("mse")
        if own is None or grey is None:
            continue
        if own < grey:
            text = (
                f"{name} is better than no colour at all: mse {metrics.error(own)}, {1 - own / grey:.0%} below "
                "that of the grey"
            )
        else:
            text = f"{name} is no better than no colour at all: mse {metrics.error(own)}, not below that of the grey"
        text += f" values copied ({metrics.error(grey)})"
        sentences.append(text + (f"; the sheet has {metrics.error(sheet)}." if sheet is not None else "."))
    return sentences


def larger_filters(runs: Runs) -> list[str]:
    """Answer whether the second model's larger filters lead to a better performance."""
    one, two = (runs[name].metric("mse") for name in COLOURISERS)
    if one is None or two is None:
        return []
    if abs(one - two) <= NEAR * one:
        remark = "The larger filters of the second model make no difference"
    else:
        remark = f"The larger filters of the second model make it {'better' if two < one else 'worse'}"
    epochs = " and ".join(str(runs[name].history.epochs_done) for name in COLOURISERS)
    return [
        f"{remark}: mse {metrics.error(two)} against {metrics.error(one)}, after {epochs} epochs of the "
        "first and the second."
    ]


def _chroma_table(runs: Runs) -> list[Block]:
    rows: list[tuple[str, ...]] = []
    for name, run in runs.items():
        samples = run.history.samples
        if samples is None or samples.reconstructions is None or samples.targets.shape[1] != 3:
            continue
        copied = grey_copied(samples)
        if not rows:
            rows.append(_chroma_row("true", samples.targets, samples.targets))
            rows.append(_chroma_row("grey, copied", samples.targets, copied))
        rows.append(_chroma_row(name, samples.targets, samples.reconstructions))
    if not rows:
        return []
    caption = (
        "Of the ten images above: how far the colours alone are off (the mean distance of a* and b* in CIELAB; 2 "
        "can just be seen), the mean squared error of the brightness alone (luma, which is what goes in), and how "
        "strong the colours are (their mean distance from grey in a* and b*)."
    )
    heading = ("image", "colour error", "brightness error", "strength of the colours")
    return [TableBlock(caption, (heading, *rows))]


def _chroma_row(name: str, targets: np.ndarray, outputs: np.ndarray) -> tuple[str, ...]:
    return (
        name,
        f"{_colour_error(targets, outputs):.1f}",
        metrics.error(_brightness_error(targets, outputs)),
        f"{_strength(outputs):.1f}",
    )


def _colour_error(targets: np.ndarray, outputs: np.ndarray) -> float:
    return float(chroma.errors(chroma.error_map(targets, outputs)).mean())


def _brightness_error(targets: np.ndarray, outputs: np.ndarray) -> float:
    return float(numbers.mse(to_grey(targets), to_grey(outputs)).mean())


def _strength(images: np.ndarray) -> float:
    return float(chroma.distance(chroma.ab(images), 0.0).mean())


def shortcomings(runs: Runs) -> list[str]:
    """Answer what falls short, from the colours of the ten test images."""
    sentences = []
    for name, run in runs.items():
        samples = run.history.samples
        if samples is None or samples.reconstructions is None or samples.targets.shape[1] != 3:
            continue
        copied = grey_copied(samples)
        own, none = (_colour_error(samples.targets, images) for images in (samples.reconstructions, copied))
        true, made = _strength(samples.targets), _strength(samples.reconstructions)
        sentences.append(_shortcoming(name, own, none, made / true if true else float("nan")))
        luma = _brightness_error(samples.targets, samples.reconstructions)
        whole = float(numbers.mse(samples.targets, samples.reconstructions).mean())
        if luma > 0.1 * whole:
            sentences.append(
                f"{name} also errs in what it was given: the mean squared error of its brightness is "
                f"{metrics.error(luma)}, {luma / whole:.0%} of its error in all, though the grey image holds it. "
                "Predicting the colours alone and keeping the luma would save that."
            )
    return sentences


def _shortcoming(name: str, own: float, none: float, share: float) -> str:
    if own >= none:
        text = (
            f"{name}: the colours of the ten images are further off ({own:.1f} in CIELAB) than no colour is "
            f"({none:.1f})"
        )
    else:
        text = (
            f"{name}: the colours of the ten images are {1 - own / none:.0%} less off ({own:.1f} in CIELAB) "
            f"than no colour is ({none:.1f})"
        )
    text += f", and {share:.0%} as strong as the true ones."
    if share < 0.8:
        text += (
            " Where a grey value may belong to several colours, the squared error is least at their mean, which is "
            "pale; a loss over classes of colours, or one over the whole image, would not pull them together."
        )
    else:
        text += (
            " So they are not pale; what is missing is which colour belongs where, which takes a wider view "
            "than few small kernels have."
        )
    return text
