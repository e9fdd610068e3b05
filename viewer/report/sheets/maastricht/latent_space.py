"""Part 3: other architectures, and whether the size of the latent space goes with the error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from viewer.figures.trade_off import Point, rank_correlation
from viewer.report import pictures, tables
from viewer.report.document import Block, TableBlock
from viewer.report.notes import ALIKE, answers, beside, missing, standing
from viewer.report.reader import ReportRun, Runs
from viewer.state import formatting
from viewer.state.metrics import error
from zoo import comparison

LATENTS = {  # the sheet's table
    f"model-{number}": size for number, size in enumerate((4_096, 4_096, 8_192, 576, 256, 16, 400), start=1)
} | {"base": 1_024}
CHANGES = {
    "layers": "model-1 model-1-as-trained model-2".split(),
    "channels": ["model-3"],
    "kernels": "model-4 model-4-as-trained model-5 model-5-as-trained".split(),
    "stride": ["model-6"],
    "padding": ["model-7"],
}
MODELS = tuple(name for names in CHANGES.values() for name in names)
CURVES = (MODELS[:4], MODELS[4:])  # no more in a plot than a palette holds colours
CALLED_BEST = "model-3"  # "the best model to choose is model 3 because it has […] the least reconstruction error"
PIXELS = 3 * 32 * 32
CORRELATED = 0.5  # Spearman's rank correlation from which on we speak of one
FEWEST = 4  # networks for a correlation


def blocks(base: ReportRun, models: Runs) -> dict[str, list[Block]]:
    """Return what stands in the sheet's text of part 3 by its name."""
    return {
        "latent-size": answers(latent_size(base)) or missing(base, what="size"),
        "models": standing(*models.values()),
        **{change: _impacts(base, {name: models[name] for name in names}) for change, names in CHANGES.items()},
        "sizes": _sizes(base, {"base": base, **models}),
    }


def _sizes(base: ReportRun, runs: Runs) -> list[Block]:
    return [
        _model_table(runs),
        *_model_curves(runs),
        *pictures.trade_off(
            "maastricht-trade-off",
            runs,
            title="Latent space size against reconstruction error",
            caption=(
                "Both axes are logarithmic. “as-trained” is the network that the sheet's error speaks for, where its "
                "size is another than the sheet's."
            ),
        ),
        *answers(*correlation(runs), best_model(runs)),
        *pictures.reconstructions(
            "maastricht-models-samples", runs, caption=f"{base.first_ten} and what every model makes of them."
        ),
    ]


def latent_size(base: ReportRun) -> str:
    """Answer the size of the base network's latent space."""
    if not base.size:
        return ""
    remark = "as the sheet says" if base.size == LATENTS["base"] else f"where the sheet says {LATENTS['base']:,}"
    shape = formatting.shape(base.history.bottleneck)
    return f"The size of the latent space representation of the above network is {shape} = {base.size:,}, {remark}."


def _impacts(base: ReportRun, runs: Runs) -> list[Block]:
    texts = (impact(name, base, run) for name, run in runs.items())
    return answers(*texts, in_short=False) or missing(*runs.values(), what="error to compare")


def impact(name: str, base: ReportRun, run: ReportRun) -> str:
    """Answer what a change did to the error, beside the base network, the sheet and PCA."""
    own, before, sheet = run.metric("mse"), base.metric("mse"), run.published("mse")
    if own is None:
        return ""
    text = f"{name}: the latent space size is {run.size:,} and the reconstruction error {error(own)}"
    text += f" (sheet {error(sheet)})" if sheet is not None else ""
    if before is not None and before > 0:
        short = f"{comparison.in_short(own, before, 'mse')} than the base network"
        word = f"{ALIKE} the base network's" if beside(own, before) == ALIKE else short
        text += f"; {word} ({error(before)})"
    many = f" Its {run.size:,} values are more than the image has ({PIXELS:,})." if run.size >= PIXELS else ""
    return f"{text}.{many}"


def _model_table(runs: Runs) -> TableBlock:
    columns = [
        ("shape", lambda run: formatting.shape(run.history.bottleneck) or formatting.MISSING),
        tables.count("latent space size", lambda run: run.size),
        tables.count("sheet", lambda run: LATENTS.get(run.recipe.removesuffix("-as-trained"), 0)),
        tables.metric("mse", "reconstruction error"),
        tables.sheet("mse"),
        tables.baseline("pca", "mse"),
        tables.count("parameters", lambda run: run.history.parameters),
        tables.EPOCHS,
    ]
    caption = (
        "Size of the latent space and reconstruction error (mse on the test split) of each model, beside the "
        "sheet's and PCA's with as many values. “as-trained” is the network that the sheet's error speaks for, "
        "where its size is another than the sheet's."
    )
    return replace(tables.of_runs(runs, "model", columns, caption=caption, text_columns=2), in_short=True)


def _model_curves(runs: Runs) -> list[Block]:
    """Validation curves of all models."""
    blocks: list[Block] = []
    for number, group in enumerate(CURVES, start=1):
        blocks += pictures.losses(
            f"maastricht-models-loss-{number}",
            {name: runs[name] for name in ("base", *group)},
            title=f"Validation error of models {group[0][6]} to {group[-1][6]}",
            caption="Beside that of the base network; the axis of errors is logarithmic.",
            log=True,
            only_validation=True,
        )
    return blocks


def correlation(runs: Runs) -> list[str]:
    """Answer whether size and error are correlated, and whether size or weights hold the networks back."""
    known = pictures.points(runs)
    if len(known) < FEWEST:
        return []
    sizes, errors = (np.array([getattr(point, key) for point in known]) for key in ("size", "error"))
    rank = rank_correlation(sizes, errors)
    remark = "there is no clear one: the size alone does not predict the error"
    if rank <= -CORRELATED:
        remark = "there is one: a larger latent space goes with a smaller error"
    elif rank >= CORRELATED:
        remark = "there is one, the other way round: a larger latent space goes with a larger error"
    return [
        f"Spearman's rank correlation between latent space size and error is {rank:+.2f} over "
        f"{len(known)} networks; {remark}.",
        _against_pca(known),
    ]


def _against_pca(known: tuple[Point, ...]) -> str:
    rated = {point.name: (point.error, point.pca) for point in known if point.pca is not None}
    beaten = ", ".join(name for name, (own, pca) in rated.items() if own < pca)
    held_back = "not the size of the latent space holds them back, but the few weights that fill it"
    if beaten:
        return f"PCA with as many values is beaten by {beaten}."
    return f"PCA with as many values beats every one of them: {held_back}." if rated else ""


def best_model(runs: Runs) -> str:
    """Answer which model is best, and whether its latent space is smaller than the image at all."""
    known = pictures.points(runs)
    if len(known) < 2:
        return ""
    best = min(known, key=lambda point: point.error)
    text = f"{best.name} has the least reconstruction error ({error(best.error)})."
    if best.size >= PIXELS:
        text += f" Its {best.size:,.0f} values are no fewer than the image's {PIXELS:,}: it need not compress anything."
    sheet = {point.name: point.published for point in known if point.published is not None}
    least = min(sheet, key=sheet.__getitem__, default="")
    if CALLED_BEST not in sheet or least == CALLED_BEST:
        return text
    return (
        f"{text} The sheet calls model 3 the best, with the least reconstruction error; in its own table "
        f"{least.replace('-', ' ')} has less ({error(sheet[least])} against {error(sheet[CALLED_BEST])})."
    )
