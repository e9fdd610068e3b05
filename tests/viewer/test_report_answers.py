"""A report's sentences follow the numbers: other numbers, another sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from viewer.figures.comparison import ComparisonFigure
from viewer.figures.theme import LIGHT
from viewer.report import pictures, tables, write
from viewer.report.document import Block, FigureBlock, TableBlock
from viewer.report.reader import Reader, ReportRun
from viewer.report.sheets import freiburg, hesso, maastricht, purdue
from viewer.report.sheets.hesso import augmentation, generation
from viewer.report.sheets.letters import backpropagation, encoder_decoders, principal_components
from viewer.report.sheets.maastricht import colours, latent_space
from viewer.report.spread import Spread
from viewer.state import history
from viewer.state.grids import PictureGrid
from viewer.state.samples import Samples
from zoo import transposed
from zoo.data.images import Images


def run(
    name: str,
    metrics: Mapping[str, float] | None = None,
    baselines: dict[str, dict[str, float]] | None = None,
    *,
    published: Mapping[str, float] | None = None,
    error: str = "",
    **text: Any,
) -> ReportRun:
    """A run of which these figures are known."""
    empty = history.from_parts({}, {})
    known = {"state": "finished", "train_loss": np.ones(3), "val_loss": np.ones(3), "epochs_done": 3, **text}
    return ReportRun(
        name,
        replace(empty, metrics=metrics or {}, baselines=baselines or {}, published=published or {}, **known),
        error=error,
        is_absent=bool(error),
    )


def only(sentences: list[str]) -> str:
    assert len(sentences) == 1, sentences
    return sentences[0]


# ---- images ---------------------------------------------------------------------------------------------------


def shades(count: int) -> np.ndarray:
    """So many images, float32 (N, 1, 8, 8), the first black and each lighter than the one before."""
    return np.linspace(0, 1, count, dtype=np.float32)[:, None, None, None] * np.ones((1, 8, 8), dtype=np.float32)


def shown(blocks: list[Block]) -> list[int]:
    """The grey value of every image of the first picture among these blocks."""
    picture = next(block for block in blocks if isinstance(block, FigureBlock))
    figure = picture.figure(LIGHT)
    assert isinstance(figure, ComparisonFigure)
    return [int(pixels[0, 0, 0]) for pixels in figure.blocks[0].bands[0].pixels]


def test_a_runs_samples_begin_at_the_first_image_and_are_all_shown() -> None:
    every = shades(10)
    found = run("purdue/conv", samples=Samples(every, every, every))
    grey = np.round(every[:, 0, 0, 0] * 255).astype(int).tolist()
    for row in ("targets", "inputs", "reconstructions"):
        assert shown(pictures.samples("picture", found, row, caption="")) == grey, row


def test_training_images_begin_at_the_first_of_the_split() -> None:
    pixels = np.round(shades(30) * 255).astype(np.uint8)
    split = Images("mnist", "train", pixels, np.zeros(30, dtype=np.uint8), "made by hand", "none")
    reader = SimpleNamespace(images=lambda run, split_name: split)
    clean, _ = purdue._training_images(cast("Reader", reader), run("purdue/denoise"))
    assert shown(clean) == pixels[:10, 0, 0, 0].tolist()


def test_pca_is_headed_with_its_number_of_values_and_left_out_of_a_denoisers_table() -> None:
    def heading(**text: Any) -> tuple[str, ...]:
        figures = {"pca": {"mse": 0.004}, "linear": {"mse": 0.003}, "noisy-input": {"mse": 0.03}}
        found = run("purdue/conv", {"mse": 0.002}, figures, bottleneck=(8, 7, 7), **text)
        (table,) = tables.measured(found, ("mse",), ("pca", "linear", "noisy-input"), caption="")
        assert isinstance(table, TableBlock)
        return table.rows[0][2:]

    assert heading() == ("PCA, 392 values", "best linear map", "noisy input")
    assert heading(noise=0.2) == ("best linear map", "noisy input")


def test_an_exact_pca_is_compared_with_nothing() -> None:
    assert purdue.against_pca(run("purdue/conv", {"mse": 0.002}, {"pca": {"mse": 9e-7}})) == ""
    assert run("purdue/conv", {"mse": 0.002}, {"pca": {"mse": 0.001}}).compared("pca") == "2.0× more error than PCA"


# ---- purdue --------------------------------------------------------------------------------------------------


def test_the_comparison_with_pca_follows_the_numbers() -> None:
    better = purdue.against_pca(run("purdue/conv", {"mse": 0.002}, {"pca": {"mse": 0.004}}, bottleneck=(8, 7, 7)))
    worse = purdue.against_pca(run("purdue/conv", {"mse": 0.004}, {"pca": {"mse": 0.002}}, bottleneck=(8, 7, 7)))
    assert better.startswith("The non-linear mapping captures more") and "2.0× less error than PCA" in better
    assert "Here it does not: mse 0.004 against 0.002 of PCA with the same 392 values" in worse
    assert purdue.against_pca(run("purdue/conv", {"mse": 0.0}, {"pca": {"mse": 0.1}})).count("all of it") == 1
    assert purdue.against_pca(run("purdue/conv", {"mse": float("nan")}, {"pca": {"mse": 1.0}})) == ""


def test_denoising_is_told_by_the_error_before_and_after() -> None:
    base = {"noisy-input": {"mse": 0.03}, "linear": {"mse": 0.02}, "pca": {"mse": 0.001}}
    good, bad = (purdue.denoised(run("purdue/denoise", {"mse": mse}, base)) for mse in (0.006, 0.04))
    assert (
        good.startswith("The DAE filters noise")
        and "from 0.03 to 0.006, 5.0× less error than the noisy input." in good
        and "3.3× less than the best linear filter, from noisy to clean pixels (0.02)" in good
        and "PCA" not in good
    )
    assert bad.startswith("The DAE does not filter noise") and "more than the best linear filter" in bad


def test_fewer_epochs_than_the_sheets_are_told() -> None:
    assert purdue.epochs_trained(run("purdue/conv", epochs_done=150)) == "Trained for 150 epochs, as the sheet asks."
    assert "where the sheet asks for 150" in purdue.epochs_trained(run("purdue/conv", epochs_done=6))
    assert purdue.epochs_trained(run("purdue/conv", epochs_done=1)).startswith("Trained for 1 epoch,")


# ---- freiburg ------------------------------------------------------------------------------------------------


def rates(**errors: float | None) -> dict[str, ReportRun]:
    base = {"mean-image": {"mse": 0.07}, "pca": {"mse": 0.005}}
    names = {"high": "0.1", "middle": "0.01", "low": "0.001"}
    return {
        names[key]: run(f"freiburg/lr-{names[key]}", {} if error is None else {"mse": error}, base)
        for key, error in errors.items()
    }


def test_the_best_learning_rate_is_the_one_with_the_lowest_error() -> None:
    one = freiburg.which_rate(rates(high=0.05, middle=0.006, low=0.008))
    other = freiburg.which_rate(rates(high=0.004, middle=0.006, low=0.008))
    assert one[0].startswith(
        "The learning rate 0.01 gives the lowest error on the test split, mse 0.006 (one seed); 0.1 has 0.05"
    )
    assert "more error than PCA" in one[0]
    assert other[0].startswith("The learning rate 0.1 gives the lowest") and "less error than PCA" in other[0]
    assert freiburg.which_rate(rates(high=None)) == []


def test_a_rate_at_which_nothing_was_learned_is_a_result() -> None:
    text = freiburg.which_rate(rates(high=0.097, middle=0.006))
    assert text[1].startswith("At 0.1 the network does no better than one mean picture for every digit (mse 0.097")
    assert text[1].endswith("it has not begun to learn, or has collapsed.")
    collapsed = {"0.1": run("freiburg/lr-0.1", {"mse": 0.097}, {"mean-image": {"mse": 0.07}}, state="failed")}
    assert only(freiburg.which_rate(collapsed)).endswith("it has collapsed: the steps are too large.")
    diverged = {"0.1": run("freiburg/lr-0.1", {"mse": float("nan")}, state="failed")}
    assert only(freiburg.which_rate(diverged)).startswith("At 0.1 the training diverged")
    assert freiburg.best_rate(diverged) == ""


def test_the_reason_for_what_becomes_of_noise_follows_what_was_measured() -> None:
    def text(before: float, after: float, passed: float) -> str:
        gains = [freiburg.Gain(sigma, before, after, 20.0, passed) for sigma in (0.1, 0.2)]
        return freiburg.why_noise_stays("freiburg/lr-0.01", gains)

    assert "It takes some noise away at every strength" in text(12, 15, 0.3)
    assert "It takes no noise away" in text(15, 12, 0.3)
    assert "drawn as strokes" in text(12, 15, 0.3) and "Hardly any" not in text(12, 15, 0.3)
    assert "Hardly any of the noise's energy comes out again (0.1 % at most)" in text(12, 15, 0.001)
    mixed = [freiburg.Gain(0.1, 20, 15, 20, 0.2), freiburg.Gain(0.3, 10, 14, 20, 0.2, trained=18.0)]
    assert "only where there is much of it" in freiburg.why_noise_stays("x", mixed)
    assert "purdue/denoise, which was trained on noise, by +8.0 dB" in freiburg.why_noise_stays("x", mixed)


# ---- hesso ---------------------------------------------------------------------------------------------------


def test_the_setup_is_compared_with_the_sheets() -> None:
    same = hesso.setup(run("hesso/conv", parameters=7_265))
    other = hesso.setup(run("hesso/conv", parameters=7_266))
    assert same.startswith("Total params: 7,265, as the sheet has.")
    assert other.startswith("Total params: 7,266, where the sheet has 7,265.")
    assert hesso.setup(run("hesso/conv", error="not there")) == ""


def test_more_noise_is_more_loss_only_where_it_was_measured_so() -> None:
    def text(*losses: float) -> str:
        sheet: tuple[dict[str, float], ...] = ({"bce": 0.1}, {}, {"bce": 0.15})
        each = zip(hesso.FACTORS, losses, sheet, strict=True)
        return hesso.cost_of_noise(
            {factor: run(f"hesso/denoise-{factor}", {"bce": loss}, published=own) for factor, loss, own in each}
        )

    rising, falling = text(0.1, 0.12, 0.17), text(0.2, 0.12, 0.1)
    assert rising == (
        "The more noise, the higher is the loss rate: 0.100 at 0.5, 0.120 at 0.7, 0.170 at 0.9. "
        "At 0.5 our loss is within 5 % of the sheet's (0.100, sheet 0.10). "
        "At 0.9 our loss is above the sheet's (0.170, sheet 0.15)."
    )
    assert falling.startswith("The loss rate does not rise with the noise")
    assert falling.endswith("At 0.9 our loss is below the sheet's (0.100, sheet 0.15).")
    assert hesso.cost_of_noise({"0.5": run("hesso/denoise-0.5", {"bce": 0.1})}) == ""


def test_how_well_digits_are_decoded_is_what_the_classifier_says() -> None:
    pictures, labels = np.zeros((20, 1, 2, 2)), np.arange(20) % 10

    def text(after: np.ndarray, before: np.ndarray) -> str:
        return hesso.decoded("0.7", hesso.Denoised(pictures, pictures, pictures, labels, before, after))

    taken = labels.copy()
    taken[2] = 7
    assert text(labels, taken).startswith("All the digits are decoded at 0.7: of 20 test digits 100.0 % are")
    assert text(taken, labels).startswith("Digits are globally well decoded at 0.7")
    assert "Most often it takes 2 for 7 (1). So denoising does not help this classifier." in text(taken, labels)
    assert text(np.zeros(20, int), labels).startswith("Not all digits are well decoded")
    assert hesso.decoded("0.7", hesso.Denoised(pictures, pictures, pictures)) == ""


def generators(metric: str, **shares: float) -> dict[str, ReportRun]:
    return {
        count.removeprefix("n"): run(f"hesso/vae-2-{count.removeprefix('n')}", {metric: share})
        for count, share in shares.items()
    }


def test_wrong_predictions_are_counted_beside_the_number_of_samples() -> None:
    def text(**shares: float) -> str:
        return generation.recognised(2, generators("wrong-plane", **shares), "wrong-plane", "In the middle")

    assert text(n10=0, n100=0) == "In the middle every generated 2 is recognised, whatever the number of samples."
    assert "20.0 % from 10 samples, none from 100 samples" in text(n10=0.2, n100=0)
    assert text(n10=0.2, n100=0).endswith("That happens only when the input samples are not enough (10 samples).")
    assert text(n10=0.2, all=0.1).endswith("It is rarer with the most samples than with the fewest.")
    assert text(n10=0.1, all=0.2).endswith("It is not rarer with the most samples than with the fewest.")
    assert generation.recognised(2, {"10": run("hesso/vae-2-10")}, "wrong-plane", "x") == ""


def test_extreme_latent_variables_are_blamed_only_where_they_did_harm() -> None:
    def text(**shares: float) -> str:
        return generation.broken({3: generators("wrong-extreme", **shares)})

    assert text(n10=0.0, n100=0.0).startswith("However extreme the latent variables are, up to ±4")
    assert text(n10=0.3, n100=0.0).endswith(
        "This case appeared only with the autoencoders trained with only 10 samples."
    )
    assert "most often the 3 from 100 samples (40.0 %)" in text(n10=0.3, n100=0.4)
    assert text(n10=0.3, n100=0.4).endswith("That happens not only with 10 samples but also with 100 samples.")
    assert text(n10=0, n100=0.4).endswith("That does not happen with 10 samples but with 100 samples.")


def test_a_bigger_dataset_has_a_lower_loss_only_where_it_has() -> None:
    def text(*losses: float) -> str:
        sizes = zip(generation.COUNTS, losses, strict=False)
        runs = {count: run(f"hesso/vae-2-{count}", val_loss=np.array([300.0, loss])) for count, loss in sizes}
        return only(generation.loss_by_size({2: runs}))

    assert text(200, 180, 170).startswith(
        "When the dataset is bigger, the loss is lower (test digits, nats an image). 2: 200 from 10 samples"
    )
    assert text(200, 210, 170).startswith("The loss does not fall with every step")
    assert generation.loss_by_size({2: {"10": run("hesso/vae-2-10", val_loss=np.array([np.nan]))}}) == []


def test_diversity_is_worded_from_what_was_measured() -> None:
    def size(count: str, pairwise: float, nearest: float, distinct: float) -> ReportRun:
        real = {"real": {"distinct": 100.0, "nearest": 5.0}}
        return run(f"hesso/vae-2-{count}", {"pairwise": pairwise, "nearest": nearest, "distinct": distinct}, real)

    growing = generation.diversity({2: {"10": size("10", 2.0, 1.0, 5), "all": size("all", 4.0, 4.5, 20)}})
    assert growing[0].startswith("It is possible to measure diversity")
    assert growing[1].startswith(
        "2, distinct patterns: 5 from 10 samples, 20 from the whole dataset, and 100 of as many"
    )
    assert "real digits, far more." in growing[1]
    assert "With more data they are more diverse: two are 2.00 apart from 10 samples, 4.00" in growing[1]
    assert "(one seed)" in growing[1]
    assert growing[2].startswith("Some repeat what was shown") and growing[2].endswith(
        "further from it: 2 from 10 samples."
    )
    other = generation.diversity({2: {"10": size("10", 4.0, 4.5, 90), "all": size("all", 2.0, 4.5, 90)}})
    assert "less diverse" in other[1] and "None of them merely repeats" in other[2] and "far more" not in other[1]
    assert generation.diversity({2: {"10": run("hesso/vae-2-10")}}) == []


# ---- maastricht ----------------------------------------------------------------------------------------------


def test_the_division_of_the_data_is_the_histories_own() -> None:
    def text(train: int, validation: int, test: int) -> str:
        facts = {"train_images": str(train), "val_images": str(validation), "test_images": str(test)}
        return maastricht.division(run("maastricht/base", facts=facts))

    assert text(48_000, 6_000, 6_000).endswith(
        "48,000 for training (80.0 %), 6,000 for validation (10.0 %), 6,000 for test (10.0 %), as the sheet asks."
    )
    assert text(50_000, 0, 10_000).endswith("which is not what the sheet asks.")
    assert maastricht.division(run("maastricht/base")) == ""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (0.0036, "within 5 % of the sheet's 0.0036"),
        (0.002, "below the sheet's 0.0036"),
        (0.005, "above the sheet's 0.0036"),
    ],
)
def test_the_test_error_stands_beside_the_sheets(error: float, words: str) -> None:
    base = {"pca": {"mse": 0.003}}
    text = maastricht.test_error(
        run("maastricht/base", {"mse": error}, base, published={"mse": 0.0036}, epochs_done=20)
    )
    assert words in text and "at least the 10 asked for" in text
    assert ("less error than PCA" in text) == (error < 0.003)
    assert "fewer than the 10" in maastricht.test_error(run("maastricht/base", {"mse": 0.1}))


def test_the_latent_size_is_the_bottlenecks() -> None:
    assert latent_space.latent_size(run("maastricht/base", bottleneck=(16, 8, 8))).endswith(
        "= 1,024, as the sheet says."
    )
    assert latent_space.latent_size(run("maastricht/base", bottleneck=(8, 8))).endswith(
        "= 64, where the sheet says 1,024."
    )
    assert latent_space.latent_size(run("maastricht/base")) == ""


def test_the_impact_of_a_change_is_its_error_beside_the_base() -> None:
    base = run("maastricht/base", {"mse": 0.004})

    def text(error: float, values: int = 400) -> str:
        return latent_space.impact("model-7", base, run("maastricht/model-7", {"mse": error}, bottleneck=(values,)))

    assert "3.0× more than the base network (0.004)." in text(0.012)
    assert "2.0× less than the base network (0.004)." in text(0.002)
    assert "within 5 % of the base network's (0.004)." in text(0.00401)
    assert text(0.002, 4_096).endswith("Its 4,096 values are more than the image has (3,072).")
    assert latent_space.impact("model-7", base, run("maastricht/model-7")) == ""


def models(*pairs: tuple[int, float], pca: float = 0.001) -> dict[str, ReportRun]:
    return {
        f"model-{index}": run(f"maastricht/model-{index}", {"mse": error}, {"pca": {"mse": pca}}, bottleneck=(size,))
        for index, (size, error) in enumerate(pairs)
    }


def test_a_correlation_is_told_by_its_sign_and_size() -> None:
    falling = latent_space.correlation(models((16, 0.04), (256, 0.02), (1_024, 0.01), (4_096, 0.002)))
    rising = latent_space.correlation(models((16, 0.002), (256, 0.01), (1_024, 0.02), (4_096, 0.04)))
    neither = latent_space.correlation(models((16, 0.02), (256, 0.04), (1_024, 0.01), (4_096, 0.03)))
    assert "is -1.00 over 4 networks; there is one: a larger latent space goes with a smaller error" in falling[0]
    assert "is +1.00" in rising[0] and "the other way round" in rising[0]
    assert "no clear one" in neither[0]
    assert "beats every one of them" in falling[1]
    beaten = latent_space.correlation(models((16, 0.04), (256, 0.02), (1_024, 0.01), (4_096, 0.002), pca=0.005))
    assert beaten[1] == "PCA with as many values is beaten by model-3."
    assert latent_space.correlation(models((16, 0.04), (256, 0.02))) == []


def test_the_best_model_is_named_and_whether_it_compresses() -> None:
    assert latent_space.best_model(models((16, 0.04), (4_096, 0.02))).endswith("it need not compress anything.")
    assert (
        latent_space.best_model(models((16, 0.01), (4_096, 0.02)))
        == "model-0 has the least reconstruction error (0.01)."
    )


def test_colourisation_is_measured_against_no_colour_at_all() -> None:
    def text(error: float) -> str:
        base = {"grey-copied": {"mse": 0.006}}
        return colours.beside_grey(run("maastricht/colour-1", {"mse": error}, base))

    assert text(0.003).startswith(
        "colour-1 is better than no colour at all: mse 0.003, 2.0× less error than copied grey (0.006)."
    )
    assert text(0.007).startswith(
        "colour-1 is no better than no colour at all: mse 0.007, 1.17× more error than copied grey (0.006)."
    )


@pytest.mark.parametrize(("second", "word"), [(0.004, "better"), (0.008, "worse"), (0.00601, "no difference")])
def test_larger_filters_help_only_where_they_do(second: float, word: str) -> None:
    runs = {name: run(f"maastricht/{name}", {"mse": mse}) for name, mse in (("colour-1", 0.006), ("colour-2", second))}
    assert word in colours.larger_filters(runs)


def coloured(strength: float, luma: float = 0.0) -> dict[str, ReportRun]:
    """A colouriser whose colours are so strong a part of the true ones, and whose brightness is off by so much."""
    rng = np.random.default_rng(0)
    targets = rng.uniform(0.2, 0.8, (10, 3, 8, 8)).astype(np.float32)
    grey = np.tensordot(targets, np.array([0.2989, 0.587, 0.114], np.float32), axes=(1, 0))[:, None]
    made = (grey + strength * (targets - grey) + luma).astype(np.float32)
    return {"colour-1": run("maastricht/colour-1", samples=Samples(grey, targets, made))}


def test_shortcomings_of_colour_are_told_from_the_colours() -> None:
    pale = colours.shortcomings(coloured(0.4))
    assert "1.72× less off" in pale[0] and "42 % as strong as the true ones" in pale[0] and "which is pale" in pale[-1]
    strong = colours.shortcomings(coloured(1.0))
    assert "100 % as strong" in strong[0] and "So they are not pale" in strong[0] and "is pale" not in strong[-1]
    assert "1.51× more off" in colours.shortcomings(coloured(-0.5))[0]
    dark = colours.shortcomings(coloured(0.4, luma=-0.1))
    assert len(dark) == 3 and "the mean squared error of its brightness is 0.01, " in dark[1]


def test_more_epochs_are_advised_only_where_the_error_still_fell() -> None:
    falling, flat = (
        {"colour-1": run("maastricht/colour-1", val_loss=np.geomspace(1, last, 20))} for last in (0.1, 0.99)
    )
    assert "colour-1 still learned at the end" in colours.improvements(falling)
    assert "more would help little" in colours.improvements(flat)
    assert colours.improvements({"colour-1": run("maastricht/colour-1", val_loss=np.ones(2))}) == ""


def test_the_best_idea_is_the_one_with_the_least_error() -> None:
    base = {"grey-copied": {"mse": 0.006}}
    ideas = {
        name: run(f"plus/{name}", {"mse": mse}, base) for name, mse in (("colour-luma", 0.005), ("colour-unet", 0.004))
    }
    assert colours.best_idea(ideas) == (
        "By the error on the test split colour-unet is the best idea: 1.50× less error than copied grey."
    )


def test_images_that_stand_in_for_others_are_not_called_test_images() -> None:
    replaced = run("maastricht/base", facts={"samples_provenance": "sample: patches"}, provenance="CIFAR-10")
    assert replaced.samples_provenance == "sample: patches" and "test images" in replaced.first_ten
    assert replaced.first_ten.startswith("Ten patches of photographs, in place of")
    assert run("maastricht/base", provenance="CIFAR-10").first_ten == "The first ten test images"


# ---- letters -------------------------------------------------------------------------------------------------


def test_what_convinces_the_classifier_need_not_look_like_a_letter() -> None:
    def text(error: float) -> str:
        told_by = {"accuracy": 0.97, "mse": error}
        return encoder_decoders.readable("class", run("letters/class", told_by, {"mean-image": {"mse": 0.035}}))

    assert "classifies 97.0 % of the outputs correctly" in text(0.06) and "They look unlike the letters" in text(0.2)
    assert "as any single letter may be" in text(0.06)
    assert "nearer to the mean letter of their class" in text(0.01)


def test_the_noise_class_helped_only_where_the_error_fell() -> None:
    def text(noisy: float) -> str:
        return encoder_decoders.noise_class(
            {
                "class": run("letters/class", {"mse": 0.06}),
                "class-noise": run("letters/class-noise", {"mse": noisy}),
            }
        )

    assert text(0.03).startswith("It helped") and text(0.07).startswith("It did not help")


def test_the_best_strategy_is_named_for_classifier_and_eye() -> None:
    def text(accuracy: float) -> str:
        figures = {"class": (0.9, 0.06), "mean": (accuracy, 0.01)}
        return encoder_decoders.best_strategy(
            {name: run(f"letters/{name}", {"accuracy": a, "mse": m}) for name, (a, m) in figures.items()}
        )

    assert text(0.8).endswith("What convinces a classifier is not what looks like a letter.")
    assert text(0.95).endswith("So one strategy is best in both.")


def test_letters_found_are_compared_with_the_mean_of_their_class() -> None:
    def text(error: float, parameters: int = 7_168) -> list[str]:
        base = {"class-mean": {"mse": 0.08}}
        return encoder_decoders.found_letters(
            run("letters/latent", {"accuracy": 0.5, "mse": error}, base, parameters=parameters)
        )

    assert text(0.08)[0] == "7,168 values were trained: 14 tupels of 512, and nothing else."
    assert "that is not 14 × 512 = 7,168" in text(0.08, 7_169)[0]
    assert text(0.08)[1] == "The classifier recognises 50.0 % of them."
    assert "about as near to their class" in text(0.081)[2] and "further from their class" in text(0.11)[2]


def test_a_linear_autoencoder_is_compared_with_pca_by_what_was_measured() -> None:
    same = principal_components.same_space(
        [principal_components.Fit(2, 0.1, 0.1001), principal_components.Fit(8, 0.05, 0.05)]
    )
    other = principal_components.same_space([principal_components.Fit(2, 0.1, 0.12)])
    assert same.startswith("They are the same: the errors differ by at most 0.10 %")
    assert other.startswith("They are not the same here: the errors differ by up to 20.0 %")


def test_a_linear_autoencoder_finds_the_space_of_the_principal_components() -> None:
    rng = np.random.default_rng(3)
    images = (rng.standard_normal((300, 6)) * [5, 4, 3, 0.3, 0.2, 0.1]) @ rng.standard_normal((6, 36))
    pictures = images.reshape(300, 1, 6, 6).astype(np.float32)
    components = principal_components.principal_components(pictures, 3)
    trained = principal_components.linear_autoencoder(pictures, 3)
    errors = [float(np.mean((each(pictures) - pictures) ** 2)) for each in (components, trained)]
    assert errors[1] == pytest.approx(errors[0], rel=1e-3)
    span = components.up @ (trained.down @ trained.up)  # the trained map leaves the components where they are
    assert span == pytest.approx(components.up, abs=1e-2)


def test_letters_that_are_all_alike_have_a_linear_autoencoder_too() -> None:
    alike = np.full((20, 1, 4, 4), 0.5, np.float32)
    assert principal_components.linear_autoencoder(alike, 3)(alike) == pytest.approx(alike, abs=1e-5)
    components = principal_components.principal_components(alike, 3)
    assert components(alike) == pytest.approx(alike, abs=1e-5)


def test_linear_maps_bound_the_encoder_decoders_only_where_they_do() -> None:
    def text(*errors: float) -> str:
        base = {"pca": {"mse": 0.02}}
        return principal_components.beside_linear(
            {name: run(f"letters/{name}", {"mse": e}, base) for name, e in zip(("random", "mean"), errors, strict=True)}
        )

    assert text(0.01, 0.03) == "By the mse to the mean letter, random is better than every linear map; mean is not."
    assert text(0.01, 0.01) == "By the mse to the mean letter, random, mean are better than every linear map."
    assert text(0.03, 0.03).endswith("none of the encoder-decoders is better than the best linear map.")


def test_outputs_are_very_similar_only_where_they_hardly_differ() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20)
    wide = rng.standard_normal((40, 1, 4, 4)) + labels[:, None, None, None]
    assert encoder_decoders.spread(wide, labels) == pytest.approx(1.0, abs=0.1)
    assert "very similar" in encoder_decoders.within_class("mean", 1.0, 0.1)
    assert "not much more similar" in encoder_decoders.within_class("mean", 1.0, 0.8)


def test_normalisation_is_in_the_graph_only_where_contrast_changes_nothing() -> None:
    pictures = np.random.default_rng(0).uniform(0, 1, (10, 1, 28, 28)).astype(np.float32)
    assert "inside the graph" in encoder_decoders.normalised(pictures, 1e-6)
    assert "The graph does not do that" in encoder_decoders.normalised(pictures, 0.3)
    assert "graph" not in encoder_decoders.normalised(pictures, None)


def test_letters_that_are_called_by_another_name_are_marked() -> None:
    grid = PictureGrid(np.zeros((3, 1, 2, 2)), labels=np.array([0, 1, 2]), predictions=np.array([0, 2, 99]))
    assert pictures.called(grid) == ["B", "G (D)", "99 (G)"]
    assert pictures.called(PictureGrid(np.zeros((3, 1, 2, 2)))) == []


# ---- seeds, and runs that were cut short -----------------------------------------------------------------------


def seeded(name: str, *errors: float, **text: Any) -> ReportRun:
    """A run of which other seeds are known too."""
    first, *others = (run(name, {"mse": error}, **text) for error in errors)
    return replace(first, seeds=tuple(other.history for other in others))


def test_a_verdict_is_only_given_beyond_the_spread_of_the_seeds() -> None:
    def text(*middle: float) -> str:
        runs = {
            "0.01": seeded("freiburg/lr-0.01", *middle),
            "0.001": seeded("freiburg/lr-0.001", 0.006, 0.0065, 0.007),
        }
        return freiburg.which_rate(runs)[0]

    clear, alike = text(0.01, 0.0101, 0.0102), text(0.0066, 0.008, 0.007)
    assert "mse 0.0065 ± 0.0005 (3 seeds); 0.01 has 0.0101 ± 0.0001." in clear and "alike" not in clear
    assert "The rates 0.001 and 0.01 are alike within 0.001, so that neither is the better." in alike


def test_a_mean_has_as_many_places_as_its_deviation() -> None:
    assert Spread((0.0091, 0.0062, 0.0091)).written() == "0.008 ± 0.002"
    assert Spread((10.36, 10.38)).written() == "10.37 ± 0.01"
    assert Spread((0.04204, 0.042041)).written() == "0.042", "a deviation that is rounded to nothing is left out"
    assert Spread((0.1, 0.2)).percent() == "15 ± 7 %"
    assert Spread((0.0063,)).written() == "0.0063"


def test_tables_have_the_mean_of_the_seeds() -> None:
    (table,) = tables.measured(seeded("purdue/conv", 0.002, 0.004), ("mse",), (), caption="Measured.")
    assert isinstance(table, TableBlock)
    assert table.rows[1] == ("mse, of [0, 1] pixels", "0.003 ± 0.001")
    assert table.caption == "Measured. ± is the standard deviation of 2 seeds."


def test_generated_digits_are_rarer_mistaken_only_beyond_the_spread_of_the_seeds() -> None:
    def text(few: tuple[float, ...], many: tuple[float, ...]) -> str:
        runs = {}
        for count, shares in (("10", few), ("all", many)):
            first, *others = (run(f"hesso/vae-2-{count}", {"wrong-plane": share}) for share in shares)
            runs[count] = replace(first, seeds=tuple(other.history for other in others))
        return generation.recognised(2, runs, "wrong-plane", "In the middle")

    assert text((0.1, 0.2), (0.01, 0.02)).endswith("It is rarer with the most samples than with the fewest.")
    assert text((0.0, 0.2), (0.01, 0.02)).endswith("there is no difference beyond that of the seeds.")


def test_nothing_is_concluded_from_a_run_that_was_cut_to_a_few_steps() -> None:
    quick = run("purdue/conv", {"mse": 0.002}, {"pca": {"mse": 0.004}}, bottleneck=(8, 7, 7), state="quick")
    assert (quick.metric("mse"), quick.measured("mse")) == (None, 0.002)
    assert purdue.against_pca(quick) == ""
    (table,) = tables.measured(quick, ("mse",), ("pca",), caption="")
    assert isinstance(table, TableBlock) and "0.00200" in table.rows[1]


# ---- theory of the letters' sheet -------------------------------------------------------------------------------


def test_the_shapes_of_the_convolutions_are_those_that_the_text_names() -> None:
    text = " ".join(write.sheet_of("letters").paragraphs)
    one = transposed.same_output_size((64, 48), (3, 2))
    two = transposed.same_output_size(one, (2, 6))
    sizes = transposed.input_sizes((4, 4), (3, 3), (2, 2), (1, 1))
    assert f"64×48×17 to {one[0]}×{one[1]}×15" in text and f"that to {two[0]}×{two[1]}×13" in text
    assert f"4×4 comes from {', '.join(f'{height}×{width}' for height, width in sizes)}." in text


def test_the_gradient_of_a_convolution_goes_back_by_its_transpose() -> None:
    for case in backpropagation.CASES:
        found = backpropagation.check(*case)
        assert found.gradient < 1e-6 and found.transposition < 1e-12
    assert backpropagation.conclusion([found]).startswith("Both hold")
    assert backpropagation.conclusion([found._replace(gradient=0.1)]).startswith("They do not both hold")


def test_the_error_of_principal_components_is_the_sum_of_the_discarded_eigenvalues() -> None:
    pictures = np.random.default_rng(0).uniform(0, 1, (50, 1, 5, 5)).astype(np.float32)
    found = principal_components.discarded(pictures, (2, 8))
    assert (
        all(each.measured == pytest.approx(each.predicted, rel=1e-12) for each in found)
        and found[0].measured > found[1].measured
    )
    assert principal_components.as_predicted(found).startswith("The measured errors are as predicted")
    off = [principal_components.Discarded(2, 0.1, 0.11)]
    assert "are not as predicted" in principal_components.as_predicted(off)


def test_a_larger_batch_brings_a_linear_autoencoder_nearer_to_pca() -> None:
    random = np.random.default_rng(1)
    flat = (random.standard_normal((400, 4)) * [3, 2.5, 0.5, 0.4]) @ np.linalg.qr(random.standard_normal((36, 4)))[0].T
    pictures = flat.reshape(400, 1, 6, 6).astype(np.float32)
    tried = [principal_components.descend(pictures, 2, batch, steps=400, rate=0.02) for batch in (1, 32)]
    few, many = (each.late.mean() for each in tried)
    assert many < few and many < 0.01
    assert "batch 32 comes nearest to PCA and arrives at it" in principal_components.batch_size(tried)
    assert "did not always help" in principal_components.batch_size(tried[::-1])


def test_letters_are_called_readable_by_a_classifier_that_taught_nobody() -> None:
    far = encoder_decoders.NearestLetters(0.2, 1.2, 0.8, 0.8)
    near = encoder_decoders.NearestLetters(0.9, 0.5, 0.8, 0.8)
    text = encoder_decoders.can_be_read({"class": far, "random": near})
    assert text[0].startswith("class can hardly be read: the independent classifier classifies 20 % of the outputs")
    assert text[1].startswith("random can be read") and "the classifier that taught it" in text[2]
    pictures = np.random.default_rng(0).uniform(0, 1, (6, 1, 8, 8))
    known = Images("latin", "train", np.round(pictures * 255).astype(np.uint8), np.arange(6, dtype=np.uint8), "", "")
    accuracy, distance = encoder_decoders.nearest(0.5 * pictures + 0.2, np.arange(6), known)
    assert accuracy == 1 and distance < 0.01, "whatever the contrast"


# ---- augmentation ----------------------------------------------------------------------------------------------


def test_augmentation_helps_only_beyond_the_spread() -> None:
    few = {"nothing-10": [0.85, 0.86], "generated-10": [0.86, 0.85], "affine-10": [0.9, 0.91]}
    many = {"nothing-100": [0.95, 0.95], "generated-100": [0.93, 0.93], "affine-100": [0.97, 0.97]}
    found = {"accuracy": {**few, **many}, "seeds": 2}
    text = augmentation.conclusions(augmentation.accuracies(found))
    assert (
        "generated digits make no difference beyond that of the seeds" in text[0]
        and "distortions help (+5.0 points)" in text[0]
    )
    assert "generated digits harm (-2.0 points)" in text[1]
    table = augmentation.blocks(found)[0]
    assert isinstance(table, TableBlock) and table.rows[1][1] == "85.5 ± 0.7 %"
    assert augmentation.accuracies({"accuracy": {"nothing-10": "x"}}) == {}
    assert "aezoo study hesso" in getattr(augmentation.blocks({})[0], "text", "")
