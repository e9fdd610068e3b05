"""Rewrites a network into faster layers that share its weights and give the same values within rounding.

Three rules, each exact in real arithmetic:

- ReLU, then max-pooling → max-pooling, then ReLU. A maximum commutes with a monotonic function, and a gradient that
  reaches a value which ReLU has cut is zero in both orders; ReLU then sees a quarter of the values.
- Nearest upsampling by 2, then a convolution that keeps the size (3×3 with padding 1, 5×5 with 2) → one transposed
  convolution with stride 2, whose 4×4 (6×6) kernel is the given one summed over the 2×2 copies of each pixel: for
  3×3 it is 16 instead of 36 products a small pixel, and the large image is never written.
- A transposed convolution of 2×2 with stride 2 → a 1×1 convolution to four times the channels, and a pixel shuffle.
  Only in bfloat16, where it is a third faster; in float32 it is slower.

`aezoo bench train` shows what they bring, beside a plain loop over the network as it stands.
"""

import copy
from collections.abc import Iterable
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

Network = TypeVar("Network", bound=nn.Module)


class UpsampledConvolution(nn.Module):
    """Nearest upsampling by 2 and the given convolution in one: (B, C, H, W) → (B, D, 2H, 2W)."""

    fold: Tensor

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.padding = convolution.kernel_size[0] // 2
        self.register_buffer("fold", fold_of(convolution.kernel_size[0]).to(convolution.weight), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        kernel = transposed_kernel(self.convolution.weight, self.fold)
        return functional.conv_transpose2d(image, kernel, self.convolution.bias, stride=2, padding=self.padding)


class PixelShuffleConvolution(nn.Module):
    """The given transposed convolution of 2×2 with stride 2, without overlap: (B, C, H, W) → (B, D, 2H, 2W)."""

    def __init__(self, convolution: nn.ConvTranspose2d) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, image: Tensor) -> Tensor:
        weight, bias = self.convolution.weight, self.convolution.bias  # (C, D, 2, 2), (D,)
        kernel = weight.permute(1, 2, 3, 0).reshape(-1, weight.shape[0], 1, 1)
        expanded = functional.conv2d(image, kernel, None if bias is None else bias.repeat_interleave(4))
        return functional.pixel_shuffle(expanded, 2)


def transposed_kernel(weight: Tensor, fold: Tensor) -> Tensor:
    """Return (C, D, k+1, k+1) for a convolution's (D, C, k, k): turned by 180°, and summed over 2×2 shifts.

    As one product with `fold_of(k)`, (k+1)² × k²: on a GPU each operator costs a launch, whatever its size.
    """
    size = weight.shape[-1] + 1
    with torch.autocast(weight.device.type, enabled=False):  # sums of float32, which the convolution then rounds
        summed = torch.bmm(fold.expand(len(weight), -1, -1), weight.flatten(2).mT)  # (D, (k+1)², C): no view is copied
    return summed.permute(2, 0, 1).reshape(-1, len(weight), size, size)


def fold_of(kernel: int) -> Tensor:
    """Return the 0s and 1s, ((k+1)², k²), that turn and sum the pixels of a k×k kernel."""
    turned = torch.eye(kernel).flip(0)
    line = functional.pad(turned, (0, 0, 0, 1)) + functional.pad(turned, (0, 0, 1, 0))  # (k+1, k)
    return torch.kron(line, line)


def rewrite(network: Network, *, pixel_shuffle: bool = False) -> Network:
    """Return a network with the same class and parameters and rewritten layers; `pixel_shuffle` applies rule 3 too."""
    rewritten = copy.copy(network)
    parts = network._modules.items()
    rewritten._modules = {name: part and _rewrite(part, pixel_shuffle) for name, part in parts}
    return rewritten


def _rewrite(module: nn.Module, pixel_shuffle: bool) -> nn.Module:
    if type(module) is nn.Sequential:
        return nn.Sequential(*_rewrite_chain([_rewrite(layer, pixel_shuffle) for layer in module]))
    if pixel_shuffle and _is_2x2_transposed(module):
        return PixelShuffleConvolution(cast(nn.ConvTranspose2d, module))
    if module._modules:
        return rewrite(module, pixel_shuffle=pixel_shuffle)
    return module


def _rewrite_chain(layers: Iterable[nn.Module]) -> list[nn.Module]:
    rewritten: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.MaxPool2d) and rewritten and type(rewritten[-1]) is nn.ReLU:
            rewritten.insert(-1, layer)
        elif rewritten and _is_upsampling_by_2(rewritten[-1]) and _is_same_convolution(layer):
            rewritten[-1] = UpsampledConvolution(cast(nn.Conv2d, layer))
        else:
            rewritten.append(layer)
    return rewritten


def _is_upsampling_by_2(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Upsample) and layer.mode == "nearest" and layer.scale_factor in (2, 2.0, (2.0, 2.0))


def _is_2x2_transposed(layer: nn.Module) -> bool:
    return type(layer) is nn.ConvTranspose2d and (
        layer.kernel_size == layer.stride == (2, 2)
        and layer.padding == layer.output_padding == (0, 0)
        and layer.dilation == (1, 1)
        and layer.groups == 1
    )


def _is_same_convolution(layer: nn.Module) -> bool:
    return type(layer) is nn.Conv2d and (
        layer.kernel_size[0] == layer.kernel_size[1]
        and layer.kernel_size[0] in (3, 5)  # 7: oneDNN's bfloat16 input gradient is wrong for 8×8 with stride 2
        and layer.padding == (layer.kernel_size[0] // 2,) * 2
        and layer.stride == (1, 1)
        and layer.dilation == (1, 1)
        and layer.groups == 1
        and layer.padding_mode == "zeros"
    )
