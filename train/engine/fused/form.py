"""From a network to the kernels that train it: maps, a schedule, and how weights are packed from parameters.

Every linear layer becomes an `AxisMap` (kernels.py): a convolution, its transpose, a fully connected layer (a kernel as
large as the image), and two layers in one: nearest upsampling, or a transposed convolution without overlap, and a
convolution. A packed weight is a sum of products of two parameters; the second is 1 unless two layers became one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from torch import nn

from train.engine.fused import Unsupported
from train.engine.fused.emitter import LANES
from train.engine.fused.kernels import (
    Array,
    AxisMap,
    Convolve,
    ConvolveAndPool,
    Correlate,
    Head,
    Kernel,
    Map,
    Prelu,
    PreluGradient,
    SumPixels,
    Unpool,
    divisors,
    fits,
)  # fmt: skip
from zoo.blocks import Autoencoder, UnitClamp

MAX_WEIGHTS = 1 << 16  # of a fully connected layer: they are read again for every 16 images
MAX_SPOTS = 8  # rows of a kernel: each of its places is code of its own
MAX_TERMS = 1 << 20  # of two layers in one: products of weights that are made anew at every step
Spots = list[list[tuple[int, int]]]  # of an axis: what each spot sums, as (index in the kernel, in the one before)


@dataclass
class Sums:
    """Sums of products: out[j] = Σ x[left[t]] · y[right[t]] for t from start[j] to start[j + 1]."""

    start: Array  # int64 (outputs + 1,)
    left: Array  # int32
    right: Array  # int32

    @classmethod
    def of(cls, number: Array, left: Array, right: Array, outputs: int) -> Sums:
        """Sort terms by the number of their sum; those of a number beyond the outputs are left out."""
        order = np.argsort(number, kind="stable")[: np.count_nonzero(number < outputs)]
        start = np.concatenate([[0], np.cumsum(np.bincount(number[order], minlength=outputs))])
        return cls(start.astype(np.int64), left[order].astype(np.int32), right[order].astype(np.int32))

    def taken(self, numbers: Array) -> Sums:
        """Return the sums of these numbers."""
        lengths = np.diff(self.start)[numbers]
        ends = np.cumsum(lengths)
        terms = np.arange(ends[-1]) + np.repeat(self.start[numbers] - ends + lengths, lengths)
        return Sums(np.concatenate([[0], ends]), self.left[terms], self.right[terms])


@dataclass
class Form:
    """A network's training step for 16 images.

    one        index of the parameter that is 1, after all others
    entries    of a micro-batch's gradients
    packed     the weights that kernels read, of (parameters, parameters)
    gradients  the parameters' gradients, of (entries, parameters)
    flops      multiplications and additions of the linear kernels, an image
    """

    parameters: list[nn.Parameter]
    one: int
    maps: list[Map]
    image: Map
    wanted: Map
    share: Map
    loss: Map
    schedule: list[Kernel]
    entries: int
    packed: Sums
    gradients: Sums
    flops: int

    @property
    def pixels(self) -> int:
        """Values of an image that is wanted."""
        return self.wanted.channels * self.wanted.size**2

    @property
    def row(self) -> int:
        """Vectors that a micro-batch's gradients take, with its loss after them."""
        return self.entries // LANES + 1


@dataclass
class Stage:
    """A layer, or several in one. `backward` returns what finds gradients of weights and, into a map, of what went in.

    gradient  of the output; where ReLU has cut the output it is zero, for who writes it looks at `cut`
    """

    output: Map
    gradient: Map
    cut: Map | None
    backward: Callable[[Map | None, Map | None], list[Kernel]]


def convolution(kernel: int, stride: int, padding: int, upsampling: int = 1) -> tuple[AxisMap, Spots]:
    """Return the axis of nearest upsampling (by 1: none) and a convolution.

    Output Y sees the inputs (stride · Y + k − padding) // upsampling: a spot sums all k that see the same one.
    """
    common = math.gcd(upsampling, stride)
    phases, spots = [], Spots()
    for r in range(upsampling // common):
        seen: dict[int, list[tuple[int, int]]] = {}
        for k in range(kernel):
            offset, rest = divmod(stride * r + k - padding, upsampling)
            seen.setdefault(offset, []).append((k, rest))
        phases.append(tuple((offset, len(spots) + number) for number, offset in enumerate(seen)))
        spots += seen.values()
    return AxisMap(tuple(phases), stride // common), spots


class Compiler:
    """Walks through a network's layers once; maps, kernels and weights are collected on the way."""

    def __init__(self, network: nn.Module, registers: int) -> None:
        if type(network) is not Autoencoder:
            raise Unsupported(f"a network that is a {type(network).__name__}")
        self.registers, self.to_pixels = registers, network.to_pixels
        self.layers = [*_flattened(network.encoder), *_flattened(network.decoder)]
        self.parameters = list(network.parameters())
        if not self.layers or not all(parameter.requires_grad for parameter in self.parameters):
            raise Unsupported("a network without layers, or with parameters that are not trained")
        self.one = sum(parameter.numel() for parameter in self.parameters)
        starts = np.cumsum([0, *(parameter.numel() for parameter in self.parameters)])
        self.unused = {id(parameter): int(at) for parameter, at in zip(self.parameters, starts, strict=False)}
        self.maps: list[Map] = []
        self.stages: list[Stage] = []
        self.forward: list[Kernel] = []
        self.terms: list[list[Array]] = []  # entry, left, right
        self.numbers: list[Array] = []  # entries in the order in which kernels read them
        self.entries = self.packed = self.flops = 0

    def compile(self, shape: Sequence[int], wanted_channels: int, objective: str, *, noisy: bool) -> Form:
        """Return the form for images of `shape` (C, H, W); `noisy`: they are not those wanted. Raises Unsupported."""
        if shape[1] != shape[2]:
            raise Unsupported(f"images that are not square: {shape[1]}×{shape[2]}")
        image = here = self.map(shape[0], shape[1])
        factor = 1
        while self.layers:
            if len(self.layers) == 1 and (layer := self.take(nn.Upsample)):
                factor = _factor(layer)
                break
            self.stages.append(self.stage(here))
            here = self.stages[-1].output
        wanted = image if wanted_channels == shape[0] and not noisy else self.map(wanted_channels, shape[1])
        if self.stages[-1].cut or (here.channels, here.size * factor) != (wanted.channels, wanted.size):
            raise Unsupported(f"an output of {here.channels}×{here.size}×{here.size}, or one that ends in ReLU")
        share, loss = self.map(1, 1), self.map(1, 1)
        schedule = [*self.forward, Head(here, wanted, self.stages[-1].gradient, share, loss, *self.head(objective))]
        for stage, before in zip(self.stages[::-1], [*self.stages[-2::-1], None], strict=True):
            schedule += stage.backward(before.gradient if before else None, before.cut if before else None)
        vectors = 0
        for each in self.maps:
            each.at, vectors = vectors, vectors + each.vectors
        number, left, right = (np.concatenate(column) for column in zip(*self.terms, strict=True))
        gradients = Sums.of(
            np.concatenate([left, right]), np.tile(number, 2), np.concatenate([right, left]), self.one
        )  # a product's second parameter has a gradient too, but for the one that is 1
        packed = Sums.of(number, left, right, self.entries).taken(np.concatenate(self.numbers))
        return Form(
            self.parameters, self.one, self.maps, image, wanted, share, loss, schedule, self.entries, packed,
            gradients, self.flops,
        )  # fmt: skip

    # ---- pieces ------------------------------------------------------------------------------------------------

    def take(self, kind: type[nn.Module]) -> Any:
        """Take the next layer, if it is of that kind."""
        return self.layers.pop(0) if self.layers and type(self.layers[0]) is kind else None

    def map(self, channels: int, size: int) -> Map:
        if size < 1:
            raise Unsupported("images that shrink to no pixel")
        self.maps.append(Map(channels, size))
        return self.maps[-1]

    def indices(self, parameter: Any) -> Array:
        """Return where a parameter's values lie, in its shape. Raises Unsupported for one that layers share."""
        if id(parameter) not in self.unused:
            raise Unsupported("a parameter that two layers share")
        return self.unused.pop(id(parameter)) + np.arange(parameter.numel()).reshape(parameter.shape)

    def new_entries(self, *shape: int) -> Array:
        first, self.entries = self.entries, self.entries + math.prod(shape)
        return first + np.arange(math.prod(shape)).reshape(shape)

    def add_terms(self, entries: Array, left: Array, right: Array | int) -> None:
        self.terms.append([each.ravel() for each in np.broadcast_arrays(entries, left, right)])

    def pack(self, entries: Array) -> int:
        """Let kernels read these entries; return where."""
        self.numbers.append(entries.ravel())
        self.packed += entries.size
        return self.packed - entries.size

    def vector(self, parameter: Any, count: int) -> tuple[int, int]:
        """Return where kernels read a bias or a slope of each channel, and the first entry of its gradient."""
        entries = self.new_entries(count)
        self.add_terms(entries, self.indices(parameter), self.one)
        return self.pack(entries), int(entries[0])

    # ---- layers ------------------------------------------------------------------------------------------------

    def stage(self, source: Map) -> Stage:
        """Take the next layers, as many as become one, and write their forward kernels."""
        first, upsampling, pad = self.layers[0], self.take(nn.Upsample), self.take(nn.ZeroPad2d)
        if layer := self.take(nn.Conv2d):
            factor, padding = _factor(upsampling) if upsampling else 1, pad.padding if pad else (0,)
            if len(set(padding)) == 1 and padding[0] >= 0:
                return self.convolution(source, layer, factor, padding[0])
        elif upsampling or pad:
            pass  # without a convolution that follows
        elif layer := self.take(nn.ConvTranspose2d):
            return self.transposed_convolution(source, layer)
        elif (layer := self.take(nn.MaxPool2d)) and (not self.stages or self.stages[-1].cut):
            self.layers[:0] = [nn.ReLU(), layer]  # of values that are not below zero
            return self.linear(source, source.size, *convolution(1, 1, 0), None, None, None)
        elif (layer := self.take(nn.PReLU)) and self.stages and not self.stages[-1].cut:
            return self.prelu(source, layer)
        elif (flat := self.take(nn.Flatten) or source.size == 1, layer := self.take(nn.Linear)) and flat and layer:
            return self.fully_connected(source, layer)
        raise Unsupported(f"{first} where it stands")

    def convolution(
        self, source: Map, layer: nn.Conv2d, upsampling: int = 1, padding: int = 0, before: Array | None = None
    ) -> Stage:
        kernel, stride, border = _square(layer)
        axis, spots = convolution(kernel, stride, border + padding, upsampling)
        size = (source.size * upsampling + 2 * (border + padding) - kernel) // stride + 1
        return self.linear(source, size, axis, spots, self.indices(layer.weight), before, layer.bias)

    def transposed_convolution(self, source: Map, layer: nn.ConvTranspose2d) -> Stage:
        kernel, stride, padding = _square(layer)
        extra = layer.output_padding[0]
        weights = self.indices(layer.weight)  # (inputs, outputs, kernel, kernel)
        following: Any = self.layers[0] if self.layers and type(self.layers[0]) is nn.Conv2d else None
        merged = following is not None and weights.size * following.weight.numel() // len(weights[0])
        if kernel == stride and not padding and not extra and 0 < merged <= MAX_TERMS:
            self.layers.pop(0)
            # No activation stands between: one kernel, to which the bias is another channel's weight, of ones.
            if layer.bias is not None:
                source.ones = 1
                bias = np.broadcast_to(self.indices(layer.bias)[:, None, None], weights.shape[1:])
                weights = np.concatenate([weights, bias[None]])
            return self.convolution(source, following, stride, 0, weights)
        axis, spots = convolution(kernel, stride, padding)
        size = (source.size - 1) * stride - 2 * padding + kernel + extra
        return self.linear(source, size, axis.transposed, spots, weights.swapaxes(0, 1), None, layer.bias)

    def fully_connected(self, source: Map, layer: nn.Linear) -> Stage:
        """A kernel as large as the image that goes in, or that comes out."""
        relu, unflatten = self.take(nn.ReLU), self.take(nn.Unflatten)
        self.layers[:0] = [relu] if relu else []
        channels, size = unflatten.unflattened_size[:2] if unflatten else (layer.out_features, 1)
        sizes = source.channels * source.size**2, channels * size**2
        if source.size > 1 < size or sizes != (layer.in_features, layer.out_features) or math.prod(sizes) > MAX_WEIGHTS:
            raise Unsupported(f"{layer} (only of at most {MAX_WEIGHTS:,} weights, to or from a square image)")
        kernel, weights, bias = max(source.size, size), self.indices(layer.weight), layer.bias
        axis, spots = convolution(kernel, kernel, 0)
        if size == 1:
            weights = weights.reshape(channels, source.channels, kernel, kernel)
            return self.linear(source, 1, axis, spots, weights, None, bias)
        weights = weights.reshape(channels, kernel, kernel, -1).transpose(0, 3, 1, 2)
        if bias is not None:  # of each pixel: the weight of another channel, of ones
            source.ones = 1
            weights = np.concatenate([weights, self.indices(bias).reshape(channels, 1, kernel, kernel)], axis=1)
        return self.linear(source, size, axis.transposed, spots, weights, None, None)

    def linear(
        self,
        source: Map,
        size: int,
        axis: AxisMap,
        spots: Spots,
        weights: Array | None,
        before: Array | None,
        bias: Any,
    ) -> Stage:
        """Write a linear layer's kernels, with ReLU and max-pooling where they follow.

        weights  indices (outputs, inputs, kernel, kernel); None: each channel is passed on
        before   indices (inputs, between, kernel, kernel) of the layer before that became one with this
        """
        outputs, back = source.channels if weights is None else len(weights), axis.transposed
        entries = self.new_entries(outputs, source.inputs, len(spots), len(spots))
        if weights is None:
            self.add_terms(entries[range(outputs), range(outputs)], np.array(self.one), self.one)
        else:
            self.add_weights(entries, spots, weights, before)
        bias_at, bias_entry = self.vector(bias, outputs) if bias is not None else (None, None)
        relu, pool = self.take(nn.ReLU), None
        if relu and len(axis.phases) == 1:
            pool = self.take(nn.MaxPool2d)
        usual = pool and (pool.kernel_size, pool.stride, pool.padding, pool.dilation) == (2, 2, 0, 1)
        if pool and (not usual or (size == 1 and pool.ceil_mode)):
            raise Unsupported(str(pool))
        full = self.map(outputs, size)  # the gradient of what the layer gives, before pooling
        pooled = (size + bool(pool.ceil_mode)) // 2 if pool else size
        output = self.map(outputs, pooled)
        if len(spots) > MAX_SPOTS:
            raise Unsupported(f"a kernel of more than {MAX_SPOTS}×{MAX_SPOTS}")
        gradient, choice = (self.map(outputs, pooled), self.map(outputs, pooled)) if pool else (full, output)
        source.border = max(source.border, axis.border(source.size, 2 * pooled if pool else size))
        full.border = max(back.border(size, source.size), 2 * pooled - size if pool else 0)
        widths = [width for (_, width) in (counts for _, counts, _ in axis.planes(size)) if width]
        block = self.block(outputs, [4] if pool else divisors(widths[0]))
        at = self.pack(_packing(entries, axis, block))
        inner = Convolve(
            source, full if pool else output, axis, at, block, self.registers, bias_at, bool(relu and not pool)
        )
        self.forward.append(ConvolveAndPool(inner, output, choice) if pool else inner)
        products = sum(len(taps) * height * width for _, (height, width), taps in axis.planes(size))
        self.flops += (3 if self.stages else 2) * 2 * outputs * source.channels * products

        def backward(target: Map | None, cut: Map | None) -> list[Kernel]:
            kernels: list[Kernel] = [Unpool(gradient, choice, full)] if pool else []
            if bias_entry is not None:
                kernels.append(SumPixels(gradient, bias_entry))
            first, steps = int(entries.flat[0]), (source.inputs * len(spots) ** 2, len(spots) ** 2)
            if weights is not None and len(axis.phases) <= len(back.phases):
                kernels.append(Correlate(full, source, axis, first, steps, self.registers))
            elif weights is not None:
                kernels.append(Correlate(source, full, back, first, steps[::-1], self.registers))
            if target is not None:
                widths = [width for _, (_, width), _ in back.planes(source.size)]
                block = self.block(source.channels, divisors(widths[0]))
                at = self.pack(_packing(entries.swapaxes(0, 1)[: source.channels], back, block))
                kernels.append(Convolve(full, target, back, at, block, self.registers, cut=cut))
            return kernels

        return Stage(output, gradient, output if relu else None, backward)

    def add_weights(self, entries: Array, spots: Spots, weights: Array, before: Array | None) -> None:
        """Say which weights, or products with those of the layer before, each entry (o, i, spot, spot) sums."""
        for sy, sx in product(range(len(spots)), repeat=2):
            for (ky, qy), (kx, qx) in product(spots[sy], spots[sx]):
                own, entry = weights[:, :, ky, kx], entries[:, :, sy, sx]
                if before is None:
                    self.add_terms(entry, own, self.one)
                else:
                    self.add_terms(entry[:, :, None], own[:, None], before[None, :, :, qy, qx])

    def block(self, channels: int, pixels: Sequence[int]) -> int:
        """Return how many channels are summed at once, with one of these numbers of pixels: for the fewest loads."""
        sizes = [(b, p) for b in divisors(channels) for p in pixels if fits(b, p, self.registers)]
        return min(sizes, key=lambda size: 1 / size[0] + 1 / size[1])[0]

    def prelu(self, source: Map, layer: nn.PReLU) -> Stage:
        output, gradient = (self.map(source.channels, source.size) for _ in range(2))
        packed, entry = self.vector(layer.weight, source.channels)
        self.forward.append(Prelu(source, output, packed))

        def backward(target: Map | None, cut: Map | None) -> list[Kernel]:
            assert target is not None
            return [PreluGradient(gradient, source, target, packed, entry)]

        return Stage(output, gradient, None, backward)

    def head(self, objective: str) -> tuple[str, float, float]:
        """Return kind, scale and offset of the objective's head."""
        pixels = self.to_pixels
        if objective == "mse" and isinstance(pixels, UnitClamp):
            return "clamp", pixels.scale, pixels.offset
        kinds: dict[tuple[str, type[nn.Module]], str] = {("bce", nn.Sigmoid): "bce", ("mse", nn.Sigmoid): "sigmoid"}
        kind = "linear" if objective == "mse-linear" else kinds.get((objective, type(pixels)))
        if kind is None:
            raise Unsupported(f"the objective {objective} of {pixels}")
        return kind, 1.0, 0.0


def _flattened(module: nn.Module) -> list[nn.Module]:
    return [layer for part in module for layer in _flattened(part)] if type(module) is nn.Sequential else [module]


def _square(layer: Any) -> tuple[int, int, int]:
    """Return kernel, stride and padding of a convolution. Raises Unsupported where rows and columns differ."""
    sizes = [layer.kernel_size, layer.stride, layer.padding, layer.output_padding, layer.dilation]
    usual = layer.groups == 1 and layer.dilation == (1, 1) and layer.padding_mode == "zeros"
    if not usual or any(isinstance(size, str) or len(set(size)) > 1 for size in sizes):
        raise Unsupported(str(layer))
    return layer.kernel_size[0], layer.stride[0], layer.padding[0]


def _factor(layer: nn.Upsample) -> int:
    factor = layer.scale_factor
    if layer.mode != "nearest" or not isinstance(factor, int | float) or factor != int(factor):
        raise Unsupported(str(layer))
    return int(factor)


def _packing(entries: Array, axis: AxisMap, block: int) -> Array:
    """Order (outputs, inputs, spots, spots) as Convolve reads them."""
    outputs, inputs = entries.shape[:2]
    flat = entries.reshape(outputs // block, block, inputs, -1)
    parts = (flat[..., [spot for _, _, spot in taps]] for _, _, taps in axis.planes(1))
    return np.concatenate([part.transpose(0, 2, 3, 1).ravel() for part in parts])
