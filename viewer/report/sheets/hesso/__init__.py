"""HES-SO, machine learning, practical work 12: denoising digits (tasks 1 to 3), new ones from few (generation.py)."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from viewer.report import pictures, tables
from viewer.report.document import Block, note
from viewer.report.notes import answers, beside, missing, standing, without_graph
from viewer.report.pictures import PictureRow, call_code, quoted, run_code
from viewer.report.reader import Reader, ReportRun, Runs, figures_of
from viewer.report.sheets.hesso import generation
from viewer.state import formatting, metrics, noise
from viewer.state.metrics import percent
from viewer.state.samples import to_unit
from zoo import comparison

PARAMETERS = 7_265  # "Total params: 7,265"
FACTORS = ("0.5", "0.7", "0.9")
CLASSIFIED = 1_000  # test digits that the classifier looks at before and after denoising
ALMOST = 0.9  # of the digits: "globally well decoded"


def blocks(reader: Reader) -> dict[str, list[Block]]:
    """Return what stands in the sheet's text by its name."""
    conv, classifier = reader.run("hesso/conv"), reader.run("hesso/classifier")
    noisy = {factor: reader.run(f"hesso/denoise-{factor}") for factor in FACTORS}
    generators = generation.read(reader)
    made, denoised = {"network": _network(conv)}, {}
    for factor, run in noisy.items():
        found, lack = _denoised(reader, run, classifier)
        made[f"noise-{factor}"] = [*standing(run), *lack]
        if found is not None:
            denoised[factor] = found
            made[f"noise-{factor}"] += [_before_and_after(factor, run, found), *answers(decoded(factor, found))]
    made["conclusion"] = _conclusion(noisy, denoised)
    return made | generation.blocks(generators, classifier, reader.experiment("hesso", "augmentation"))


# ---- task 1 --------------------------------------------------------------------------------------------------


def _network(run: ReportRun) -> list[Block]:
    return [
        *standing(run),
        *tables.layer_table(run),
        *answers(setup(run)),
        *pictures.losses(
            "hesso-conv-loss",
            {run.name: run},
            title="Model loss of the autoencoder without noise",
            caption="Training dashed, testing solid.",
        ),
        *pictures.reconstructions(
            "hesso-conv-samples",
            {"output": run},
            caption="The first ten test digits and what the autoencoder makes of them; below: mse.",
            mse_of="output",
        ),
        *tables.measured(
            run,
            ("bce", "mse", "psnr", "ssim"),
            ("pca", "nearest-example", "mean-image"),
            caption="The autoencoder without noise, measured on the test split. The sheet gives no figure for it.",
        ),
    ]


def setup(run: ReportRun) -> str:
    """Answer how the network compares with the sheet's, and how it was trained."""
    if not run.is_there:
        return ""
    own = run.history.parameters
    remark = "as the sheet has" if own == PARAMETERS else f"where the sheet has {PARAMETERS:,}"
    objective = metrics.OBJECTIVES.get(run.history.objective, run.history.objective).partition(",")[0]
    trained = (
        f"Trained with {objective} and batches of {run.fact('batch_size') or '?'} at a learning rate of "
        f"{run.fact('learning_rate') or '?'}, {run.history.epochs_done} epochs on {run.count('train_images'):,} images."
    )
    return " ".join(filter(None, [f"Total params: {own:,}, {remark}.", _compression(run), trained]))


def _compression(run: ReportRun) -> str:
    shape = run.graph.image_shape if run.graph else None
    if shape is None or not run.size:
        return ""
    pixels = int(np.prod(shape))
    shown = f"The bottleneck is {formatting.shape(run.history.bottleneck)} = {run.size:,} values"
    if run.size < pixels:
        return f"{shown}, fewer than the image has pixels ({pixels:,})."
    many = "as many as" if run.size == pixels else "more than"
    return f"{shown}, {many} the image has pixels ({pixels:,}): it is divided by 16 in its area but not in its values."


# ---- task 2 --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Denoised:
    """Digits before and after denoising, and what the classifier calls them; labels are None where none are known.

    clean, noisy, output    float32 (N, 1, 28, 28)
    before, after           the classifier's predictions, int64 (N,), None without a classifier
    is_of_split             whether they are the test split's, and not the run's own first ten

    Of runs that were cut to a few steps `before` is None, so that nothing can be concluded.
    """

    clean: np.ndarray
    noisy: np.ndarray
    output: np.ndarray
    labels: np.ndarray | None = None
    before: np.ndarray | None = None
    after: np.ndarray | None = None
    is_of_split: bool = False

    @property
    def one_of_each(self) -> np.ndarray:
        """The first image of every digit in their order; the first ten where labels are not known, or some missing."""
        digits, first = np.unique([] if self.labels is None else self.labels, return_index=True)
        return first if len(digits) == 10 else np.arange(min(10, len(self.clean)))


def _denoised(reader: Reader, run: ReportRun, classifier: ReportRun) -> tuple[Denoised | None, list[Block]]:
    """Return test digits before and after denoising, and notes on what is missing.

    Where the test split is not at hand they are the run's own first ten, labelled by the classifier.
    """

    def predictions(images: np.ndarray) -> np.ndarray | None:
        logits = reader.outputs(classifier, images, "logits")
        return logits.argmax(axis=1) if logits is not None and logits.ndim == 2 else None

    samples = run.history.samples
    if samples is None or run.graph_error:
        return None, without_graph(run, "denoised digits")
    split, notes = reader.images(run, "test"), list[Block]()
    if isinstance(split, str):
        clean, noisy, output, labels = samples.targets, samples.inputs, samples.reconstructions, None
        few = f"Of the test split only the first ten are at hand, which are not one of each digit. {split}"
        notes = [note(few)]
    else:
        clean, labels = to_unit(split.pixels[:CLASSIFIED]), split.labels[:CLASSIFIED].astype(int)
        noisy = np.clip(clean + np.float32(run.history.noise) * noise.tensor(clean.shape), 0, 1)
        output = reader.outputs(run, noisy, "reconstruction")
    if output is None or output.shape != clean.shape:
        return None, missing(run, what="denoised digits")
    labels = predictions(clean) if labels is None else labels
    before = None if run.is_quick or classifier.is_quick else predictions(noisy)
    return Denoised(clean, noisy, output, labels, before, predictions(output), not notes), notes


def _before_and_after(factor: str, run: ReportRun, found: Denoised) -> Block:
    shown, code = found.one_of_each, run_code(run)
    predictions = [] if found.after is None else [str(digit) for digit in found.after[shown]]
    below = "; below: what the classifier calls the denoised digit." if predictions else "."
    caption = f"The digits, with noise of factor {factor}, and denoised{below}"
    clean, noisy, output = (
        PictureRow(label, images[shown], f"{code}.{name}")
        for label, images, name in (
            ("original", found.clean, "targets"),
            ("noisy", found.noisy, "inputs"),
            ("denoised", found.output, "reconstructions"),
        )
    )
    digits, classifier = 'one_of_each(*mnist["test"])', 'runs["hesso/classifier"]'
    return pictures.images(
        f"hesso-denoise-{factor}",
        [clean, noisy, output],
        caption=caption,
        data=run.history.provenance,
        below=predictions,
        below_label="called" if predictions else "mse",
        errors_of=None if predictions else (clean, output),
        cell=call_code("show_denoised", code, digits, factor, quoted(caption), classifier) if found.is_of_split else "",
    )


def decoded(factor: str, found: Denoised) -> str:
    """Answer how well digits are decoded after denoising, and which are taken for which."""
    labels, before, after = found.labels, found.before, found.after
    if labels is None or before is None or after is None:
        return ""
    right, was = float((after == labels).mean()), float((before == labels).mean())
    pairs = zip(labels.tolist(), after.tolist(), strict=True)
    wrong = Counter((label, prediction) for label, prediction in pairs if label != prediction)
    some = "Digits are globally well" if right >= ALMOST else "Not all digits are well"
    text = (
        f"{some if wrong else 'All the digits are'} decoded at {factor}: of {len(labels):,} test digits "
        f"{percent(right)} are correctly classified after denoising, and {percent(was)} before."
    )
    if wrong:
        most = ", ".join(f"{label} for {prediction} ({count})" for (label, prediction), count in wrong.most_common(3))
        text += f" Most often it takes {most}."
    return text + (" So denoising does not help this classifier." if right < was else "")


# ---- task 3 --------------------------------------------------------------------------------------------------


def _conclusion(runs: Runs, denoised: Mapping[str, Denoised]) -> list[Block]:
    return [
        *tables.compared(
            {f"noise {factor}": run for factor, run in runs.items()},
            "bce",
            ("linear", "noisy-input", "nearest-example"),
            caption="The loss rate on the test split beside the sheet's, the noisy input's own, and baselines.",
            more=("mse", "psnr"),
        ),
        *answers(cost_of_noise(runs), beside_linear(runs), decodable(denoised)),
        *pictures.losses(
            "hesso-denoise-loss",
            {f"noise factor = {factor}": run for factor, run in runs.items()},
            title="Model loss at the three noise factors",
            caption="Training dashed, testing solid.",
        ),
    ]


def beside_linear(runs: Runs) -> str:
    """Answer how much less error the networks have than the best linear map from noisy to clean pixels."""
    texts = [
        f"{comparison.in_short(run.metric('bce'), run.baseline('linear', 'bce'), 'bce')} at {factor}"
        for factor, run in runs.items()
        if run.metric("bce") is not None and run.baseline("linear", "bce") is not None
    ]
    best = "Beside the best linear filter, the linear map from noisy to clean pixels fitted on the training split,"
    return f"{best} the loss is {', '.join(texts)}." if texts else ""


def decodable(denoised: Mapping[str, Denoised]) -> str:
    """Answer whether it becomes hard to decode the digits, by what the classifier says of them."""
    shares = {
        factor: float((found.after == found.labels).mean())
        for factor, found in denoised.items()
        if found.after is not None and found.labels is not None and found.before is not None
    }
    if len(shares) < 2:
        return ""
    first, *_, last = shares.values()
    harder = "becomes harder" if last < first else "does not become harder"
    listed = ", ".join(f"{percent(share)} at {factor}" for factor, share in shares.items())
    return f"With more noise it {harder} to decode the digits correctly: {listed} are correctly classified."


def cost_of_noise(runs: Runs) -> str:
    """Answer whether more noise means more loss, and how that compares with the sheet."""
    losses = figures_of(runs, "bce")
    if len(losses) < 2:
        return ""
    rising = all(one < two for one, two in itertools.pairwise(losses.values()))
    remark = "The more noise, the higher is the loss rate" if rising else "The loss rate does not rise with the noise"
    sentences = [
        f"{remark}: {', '.join(f'{loss:.3f} at {factor}' for factor, loss in losses.items())}.",
        *(
            f"At {factor} our loss is {beside(loss, sheet)} the sheet's ({loss:.3f}, sheet {sheet:.2f})."
            for factor, loss in losses.items()
            if (sheet := runs[factor].published("bce")) is not None
        ),
    ]
    return " ".join(sentences)
