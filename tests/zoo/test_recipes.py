"""Every recipe of the registry is what its sheet says, and is whole."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.conftest import TrainedRuns
from tests.representatives import each_recipe
from zoo import assignments, plus, registry
from zoo.blocks import Autoencoder, Classifier, UnitClamp, parameter_count
from zoo.data import sets
from zoo.objectives import OBJECTIVES, TEACHER
from zoo.recipe import Recipe
from zoo.runs import RunFolder
from zoo.tasks import CLASSIFY, DENOISE, GENERATE, TASKS

RECIPES = list(registry.recipes().values())
FROM_SHEETS = [recipe for recipe in RECIPES if recipe.assignment != "plus"]

# (parameters, bottleneck shape) as the sheet has them, or as its layers add up to.
VAE = (101_652, (2,))
STRATEGY = (3_875_476, (512,))
SHEETS = {
    "hesso/conv": (7_265, (16, 7, 7)),
    "hesso/denoise-0.5": (7_265, (16, 7, 7)),
    "hesso/denoise-0.7": (7_265, (16, 7, 7)),
    "hesso/denoise-0.9": (7_265, (16, 7, 7)),
    **{f"hesso/vae-{digit}-{count}": VAE for digit in (2, 3, 8) for count in (10, 100, 1000, "all")},
    **{f"letters/{name}": STRATEGY for name in ("class", "class-noise", "random", "representative", "mean")},
    "letters/latent": (14 * 512, (512,)),
    "maastricht/base": (4_911, (16, 8, 8)),
    "maastricht/model-1": (4_147, (16, 16, 16)),
    "maastricht/model-1-as-trained": (4_147, (16, 8, 8)),
    "maastricht/model-2": (3_279, (16, 16, 16)),
    "maastricht/model-3": (168_771, (128, 8, 8)),
    "maastricht/model-4": (19_967, (16, 6, 6)),
    "maastricht/model-4-as-trained": (13_551, (16, 8, 8)),
    "maastricht/model-5": (39_071, (16, 4, 4)),
    "maastricht/model-5-as-trained": (26_511, (16, 8, 8)),
    "maastricht/model-6": (4_911, (16, 1, 1)),
    "maastricht/model-7": (4_911, (16, 5, 5)),
    "maastricht/colour-1": (96_131, (128, 16, 16)),
    "maastricht/colour-2": (266_627, (128, 16, 16)),
    "freiburg/lr-0.1": (1_359, (2, 7, 7)),
    "freiburg/lr-0.01": (1_359, (2, 7, 7)),
    "freiburg/lr-0.001": (1_359, (2, 7, 7)),
    "purdue/dense": (829_284, (100,)),
    "purdue/conv": (3_217, (8, 7, 7)),
    "purdue/denoise": (3_217, (8, 7, 7)),
}
OWN = {  # of plus, our own assignment
    **{f"plus/dense-{values}": (789_184 + 401 * values, (values,)) for values in (2, 8, 32, 100)},
    **{f"plus/linear-{values}": (784 + 1_569 * values, (values,)) for values in (2, 8, 32, 100)},
    "plus/colour-luma": (19_970, (3, 32, 32)),
    "plus/colour-unet": (244_346, (3, 32, 32)),
    "plus/colour-classes": (245_521, (50, 32, 32)),
}


def bottleneck_shape(network: torch.nn.Module, input_shape: tuple[int, int, int]) -> tuple[int, ...]:
    """Return the shape of one image's bottleneck, () for a classifier; `input_shape` is (C, H, W)."""
    if not isinstance(network, Autoencoder):
        return ()
    with torch.no_grad():
        return tuple(network.eval().encode(torch.zeros(1, *input_shape))["bottleneck"].shape[1:])


def test_the_registry_is_not_empty() -> None:
    assert {recipe.name for recipe in RECIPES if recipe.task is not CLASSIFY} == {*SHEETS, *OWN}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_stands_in_the_file_of_its_assignment(recipe: Recipe) -> None:
    module = recipe.network.build.__module__
    folder = plus.__name__ if recipe.assignment == "plus" else f"{assignments.__name__}.{recipe.assignment}"
    assert f"{module}.".startswith(f"{folder}.")
    assert recipe.name.count("/") == 1


@pytest.mark.parametrize("name", [*SHEETS, *OWN])
def test_a_network_has_the_parameters_and_the_bottleneck_of_its_sheet(name: str) -> None:
    recipe = registry.load(name)
    network = recipe.network()
    parameters, bottleneck = {**SHEETS, **OWN}[name]
    assert parameter_count(network) == parameters
    assert bottleneck_shape(network, recipe.input_shape) == bottleneck


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_what_a_recipe_declares_of_its_network_is_true(recipe: Recipe) -> None:
    network = recipe.network()
    assert recipe.network.parameters == parameter_count(network)
    assert recipe.network.bottleneck == bottleneck_shape(network, recipe.input_shape)


def test_every_task_has_recipes_and_its_name() -> None:
    assert {recipe.task.name for recipe in RECIPES} == TASKS.keys()
    assert all(TASKS[recipe.task.name] is recipe.task for recipe in RECIPES)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_network_gives_back_images_of_its_data_set_in_unit_range(recipe: Recipe) -> None:
    network = recipe.network()
    if isinstance(network, Classifier):
        assert network(torch.rand(3, *recipe.input_shape)).logits.shape == (3, recipe.classes + recipe.data.noise_class)
        return
    output = network(torch.rand(3, *recipe.input_shape))
    assert output.reconstruction.shape == output.raw.shape == (3, *recipe.image_shape)
    assert output.reconstruction.min() >= 0
    assert output.reconstruction.max() <= 1


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_network_starts_with_biases_of_zero_and_a_sigmoid_one_not_black(recipe: Recipe) -> None:
    torch.manual_seed(0)
    network = recipe.network()
    biases = [parameter for name, parameter in network.named_parameters() if name.endswith("bias")]
    assert biases
    assert not any(bias.any() for bias in biases)
    if isinstance(network, Autoencoder) and isinstance(network.to_pixels, nn.Sigmoid):
        output = network(torch.rand(16, *recipe.input_shape))
        assert 0.3 < output.reconstruction.mean() < 0.7


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_view_of_a_bottleneck_shows_every_value_once(recipe: Recipe) -> None:
    size = math.prod(bottleneck_shape(recipe.network(), recipe.input_shape))
    assert recipe.network.view is None or math.prod(recipe.network.view) == size


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_an_objective_and_a_data_set_have_names_that_exist(recipe: Recipe) -> None:
    assert recipe.objective in (*OBJECTIVES, TEACHER)
    assert (recipe.objective == TEACHER) == (recipe.needs.teacher is not None)
    assert set(recipe.needs) <= set(registry.names())
    assert set(recipe.data_sets) <= sets.DATA_SETS.keys()
    assert recipe.data.name in sets.DATA_SETS
    assert recipe.schedule.epochs > 0
    assert recipe.choices, "say what the sheet leaves open"


def test_freiburg_tries_the_sheets_three_learning_rates_in_batches_of_64() -> None:
    freiburg = [recipe for recipe in FROM_SHEETS if recipe.assignment == "freiburg"]
    assert [recipe.schedule.learning_rate for recipe in freiburg] == [0.1, 0.01, 0.001]
    assert {recipe.schedule.batch_size for recipe in freiburg} == {64}


def test_purdue_trains_for_the_sheets_150_epochs_with_its_noise() -> None:
    purdue = {recipe.name: recipe for recipe in FROM_SHEETS if recipe.assignment == "purdue"}
    assert {recipe.schedule.epochs for recipe in purdue.values()} == {150}
    assert {name: recipe.data.noise for name, recipe in purdue.items()} == {
        "purdue/dense": 0.0,
        "purdue/conv": 0.0,
        "purdue/denoise": 0.25,
    }


def test_maastrichts_models_have_exactly_the_bottleneck_sizes_of_the_sheets_table() -> None:
    sizes = [math.prod(SHEETS[f"maastricht/model-{number}"][1]) for number in range(1, 8)]
    assert sizes == [4096, 4096, 8192, 576, 256, 16, 400]


def test_maastrichts_networks_are_trained_on_80_percent_of_all_images_in_batches_of_32() -> None:
    maastricht = [recipe for recipe in FROM_SHEETS if recipe.assignment == "maastricht"]
    assert len(maastricht) == 13
    assert {(recipe.data.split, recipe.schedule.batch_size, recipe.objective) for recipe in maastricht} == {
        ("80/10/10", 32, "mse")
    }
    assert {recipe.schedule.epochs for recipe in maastricht if recipe.name != "maastricht/colour-2"} == {20}
    assert registry.load("maastricht/colour-2").schedule.epochs == 100


def test_model_6_gives_back_one_colour() -> None:
    output = registry.load("maastricht/model-6").network()(torch.rand(4, 3, 32, 32)).reconstruction
    assert torch.equal(output, output[:, :, :1, :1].expand_as(output))


def test_hesso_denoises_three_strengths_and_generates_three_digits_from_four_numbers_of_them() -> None:
    hesso = {recipe.name: recipe for recipe in FROM_SHEETS if recipe.assignment == "hesso"}
    assert [recipe.data.noise for recipe in hesso.values() if recipe.task is DENOISE] == [0.5, 0.7, 0.9]
    chosen = [recipe.data.selection for recipe in hesso.values() if recipe.task is GENERATE]
    found = {(selection.label, selection.count) for selection in chosen if selection}
    assert found == {(digit, count) for digit in (2, 3, 8) for count in (10, 100, 1_000, None)}
    assert len(chosen) == 12


def test_letters_are_learned_in_20000_steps_one_letter_or_the_mean_in_half_and_512_values_in_100() -> None:
    letters = {recipe.name: recipe.schedule for recipe in FROM_SHEETS if recipe.assignment == "letters"}
    assert {name.split("/")[1]: schedule.epochs * (schedule.steps or 0) for name, schedule in letters.items()} == {
        **dict.fromkeys(("classifier", "classifier-noise", "class", "class-noise", "random"), 20_000),
        **dict.fromkeys(("representative", "mean"), 10_000),
        "latent": 100,
    }


def test_the_encoder_decoder_of_the_letters_has_one_slope() -> None:
    network = registry.load("letters/random").network()
    slopes = [module for module in network.modules() if isinstance(module, nn.PReLU)]
    assert len(slopes) == 1
    assert slopes[0].num_parameters == 1


def test_the_latent_letters_decoder_is_at_rest_whatever_is_asked_for() -> None:
    network = registry.load("letters/latent").network()
    assert isinstance(network, Autoencoder)
    network.train()
    assert not any(module.training for module in network.decoder.module.modules())  # type: ignore[union-attr]
    assert {name for name, parameter in network.named_parameters() if parameter.requires_grad} == {
        "encoder.vectors.weight"
    }
    assert 0.9 < float(network.encoder.vectors.weight.detach().std()) < 1.1  # type: ignore[union-attr, operator]


def test_more_than_twelve_sheets_have_published_figures() -> None:
    assert sum(bool(recipe.published) for recipe in FROM_SHEETS) > 12


@each_recipe
def test_every_published_figure_is_of_a_metric_that_is_measured(name: str, trained_runs: TrainedRuns) -> None:
    measured = RunFolder.of(trained_runs(name), name).read_history().metrics()
    assert registry.load(name).published.keys() <= measured.keys()


# (epochs, batch, learning rate, batches an epoch, objective) as the pages of the assignments have them.
STRATEGIES = ("class", "class-noise", "random", "representative", "mean")
CHANGES = ("model-1", "model-2", "model-3", "model-4", "model-5", "model-6", "model-7", "colour-1")
TWINS = ("model-1-as-trained", "model-4-as-trained", "model-5-as-trained")
SCHEDULES: dict[str, tuple[int, int, float, int | None, str]] = {
    **{f"freiburg/lr-{rate}": (20, 64, rate, None, "mse-linear") for rate in (0.1, 0.01, 0.001)},
    **dict.fromkeys(("hesso/conv", *(f"hesso/denoise-0.{n}" for n in (5, 7, 9))), (100, 128, 1e-3, None, "bce")),
    **{name: (100, 32, 1e-3, 187, "elbo") for name in SHEETS if name.startswith("hesso/vae-")},
    "hesso/classifier": (12, 128, 1e-3, None, "cross-entropy"),
    **dict.fromkeys(("letters/classifier", "letters/classifier-noise"), (50, 100, 1e-4, 400, "cross-entropy")),
    **dict.fromkeys(("letters/class", "letters/class-noise"), (50, 100, 1e-3, 400, "teacher")),
    "letters/random": (50, 100, 1e-3, 400, "mse-normalised"),
    **dict.fromkeys(("letters/representative", "letters/mean"), (25, 100, 1e-3, 400, "mse-normalised")),
    "letters/latent": (10, 10_000, 1e-2, 10, "mse-normalised"),
    **{f"maastricht/{name}": (20, 32, 1e-3, None, "mse") for name in ("base", *CHANGES, *TWINS)},
    "maastricht/colour-2": (100, 32, 1e-3, None, "mse"),
    "purdue/dense": (150, 256, 1e-3, None, "bce"),
    **dict.fromkeys(("purdue/conv", "purdue/denoise"), (150, 128, 1e-3, None, "bce")),
}


def test_every_recipe_is_trained_as_long_as_fast_and_on_the_objective_of_its_page() -> None:
    found = {recipe.name: (recipe.schedule, recipe.objective) for recipe in FROM_SHEETS}
    assert {
        name: (each.epochs, each.batch_size, each.learning_rate, each.steps, objective)
        for name, (each, objective) in found.items()
    } == SCHEDULES
    assert {each.seed for each, _ in found.values()} == {None}, "the command's own"


def test_the_figures_of_the_sheets_are_theirs_and_say_what_a_recipe_is_compared_by() -> None:
    published = (0.0036, 0.0051, 0.00056, 0.0011, 0.0033, 0.0032, 0.044, 0.015, 0.0056)
    assert {recipe.name: dict(recipe.published) for recipe in FROM_SHEETS if recipe.published} == {
        **{f"maastricht/{name}": {"mse": mse} for name, mse in zip(("base", *CHANGES), published, strict=True)},
        **{f"maastricht/{name}": {"mse": mse} for name, mse in zip(TWINS, (0.0051, 0.0033, 0.0032), strict=True)},
        "maastricht/colour-2": {"mse": 0.0057},
        "hesso/denoise-0.5": {"bce": 0.10},
        "hesso/denoise-0.9": {"bce": 0.15},
        "letters/class": {"accuracy": 0.97},
    }
    by = {recipe.name: recipe.metric for recipe in FROM_SHEETS if recipe.metric != "mse"}
    scored = ("hesso/classifier", *(recipe.name for recipe in FROM_SHEETS if recipe.assignment == "letters"))
    denoised = (f"hesso/denoise-0.{strength}" for strength in (5, 7, 9))
    assert by == {**dict.fromkeys(scored, "accuracy"), **dict.fromkeys(denoised, "bce")}


def test_a_recipe_has_the_images_the_targets_and_the_networks_of_its_page() -> None:
    letters = {name: registry.load(f"letters/{name}") for name in STRATEGIES}
    targets = {name: (recipe.data.targets, recipe.data.target_letters) for name, recipe in letters.items()}
    assert targets == {
        **dict.fromkeys(("class", "class-noise", "mean"), ("latin", "mean")),
        "random": ("latin", "several"),
        "representative": ("latin", "one"),
    }
    assert {name: recipe.needs.teacher for name, recipe in letters.items() if recipe.needs.teacher} == {
        "class": "letters/classifier",
        "class-noise": "letters/classifier-noise",
    }
    scored = {recipe.name: recipe.needs.scoring_classifier for recipe in FROM_SHEETS if recipe.needs.scoring_classifier}
    assert {name: classifier.split("/")[0] for name, classifier in scored.items()} == {
        name: name.split("/")[0] for name in SHEETS if name.startswith(("hesso/vae-", "letters/"))
    }
    assert {*scored.values()} == {"hesso/classifier", "letters/classifier"}
    assert {recipe.name: recipe.needs.parent for recipe in FROM_SHEETS if recipe.needs.parent} == {
        "letters/latent": "letters/random"
    }
    assert list(registry.load("letters/latent").needs) == ["letters/random", "letters/classifier"], (
        "each once, in order"
    )
    assert {recipe.name for recipe in FROM_SHEETS if recipe.data.augment} == {
        "letters/classifier",
        "letters/classifier-noise",
    }
    assert [recipe.name for recipe in FROM_SHEETS if recipe.data.noise_class] == ["letters/classifier-noise"]
    sources = {"hesso": "mnist", "freiburg": "mnist", "purdue": "mnist", "maastricht": "cifar10"}
    own = {recipe.name: sources.get(recipe.assignment, "cyrillic") for recipe in FROM_SHEETS}
    latin = ("letters/classifier", "letters/classifier-noise", "letters/latent")
    assert {recipe.name: recipe.data.name for recipe in FROM_SHEETS} == {**own, **dict.fromkeys(latin, "latin")}
    views = {recipe.name: recipe.network.view for recipe in FROM_SHEETS if recipe.network.view}
    shapes = {"freiburg": (14, 7), "hesso": (28, 28), "letters": (16, 32), "purdue": (28, 14)}
    assert views == {
        name: (10, 10) if name == "purdue/dense" else (1, 2) if "/vae-" in name else shapes[name.split("/")[0]]
        for name in SHEETS
        if not name.startswith("maastricht/")
    }


DECODER = "linear 3136 norm prelu unflatten upconv 32 3×3/2 norm prelu upconv 1 3×3/2 norm prelu flatten linear 784"
LAYERS = {
    "freiburg/lr-0.1": "conv 8 3×3 relu pool 2 conv 4 3×3 relu pool 2 conv 2 3×3 relu "
    "upconv 4 2×2/2 pad 0 conv 4 3×3 relu upconv 8 2×2/2 pad 0 conv 8 3×3 relu conv 1 1×1 clamp 1 0",
    "hesso/conv": "conv 16 3×3 relu pool 2 conv 16 3×3 relu pool 2 "
    "conv 16 3×3 relu up 2 conv 16 3×3 relu up 2 conv 1 3×3 sigmoid",
    "hesso/vae-2-10": "flatten linear 64 relu linear 64 relu linear 784 unflatten sigmoid linear 2 linear 2",
    "hesso/classifier": "conv 32 3×3 relu pool 2 conv 64 3×3 relu pool 2 flatten linear 128 relu dropout 0.5 linear 10",
    "letters/random": "normalise conv 32 3×3/2 norm prelu conv 64 3×3/2 norm prelu flatten linear 512 norm prelu "
    f"dropout 0.33 {DECODER} unflatten clamp 0.35 0.2",
    "letters/latent": f"linear 512 {DECODER} unflatten clamp 0.35 0.2",
    "letters/classifier": "normalise conv 32 5×5 relu pool 2 conv 64 5×5 relu pool 2 flatten linear 1024 relu "
    "dropout 0.5 linear 14",
    "purdue/dense": "flatten linear 400 relu linear 200 relu linear 100 relu "
    "linear 200 relu linear 400 relu linear 784 unflatten sigmoid",
    "purdue/conv": "conv 16 3×3 relu pool 2 conv 8 3×3 relu pool 2 "
    "conv 8 3×3 relu up 2 conv 16 3×3 relu up 2 conv 1 3×3 sigmoid",
    "maastricht/base": "conv 8 3×3 relu pool 2 conv 12 3×3 relu pool 2 conv 16 3×3 relu "
    "up 2 conv 12 3×3 relu up 2 conv 3 3×3 sigmoid",
    "maastricht/model-1": "conv 12 3×3 relu pool 2 conv 16 3×3 relu up 2 conv 12 3×3 relu conv 3 3×3 sigmoid",
    "maastricht/model-1-as-trained": "pool 2 conv 12 3×3 relu pool 2 conv 16 3×3 relu "
    "up 2 conv 12 3×3 relu up 2 conv 3 3×3 sigmoid",
    "maastricht/model-2": "conv 8 3×3 relu conv 12 3×3 relu pool 2 conv 16 3×3 relu up 2 conv 3 3×3 sigmoid",
    "maastricht/model-3": "conv 32 3×3 relu pool 2 conv 64 3×3 relu pool 2 conv 128 3×3 relu "
    "up 2 conv 64 3×3 relu up 2 conv 3 3×3 sigmoid",
    "maastricht/model-4": "conv 8 5×5 relu pool 2 conv 12 5×5 relu pool 2 conv 16 5×5 pad 1 relu "
    "upconv 16 5×5 pad 1 relu up 2 conv 12 5×5 relu up 2 conv 3 5×5 sigmoid",
    "maastricht/model-6": "conv 8 3×3/3 relu pool 2 conv 12 3×3/3 relu pool 2 conv 16 3×3/3 relu "
    "up 2 conv 12 3×3/3 relu up 2 conv 3 3×3/3 up 32 sigmoid",
    "maastricht/model-7": "conv 8 3×3 pad 0 relu pool 2 conv 12 3×3 pad 0 relu pool 2 conv 16 3×3 pad 0 relu "
    "up 2 conv 12 3×3 relu up 3 pad 1 conv 3 3×3 sigmoid",
    "maastricht/colour-2": "conv 32 5×5 relu conv 64 5×5 relu pool 2 conv 128 5×5 relu up 2 conv 3 5×5 sigmoid",
}


def layers_of(module: nn.Module) -> list[str]:
    """Return a network's layers in words; the stride and the padding of a convolution where they are not 1 and same."""
    inside = module._modules.values()  # a layer that is used twice comes twice
    if inside:
        return [layer for each in inside if each is not None for layer in layers_of(each)]
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        kernel, stride, padding = module.kernel_size[0], module.stride[0], module.padding[0]
        name = "conv" if isinstance(module, nn.Conv2d) else "upconv"
        size = f"{kernel}×{kernel}{f'/{stride}' if stride > 1 else ''}"
        return [f"{name} {module.out_channels} {size}{f' pad {padding}' if padding != kernel // 2 else ''}"]
    words = {
        nn.Linear: lambda layer: f"linear {layer.out_features}",
        nn.MaxPool2d: lambda layer: f"pool {layer.kernel_size}",
        nn.Upsample: lambda layer: f"up {layer.scale_factor:g}" if layer.mode == "nearest" else layer.mode,
        nn.Dropout: lambda layer: f"dropout {layer.p}",
        nn.ZeroPad2d: lambda layer: f"pad {layer.padding[0]}",
        UnitClamp: lambda layer: f"clamp {layer.scale:g} {layer.offset:g}",
        nn.BatchNorm1d: lambda layer: "norm",
        nn.BatchNorm2d: lambda layer: "norm",
    }
    return [words.get(type(module), lambda layer: type(layer).__name__.lower())(module)]


@pytest.mark.parametrize("name", LAYERS)
def test_a_network_has_the_layers_of_its_page_in_their_order(name: str) -> None:
    assert " ".join(layers_of(registry.load(name).network())) == LAYERS[name]
