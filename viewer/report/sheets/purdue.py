"""Purdue ECE 595, project 2, 2019: three autoencoders for MNIST, and for each a list of deliverables."""

from __future__ import annotations

from collections.abc import Mapping

from viewer.figures.trade_off import Point, TradeOffFigure
from viewer.report import pictures, tables
from viewer.report.document import Block, answer, note
from viewer.report.notes import answers, missing, sources, standing
from viewer.report.reader import Reader, ReportRun
from viewer.state import noise
from viewer.state.metrics import error
from viewer.state.samples import COUNT, to_unit
from zoo import comparison

VALUES = (2, 8, 32, 100)  # of plus/dense-k and plus/linear-k
NAMED = 8  # of them, where the points have names, for prints without colours
EPOCHS = 150  # "Train your model using 150 epochs."
SCALE = 0.25  # of the unit variance Gaussian in part 3
VIEWS = {"dense": (10, 10), "conv": (28, 14)}  # "reshape the images to be"
LOSSES = {
    "dense": "Part 1: loss of the purdue/dense model versus the epochs",
    "conv": "Part 2: loss of the purdue/conv model versus the epochs",
    "denoise": "Part 3: loss of the DAE versus the epochs",
}
_TRAINING = 'mnist["train"][0][:10] / np.float32(255)'  # the first ten in a notebook


def blocks(reader: Reader) -> dict[str, list[Block]]:
    """Return what stands in the sheet's text by its name."""
    runs = {name: reader.run(f"purdue/{name}") for name in LOSSES}
    denoiser = runs["denoise"]
    made = {"sizes": _sizes(reader)}
    for name, run in runs.items():
        made[f"{name}-network"] = _network(run)
        made[f"{name}-loss"] = _loss(run)
        made[f"{name}-test"] = _first_ten(run, "test", "targets", "The targets, pixels from 0 (black) to 1.")
    for name, view in VIEWS.items():
        run = runs[name]
        caption = f"What {run.name} makes of them; below: the mse of each."
        made[f"{name}-bottleneck"] = _bottlenecks(reader, run, view)
        made[f"{name}-reconstructed"] = [
            *_first_ten(run, "reconstructed", "reconstructions", caption),
            *_measured(run, "pca", "nearest-example", "mean-image"),
            *answers(against_pca(run)),
        ]
    made["denoise-train"], made["denoise-train-noisy"] = _training_images(reader, denoiser)
    made["denoise-noisy"] = _first_ten(denoiser, "noisy", "inputs", "As the network was given them.")
    caption = "What the DAE makes of them; below: the mse to the clean image."
    made["denoise-denoised"] = [
        *_first_ten(denoiser, "denoised", "reconstructions", caption),
        *_measured(denoiser, "linear", "noisy-input", "nearest-example"),
        *answers(denoised(denoiser)),
    ]
    return made


# ---- the introduction's claim --------------------------------------------------------------------------------


def _sizes(reader: Reader) -> list[Block]:
    runs = {kind: {k: reader.numbers_of(f"plus/{kind}-{k}") for k in VALUES} for kind in ("dense", "linear")}
    every = [run for by_size in runs.values() for run in by_size.values()]
    known = tuple(
        Point(kind if k == NAMED else "", float(k), own, pca=run.baseline("pca", "mse"), family=kind)
        for kind, by_size in runs.items()
        for k, run in by_size.items()
        if (own := run.metric("mse")) is not None
    )
    if not known:
        return [note("The networks of each size are not trained yet: `aezoo train 'plus/dense-*' 'plus/linear-*'`.")]
    epochs = sorted({run.history.epochs_done for run in every if run.is_there})
    picture = pictures.titled(
        "purdue-sizes",
        lambda theme: TradeOffFigure(theme, known, name_all=False),
        pictures.PLOT,
        title="Error against the number of values",
        caption="784-400-200-k-200-400-784 with ReLU, 784-k-784 without any activation function, and PCA, on the test "
        f"split; trained for {' to '.join(map(str, epochs))} epochs. Both axes are logarithmic.",
        data=sources(every),
    )
    return [picture, *answers(*by_size(runs)), *missing(*(run for run in every if not run.is_there), what="point")]


def by_size(runs: Mapping[str, Mapping[int, ReportRun]]) -> list[str]:
    """Answer at which sizes a non-linear mapping beats PCA, and how near its linear counterpart comes to it."""
    compared = {k: run.compared("pca").removesuffix(" error than PCA") for k, run in runs["dense"].items()}
    known = [f"{text} with {k} values" for k, text in compared.items() if text]
    ratios = [
        own / pca
        for run in runs["linear"].values()
        if (own := run.metric("mse")) is not None and (pca := run.baseline("pca", "mse"))
    ]
    sentences = [f"The non-linear networks' error, beside PCA's: {', '.join(known)}."] if known else []
    if known and ratios:
        epochs = max(run.history.epochs_done for run in runs["dense"].values())
        if epochs < EPOCHS:
            sentences[-1] += f" That is after {epochs} epochs; part 1 trains the one with {VALUES[-1]} for {EPOCHS}."
        sentences.append(
            f"Without activation functions the error is {min(ratios):.2f} to {max(ratios):.2f} times PCA's, which no "
            "linear network can beat: what is gained comes from the activation functions."
        )
    return sentences


# ---- each part -----------------------------------------------------------------------------------------------


def _network(run: ReportRun) -> list[Block]:
    others = "part 3 has the same" if run.recipe == "conv" else ""
    layers = [] if run.recipe == "denoise" or run.is_absent else tables.layer_table(run, others)
    return [*standing(run), *layers, *answers(epochs_trained(run))]


def _loss(run: ReportRun) -> list[Block]:
    caption = "Training data dashed, validation data (here the testing data) solid."
    return pictures.losses(f"purdue-{run.recipe}-loss", {run.name: run}, title=LOSSES[run.recipe], caption=caption)


def _first_ten(run: ReportRun, name: str, row: str, caption: str) -> list[Block]:
    return pictures.samples(f"purdue-{run.recipe}-{name}", run, row, caption=caption)


def _bottlenecks(reader: Reader, run: ReportRun, view: tuple[int, int]) -> list[Block]:
    samples = run.history.samples
    values = reader.outputs(run, samples.inputs, "bottleneck") if samples is not None else None
    return pictures.bottlenecks(f"purdue-{run.recipe}-bottleneck", run, values, view)


def _measured(run: ReportRun, *baselines: str) -> list[Block]:
    caption = f"{run.name}, measured on the test split. The sheet gives no figure."
    return tables.measured(run, ("mse", "psnr", "ssim", "bce"), baselines, caption=caption)


def epochs_trained(run: ReportRun) -> str:
    """Say whether the run had the sheet's number of epochs."""
    done = run.history.epochs_done
    if not done:
        return ""
    if done >= EPOCHS:
        return f"Trained for {done} epochs, as the sheet asks."
    return (
        f"Trained for {done} epoch{'s' if done > 1 else ''}, where the sheet asks for {EPOCHS} (`aezoo train "
        f"{run.name} --overwrite` trains them): the figures below are those of this shorter training."
    )


def against_pca(run: ReportRun) -> str:
    """Answer whether the non-linear mapping captures more than principal components, as the sheet expects."""
    own, pca = run.metric("mse"), run.baseline("pca", "mse")
    if own is None or pca is None:
        return ""
    figures = f"mse {error(own)} against {error(pca)} of PCA with the same {run.size:,} values"
    if not own:
        return f"The non-linear mapping captures all of it: {figures}."
    figures += f", {run.compared('pca')}"
    if own < pca:
        return f"The non-linear mapping captures more than a linear one: {figures}."
    return (
        f"The sheet expects a non-linear mapping to capture what a linear one cannot. Here it does not: {figures}. "
        f"With {run.size:,} values a linear map loses little, and this network has {run.history.parameters:,} "
        f"parameters and {run.history.epochs_done} epochs to come near it."
    )


def _training_images(reader: Reader, run: ReportRun) -> tuple[list[Block], list[Block]]:
    """The first ten of the training set, clean and with noise by the recipe's formula."""
    if not run.is_there:
        absent = missing(run, what="training images")
        return absent, absent
    split = reader.images(run, "train")
    if isinstance(split, str):
        return [note(split)], [note(split)]
    sigma, data, first_ten = run.history.noise or SCALE, split.provenance, to_unit(split.pixels[:COUNT])
    foreign = "These are not the images that the run was trained on: their sha256 differs."
    asked = ", as the sheet asks" if sigma == SCALE else f"; the sheet asks for {SCALE:g}"
    row, caption = pictures.PictureRow("original", first_ten, _TRAINING), "The targets, pixels from 0 (black) to 1."
    noisy_row = pictures.PictureRow("noisy", noise.add(first_ten, sigma), f"with_noise({_TRAINING}, {sigma:g})")
    clean = pictures.images("purdue-denoise-train", [row], caption=caption, data=data)
    caption = f"With {sigma:g} · N(0, 1)."
    noisy = pictures.images("purdue-denoise-train-noisy", [noisy_row], caption=caption, data=data)
    drawn = answer(
        f"Each image is clipped to [0, 1] after the noise of standard deviation {sigma:g} is added{asked}. In "
        "training every epoch draws fresh noise; this is one draw."
    )
    return [*([note(foreign)] if split.sha256 != run.fact("data_sha256") else []), clean], [noisy, drawn]


def denoised(run: ReportRun) -> str:
    """Answer how much of the noise is filtered."""
    own, noisy = run.metric("mse"), run.baseline("noisy-input", "mse")
    if own is None or noisy is None:
        return ""
    text = f"The DAE does not filter noise: the mse to the clean image is {error(own)} after it and was {error(noisy)} "
    text += "before."
    if own < noisy:
        text = f"The DAE filters noise: the mse to the clean image falls from {error(noisy)} to {error(own)}, "
        text += f"{run.compared('noisy-input')}."
    linear = run.baseline("linear", "mse")
    compared = comparison.in_short(own, linear, "mse")
    if not compared:
        return text
    return f"{text} That is {compared} than the best linear filter, from noisy to clean pixels ({error(linear)})."
