"""Purdue ECE 595, project 2, 2019: three autoencoders for MNIST, and for each a list of deliverables."""

from __future__ import annotations

import numpy as np

from viewer.report import notes, pictures, tables
from viewer.report.document import Block, Heading, answer, note, part, quote
from viewer.report.reader import Reader, ReportRun
from viewer.state import metrics, noise
from viewer.state.samples import COUNT, to_unit

TITLE = "Project 2: Autoencoders"
LEAD = "Purdue ECE 595, Machine Learning II, 2019, on MNIST. aezoo's runs: purdue/dense, purdue/conv, purdue/denoise."

EPOCHS = 150  # "Train your model using 150 epochs."
SCALE = 0.25  # of the unit variance Gaussian in part 3

_LOSS = (
    "Show a plot of the model loss versus the epochs for both the training and validation data (the validation data "
    "here can be the testing data)"
)
_METRICS = ("mse", "psnr", "ssim", "bce")


def blocks(reader: Reader) -> list[Block]:
    """Return what the sheet asks for, in its order."""
    return [
        *_autoencoder(reader, "dense", "Part 1: Fully connected autoencoder", 1, (10, 10), "10 x 10"),
        *_autoencoder(reader, "conv", "Part 2: Convolutional autoencoder", 2, (28, 14), "28×14"),
        *_denoising(reader),
    ]


def _autoencoder(reader: Reader, name: str, title: str, number: int, view: tuple[int, int], shape: str) -> list[Block]:
    run = reader.run(f"purdue/{name}")
    samples = run.history.samples
    values = reader.outputs(run, samples.inputs, "bottleneck") if samples is not None else None
    return [
        part(title),
        *notes.standing(run),
        *([answer(text)] if (text := epochs_trained(run)) else []),
        quote(f"Deliverables for Part {number}:"),
        Heading(f"1. {_LOSS}. Include a legend, appropriate axes labels, and a title."),
        *_loss(run, f"Part {number}: loss of the {run.name} model versus the epochs"),
        Heading("2. Show images of the first ten samples in the testing set"),
        *_originals(run),
        Heading(
            f'3. Show images of the "bottleneck" layer representation of the first ten images in the testing set '
            f"(reshape the images to be {shape})"
        ),
        *pictures.bottlenecks(f"purdue-{name}-bottleneck", run, values, view, title=f"Bottleneck layer of {run.name}"),
        Heading("4. Show images of the reconstructed samples of the first ten images in the testing set"),
        *pictures.samples(
            f"purdue-{name}-reconstructed",
            run,
            "reconstructions",
            title=f"Reconstructed samples of {run.name}",
            caption="The reconstructions of the first ten images in the testing set; below: the mse of each.",
        ),
        *tables.measured(run, _METRICS, ("pca", "nearest-example", "mean-image"), caption=_measured(run)),
        *([answer(text)] if (text := against_pca(run)) else []),
    ]


def _loss(run: ReportRun, title: str) -> list[Block]:
    return pictures.losses(
        f"purdue-{run.recipe}-loss",
        {run.name: run},
        title=title,
        caption="Model loss versus the epochs: training data dashed, validation data (here the testing data) solid.",
    )


def _originals(run: ReportRun) -> list[Block]:
    return pictures.samples(
        f"purdue-{run.recipe}-test",
        run,
        "targets",
        title="The first ten samples in the testing set",
        caption="The first ten samples in the testing set.",
    )


def _measured(run: ReportRun) -> str:
    return f"{run.name}, measured on the test split. The sheet gives no figure."


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
    figures = f"mse {metrics.error(own)} against {metrics.error(pca)} of PCA with the same {run.size:,} values"
    figures += f", {compared}" if (compared := run.compared("pca")) and own else ""
    if own < pca:
        return (
            f"The non-linear mapping captures more than a linear one: {figures}."
            if own
            else f"The non-linear mapping captures all of it: {figures}."
        )
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
        part("Part 3: Denoising autoencoder"),
        *notes.standing(run),
        *([answer(text)] if (text := epochs_trained(run)) else []),
        quote("Deliverables for Part 3:"),
        Heading("1. Show images of the first ten samples in the training set"),
        *first,
        Heading("2. Show images of the first ten samples in the training set after injecting Gaussian noise"),
        *second,
        Heading(f"3. {_LOSS} of the DAE. Make sure to include a legend, appropriate axes labels, and a title."),
        *_loss(run, "Part 3: loss of the DAE versus the epochs"),
        Heading("4. Show images of the first ten samples in the testing set"),
        *_originals(run),
        Heading("5. Show images of the first ten samples in the testing set after adding noise"),
        *pictures.samples(
            "purdue-denoise-noisy",
            run,
            "inputs",
            title="The first ten samples in the testing set after adding noise",
            caption="The first ten samples in the testing set after adding noise, as the network was given them.",
        ),
        Heading("6. Show images of the first ten samples in the testing set after “denoising”"),
        *pictures.samples(
            "purdue-denoise-denoised",
            run,
            "reconstructions",
            title="The first ten samples in the testing set after “denoising”",
            caption="The first ten samples in the testing set after “denoising”; below: the mse to the clean image.",
        ),
        *tables.measured(run, _METRICS, ("linear", "noisy-input", "nearest-example"), caption=_measured(run)),
        *([answer(text)] if (text := denoised(run)) else []),
    ]


def _training_images(reader: Reader, run: ReportRun) -> tuple[list[Block], list[Block]]:
    """The first ten of the training set, clean and with noise by the recipe's formula."""
    if not run.is_there:
        absent = notes.missing_note(run, what="training images")
        return absent, absent
    split = reader.images(run, "train")
    if isinstance(split, str):
        return [note(split)], [note(split)]
    clean = to_unit(split.pixels[:COUNT])
    sigma = run.history.noise or SCALE
    known = run.fact("data_sha256")
    others = (
        []
        if split.sha256 == known
        else [note("These are not the images that the run was trained on: their sha256 differs.")]
    )
    return (
        [
            *others,
            _row(
                "purdue-denoise-train", "original", clean, "The first ten samples in the training set", split.provenance
            ),
        ],
        [
            _row(
                "purdue-denoise-train-noisy",
                "noisy",
                noise.add(clean, sigma),
                f"The first ten samples in the training set after injecting Gaussian noise, {sigma:g} · N(0, 1)",
                split.provenance,
            ),
            answer(
                f"Each image is clipped to [0, 1] after the noise of standard deviation {sigma:g} is added"
                f"{', as the sheet asks' if sigma == SCALE else f'; the sheet asks for {SCALE:g}'}. In training "
                f"every epoch draws fresh noise; this is one draw."
            ),
        ],
    )


def _row(name: str, label: str, shown: np.ndarray, title: str, data: str) -> Block:
    return pictures.images(name, [(label, shown)], title=title, caption=f"{title}.", data=data)


def denoised(run: ReportRun) -> str:
    """Answer how much of the noise is filtered."""
    own, noisy, linear = run.metric("mse"), run.baseline("noisy-input", "mse"), run.baseline("linear", "mse")
    if own is None or noisy is None:
        return ""
    if own < noisy:
        text = f"The DAE filters noise: the mse to the clean image falls from {metrics.error(noisy)} to "
        text += f"{metrics.error(own)}"
        text += f", by {1 - own / noisy:.0%}."
    else:
        text = f"The DAE does not filter noise: the mse to the clean image is {metrics.error(own)} after it and was "
        text += f"{metrics.error(noisy)} before."
    if linear is not None:
        text += f" That is {run.compared('linear')} ({metrics.error(linear)})."
    return text
