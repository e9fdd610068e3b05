"""Objectives are the formulas that their names promise."""

from __future__ import annotations

import math

import pytest
import torch

from zoo.blocks import ClassifierOutput, Output, kind_of_colour, kinds_of_colour, normalise
from zoo.objectives import FROM_RAW, OBJECTIVES, Batch, taught_by, total


@pytest.fixture
def output() -> Output:
    raw = torch.linspace(-3, 3, 32).reshape(2, 1, 4, 4).requires_grad_()
    return Output(reconstruction=torch.sigmoid(raw), bottleneck=torch.zeros(2, 1), raw=raw)


TARGET = torch.linspace(0, 1, 32).reshape(2, 1, 4, 4)
BATCH = Batch(image=TARGET, target=TARGET, label=torch.tensor([1, 0]))
PIXELS = ("bce", "mse", "mse-linear")
CLASSES = ("cross-entropy", "colour-classes")  # which read no values of pixels at all


def test_bce_is_the_mean_cross_entropy_a_pixel(output: Output) -> None:
    p = output.reconstruction.double()
    expected = -(TARGET * p.log() + (1 - TARGET) * (1 - p).log()).mean()
    torch.testing.assert_close(OBJECTIVES["bce"](output, BATCH)["bce"].double(), expected, rtol=1e-5, atol=1e-6)


def test_mse_is_the_mean_squared_error_a_pixel(output: Output) -> None:
    expected = (output.reconstruction - TARGET).square().mean()
    torch.testing.assert_close(OBJECTIVES["mse"](output, BATCH)["mse"], expected)


def test_mse_linear_is_the_squared_error_before_clamping(output: Output) -> None:
    expected = (output.raw - TARGET).square().mean()
    torch.testing.assert_close(OBJECTIVES["mse-linear"](output, BATCH)["mse"], expected)


@pytest.mark.parametrize("name", PIXELS)
def test_every_objective_has_a_gradient_and_is_least_at_the_target(name: str, output: Output) -> None:
    objective = OBJECTIVES[name]
    total(objective(output, BATCH)).backward()
    assert output.raw.grad is not None
    assert output.raw.grad.abs().sum() > 0
    logits = torch.logit(TARGET.clamp(1e-6, 1 - 1e-6))
    perfect = Output(TARGET, output.bottleneck, TARGET if name == "mse-linear" else logits)
    assert total(objective(perfect, BATCH)) < total(objective(output, BATCH))


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name not in CLASSES])
def test_an_objective_of_raw_values_never_reads_the_pixels(name: str, output: Output) -> None:
    output = output._replace(logvar=torch.zeros(2, 1))
    unlit = output._replace(reconstruction=torch.full_like(output.raw, torch.nan))
    loss, without = (total(OBJECTIVES[name](each, BATCH)).item() for each in (output, unlit))
    assert (loss == without) == (OBJECTIVES[name] in FROM_RAW)


def test_kinds_of_colour_are_classified_a_pixel(output: Output) -> None:
    target = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    batch, kinds = Batch(image=target, target=target, label=BATCH.label), kind_of_colour(target)
    undecided = torch.zeros(2, 1 + len(kinds_of_colour()), 4, 4)
    loss = OBJECTIVES["colour-classes"](output._replace(bottleneck=undecided), batch)["cross_entropy"]
    assert loss.item() == pytest.approx(math.log(49))
    sure = undecided.scatter(1, 1 + kinds[:, None], 100.0)
    assert OBJECTIVES["colour-classes"](output._replace(bottleneck=sure), batch)["cross_entropy"].item() < 1e-6


def test_the_loss_is_the_sum_of_its_terms() -> None:
    assert total({"a": torch.tensor(1.0), "b": torch.tensor(2.5)}) == 3.5


def test_the_elbo_is_the_cross_entropy_of_an_image_and_the_divergence_from_a_normal_distribution(
    output: Output,
) -> None:
    mean, logvar = torch.tensor([[0.5, -1.0], [2.0, 0.0]]), torch.tensor([[0.0, 0.3], [-1.0, 0.2]])
    terms = OBJECTIVES["elbo"](output._replace(bottleneck=mean, logvar=logvar), BATCH)
    normal = torch.distributions.Normal(0.0, 1.0)
    posterior = torch.distributions.Normal(mean, (logvar / 2).exp())
    expected = torch.distributions.kl_divergence(posterior, normal).sum(1).mean()
    torch.testing.assert_close(terms["kl"], expected)
    torch.testing.assert_close(terms["bce"], 16 * OBJECTIVES["bce"](output, BATCH)["bce"])


def test_several_normalised_targets_are_compared_each_on_its_own(output: Output) -> None:
    several = torch.rand(2, 5, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    found = OBJECTIVES["mse-normalised"](output, Batch(TARGET, normalise(several), BATCH.label))["mse"]
    one_by_one = [(output.raw - normalise(several[:, k])).square().mean() for k in range(5)]
    torch.testing.assert_close(found, torch.stack(one_by_one).mean())


def test_a_teacher_sees_the_picture_and_the_gradient_goes_through_it(output: Output) -> None:
    layer = torch.nn.Linear(16, 3).requires_grad_(False)

    class Teacher(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> ClassifierOutput:
            return ClassifierOutput(logits=layer(image.flatten(1)), features=image)

    terms = taught_by(Teacher())(output, BATCH)
    expected = torch.nn.functional.cross_entropy(layer(output.reconstruction.flatten(1)), BATCH.label)
    torch.testing.assert_close(terms["cross_entropy"], expected)
    total(terms).backward()
    assert output.raw.grad is not None
    assert output.raw.grad.abs().sum() > 0
    assert layer.weight.grad is None
