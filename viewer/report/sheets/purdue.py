"""Purdue ECE 595, project 2, 2019: three autoencoders for MNIST, and for each a list of deliverables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from viewer.figures.trade_off import Point, TradeOffFigure
from viewer.report import pictures, tables
from viewer.report.document import Block, Heading, answer, note, part, quote
from viewer.report.notes import answers, missing, sources, standing
from viewer.report.reader import Reader, ReportRun
from viewer.state import noise
from viewer.state.metrics import error
from viewer.state.samples import COUNT, to_unit
from zoo import comparison

TITLE = "Project 2: Autoencoders"
LEAD = "Purdue ECE 595, Machine Learning II, 2019, on MNIST. aezoo's runs: purdue/dense, purdue/conv, purdue/denoise."
SHORT = ("purdue-sizes", "purdue-*-loss", "purdue-*-bottleneck", "purdue-*-reconstructed", "purdue-*-denoised")

VALUES = (2, 8, 32, 100)  # of plus/dense-k and plus/linear-k
NAMED = 8  # of them, where the points have names, for prints without colours
EPOCHS = 150  # "Train your model using 150 epochs."
SCALE = 0.25  # of the unit variance Gaussian in part 3

_LOSS = (
    "Show a plot of the model loss versus the epochs for both the training and validation data (the validation data "
    "here can be the testing data)"
)
_LAYERS = {  # as the sheet asks for them
    "dense": (
        "Implement a fully connected autoencoder according to the following specifications: Input layer: 784 "
        "perceptrons […] First hidden layer: 400 perceptrons, Second hidden layer: 200 perceptrons, Third hidden layer "
        "(“bottleneck” layer): 100 perceptrons, Fourth hidden layer: 200 perceptrons, Fifth hidden layer: 400 "
        "perceptrons, Output layer (reconstruction): 784 perceptrons. […] Train your model using 150 epochs."
    ),
    "conv": (
        "Implement a convolutional autoencoder according to the following specifications: Input layer that accepts a "
        "28×28 grayscale image, […] A convolutional layer with 16 feature maps and a 3×3 filter size, A 2×2 maxpooling "
        "layer, A convolutional layer with 8 feature maps and a 3×3 filter size, Fourth hidden layer (“bottleneck” "
        "layer): A 2×2 maxpooling layer, A convolutional layer with 8 feature maps […], A 2×2 upsampling layer, A "
        "convolutional layer with 16 feature maps […], A 2×2 upsampling layer, Output layer (reconstruction): A "
        "convolutional layer with a single feature map and a 3×3 filter size."
    ),
    "denoise": (
        "Begin by selecting an architecture (you may use your architecture from Part 1 or Part 2 or create a new "
        "architecture) for your denoising autoencoder. Then, compile and train the model appropriately using the noisy "
        "data as inputs and the noise-free data as the target labels."
    ),
}
_AS_THEY_ARE = "The targets, pixels from 0 (black) to 1."
_IMAGES = "the first ten images in the testing set"


def blocks(reader: Reader) -> list[Block]:
    """Return what the sheet asks for, in its order."""
    return [
        *_introduction(reader),
        *_autoencoder(reader, "dense", "Part 1: Fully connected autoencoder", 1, (10, 10), "10 x 10"),
        *_autoencoder(reader, "conv", "Part 2: Convolutional autoencoder", 2, (28, 14), "28×14"),
        *_denoising(reader),
    ]


# ---- the introduction's claim --------------------------------------------------------------------------------


def _introduction(reader: Reader) -> list[Block]:
    runs = {kind: {k: reader.numbers_of(f"plus/{kind}-{k}") for k in VALUES} for kind in ("dense", "linear")}
    every = [run for by_size in runs.values() for run in by_size.values()]
    known = tuple(
        Point(kind if k == NAMED else "", float(k), own, pca=run.baseline("pca", "mse"), family=kind)
        for kind, by_size in runs.items()
        for k, run in by_size.items()
        if (own := run.metric("mse")) is not None
    )
    head: list[Block] = [
        part("Introduction: more than principal components?"),
        quote(
            "Using an autoencoder for dimensionality reduction is much different than other methods (such as PCA) "
            "because the network is learning a non-linear mapping (due to the activation functions) of the input to "
            "a reduced dimensional space."
        ),
    ]
    absent = [run for run in every if not run.is_there]
    if not known:
        text = "The networks of each size are not trained yet: `aezoo train 'plus/dense-*' 'plus/linear-*'`."
        return [*head, note(text)]
    picture = pictures.titled(
        "purdue-sizes",
        lambda theme: TradeOffFigure(theme, known, name_all=False),
        pictures.PLOT,
        title="Error against the number of values",
        caption="784-400-200-k-200-400-784 with ReLU, 784-k-784 without any activation function, and PCA, on the test "
        f"split; {known_epochs(every)}. Both axes are logarithmic.",
        data=sources(every),
    )
    return [*head, picture, *answers(*by_size(runs)), *missing(*absent, what="point")]


def known_epochs(runs: Sequence[ReportRun]) -> str:
    """Say how long they were trained: 'trained for 10 epochs'."""
    counts = sorted({run.history.epochs_done for run in runs if run.is_there})
    return f"trained for {' to '.join(map(str, dict.fromkeys((counts[0], counts[-1]))))} epochs"


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


def _autoencoder(reader: Reader, name: str, title: str, number: int, view: tuple[int, int], shape: str) -> list[Block]:
    run = reader.run(f"purdue/{name}")
    samples = run.history.samples
    values = reader.outputs(run, samples.inputs, "bottleneck") if samples is not None else None
    return [
        *_opening(run, title),
        Heading(f"1. {_LOSS}. Include a legend, appropriate axes labels, and a title."),
        *_loss(run, f"Part {number}: loss of the {run.name} model versus the epochs"),
        Heading("2. Show images of the first ten samples in the testing set"),
        *_first_ten(run, "test", "targets", _AS_THEY_ARE),
        Heading(
            f'3. Show images of the "bottleneck" layer representation of {_IMAGES} (reshape the images to be {shape})'
        ),
        *pictures.bottlenecks(f"purdue-{name}-bottleneck", run, values, view),
        Heading(f"4. Show images of the reconstructed samples of {_IMAGES}"),
        *_first_ten(run, "reconstructed", "reconstructions", f"What {run.name} makes of them; below: the mse of each."),
        *_measured(run, "pca", "nearest-example", "mean-image"),
        *answers(against_pca(run)),
    ]


def _opening(run: ReportRun, title: str) -> list[Block]:
    layers = [] if run.recipe == "denoise" or run.is_absent else tables.layer_table(run, _same_layers(run))
    return [part(title), quote(_LAYERS[run.recipe]), *standing(run), *layers, *answers(epochs_trained(run))]


def _same_layers(run: ReportRun) -> str:
    return "part 3 has the same" if run.recipe == "conv" else ""


def _loss(run: ReportRun, title: str) -> list[Block]:
    caption = "Training data dashed, validation data (here the testing data) solid."
    return pictures.loss(f"purdue-{run.recipe}-loss", run, title=title, caption=caption)


def _first_ten(run: ReportRun, name: str, row: str, caption: str) -> list[Block]:
    return pictures.samples(f"purdue-{run.recipe}-{name}", run, row, caption=caption)


def _measured(run: ReportRun, *baselines: str) -> list[Block]:
    caption = f"{run.name}, measured on the test split. The sheet gives no figure."
    return tables.measured(run, ("mse", "psnr", "ssim", "bce"), baselines, caption=caption)


def epochs_trained(run: ReportRun) -> str:
    """Say whether the run had the sheet's number of epochs."""
    done = run.history.epochs_done
    if not run.is_there or not done:
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


# ---- part 3 --------------------------------------------------------------------------------------------------


def _denoising(reader: Reader) -> list[Block]:
    run = reader.run("purdue/denoise")
    first, second = _training_images(reader, run)
    return [
        *_opening(run, "Part 3: Denoising autoencoder"),
        Heading("1. Show images of the first ten samples in the training set"),
        *first,
        Heading("2. Show images of the first ten samples in the training set after injecting Gaussian noise"),
        *second,
        Heading(f"3. {_LOSS} of the DAE. Make sure to include a legend, appropriate axes labels, and a title."),
        *_loss(run, "Part 3: loss of the DAE versus the epochs"),
        Heading("4. Show images of the first ten samples in the testing set"),
        *_first_ten(run, "test", "targets", _AS_THEY_ARE),
        Heading("5. Show images of the first ten samples in the testing set after adding noise"),
        *_first_ten(run, "noisy", "inputs", "As the network was given them."),
        Heading("6. Show images of the first ten samples in the testing set after “denoising”"),
        *_first_ten(
            run, "denoised", "reconstructions", "What the DAE makes of them; below: the mse to the clean image."
        ),
        *_measured(run, "linear", "noisy-input", "nearest-example"),
        *answers(denoised(run)),
    ]


def _training_images(reader: Reader, run: ReportRun) -> tuple[list[Block], list[Block]]:
    """The first ten of the training set, clean and with noise by the recipe's formula."""
    if not run.is_there:
        absent = missing(run, what="training images")
        return absent, absent
    split = reader.images(run, "train")
    if isinstance(split, str):
        return [note(split)], [note(split)]
    clean, sigma = to_unit(split.pixels[:COUNT]), run.history.noise or SCALE
    foreign = "These are not the images that the run was trained on: their sha256 differs."
    asked = ", as the sheet asks" if sigma == SCALE else f"; the sheet asks for {SCALE:g}"
    return (
        [
            *([note(foreign)] if split.sha256 != run.fact("data_sha256") else []),
            _row("train", "original", clean, _AS_THEY_ARE, split.provenance),
        ],
        [
            _row("train-noisy", "noisy", noise.add(clean, sigma), f"With {sigma:g} · N(0, 1).", split.provenance),
            answer(
                f"Each image is clipped to [0, 1] after the noise of standard deviation {sigma:g} is added{asked}. In "
                "training every epoch draws fresh noise; this is one draw."
            ),
        ],
    )


def _row(name: str, label: str, images: np.ndarray, caption: str, data: str) -> Block:
    return pictures.images(f"purdue-denoise-{name}", [(label, images)], caption=caption, data=data)


def denoised(run: ReportRun) -> str:
    """Answer how much of the noise is filtered."""
    own, noisy, linear = run.metric("mse"), run.baseline("noisy-input", "mse"), run.baseline("linear", "mse")
    if own is None or noisy is None:
        return ""
    if own < noisy:
        text = f"The DAE filters noise: the mse to the clean image falls from {error(noisy)} to {error(own)}, "
        text += f"{run.compared('noisy-input')}."
    else:
        text = f"The DAE does not filter noise: the mse to the clean image is {error(own)} after it and was "
        text += f"{error(noisy)} before."
    if linear is None or (compared := comparison.in_short(own, linear, "mse")) == "":
        return text
    return f"{text} That is {compared} than the best linear filter, from noisy to clean pixels ({error(linear)})."
