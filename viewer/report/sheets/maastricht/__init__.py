"""Maastricht ACML, assignment 2, 2020: reconstruction (part 2), and in files beside it latent spaces and colours."""

from __future__ import annotations

from viewer.report import pictures, tables
from viewer.report.document import Block
from viewer.report.notes import answers, beside, missing, standing
from viewer.report.reader import Reader, ReportRun
from viewer.report.sheets.maastricht import colours, latent_space
from viewer.state.metrics import error, percent

SHARES = (0.8, 0.1, 0.1)
LEAST_EPOCHS, SHEET_EPOCHS = 10, 20


def blocks(reader: Reader) -> dict[str, list[Block]]:
    """Return what stands in the sheet's text by its name."""
    base = reader.run("maastricht/base")
    models = {name: reader.run(f"maastricht/{name}") for name in latent_space.MODELS}
    colourisers = {name: reader.run(f"maastricht/{name}") for name in colours.COLOURISERS}
    ideas = {name: reader.numbers_of(f"plus/{name}") for name in colours.IDEAS}
    return {
        "base": standing(base),
        "division": answers(division(base)) or missing(base, what="division of the data"),
        "error": _error(base),
        **latent_space.blocks(base, models),
        **colours.blocks(colourisers, ideas),
    }


def _error(base: ReportRun) -> list[Block]:
    return [
        *tables.layer_table(base),
        *pictures.losses(
            "maastricht-base-loss",
            {base.name: base},
            title="Evolution of the error with epochs",
            caption="Training dashed, validation solid.",
        ),
        *tables.measured(
            base,
            ("mse", "psnr", "ssim"),
            ("pca", "nearest-example", "mean-image"),
            caption="The test error of the base network.",
        ),
        *answers(test_error(base)),
        *pictures.reconstructions(
            "maastricht-base-samples",
            {"reconstruction": base},
            caption=f"{base.first_ten} and what the base network makes of them; below: mse.",
            mse_of="reconstruction",
        ),
    ]


def division(base: ReportRun) -> str:
    """Answer how the data were divided and normalised, by the history's own counts and pixels."""
    counts, samples = [base.count(key) for key in ("train_images", "val_images", "test_images")], base.history.samples
    total = sum(counts)
    if not total:
        return ""
    parts = zip(("training", "validation", "test"), counts, strict=True)
    text = ", ".join(f"{count:,} for {name} ({percent(count / total)})" for name, count in parts)
    as_asked = all(abs(count / total - share) < 0.005 for count, share in zip(counts, SHARES, strict=True))
    remark = "as the sheet asks" if as_asked else "which is not what the sheet asks"
    text = f"All {total:,} images were shuffled with a fixed seed and divided: {text}, {remark}."
    if samples is not None:
        low, high = float(samples.targets.min()), float(samples.targets.max())
        text += f" Pixels are divided by 255: those of the images below go from {low:.2f} to {high:.2f}."
    return text


def test_error(base: ReportRun) -> str:
    """Answer the test error beside the sheet's and PCA's, and whether it was trained for long enough."""
    own, sheet, done = base.metric("mse"), base.published("mse"), base.history.epochs_done
    if own is None:
        return ""
    enough = "at least the 10 asked for" if done >= LEAST_EPOCHS else "fewer than the 10 asked for"
    text = f"After {done} epochs ({enough}; the sheet's solution has {SHEET_EPOCHS}) the test error is {error(own)}"
    text += f", {beside(own, sheet)} the sheet's {error(sheet)}." if sheet is not None else "."
    if compared := base.compared("pca"):
        text += f" That is {compared} with {base.size:,} values ({error(base.baseline('pca', 'mse'))})."
    return text
