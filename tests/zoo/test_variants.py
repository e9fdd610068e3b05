"""A variant's name holds all of its settings, and a wrong setting is one sentence."""

from __future__ import annotations

import pytest

from zoo import registry, variants
from zoo.errors import UsageError
from zoo.tasks import DENOISE, GENERATE, RECONSTRUCT


def test_a_variant_is_its_recipe_with_other_settings() -> None:
    varied = registry.load("purdue/conv@seed=3,learning_rate=0.01")
    assert varied.name == "purdue/conv@learning_rate=0.01,seed=3", "in a fixed order, whatever was typed"
    assert (varied.schedule.learning_rate, varied.schedule.seed, varied.assignment) == (0.01, 3, "purdue")
    assert registry.load(varied.name) == varied
    assert registry.load("purdue/conv").schedule.seed is None


def test_a_variant_with_noise_is_a_denoiser_and_one_without_is_none() -> None:
    noisy, clean = registry.load("purdue/conv@noise=0.2"), registry.load("purdue/denoise@noise=0")
    assert (noisy.task, noisy.data.noise, noisy.main_baseline) == (DENOISE, 0.2, "linear")
    assert (clean.task, clean.data.noise, clean.main_baseline) == (RECONSTRUCT, 0, "pca")
    assert registry.load("purdue/denoise@noise=0.5").task is DENOISE
    assert registry.load("hesso/vae-2-10@noise=0.1").task is GENERATE
    seeded, own = registry.load("purdue/denoise@seed=1"), registry.load("purdue/denoise")
    assert (seeded.task, seeded.data.noise) == (DENOISE, own.data.noise) and own.data.noise > 0


def test_globs_take_settings() -> None:
    names = [recipe.name for recipe in registry.match(["purdue/*@batch_size=32"])]
    assert names == ["purdue/dense@batch_size=32", "purdue/conv@batch_size=32", "purdue/denoise@batch_size=32"]


def test_every_combination_of_a_grid_comes_once() -> None:
    grid = variants.grid(["learning_rate=0.1,1e-2,0.01", "seed=0..2,7"])
    assert len(grid) == 2 * 4
    assert grid[0] == {"learning_rate": 0.1, "seed": 0}
    assert [settings["seed"] for settings in grid[:4]] == [0, 1, 2, 7]
    assert variants.grid([]) == [{}]
    names = [variants.vary(registry.load("purdue/dense"), settings).name for settings in grid]
    assert len(set(names)) == 8
    assert [variants.split(name)[1] for name in names] == grid


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("learning_rte=1", "no setting 'learning_rte'; did you mean 'learning_rate'?"),
        ("colour=1", "no setting 'colour'; there are learning_rate, batch_size, epochs, noise, seed"),
        ("seed", "'seed' is no setting; expected KEY=VALUE"),
        ("seed=", "'seed=' is no setting; expected KEY=VALUE"),
        ("seed=1.5", "seed='1.5' is not a whole number"),
        ("learning_rate=fast", "learning_rate='fast' is not a number"),
        ("learning_rate=1..2", "learning_rate='1..2' is not a number"),
        ("learning_rate=0", "learning_rate=0 is out of range; expected more than 0"),
        ("learning_rate=nan", "learning_rate=nan is out of range"),
        ("noise=-1", "noise=-1 is out of range; expected 0 or more"),
        ("batch_size=0", "batch_size=0 is out of range; expected 1 or more"),
        ("epochs=0", "epochs=0 is out of range; expected 1 or more"),
        ("seed=2147483649", "seed=2147483649 is out of range"),
        ("seed=0..1000", "seed=0..1000 is no range; expected FIRST..LAST, as in seed=0..4, of at most 1,000"),
        ("seed=4..1", "seed=4..1 is no range"),
        ("seed=0..99999999", "seed=0..99999999 is no range"),
    ],
)
def test_a_wrong_setting_is_one_sentence(word: str, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        variants.grid([word])
    assert sentence in str(error.value)


def test_a_grid_beyond_reason_and_a_setting_given_twice_are_refused() -> None:
    with pytest.raises(UsageError, match="makes 10,000 runs of each recipe"):
        variants.grid(["seed=0..99", "batch_size=1..100"])
    with pytest.raises(UsageError, match="--set seed is given twice"):
        variants.grid(["seed=1", "seed=2"])
    with pytest.raises(UsageError, match="more than one value"):
        registry.load("purdue/conv@seed=1..3")
    with pytest.raises(UsageError, match="gives seed more than one value"):
        registry.load("purdue/conv@seed=1,seed=1")
    with pytest.raises(UsageError, match="did you mean 'purdue/conv'"):
        registry.load("purdue/cnov@seed=1")


def test_a_long_seed_keeps_all_its_digits_in_the_name() -> None:
    varied = variants.vary(registry.load("purdue/conv"), {"seed": 1234567})
    assert varied.name == "purdue/conv@seed=1234567"
    assert registry.load(varied.name).schedule.seed == 1234567


def test_the_least_the_most_and_spaces_are_taken() -> None:
    assert variants.grid([" seed = 3 , 5", "noise=0", "epochs=1", "batch_size=1"])[1]["seed"] == 5
    assert variants.grid(["seed=2147483648"]) == [{"seed": 2**31}]
    assert [settings["seed"] for settings in variants.grid(["seed=7..7"])] == [7]
    assert len(variants.grid(["seed=0..999"])) == len(variants.grid(["seed=0..9", "batch_size=1..100"])) == 1_000


def test_a_variant_of_a_variant_has_the_settings_of_both_and_none_changes_nothing() -> None:
    base = registry.load("purdue/conv@seed=3")
    both = variants.vary(base, {"learning_rate": 1e-5, "epochs": 2})
    assert both.name == "purdue/conv@learning_rate=1e-05,epochs=2,seed=3"
    assert (both.schedule.epochs, both.schedule.seed, both.schedule.batch_size) == (2, 3, 128)
    assert variants.vary(base, {}) is base
    with pytest.raises(UsageError, match="purdue/conv@seed=3 gives seed already"):
        variants.vary(base, {"seed": 4})
