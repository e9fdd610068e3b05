"""The rewritten network is the same network."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.representatives import each_recipe
from train.engine.rewriting import PixelShuffleConvolution, UpsampledConvolution, fold_of, rewrite, transposed_kernel
from zoo import registry


@pytest.mark.parametrize("pixel_shuffle", [False, True])
@each_recipe
def test_a_rewritten_network_gives_the_same_values_and_gradients(name: str, pixel_shuffle: bool) -> None:
    recipe = registry.load(name)
    torch.manual_seed(0)
    network = recipe.network().double().eval()
    fused = rewrite(network, pixel_shuffle=pixel_shuffle)
    images = torch.rand(2, *recipe.input_shape, dtype=torch.float64)
    wanted, got = network(images), fused(images)
    for one, two in zip(wanted, got, strict=True):
        assert (one is None and two is None) or torch.allclose(one, two, rtol=0, atol=1e-12)
    assert _gradients(network, wanted[0]) == pytest.approx(_gradients(network, got[0]), rel=1e-9, abs=1e-12)


def _gradients(network: nn.Module, answer: Tensor) -> list[float]:
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    found = torch.autograd.grad(answer.square().sum(), learning, allow_unused=True)
    return [0.0 if gradient is None else float(gradient.norm()) for gradient in found]


def test_the_weights_are_shared_and_the_layers_counted() -> None:
    network = registry.load("purdue/conv").network()
    fused = rewrite(network)
    assert {id(parameter) for parameter in fused.parameters()} == {id(parameter) for parameter in network.parameters()}
    assert sum(isinstance(layer, UpsampledConvolution) for layer in fused.modules()) == 2
    assert kinds(fused.get_submodule("encoder"))[:3] == [nn.Conv2d, nn.MaxPool2d, nn.ReLU]
    assert kinds(network.get_submodule("encoder"))[:3] == [nn.Conv2d, nn.ReLU, nn.MaxPool2d]


def test_transposed_convolutions_without_overlap_are_shuffled_where_that_is_asked_for() -> None:
    network = registry.load("freiburg/lr-0.01").network()
    counts = [
        sum(isinstance(layer, PixelShuffleConvolution) for layer in rewrite(network, pixel_shuffle=wanted).modules())
        for wanted in (False, True)
    ]
    assert counts == [0, 2]


def kinds(chain: nn.Module) -> list[type[nn.Module]]:
    return [type(layer) for layer in chain.children()]


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_upsampling_and_convolution_are_one_transposed_convolution(kernel: int) -> None:
    torch.manual_seed(0)
    image = torch.rand(2, 3, 5, 4, dtype=torch.float64)
    weight = torch.rand(6, 3, kernel, kernel, dtype=torch.float64)
    large = functional.interpolate(image, scale_factor=2, mode="nearest")
    wanted = functional.conv2d(large, weight, padding=kernel // 2)
    folded = transposed_kernel(weight, fold_of(kernel).to(weight))
    got = functional.conv_transpose2d(image, folded, stride=2, padding=kernel // 2)
    assert torch.allclose(wanted, got, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_the_kernels_gradient_is_exact(kernel: int) -> None:
    torch.manual_seed(0)
    weight = torch.rand(4, 3, kernel, kernel, dtype=torch.float64, requires_grad=True)
    fold = fold_of(kernel).to(weight)
    assert torch.autograd.gradcheck(lambda value: transposed_kernel(value, fold), weight)


UP = nn.Upsample(scale_factor=2)
STAY: dict[str, list[nn.Module]] = {
    "no padding": [UP, nn.Conv2d(1, 1, 3)],
    "more padding": [UP, nn.Conv2d(1, 1, 3, padding=2)],
    "by 3": [nn.Upsample(scale_factor=3), nn.Conv2d(1, 1, 3, padding=1)],
    "bilinear": [nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(1, 1, 3, padding=1)],
    "7×7": [UP, nn.Conv2d(1, 1, 7, padding=3)],
    "not square": [UP, nn.Conv2d(1, 1, (3, 5), padding=1)],
    "strided": [UP, nn.Conv2d(1, 1, 3, padding=1, stride=2)],
    "dilated": [UP, nn.Conv2d(1, 1, 3, padding=1, dilation=2)],
    "grouped": [UP, nn.Conv2d(2, 2, 3, padding=1, groups=2)],
    "circular": [UP, nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")],
    "transposed, overlapping": [nn.ConvTranspose2d(1, 1, 2, stride=1)],
    "transposed, larger": [nn.ConvTranspose2d(1, 1, 3, stride=2)],
    "transposed, padded": [nn.ConvTranspose2d(1, 1, 2, stride=2, padding=1)],
    "transposed, padded at the end": [nn.ConvTranspose2d(1, 1, 2, stride=2, output_padding=1)],
    "transposed, dilated": [nn.ConvTranspose2d(1, 1, 2, stride=2, dilation=2)],
    "transposed, grouped": [nn.ConvTranspose2d(2, 2, 2, stride=2, groups=2)],
    "another activation": [nn.Conv2d(1, 1, 3), nn.ELU(), nn.MaxPool2d(2)],
}


@pytest.mark.parametrize("layers", STAY.values(), ids=STAY)
def test_what_does_not_fit_the_rules_stays(layers: list[nn.Module]) -> None:
    chain = nn.Sequential(*layers)
    assert kinds(rewrite(nn.Sequential(chain), pixel_shuffle=True).get_submodule("0")) == kinds(chain)


def test_a_transposed_convolution_without_a_bias_is_shuffled_too() -> None:
    convolution = nn.ConvTranspose2d(3, 2, 2, stride=2, bias=False)
    image = torch.rand(2, 3, 4, 5)
    assert torch.allclose(PixelShuffleConvolution(convolution)(image), convolution(image), atol=1e-6)


def test_a_kernel_is_summed_in_float32_where_layers_are_in_bfloat16() -> None:
    weight = torch.rand(6, 3, 3, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = transposed_kernel(weight, fold_of(3))
    assert torch.equal(found, transposed_kernel(weight, fold_of(3)))
