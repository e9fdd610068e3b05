"""Pieces of networks do what their docstrings say."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from zoo.blocks import Variational


class Always(nn.Module):
    """Gives every image the same value, (B, 1)."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, image: Tensor) -> Tensor:
        return torch.full((len(image), 1), self.value)


def test_a_variational_decoder_sees_noise_of_the_encoders_deviation_in_training_and_the_mean_at_rest() -> None:
    mean, logvar, same = Always(2.0), Always(math.log(0.25)), nn.Identity()
    network = Variational(encoder=same, mean=mean, logvar=logvar, decoder=same, to_pixels=same)
    images = torch.zeros(20_000, 1)
    torch.manual_seed(0)
    seen = network.train()(images).raw
    assert abs(float(seen.mean()) - 2) < 0.02
    assert abs(float(seen.std()) - 0.5) < 0.02, "the root of the variance"
    assert torch.equal(network.eval()(images).raw, torch.full_like(images, 2.0))
